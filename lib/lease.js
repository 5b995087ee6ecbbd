'use strict';
// A granted port, and how to release it.

/** The codes of a release that came too late: the lease has ended already, as it should. */
const OVER = new Set(['lease_ended', 'unknown_lease']);

class Lease {
  #client;
  #mine;

  /** `grant` is the addon's, `pid` the process that the request named. */
  constructor(client, grant, pid) {
    Object.assign(this, grant);
    this.#client = client;
    // A lease of somebody else is not ours to end: a singleton's, or one that an ancestor (`styxy run`) owns.
    const { existing, reused, owner } = grant;
    const inherited = reused && owner.kind === 'process' && owner.pid !== pid;
    this.#mine = !existing && !inherited;
  }

  /** Ends the lease, if it is our own and has not ended yet. */
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

/** Whether another server already listens on the port of a lease that was reused: `styxy run` may have started two. */
function isInUse(lease) {
  return lease.reused && lease.state === 'active';
}

module.exports = { Lease, isInUse };
