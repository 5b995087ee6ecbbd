// The bill of materials of a target's program and addon, in CycloneDX 1.6: what is linked into them, as cargo resolves it.

import { createHash } from 'node:crypto';
import { linkedCrates } from './crates.mjs';

/** `time` is in seconds since 1970: that of the commit, so that the same commit gives the same file. */
export function billOfMaterials({ target, version, time, where }) {
  const crates = linkedCrates(target);
  const self = `pkg:npm/styxy@${version}`;
  const root = {
    type: 'application',
    'bom-ref': self,
    name: 'styxy',
    version,
    purl: self,
    licenses: [{ license: { id: 'MIT' } }],
    externalReferences: [{ type: 'vcs', url: where.url }],
    properties: [{ name: 'rust:target', value: target }],
  };
  const components = crates.map(({ name, version, license, purl, repository }) => ({
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    // An older crate writes MIT/Apache-2.0, which is no SPDX expression.
    licenses: [{ expression: license.replace(/\s*\/\s*/g, ' OR ') }],
    ...(repository && { externalReferences: [{ type: 'vcs', url: repository }] }),
  }));
  const direct = crates.filter(({ isDirect }) => isDirect).map(({ purl }) => purl);
  const content = {
    metadata: { timestamp: new Date(time * 1000).toISOString(), component: root },
    components,
    dependencies: [{ ref: self, dependsOn: direct }, ...crates.map(({ purl, needs }) => ({ ref: purl, dependsOn: needs }))],
  };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
    ...content,
  };
}

/** A UUID of version 8 from a text. */
function uuidOf(text) {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}
