// What a release has beside the npm packages: an archive of each platform, their checksums, the list of what is in them, and what
// other registries are given: a Homebrew formula, an entry for aqua and mise, and server.json for the MCP registry.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { platforms } from '../platforms.mjs';
import { json, output, readJson, root } from '../repository.mjs';
import { billOfMaterials } from './materials.mjs';
import { aqua, archiveName, formula, server } from './registries.mjs';

/**
 * Writes all of it into `to`, from the packed packages in `dist`: so an archive has the very bytes that npm installs. Needs GNU
 * tar, gzip and zip. Returns the names of the files.
 */
export function release({ dist, to, where }) {
  fs.rmSync(to, { recursive: true, force: true });
  fs.mkdirSync(to, { recursive: true });
  const { version } = readJson('package.json');
  const time = Number(process.env.SOURCE_DATE_EPOCH ?? output('git', 'log', '-1', '--format=%ct').trim());
  const archives = platforms().map((platform) => archive({ platform, version, dist, to, time }));
  const write = (name, text) => fs.writeFileSync(path.join(to, name), text);
  for (const { target } of platforms())
    write(`styxy-${version}-${target}.cdx.json`, json(billOfMaterials({ target, version, time, where })));
  const digests = Object.fromEntries(archives.map(({ name, target }) => [target, sha256(path.join(to, name))]));
  write('styxy.rb', formula({ version, where, digests }));
  write('aqua-registry.yaml', aqua({ where }));
  write('server.json', json(server({ version, where })));
  const files = fs.readdirSync(to).sort();
  write('SHA256SUMS', files.map((name) => `${sha256(path.join(to, name))}  ${name}\n`).join(''));
  return [...files, 'SHA256SUMS'];
}

/** One folder, named like the archive, with the program, its man pages and the texts that go with it; the same bytes each time. */
function archive({ platform: { triple, target, program }, version, dist, to, time }) {
  const name = archiveName(target, version);
  const folder = `styxy-${version}-${target}`;
  const at = path.join(to, folder);
  unpack(path.join(dist, `styxy-native-${triple}-${version}.tgz`), at, [program, 'LICENSE', 'THIRD-PARTY-NOTICES.txt']);
  unpack(path.join(dist, `styxy-${version}.tgz`), at, ['README.md', 'CHANGELOG.md', 'man']);
  for (const file of fs.readdirSync(at, { recursive: true })) fs.utimesSync(path.join(at, file), time, time);
  fs.utimesSync(at, time, time);
  if (name.endsWith('.zip')) {
    // Two seconds are the exactness of a zip archive, and its time has no zone.
    execFileSync('zip', ['-q', '-r', '-X', path.resolve(to, name), folder], { cwd: to, env: { ...process.env, TZ: 'UTC' } });
  } else {
    const words = ['--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner', '-cf', '-', folder];
    const bytes = execFileSync('tar', words, { cwd: to, maxBuffer: 1 << 28 });
    fs.writeFileSync(path.join(to, name), execFileSync('gzip', ['-9n'], { input: bytes, maxBuffer: 1 << 28 }));
  }
  fs.rmSync(at, { recursive: true });
  return { name, target };
}

/** Puts those of the wanted files that a package has into a folder. */
function unpack(tarball, to, wanted) {
  fs.mkdirSync(to, { recursive: true });
  const inside = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).split('\n');
  const files = inside.filter((file) => wanted.some((name) => file === `package/${name}` || file.startsWith(`package/${name}/`)));
  execFileSync('tar', ['-xzf', tarball, '-C', to, '--strip-components=1', ...files]);
}

export function sha256(file) {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** The folder of a release beside the packages. */
export const releaseFolder = path.join(root, 'dist', 'release');
