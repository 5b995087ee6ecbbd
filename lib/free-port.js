'use strict';

// A port that is free now, without a daemon: somebody else may take it the next instant. Synchronous, so another process
// looks. As a program it prints the first free port of its arguments, else one that the system picks.

const { execFileSync } = require('node:child_process');
const net = require('node:net');

function freePortSync(...wishes) {
  const words = wishes.filter((wish) => wish !== undefined).map(String);
  // Without the options of this process: a debugger, say, would want its own port.
  const env = { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' };
  return Number(execFileSync(process.execPath, [__filename, ...words], { env, encoding: 'utf8' }));
}

/** The port that a listener on every address, IPv4 and IPv6, gets when it asks for `port`; nothing if it is taken. */
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

async function main(wishes) {
  for (const wish of [...wishes.map(Number), 0]) {
    const port = await listen(wish);
    if (port !== undefined) return process.stdout.write(`${port}\n`);
  }
  throw new Error('no port is free');
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { freePortSync };
