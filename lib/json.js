'use strict';
// Arguments as JSON text: the addon reads that strictly, and whatever JSON would silently drop or change is refused here.

const { StyxyError, invalid } = require('./error.js');

const ALLOWED = 'strings, numbers, true, false, null, and objects and lists of these';

/** `value` as JSON text; nothing at all is `null`. `field` is what the text is called in a refusal. */
function encode(value, field = 'options') {
  if (value === undefined) return 'null';
  try {
    return JSON.stringify(value, (key, member) => {
      const kind = typeof member;
      const unsendable = kind === 'function' || kind === 'symbol' || kind === 'bigint';
      if (unsendable || (kind === 'number' && !Number.isFinite(member))) {
        throw invalid(key || field, kind === 'number' ? `${member} is no number that can be sent` : `a ${kind}`, ALLOWED);
      }
      return member;
    });
  } catch (error) {
    // What is left is an object that contains itself, or one whose getter threw.
    throw error instanceof StyxyError ? error : invalid(field, error.message, ALLOWED);
  }
}

/** As `encode`, for options that may be left out. */
function encodeOptions(options) {
  return options === undefined ? '{}' : encode(options);
}

module.exports = { encode, encodeOptions };
