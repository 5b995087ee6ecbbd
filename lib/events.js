'use strict';
// The daemon's events, as an async iterator.

const { refusal } = require('./error.js');

class EventStream {
  #opening;
  #ended = false;

  /** `opening` resolves to the addon's stream. It is open from now on: events before the first `next` are not lost. */
  constructor(opening) {
    this.#opening = opening;
    // `next` throws it.
    opening.catch(() => {});
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    if (this.#ended) return { value: undefined, done: true };
    try {
      const stream = await this.#opening;
      const value = this.#ended ? null : await stream.next();
      if (value !== null) return { value, done: false };
    } catch (error) {
      this.#ended = true;
      throw refusal(error);
    }
    this.#ended = true;
    return { value: undefined, done: true };
  }

  async return(value) {
    this.#ended = true;
    const stream = await this.#opening.catch(() => null);
    stream?.close();
    return { value, done: true };
  }
}

if (Symbol.asyncDispose) {
  EventStream.prototype[Symbol.asyncDispose] = async function dispose() {
    await this.return();
  };
}

module.exports = { EventStream };
