// A client of TypeScript's language server, as editors have one.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { root } from './support.mjs';

// The files are not on the disk: the server gets their text.
const folder = path.join(root, '__test__/types');

/** A client of `tsc --lsp`: messages of JSON with a header that has their length. */
export class LanguageServer {
  #child = spawn(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--lsp', '--stdio'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  #waiting = new Map();
  #bytes = Buffer.alloc(0);
  #id = 0;

  static async start() {
    const server = new LanguageServer();
    const capabilities = { textDocument: { hover: { contentFormat: ['markdown'] } } };
    await server.ask('initialize', { processId: process.pid, rootUri: String(pathToFileURL(root)), capabilities });
    server.tell('initialized', {});
    return server;
  }

  constructor() {
    this.#child.stdout.on('data', (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      while (this.#take());
    });
  }

  /** The answer to a request. */
  ask(method, params) {
    const id = (this.#id += 1);
    this.#send({ id, method, params });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  tell(method, params) {
    this.#send({ method, params });
  }

  /** Opens a text as a file of this name. */
  open(name, text) {
    const uri = String(pathToFileURL(path.join(folder, name)));
    this.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'typescript', version: 1, text } });
    return { uri };
  }

  end() {
    this.#child.kill();
  }

  #send(message) {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #take() {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const length = Number(/Content-Length: (\d+)/i.exec(this.#bytes.toString('latin1', 0, end))[1]);
    if (this.#bytes.length < end + 4 + length) return false;
    const message = JSON.parse(this.#bytes.toString('utf8', end + 4, end + 4 + length));
    this.#bytes = this.#bytes.subarray(end + 4 + length);
    // It asks for settings and the like, and may do without.
    if (message.method && message.id !== undefined) this.#send({ id: message.id, result: null });
    const waiting = message.method ? undefined : this.#waiting.get(message.id);
    if (message.error) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result);
    return true;
  }
}
