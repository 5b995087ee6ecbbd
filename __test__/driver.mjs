// Vite servers in a process of their own, which a test tells what to do: the other end of fixtures/vite-driver.mjs.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { DEADLINE, root } from './support.mjs';

/** A process that runs Vite servers as it is told. */
export class Driver {
  static #running = new Set();
  #ids = 0;

  static async start(dir, env) {
    const driver = new Driver();
    const script = path.join(root, '__test__/fixtures/vite-driver.mjs');
    driver.child = fork(script, { cwd: dir, env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    Driver.#running.add(driver);
    driver.child.once('exit', () => Driver.#running.delete(driver));
    await once(driver.child, 'message', { signal: AbortSignal.timeout(DEADLINE) });
    return driver;
  }

  async tell(act, rest) {
    this.#ids += 1;
    const id = this.#ids;
    this.child.send({ id, act, ...rest });
    for (;;) {
      const [answer] = await once(this.child, 'message', { signal: AbortSignal.timeout(DEADLINE) });
      if (answer.id === id) return answer;
    }
  }

  async end() {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  /** Ends all that a failed test has left. */
  static async endAll() {
    await Promise.all([...Driver.#running].map((driver) => driver.end()));
  }
}
