// What the workflows may do, and what they run. zizmor (.ci/run) knows the general mistakes; these are the rules of this repository.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { platforms } from '../../scripts/platforms.mjs';
import { root } from '../../scripts/repository.mjs';

const folder = path.join(root, '.github/workflows');
const workflows = fs.readdirSync(folder).map((name) => ({ name, text: fs.readFileSync(path.join(folder, name), 'utf8') }));
const release = workflows.find(({ name }) => name === 'release.yml').text;
/** The jobs of the release: name and text. */
const jobs = [...release.split('\njobs:\n')[1].matchAll(/^ {2}(\w+):\n((?:(?: {4}.*| {2}#.*)?\n)*)/gm)].map(([, name, text]) => ({
  name,
  text,
}));

test('each action is a commit, with its version beside it, the same everywhere', () => {
  const used = new Map();
  for (const { name, text } of workflows) {
    for (const [, what] of text.matchAll(/uses: (.*)/g)) {
      assert.match(what, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
      const action = what.split('@')[0];
      assert.equal(used.get(action) ?? what, what, name);
      used.set(action, what);
    }
  }
  assert.ok(used.size >= 5);
});

test('each container is a digest', () => {
  const images = [...release.matchAll(/image: (\S+)$/gm)].map(([, image]) => image);
  assert.equal(images.length, 4);
  for (const image of images) assert.match(image, /^[\w-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
});

test('there is no secret, and an identity only where something is signed or published', () => {
  for (const { name, text } of workflows) {
    assert.ok(!/secrets\.|NPM_TOKEN|NODE_AUTH_TOKEN|pull_request_target/.test(text), name);
    assert.match(text, /^permissions: \{\}$/m, name);
  }
  const having = (permission) => jobs.filter(({ text }) => text.includes(permission)).map(({ name }) => name);
  assert.deepEqual(having('id-token: write'), ['materials', 'draft', 'publish']);
  assert.deepEqual(having('contents: write'), ['draft', 'announce']);
  assert.deepEqual(having('environment: npm'), ['publish']);
});

test('the job that publishes runs no code of other packages', () => {
  const { text } = jobs.find(({ name }) => name === 'publish');
  assert.ok(!/npm (ci|install)|npx|apt-get|curl/.test(text), text);
});

test('every platform is built, and every target has its bill of materials attested', () => {
  const built = [...release.matchAll(/triple: ([\w-]+)/g)].map(([, triple]) => triple).filter((triple) => triple !== 'matrix');
  assert.deepEqual(
    built.toSorted(),
    platforms()
      .map(({ triple }) => triple)
      .toSorted(),
  );
  const { text } = jobs.find(({ name }) => name === 'materials');
  const targets = [...text.matchAll(/^ {10}- ([\w-]+)$/gm)].map(([, target]) => target);
  assert.deepEqual(
    targets.toSorted(),
    platforms()
      .map(({ target }) => target)
      .toSorted(),
  );
});

test('the scripts that the workflows run exist', () => {
  for (const { name, text } of workflows) {
    for (const [, file] of text.matchAll(/node (scripts\/[\w/.-]+\.mjs)/g))
      assert.ok(fs.existsSync(path.join(root, file)), `${name}: ${file}`);
  }
});
