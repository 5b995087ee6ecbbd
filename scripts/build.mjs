// Builds the native part of the npm package, and puts the addon and the program into npm/<triple>/.
//
//   npm run build                                          for this machine, as it is published; writes native.d.ts
//   node scripts/build.mjs --target aarch64-apple-darwin   for another one; its Rust target and linker must be there
//   node scripts/build.mjs --debug                         with the `dev` profile, in the folder that `cargo test` uses
//
// The addon is also copied to the root, where lib/platform.js looks first. CARGO_TARGET_DIR holds.

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hostPlatform, platformOf } from './platforms.mjs';
import { root, run, runTogether, targetFolder } from './repository.mjs';
import { emptyTables } from './unwinding.mjs';

const { values: options } = parseArgs({ options: { debug: { type: 'boolean' }, target: { type: 'string' } } });
const platform = options.target ? platformOf(options.target) : hostPlatform();
const library = { linux: 'libstyxy_node.so', darwin: 'libstyxy_node.dylib', win32: 'styxy_node.dll' }[platform.os];

if (options.debug) debug();
else await release();

/** One build of the whole workspace, tests included: with fewer, cargo would compile shared crates again for other features. */
function debug() {
  if (options.target) throw new Error('--debug builds for this machine only');
  run('cargo', ['build', '--workspace', '--all-features', '--lib', '--bins', '--tests']);
  finish(built('debug', library), built('debug', platform.program));
}

/**
 * Two builds, because they unwind differently: a panic of the program aborts it, a panic of the addon must not abort Node. They run
 * together, in folders of their own: the last and longest step of each, one whole program, keeps one processor busy.
 */
async function release() {
  const words = ['--platform', '--profile', 'release-addon', '--target', platform.target, '--manifest-path', 'crates/node/Cargo.toml'];
  const files = ['--package-json-path', 'package.json', '--output-dir', '.', '--no-js', '--dts', 'native.d.ts'];
  const cli = path.join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
  if (!fs.existsSync(cli)) throw new Error('@napi-rs/cli is not installed: npm ci');
  // napi passes nothing on to the linker; crates/node/build.rs does.
  process.env.STYXY_LINK = linker().join(' ');
  const target = options.target ? ['--target', options.target] : [];
  const linked = linker().flatMap((argument) => ['-C', `link-arg=${argument}`]);
  await runTogether([
    [process.execPath, [cli, 'build', ...words, ...files]],
    ['cargo', ['rustc', '--profile', 'release-cli', '--package', 'styxy', '--bin', 'styxy', ...target, '--', ...linked]],
  ]);
  const program = built(...target.slice(1), 'release-cli', platform.program);
  if (platform.os === 'linux') emptyTables(program);
  finish(built(platform.target, 'release-addon', library), program);
}

/**
 * How program and addon are linked: equal functions become one, since Rust promises no function an address of its own, and functions that
 * are alike stand side by side, where a compressor finds them. That saves 30 kB and 160 kB of the program in every download. Only the
 * linker that Rust brings for this platform is known to be able to do that.
 */
function linker() {
  return platform.target === 'x86_64-unknown-linux-gnu' ? ['-Wl,--icf=all', '-Wl,--bp-compression-sort=function'] : [];
}

function finish(addon, program) {
  put(addon, path.join(root, platform.addon));
  put(addon, path.join(platform.folder, platform.addon));
  put(program, path.join(platform.folder, platform.program));
  console.log(`npm/${platform.triple}: ${platform.addon}, ${platform.program}`);
}

/** Copies a file in one step: a process that runs the old one keeps it. */
function put(from, to) {
  const unfinished = `${to}.${process.pid}`;
  fs.copyFileSync(from, unfinished);
  fs.renameSync(unfinished, to);
}

function built(...names) {
  return path.join(targetFolder(), ...names);
}
