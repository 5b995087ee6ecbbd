'use strict';
// What a call of the addon gives: its answer, or its refusal as StyxyError. What a user should know beside it is a warning of
// Node's, on stderr unless the program handles it.

const { refusal } = require('./error.js');
const native = require('./native.js');

async function answer(promise) {
  try {
    return await promise;
  } catch (error) {
    throw refusal(error);
  } finally {
    warn();
  }
}

/** The same for a call that does not wait. */
function answerSync(call) {
  try {
    return call();
  } catch (error) {
    throw refusal(error);
  } finally {
    warn();
  }
}

function warn() {
  for (const warning of native.warnings()) process.emitWarning(warning, 'StyxyWarning');
}

module.exports = { answer, answerSync };
