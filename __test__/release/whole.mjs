// A whole release in a folder of its own, for the tests beside this file: nine packages and what goes with them. Natives that are not
// built are stand-ins, and an address that is nobody's stands in for the one that package.json does not have yet.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { platforms } from '../../scripts/platforms.mjs';
import { NOBODYS, address } from '../../scripts/release/address.mjs';
import { release } from '../../scripts/release/archives.mjs';
import { pack } from '../../scripts/release/packages.mjs';
import { readJson, root } from '../../scripts/repository.mjs';

export const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-release-')));
after(() => fs.rmSync(top, { recursive: true, force: true }));

export const { version } = readJson('package.json');
export const where = address() ?? NOBODYS;
export const dist = path.join(top, 'dist');
export const to = path.join(dist, 'release');

const natives = path.join(top, 'natives');
for (const { triple, addon, program } of platforms()) {
  fs.mkdirSync(path.join(natives, triple), { recursive: true });
  for (const name of [addon, program]) {
    const built = path.join(root, 'npm', triple, name);
    const copy = path.join(natives, triple, name);
    // Artifacts of a workflow lose their modes, and so do these.
    if (fs.existsSync(built)) fs.copyFileSync(built, copy);
    else fs.writeFileSync(copy, name.startsWith('styxy.') || process.platform === 'win32' ? 'a stand-in\n' : STAND_IN());
    fs.chmodSync(copy, 0o644);
  }
}

/** A program that writes one man page, which is all that packing asks of it. */
function STAND_IN() {
  return '#!/bin/sh\n[ "$1" = man ] && mkdir -p "$2" && echo ".TH styxy 1" >"$2/styxy.1"\n';
}

export const { files } = pack({ dist, natives, where });
export const names = release({ dist, to, where });

/** A file inside of a packed package. */
export function inside(tarball, file) {
  return execFileSync('tar', ['-xzOf', path.join(dist, tarball), `package/${file}`], { encoding: 'utf8' });
}

/** The package of a platform, and the one that people install. */
export const nativeTarball = (triple) => `styxy-native-${triple}-${version}.tgz`;
export const rootTarball = `styxy-${version}.tgz`;

/** The same again, elsewhere. */
export function again(folder) {
  release({ dist, to: folder, where });
  return folder;
}
