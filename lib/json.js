'use strict';
// Arguments as JSON text. The addon reads it strictly; values that JSON would silently drop or change are refused here.

const { StyxyError, invalid } = require('./error.js');

const ALLOWED = 'strings, numbers, true, false, null, and objects and lists of these';

/** `value` as JSON text; undefined becomes `null`. `field` is the name of the value in a refusal. */
function encode(value, field = 'options') {
  try {
    const text = JSON.stringify(value, (key, member) => {
      const kind = typeof member;
      const unsendable = kind === 'function' || kind === 'symbol' || kind === 'bigint';
      if (unsendable || (kind === 'number' && !Number.isFinite(member))) {
        throw invalid(key || field, kind === 'number' ? `${member} is not a number that can be sent` : `a ${kind}`, ALLOWED);
      }
      // Half of a surrogate pair is not a character.
      if (kind === 'string' && !wellFormed(member)) throw invalid(key || field, 'text that is not well-formed', ALLOWED);
      return member;
    });
    // It is undefined, or an object whose toJSON returns undefined.
    return text ?? 'null';
  } catch (error) {
    // Otherwise it is an object that contains itself, or one whose getter threw.
    throw error instanceof StyxyError ? error : invalid(field, error.message, ALLOWED);
  }
}

function wellFormed(text) {
  return !/\p{Surrogate}/u.test(text);
}

/** As `encode`, for options that may be left out. */
function encodeOptions(options) {
  return options === undefined ? '{}' : encode(options);
}

module.exports = { encode, encodeOptions };
