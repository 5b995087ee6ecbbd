#!/usr/bin/env node
'use strict';

// `storybook` with a leased port: `styxy-storybook dev` is `storybook dev -p PORT --exact-port`, every other command is
// Storybook's own. Storybook runs in this very process, so the lease is its own, and signals and exit codes are as ever.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const { isOutOfReach, sentence } = require('../lib/options.js');
const { wantsPort, withPort } = require('../lib/storybook-arguments.js');

const DEFAULT_PORT = 6006;

/** Storybook's program as the project in this folder has it, whether or not a `.bin` folder is in the PATH. */
function storybook() {
  const manifest = createRequire(path.resolve('package.json')).resolve('storybook/package.json');
  const { bin } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  return path.join(path.dirname(manifest), typeof bin === 'string' ? bin : bin.storybook);
}

/** The port that is leased for this checkout's Storybook; nothing if the daemon cannot be reached. */
async function leased() {
  try {
    const { allocate } = require('../index.js');
    const ask = { service: 'storybook', defaultPort: DEFAULT_PORT };
    const lease = await allocate({ ...ask, reuse: true });
    // `styxy run` may have started two, and the other one listens on its port.
    const isTaken = lease.reused && lease.state === 'active';
    return (isTaken ? await allocate(ask) : lease).port;
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    console.error(`styxy: no port was leased, so Storybook takes one as without it: ${error.message}`);
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
        // For the preset, which need not ask for the lease then.
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
