'use strict';
// Refusals, as JavaScript throws them.

/** A call that was refused, or that no daemon answered. */
class StyxyError extends Error {
  constructor(message, { code, hint = null, details = {}, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}
// On the prototype, so that it is not printed among an error's own facts.
Object.defineProperty(StyxyError.prototype, 'name', { value: 'StyxyError', configurable: true, writable: true });

/** What to throw for an error of the addon's, whose message is a refusal as JSON. */
function refusal(error) {
  let said;
  try {
    said = JSON.parse(error.message);
  } catch {
    return error;
  }
  const { error: message, code, hint, details } = said;
  return new StyxyError(message, { code, hint, details });
}

/** The error for an argument that is not of its form, in the words that the daemon uses. */
function invalid(field, found, allowed) {
  const details = { field, found, allowed };
  return new StyxyError(`${field}: ${found}; allowed: ${allowed}`, { code: 'invalid_request', details });
}

module.exports = { StyxyError, refusal, invalid };
