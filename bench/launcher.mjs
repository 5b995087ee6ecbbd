// How long `styxy --version` takes as npm installs it, beside the native program itself and a program that does nothing.
// Needs hyperfine, and `npm run build` before. Prints medians, and ratios to the native program.
//
//   node bench/launcher.mjs [runs]

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { root } from '../scripts/repository.mjs';

const { triple, packageName, programName } = createRequire(import.meta.url)('../lib/platform.js');

const runs = process.argv[2] ?? '500';
const top = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-bench-'));
try {
  measure(install());
} finally {
  fs.rmSync(top, { recursive: true, force: true });
}

/** npm's layout, by hand; run once, so that the launcher has replaced itself. */
function install() {
  const folder = path.join(top, 'lib', 'node_modules', 'styxy');
  const platform = path.join(folder, 'node_modules', packageName(triple()));
  const program = path.join(platform, programName(triple()));
  for (const file of ['package.json', 'bin/styxy.js', 'lib/platform.js']) {
    fs.cpSync(path.join(root, file), path.join(folder, file));
  }
  fs.cpSync(path.join(root, 'npm', triple()), platform, { recursive: true });
  fs.mkdirSync(path.join(top, 'bin'));
  const command = path.join(top, 'bin', 'styxy');
  fs.symlinkSync('../lib/node_modules/styxy/bin/styxy.js', command);
  execFileSync(command, ['--version']);
  const moved = path.join(top, 'moved');
  fs.mkdirSync(moved);
  for (const part of ['bin', 'lib']) fs.cpSync(path.join(top, part), path.join(moved, part), { recursive: true, verbatimSymlinks: true });
  return {
    'the native program': program,
    'the command': command,
    'the command, moved': path.join(moved, 'bin', 'styxy'),
    'through Node': `${process.execPath} ${command}`,
    '/bin/true': 'true',
  };
}

function measure(commands) {
  const report = path.join(top, 'report.json');
  const words = Object.values(commands).map((command) => `${command} --version`);
  execFileSync('hyperfine', ['-N', '--warmup', '20', '--runs', runs, '--export-json', report, ...words], { stdio: 'ignore' });
  const medians = JSON.parse(fs.readFileSync(report, 'utf8')).results.map(({ median }) => median * 1e3);
  for (const [index, name] of Object.keys(commands).entries()) {
    const ratio = medians[index] / medians[0];
    console.log(`${name.padEnd(20)} ${medians[index].toFixed(2).padStart(7)} ms  ${ratio.toFixed(2).padStart(6)}`);
  }
}
