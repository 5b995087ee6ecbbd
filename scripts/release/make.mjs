// Writes dist/release: what a release on the forge has, from the packages that scripts/pack.mjs has put into dist/.
//
//   node scripts/release/make.mjs

import path from 'node:path';
import { root } from '../repository.mjs';
import { address } from './address.mjs';
import { release, releaseFolder } from './archives.mjs';

const where = address();
if (where === null) throw new Error('package.json has no repository: docs/RELEASING.md says what it must be');
for (const name of release({ dist: path.join(root, 'dist'), to: releaseFolder, where })) console.log(`dist/release/${name}`);
