// The servers behind the contestants: Styxy's daemon, Google's portserver, the floor, portless' proxy; and how they are installed.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { npm } from '../../scripts/repository.mjs';
import { Skipped, atEnd, freeRange, here, root, start, target, tools, top, until } from './machine.mjs';

const built = ['release-cli', 'release', 'debug'].map((profile) => path.join(target, profile, 'styxy')).find((file) => fs.existsSync(file));
/** The program that is measured: STYXY_BINARY, else the one that `npm run build` has made, else any that cargo has. */
export const program = path.resolve(process.env.STYXY_BINARY ?? published() ?? built ?? 'styxy');

function published() {
  const folder = path.join(root, 'npm');
  const made = fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name, 'styxy')) : [];
  return made.find((file) => fs.existsSync(file));
}

/** Installs the others, once, as package-lock.json and requirements.txt say. */
export function install() {
  const lock = fs.readFileSync(path.join(here, 'package-lock.json'), 'utf8');
  const done = path.join(tools, 'package-lock.json');
  if (fs.existsSync(path.join(tools, 'node_modules')) && fs.readFileSync(done, 'utf8') === lock) return;
  fs.mkdirSync(tools, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) fs.copyFileSync(path.join(here, name), path.join(tools, name));
  const [command, words] = npm(['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
  execFileSync(command, words, { cwd: tools, stdio: 'inherit' });
}

export function versionOf(name) {
  if (name === 'portpicker') return fs.readFileSync(path.join(here, 'requirements.txt'), 'utf8').match(/^portpicker==(\S+)/m)[1];
  return JSON.parse(fs.readFileSync(path.join(tools, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** A daemon of its own, `under` another program if one is named, whose service `bench` has the ports of a range; its folder, socket, port. */
export async function daemon(name, { from, to }, under = []) {
  const home = path.join(top, name);
  fs.mkdirSync(home, { mode: 0o700 });
  const port = await freeRange(1);
  const config = {
    listen_port: port,
    overflow_range: null,
    service_types: { bench: { range: [from, to] } },
    quotas: { leases_per_checkout: 65535, waiting_per_owner: 65535 },
  };
  fs.writeFileSync(path.join(home, 'config.json'), JSON.stringify(config));
  const env = { PATH: process.env.PATH, HOME: top, STYXY_HOME: home };
  const [command, ...words] = [...under, program, 'daemon', 'run', '--detached'];
  const child = await start(command, words, { env });
  const stop = () => spawnSync(program, ['daemon', 'stop'], { env });
  atEnd(stop);
  return { home, port, env, pid: child.pid, socketPath: path.join(home, 'styxy.sock'), service: 'bench', program, stop };
}

/** The floor's socket. */
export async function floor() {
  const file = ['release', 'debug'].map((profile) => path.join(target, profile, 'examples/floor')).find((each) => fs.existsSync(each));
  if (!file) throw new Skipped('the floor is not built: cargo build --release -p styxy-daemon --example floor');
  const socket = path.join(top, `floor-${Math.random().toString(36).slice(2, 8)}.sock`);
  await start(file, [socket, String((await freeRange(2)) + 1)]);
  return socket;
}

let python;
/** A Python with portpicker, or why there is none. */
export function portpicker() {
  python ??= makePython();
  if (python.why) throw new Skipped(python.why);
  return python;
}

function makePython() {
  const venv = path.join(tools, 'venv');
  const bin = path.join(venv, 'bin');
  if (!fs.existsSync(path.join(bin, 'portserver.py'))) {
    const made = spawnSync('python3', ['-m', 'venv', venv], { encoding: 'utf8' });
    if (made.error || made.status !== 0) return { why: 'portserver: there is no python3 with venv' };
    const words = ['install', '--quiet', '--require-hashes', '--no-deps', '-r', path.join(here, 'requirements.txt')];
    const got = spawnSync(path.join(bin, 'pip'), words, { encoding: 'utf8' });
    if (got.status !== 0) return { why: `portserver: pip has not installed it: ${got.stderr.trim().split('\n').at(-1)}` };
  }
  return { bin };
}

/** Whether somebody accepts connections on a Unix socket. */
function isListening(socket) {
  return new Promise((done) => {
    const client = net.connect(socket, () => client.destroy()).on('error', () => done(false));
    client.on('connect', () => done(true));
  });
}

/** A portserver for a range; its socket and process. */
export async function portserver({ from, to }) {
  const { bin } = portpicker();
  const socket = path.join(top, `portserver-${from}.sock`);
  fs.rmSync(socket, { force: true });
  const words = [path.join(bin, 'portserver.py'), `--portserver_static_pool=${from}-${to}`, `--portserver_address=${socket}`];
  const child = await start(path.join(bin, 'python'), words, { ready: false });
  child.stdout.resume();
  await until('portserver listens', () => isListening(socket));
  return { socket, pid: child.pid, stop: () => child.kill('SIGKILL') };
}

/** portless' proxy, with names for ports; it asks for Node 24, which `npm run test:nodes -- 24` keeps. */
export async function portless(names) {
  const node = path.join(target, `tools/node-24/node_modules/node-${process.platform}-${process.arch}/bin/node`);
  const major = Number(process.versions.node.split('.')[0]);
  const runtime = major >= 24 ? process.execPath : fs.existsSync(node) ? node : null;
  if (!runtime) throw new Skipped('portless: it needs Node 24; npm run test:nodes -- 24 gets one');
  const port = await freeRange(1);
  const state = path.join(top, `portless-${port}`);
  const own = { PORTLESS_PORT: String(port), PORTLESS_HTTPS: '0', PORTLESS_SYNC_HOSTS: '0', PORTLESS_STATE_DIR: state };
  const env = { PATH: `${path.dirname(runtime)}:${process.env.PATH}`, HOME: top, ...own };
  const bin = path.join(
    tools,
    'node_modules',
    JSON.parse(fs.readFileSync(path.join(tools, 'node_modules/portless/package.json'), 'utf8')).bin.portless,
  );
  const run = (...words) =>
    spawnSync(runtime, [bin.replace('/node_modules/', '/node_modules/portless/'), ...words], { env, encoding: 'utf8', timeout: 30_000 });
  const proxy = await start(
    runtime,
    [bin.replace('/node_modules/', '/node_modules/portless/'), 'proxy', 'start', '--foreground', '-p', String(port), '--no-tls'],
    { env, ready: false },
  );
  proxy.stdout.resume();
  await until('portless listens', () =>
    fs.readFileSync('/proc/net/tcp', 'utf8').includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`),
  );
  for (const [name, to] of Object.entries(names)) {
    const { status, stderr } = run('alias', name, String(to));
    if (status !== 0) throw new Skipped(`portless: it takes no name: ${stderr.trim().split('\n')[0]}`);
  }
  return { port, pid: proxy.pid, stop: () => proxy.kill('SIGTERM') };
}
