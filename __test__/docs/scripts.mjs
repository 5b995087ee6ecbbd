// The JavaScript and the TypeScript of a page: strict TypeScript checks all of it at once, and then each block runs.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';

import { DEADLINE, root, run } from '../support.mjs';

const OPTIONS = {
  strict: true, allowJs: true, checkJs: true, noImplicitAny: false, useUnknownInCatchVariables: false,
  module: 'nodenext', target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'], skipLibCheck: true, outDir: 'out',
};

/**
 * Checks `found`, the scripts of a page, in Ada's shop, and writes them there as Node reads them. One that begins with its
 * name, as `// vite.config.js`, is also written there under that name, for the commands of the page.
 */
export async function compile(machine, found) {
  const dir = path.join(machine.ada, 'shop/scripts');
  await fs.mkdir(dir);
  const name = ({ line, language }) => `line-${line}.${language === 'ts' ? 'mts' : 'mjs'}`;
  for (const block of found) {
    const text = machine.translate(`${block.before ?? ''}\n${block.text}\nexport {};\n`);
    await fs.writeFile(path.join(dir, name(block)), text);
    const [, own] = /^\/\/ (\S+\.\w+)$/m.exec(block.text.split('\n', 1)[0]) ?? [];
    if (own) await place(path.join(machine.ada, 'shop', own), machine.translate(block.text));
  }
  const config = { compilerOptions: OPTIONS, files: found.map(name) };
  await fs.writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await run(process.execPath, [tsc, '--project', dir], { cwd: dir });
  assert.equal(code, 0, `line-N is the block that begins in line N of the page:\n${stdout}`);
}

async function place(file, text) {
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, text);
}

/** Runs a script that is checked. */
export async function execute(machine, { line }) {
  const script = path.join('scripts/out', `line-${line}.mjs`);
  const options = { cwd: path.join(machine.ada, 'shop'), env: machine.env(), timeout: DEADLINE };
  const { code, stderr } = await run(process.execPath, [script], options);
  assert.equal(code, 0, stderr);
}
