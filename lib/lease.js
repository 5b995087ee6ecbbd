'use strict';
// A granted port, and the way to give it back.

/** The code of a release that came too late: the lease has ended already, which is what was wanted. */
const OVER = new Set(['lease_ended', 'unknown_lease']);

class Lease {
  #client;
  #mine;

  /** `grant` is the addon's; `pid` the process that asked. */
  constructor(client, grant, pid) {
    Object.assign(this, grant);
    this.#client = client;
    // Somebody else's lease is not ours to end: a singleton's, or one that an ancestor (`styxy run`) owns.
    const { existing, reused, owner } = grant;
    const inherited = reused && owner.kind === 'process' && owner.pid !== pid;
    this.#mine = !existing && !inherited;
  }

  /** Ends the lease, if it is one's own and still stands. */
  async release() {
    if (!this.#mine) return;
    try {
      await this.#client.release(this.lockId);
    } catch (error) {
      if (!OVER.has(error.code)) throw error;
    }
  }
}

if (Symbol.asyncDispose) {
  Lease.prototype[Symbol.asyncDispose] = function dispose() {
    return this.release();
  };
}

module.exports = { Lease };
