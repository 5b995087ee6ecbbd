'use strict';
// The client for JavaScript: one method per call. It encodes the arguments and throws refusals as StyxyError.

const native = require('./native.js');
const { binary } = require('./platform.js');
const { caller } = require('./caller.js');
const { refusal } = require('./error.js');
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
    const beside = common === undefined ? undefined : encode(common);
    const grants = await answer(this.#native.allocate(encode(options), beside, caller()));
    const asked = group ? (index) => options[index].pid ?? common?.pid : () => options.pid;
    const dry = group ? common?.dryRun : options.dryRun;
    const leases = grants.map((grant, index) => (dry ? grant : new Lease(this, grant, asked(index) ?? process.pid)));
    return group ? leases : leases[0];
  }

  async release(lockId) {
    return answer(this.#native.release(encode(lockId, 'lockId')));
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
    return new EventStream(this.#native.events(encodeOptions(options)));
  }

  async listen(server, options) {
    return listen(this, server, options);
  }
}

/** The addon's client, with this thread's environment as it is now. */
function connected(options) {
  try {
    return new native.Client(encodeOptions(options), { ...process.env }, program());
  } catch (error) {
    throw refusal(error);
  }
}

/** The program that is started if no daemon runs: the platform package's, else the one that PATH finds. */
function program() {
  try {
    return binary();
  } catch {
    return 'styxy';
  }
}

async function answer(promise) {
  try {
    return await promise;
  } catch (error) {
    throw refusal(error);
  }
}

module.exports = { Client, connected };
