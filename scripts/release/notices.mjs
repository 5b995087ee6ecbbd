// The notices that go with the published programs: whose code is in them, and under which licence.
//
//   node scripts/release/notices.mjs TARGET    prints those of a Rust target

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../repository.mjs';
import { linkedCrates } from './crates.mjs';

const LINE = '-'.repeat(80);

/** The text of THIRD-PARTY-NOTICES.txt for several targets, one of them or all. */
export function notices(targets) {
  const crates = new Map(targets.flatMap(linkedCrates).map((crate) => [crate.purl, crate]));
  const groups = new Map();
  for (const crate of [...crates.values()].sort((one, other) => (one.purl < other.purl ? -1 : 1))) {
    for (const text of licenceTexts(crate)) {
      // The same words in lines of another length are one licence.
      const key = text.replace(/\s+/g, ' ');
      const group = groups.get(key) ?? { text, users: [] };
      group.users.push(crate);
      groups.set(key, group);
    }
  }
  const sections = [...groups.values()].map(({ text, users }) => {
    const names = users.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${LINE}\n${names.join('\n')}\n\n${text}\n`;
  });
  return `The programs and addons of Styxy contain code of the crates below, and of Rust's standard library.

${sections.join('\n')}
${standardLibrary(targets)}`;
}

/**
 * The texts under which a crate is used here. Where MIT is one of several to choose from, it is chosen. A crate that ships no text
 * names its licence in its manifest only: for MIT the standard text stands here with its authors, because that licence asks for
 * the notice. Any other case needs a decision, and so this fails.
 */
function licenceTexts({ name, version, license, authors, texts }) {
  const choices = /\bAND\b|\bWITH\b/.test(license) ? [] : license.split(/ OR |\s*\/\s*/);
  const mit = choices.includes('MIT') ? texts.filter((text) => text.includes('Permission is hereby granted, free of charge')) : [];
  if (mit.length > 0) return mit;
  if (texts.length > 0) return texts;
  if (!choices.includes('MIT')) {
    throw new Error(
      `${name} ${version} ships no licence text, and its licence is ${license}: say in scripts/release/notices.mjs what holds`,
    );
  }
  return [mitOf(authors.length > 0 ? authors.join(', ') : `the authors of ${name}`)];
}

/** The MIT licence of other holders than ours. */
function mitOf(holders) {
  return fs
    .readFileSync(path.join(root, 'LICENSE'), 'utf8')
    .trim()
    .replace(/^Copyright .*$/m, `Copyright (c) ${holders}`);
}

function standardLibrary(targets) {
  const { 1: version } = execFileSync('rustc', ['--version'], { cwd: root, encoding: 'utf8' }).match(/^rustc (\S+)/);
  const parts = [[`Rust's standard library ${version} (MIT OR Apache-2.0)`, 'The Rust Project contributors']];
  if (targets.some((target) => target.endsWith('-musl'))) parts.push(['musl, the C library (MIT)', '2005-2020 Rich Felker, et al.']);
  return parts.map(([name, holders]) => `${LINE}\n${name}\n\n${mitOf(holders)}\n`).join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(notices(process.argv.slice(2)));
