'use strict';

// The options of the plugins. A mistake in them throws at once and is never ignored.

/**
 * Throws unless `options` is an object with none but the `known` keys.
 *
 * `known` maps each key to what its value must be: 'string', 'number', 'boolean' and so on, as `typeof` has it, several
 * of them separated by '|', or 'any'. An undefined value is the same as an absent one.
 */
function check(where, options, known) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${where}: the options are ${show(options)}, not an object`);
  }
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, key)) {
      const nearest = Object.keys(known).find((other) => isNear(key, other));
      const hint = nearest ? ` (did you mean ${nearest}?)` : '';
      throw new TypeError(`${where}: unknown option ${key}${hint}; it knows ${Object.keys(known).join(', ')}`);
    }
    const allowed = known[key].split('|');
    if (value !== undefined && known[key] !== 'any' && !allowed.includes(typeof value)) {
      throw new TypeError(`${where}: ${key} is ${show(value)}, not a ${allowed.join(' or a ')}`);
    }
  }
}

function show(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' || typeof value === 'function' ? `a ${typeof value}` : JSON.stringify(value);
}

/** Whether `typed` is one typing error away from `known`: one letter more, less or different, or two swapped. */
function isNear(typed, known) {
  const [a, b] = [typed.toLowerCase(), known.toLowerCase()];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  const rests = [
    [1, 0],
    [0, 1],
    [1, 1],
  ].map(([more, less]) => a.slice(start + more) === b.slice(start + less));
  const swapped = a[start] === b[start + 1] && a[start + 1] === b[start] && a.slice(start + 2) === b.slice(start + 2);
  return a === b || rests.includes(true) || swapped;
}

/** A refusal for people: the sentence, and what to type next. */
function sentence(error) {
  return error.hint ? `${error.message}\n  hint: ${error.hint}` : error.message;
}

/** Whether Styxy is unavailable: no daemon answers, or there is no native package. Other errors stop the tool. */
function isOutOfReach(error) {
  return error.code === 'daemon_unreachable' || error.code === 'ERR_STYXY_PLATFORM';
}

module.exports = { check, sentence, isOutOfReach };
