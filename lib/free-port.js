'use strict';

// A port that is free now but not leased; another program may take it. The call is synchronous, so a child process looks
// for the port. As a program, this file prints the first free port of its arguments, else one that the system picks.

const { execFileSync } = require('node:child_process');
const net = require('node:net');

function freePortSync(...preferred) {
  const words = preferred.filter((port) => port !== undefined).map(String);
  // Without the options of this process: a debugger, for example, would need a port of its own.
  const env = { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' };
  return Number(execFileSync(process.execPath, [__filename, ...words], { env, encoding: 'utf8' }));
}

/** The port of a listener on all addresses, IPv4 and IPv6, that asks for `port`; undefined if it is taken. */
function listen(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, () => {
      const { port: got } = server.address();
      server.close(() => resolve(got));
    });
  });
}

async function main(preferred) {
  for (const wanted of [...preferred.map(Number), 0]) {
    const port = await listen(wanted);
    if (port !== undefined) return process.stdout.write(`${port}\n`);
  }
  throw new Error('no port is free');
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { freePortSync };
