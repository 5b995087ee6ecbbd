#!/usr/bin/env node
'use strict';
// The `styxy` command as npm installs it: finds the native program and becomes it.
//
// Node takes about 70 ms to get here. So on Unix, where npm made the command a symlink to this file, the first run replaces
// this file by one that is both a shell script and this JavaScript (`polyglot` below). From then on the shell executes the
// native program, and a Node that was already starting with this path still finds JavaScript. If the command is not a
// symlink (pnpm, Yarn, Windows), if this is not an installed package, or if the folder cannot be written, the JavaScript
// stays, without a message.
//
// Its own exit codes are those of a shell: 127 if there is no program, 126 if it does not start.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const tty = require('node:tty');
const platform = require('../lib/platform.js');

const words = process.argv.slice(2);
main();

function main() {
  const program = native();
  replaceThisFile();
  become(program);
}

/** The program to run; ends the process with the reason if there is none. */
function native() {
  // STYXY_BINARY=$(which styxy) names this launcher, not the program: it would start itself again and again.
  if (process.env.STYXY_BINARY && isThisFile(process.env.STYXY_BINARY)) delete process.env.STYXY_BINARY;
  try {
    return platform.binary();
  } catch (error) {
    return fail(error.message, 127);
  }
}

/** Becomes the program: by the system's own call if Node has it, else by a child that this process represents. */
function become(program) {
  if (typeof process.execve === 'function' && isLikeNode(program)) {
    try {
      process.execve(program, [program, ...words], process.env);
    } catch {
      // From Node 26 on a program that does not start is an error; the child below says which.
    }
  }
  standFor(program);
}

/**
 * Whether this system surely starts `program`: it may be executed, and is of the kind and processor that this Node is. Before version
 * 26 Node aborts in `execve` if the program does not start, with a trace that helps nobody.
 */
function isLikeNode(program) {
  try {
    fs.accessSync(program, fs.constants.X_OK);
    return kind(program) === kind(process.execPath);
  } catch {
    return false;
  }
}

/** What the head of a program says it is for: of ELF the magic, class and machine, of Mach-O the magic and the processor. */
function kind(program) {
  const head = Buffer.alloc(20);
  const file = fs.openSync(program, 'r');
  try {
    fs.readSync(file, head, 0, head.length, 0);
  } finally {
    fs.closeSync(file);
  }
  const isElf = head.toString('latin1', 0, 4) === '\x7fELF';
  return isElf ? head.toString('hex', 0, 6) + head.toString('hex', 18, 20) : head.toString('hex', 0, 8);
}

function standFor(program) {
  let child;
  // A terminal sends its signals to the child too. The handlers are set first, so that they see every signal.
  // (`process.stdin` must not be touched: it makes the pipe that the child reads non-blocking.)
  const fromTerminal = tty.isatty(0) ? ['SIGINT', 'SIGQUIT'] : [];
  const passed = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'];
  for (const signal of passed) process.on(signal, () => fromTerminal.includes(signal) || child.kill(signal));

  child = require('node:child_process').spawn(program, words, { stdio: 'inherit' });
  child.on('error', (error) => fail(`styxy: cannot run ${program}: ${error.message}`, 126));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const handled of passed) process.removeAllListeners(handled);
    process.kill(process.pid, signal);
    // This process still runs: Node itself handles the signal. So it exits with the shell's number for it.
    setTimeout(() => process.exit(128 + os.constants.signals[signal]), 100);
  });
}

/** Makes this file a polyglot, if the command is a symlink to it and npm has installed it. Failures are ignored. */
function replaceThisFile() {
  if (process.platform === 'win32') return;
  const folder = path.dirname(path.dirname(__filename));
  // After `npm link` the file belongs to a checkout, and stays as it is.
  if (path.basename(path.dirname(folder)) !== 'node_modules') return;
  let temporary;
  try {
    if (!fs.lstatSync(process.argv[1]).isSymbolicLink() || !isThisFile(process.argv[1])) return;
    const old = fs.readFileSync(__filename, 'utf8');
    const text = polyglot(old, installedProgram());
    if (text === null || text === old) return;
    const unfinished = `${__filename}.${process.pid}-${process.hrtime.bigint()}`;
    const file = fs.openSync(unfinished, 'wx', 0o755);
    temporary = unfinished;
    try {
      // With the owner and mode that npm gave it: root may be the first to run what a user installed.
      const { uid, gid, mode } = fs.statSync(__filename);
      fs.fchownSync(file, uid, gid);
      fs.fchmodSync(file, mode | 0o111);
      fs.writeFileSync(file, text);
      // An empty command after a power failure would be worse than a slow one.
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, __filename);
  } catch {
    if (temporary) fs.rmSync(temporary, { force: true });
  }
}

/** The platform package's program, regardless of STYXY_BINARY. */
function installedProgram() {
  const here = platform.triple();
  return here && fs.realpathSync(path.join(platform.packageFolder(here), platform.programName(here)));
}

/**
 * This file's text with another beginning, for `program`; null if the paths do not fit into one line.
 *
 * To the shell, the second line is the command `:` and then the rest of the line, which always ends in an exec. To
 * JavaScript it is a string and a comment. The shell first compares where it was called with the path that held when
 * this was written, because that needs no other process. If the folder was moved or copied, it follows the links. On another
 * kind of system, to which the folder was copied or where it is mounted, `witness` does not exist: the shell could not
 * execute the program, and the JavaScript says what is wrong.
 */
function polyglot(old, program) {
  const launcher = fs.realpathSync(__filename);
  const relative = path.relative(path.dirname(launcher), program);
  const witness = platform.loader() ?? (process.platform === 'darwin' ? '/System/Library' : '/proc/version');
  if (/[\n\r\u2028\u2029]/.test(launcher + program + witness)) return null;
  const shell = [
    'if [ -n "$STYXY_BINARY" ] && ! [ "$STYXY_BINARY" -ef "$0" ] 2>/dev/null; then',
    '[ -f "$STYXY_BINARY" ] && [ -x "$STYXY_BINARY" ] && exec "$STYXY_BINARY" "$@";',
    `elif ! [ -e ${quoted(witness)} ]; then :;`,
    `elif [ "$0" -ef ${quoted(launcher)} ] 2>/dev/null && [ -x ${quoted(program)} ]; then exec ${quoted(program)} "$@";`,
    'else _styxy=$0; while [ -L "$_styxy" ]; do _styxy_to=$(readlink "$_styxy") || break;',
    'case $_styxy_to in /*) _styxy=$_styxy_to;; *) _styxy=${_styxy%/*}/$_styxy_to;; esac; done;',
    `_styxy=\${_styxy%/*}/${quoted(relative)}; [ -x "$_styxy" ] && exec "$_styxy" "$@"; fi;`,
    'exec node "$0" "$@"',
  ];
  const body = old.replace(/^#!.*\n(":" \/\/;.*\n)?/, '');
  return `#!/bin/sh\n":" //; ${shell.join(' ')}\n${body}`;
}

/** Text in quotes that the shell reads as it is. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function isThisFile(name) {
  try {
    return fs.realpathSync(name) === fs.realpathSync(__filename);
  } catch {
    return false;
  }
}

function fail(message, code) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
