// Runs schemathesis against a daemon of its own: requests of every kind that docs/openapi.json allows or forbids, and whether
// the answers are as it says. Needs `schemathesis` (PyPI) on the PATH, or named by SCHEMATHESIS; without it this is skipped.
//
//   npm run test:api               a minute, with the same seed each time
//   npm run test:api -- --seed 2   with options of `schemathesis run`, which win over those here

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { hostPlatform } from './platforms.mjs';
import { root, targetFolder } from './repository.mjs';

const tool = process.env.SCHEMATHESIS ?? 'schemathesis';
const styxy = process.env.STYXY_BINARY ?? path.join(targetFolder(), 'debug', hostPlatform().program);

if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.log(`skipped: ${tool} cannot be run; pip install schemathesis, or set SCHEMATHESIS`);
} else {
  process.exitCode = tested();
}

/** The exit code of schemathesis. */
function tested() {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-api-'));
  const env = { ...process.env, STYXY_HOME: path.join(home, 'home'), STYXY_AGENT: 'off' };
  const daemon = (...words) => execFileSync(styxy, ['daemon', ...words], { env, encoding: 'utf8' });
  try {
    daemon('start');
    const { listen } = JSON.parse(daemon('status', '--json'));
    const options = ['--seed', '1', '--max-time', '60', '--continue-on-failure', '--no-color', ...process.argv.slice(2)];
    // The stream of events never ends. What a schema cannot say is refused too: a pid that no process has, a range whose
    // end comes before its start, a request id that another request had. tests/wire.rs sends every example.
    options.push('--exclude-path', '/events', '--exclude-checks', 'positive_data_acceptance');
    const document = path.join(root, 'docs/openapi.json');
    return spawnSync(tool, ['run', document, '--url', `http://${listen.tcp[0]}`, ...options], { env, cwd: home, stdio: 'inherit' }).status;
  } finally {
    daemon('stop');
    fs.rmSync(home, { recursive: true, force: true });
  }
}
