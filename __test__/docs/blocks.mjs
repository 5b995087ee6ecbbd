// The blocks of code of a page, with what a comment before each says about it.
//
// A block is run, unless it is `text`, which is no code, or a comment says why it cannot run. These are the marks, and no others:
//   <!-- not run: REASON -->   the block is only shown
//   <!-- before: LINES -->     commands, or lines of JavaScript, that run before it and are not shown
//   <!-- goes on -->           the last command is a server, which runs until the page ends
//   <!-- schema: FILE -->      the JSON is valid by this schema in docs/
// `<!-- bench -->` and `<!-- /bench -->` are no marks of blocks: `npm run bench` writes between them.

import assert from 'node:assert/strict';

const LANGUAGES = ['console', 'js', 'ts', 'json', 'yaml', 'sh', 'text'];
const MARK = /^(?:(not run|before|schema):\s+([^]+)|(goes on))$/;

/** The blocks of `page`, in its order: `{ line, language, text, reason?, before?, schema?, goesOn? }`. */
export function blocks(page) {
  const lines = page.split('\n');
  const found = [];
  let marks = {};
  for (let at = 0; at < lines.length; at += 1) {
    if (/^<!-- \/?bench -->$/.test(lines[at])) continue;
    if (lines[at].startsWith('<!--')) {
      const end = lines.findIndex((line, index) => index >= at && line.endsWith('-->'));
      assert.ok(end >= at, `line ${at + 1}: the comment has no end`);
      marks = { ...marks, ...mark(lines.slice(at, end + 1).join('\n'), at + 1) };
      at = end;
    } else if (lines[at].startsWith('```')) {
      const end = lines.indexOf('```', at + 1);
      assert.ok(end > at, `line ${at + 1}: the block has no end`);
      const language = lines[at].slice(3);
      assert.ok(LANGUAGES.includes(language), `line ${at + 1}: ${language || 'no language'}; one of ${LANGUAGES}`);
      found.push({ line: at + 1, language, text: lines.slice(at + 1, end).join('\n'), ...marks });
      marks = {};
      at = end;
    } else if (lines[at] !== '') {
      assert.deepEqual(marks, {}, `line ${at + 1}: a mark stands before a block`);
    }
  }
  assert.deepEqual(marks, {}, 'a mark stands before a block');
  return found;
}

function mark(comment, line) {
  const [, kind, value, goesOn] = MARK.exec(comment.slice('<!--'.length, -'-->'.length).trim()) ?? [];
  assert.ok(kind || goesOn, `line ${line}: ${comment} is not a mark that this test knows`);
  if (goesOn) return { goesOn: true };
  return { [kind === 'not run' ? 'reason' : kind]: value };
}

/** The commands of a console block, each with the lines that it prints there: `{ command, output }`. */
export function commands(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const last = found.at(-1);
    if (last && isOpen(last.command)) last.command += `\n${line}`;
    else if (line.startsWith('$ ')) found.push({ command: line.slice(2), output: [] });
    else {
      assert.ok(last, `a console block begins with "$ ": ${line}`);
      last.output.push(line);
    }
  }
  return found;
}

/** Whether a quotation mark is open at the end of a command, so that the next line is part of it. */
function isOpen(command) {
  const words = command.replaceAll(/\s#\s.*$/gm, '');
  return (words.match(/'/g)?.length ?? 0) % 2 === 1;
}
