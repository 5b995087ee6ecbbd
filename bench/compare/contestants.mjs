// Everyone who is asked for a port, in one form: `pick()` gives a port, and `release()`, if it has one, gives it back.
// A contestant runs in a process of its own (worker.mjs), which knows the range, the sockets and the folder from its environment.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { request, root, tools } from './machine.mjs';

const run = promisify(execFile);
const others = createRequire(path.join(tools, 'package.json'));
const load = (name) => import(pathToFileURL(others.resolve(name)));

/** By name; `holds` says that the socket is kept from the pick on, `range` that it picks from a range that is given. */
export const CONTESTANTS = {
  'Styxy, addon': {
    range: true,
    async open({ service }) {
      const styxy = createRequire(import.meta.url)(path.join(root, 'index.js'));
      return { pick: async () => back(await styxy.allocate({ service }), (lease) => styxy.release(lease)) };
    },
  },
  'Styxy, REST': {
    range: true,
    open: ({ service, socketPath, clients }) => overHttp({ socketPath, service, clients }),
  },
  'Styxy, command': {
    range: true,
    async open({ service, program }) {
      const release = (port) => run(program, ['release', String(port)]);
      return { pick: async () => back(Number((await run(program, ['allocate', '-s', service, '-q'])).stdout), release) };
    },
  },
  'get-port': {
    range: true,
    async open({ from, to }) {
      const { default: getPort, portNumbers, clearLockedPorts } = await load('get-port');
      return { pick: async () => ({ port: await getPort({ port: portNumbers(from, to) }), release: async () => clearLockedPorts() }) };
    },
  },
  'detect-port': {
    range: true,
    async open({ from }) {
      const { detect } = await load('detect-port');
      return { pick: async () => ({ port: await detect(from) }) };
    },
  },
  portfinder: {
    range: true,
    async open({ from, to }) {
      const { default: portfinder } = await load('portfinder');
      return { pick: async () => ({ port: await portfinder.getPortPromise({ port: from, stopPort: to }) }) };
    },
  },
  'get-port-please': {
    range: true,
    async open({ from, to }) {
      const { getPort } = await load('get-port-please');
      return { pick: async () => ({ port: await getPort({ port: from, portRange: [from, to] }) }) };
    },
  },
  portserver: {
    range: true,
    needs: 'portserver',
    open: async ({ portserver }) => ({ pick: async () => ({ port: Number(await line(portserver, `${process.pid}\n`)) }) }),
  },
  'bind(0)': {
    holds: true,
    async open() {
      return {
        async pick() {
          const server = net.createServer().listen(0);
          await once(server, 'listening');
          return { port: server.address().port, server, release: async () => server.close() };
        },
      };
    },
  },
  'axum floor': {
    isFloor: true,
    needs: 'floor',
    open: ({ floor, clients }) => overHttp({ socketPath: floor, service: 'bench', clients }),
  },
};

async function overHttp({ socketPath, service, clients = 1 }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const body = { service_type: service, pid: process.pid };
  return {
    async pick() {
      const { port, lock_id: id } = await request(agent, { socketPath, body });
      return { port, release: () => request(agent, { socketPath, method: 'DELETE', route: `/allocate/${id}` }) };
    },
    close: () => agent.destroy(),
  };
}

function back(lease, release) {
  return { port: lease.port ?? lease, release: () => release(lease) };
}

/** One line to a socket that is opened for it, and what comes back, as portpicker's own client does. */
async function line(socketPath, text) {
  const socket = net.connect(socketPath);
  socket.setEncoding('utf8').end(text);
  let said = '';
  for await (const piece of socket) said += piece;
  if (said.trim() === '') throw new Error('portserver has no port left');
  return said.trim();
}
