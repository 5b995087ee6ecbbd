// What the tests of `styxy up` with real tools share: a folder with the tools, worktrees of one repository, the command, its keeper,
// requests to its services, and whether any process is left. `npm run test:up` runs them all; they are for Linux.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

import { installed } from '../integrations/tools.mjs';
import { DEADLINE, Home, binary, eventually, isFree, run } from '../support.mjs';

/** The tools, with the versions that the repository's other tests have. */
const PACKAGES = {
  '@dotenvx/dotenvx': '^2',
  '@storybook/html-vite': '^10',
  bun: '^1',
  concurrently: '^9',
  'dotenv-cli': '^11',
  'env-cmd': '^11',
  foreman: '^3',
  'http-server': '^14',
  lerna: '^9',
  nx: '^22',
  pnpm: '^12',
  storybook: '^10',
  turbo: '^2',
  vite: '^8',
};
/** Next refuses files outside of the project, so its packages are no links. */
const NEXT = { next: '^16', react: '^19', 'react-dom': '^19' };
const QUIET = {
  NEXT_TELEMETRY_DISABLED: '1',
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_TUI: 'false',
  STORYBOOK_DISABLE_TELEMETRY: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  npm_config_update_notifier: 'false',
  // The packages are links into the folder of the tools: pnpm is to install none, and no other version of itself.
  pnpm_config_pm_on_fail: 'ignore',
  pnpm_config_verify_deps_before_run: 'false',
};

/** A daemon's folder, the tools, and repositories whose services are started. */
export class Stacks {
  home;
  tools;

  static async make() {
    const stacks = new Stacks();
    stacks.home = await Home.make();
    stacks.tools = await installed('up', PACKAGES);
    const own = path.join(stacks.home.top, 'bin');
    await fs.mkdir(own);
    await fs.symlink(binary, path.join(own, 'styxy'));
    return stacks;
  }

