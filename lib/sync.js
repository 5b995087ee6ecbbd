'use strict';
// Calls that hold their thread, for configuration files that cannot await. Plain objects instead of leases.

const { caller } = require('./caller.js');
const { connected } = require('./client.js');
const { refusal } = require('./error.js');
const { encode, encodeOptions } = require('./json.js');

let client;

/** As `allocate` for one service: the grant. */
function allocateSync(options) {
  return answer((native) => native.allocateSync(encode(options), caller())[0]);
}

/** As `list`. */
function listSync(options) {
  return answer((native) => native.listSync(encodeOptions(options), caller()));
}

/** What a server asked for by these options is called: the name given, else the project file's. Asks no daemon. */
function serviceName(options) {
  return answer((native) => native.serviceName(encode(options), caller()));
}

function answer(call) {
  client ??= connected();
  try {
    return call(client);
  } catch (error) {
    throw refusal(error);
  }
}

module.exports = { allocateSync, listSync, serviceName };
