// Packs the npm packages as they are published: `styxy`, and the package of each platform whose files are there.
//
// What is packed differs from the checkout. In package.json the platform packages are optional dependencies (here they are not,
// as `npm ci` would look for versions that are not published yet), what only a checkout needs is left out, and the address of the
// source is in every manifest. README's links lead to that address. Each package has the notices of the code that is in it.
// The man pages are written by this machine's program; without it there are none.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { platforms } from '../platforms.mjs';
import { json, npm, readJson, readText, root } from '../repository.mjs';
import { absoluteLinks, address, manifestFields } from './address.mjs';
import { notices } from './notices.mjs';

const { triple } = createRequire(import.meta.url)('../../lib/platform.js');

/**
 * Packs into `dist`, which is emptied first. `natives` has a folder for each platform, with its addon and program. Returns the
 * platforms that were there, and of each package its file, size and number of entries: the platforms first, `styxy` last.
 */
export function pack({ dist, natives = path.join(root, 'npm'), where = address() }) {
  const stage = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-pack-'));
  try {
    fs.rmSync(dist, { recursive: true, force: true });
    fs.mkdirSync(dist, { recursive: true });
    const built = platforms().filter((platform) => isBuilt(platform, natives));
    const folders = [...built.map((platform) => stagePlatform(platform, { stage, natives, where })), stageRoot({ stage, built, where })];
    const packed = JSON.parse(npmPrints(stage, 'pack', '--json', '--pack-destination', dist, ...folders));
    const files = Object.values(packed).map(({ filename, entryCount }) => {
      const file = path.join(dist, filename);
      return { file, size: compress(file), entryCount };
    });
    return { built, files };
  } finally {
    fs.rmSync(stage, { recursive: true, force: true });
  }
}

/**
 * Compresses a package again, which every user's download gains: npm's own way is 2 % larger than gzip -9, and that is 3 %
 * larger than libdeflate. Returns its size.
 */
function compress(file) {
  const before = fs.readFileSync(file);
  const input = gunzipSync(before);
  const tools = [
    ['libdeflate-gzip', '-12'],
    ['gzip', '-9n'],
  ];
  const answers = tools.map(([tool, level]) => spawnSync(tool, [level], { input, maxBuffer: 1 << 28 }));
  const worked = answers.filter(({ error, status }) => !error && status === 0);
  if (worked.length === 0) console.log(`${path.basename(file)} stays as npm has compressed it: there is no gzip`);
  const smallest = worked.map(({ stdout }) => stdout).reduce((best, next) => (next.length < best.length ? next : best), before);
  if (smallest !== before) fs.writeFileSync(file, smallest);
  return smallest.length;
}

function isBuilt({ triple, addon, program }, natives) {
  return [addon, program].every((name) => fs.existsSync(path.join(natives, triple, name)));
}

function stagePlatform({ folder, triple, target, addon, program }, { stage, natives, where }) {
  const to = path.join(stage, triple);
  fs.mkdirSync(to);
  fs.copyFileSync(path.join(folder, 'README.md'), path.join(to, 'README.md'));
  for (const name of [addon, program]) fs.copyFileSync(path.join(natives, triple, name), path.join(to, name));
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(to, 'LICENSE'));
  fs.writeFileSync(path.join(to, 'THIRD-PARTY-NOTICES.txt'), notices([target]));
  // Artifacts of a workflow lose their modes on the way.
  fs.chmodSync(path.join(to, program), 0o755);
  writeManifest(to, readJson(path.join('npm', triple, 'package.json')), where);
  return to;
}

function stageRoot({ stage, built, where }) {
  const to = path.join(stage, 'styxy');
  const [{ files }] = Object.values(JSON.parse(npmPrints(root, 'pack', '--dry-run', '--json')));
  for (const { path: file } of files) {
    fs.mkdirSync(path.dirname(path.join(to, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(to, file));
  }
  const { private: _, scripts, devDependencies, overrides, napi, ...manifest } = readJson('package.json');
  const { version } = manifest;
  if (where) {
    fs.writeFileSync(path.join(to, 'README.md'), absoluteLinks(readText('README.md'), where, version));
    manifest.mcpName = where.mcpName;
  }
  fs.writeFileSync(path.join(to, 'THIRD-PARTY-NOTICES.txt'), NO_CODE_OF_OTHERS);
  manifest.man = manPages({ stage, built, to });
  manifest.optionalDependencies = Object.fromEntries(platforms().map(({ packageName }) => [packageName, version]));
  writeManifest(to, manifest, where);
  return to;
}

const NO_CODE_OF_OTHERS = `This package has no code of other people. The package of your platform, @styxy/native-*, has the program and the addon, and the
notices of the code that is in them.
`;

/** Lets the program write its man pages into the package; npm links them where `man` finds them. */
function manPages({ stage, built, to }) {
  const host = built.find((platform) => platform.triple === triple());
  if (!host) {
    console.log(`no man pages: the program of this machine, ${triple()}, is not built`);
    return [];
  }
  // Its copy for the package can be executed, which an artifact of a workflow cannot.
  execFileSync(path.join(stage, host.triple, host.program), ['man', path.join(to, 'man')], { stdio: 'inherit' });
  return fs
    .readdirSync(path.join(to, 'man'))
    .sort()
    .map((page) => `./man/${page}`);
}

function writeManifest(folder, manifest, where) {
  if (where) Object.assign(manifest, manifestFields(where));
  fs.writeFileSync(path.join(folder, 'package.json'), json(manifest));
}

function npmPrints(cwd, ...words) {
  const [program, all] = npm([...words, '--ignore-scripts']);
  return execFileSync(program, all, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
