// One version for all crates and packages: `version` under [workspace.package] in Cargo.toml.
//
//   node scripts/versions.mjs            fails and names what differs
//   node scripts/versions.mjs --write    sets it everywhere, and writes the manifests under npm/ anew
//   node scripts/versions.mjs --tag v1.2.3    fails as well if the version is not 1.2.3

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageFiles, platforms } from './platforms.mjs';
import { json, readJson, readText as text, root } from './repository.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'boolean' }, tag: { type: 'string' } } });

const version = text('Cargo.toml').match(/^\[workspace\.package\]\nversion = "([^"]+)"$/m)?.[1];
if (!version) fail('Cargo.toml has no version as the first line of [workspace.package]');

const wanted = { ...cargoFiles(), ...npmFiles() };
const current = (file) => (fs.existsSync(path.join(root, file)) ? text(file) : null);
const different = Object.keys(wanted).filter((file) => current(file) !== wanted[file]);
const strangers = fs.existsSync(path.join(root, 'npm'))
  ? fs.readdirSync(path.join(root, 'npm')).filter((name) => !platforms().some(({ triple }) => triple === name))
  : [];

if (options.tag && options.tag !== `v${version}`) fail(`the tag ${options.tag} is not v${version}, the version in Cargo.toml`);
if (strangers.length > 0) fail(`npm/ has folders for no target of package.json: ${strangers.join(', ')}`);
if (options.write) {
  for (const file of different) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), wanted[file]);
    console.log(`wrote ${file}`);
  }
} else if (different.length > 0) {
  const lines = different.map((file) => `${file}: ${firstDifference(current(file), wanted[file])}`);
  fail(`these are not what version ${version} wants; node scripts/versions.mjs --write mends them\n  ${lines.join('\n  ')}`);
}

/** The workspace's own crates, where they name each other's version and in the lock. */
function cargoFiles() {
  for (const crate of fs.readdirSync(path.join(root, 'crates'))) {
    if (!text(`crates/${crate}/Cargo.toml`).includes('\nversion.workspace = true\n')) {
      fail(`crates/${crate}/Cargo.toml has a version of its own`);
    }
  }
  const manifest = text('Cargo.toml').replace(/^(styxy-\w+ = \{ path = "[^"]+", version = )"[^"]+"/gm, `$1"${version}"`);
  const lock = text('Cargo.lock').replace(/^(name = "styxy(?:-\w+)?"\nversion = )"[^"]+"$/gm, `$1"${version}"`);
  return { 'Cargo.toml': manifest, 'Cargo.lock': lock };
}

function npmFiles() {
  const lock = readJson('package-lock.json');
  lock.version = version;
  lock.packages[''].version = version;
  const files = {
    'package.json': json({ ...readJson('package.json'), version }),
    'package-lock.json': json(lock),
  };
  // The plugin of Claude Code: its own version, and the one that its marketplace names.
  for (const name of ['plugin', 'marketplace']) {
    const file = `integrations/claude-code/.claude-plugin/${name}.json`;
    files[file] = text(file).replace(/^( *"version": )"[^"]+"/m, `$1"${version}"`);
  }
  return Object.assign(files, ...platforms().map((platform) => packageFiles(platform, version)));
}

function firstDifference(found, wants) {
  if (found === null) return 'is not there';
  const lines = found.split('\n');
  const line = wants.split('\n').findIndex((wanted, index) => wanted !== lines[index]);
  return `line ${line + 1} is ${lines[line]?.trim() ?? 'missing'}, not ${wants.split('\n')[line]?.trim() ?? 'there'}`;
}

function fail(message) {
  console.error(`versions: ${message}`);
  process.exit(1);
}
