'use strict';
// Arguments as JSON text: the addon reads that strictly, and whatever JSON would silently drop or change is refused here.

const { StyxyError, invalid } = require('./error.js');

const ALLOWED = 'strings, numbers, true, false, null, and objects and lists of these';

/** `value` as JSON text; nothing at all is `null`. `field` is what the text is called in a refusal. */
function encode(value, field = 'options') {
  try {
    const text = JSON.stringify(value, (key, member) => {
      const kind = typeof member;
      const unsendable = kind === 'function' || kind === 'symbol' || kind === 'bigint';
      if (unsendable || (kind === 'number' && !Number.isFinite(member))) {
        throw invalid(key || field, kind === 'number' ? `${member} is no number that can be sent` : `a ${kind}`, ALLOWED);
      }
      // Half of a pair of UTF-16 units is no character.
      if (kind === 'string' && !wellFormed(member)) throw invalid(key || field, 'text that is not well-formed', ALLOWED);
      return member;
    });
    // Nothing at all, or an object whose toJSON says so.
    return text ?? 'null';
  } catch (error) {
    // What is left is an object that contains itself, or one whose getter threw.
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
