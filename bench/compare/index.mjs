// Styxy beside everybody else who gives ports, in one run and in turn, so that the ratios count on a busy machine too.
//
//   npm run bench                    the whole: about half an hour, on a quiet machine
//   npm run bench -- --quick         small counts, to see that all of it runs; writes nothing but into a temporary folder
//   npm run bench -- --only race     one part: race, picks, growth, fresh, cold, idle, door, blind
//
// It needs `npm run build` and `cargo build --release -p styxy-daemon --example floor`. The others come from npm and PyPI by their lock
// files; who is missing is skipped, and the page says why. A whole run writes bench/results/, docs/PERFORMANCE.md and README.md.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CONTESTANTS } from './contestants.mjs';
import { listeners } from './listeners.mjs';
import { Skipped, end, machine, quantile, root, top } from './machine.mjs';
import { chart, markdown, summary } from './report.mjs';
import { door, fresh, growth, idle } from './rows-life.mjs';
import { blind, cold, race, spell } from './rows-picks.mjs';
import { daemon, install, program, versionOf } from './servers.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } });
const counts = options.quick
  ? {
      rounds: 1,
      sizes: [4],
      gapMs: 50,
      clients: [1, 4],
      ms: 300,
      most: 300,
      levels: [0, 100],
      pairs: 50,
      fresh: 2,
      cold: 3,
      leases: 5,
      seconds: 1,
      requests: 50,
      restarts: 1,
    }
  : {
      rounds: 5,
      sizes: [16, 64],
      gapMs: 100,
      clients: [1, 16, 64],
      ms: 2000,
      most: 1500,
      levels: [0, 1000, 10_000, 30_000],
      pairs: 1000,
      fresh: 20,
      cold: 50,
      leases: 100,
      seconds: 20,
      requests: 300,
      restarts: 5,
    };

const names = Object.keys(CONTESTANTS);
const askers = names.filter((name) => !CONTESTANTS[name].isFloor);
const skipped = new Map();

/** Does one thing for a contestant; one that cannot take part is skipped from then on, with its reason. */
async function tries(name, part, what) {
  if (skipped.has(name)) return undefined;
  process.stderr.write(`${part}: ${name}\n`);
  try {
    return await what();
  } catch (error) {
    if (error instanceof Skipped) skipped.set(name, error.message);
    else {
      // One line for all its rounds: they differ in the ports of the range.
      const where = `${name} (${part.split(',')[0]})`;
      if (!skipped.has(where)) skipped.set(where, `${where}: ${error.message.split('\n')[0]}`);
    }
    process.stderr.write(`  skipped: ${error.message}\n`);
    return undefined;
  }
}

/** Everybody in turn, so many rounds, each round beginning with the next one. */
async function inTurn(everybody, part, what) {
  const found = Object.fromEntries(everybody.map((name) => [name, []]));
  for (let round = 0; round < counts.rounds; round++) {
    const order = everybody.map((_, index) => everybody[(index + round) % everybody.length]);
    for (const name of order) {
      const one = await tries(name, `${part}, round ${round + 1} of ${counts.rounds}`, () => what(name));
      if (one !== undefined) found[name].push(one);
    }
  }
  return Object.entries(found).filter(([, all]) => all.length > 0);
}

const median = (all, key) =>
  quantile(
    all.map((one) => one[key]),
    0.5,
  );

