// What the tests of the installed package share: a registry over dist/, with fake packages for the platforms that were
// not built, and package managers that touch nothing of the user's.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { platforms } from '../../scripts/platforms.mjs';
import { npm, root } from '../../scripts/repository.mjs';
import { createRequire } from 'node:module';
import { serve } from '../registry.mjs';
import { run } from '../support.mjs';

const { triple } = createRequire(import.meta.url)('../../lib/platform.js');

export const dist = path.join(root, 'dist');
/** A folder for everything that these tests make. */
export const top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-package-')));
export const isWindows = process.platform === 'win32';
/** This machine's platform. */
export const platform = platforms().find((each) => each.triple === triple());
export const version = JSON.parse(await fs.readFile(path.join(root, 'package.json'), 'utf8')).version;
export const tarballs = {
  styxy: path.join(dist, `styxy-${version}.tgz`),
  native: path.join(dist, `styxy-native-${platform?.triple}-${version}.tgz`),
};

for (const file of Object.values(tarballs)) {
  await fs.access(file).catch(() => assert.fail(`${file} is not there: npm run build, then npm run test:package`));
}
export const registry = await serve(await fill());
after(async () => {
  registry.close();
  await fs.rm(top, { recursive: true, force: true });
});

/** An environment in which package managers know this registry, and no cache, configuration or prefix but ours. */
export function environment(more = {}) {
  const ours = /^(npm_|pnpm_|yarn_|styxy|node_options|node_path|init_cwd|claude_)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const config = {
    registry: registry.address,
    cache: path.join(top, 'cache'),
    userconfig: path.join(top, 'no-user-config'),
    globalconfig: path.join(top, 'no-global-config'),
    audit: 'false',
    fund: 'false',
    update_notifier: 'false',
  };
  for (const [name, value] of Object.entries(config)) env[`npm_config_${name}`] = value;
  // pnpm's store and state, and whatever else asks.
  return { ...env, HOME: top, USERPROFILE: top, XDG_DATA_HOME: path.join(top, 'data'), XDG_STATE_HOME: path.join(top, 'state'), ...more };
}

/** How a command starts: on Windows those that npm makes, and npm's own, are batch files. */
function started(command, words) {
  if (command === 'node') return [process.execPath, words];
  if (['npm', 'npx'].includes(command)) return npm(words, command);
  return command.endsWith('.cmd') ? [process.env.ComSpec, ['/d', '/c', command, ...words]] : [command, words];
}

/** Runs a command that must succeed; gives what it printed. */
export async function prints(command, words, options) {
  const { code, signal, stdout, stderr } = await outcome(command, words, options);
  assert.equal(code, 0, `${command} ${words.join(' ')} in ${options?.cwd ?? top}: ${signal ?? code}\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a command that may fail; its code, signal and output. */
export async function outcome(command, words, { cwd = top, env = {} } = {}) {
  return run(...started(command, words), { cwd, env: environment(env) });
}

/** `npm install -g` into a prefix of its own; gives the prefix, the command and the package's folder. */
export async function installGlobally(name, ...options) {
  const prefix = path.join(top, name);
  await prints('npm', ['install', '-g', '--prefix', prefix, ...options, 'styxy']);
  const folder = path.join(prefix, isWindows ? '' : 'lib', 'node_modules', 'styxy');
  const command = isWindows ? path.join(prefix, 'styxy.cmd') : path.join(prefix, 'bin', 'styxy');
  return { prefix, folder, command, launcher: path.join(folder, 'bin', 'styxy.js') };
}

/** The command that npm makes for a dependency of the project in `folder`. */
export function commandOf(folder) {
  return path.join(folder, 'node_modules', '.bin', isWindows ? 'styxy.cmd' : 'styxy');
}

/** A project of its own, with `styxy` as its dependency; nothing is installed yet. */
export async function project(name) {
  const folder = path.join(top, name);
  await fs.mkdir(folder);
  const manifest = { name, version: '1.0.0', private: true, dependencies: { styxy: version }, scripts: { styxy: 'styxy' } };
  await fs.writeFile(path.join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

/** The packed packages, and fakes of the rest. */
async function fill() {
  const folder = path.join(top, 'packages');
  await fs.mkdir(folder);
  const packed = (await fs.readdir(dist)).filter((name) => name.endsWith('.tgz'));
  for (const name of packed) await fs.copyFile(path.join(dist, name), path.join(folder, name));
  const fakes = platforms().filter((each) => !packed.includes(`styxy-native-${each.triple}-${version}.tgz`));
  for (const { triple: name, addon, program, folder: from } of fakes) {
    const fake = path.join(top, 'fakes', name);
    await fs.mkdir(fake, { recursive: true });
    await fs.copyFile(path.join(from, 'package.json'), path.join(fake, 'package.json'));
    for (const file of [addon, program]) await fs.writeFile(path.join(fake, file), 'made for a test\n');
  }
  if (fakes.length > 0) {
    const words = ['pack', '--pack-destination', folder, ...fakes.map((each) => path.join(top, 'fakes', each.triple))];
    // There is no registry yet, and none is needed.
    const { code, stderr } = await run(...npm(words), { cwd: top });
    assert.equal(code, 0, stderr);
  }
  return folder;
}
