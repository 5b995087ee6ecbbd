// The repository as the scripts use it: its files, and the commands that run in it.

import { execFileSync, spawnSync } from 'node:child_process';
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

/** What a command prints. */
export function output(command, ...words) {
  return execFileSync(command, words, { cwd: root, encoding: 'utf8' });
}

/** Where cargo puts what it builds. */
export function targetFolder() {
  return JSON.parse(output('cargo', 'metadata', '--format-version', '1', '--no-deps')).target_directory;
}
