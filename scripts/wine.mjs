// Builds the program and its black-box tests for Windows, and runs those under Wine: what can be known of Windows on Linux.
//
//   npm run test:wine                    all of it
//   npm run test:wine -- windows:: -q    words for the test program
//
// Needs Wine (64 bit), a linker and a target of the compiler; says what to install if one is missing. Everything that it
// makes is in the target folder: its own Windows registry, and a log of the whole run.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { root } from './repository.mjs';
import { TARGET, addRandomNumbers, built, env as common, startWine, stopWine, stopWineWithUs, target, windowsPath, wine } from './wine-setup.mjs';

/** All tests together end much earlier, also on a busy machine. Then they are ended from outside. */
const LONGEST_MS = 40 * 60 * 1000;

const log = path.join(target, 'tests.log');
const env = {
  ...common,
  // Its table of IPv6 sockets names no processes.
  STYXY_TEST_WINE: '1',
  CARGO_MANIFEST_DIR: windowsPath(path.join(root, 'crates/cli')),
};

// This builds the program too.
const tests = testProgram();
addRandomNumbers(built, path.join(built, 'deps'));
stopWineWithUs();
let code;
try {
  code = await testsUnderWine(process.argv.slice(2));
} finally {
  stopWine();
}
process.exit(code);

/** Builds the tests, and says where their program is. */
function testProgram() {
  const words = ['test', '--no-run', '--target', TARGET, '-p', 'styxy', '--test', 'it', '--message-format', 'json'];
  const { stdout, status } = spawnSync('cargo', words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages = (stdout ?? '').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  if (status !== 0) {
    for (const { message } of messages) if (message?.level === 'error') console.error(message.rendered);
    process.exit(status ?? 1);
  }
  return messages.find((message) => message.executable && message.target.name === 'it').executable;
}

/**
 * Runs the tests, and those that failed once more, each alone: on a busy machine a daemon takes longer to start under Wine than a
 * command waits for it. Says which tests failed, and which passed only alone; either is a failure. The log has all that they said.
 */
async function testsUnderWine(words) {
  const kept = fs.createWriteStream(log);
  const until = Date.now() + LONGEST_MS;
  // More at once are slower: one process serves them all.
  const threads = words.some((word) => word.startsWith('--test-threads')) ? [] : ['--test-threads', '2'];
  const first = await outcome([...threads, ...words], { kept, until, isShown: words.length > 0 });
  const { failed, verdict } = first;
  let left = failed;
  if (failed.size > 0 && verdict) {
    const again = await outcome(['--exact', '--test-threads', '1', ...failed], { kept, until, isShown: false });
    left = again.verdict ? again.failed : failed;
  }
  await new Promise((resolve) => kept.end(resolve));
  for (const name of failed) console.log(`${left.has(name) ? 'failed' : 'passed alone only'}: ${name}`);
  if (!verdict) for (const name of first.unfinished) console.log(`did not end: ${name}`);
  console.log(`wine: ${verdict ?? `no result after ${Math.round((Date.now() - until + LONGEST_MS) / 60_000)} minutes`}`);
  console.log(`wine: all that the tests said is in ${log}`);
  return verdict && failed.size === 0 ? 0 : 1;
}

/** What came of one run of the test program, which is ended from outside when the time is over. */
async function outcome(words, { kept, until, isShown }) {
  startWine();
  const options = { env, cwd: path.join(root, 'crates/cli'), stdio: ['ignore', 'pipe', 'pipe'] };
  const program = spawn(wine, [tests, ...words], options);
  const [failed, unfinished] = [new Set(), new Set()];
  let verdict;
  const hear = (line) => {
    kept.write(`${line}\n`);
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
  return { failed, unfinished, verdict };
}
