'use strict';
// The addon, or our word on why there is none. What it offers is in native.d.ts; `npm run build` generates both.

const { missing } = require('./platform.js');

try {
  module.exports = require('../native.js');
} catch (cause) {
  throw missing(cause);
}
