// A package registry for tests: the packed packages of one folder, on a port of its own, and nothing else.
// npm and pnpm install from it as from the real one, and choose optional dependencies by os, cpu and libc.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/**
 * Serves all .tgz files of `folder`, and those that are published to it, until `close` is called. Gives the registry's address and the
 * names in the order of their publication. A package that was published is shown when it was asked for `unseen` times.
 */
export async function serve(folder, { unseen = 0 } = {}) {
  const packages = new Map();
  const tarballs = new Map();
  const published = [];
  const hidden = new Map();
  const server = http.createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://registry').pathname.slice(1));
    if (request.method === 'PUT') {
      add(Buffer.from(Object.values((await body(request))._attachments)[0].data, 'base64'));
      published.push(name);
      hidden.set(name, unseen);
      return response.writeHead(201).end('{}');
    }
    const left = hidden.get(name) ?? 0;
    hidden.set(name, left - 1);
    const found = left > 0 ? undefined : (tarballs.get(name) ?? packages.get(name));
    response.statusCode = found ? 200 : 404;
    response.end(Buffer.isBuffer(found) ? found : JSON.stringify(found ?? { error: `no ${name} here` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${server.address().port}`;

  function add(bytes) {
    const manifest = JSON.parse(fileIn(gunzipSync(bytes), 'package/package.json'));
    const { name, version } = manifest;
    const file = `-/${name}-${version}.tgz`;
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    const shasum = createHash('sha1').update(bytes).digest('hex');
    const dist = { tarball: `${address}/${file}`, integrity, shasum };
    packages.set(name, { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } });
    tarballs.set(file, bytes);
  }

  const files = folder ? await fs.readdir(folder) : [];
  for (const file of files.filter((name) => name.endsWith('.tgz'))) add(await fs.readFile(path.join(folder, file)));
  return { address, published, close: () => server.close() };
}

async function body(request) {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece;
  return JSON.parse(text);
}

/** One file's text in an unpacked tar archive: headers of 512 bytes, then the file, padded to the same. */
function fileIn(tar, wanted) {
  for (let at = 0; at < tar.length; ) {
    const field = (from, length) => tar.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12), 8) || 0;
    if (field(0, 100) === wanted) return tar.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`no ${wanted} in the archive`);
}
