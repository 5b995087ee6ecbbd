// Publishes dist/*.tgz: the platforms first, and `styxy` when the registry shows all of them, because Yarn and npm fail on a
// package whose optional dependencies are not there. What an earlier run has published is left as it is.
//
//   node scripts/release/publish.mjs --tag v1.2.3
//
// Who may publish is npm's business: in the release workflow it trusts the workflow's identity, and no token exists.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { platforms } from '../platforms.mjs';
import { npm, readJson, root } from '../repository.mjs';

/** How long a package that was published may take to be shown. */
const SHOWN_WITHIN_MS = 5 * 60_000;

/** `options` are npm's own, for every call; `provenance` needs the workflow's identity. Returns the names that were published now. */
export async function publish({ dist, tag, options = [], provenance, everyMs = 5_000, withinMs = SHOWN_WITHIN_MS }) {
  const { name, version } = readJson('package.json');
  if (tag !== `v${version}`) throw new Error(`the tag ${tag} is not v${version}`);
  const registry = registryOf(options);
  const natives = platforms().map(({ packageName, triple }) => [packageName, `styxy-native-${triple}-${version}.tgz`]);
  const channel = version.includes('-') ? 'next' : 'latest';
  const words = ['--access', 'public', '--tag', channel, ...(provenance ? ['--provenance'] : []), ...options];
  const published = [];
  const one = async (spec, file) => {
    if (await isShown(registry, spec, version)) return console.log(`${spec}@${version} is already published`);
    await run(['publish', path.join(dist, file), ...words]);
    published.push(spec);
  };
  const shown = async (specs) => {
    const end = Date.now() + withinMs;
    for (const spec of specs) {
      while (!(await isShown(registry, spec, version))) {
        if (Date.now() > end)
          throw new Error(`${spec}@${version} was published and is not shown yet: run this again, it goes on from there`);
        await pause(everyMs);
      }
    }
  };
  for (const [spec, file] of natives) await one(spec, file);
  await shown(natives.map(([spec]) => spec));
  await one(name, `styxy-${version}.tgz`);
  await shown([name]);
  return published;
}

function registryOf(options) {
  const [program, words] = npm(['config', 'get', 'registry', ...options]);
  return execFileSync(program, words, { cwd: root, encoding: 'utf8' }).trim();
}

/** Whether the registry gives this version to anybody who installs it. */
async function isShown(registry, spec, version) {
  const answer = await fetch(new URL(spec.replace('/', '%2f'), registry), { cache: 'no-store' });
  if (answer.status === 404) return false;
  if (!answer.ok) throw new Error(`the registry answers ${answer.status} to a question about ${spec}`);
  return Object.hasOwn((await answer.json()).versions, version);
}

async function run(words) {
  const [program, all] = npm(words);
  const [status] = await once(spawn(program, all, { cwd: root, stdio: 'inherit' }), 'close');
  if (status !== 0) throw new Error(`npm ${words.join(' ')} failed with ${status}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { tag: { type: 'string' } } });
  const published = await publish({ dist: path.join(root, 'dist'), tag: values.tag, provenance: true });
  console.log(published.length > 0 ? `published ${published.join(', ')}` : 'everything was published before');
}
