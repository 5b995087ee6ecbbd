// A program that uses the addon on behalf of its parent: one line of JSON per call on stdin, one per answer on stdout.
//
//   {"id": 1, "call": "allocate", "given": [{"service": "web"}]}     {"id": 1, "value": {"port": 3000, …}}
//   {"id": 2, "call": "release", "given": ["623c83da-…"]}            {"id": 2, "error": {"code": "…", "message": "…"}}
//
// It ends with its standard input.

import { createRequire } from 'node:module';
import readline from 'node:readline';

const styxy = createRequire(import.meta.url)('../../../index.js');

for await (const line of readline.createInterface({ input: process.stdin })) void answer(JSON.parse(line));

async function answer({ id, call, given }) {
  try {
    say({ id, value: await styxy[call](...given) });
  } catch (error) {
    const { code, message, details } = error;
    say({ id, error: { code: code ?? 'thrown', error: message, details: details ?? {} } });
  }
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
