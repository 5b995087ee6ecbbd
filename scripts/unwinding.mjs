// Empties the tables for unwinding in a program for Linux that aborts on a panic. Nobody reads them but a backtrace, which would have
// no names, since these are stripped; it ends at its first line. Compressed they are 0.24 MB of every download. Rust's own flag
// (-Cforce-unwind-tables=no) leaves them in.

import fs from 'node:fs';

const TABLES = ['.eh_frame', '.eh_frame_hdr'];

/** Fills these sections of the ELF file (64 bit, little-endian) with zeros: an index of version 0 is one that no unwinder reads. */
export function emptyTables(file) {
  const bytes = fs.readFileSync(file);
  if (bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error(`${file} is not a 64-bit ELF file`);
  const [sections, count, names] = [Number(bytes.readBigUInt64LE(0x28)), bytes.readUInt16LE(0x3c), bytes.readUInt16LE(0x3e)];
  const section = (at) => {
    const from = sections + 64 * at;
    const [offset, size] = [0x18, 0x20].map((field) => Number(bytes.readBigUInt64LE(from + field)));
    return { name: bytes.readUInt32LE(from), offset, size };
  };
  const strings = section(names).offset;
  let found = 0;
  for (let at = 0; at < count; at++) {
    const { name, offset, size } = section(at);
    const end = bytes.indexOf(0, strings + name);
    if (!TABLES.includes(bytes.toString('latin1', strings + name, end))) continue;
    bytes.fill(0, offset, offset + size);
    found++;
  }
  if (found !== TABLES.length) throw new Error(`${file} has ${found} of the sections ${TABLES.join(', ')}`);
  fs.writeFileSync(file, bytes);
}