  /** Ends every service, the daemon, and the folder. */
  async end() {
    for (const dir of this.#dirs) await this.styxy(dir, 'down', '--now').catch(() => undefined);
    await this.home.end();
  }

  #dirs = new Set();

  env(more = {}) {
    const bin = [path.join(this.home.top, 'bin'), path.join(this.tools, 'node_modules/.bin'), process.env.PATH];
    const unset = { NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined, PORT: undefined };
    return this.home.env({ ...unset, ...QUIET, PATH: bin.join(path.delimiter), ...more });
  }

  /** The version of a tool. */
  async version(tool) {
    return JSON.parse(await fs.readFile(path.join(this.tools, 'node_modules', tool, 'package.json'), 'utf8')).version;
  }

  /** Puts Next and what it needs into the folder, as hard links where that is possible. */
  async next(folder) {
    const from = path.join(await installed('next', NEXT), 'node_modules');
    const copy = (how) => run('cp', [how, from, folder]);
    if ((await copy('-al')).code !== 0) await succeeds('cp', ['-a', from, folder]);
  }

  /** A git repository with these files and worktrees of it, by their names; each finds `linked` in its node_modules. */
  async worktrees(names, files, linked = {}) {
    const dirs = names.map((name) => path.join(this.home.top, name));
    await write(dirs[0], { '.gitignore': 'node_modules\n.next\n.nx\n.turbo\n', ...files });
    await succeeds('git', ['init', '--quiet', '--initial-branch', names[0], dirs[0]]);
    await this.git(dirs[0], 'add', '--all');
    await this.git(dirs[0], 'commit', '--quiet', '--message', 'first');
    for (const dir of dirs.slice(1)) await this.git(dirs[0], 'worktree', 'add', '--quiet', dir);
    for (const dir of dirs) {
      this.#dirs.add(dir);
      for (const [folder, tools] of Object.entries(linked)) await this.link(path.join(dir, folder), tools);
    }
    return dirs;
  }

  async git(dir, ...words) {
    await succeeds('git', ['-C', dir, '-c', 'user.name=ada', '-c', 'user.email=ada@example.com', ...words]);
  }

  /** Puts packages of the tools into the folder's node_modules. */
  async link(folder, packages) {
    for (const name of packages) {
      const link = path.join(folder, 'node_modules', name);
      await fs.mkdir(path.dirname(link), { recursive: true });
      await fs.symlink(path.join(this.tools, 'node_modules', name), link);
    }
  }

  /** `styxy` with these words in a worktree: its exit code, and what it printed. */
  styxy(dir, ...words) {
    this.#dirs.add(dir);
    return run(binary, words, { cwd: dir, env: this.env() });
  }

  /** `styxy up -d`, which succeeds: the services by their names, and what was said. */
  async up(dir, ...words) {
    const { code, stdout, stderr } = await this.styxy(dir, 'up', '-d', '--json', ...words);
    assert.equal(code, 0, `${stdout}${stderr}\n${(await this.styxy(dir, 'logs')).stdout}`);
    return { services: byName(JSON.parse(stdout).services), said: stderr };
  }

  /** The services as `styxy ps` shows them, by their names. */
  async ps(dir) {
    const { code, stdout, stderr } = await this.styxy(dir, 'ps', '--json');
    assert.equal(code, 0, stderr);
    return byName(JSON.parse(stdout).services);
  }

  /** What a service has printed since its last start, as a program gets it. */
  async log(dir, service) {
    const { code, stdout, stderr } = await this.styxy(dir, 'logs', service, '--since-start', '-n', '100000');
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async down(dir, ...words) {
    const { code, stdout, stderr } = await this.styxy(dir, 'down', ...words);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** The pid of the worktree's keeper. */
  async keeper(dir) {
    for (const { pid, words } of await processes()) if (words[1] === 'keeper' && words.includes(dir)) return pid;
    return assert.fail(`no keeper of ${dir}`);
  }

  /** The pid of the daemon. */
  async daemon() {
    return JSON.parse(await fs.readFile(path.join(this.home.path, 'daemon.json'), 'utf8')).pid;
  }

  /** What runs in one of the worktrees or was started for one, but for the daemon, and what a test has started by itself. */
  async left(but = []) {
    const known = [await this.daemon(), process.pid, ...but];
    const variable = `STYXY_HOME=${this.home.path}`;
    const isTheirs = ({ pid, cwd, environment }) => !known.includes(pid) && (cwd.startsWith(`${this.home.top}/`) || environment.includes(variable));
    return (await processes()).filter(isTheirs);
  }

  /** Waits until nothing of any worktree runs and these ports are free; gives the milliseconds that it took. */
  async isOver(ports, but = []) {
    const began = performance.now();
    let left = [];
    const nothing = async () => {
      left = await this.left(but);
      return left.length === 0 && (await Promise.all(ports.map(isFree))).every(Boolean);
    };
    await eventually('nothing is left', nothing).catch((error) => {
      assert.fail(`${error.message}: ${left.map(({ pid, words }) => `${pid} ${words.join(' ')}`).join('\n')}`);
    });
    return performance.now() - began;
  }
}

const byName = (services) => Object.fromEntries(services.map((service) => [service.service, service]));

/** Every process of this machine that may be looked at, but for zombies. */
async function processes() {
  const pids = (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(pids.map(processOf));
  return all.filter((process) => process !== undefined);
}

async function processOf(pid) {
  try {
    const text = (file) => fs.readFile(`/proc/${pid}/${file}`, 'utf8');
    const [words, environment, cwd] = await Promise.all([text('cmdline'), text('environ'), fs.readlink(`/proc/${pid}/cwd`)]);
    return { pid: Number(pid), words: words.split('\0').slice(0, -1), environment: environment.split('\0'), cwd };
  } catch {
    // It has ended, or is somebody else's.
    return undefined;
  }
}

/** Writes files into a folder; what is not text becomes JSON. */
export async function write(dir, files) {
  for (const [name, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await fs.writeFile(path.join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
}

export async function succeeds(command, words, options) {
  const { code, stdout, stderr } = await run(command, words, options);
  assert.equal(code, 0, `${command} ${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Asks a URL, also one whose host is a name of the front door; a connection of its own each time. */
export async function ask(url, headers = {}) {
  const { hostname, port, pathname, search } = new URL(url);
  // Whatever the name is, it is this machine's.
  const options = { host: 'localhost', port, path: `${pathname}${search}`, agent: false, timeout: DEADLINE };
  return new Promise((resolve, reject) => {
    const request = http.get({ ...options, headers: { host: `${hostname}:${port}`, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part)).on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer from ${url}`))).on('error', reject);
  });
}

/** `12 ms` */
export const ms = (time) => `${Math.round(time)} ms`;
