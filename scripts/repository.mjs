// The repository as the scripts use it: its files, and the commands that run in it.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export function readText(file) {
  return fs.readFileSync(path.join(root, file), 'utf8');
}

export function readJson(file) {
  return JSON.parse(readText(file));
}

/** A value as npm writes it. */
export function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Runs a command, which shows what it does. If it fails, it has said why, and this process ends with its exit code. */
export function run(command, words, options = {}) {
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs commands at the same time, each `[command, words]`. If one fails, this process ends with its exit code when all have ended. */
export async function runTogether(commands) {
  const ended = commands.map(([command, words]) => once(spawn(command, words, { cwd: root, stdio: 'inherit' }), 'exit'));
  const failed = (await Promise.all(ended)).find(([status]) => status !== 0);
  if (failed) process.exit(failed[0] ?? 1);
}

/**
 * How npm, or another command that comes with it, is started with `words`: the program and its arguments. On Windows these commands
 * are batch files, which Node starts in a shell only (CVE-2024-27980), and a shell has its own rules for quotes. So there their
 * scripts are run, by this Node, beside which its installer puts them.
 */
export function npm(words, command = 'npm') {
  if (process.platform !== 'win32') return [command, words];
  return [process.execPath, [path.join(path.dirname(process.execPath), 'node_modules/npm/bin', `${command}-cli.js`), ...words]];
}

/** What a command prints. */
export function output(command, ...words) {
  return execFileSync(command, words, { cwd: root, encoding: 'utf8' });
}

/** Where cargo puts what it builds. */
export function targetFolder() {
  return JSON.parse(output('cargo', 'metadata', '--format-version', '1', '--no-deps')).target_directory;
}
