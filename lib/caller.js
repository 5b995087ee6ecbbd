'use strict';
// What the calling thread knows of itself. A worker has an environment of its own.

const { instanceVariables } = require('./native.js');

const VARIABLES = instanceVariables();
const HOME = process.platform === 'win32' ? 'USERPROFILE' : 'HOME';

/** Where the call comes from, as the addon takes it. */
function caller() {
  return { cwd: workingDirectory(), home: process.env[HOME], instance: VARIABLES.map((name) => process.env[name]) };
}

/** Nothing if the folder is gone: then there is no worktree around it. */
function workingDirectory() {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

module.exports = { caller };
