// What `require('styxy')` costs a Node process: time, and resident memory, over one that requires nothing. Each run is a
// process of its own, the two kinds in turn. Needs `npm run build` before.
//
//   node bench/require.mjs [runs]

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../scripts/repository.mjs';

const runs = Number(process.argv[2] ?? 40);
const script = (what) => `
  const before = process.hrtime.bigint();
  ${what};
  const ms = Number(process.hrtime.bigint() - before) / 1e6;
  console.log(JSON.stringify({ ms, start: performance.now(), rss: process.memoryUsage.rss() / 1e6 }));`;
const kinds = {
  bare: script(''),
  styxy: script(`require(${JSON.stringify(path.join(root, 'index.js'))})`),
};

const seen = { bare: [], styxy: [] };
for (let turn = 0; turn < runs; turn += 1) {
  for (const [kind, text] of Object.entries(kinds)) {
    seen[kind].push(JSON.parse(execFileSync(process.execPath, ['-e', text], { encoding: 'utf8' })));
  }
}
const median = (kind, what) => seen[kind].map((each) => each[what]).sort((a, b) => a - b)[Math.floor(runs / 2)];
console.log(`Node ${process.version}, medians of ${runs}`);
console.log(`require('styxy')   ${(median('styxy', 'ms') - median('bare', 'ms')).toFixed(1)} ms   (at most 10)`);
const times = median('styxy', 'start') / median('bare', 'start');
console.log(`a start of Node   ${times.toFixed(2)} times as long, of ${median('bare', 'start').toFixed(0)} ms`);
console.log(`resident memory   +${(median('styxy', 'rss') - median('bare', 'rss')).toFixed(1)} MB over ${median('bare', 'rss').toFixed(1)} MB   (at most 6)`);
