// Says what a release still needs in the repository.
//
//   node scripts/release/ready.mjs                 lists it; exits with 0, because a version is not released yet while it is made
//   node scripts/release/ready.mjs --tag v1.2.3    fails if anything is open, if the tag is not the version, or if this is a fork
//
// The notes of a release are its section of CHANGELOG.md; --notes prints them.

import { parseArgs } from 'node:util';
import { readJson, readText } from '../repository.mjs';
import { address } from './address.mjs';

const { values } = parseArgs({ options: { tag: { type: 'string' }, notes: { type: 'boolean' } } });
const { version } = readJson('package.json');

if (values.notes) {
  process.stdout.write(`${section(version) ?? fail(`CHANGELOG.md has no section [${version}]`)}\n`);
} else {
  const open = [...addressIsKnown(), ...changelogHasVersion()];
  if (values.tag && values.tag !== `v${version}`) open.push(`the tag ${values.tag} is not v${version}, the version in Cargo.toml`);
  if (open.length > 0 && values.tag) fail(open.join('\n'));
  console.log(open.length > 0 ? `open before a release:\n${open.map((each) => `  ${each}`).join('\n')}` : `${version} can be released`);
}

function addressIsKnown() {
  const where = address();
  if (where === null) {
    return [
      'package.json has no repository: {"type": "git", "url": "git+https://github.com/OWNER/NAME.git"}, with OWNER and NAME of the public source',
    ];
  }
  const here = process.env.GITHUB_REPOSITORY;
  // npm compares the manifest with the identity of the workflow, and refuses what a fork publishes.
  return here && here !== `${where.owner}/${where.name}` ? [`package.json's repository is ${where.url}, but this is ${here}`] : [];
}

function changelogHasVersion() {
  return section(version) === null ? [`CHANGELOG.md has no section "## [${version}] - DATE"`] : [];
}

/** The text of a version's section, without its heading; null if there is none. */
function section(of) {
  const [, ...sections] = readText('CHANGELOG.md').split(/^## /m);
  const found = sections.find((each) => each.startsWith(`[${of}] - `));
  return found ? found.split('\n').slice(1).join('\n').trim() : null;
}

function fail(message) {
  console.error(`ready: ${message}`);
  process.exit(1);
}
