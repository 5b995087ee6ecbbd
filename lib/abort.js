'use strict';
// AbortSignals in options. The addon does not know them: they are taken out of the options, and a call that is aborted
// rejects at once with the signal's reason.

const { invalid } = require('./error.js');

/** The signal of some options, and the options without it. */
function withoutSignal(options) {
  if (typeof options !== 'object' || options === null || !('signal' in options)) return [undefined, options];
  const { signal, ...rest } = options;
  if (signal === undefined || signal === null) return [undefined, rest];
  // It may come from another realm, or from a library.
  if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return [signal, rest];
  throw invalid('signal', `a value of type ${typeof signal}`, 'an AbortSignal');
}

/**
 * What `begin` resolves to. If `signal` is aborted before that, it rejects with the signal's reason, and `undo` is called with
 * what comes too late.
 */
async function abortable(signal, begin, undo) {
  if (signal === undefined) return begin();
  if (signal.aborted) throw signal.reason;
  const work = begin();
  let abort;
  const aborted = new Promise((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    // Nobody hears any more of what fails from here on.
    if (signal.aborted) work.then(undo).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

module.exports = { withoutSignal, abortable };
