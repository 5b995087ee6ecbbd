// What is published: nine packages, their order, and what stands beside them on the forge.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { platforms } from '../../scripts/platforms.mjs';
import { sha256 } from '../../scripts/release/archives.mjs';
import { publish } from '../../scripts/release/publish.mjs';
import { root } from '../../scripts/repository.mjs';
import { serve } from '../registry.mjs';
import { again, dist, files, inside, names, nativeTarball, rootTarball, to, top, version, where } from './whole.mjs';

test('nine packages are packed, each with its licence, its notices and the address of the source', () => {
  assert.equal(files.length, 9);
  for (const { file } of files) {
    const manifest = JSON.parse(inside(path.basename(file), 'package.json'));
    assert.equal(manifest.version, version);
    assert.equal(manifest.type, 'commonjs');
    assert.equal(manifest.repository.url, where.git);
    assert.ok(manifest.homepage.startsWith(where.url) && manifest.bugs.url.startsWith(where.url));
    assert.match(inside(path.basename(file), 'LICENSE'), /^MIT License/);
    assert.notEqual(inside(path.basename(file), 'THIRD-PARTY-NOTICES.txt'), '');
  }
});

test('the notices name the crates of their own platform, and the standard library', () => {
  const linux = inside(nativeTarball('linux-x64-gnu'), 'THIRD-PARTY-NOTICES.txt');
  const windows = inside(nativeTarball('win32-x64-msvc'), 'THIRD-PARTY-NOTICES.txt');
  const names = (text) => [...text.matchAll(/^([\w-]+) \d+\.\d+\S* \(/gm)].map(([, name]) => name);
  assert.ok(names(linux).includes('netlink-packet-core') && !names(linux).includes('windows-sys'));
  assert.ok(names(windows).includes('windows-sys') && !names(windows).includes('netlink-packet-core'));
  for (const text of [linux, windows]) assert.ok(/^Rust's standard library \d/m.test(text));
});

test('every link of the packed README leads to a file of the repository at this version', () => {
  const targets = [...inside(rootTarball, 'README.md').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
  const ours = targets.filter((target) => target.startsWith(where.url));
  assert.ok(ours.length > 30, `${ours.length} links`);
  assert.deepEqual(
    targets.filter((target) => !/^(https:|#)/.test(target)),
    [],
  );
  for (const target of ours) {
    const [, file] = target.match(/\/(?:blob|raw)\/v[^/]+\/([^#]+)/);
    assert.ok(fs.existsSync(path.join(root, file)), target);
  }
});

test('the platforms are published first, styxy when all are shown, and a second run publishes nothing', async () => {
  const registry = await serve(null, { unseen: 2 });
  try {
    const userconfig = path.join(top, 'npmrc');
    fs.writeFileSync(userconfig, `registry=${registry.address}/\n${registry.address.replace('http:', '')}/:_authToken=none\n`);
    const options = [`--userconfig=${userconfig}`, `--cache=${path.join(top, 'cache')}`, '--no-update-notifier', '--loglevel=error'];
    const run = () => publish({ dist, options, tag: `v${version}`, everyMs: 10 });
    const natives = platforms().map(({ packageName }) => packageName);
    assert.deepEqual(await run(), [...natives, 'styxy']);
    assert.deepEqual(registry.published, [...natives, 'styxy']);
    assert.deepEqual(await run(), []);
    await assert.rejects(publish({ dist, options, tag: 'v0.0.0' }), /the tag v0\.0\.0 is not/);
  } finally {
    registry.close();
  }
});

test('an archive has the bytes that npm installs, can be executed, and is the same each time', () => {
  const archive = `styxy-${version}-x86_64-unknown-linux-gnu`;
  const listed = execFileSync('tar', ['-tvzf', path.join(to, `${archive}.tar.gz`)], { encoding: 'utf8' });
  assert.match(listed, new RegExp(`^-rwxr-xr-x 0/0 .* ${archive}/styxy$`, 'm'));
  for (const file of ['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'README.md', 'man/styxy.1'])
    assert.ok(listed.includes(`${archive}/${file}`), listed);
  const program = (tarball, file) => execFileSync('tar', ['-xzOf', tarball, file], { maxBuffer: 1 << 28 });
  const archived = program(path.join(to, `${archive}.tar.gz`), `${archive}/styxy`);
  assert.ok(archived.equals(program(path.join(dist, nativeTarball('linux-x64-gnu')), 'package/styxy')));
  const other = again(path.join(top, 'again'));
  for (const name of names) assert.equal(sha256(path.join(other, name)), sha256(path.join(to, name)), name);
});

test('SHA256SUMS has every file of the release, and sha256sum agrees', () => {
  const listed = fs
    .readFileSync(path.join(to, 'SHA256SUMS'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('  ')[1]);
  assert.deepEqual([...listed, 'SHA256SUMS'].sort(), fs.readdirSync(to).sort());
  assert.equal(listed.filter((name) => /\.(tar\.gz|zip)$/.test(name)).length, platforms().length);
  const { status, stdout } = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: to, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

test('the formula names archives of this release with their checksums, and Ruby can read it', (t) => {
  const formula = fs.readFileSync(path.join(to, 'styxy.rb'), 'utf8');
  const pairs = [...formula.matchAll(/url "([^"]+)"\n\s+sha256 "([^"]+)"/g)];
  assert.equal(pairs.length, 4);
  for (const [, url, digest] of pairs) {
    assert.ok(url.startsWith(`${where.url}/releases/download/v${version}/`));
    assert.equal(digest, sha256(path.join(to, path.basename(url))));
  }
  assert.ok(formula.match(/desc "([^"]+)"/)[1].length <= 80);
  const { error, status, stderr } = spawnSync('ruby', ['-c', path.join(to, 'styxy.rb')], { encoding: 'utf8' });
  if (error) t.diagnostic('Ruby did not read it: it is not installed');
  else assert.equal(status, 0, stderr);
});

test("aqua's pattern gives the names of the archives", () => {
  const entry = fs.readFileSync(path.join(to, 'aqua-registry.yaml'), 'utf8');
  const words = Object.fromEntries(
    [...entry.matchAll(/^ {6}(amd64|arm64|darwin|linux|windows): (\S+)$/gm)].map(([, from, to]) => [from, to]),
  );
  const pattern = entry.match(/^ {4}asset: (.+)$/m)[1];
  for (const os of ['darwin', 'linux', 'windows']) {
    for (const cpu of ['amd64', 'arm64']) {
      const values = { 'trimV .Version': version, '.Arch': words[cpu], '.OS': words[os], '.Format': os === 'windows' ? 'zip' : 'tar.gz' };
      const asset = pattern.replace(/\{\{([^}]+)\}\}/g, (_, name) => values[name]);
      assert.ok(names.includes(asset), asset);
    }
  }
});

test('server.json and the package name each other, as the MCP registry wants it', () => {
  const server = JSON.parse(fs.readFileSync(path.join(to, 'server.json'), 'utf8'));
  const manifest = JSON.parse(inside(rootTarball, 'package.json'));
  assert.equal(server.name, manifest.mcpName);
  assert.match(server.name, /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/);
  assert.ok(server.description.length <= 100);
  assert.deepEqual([server.packages[0].identifier, server.packages[0].version, server.version], ['styxy', version, version]);
});

test('a bill of materials has each crate of its target once, and every reference has an end', () => {
  for (const { target } of platforms()) {
    const bill = JSON.parse(fs.readFileSync(path.join(to, `styxy-${version}-${target}.cdx.json`), 'utf8'));
    const refs = [bill.metadata.component, ...bill.components].map((component) => component['bom-ref']);
    assert.equal(new Set(refs).size, refs.length);
    assert.ok(bill.components.length > 50, `${target}: ${bill.components.length}`);
    for (const { ref, dependsOn } of bill.dependencies) {
      for (const each of [ref, ...dependsOn]) assert.ok(refs.includes(each), `${target}: ${each}`);
    }
    // All of it is reached from the program.
    const needs = new Map(bill.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const seen = new Set();
    const open = [refs[0]];
    while (open.length > 0) {
      const ref = open.pop();
      if (!seen.has(ref)) open.push(...needs.get(ref));
      seen.add(ref);
    }
    assert.equal(seen.size, refs.length, target);
  }
});
