// Makes dist/*.tgz, ready to publish: `styxy`, and the package of each platform whose files `npm run build` has made.
//
//   node scripts/pack.mjs          packs what is there
//   node scripts/pack.mjs --all    fails unless all platforms are there, and package.json says where the source is

import path from 'node:path';
import { platforms } from './platforms.mjs';
import { address } from './release/address.mjs';
import { pack } from './release/packages.mjs';
import { root } from './repository.mjs';

const isAll = process.argv.includes('--all');
if (isAll && address() === null) throw new Error('package.json has no repository: docs/RELEASING.md says what it must be');
const { built, files } = pack({ dist: path.join(root, 'dist') });
for (const { file, size, entryCount } of files) {
  console.log(`${path.relative(root, file)}: ${(size / 1e6).toFixed(2)} MB, ${entryCount} files`);
}
const missing = platforms().filter((platform) => !built.some(({ triple }) => triple === platform.triple));
if (isAll && missing.length > 0) throw new Error(`not built: ${missing.map(({ triple }) => triple).join(', ')}`);
