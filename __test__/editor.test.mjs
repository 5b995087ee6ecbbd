// What editors show, through TypeScript's language server: the documentation of each name, and where a mistake is underlined.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { LanguageServer } from './language-server.mjs';

const require = createRequire(import.meta.url);
const styxy = require('..');
const { exports: paths } = require('../package.json');
const calls = Object.keys(styxy).filter((name) => !['default', 'Client', 'Lease', 'StyxyError'].includes(name));

let server;

before(async () => {
  server = await LanguageServer.start();
});

after(() => server.end());

/** What is shown over `word` in the line `line` of an open text, without the declaration. */
async function shownOver(textDocument, text, line, word) {
  const character = text.split('\n')[line].indexOf(word);
  assert.ok(character >= 0, word);
  const hover = await server.ask('textDocument/hover', { textDocument, position: { line, character } });
  const { contents } = hover ?? assert.fail(`nothing is shown over ${word}`);
  return (contents.value ?? contents).replace(/```[^]*?```/, '').trim();
}

test('each export is documented where it is imported, where it is called, and as a member, with the same words', async () => {
  for (const name of calls) {
    const text = `import styxy, { ${name} } from 'styxy';\n${name};\nstyxy.${name};\n`;
    const document = server.open(`${name}.mts`, text);
    const shown = [
      await shownOver(document, text, 0, ` ${name} `.trim()),
      await shownOver(document, text, 1, name),
      await shownOver(document, text, 2, name),
    ];
    assert.ok(shown[0].length > 10, `${name}: ${shown[0]}`);
    assert.deepEqual(new Set(shown).size, 1, shown.join('\n---\n'));
  }
});

test('a mistake is underlined at the property that is wrong, and says its name', async () => {
  const mistakes = [
    ["allocate({ servce: 'dev' });", 'servce', /Did you mean to write 'service'/],
    ["allocate({ service: 'dev', prot: 3000 });", 'prot', /'prot' does not exist in type/],
    ["allocate({ service: 'dev', port: '3000' });", 'port', /'string' is not assignable to type 'number'/],
    ["allocate({ service: 'dev', dryRun: true, exact: 1 });", 'exact', /'number' is not assignable to type 'boolean/],
    ["allocate({ service: 'dev', block: '3' });", 'block', /'string' is not assignable to type 'number'/],
    ["allocate([{ service: 'dev' }, { service: 'api', nmae: 'x' }]);", 'nmae', /'nmae' does not exist in type 'MemberOptions'/],
    ["allocate([{ service: 5 }]);", 'service', /'number' is not assignable to type 'string'/],
    ["allocate([{ service: 'dev' }], { resue: true });", 'resue', /Did you mean to write 'reuse'/],
    ["allocate([{ service: 'dev', dryRun: true }]);", 'dryRun', /not assignable to type 'undefined'|'never'/],
    ["allocate({ port: 3000 });", '{', /Property 'service' is missing/],
    ["list({ servcie: 'dev' });", 'servcie', /Did you mean to write 'service'/],
    ["connect({ sokcet: '/x' });", 'sokcet', /Did you mean to write 'socket'/],
  ];
  const text = ["import { allocate, connect, list } from 'styxy';", ...mistakes.map(([line]) => line)].join('\n');
  const document = server.open('mistakes.mts', text);
  const { items } = await server.ask('textDocument/diagnostic', { textDocument: document });
  assert.equal(items.length, mistakes.length, JSON.stringify(items, null, 1));
  for (const [index, [line, word, message]] of mistakes.entries()) {
    const { range, message: said } = items.find((item) => item.range.start.line === index + 1) ?? assert.fail(line);
    assert.equal(line.slice(range.start.character, range.start.character + word.length), word, `${line}: ${said}`);
    assert.match(said, message);
  }
});

test('every path of the package has types, for import and for require, with every name that is there', async () => {
  for (const subpath of Object.keys(paths).filter((one) => one !== './package.json')) {
    const whole = JSON.stringify(subpath.replace('.', 'styxy'));
    const names = Object.keys(await import(JSON.parse(whole))).filter((name) => !['module.exports', '__esModule'].includes(name));
    const imports = names.map((name, index) => `${name} as name${index}`).join(', ');
    const file = subpath.replaceAll(/\W/g, '_');
    const texts = {
      [`${file}.mts`]: `import { ${imports} } from ${whole};\nimport * as all from ${whole};\nexport { all };`,
      [`${file}.cts`]: `import all = require(${whole});\nexport { all };`,
    };
    for (const [name, text] of Object.entries(texts)) {
      const { items } = await server.ask('textDocument/diagnostic', { textDocument: server.open(name, text) });
      // An import that nobody uses is no mistake here.
      const mistakes = items.filter(({ message }) => !/is never read|are unused/.test(message));
      assert.deepEqual(mistakes.map(({ message }) => message), [], `${name}\n${text}`);
    }
  }
});
