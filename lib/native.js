'use strict';
// The addon, or an error that says why there is none. native.d.ts has its calls; `npm run build` generates both.

const { missing } = require('./platform.js');

try {
  module.exports = require('../native.js');
} catch (cause) {
  throw missing(cause);
}
