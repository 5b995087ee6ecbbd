// Everything that may be on a port, and how it is put there. What Node cannot do, Python does.

import { once } from 'node:events';
import net from 'node:net';
import { start } from './machine.mjs';

const node = (options) => async (port) => {
  const server = net.createServer().listen({ port, ...options });
  await once(server, 'listening');
  return { close: () => server.close() };
};

const python = (script) => async (port) => {
  const child = await start('python3', ['-c', script, String(port)]);
  return { close: () => child.kill('SIGKILL') };
};

const BOUND = `
import socket, sys
one = socket.socket()
one.bind(('127.0.0.1', int(sys.argv[1])))
print('ready', flush=True)
sys.stdin.read()
`;

// The server closes first, so the port keeps a connection that nobody has any more.
const TIME_WAIT = `
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', int(sys.argv[1])))
server.listen()
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
accepted, _ = server.accept()
accepted.close()
client.recv(1)
client.close()
server.close()
print('ready', flush=True)
sys.stdin.read()
`;

export const listeners = {
  '127.0.0.1': node({ host: '127.0.0.1' }),
  '0.0.0.0': node({ host: '0.0.0.0' }),
  '::1': node({ host: '::1' }),
  ':: (v6 only)': node({ host: '::', ipv6Only: true }),
  ':: (both)': node({ host: '::' }),
  '127.0.0.2': node({ host: '127.0.0.2' }),
  'bound, silent': python(BOUND),
  TIME_WAIT: python(TIME_WAIT),
};
