// A variable that `.styxy.json` sets and a `.env` file sets too: with six tools the process' own wins, with three the file does, and
// `styxy up` warns of these three and of no other.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { eventually } from '../support.mjs';
import { compose } from './compose.mjs';
import { Stacks, ask } from './stack.mjs';

const FILE = 'from the file';
// It says what it was told, and serves so that it is ready at once. The foreman of Node has a port of its own for it.
const SAY = `require('fs').writeFileSync('told', process.env.API_URL ?? 'nothing');
require('http').createServer((_, answer) => answer.end('here')).listen(process.env.PORT);
`;
const told = (dir) => fs.readFile(path.join(dir, 'told'), 'utf8').catch(() => undefined);
/** What the servers in Node say: a file, as soon as it is there. */
const said = (_, dir) => eventually(`${dir} says it`, () => told(dir));
const node = (run) => ({ run, variable: 'API_URL', files: { 'say.js': SAY, Procfile: 'web: node say.js\n' }, value: said });

/** Each tool: what runs, the variable, its files, how its value is seen, and whether the file wins. */
const TOOLS = {
  vite: {
    run: 'vite',
    variable: 'VITE_API_URL',
    files: { 'index.html': '<!doctype html>\n', 'main.js': 'export default import.meta.env.VITE_API_URL;\n' },
    value: async ({ url }) => /"VITE_API_URL": "([^"]*)"/.exec((await ask(`${url}/main.js`)).text)[1],
  },
  next: {
    run: 'next dev',
    variable: 'NEXT_PUBLIC_API_URL',
    files: {
      'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
      'app/page.js': "'use client';\nexport default function Page() { return <p id=\"it\">{process.env.NEXT_PUBLIC_API_URL}</p>; }\n",
    },
    value: async ({ url }) => /<p id="it">([^<]*)</.exec((await ask(url)).text)[1],
  },
  'node-env-file': node('node --env-file=.env say.js'),
  'dotenv-cli': node('dotenv -- node say.js'),
  dotenvx: node('dotenvx run -- node say.js'),
  'env-cmd': { ...node('env-cmd node say.js'), file: true },
  'dotenv-o': { ...node('dotenv -o -- node say.js'), file: true },
  'node-foreman': { ...node('nf start'), file: true },
};
const COMPOSE = {
  run: 'docker-compose config',
  variable: 'API_URL',
  files: { 'compose.yaml': 'services: {it: {image: "it:${API_URL}"}}\n' },
  value: async (_, dir) => eventually('compose says it', async () => /image: it:(.*)/.exec(await stacks.log(path.dirname(dir), 'compose'))?.[1]),
};

let stacks;
let dir;
let all;

before(async () => {
  stacks = await Stacks.make();
  const program = await compose();
  if (program) await fs.symlink(program, path.join(stacks.home.top, 'bin', 'docker-compose'));
  all = program ? { ...TOOLS, compose: COMPOSE } : TOOLS;
  const files = { 'api/say.js': SAY };
  const services = { api: { run: 'node say.js', cwd: 'api' } };
  for (const [name, { run, variable, files: own }] of Object.entries(all)) {
    for (const [file, text] of Object.entries(own)) files[`${name}/${file}`] = text;
    files[`${name}/.env`] = `${variable}=${FILE.replaceAll(' ', '-')}\n`;
    services[name] = { run, cwd: name, type: 'dev', env: { [variable]: '{api.url}' }, timeout: 180 };
  }
  services.compose &&= { ...services.compose, type: undefined, port: false };
  files['.styxy.json'] = { services };
  [dir] = await stacks.worktrees(['market'], files, { vite: ['vite'] });
  await stacks.next(path.join(dir, 'next'));
});

after(() => stacks?.end());

test('who wins is what `styxy up` says', async (context) => {
  const { services, said } = await stacks.up(dir);
  const warned = [...said.matchAll(/(\S+) sets (\S+) too, and for (\S+) the file wins/g)].map(([, , , name]) => name);
  const wins = Object.keys(all).filter((name) => all[name].file);
  assert.deepEqual(warned.sort(), wins.sort(), said);
  for (const [name, { value }] of Object.entries(all)) {
    const expected = wins.includes(name) ? FILE.replaceAll(' ', '-') : services.api.url;
    assert.equal(await value(services[name], path.join(dir, name)), expected, name);
  }
  context.diagnostic(`${Object.keys(all).length - wins.length} by the process, ${wins.length} warned of: ${wins.join(', ')}`);
  if (!all.compose) context.diagnostic('compose was not tried: it is not there');
});
