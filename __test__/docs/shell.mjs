// One shell for the commands of a page, so that `cd` and variables last from block to block. Its servers end with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import readline from 'node:readline';

import { DEADLINE, eventually } from '../support.mjs';

// Its program ends with it: it is hung up.
const TERMINAL = 'import pty, sys; pty.spawn(sys.argv[1:])';

export class Shell {
  #child;
  #said;
  #dir;
  #count = 0;

  static async open(machine) {
    const shell = new Shell();
    shell.#dir = path.join(machine.home.top, 'printed');
    await fs.mkdir(shell.#dir);
    // A process group of its own, so that all that it has started can be ended.
    const options = { cwd: machine.ada, env: machine.env(), stdio: ['pipe', 'pipe', 'ignore'], detached: true };
    shell.#child = spawn('bash', ['--noprofile', '--norc'], options);
    shell.#child.stdin.on('error', () => {});
    shell.#said = readline.createInterface({ input: shell.#child.stdout })[Symbol.asyncIterator]();
    return shell;
  }

  /** Runs a command to its end: `{ code, printed }`. */
  async run(command) {
    const file = this.#file();
    // `$?` of the next command is this one's.
    const text = `{ ${command}\n} >'${file}' 2>&1 </dev/null\ncode=$?\necho $code\n(exit $code)\n`;
    const code = await this.#ask(text, command).catch(async (error) => {
      assert.fail(`${error.message}\n${await fs.readFile(file, 'utf8').catch(() => '')}`);
    });
    return { code: Number(code), printed: await fs.readFile(file, 'utf8') };
  }

  /** Starts a server in a terminal of its own, and waits until `isDone` of what it has printed. */
  async start(command, isDone) {
    const file = this.#file();
    await fs.writeFile(`${file}.sh`, command);
    const pid = Number(await this.#ask(`python3 -c '${TERMINAL}' bash '${file}.sh' >'${file}' 2>&1 </dev/null &\necho $!\n`, command));
    let printed = '';
    await eventually('the server has printed what the page shows', async () => {
      printed = await fs.readFile(file, 'utf8').catch(() => '');
      assert.ok(isDone(printed) || isAlive(pid), `it ended: ${printed}`);
      return isDone(printed);
    }).catch((error) => assert.fail(`${error.message}\n${printed}`));
  }

  async #ask(text, command) {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), DEADLINE);
    this.#child.stdin.write(text);
    const { value, done } = await this.#said.next();
    clearTimeout(late);
    assert.ok(!done, `the shell ended at, or after ${DEADLINE / 1000} s of: ${command}`);
    return value;
  }

  #file() {
    this.#count += 1;
    return path.join(this.#dir, `${this.#count}`);
  }

  /** Ends its servers, and the shell. */
  async end() {
    const { exitCode, signalCode } = this.#child;
    const isOver = exitCode !== null || signalCode !== null;
    const closed = isOver || once(this.#child, 'close');
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch (error) {
      assert.equal(error.code, 'ESRCH');
    }
    await closed;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
