'use strict';
// The addon, or an error that says why there is none. native.d.ts has its calls; `npm run build` generates it.

module.exports = require('./platform.js').load();
