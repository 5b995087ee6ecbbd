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

/** The servers of this run, in the order of the config: what this process decided, or its parent. */
function ofThisRun() {
  const servers = Object.values(read().servers);
  const mine = servers.filter(({ pid }) => pid === process.pid);
  return mine.length > 0 ? mine : servers.filter(({ pid }) => pid === process.ppid);
}

function settle(ask, { port, namedUrl, reuse }) {
  const record = read();
  const { service, name } = ask;
  const server = { pid: process.pid, port, namedUrl, reuse, service, name };
  // In the order of the config, also inside of another run. A later evaluation keeps the order.
  if (record.servers[keyOf(ask)]?.pid !== process.pid) delete record.servers[keyOf(ask)];
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

/** Gives tests, and the other servers, the variables of a server; of several of one service type those of the first. */
function offerVariables(ask, variables) {
  const first = ofThisRun().find(({ service }) => service === ask.service);
  if (first.port === read().servers[keyOf(ask)].port) Object.assign(process.env, variables);
}

module.exports = { settled, earlier, settle, ofThisRun, offerBaseUrl, offerVariables };
