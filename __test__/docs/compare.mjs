// Whether a command prints what the page shows. Pids, times, ages, durations and versions are never the same twice; an id
// stands for one id from its first line to its last. A … stands for what is left out: in a line, or for whole lines.

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const VOLATILE = ['pid', 'uptime', 'rss', 'used', 'seq', 'generation', 'user'];
const PATTERNS = [
  [/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME'],
  [/\d+ (?:s|min|h|d)(?= ago)/g, 'AGE'],
  [/\d+(?:\.\d+)? (?:ms|s)\b/g, 'DURATION'],
  [/(?<=\((?:pid )?)\d+(?=\))/g, 'PID'],
  [/(?<=\bpid )\d+/g, 'PID'],
  [/(?<=^id: |"seq":|_total )\d+/gm, 'COUNT'],
  [/(?<![\d.])\d+\.\d+\.\d+(?![\d.])/g, 'VERSION'],
];

/** What the ids of a page are on this machine. */
export class Ids {
  #real = new Map();

  /** `text` of the page with the ids of this machine. */
  translate(text) {
    return text.replaceAll(UUID, (id) => this.#real.get(id) ?? id);
  }

  /** Whether `printed` is what `shown` says; learns the ids that are new. `goesOn`: more may follow. */
  matches(shown, printed, goesOn = false) {
    const [json, answer] = [asJson(shown), asJson(printed)];
    if (json !== undefined && answer !== undefined) return this.#same(json, answer);
    const [lines, text] = [tidy(shown).split('\n'), `${tidy(printed)}\n`];
    return this.#matches(lines.map((line) => (line === '…' ? line : `${line}\n`)), text, goesOn);
  }

  #same(shown, given) {
    if (shown === '…') return true;
    if (typeof shown === 'string') return typeof given === 'string' && this.#matches([tidy(shown)], tidy(given));
    if (shown === null || given === null || typeof shown !== 'object' || typeof given !== 'object') return shown === given;
    const keys = Object.keys(shown).filter((key) => key !== '…');
    const isWhole = '…' in shown || Object.keys(given).length === keys.length;
    const all = keys.every((key) => key in given && (VOLATILE.includes(key) || this.#same(shown[key], given[key])));
    return isWhole && all && Array.isArray(shown) === Array.isArray(given);
  }

  /** Whether `text` is `parts`, of which one that is … alone stands for any number of lines. */
  #matches(parts, text, goesOn = false) {
    const fresh = [];
    const pattern = (part) =>
      part.split(new RegExp(`(${UUID.source}|…)`)).map((piece) => {
        if (piece === '…') return '.*';
        if (!piece.match(UUID)) return piece.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
        if (this.#real.has(piece)) return this.#real.get(piece);
        fresh.push(piece);
        return `(${UUID.source})`;
      }).join('');
    const all = parts.map((part) => (part === '…' ? '(?:.*\\n)*?' : pattern(part))).join('');
    const found = new RegExp(`^${all}${goesOn ? '' : '$'}`).exec(text);
    fresh.forEach((id, index) => found && this.#real.set(id, found[index + 1]));
    return found !== null;
  }
}

/** The value of a JSON text, with … for what is left out; undefined if it is none. */
function asJson(text) {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text.replaceAll(/[{[]…[}\]]/g, '"…"').replaceAll(/, …}/g, ', "…": null}'));
  } catch {
    return undefined;
  }
}

/** `text` without what is never the same twice, without empty lines, and with single spaces. */
function tidy(text) {
  const same = PATTERNS.reduce((line, [pattern, name]) => line.replaceAll(pattern, name), text);
  return same.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim()).filter(Boolean).join('\n');
}
