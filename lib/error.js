'use strict';
// Refusals as errors.

/** A call was refused, or no daemon answered it. */
class StyxyError extends Error {
  constructor(message, { code, hint = null, details = {}, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}
// On the prototype, so that it is not printed among an error's own properties.
Object.defineProperty(StyxyError.prototype, 'name', { value: 'StyxyError', configurable: true, writable: true });

/** The error to throw for an error of the addon, whose message is a refusal as JSON. */
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

/** The error for an argument that does not have its form. Its message reads like the daemon's. */
function invalid(field, found, allowed) {
  const details = { field, found, allowed };
  return new StyxyError(`${field}: ${found}; allowed: ${allowed}`, { code: 'invalid_request', details });
}

module.exports = { StyxyError, refusal, invalid };
