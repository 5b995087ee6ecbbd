// The machine of the documents: Ada's home, her shop with two more worktrees, her blog, her market with two packages, and
// the ports as the pages name them. A page says 3000; here that is a port of this test alone, and what is printed is
// translated back.

import fs from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { Home, binary, root, run } from '../support.mjs';

// Ascending, so that a range of the pages is a range here: [first, last] of each.
const SHOWN = [
  [3000, 3004], [3100, 3103], [4000, 4019], [4173, 4173], [4999, 4999], [5173, 5173], [5199, 5199], [6006, 6010],
  [7000, 7003], [8000, 8099], [9000, 9009], [9876, 9876], [10_000, 10_019],
].flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, offset) => first + offset));
const TYPES = {
  dev: { preferred_ports: [3000, 8000], range: [8000, 8099] },
  api: { preferred_ports: [8000, 4000], range: [8000, 8099] },
  test: { preferred_ports: [9000], range: [9000, 9009] },
  storybook: { preferred_ports: [6006], range: [6006, 6010] },
  docs: { preferred_ports: [4000], range: [4000, 4019] },
  monitoring: { preferred_ports: [3100, 3101, 3102, 3103], range: [3100, 3103] },
};

const SERVER = `
const server = (await import('node:http')).createServer((_, answer) => answer.end('ok'));
server.listen(process.env.PORT, '127.0.0.1');
`;
const SHOP = {
  'package.json': '{ "type": "module", "scripts": { "dev": "vite" } }',
  'index.html': '<h1>Shop</h1>',
  'server.js': SERVER,
  '.gitignore': 'node_modules',
};
const PACKAGE = '{ "type": "module", "scripts": { "dev": "node server.js" } }';
const MARKET = {
  'package.json': '{ "private": true, "workspaces": ["packages/*"] }',
  'packages/api/package.json': PACKAGE,
  'packages/api/server.js': SERVER,
  'packages/web/package.json': PACKAGE,
  'packages/web/server.js': SERVER,
};

export class Machine {
  home;
  /** Ada's home folder. */
  ada;

  static async make() {
    const machine = new Machine();
    const config = (first) => {
      const here = (port) => first + SHOWN.indexOf(port);
      const moved = ({ preferred_ports: preferred, range }) => ({ preferred_ports: preferred.map(here), range: range.map(here) });
      const types = Object.entries(TYPES).map(([name, type]) => [name, moved(type)]);
      const overflow = [here(10_000), here(10_019)];
      return { listen_port: here(9876), overflow_range: overflow, service_types: Object.fromEntries(types) };
    };
    machine.home = await Home.make({ folder: 'ada/.styxy', config });
    machine.ada = path.join(machine.home.top, 'ada');
    await machine.#fill();
    return machine;
  }

  async #fill() {
    const git = (...words) => run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@localhost', ...words], { env: this.env() });
    const bin = path.join(this.home.top, 'bin');
    await fs.mkdir(bin);
    await fs.symlink(binary, path.join(bin, 'styxy'));
    // No browser opens while the tests run.
    await fs.writeFile(path.join(bin, 'xdg-open'), '#!/bin/sh\n', { mode: 0o755 });
    const [shop, blog, market] = ['shop', 'blog', 'market'].map((name) => path.join(this.ada, name));
    for (const dir of [shop, blog, market]) await git('init', '--quiet', '--initial-branch', 'main', dir);
    const files = [[shop, SHOP], [blog, SHOP], [market, MARKET]].flatMap(([dir, files]) =>
      Object.entries(files).map(([name, text]) => [path.join(dir, name), text]));
    for (const [file, text] of files) {
      await fs.mkdir(path.dirname(file), { recursive: true });
      await fs.writeFile(file, text);
    }
    await git('-C', shop, 'add', '.');
    await git('-C', shop, 'commit', '--quiet', '--message', 'A shop');
    const worktrees = ['login', 'fix'].map((branch) => [branch, path.join(this.ada, `shop-${branch}`)]);
    for (const [branch, dir] of worktrees) await git('-C', shop, 'worktree', 'add', '--quiet', '-b', branch, dir);
    for (const dir of [shop, blog, ...worktrees.map(([, dir]) => dir)]) await link(dir);
  }

  env() {
    const ada = path.join(this.home.top, 'ada');
    const npm = { npm_config_update_notifier: 'false', npm_config_progress: 'false' };
    const quiet = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LANG: 'C.UTF-8', ...npm };
    const env = this.home.env({ HOME: ada, PATH: `${path.join(this.home.top, 'bin')}:${process.env.PATH}`, ...quiet });
    // What runs these tests is npm: its variables are not those of a terminal.
    const kept = Object.entries(env).filter(([name]) => name in npm || !/^npm_|^(?:PORT|INIT_CWD|CI)$/.test(name));
    return Object.fromEntries(kept);
  }

  /** `text` of a page, as it is typed here. */
  translate(text) {
    // A part of an id may look like a port: `…-4f07-8012-…`.
    const ports = text.replaceAll(/(?<![\w.]|-[\da-f]{4}-|[\da-f]{8}-)\d{4,5}(?!\w)/g, (port) => {
      const at = SHOWN.indexOf(Number(port));
      return at < 0 ? port : `${this.home.first + at}`;
    });
    return ports.replaceAll('/home/ada', this.ada);
  }

  /** What was printed here, as the page shows it. */
  translateBack(text) {
    const ports = stripVTControlCharacters(text).replaceAll(/(?<!\w)\d{5}(?!\w)/g, (port) => SHOWN[port - this.home.first] ?? port);
    return ports.replaceAll(this.ada, '/home/ada');
  }
}

/** Gives a checkout the packages of this repository, and this repository as `styxy`. */
async function link(dir) {
  const modules = path.join(dir, 'node_modules');
  await fs.mkdir(path.join(modules, '.bin'), { recursive: true });
  await fs.symlink(root, path.join(modules, 'styxy'));
  for (const name of ['vite', '@types', 'undici-types']) await fs.symlink(path.join(root, 'node_modules', name), path.join(modules, name));
  await fs.symlink('../vite/bin/vite.js', path.join(modules, '.bin/vite'));
}
