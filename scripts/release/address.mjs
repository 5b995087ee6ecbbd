// Where the source is published: `repository` in package.json, the one place that says it. Everything that needs the address
// (manifests, links, the formula, the registries' entries) gets it from here.

import { readJson } from '../repository.mjs';

/** What npm compares with the provenance, and what `npm pkg fix` makes of every other form. */
const FORM = /^git\+https:\/\/github\.com\/([\w.-]+)\/([\w.-]+)\.git$/;

/** What a dry run uses while package.json has no `repository`: `.invalid` is nobody's (RFC 2606). */
export const NOBODYS = addressOf('https://github.invalid', 'owner', 'styxy');

/** The address, or null if package.json has none yet. */
export function address() {
  const { repository } = readJson('package.json');
  if (repository === undefined) return null;
  const found = typeof repository.url === 'string' && repository.url.match(FORM);
  if (!found)
    throw new Error(`package.json: repository.url must be git+https://github.com/OWNER/NAME.git, not ${JSON.stringify(repository.url)}`);
  return addressOf('https://github.com', found[1], found[2]);
}

function addressOf(server, owner, name) {
  const url = `${server}/${owner}/${name}`;
  return { url, owner, name, git: `git+${url}.git`, issues: `${url}/issues`, mcpName: `io.github.${owner}/${name}` };
}

/** The fields of a package's manifest that follow from it. */
export function manifestFields(where) {
  return { homepage: `${where.url}#readme`, bugs: { url: where.issues }, repository: { type: 'git', url: where.git } };
}

/** Markdown whose links lead to `where` at the tag of `version`: a registry's page shows the README and has no other file. */
export function absoluteLinks(markdown, where, version) {
  return markdown.replace(/(!?)(\[[^\]]*\])\((?![a-z]+:|#|\/)([^)\s]+)\)/g, (_, image, text, file) => {
    const at = `${where.url}/${image ? 'raw' : 'blob'}/v${version}/${file}`;
    return `${image}${text}(${at})`;
  });
}
