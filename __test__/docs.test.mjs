// The code in the documents works: each block of each page is run, and prints what the page shows.
// docs/blocks.mjs has the marks by which a page says how, or why a block cannot run. STYXY_TEST_PAGE=README tries one page.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';

import { blocks, commands } from './docs/blocks.mjs';
import { Ids } from './docs/compare.mjs';
import { Machine } from './docs/machine.mjs';
import { compile, execute } from './docs/scripts.mjs';
import { Shell } from './docs/shell.mjs';
import { root, run } from './support.mjs';

const listed = ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'];
const pages = (await run('git', listed, { cwd: root })).stdout.trim().split('\n');
const wanted = pages.filter((page) => page.includes(process.env.STYXY_TEST_PAGE ?? ''));

// The pages share no daemon and no port, and a page waits for its servers more than it works.
const skip = process.platform !== 'linux' && 'the pages show what is printed on Linux';
test('every block of code in the documents does what its page shows', { concurrency: 3, skip }, async (context) => {
  assert.ok(wanted.length > 0, 'there is such a page');
  await Promise.all(wanted.map((page) => context.test(page, (context) => tryPage(context, page))));
});

test('a block that is not run has a mark, and a mark that is not known fails', () => {
  const block = '```console\n$ styxy list\n```';
  assert.deepEqual(blocks(`<!-- not run: needs a cat -->\n${block}`)[0].reason, 'needs a cat');
  assert.throws(() => blocks(`<!-- skipped -->\n${block}`), /line 1: .* is not a mark/);
  assert.throws(() => blocks(`<!-- not run: -->\n${block}`), /line 1: .* is not a mark/);
  assert.throws(() => blocks(`<!-- goes on -->\ntext\n${block}`), /line 2: a mark stands before a block/);
  assert.throws(() => blocks('```\nstyxy list\n```'), /line 1: no language/);
  assert.throws(() => blocks('```console\n$ styxy list'), /line 1: the block has no end/);
});

test('what a command prints is compared, but for what is never the same twice', () => {
  const [one, other] = ['623c83da-cf49-4243-8af9-8096ec5253c3', 'a206f0a8-36e3-41a3-a210-8dfea8578dcb'];
  const real = ['11111111-2222-3333-4444-555555555555', '66666666-7777-8888-9999-000000000000'];
  const same = [
    ['node (1)  3 s ago', 'node (4711) 12 min ago\n'],
    ['a\n…\nz', 'a\nb\nc\nz'],
    ['a … z', 'a b c z'],
    ['{"pid": 1, "port": 3000}', '{"port":3000,"pid":4711}'],
    ['{"port": 3000, "lease": {…}}', '{"port":3000,"lease":{"state":"granted"}}'],
    ['["2026-11-22T18:55:20.431Z"]', '["2027-01-01T00:00:00.000Z"]'],
  ];
  const different = [
    ['Port 3000', 'Port 8000'],
    ['a\nz', 'a\nb\nz'],
    ['a', 'a\nb'],
    ['{"port": 3000}', '{"port":3000,"name":null}'],
    ['{"port": 3000, "name": null}', '{"port":3000}'],
    ['{"port": 3000}', '{"port":8000}'],
    ['[]', '{}'],
  ];
  for (const [shown, printed] of same) assert.ok(new Ids().matches(shown, printed), `${shown} is ${printed}`);
  for (const [shown, printed] of different) assert.ok(!new Ids().matches(shown, printed), `${shown} is not ${printed}`);
  const ids = new Ids();
  assert.ok(ids.matches(`lease ${one} and ${other}`, `lease ${real[0]} and ${real[1]}`));
  assert.equal(ids.translate(`styxy release ${other}`), `styxy release ${real[1]}`);
  assert.ok(ids.matches(`{"lock_id": "${one}"}`, `{"lock_id":"${real[0]}"}`));
  assert.ok(!ids.matches(`{"lock_id": "${one}"}`, `{"lock_id":"${real[1]}"}`), 'one id stands for one id');
});

async function tryPage(context, page) {
  const found = blocks(await fs.readFile(path.join(root, page), 'utf8'));
  for (const { line, reason } of found.filter((block) => block.reason)) {
    context.diagnostic(`${page}:${line} is not run: ${reason}`);
  }
  const texts = found.filter(({ language, reason }) => language === 'text' && !reason).length;
  if (texts > 0) context.diagnostic(`${page} has blocks of text, which are no code: ${texts}`);
  const tried = found.filter(({ reason, language }) => !reason && language !== 'text');
  if (tried.length === 0) return;
  const machine = await Machine.make();
  const shell = await Shell.open(machine);
  const scripts = tried.filter(({ language }) => ['js', 'ts'].includes(language));
  const ids = new Ids();
  try {
    if (scripts.length > 0) await context.test('its scripts have no wrong types', () => compile(machine, scripts));
    for (const block of tried) {
      await context.test(`line ${block.line}`, () => tryBlock(block, { machine, shell, ids }));
    }
  } finally {
    await shell.end();
    await machine.home.end();
  }
}

function tryBlock(block, { machine, shell, ids }) {
  switch (block.language) {
    case 'json':
      return tryJson(block);
    case 'js':
    case 'ts':
      return execute(machine, block);
    case 'yaml':
      return assert.fail('a mark says why it is not run: nothing here reads YAML');
    default:
      return tryCommands(block, { machine, shell, ids });
  }
}

async function tryJson({ text, schema }) {
  assert.ok(schema, 'a mark names the schema, or says why there is none');
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const isValid = ajv.compile(JSON.parse(await fs.readFile(path.join(root, 'docs', schema), 'utf8')));
  assert.ok(isValid(JSON.parse(text)), ajv.errorsText(isValid.errors));
}

async function tryCommands({ language, text, before, goesOn }, { machine, shell, ids }) {
  if (before) {
    // Each of these lines has to succeed: the first that fails ends the shell.
    await shell.run(`set -e\n${machine.translate(before)}\nset +e`);
  }
  const all = language === 'sh' ? [{ command: text, output: [] }] : commands(text);
  for (const { command, output } of all) {
    const [typed, shown] = [machine.translate(ids.translate(command)), output.join('\n')];
    const isServer = goesOn && command === all.at(-1).command;
    if (isServer) {
      await shell.start(typed, (printed) => ids.matches(shown, machine.translateBack(printed), true));
      continue;
    }
    const { code, printed } = await shell.run(typed);
    const here = machine.translateBack(printed);
    // Where the page shows nothing, what is printed does not matter, as long as it is no failure.
    if (shown.trim() === '') assert.equal(code, 0, `${command}\n${here}`);
    else assert.ok(ids.matches(shown, here), `${command}\nprints\n${here}\nand the page shows\n${shown}`);
  }
}
