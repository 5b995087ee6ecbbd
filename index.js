'use strict';
// The API: the calls of a client of the user's own daemon, and `connect` for a client of another one.

const { Client } = require('./lib/client.js');
const { StyxyError } = require('./lib/error.js');
const { Lease } = require('./lib/lease.js');

let own;

/** The client behind the plain calls. It is made at its first use, so that a program can set STYXY_HOME before. */
function standard() {
  own ??= new Client();
  return own;
}

const CALLS = [
  'allocate',
  'release',
  'check',
  'suggest',
  'list',
  'scan',
  'instances',
  'register',
  'heartbeat',
  'unregister',
  'cleanup',
  'status',
  'listen',
];

const styxy = Object.fromEntries(CALLS.map((call) => [call, async (...given) => standard()[call](...given)]));
styxy.events = (options) => standard().events(options);
styxy.connect = (options) => new Client(options);
Object.assign(styxy, { Client, Lease, StyxyError });

module.exports = styxy;
module.exports.default = styxy;
Object.defineProperty(module.exports, '__esModule', { value: true });
