'use strict';
// Which checkout a folder lies in, for the plugins, whose servers need not be those of the process's own folder.
// The rule is that of the native client (crates/client/src/place.rs), so that all name a checkout alike.

const fs = require('node:fs');
const path = require('node:path');

/**
 * The canonical root of the checkout around `dir`: the nearest folder with a `.git`, be it a folder or, in a worktree, a
 * file. Null if there is none, or no such `dir`. A `.git` in the home folder itself or in `/` makes no checkout.
 */
function projectRoot(dir) {
  const inside = canonical(dir);
  if (inside === null) return null;
  for (let folder = inside; ; folder = path.dirname(folder)) {
    const isTop = folder === path.dirname(folder);
    if (fs.existsSync(path.join(folder, '.git'))) return isTop || folder === home() ? null : folder;
    if (isTop) return null;
  }
}

/** The checkout around `dir`; outside of one, `dir` itself. Canonical, as far as it exists. */
function projectAround(dir) {
  return projectRoot(dir) ?? canonical(dir) ?? path.resolve(dir);
}

function canonical(dir) {
  try {
    return fs.realpathSync.native(dir);
  } catch {
    return null;
  }
}

function home() {
  const { HOME, USERPROFILE } = process.env;
  const named = process.platform === 'win32' ? USERPROFILE : HOME;
  return named ? canonical(named) : null;
}

module.exports = { projectRoot, projectAround, canonical };
