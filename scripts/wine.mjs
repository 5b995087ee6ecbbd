// Builds the program, its black-box tests, and the tests of the crates for Windows, and runs them under Wine: what can be known of
// Windows on Linux.
//
//   npm run test:wine                    all of it
//   npm run test:wine -- windows:: -q    words for each test program
//
// Needs Wine (64 bit), a linker and a target of the compiler; says what to install if one is missing. Everything that it
// makes is in the target folder: its own Windows registry, and a log of the whole run.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { root } from './repository.mjs';
import {
  TARGET,
  addRandomNumbers,
  built,
  env as common,
  startWine,
  stopWine,
  stopWineWithUs,
  target,
  windowsPath,
  wine,
} from './wine-setup.mjs';

/** All tests together end much earlier, also on a busy machine. Then they are ended from outside. */
const LONGEST_MS = 40 * 60 * 1000;

/** The addon's crate has no tests. */
const CRATES = ['styxy', 'styxy-core', 'styxy-os', 'styxy-client', 'styxy-door', 'styxy-daemon'];

const log = path.join(target, 'tests.log');
const env = {
  ...common,
  // Tests skip what Wine lacks, and nothing else.
  STYXY_TEST_WINE: '1',
  STYXY_TEST_ALL: 'but windows',
  // Else the snapshots' library asks cargo, which is not a program of Wine's.
  INSTA_WORKSPACE_ROOT: windowsPath(root),
  INSTA_UPDATE: 'no',
};

// This builds the program too.
const programs = testPrograms();
addRandomNumbers(built, path.join(built, 'deps'));
stopWineWithUs();
let code;
try {
  code = await testsUnderWine(process.argv.slice(2));
} finally {
  stopWine();
}
process.exit(code);

/** Builds the tests, and says where their programs are: the black-box tests first, for they say most. */
function testPrograms() {
  const packages = CRATES.flatMap((name) => ['-p', name]);
  const words = ['test', '--no-run', '--target', TARGET, ...packages, '--lib', '--bins', '--test', 'it', '--message-format', 'json'];
  const { stdout, status } = spawnSync('cargo', words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages = (stdout ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (status !== 0) {
    for (const { message } of messages) if (message?.level === 'error') console.error(message.rendered);
    process.exit(status ?? 1);
  }
  const tests = messages.filter((message) => message.executable && message.profile.test);
  return tests
    .map(({ executable, manifest_path: manifest, target }) => {
      const folder = path.dirname(manifest);
      return { executable, folder, name: `${path.basename(folder)}, ${target.name === 'it' ? 'tests' : 'unit tests'}` };
    })
    .sort((one, other) => isOfTheCrates(one) - isOfTheCrates(other));
}

function isOfTheCrates({ name }) {
  return Number(name !== 'cli, tests');
}

/**
 * Runs the tests, and those that failed once more, each alone: on a busy machine a daemon takes longer to start under Wine than a
 * command waits for it. Says which tests failed, and which passed only alone; either is a failure. The log has all that they said.
 */
async function testsUnderWine(words) {
  const kept = fs.createWriteStream(log);
  const until = Date.now() + LONGEST_MS;
  // One process of Wine's serves them all: two tests at once take as long as one after the other, and a daemon starts too late beside
  // a test that asks much.
  const threads = words.some((word) => word.startsWith('--test-threads')) ? [] : ['--test-threads', '1'];
  const total = { passed: 0, failed: 0, skipped: 0, isWhole: true };
  for (const program of programs) {
    const first = await outcome(program, [...threads, ...words], { kept, until, isShown: words.length > 0 });
    const { failed, verdict } = first;
    let left = failed;
    if (failed.size > 0 && verdict) {
      const again = await outcome(program, ['--exact', '--test-threads', '1', ...failed], { kept, until, isShown: false });
      left = again.verdict ? again.failed : failed;
    }
    for (const name of failed) console.log(`${left.has(name) ? 'failed' : 'passed alone only'}: ${name}`);
    if (!verdict) for (const name of first.unfinished) console.log(`did not end: ${name}`);
    console.log(`wine: ${program.name}: ${verdict ?? `no result after ${minutes(until)} minutes`}`);
    total.passed += Number(/(\d+) passed/.exec(verdict)?.[1] ?? 0);
    total.failed += failed.size;
    total.skipped += first.skipped.size;
    total.isWhole &&= Boolean(verdict);
  }
  await new Promise((resolve) => kept.end(resolve));
  const { passed, failed, skipped, isWhole } = total;
  console.log(
    `wine: ${passed} passed, ${failed} failed, in ${minutes(until)} minutes; ${skipped} skipped what Wine lacks${isWhole ? '' : '; a program did not end'}`,
  );
  console.log(`wine: all that the tests said is in ${log}`);
  return isWhole && failed === 0 ? 0 : 1;
}

/** How many minutes of the time until then are over. */
function minutes(until) {
  return Math.round((Date.now() - until + LONGEST_MS) / 60_000);
}

/** What came of one run of a test program, which is ended from outside when the time is over. */
async function outcome({ executable, folder }, words, { kept, until, isShown }) {
  startWine();
  const options = { env: { ...env, CARGO_MANIFEST_DIR: windowsPath(folder) }, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] };
  // Between them is a shell of Wine's: a program that is started from outside has no parent there.
  const program = spawn(wine, ['cmd', '/c', windowsPath(executable), ...words], options);
  const [failed, unfinished, skipped] = [new Set(), new Set(), new Set()];
  let verdict;
  const hear = (line) => {
    kept.write(`${line}\n`);
    const [, lacking] = /^skipped: (\S+): /.exec(line) ?? [];
    if (lacking) skipped.add(lacking);
    if (isShown) console.log(line);
    const [, name, result] = /^test (\S+)(?: - should panic)? (?:\.\.\. (\w+)|has been running)/.exec(line) ?? [];
    if (name && result) unfinished.delete(name);
    else if (name) unfinished.add(name);
    if (result === 'FAILED') failed.add(name);
    verdict = /^test result: (.*)/.exec(line)?.[1] ?? verdict;
  };
  // They may end before the program is known to have.
  const heard = [program.stdout, program.stderr].map((input) => once(readline.createInterface({ input }).on('line', hear), 'close'));
  const timer = setTimeout(stopWine, Math.max(until - Date.now(), 0));
  await once(program, 'exit');
  clearTimeout(timer);
  // What a failed test has left running may keep the output open for ever.
  stopWine();
  await Promise.all(heard);
  return { failed, unfinished, skipped, verdict };
}
