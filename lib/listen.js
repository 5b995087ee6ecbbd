'use strict';
// A server that listens on a leased port, and the lease that ends with it.

const { withoutSignal } = require('./abort.js');
const { StyxyError, invalid } = require('./error.js');
const { isInUse } = require('./lease.js');

/** That many ports in a row are not taken by chance. */
const TRIES = 16;

/**
 * Makes `server` listen on a port leased for it. Between the grant and the bind another program may take the port: then
 * another one is leased, unless the options insist.
 */
async function listen(client, server, given = {}) {
  if (typeof given !== 'object' || given === null) throw invalid('options', kindOf(given), 'an object');
  const [signal, { host, ...options }] = withoutSignal(given);
  check(server, host, options);
  // Loaded when it is: a worker has it in memory before its own first line.
  const { isWorker } = require('node:cluster');
  const work = isWorker ? listenTogether : listenAlone;
  const allocate = (wanted) => client.allocate({ ...wanted, signal });
  try {
    return await work(allocate, server, { host, signal }, options);
  } catch (error) {
    // Node's own functions wrap it.
    throw signal?.aborted ? signal.reason : error;
  }
}

async function listenAlone(allocate, server, where, options) {
  const stolen = [];
  try {
    for (;;) {
      let lease = await allocate(stolen.length === 0 ? options : another(options));
      // Another server of this process listens there and keeps its lease.
      if (isInUse(lease)) lease = await allocate(another(options));
      if (lease.existing) throw new StyxyError(lease.reason, { code: 'port_unavailable', details: { port: lease.port } });
      try {
        await bind(server, { port: lease.port, exclusive: true, ...where });
      } catch (cause) {
        // It is released only when another port works: the daemon may not see what prevents this bind.
        stolen.push(lease);
        if (cause.code !== 'EADDRINUSE') throw cause;
        if (options.exact || stolen.length === TRIES) throw taken(lease.port, cause);
        continue;
      }
      // Nobody waits for this after a close, and the lease ends with the process anyway.
      server.once('close', () => lease.release().catch(() => {}));
      return lease;
    }
  } finally {
    await Promise.all(stolen.map((lease) => lease.release()));
  }
}

/**
 * A worker of `node:cluster` listens on its primary's port, with all the others: the primary owns the lease, hands out the
 * connections, and gives the lease back with its end.
 */
async function listenTogether(allocate, server, where, options) {
  const lease = await allocate({ ...options, pid: options.pid ?? process.ppid, reuse: options.reuse ?? true });
  try {
    await bind(server, { port: lease.port, ...where });
  } catch (cause) {
    throw cause.code === 'EADDRINUSE' ? taken(lease.port, cause) : cause;
  }
  return lease;
}

function check(server, host, options) {
  if (!isServer(server)) throw invalid('server', `${kindOf(server)}`, 'a net.Server, such as http.createServer() gives');
  if (server.listening) throw invalid('server', 'it listens already', 'a server that does not listen yet');
  if (host !== undefined && typeof host !== 'string') throw invalid('host', kindOf(host), 'a host name or an address');
  if (options.dryRun) throw invalid('dryRun', 'true', 'false: a server needs a lease');
  if (options.block) throw invalid('block', `${options.block}`, 'none: a server listens on one port');
}

/** By what it can do: in Bun a server of `node:http` is not an instance of `net.Server`. */
function isServer(value) {
  const can = (name) => typeof value[name] === 'function';
  return typeof value === 'object' && value !== null && 'listening' in value && ['listen', 'close', 'once'].every(can);
}

function kindOf(value) {
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

/** The options for another port: the same lease must not be the answer again. */
function another(options) {
  const { requestId, reuse, ...rest } = options;
  return rest;
}

function taken(port, cause) {
  const message = `port ${port} was taken by another program before the server could bind it`;
  return new StyxyError(message, { code: 'port_unavailable', hint: `styxy check ${port}`, details: { port }, cause });
}

/** As in Node, a signal that is aborted closes the server, now and later. */
async function bind(server, where) {
  const { once } = require('node:events');
  server.listen(where);
  await once(server, 'listening', { signal: where.signal });
}

module.exports = { listen };
