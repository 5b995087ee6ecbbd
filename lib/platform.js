'use strict';
// Which native files belong to this machine, where they are, and the error if there are none.
// The launcher runs this before the program, so it loads only Node's own modules and reads little from the disk.
// No `require` names the native package: a bundler would try to put a file for one machine into its bundle.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

/** The platforms that have a package. The manifests under npm/ and the release workflow are made from this list. */
const TRIPLES = Object.freeze([
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
]);

/** This package's folder; in a bundle, which may be an ES module, any folder. */
const ROOT = typeof __dirname === 'string' ? path.dirname(__dirname) : process.cwd();

/** This machine as the packages name it: `linux-x64-gnu`; null if there is no package for it. */
function triple() {
  const { platform, arch } = process;
  const abi = platform === 'linux' ? (isMusl() ? '-musl' : '-gnu') : platform === 'win32' ? '-msvc' : '';
  const name = `${platform}-${arch}${abi}`;
  return TRIPLES.includes(name) ? name : null;
}

/** The package that holds the addon and the program of a platform. */
function packageName(of) {
  return `@styxy/native-${of}`;
}

/** The program's file name inside such a package. */
function programName(of) {
  return of.startsWith('win32-') ? 'styxy.exe' : 'styxy';
}

/** The addon's file name, in such a package and in the root of a checkout. */
function addonName(of) {
  return `styxy.${of}.node`;
}

/**
 * The absolute path of the native `styxy` program: `STYXY_BINARY`, else what `npm run build` left in a checkout, else the
 * installed platform package's. Throws the error of `missing`. It does not try to start the program.
 */
function binary() {
  return find(process.env.STYXY_BINARY, (root, here) => path.join(root, 'npm', here, programName(here)), programName);
}

/** The same for the addon, which `STYXY_ADDON` names. */
function addon() {
  return find(process.env.STYXY_ADDON, (root, here) => path.join(root, addonName(here)), addonName);
}

/** A native file: the one that is `given`, else that of a checkout, else the one of this name in the platform's package. */
function find(given, inCheckout, name) {
  if (given) return path.resolve(given);
  const here = triple();
  if (here === null) throw missing();
  for (const root of roots()) {
    const built = inCheckout(root, here);
    if (fs.existsSync(built)) return built;
    const folder = folderOf(packageName(here), root);
    const installed = folder && path.join(folder, name(here));
    if (installed && fs.existsSync(installed)) return installed;
  }
  throw missing();
}

/** Loads the addon. Throws the error of `missing` if it is not there or does not load. */
function load() {
  const file = addon();
  try {
    return createRequire(file)(file);
  } catch (cause) {
    throw missing(cause);
  }
}

/**
 * The error for a machine that has no native part, with `code` ERR_STYXY_PLATFORM. `cause` is why the addon
 * did not load, if it was there: the error for an addon that does not load differs from that for a missing one.
 */
function missing(cause) {
  const here = triple();
  const text = cause ? cannotLoad(here, cause) : here === null ? unknownPlatform() : notInstalled(here);
  const error = new Error(text, cause && { cause });
  error.code = 'ERR_STYXY_PLATFORM';
  return error;
}

function unknownPlatform() {
  const known = TRIPLES.join(', ');
  return `styxy has no package for this platform, ${platformName()}.
There are packages for ${known}.

The command can be built (Rust 1.95 or newer). In a checkout of ${source()}:
  cargo build --profile release-cli -p styxy        STYXY_BINARY tells styxy where it is`;
}

/** One reason, and one thing to do: why npm did not install the package can mostly be seen. */
function notInstalled(here) {
  const { why, hint } = reason(here);
  return `styxy lacks its native part for this platform, ${here}: the package ${packageName(here)} is not installed${why}
  hint: ${hint}`;
}

