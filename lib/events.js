'use strict';
// The daemon's events, as an async iterator.

const { refusal } = require('./error.js');

class EventStream {
  #opening;
  #ended = false;
  #signal;
  #abort = () => this.#close();

  /**
   * `opening` resolves to the addon's stream. It is open from now on: events before the first `next` are not lost. Once
   * `signal` is aborted, `next` rejects with its reason.
   */
  constructor(opening, signal) {
    this.#opening = opening;
    // `next` throws it.
    opening.catch(() => {});
    this.#signal = signal;
    if (signal?.aborted) this.#close();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    if (this.#ended) return { value: undefined, done: true };
    const signal = this.#signal;
    let value = null;
    try {
      const stream = await this.#opening;
      if (!this.#ended && !signal?.aborted) value = await stream.next();
    } catch (error) {
      this.#end();
      throw signal?.aborted ? signal.reason : refusal(error);
    }
    if (value !== null && !signal?.aborted) return { value, done: false };
    const wasEnded = this.#ended;
    this.#end();
    if (signal?.aborted && !wasEnded) throw signal.reason;
    return { value: undefined, done: true };
  }

  async return(value) {
    this.#end();
    await this.#close();
    return { value, done: true };
  }

  #end() {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#signal = undefined;
  }

  async #close() {
    const stream = await this.#opening.catch(() => null);
    stream?.close();
  }
}

if (Symbol.asyncDispose) {
  EventStream.prototype[Symbol.asyncDispose] = async function dispose() {
    await this.return();
  };
}

module.exports = { EventStream };
