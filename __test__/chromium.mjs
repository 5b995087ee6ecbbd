// A headless Chromium, asked over its own pipe: no package, and no port. It is Debian's, or the one that CHROMIUM_PATH names.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { lacking } from './support.mjs';

export const program = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
/** Why there is no Chromium here; false if there is one. */
export const missing = fs.existsSync(program)
  ? false
  : lacking('chromium', `${program} is not there: apt-get install chromium, or set CHROMIUM_PATH`);

export class Chromium {
  #process;
  #profile;
  #last = 0;
  #answers = new Map();
  #listeners = [];
  #ended;

  static async start(flags = []) {
    const browser = new Chromium();
    await browser.#start(flags);
    return browser;
  }

  async #start(flags) {
    this.#profile = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-chromium-'));
    const usual = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-proxy-server', '--hide-scrollbars'];
    usual.push('--disable-component-update', '--disable-background-networking', '--disable-sync', '--disable-default-apps');
    const all = [...usual, `--user-data-dir=${this.#profile}`, '--remote-debugging-pipe', ...flags, 'about:blank'];
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'];
    this.#process = spawn(program, all, { stdio, detached: true });
    this.#ended = once(this.#process, 'exit');
    const [, , , write, read] = this.#process.stdio;
    write.on('error', () => {});
    let rest = '';
    read.setEncoding('utf8').on('data', (text) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop();
      for (const message of messages) this.#hear(JSON.parse(message));
    });
  }

  #hear({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.#listeners.forEach((listener) => listener(method, params, sessionId));
    const { done, fail } = this.#answers.get(id);
    this.#answers.delete(id);
    if (error) fail(new Error(error.message));
    else done(result);
  }

  /** Sends a command of the DevTools protocol. */
  send(method, params = {}, sessionId) {
    const id = (this.#last += 1);
    const answer = new Promise((done, fail) => this.#answers.set(id, { done, fail }));
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer;
  }

  /** A new tab, which knows every request and every error of its page. */
  async tab() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId, targetId);
    this.#listeners.push((method, params, session) => session === sessionId && tab.hear(method, params));
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await tab.send(`${domain}.enable`);
    return tab;
  }

  async end() {
    // Its own group: the browser has children.
    process.kill(-this.#process.pid, 'SIGKILL');
    await this.#ended;
    fs.rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

class Tab {
  requests = [];
  errors = [];
  /** The status that the handshake of each WebSocket got. */
  sockets = [];
  #browser;
  #session;
  #loaded = () => {};

  constructor(browser, session, target) {
    this.#browser = browser;
    this.#session = session;
    this.target = target;
  }

  hear(method, params) {
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
    if (method === 'Network.webSocketHandshakeResponseReceived') this.sockets.push(params.response.status);
    if (method === 'Log.entryAdded' && params.entry.level === 'error') this.errors.push(params.entry.text);
    if (method === 'Page.loadEventFired') this.#loaded();
    if (method === 'Runtime.exceptionThrown') this.errors.push(params.exceptionDetails.exception?.description);
  }

  send(method, params) {
    return this.#browser.send(method, params, this.#session);
  }

  /** Opens an address, and waits until it and what it needs are loaded. */
  async open(url) {
    const loaded = new Promise((done) => (this.#loaded = done));
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** The same with what is open. */
  async reload() {
    const loaded = new Promise((done) => (this.#loaded = done));
    await this.send('Page.reload');
    await loaded;
  }

  /** What an expression is in the page, awaited. */
  async get(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', asked);
    assert.equal(exceptionDetails, undefined, `${expression}: ${exceptionDetails?.exception?.description}`);
    return result.value;
  }

  /** Waits until an expression is true in the page; says how many milliseconds that took. */
  async until(expression, deadline = 20_000) {
    const begun = performance.now();
    const condition = `new Promise((done) => {
      const look = () => { if (${expression}) done(true); else requestAnimationFrame(look); };
      look();
      setTimeout(() => done(false), ${deadline});
    })`;
    if (!(await this.get(condition))) {
      assert.fail(`it never was so: ${expression}\n${await this.get('document.body.innerText')}\n${this.errors.join('\n')}`);
    }
    return performance.now() - begun;
  }

  /** Presses a key by its name: `ArrowDown`, `/`. */
  async press(key) {
    const text = key.length === 1 ? { text: key } : {};
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, ...text });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key });
  }

  close() {
    return this.#browser.send('Target.closeTarget', { targetId: this.target });
  }

  /** The page as a PNG. */
  async picture(clip) {
    const shot = { format: 'png', ...(clip ? { clip: { x: 0, y: 0, scale: 1, ...clip } } : {}) };
    return Buffer.from((await this.send('Page.captureScreenshot', shot)).data, 'base64');
  }
}
