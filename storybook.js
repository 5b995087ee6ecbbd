'use strict';

// An addon for Storybook's main.ts. It cannot choose the port, because Storybook chooses it before it loads main.ts. It
// prints a warning if the port is not leased for this checkout, and else the server's name. It changes nothing, and never
// prevents a start.

// Storybook may ask several times, and load this file more than once.
const TOLD = Symbol.for('styxy.storybook.told.1');

/** This checkout's lease for `port`, as far as its name; null if it has none, undefined if the daemon does not answer. */
async function leaseOf(port) {
  const { STYXY_STORYBOOK_PORT, STYXY_STORYBOOK_NAMED_URL: namedUrl } = process.env;
  if (Number(STYXY_STORYBOOK_PORT) === port) return { namedUrl };
  try {
    const { connect } = require('./index.js');
    const { projectRoot } = require('./lib/place.js');
    const [lease] = await connect({ autoStart: false }).list({ port });
    return lease !== undefined && lease.projectPath === projectRoot(process.cwd()) ? lease : null;
  } catch {
    return undefined;
  }
}

/** Storybook's `core` preset, which is returned unchanged. */
exports.core = async function core(config, { port, configType } = {}) {
  const isDev = configType === 'DEVELOPMENT' && port !== undefined;
  if (!isDev || globalThis[TOLD] || process.env.STYXY === 'off') return config;
  globalThis[TOLD] = true;
  const lease = await leaseOf(Number(port));
  // On stderr, where `styxy run` says it too.
  if (lease?.namedUrl) console.error(`styxy: Storybook is ${lease.namedUrl}`);
  if (lease === null) {
    console.warn(`styxy: Storybook runs on port ${port}, which is not leased for this checkout`);
    console.warn('  hint: start it with `styxy-storybook dev`, without -p');
  }
  return config;
};
