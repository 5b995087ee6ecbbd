'use strict';
// The client for JavaScript: one method per call. It encodes the arguments and throws refusals as StyxyError.

const native = require('./native.js');
const { binary } = require('./platform.js');
const { abortable, withoutSignal } = require('./abort.js');
const { answer, answerSync } = require('./answer.js');
const { caller } = require('./caller.js');
const { EventStream } = require('./events.js');
const { encode, encodeOptions } = require('./json.js');
const { Lease } = require('./lease.js');
const { listen } = require('./listen.js');

class Client {
  #native;

  constructor(options) {
    this.#native = connected(options);
  }

  async allocate(options, common) {
    const group = Array.isArray(options);
    const [signal, rest] = withoutSignal(group ? common : options);
    const [asked, beside] = group ? [options, rest] : [rest, common];
    const texts = [encode(asked), beside === undefined ? undefined : encode(beside)];
    const grants = await abortable(
      signal,
      () => answer(this.#native.allocate(...texts, caller())),
      (late) => this.#return(late),
    );
    const owner = group ? (index) => asked[index].pid ?? beside?.pid : () => asked.pid;
    const dry = group ? beside?.dryRun : asked.dryRun;
    const leases = grants.map((grant, index) => (dry ? grant : new Lease(this, grant, owner(index) ?? process.pid)));
    return group || isBlock(asked) ? leases : leases[0];
  }

  /** Gives back what was granted too late. A lease that was there before stays. */
  async #return(grants) {
    const fresh = grants.filter(({ lockId, reused, existing }) => lockId !== null && !reused && !existing);
    await Promise.all(fresh.map(({ lockId }) => this.release(lockId)));
  }

  /** `lease`: a lease, its id, or the port of one. */
  async release(lease) {
    const named = typeof lease === 'object' && lease !== null ? lease.lockId : lease;
    return answer(this.#native.release(encode(named, 'lockId'), caller()));
  }

  async check(port) {
    return answer(this.#native.check(encode(port, 'port')));
  }

  async suggest(service, options) {
    return answer(this.#native.suggest(encode(service, 'service'), encodeOptions(options)));
  }

  async list(options) {
    return answer(this.#native.list(encodeOptions(options), caller()));
  }

  async scan(options) {
    return answer(this.#native.scan(encodeOptions(options)));
  }

  async instances() {
    return answer(this.#native.instances());
  }

  async register(options) {
    return answer(this.#native.register(encodeOptions(options), caller()));
  }

  async heartbeat(instanceId) {
    return answer(this.#native.heartbeat(encode(instanceId, 'instanceId')));
  }

  async unregister(instanceId) {
    return answer(this.#native.unregister(encode(instanceId, 'instanceId')));
  }

  async cleanup(options) {
    return answer(this.#native.cleanup(encodeOptions(options)));
  }

  async status() {
    return answer(this.#native.status());
  }

  events(options) {
    const [signal, rest] = withoutSignal(options);
    return new EventStream(this.#native.events(encodeOptions(rest)), signal);
  }

  async listen(server, options) {
    return listen(this, server, options);
  }
}

/** Whether these options of one service ask for several ports. */
function isBlock({ block }) {
  return block !== undefined && block !== null;
}

/** The addon's client, with this thread's environment as it is now. */
function connected(options) {
  return answerSync(() => new native.Client(encodeOptions(options), { ...process.env }, program()));
}

/** The program that is started if no daemon runs: the platform package's, else the one that PATH finds. */
function program() {
  try {
    return binary();
  } catch {
    return 'styxy';
  }
}

module.exports = { Client, connected };
