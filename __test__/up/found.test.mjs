// What `styxy up` finds in a workspace or a Procfile is what the real runner starts: each runner runs once, with scripts that only say
// that they were started.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { run } from '../support.mjs';
import { Stacks, succeeds, write } from './stack.mjs';

/** The packages, and which scripts each has. `web` needs `ui`. */
const PACKAGES = { 'apps/web': ['dev'], 'apps/api': ['dev'], 'apps/docs': ['dev', 'do-dev'], 'packages/ui': ['dev'], 'packages/config': [] };
const PNPM = true;
/** The script `dev` of the root, and whether pnpm is the package manager. */
const SCRIPTS = [
  ['turbo run dev', PNPM],
  ['turbo run dev --filter=web...', PNPM],
  ['pnpm -r --parallel dev', PNPM],
  ["pnpm --filter './apps/*' --parallel dev", PNPM],
  ['pnpm -r do-dev', PNPM],
  ['nx run-many -t dev'],
  ['lerna run dev --stream'],
  ['npm run dev --workspaces --if-present'],
  ["bun --filter '*' dev"],
  ["concurrently 'npm run dev -w web' 'npm run dev -w apps/api'"],
];
const REFUSED = ['node prepare.js && turbo run dev', 'turbo watch dev'];
const PROCFILES = [
  'web: node mark.js web\ncss: node mark.js css\n',
  '# all\nweb: PORT=3000 node mark.js web\n\nworker: PORT=3000 node mark.js worker\n',
  'web: node mark.js web -p ${PORT:-3000}\nmy_api-2: node mark.js my_api-2\n',
  'web:node mark.js web\n# redis: node mark.js redis\n\nmail: node mark.js mail\n',
];

let stacks;
let marks;

before(async () => {
  stacks = await Stacks.make();
  marks = path.join(stacks.home.top, 'marks');
});

after(() => stacks?.end());

const MARK = `require('fs').appendFileSync('MARKS', process.argv[2] + '\\n');\n`;

/** A workspace whose root has this script `dev`. */
async function workspace(at, dev, isPnpm) {
  const manager = isPnpm ? `pnpm@${await stacks.version('pnpm')}` : 'npm@11.0.0';
  const files = {
    'mark.js': MARK.replace('MARKS', marks),
    'prepare.js': '',
    'package.json': { name: 'market', private: true, packageManager: manager, workspaces: ['apps/*', 'packages/*'], scripts: { dev } },
    'lerna.json': { version: 'independent', packages: ['apps/*', 'packages/*'] },
    'nx.json': {},
    'turbo.json': { tasks: { dev: { cache: false } } },
  };
  // pnpm would ask the registry for the pinned version of itself, from each package's script at once.
  if (isPnpm) files['pnpm-workspace.yaml'] = "pmOnFail: ignore\npackages:\n  - 'apps/*'\n  - 'packages/*'\n";
  for (const [folder, scripts] of Object.entries(PACKAGES)) {
    const name = path.basename(folder);
    const own = Object.fromEntries(scripts.map((script) => [script, `node ../../mark.js ${folder}`]));
    const dependencies = name === 'web' ? { ui: isPnpm ? 'workspace:*' : '*' } : undefined;
    files[`${folder}/package.json`] = { name, version: '1.0.0', scripts: own, dependencies };
  }
  const [dir] = await stacks.worktrees([`market-${at}`], files);
  const install = isPnpm ? ['pnpm', 'install', '--offline'] : ['npm', 'install', '--no-audit', '--no-fund'];
  await succeeds(install[0], install.slice(1), { cwd: dir, env: stacks.env() });
  // Nx runs only where the repository has it.
  await stacks.link(dir, ['nx']);
  return dir;
}

/** Which marks the command leaves. */
async function started(dir, command) {
  await fs.rm(marks, { force: true });
  const { stdout, stderr } = await run('sh', ['-c', command], { cwd: dir, env: stacks.env() });
  const text = await fs.readFile(marks, 'utf8').catch(() => assert.fail(`${command} has started nothing: ${stdout}${stderr}`));
  return text.trim().split('\n').sort();
}

async function printed(dir) {
  const { code, stdout, stderr } = await stacks.styxy(dir, 'up', '--print', '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).services;
}

for (const [at, [dev, isPnpm]] of SCRIPTS.entries()) {
  test(`${dev}: the packages that it starts`, async () => {
    const dir = await workspace(at, dev, isPnpm);
    const found = (await printed(dir)).map(({ cwd }) => cwd).sort();
    assert.deepEqual(found, await started(dir, isPnpm ? 'pnpm run dev' : 'npm run dev'));
  });
}

for (const [at, dev] of REFUSED.entries()) {
  test(`${dev}: nothing is guessed, and a file is proposed`, async () => {
    const dir = await workspace(`refused-${at}`, dev, PNPM);
    const { code, stdout } = await stacks.styxy(dir, 'up', '--print', '--json');
    assert.equal(code, 2, stdout);
    const { services } = JSON.parse(JSON.parse(stdout).details.proposal);
    const started = Object.keys(PACKAGES).filter((folder) => PACKAGES[folder].includes('dev'));
    assert.deepEqual(Object.values(services).map(({ cwd }) => cwd).sort(), started.sort());
  });
}

for (const [at, text] of PROCFILES.entries()) {
  test(`Procfile.dev ${at + 1}: the processes that foreman starts`, async () => {
    const dir = path.join(stacks.home.top, `procfile-${at}`);
    await write(dir, { 'Procfile.dev': text, 'mark.js': MARK.replace('MARKS', marks), '.git/HEAD': '' });
    const found = (await printed(dir)).map(({ service }) => service).sort();
    assert.deepEqual(found, await started(dir, 'nf start -j Procfile.dev'));
  });
}
