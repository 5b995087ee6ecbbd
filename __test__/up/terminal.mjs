// A person at a terminal of their own, in which one command runs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { DEADLINE } from '../support.mjs';

// Whatever is typed reaches the command through the terminal, so that Ctrl-C is a signal. Python has terminals, and Node has not.
const SPAWN = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

export class Terminal {
  #shown = '';
  #fresh;
  #wake;
  #ended;

  constructor(words, options) {
    this.child = spawn('python3', ['-c', SPAWN, ...words], { stdio: ['pipe', 'pipe', 'inherit'], ...options });
    this.#renew();
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.#shown += text;
      this.#renew();
    });
    // What is typed after the end goes nowhere.
    this.child.stdin.on('error', () => {});
    this.#ended = once(this.child, 'close');
  }

  #renew() {
    this.#wake?.();
    this.#fresh = new Promise((resolve) => (this.#wake = resolve));
  }

  types(keys) {
    this.child.stdin.write(keys);
  }

  /** Waits until this is shown. */
  async sees(text, patience = DEADLINE) {
    let isLate = false;
    let isOver = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#renew();
    }, patience);
    this.#ended.then(() => {
      isOver = true;
      this.#renew();
    });
    while (!this.#shown.includes(text)) {
      assert.ok(!isLate && !isOver, `${text} was not shown, but: ${this.#shown}`);
      await this.#fresh;
    }
    clearTimeout(timer);
  }

  /** Waits for the command's end: its exit code. */
  async ends() {
    const [code] = await this.#ended;
    return code;
  }

  /** As a person closes the window. */
  async closes() {
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}
