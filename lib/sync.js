'use strict';
// Synchronous calls, for configuration files that cannot await. They return plain objects instead of leases.

const { caller } = require('./caller.js');
const { connected } = require('./client.js');
const { refusal } = require('./error.js');
const { encode } = require('./json.js');

let client;

/** As `allocate` for one service: the grant. */
function allocateSync(options) {
  return answer((native) => native.allocateSync(encode(options), caller())[0]);
}

/** The port that the server of these options listens on, if one of its project runs; else null. */
function runningSync(options) {
  return answer((native) => native.runningSync(encode(options), caller()));
}

function answer(call) {
  client ??= connected();
  try {
    return call(client);
  } catch (error) {
    throw refusal(error);
  }
}

module.exports = { allocateSync, runningSync };
