// The crates whose code is in the program and the addon of a target, with their licence texts, as cargo resolves them.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../repository.mjs';

/** Files of a crate that state its licence. Texts that are no licence (a code of conduct) have other names. */
const LICENCES = /^(licen[cs]e|copying|unlicense|notice|copyright)/i;

/**
 * Every crate of other people that is linked into what is published for `target`: normal dependencies, not those of builds and tests.
 * Procedural macros are among them, because what they write is part of the program. `isDirect`: a crate of ours names it. Sorted by
 * name and version.
 */
export function linkedCrates(target) {
  if (!known.has(target)) known.set(target, resolve(target));
  return known.get(target);
}

/** Cargo takes half a second for each, and the notices and the bill of materials ask. */
const known = new Map();

function resolve(target) {
  const metadata = JSON.parse(
    execFileSync('cargo', ['metadata', '--format-version', '1', '--locked', '--filter-platform', target], {
      cwd: root,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const packages = new Map(metadata.packages.map((each) => [each.id, each]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const normal = ({ dep_kinds: kinds }) => kinds.some(({ kind }) => kind === null);
  const seen = new Map();
  const open = metadata.workspace_members.slice();
  while (open.length > 0) {
    const id = open.pop();
    if (seen.has(id)) continue;
    const needs = nodes
      .get(id)
      .deps.filter(normal)
      .map(({ pkg }) => pkg);
    seen.set(id, needs);
    open.push(...needs);
  }
  const ours = (id) => packages.get(id).source === null;
  const direct = new Set([...seen].filter(([id]) => ours(id)).flatMap(([, needs]) => needs));
  return [...seen]
    .filter(([id]) => !ours(id))
    .map(([id, needs]) => ({
      ...describe(
        packages.get(id),
        needs.map((each) => packages.get(each)),
      ),
      isDirect: direct.has(id),
    }))
    .sort((one, other) => (`${one.name} ${one.version}` < `${other.name} ${other.version}` ? -1 : 1));
}

function describe({ name, version, license, authors, repository, manifest_path: manifest }, needs) {
  const folder = path.dirname(manifest);
  const texts = fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCES.test(entry.name))
    .map((entry) => fs.readFileSync(path.join(folder, entry.name), 'utf8').replaceAll('\r\n', '\n').trim())
    .filter((text) => text !== '');
  return { name, version, license, authors, repository, texts, needs: needs.map(purl).sort(), purl: purl({ name, version }) };
}

function purl({ name, version }) {
  return `pkg:cargo/${name}@${version}`;
}
