'use strict';
// What the calling thread knows about itself. A worker has an environment of its own.

const { callerVariables } = require('./native.js');

const VARIABLES = callerVariables();

/** Where and for whom a call is, in the form that the addon takes. */
function caller() {
  return { cwd: workingDirectory(), variables: VARIABLES.map((name) => process.env[name]) };
}

/** Undefined if the folder was deleted: then there is no checkout around it. */
function workingDirectory() {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

module.exports = { caller };
