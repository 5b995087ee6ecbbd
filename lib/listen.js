'use strict';
// A server that listens on a leased port, and the lease that ends with it.

const { StyxyError, invalid } = require('./error.js');

/** So many ports in a row are not stolen by chance. */
const TRIES = 16;

/**
 * Makes `server` listen on a port leased for it. Between the grant and the bind another program may take the port: then
 * another one is leased, unless the options insist.
 */
async function listen(client, server, given = {}) {
  if (typeof given !== 'object' || given === null) throw invalid('options', kindOf(given), 'an object');
  const { host, ...options } = given;
  check(server, host, options);
  const stolen = [];
  try {
    for (;;) {
      let lease = await client.allocate(stolen.length === 0 ? options : another(options));
      // Another server of this process listens there, and keeps its lease.
      if (lease.reused && lease.state === 'active') lease = await client.allocate(another(options));
      if (lease.existing) throw new StyxyError(lease.reason, { code: 'port_unavailable', details: { port: lease.port } });
      try {
        await bind(server, lease.port, host);
      } catch (cause) {
        // Kept until there is one that works: the daemon may not see what keeps this one from being bound.
        stolen.push(lease);
        if (cause.code !== 'EADDRINUSE') throw cause;
        if (options.exact || stolen.length === TRIES) throw taken(lease.port, cause);
        continue;
      }
      // Whoever closes a server does not wait for this, and the lease would end with the process anyway.
      server.once('close', () => lease.release().catch(() => {}));
      return lease;
    }
  } finally {
    await Promise.all(stolen.map((lease) => lease.release()));
  }
}

function check(server, host, options) {
  // Loaded here, since only a few programs that lease a port listen through us, and it takes 2 ms.
  const { Server } = require('node:net');
  if (!(server instanceof Server)) throw invalid('server', `${kindOf(server)}`, 'a net.Server, such as http.createServer() gives');
  if (server.listening) throw invalid('server', 'it listens already', 'a server that does not listen yet');
  if (host !== undefined && typeof host !== 'string') throw invalid('host', kindOf(host), 'a host name or an address');
  if (options.dryRun) throw invalid('dryRun', 'true', 'false: a server needs a lease');
}

function kindOf(value) {
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

/** The same, asked for once more: the same answer is just what is not wanted. */
function another(options) {
  const { requestId, reuse, ...rest } = options;
  return rest;
}

function taken(port, cause) {
  const message = `port ${port} was taken by another program before the server could bind it`;
  return new StyxyError(message, { code: 'port_unavailable', hint: `styxy check ${port}`, details: { port }, cause });
}

/** In a cluster's worker too the port is this process' own. */
async function bind(server, port, host) {
  const { once } = require('node:events');
  server.listen({ port, host, exclusive: true });
  await once(server, 'listening');
}

module.exports = { listen };
