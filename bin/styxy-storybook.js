#!/usr/bin/env node
'use strict';

// `storybook` with a leased port: `styxy-storybook dev` is `storybook dev -p PORT --exact-port`, every other command is
// Storybook's own. Storybook runs in this very process, so the lease belongs to it, and signals and exit codes stay
// the same.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const { isOutOfReach, sentence } = require('../lib/options.js');
const { wantsPort, withPort } = require('../lib/storybook-arguments.js');

const DEFAULT_PORT = 6006;

/** The program of the Storybook that the project in this folder has installed, with or without `.bin` in the PATH. */
function storybook() {
  const manifest = createRequire(path.resolve('package.json')).resolve('storybook/package.json');
  const { bin } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  return path.join(path.dirname(manifest), typeof bin === 'string' ? bin : bin.storybook);
}

/** The port that is leased for this checkout's Storybook; undefined if the daemon cannot be reached. */
async function leased() {
  try {
    const { allocate } = require('../index.js');
    const { isInUse } = require('../lib/lease.js');
    const ask = { service: 'storybook', defaultPort: DEFAULT_PORT };
    const lease = await allocate({ ...ask, reuse: true });
    return (isInUse(lease) ? await allocate(ask) : lease).port;
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    console.error(`styxy: no port was leased, so Storybook chooses one itself: ${error.message}`);
    return undefined;
  }
}

async function main() {
  let words = process.argv.slice(2);
  let program;
  try {
    program = storybook();
    if (process.env.STYXY !== 'off' && wantsPort(words, process.env)) {
      const port = await leased();
      if (port !== undefined) {
        words = withPort(words, port);
        // The preset then does not ask for the lease.
        process.env.STYXY_STORYBOOK_PORT = `${port}`;
      }
    }
  } catch (error) {
    const isMissing = error.code === 'MODULE_NOT_FOUND';
    const text = isMissing ? `storybook is not installed in ${process.cwd()}\n  hint: npm install -D storybook` : sentence(error);
    console.error(`styxy: ${text}`);
    process.exitCode = isMissing ? 127 : 1;
    return;
  }
  process.argv = [process.argv[0], program, ...words];
  await import(pathToFileURL(program));
}

main();
