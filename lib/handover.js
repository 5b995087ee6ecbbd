'use strict';

// What one Playwright run decided. Its worker processes evaluate the config again and must get the same ports, so they read
// the decision from an environment variable. A process accepts only what its own parent decided. Any other run, inside of a
// test or in another checkout, decides for itself.

const VARIABLE = 'STYXY_PLAYWRIGHT';
const BASE_URL = 'PLAYWRIGHT_TEST_BASE_URL';

function read() {
  try {
    const record = JSON.parse(process.env[VARIABLE]);
    if (typeof record?.servers === 'object' && record.servers) return record;
  } catch {
    // The variable is not set, or not by us.
  }
  return { servers: {} };
}

function write(record) {
  process.env[VARIABLE] = JSON.stringify(record);
}

function keyOf({ project, service, name, defaultName }) {
  return JSON.stringify([project, service, name ?? defaultName ?? null]);
}

/** What the parent of this process decided; undefined if this process decides, which it does repeatedly in UI mode. */
function settled(ask) {
  const server = read().servers[keyOf(ask)];
  return server?.pid === process.ppid ? server : undefined;
}

/** What this process decided at an earlier evaluation. */
function earlier(ask) {
  const server = read().servers[keyOf(ask)];
  return server?.pid === process.pid ? server : undefined;
}

function settle(ask, { port, reuse }) {
  const record = read();
  const server = { pid: process.pid, port, reuse };
  record.servers[keyOf(ask)] = server;
  write(record);
  return server;
}

/** Makes `url` the tests' base URL, unless the user has set one, or an earlier server of this run has. */
function offerBaseUrl(ask, url) {
  const record = read();
  const key = keyOf(ask);
  const server = record.servers[key];
  const current = process.env[BASE_URL];
  const { base } = record;
  const isUsers = current !== undefined && current !== base?.url;
  const isOfThisRun = base?.pid === server.pid && base.url === current;
  if (isUsers || (isOfThisRun && base.key !== key)) return;
  process.env[BASE_URL] = url;
  write({ ...record, base: { url, key, pid: server.pid } });
}

module.exports = { settled, earlier, settle, offerBaseUrl };
