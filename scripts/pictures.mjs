// The pictures of README: the live view in a browser (PNG) and in a terminal (SVG), of real servers in two repositories.
//
//   node scripts/pictures.mjs      after `cargo build`; needs Linux, Chromium, git, python3 and util-linux' `script`
//
// Nothing is drawn by hand. The temporary folder is written as a person's home, and what else runs on this machine is left out.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

import { Chromium, missing } from '../__test__/chromium.mjs';
import { Home, binary, eventually, root } from '../__test__/support.mjs';

const COLUMNS = 104;
const ROWS = 22;
const HOME = '/home/ada';
const SERVER = "require('node:http').createServer((_, answer) => answer.end('ok')).listen(process.env.PORT, '127.0.0.1')";
const TAKER =
  'import http.server, os; http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()';

if (missing) throw new Error(missing);
const folder = path.join(root, 'docs/pictures');
fs.mkdirSync(folder, { recursive: true });
const usual = (first) => {
  const type = (from) => ({ preferred_ports: [from], range: [from, from + 99] });
  return { listen_port: first, service_types: { dev: type(3000), api: type(8000), storybook: type(6006) } };
};
const home = await Home.make({ config: usual });
const user = path.join(home.top, 'ada');
const env = home.env({ HOME: user, NO_COLOR: '', TERM: 'xterm-256color' });
delete env.NO_COLOR;
const running = [];

function git(at, ...words) {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'init.defaultBranch=main'];
  spawnSync('git', [...identity, ...words], { cwd: path.join(user, at), env, stdio: 'ignore' });
}

function repository(name) {
  fs.mkdirSync(path.join(user, name), { recursive: true });
  git(name, 'init');
  git(name, 'commit', '--allow-empty', '-m', 'first');
}

/** Starts a program in a folder below the home; it ends with this script. */
function start(at, command, words, more = {}) {
  const child = spawn(command, words, { cwd: path.join(user, at), env: { ...env, ...more }, stdio: 'ignore', detached: true });
  running.push(child);
  return child;
}

const styxy = (at, ...words) => spawnSync(binary, words, { cwd: path.join(user, at), env, encoding: 'utf8' });
const allocate = (at, ...words) => JSON.parse(styxy(at, 'allocate', '--json', ...words).stdout);
const isUp = (count) =>
  eventually('the servers are up', async () => {
    const { allocations } = JSON.parse(styxy('shop', 'list', '--json').stdout);
    return allocations.filter(({ state }) => state === 'active').length >= count;
  });

async function demonstrate() {
  for (const name of ['shop', 'billing']) repository(name);
  git('shop', 'worktree', 'add', '-b', 'feature/login', '../shop-login');
  start('shop', binary, ['run', '-n', 'web', '--', 'node', '-e', SERVER]);
  start('shop', binary, ['run', '-s', 'api', '--', 'node', '-e', SERVER]);
  start('shop-login', binary, ['run', '-n', 'web', '--', 'node', '-e', SERVER], { STYXY_INSTANCE: 'claude-51204' });
  await isUp(3);
  styxy('shop-login', 'allocate', '-s', 'storybook', '--instance', 'claude-51204');
  // A stranger takes the port of a lease.
  const { port } = allocate('billing', '-s', 'dev');
  fs.mkdirSync(path.join(user, 'elsewhere/.git'), { recursive: true });
  start('elsewhere', 'python3', ['-c', TAKER], { PORT: String(port) });
  // An agent aims at the server of the other worktree: the guard refuses that.
  const web = JSON.parse(styxy('shop', 'list', '--json').stdout).allocations.find(({ project_path: at }) => at.endsWith('/shop'));
  const kill = start('shop-login', binary, ['agent', '--', 'sh', '-c', `kill ${web.listener.pid}`], { STYXY_INSTANCE: 'claude-51204' });
  await once(kill, 'exit');
  await eventually('the stranger is seen', () => styxy('shop', 'list', '--json').stdout.includes('"conflict":{'));
}