function reason(here) {
  if (isBundled()) {
    const hint = 'leave styxy out of the bundle, or name the file of the addon in STYXY_ADDON';
    return { why: ' where this bundle finds it', hint };
  }
  const other = TRIPLES.find((one) => one !== here && packageFolder(one));
  if (other) {
    return { why: `; node_modules comes from another system, it has the one for ${other}`, hint: 'remove node_modules and install again' };
  }
  const parts = ROOT.split(path.sep);
  const at = parts.indexOf('node_modules');
  const project = at > 0 ? parts.slice(0, at).join(path.sep) || path.sep : null;
  const lock = read(project && path.join(project, 'package-lock.json'));
  if (lock?.includes(packageName('')) && !lock.includes(packageName(here))) {
    const hint = 'remove package-lock.json and node_modules, and run npm install';
    return { why: '; package-lock.json was written on another system and does not name it', hint };
  }
  if (parts.includes('.pnpm')) return { why: '', hint: 'pnpm install, without --no-optional' };
  const isGlobal = project !== null && read(path.join(project, 'package.json')) === null;
  return { why: '', hint: isGlobal ? 'npm install -g --include=optional styxy' : 'npm install --include=optional' };
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** For a package that is there and does not load, usually because the system's C library is too old. */
function cannotLoad(here, cause) {
  return `styxy's addon for this platform, ${here ?? platformName()}, does not load:
  ${cause.message.replaceAll('\n', '\n  ')}

${fromSource()}`;
}

function fromSource() {
  return `Or build it (Rust 1.95 or newer). In a checkout of ${source()}:
  npm ci && npm run build && npm install -g .       the command and the addon
  cargo build --profile release-cli -p styxy        the command alone; STYXY_BINARY tells styxy where it is`;
}

function source() {
  const { repository } = manifest() ?? {};
  return repository ? `the source, ${repository.url.replace(/^git\+/, '')}` : "Styxy's source";
}

function platformName() {
  return `${process.platform}-${process.arch}`;
}

/** Where the platform's package is installed; null if it is not. */
function packageFolder(of) {
  for (const root of roots()) {
    const folder = folderOf(packageName(of), root);
    if (folder) return folder;
  }
  return null;
}

/**
 * Where this package may be. In a bundle, this code is no longer in its folder: then the program's folder, or the current
 * one, leads to it. An installed package looks nowhere else: the current folder may be anybody's, and hold anything.
 */
function* roots() {
  yield ROOT;
  if (!isBundled()) return;
  for (const place of [process.argv[1] && path.dirname(process.argv[1]), workingDirectory()]) {
    const root = place && folderOf('styxy', place);
    if (root) yield root;
  }
}

function isBundled() {
  return manifest() === null;
}

/** This package's own; null in a bundle, which may lie in any folder. */
function manifest() {
  try {
    const found = JSON.parse(read(path.join(ROOT, 'package.json')));
    return found?.name === 'styxy' ? found : null;
  } catch {
    return null;
  }
}

/** The folder of the package `name`, as code in the folder `from` would find it; null if there is none. */
function folderOf(name, from) {
  try {
    return path.dirname(createRequire(path.join(from, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** Null if that folder was deleted. */
function workingDirectory() {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

/**
 * The dynamic loader that this Node was linked for, `/lib64/ld-linux-x86-64.so.2`: a file that Linux systems of this
 * architecture and C library have and others lack. Null elsewhere, and for a static Node or one whose file was patched.
 */
function loader() {
  const head = Buffer.alloc(4096);
  try {
    const file = fs.openSync(process.execPath, 'r');
    try {
      fs.readSync(file, head, 0, head.length, 0);
    } finally {
      fs.closeSync(file);
    }
  } catch {
    // This Node may be executed but not read.
  }
  return head.toString('latin1').match(/\/[^\0]*\/ld-(musl|linux)[^\0]*/)?.[0] ?? null;
}

// Reading the loader's name takes a tenth of what Node's report does.
function isMusl() {
  const name = loader();
  if (name !== null) return name.includes('/ld-musl');
  // Otherwise the report asks the network for host names.
  process.report.excludeNetwork = true;
  return !process.report.getReport().header.glibcVersionRuntime;
}

module.exports = { TRIPLES, triple, packageName, programName, packageFolder, loader, binary, load };
