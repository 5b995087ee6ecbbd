'use strict';
// Which checkout a folder lies in, for the plugins, whose servers may be in another folder than the process. The addon
// decides, so that all of Styxy names a checkout alike. It is loaded when it is first asked.

const fs = require('node:fs');
const path = require('node:path');

const { isOutOfReach } = require('./options.js');

/** The root of the checkout or project around `dir`, canonical; null in a home folder, or if there is no such `dir`. */
function projectRoot(dir) {
  return ask((native, caller) => native.projectRoot(dir, caller));
}

/** The checkout or project around `dir`; where there is none, `dir` itself. Canonical, as far as it exists. */
function projectAround(dir) {
  try {
    return ask((native, caller) => native.projectAround(dir, caller));
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    // Without an addon there are no leases either, and only this process reads the name.
    return canonical(dir) ?? path.resolve(dir);
  }
}

/** The name that servers have by default in the package around `dir`; undefined at the root of its project. */
function packageName(dir) {
  try {
    return ask((native, caller) => native.packageName(dir, caller)) ?? undefined;
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    return undefined;
  }
}

function ask(question) {
  const native = require('./native.js');
  return require('./answer.js').answerSync(() => question(native, require('./caller.js').caller()));
}

function canonical(dir) {
  try {
    return fs.realpathSync.native(dir);
  } catch {
    return null;
  }
}

module.exports = { projectRoot, projectAround, packageName, canonical };
