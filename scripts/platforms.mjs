// The platforms that npm packages are made for, and the two committed files of each package under npm/.
// The targets come from package.json ("napi"), the names that npm packages have from lib/platform.js.

import { createRequire } from 'node:module';
import path from 'node:path';
import { json, output, readJson, root } from './repository.mjs';

const require = createRequire(import.meta.url);
const { TRIPLES, packageName, programName } = require('../lib/platform.js');

const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64' };
const SYSTEMS = {
  'unknown-linux-gnu': { os: 'linux', libc: 'glibc', suffix: '-gnu', called: 'Linux with glibc' },
  'unknown-linux-musl': { os: 'linux', libc: 'musl', suffix: '-musl', called: 'Linux with musl' },
  'apple-darwin': { os: 'darwin', suffix: '', called: 'macOS' },
  'pc-windows-msvc': { os: 'win32', suffix: '-msvc', called: 'Windows' },
};

/** Everything about one Rust target: its triple, package, file names and what npm selects it by. */
export function platformOf(target) {
  const [architecture, ...rest] = target.split('-');
  const system = SYSTEMS[rest.join('-')];
  const cpu = ARCHITECTURES[architecture];
  if (!system || !cpu) throw new Error(`there is no npm package for the target ${target}`);
  const triple = `${system.os}-${cpu}${system.suffix}`;
  return {
    ...system,
    target,
    triple,
    cpu,
    folder: path.join(root, 'npm', triple),
    packageName: packageName(triple),
    program: programName(triple),
    addon: `styxy.${triple}.node`,
  };
}

/** The platform of this machine, for the target that rustc builds for. */
export function hostPlatform() {
  return platformOf(output('rustc', '-vV').match(/^host: (.+)$/m)[1]);
}

/** All platforms, in the order of package.json. */
export function platforms() {
  const all = readJson('package.json').napi.targets.map(platformOf);
  const names = all.map(({ triple }) => triple);
  if (String(names.toSorted()) !== String(TRIPLES.toSorted())) {
    throw new Error(`package.json's napi.targets make ${names}; lib/platform.js has ${TRIPLES}`);
  }
  return all;
}

/** The committed files of a platform's package, by their path in the repository. */
export function packageFiles(platform, version) {
  const { license, engines } = readJson('package.json');
  const { os, cpu, libc, called, program, addon, triple } = platform;
  const manifest = {
    name: platform.packageName,
    version,
    description: `The native part of styxy for ${called} on ${cpu}.`,
    license,
    type: 'commonjs',
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    main: addon,
    files: [addon, program, 'THIRD-PARTY-NOTICES.txt'],
    // A program inside Yarn's zip archive could not be executed.
    preferUnplugged: true,
  };
  const readme = `# ${platform.packageName}

The native part of \`styxy\` for ${called} on ${cpu}: \`${addon}\`, which \`require('styxy')\` loads, and
\`${program}\`, the command and daemon. Install \`styxy\`; npm then selects this package by itself.
`;
  return { [`npm/${triple}/package.json`]: json(manifest), [`npm/${triple}/README.md`]: readme };
}
