// Makes dist/*.tgz, ready to publish: `styxy`, and the package of each platform whose files `npm run build` has made.
//
//   node scripts/pack.mjs          packs what is there
//   node scripts/pack.mjs --all    fails unless all platforms are there
//
// What is packed differs from the checkout in package.json: the platform packages are optional dependencies (here they
// are not, as `npm ci` would look for versions that are not published yet), and what only a checkout needs is left out.
// The man pages are written by this machine's program; without it there are none.
// GITHUB_REPOSITORY becomes `repository`, which npm compares with the provenance.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { platforms } from './platforms.mjs';
import { json, npm, readJson, root } from './repository.mjs';

const { triple } = createRequire(import.meta.url)('../lib/platform.js');
const dist = path.join(root, 'dist');
const stage = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-pack-'));
try {
  fs.rmSync(dist, { recursive: true, force: true });
  fs.mkdirSync(dist);
  const built = platforms().filter(isBuilt);
  const missing = platforms().filter((platform) => !built.includes(platform));
  if (missing.length > 0 && process.argv.includes('--all')) {
    throw new Error(`not built: ${missing.map(({ triple }) => triple).join(', ')}`);
  }
  const folders = [...built.map(stagePlatform), stageRoot()];
  const packed = JSON.parse(npmPrints(stage, 'pack', '--json', '--pack-destination', dist, ...folders));
  for (const { filename, entryCount } of Object.values(packed)) {
    const size = compress(path.join(dist, filename));
    console.log(`dist/${filename}: ${(size / 1e6).toFixed(2)} MB, ${entryCount} files`);
  }
} finally {
  fs.rmSync(stage, { recursive: true, force: true });
}

/**
 * Compresses a package again, which every user's download gains: npm's own way is 2 % larger than gzip -9, and that is 3 %
 * larger than libdeflate. Returns its size.
 */
function compress(file) {
  const before = fs.readFileSync(file);
  const input = gunzipSync(before);
  const tools = [['libdeflate-gzip', '-12'], ['gzip', '-9n']];
  const answers = tools.map(([tool, level]) => spawnSync(tool, [level], { input, maxBuffer: 1 << 28 }));
  const smallest = answers
    .filter(({ error, status }) => !error && status === 0)
    .map(({ stdout }) => stdout)
    .reduce((best, next) => (next.length < best.length ? next : best), before);
  if (smallest === before) console.log(`${path.basename(file)} stays as npm has compressed it: there is no gzip`);
  else fs.writeFileSync(file, smallest);
  return smallest.length;
}

function isBuilt({ folder, addon, program }) {
  return [addon, program].every((name) => fs.existsSync(path.join(folder, name)));
}

function stagePlatform({ folder, triple, addon, program }) {
  const to = path.join(stage, triple);
  fs.mkdirSync(to);
  for (const name of ['README.md', addon, program]) fs.copyFileSync(path.join(folder, name), path.join(to, name));
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(to, 'LICENSE'));
  // Artifacts of a workflow lose their modes on the way.
  fs.chmodSync(path.join(to, program), 0o755);
  writeManifest(to, readJson(path.join('npm', triple, 'package.json')));
  return to;
}

function stageRoot() {
  const to = path.join(stage, 'styxy');
  const [{ files }] = Object.values(JSON.parse(npmPrints(root, 'pack', '--dry-run', '--json')));
  for (const { path: file } of files) {
    fs.mkdirSync(path.dirname(path.join(to, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(to, file));
  }
  const { private: _, scripts, devDependencies, napi, ...manifest } = readJson('package.json');
  const { version } = manifest;
  manifest.man = manPages(to);
  manifest.optionalDependencies = Object.fromEntries(platforms().map(({ packageName }) => [packageName, version]));
  writeManifest(to, manifest);
  return to;
}

/** Lets the program write its man pages into the package; npm links them where `man` finds them. */
function manPages(to) {
  const host = platforms().find((platform) => platform.triple === triple());
  if (!host || !isBuilt(host)) {
    console.log(`no man pages: the program of this machine, ${triple()}, is not built`);
    return [];
  }
  // Its copy for the package can be executed, which an artifact of a workflow cannot.
  execFileSync(path.join(stage, host.triple, host.program), ['man', path.join(to, 'man')], { stdio: 'inherit' });
  return fs.readdirSync(path.join(to, 'man')).sort().map((page) => `./man/${page}`);
}

function writeManifest(folder, manifest) {
  const { GITHUB_SERVER_URL = 'https://github.com', GITHUB_REPOSITORY: name } = process.env;
  if (name) manifest.repository = { type: 'git', url: `git+${GITHUB_SERVER_URL}/${name}.git` };
  fs.writeFileSync(path.join(folder, 'package.json'), json(manifest));
}

function npmPrints(cwd, ...words) {
  const [program, all] = npm([...words, '--ignore-scripts']);
  return execFileSync(program, all, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