const PARTS = {
  async race() {
    const found = {};
    for (const processes of counts.sizes) {
      for (const [name, all] of await inTurn(askers, `race of ${processes}`, (name) => race(name, { processes, gapMs: counts.gapMs }))) {
        const sum = (key) => all.reduce((total, one) => total + one[key], 0);
        found[name] = {
          ...found[name],
          [processes]: { failed: sum('failed'), of: sum('processes'), why: all.find(({ why }) => why)?.why },
        };
      }
    }
    return found;
  },

  async picks() {
    const found = {};
    for (const clients of counts.clients) {
      const { ms, most } = counts;
      for (const [name, all] of await inTurn(names, `picks, ${clients} at once`, (name) => spell(name, { clients, ms, most }))) {
        found[name] = {
          ...found[name],
          [clients]: { p50: median(all, 'p50'), p99: median(all, 'p99'), perSecond: median(all, 'perSecond') },
        };
      }
    }
    return found;
  },

  async growth() {
    return (await tries('Styxy', 'growth', () => growth(counts.levels, counts.pairs))) ?? {};
  },

  async fresh() {
    const found = {};
    for (const name of ['Styxy', 'portserver']) {
      const times = [];
      for (let count = 0; count < counts.fresh; count++) {
        const ms = await tries(name, 'fresh', () => fresh(name));
        if (ms === undefined) break;
        times.push(ms);
      }
      if (times.length > 0) found[name] = { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    }
    return found;
  },

  async cold() {
    const { env, stop } = await daemon('cold', { from: 12_000, to: 31_999 });
    const commands = {
      '/bin/true': ['/bin/true', []],
      'node -e 0': [process.execPath, ['-e', '0']],
      'styxy allocate': [program, ['allocate', '-s', 'bench', '-q']],
      'styxy check 8000': [program, ['check', '8000']],
      'styxy run -- /bin/true': [program, ['run', '-s', 'bench', '--', '/bin/true']],
    };
    const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
    for (let count = -2; count < counts.cold; count++) {
      for (const [name, [command, words]] of Object.entries(commands)) {
        const ms = cold(command, words, { ...env });
        if (count >= 0) times[name].push(ms);
      }
    }
    stop();
    return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, { p50: quantile(all, 0.5), p99: quantile(all, 0.99) }]));
  },

  async idle() {
    const found = {};
    for (const name of ['Styxy', 'portserver', 'portless']) {
      const one = await tries(name, 'idle', () => idle(name, counts));
      if (one) found[name] = one;
    }
    return found;
  },

  async door() {
    const found = await tries('door', 'door', () => door({ rounds: counts.rounds, requests: counts.requests, restarts: counts.restarts }));
    if (found?.skipped) skipped.set('portless', found.skipped);
    return found ?? {};
  },

  async blind() {
    const kinds = Object.keys(listeners);
    const found = {};
    for (const name of askers.filter((each) => CONTESTANTS[each].range)) {
      const one = await tries(name, 'blind spots', () => blind(name, kinds));
      if (one) found[name] = one;
    }
    return found;
  },
};

/** Puts a text between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a page. */
function between(file, name, text) {
  const page = fs.readFileSync(path.join(root, file), 'utf8');
  const marks = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  if (!marks.test(page)) throw new Error(`${file} has no marks for ${name}`);
  fs.writeFileSync(
    path.join(root, file),
    page.replace(marks, (_, open, close) => `${open}\n${text}\n${close}`),
  );
}

async function main() {
  if (options.only && !Object.hasOwn(PARTS, options.only)) throw new Error(`--only is one of ${Object.keys(PARTS).join(', ')}`);
  install();
  const others = ['get-port', 'detect-port', 'portfinder', 'get-port-please', 'portless', 'portpicker'];
  const results = { machine: machine(), versions: Object.fromEntries(others.map((name) => [name, versionOf(name)])) };
  results.build = path.relative(root, program);
  results.program = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
  results.flags = process.argv.slice(2).length > 0 ? ` -- ${process.argv.slice(2).join(' ')}` : '';
  const isWhole = !options.quick && !options.only;
  for (const [name, measure] of Object.entries(PARTS)) {
    if (options.only && options.only !== name) continue;
    results[name] = await measure();
  }
  results.skipped = [...skipped.values()];
  const folder = isWhole ? path.join(root, 'bench/results') : fs.mkdtempSync(path.join(path.dirname(top), 'styxy-bench-'));
  fs.mkdirSync(folder, { recursive: true });
  const page = markdown(results);
  fs.writeFileSync(path.join(folder, 'compare.json'), `${JSON.stringify(results, null, 2)}\n`);
  fs.writeFileSync(path.join(folder, 'compare.md'), page);
  fs.writeFileSync(path.join(folder, 'compare.svg'), await chart(results));
  if (isWhole) {
    const picture = '![Who cannot listen on the port that was given, and how long a pick takes](../bench/results/compare.svg)';
    between('docs/PERFORMANCE.md', 'bench', `${picture}\n\n${page}`);
    between('README.md', 'bench', summary(results));
  }
  console.log(page);
  console.log(`written into ${folder}`);
}

try {
  await main();
} finally {
  await end();
}
// Whatever still has a handle open is not waited for.
process.exit();
