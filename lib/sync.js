'use strict';
// Synchronous calls, for configuration files that cannot await. They return plain objects instead of leases.

const { answerSync } = require('./answer.js');
const { caller } = require('./caller.js');
const { connected } = require('./client.js');
const { encode } = require('./json.js');

let client;

/** As `allocate` for one service: the grant. */
function allocateSync(options) {
  return ask((native) => native.allocateSync(encode(options), caller())[0]);
}

/** The port that the server of these options listens on, if one of its project runs; else null. */
function runningSync(options) {
  return ask((native) => native.runningSync(encode(options), caller()));
}

function ask(question) {
  client ??= connected();
  return answerSync(() => question(client));
}

module.exports = { allocateSync, runningSync };
