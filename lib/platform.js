'use strict';
// Which native program belongs to this machine, and the error if there is none.
// The launcher runs this before the program, so it loads only Node's own modules and reads little from the disk.

const fs = require('node:fs');
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

const ROOT = path.dirname(__dirname);

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

/**
 * The absolute path of the native `styxy` program: `STYXY_BINARY`, else what `npm run build` left in a checkout, else the
 * installed platform package's. Throws the error of `missing`. It does not try to start the program.
 */
function binary() {
  if (process.env.STYXY_BINARY) return path.resolve(process.env.STYXY_BINARY);
  const here = triple();
  if (here === null) throw missing();
  const built = path.join(ROOT, 'npm', here, programName(here));
  if (fs.existsSync(built)) return built;
  const folder = packageFolder(here);
  const installed = folder && path.join(folder, programName(here));
  if (!installed || !fs.existsSync(installed)) throw missing();
  return installed;
}

/**
 * The error for a machine that has no native part, with `code` ERR_STYXY_PLATFORM. `cause` is why the addon
 * did not load, if it was there: the error for an addon that does not load differs from that for a missing one.
 */
function missing(cause) {
  const here = triple();
  const error = new Error(here === null ? unknownPlatform() : (cannotLoad(here, cause) ?? notInstalled(here)), { cause });
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

function notInstalled(here) {
  const name = packageName(here);
  return `styxy lacks its native part for this platform, ${here}: the package ${name} is not installed.
npm leaves it out when
  - an option says so (--omit=optional, --no-optional),
  - package-lock.json was written on another system and knows only that one's package, or
  - node_modules was copied from another system.
Install it:
  npm install --include=optional          in a project; first remove node_modules and package-lock.json if it stays missing
  npm install -g --include=optional styxy

${fromSource()}`;
}

/** For a package that is there and does not load, usually because the system's C library is too old. */
function cannotLoad(here, cause) {
  for (let error = cause; error instanceof Error; error = error.cause) {
    // The generated loader tries many names and keeps only the message of each failure.
    if (/^Cannot find /.test(error.message)) continue;
    return `styxy's addon for this platform, ${here}, does not load:
  ${error.message.replaceAll('\n', '\n  ')}

${fromSource()}`;
  }
  return null;
}

function fromSource() {
  return `Or build it (Rust 1.95 or newer). In a checkout of ${source()}:
  npm ci && npm run build && npm install -g .       the command and the addon
  cargo build --profile release-cli -p styxy        the command alone; STYXY_BINARY tells styxy where it is`;
}

function source() {
  const { repository } = require('../package.json');
  return repository ? `the source, ${repository.url.replace(/^git\+/, '')}` : "Styxy's source";
}

function platformName() {
  return `${process.platform}-${process.arch}`;
}

/** Where the platform's package is installed; null if it is not. */
function packageFolder(of) {
  try {
    return path.dirname(require.resolve(`${packageName(of)}/package.json`));
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

module.exports = { TRIPLES, triple, packageName, programName, packageFolder, loader, binary, missing };