async function page() {
  const browser = await Chromium.start();
  try {
    const tab = await browser.tab();
    await tab.send('Emulation.setDeviceMetricsOverride', { width: 1120, height: 1400, deviceScaleFactor: 1, mobile: false });
    await tab.open(`http://localhost:${home.first}/`);
    await tab.until("document.querySelectorAll('#services tr.conflict').length > 0");
    await tab.get(`(() => {
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (const group of document.querySelectorAll('#services tbody')) {
        if (!group.textContent.includes(${JSON.stringify(user)})) group.remove();
      }
      while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replaceAll(${JSON.stringify(user)}, ${JSON.stringify(HOME)});
    })()`);
    const height = await tab.get("document.querySelector('footer').getBoundingClientRect().bottom + 16");
    fs.writeFileSync(path.join(folder, 'view.png'), await tab.picture({ width: 1120, height }));
  } finally {
    await browser.end();
  }
}

/** The last frame that `styxy top` draws, as lines with their colours. */
async function frame() {
  const line = `stty cols ${COLUMNS} rows ${ROWS}; exec ${binary} top`;
  const terminal = spawn('script', ['-qefc', line, '/dev/null'], { cwd: user, env, stdio: ['pipe', 'pipe', 'ignore'] });
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text) => (shown += text));
  const last = () => shown.split('\x1b[H').at(-1);
  await eventually('it is drawn', () => /conflict[^]*q ends/.test(last()));
  const lines = last().replace('\x1b[2J', '').replaceAll('\x1b[2K', '').replaceAll('\x1b[J', '').split('\r\n');
  terminal.stdin.write('q');
  await once(terminal, 'exit');
  return lines.slice(0, ROWS);
}

const COLOURS = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#79c0ff' };

/** One line as SVG: a run of letters for each style, and a box behind what is inverted. */
function drawn(line, at) {
  const [wide, high] = [8.4, 19];
  const y = 22 + at * high;
  let style = {};
  let column = 0;
  let out = '';
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1].split(';').map(Number);
    if (codes) {
      for (const code of codes) {
        if (code === 0) style = {};
        else if (code === 1) style.bold = true;
        else if (code === 2) style.faint = true;
        else if (code === 7) style.inverse = true;
        else if (COLOURS[code]) style.colour = COLOURS[code];
      }
      continue;
    }
    if (part === '') continue;
    const x = (12 + column * wide).toFixed(1);
    const width = (part.length * wide).toFixed(1);
    if (style.inverse) out += `<rect x="${x}" y="${y - 14}" width="${width}" height="${high}" fill="#3d4450"/>`;
    const fill = style.colour ?? (style.faint ? '#8b949e' : '#e6edf3');
    const weight = style.bold ? ' font-weight="bold"' : '';
    const escaped = part.replace(/[&<> ]/g, (letter) => `&#${letter === ' ' ? 160 : letter.charCodeAt(0)};`);
    if (part.trim()) out += `<text x="${x}" y="${y}" fill="${fill}"${weight} textLength="${width}">${escaped}</text>`;
    column += part.length;
  }
  return out;
}

async function terminal() {
  const lines = await frame();
  const [width, height] = [24 + COLUMNS * 8.4, 16 + ROWS * 19];
  const font = 'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14"';
  const body = lines.map(drawn).join('\n');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="styxy top"><rect width="100%" height="100%" rx="8" fill="#0d1117"/><g ${font}>\n${body}\n</g></svg>\n`;
  fs.writeFileSync(path.join(folder, 'top.svg'), svg);
}

try {
  await demonstrate();
  await page();
  await terminal();
} finally {
  for (const { pid } of running) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  await home.end();
}
for (const name of ['view.png', 'top.svg']) console.log(`docs/pictures/${name}  ${fs.statSync(path.join(folder, name)).size} bytes`);
