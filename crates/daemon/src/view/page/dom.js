// Nodes of the page, and what is changed of them. The page's scripts share their names, in the order dom.js, show.js, page.js: a
// script that is a module would be asked for with an Origin, and no request with one is admitted.
'use strict';

const $ = (id) => document.getElementById(id);

/** Sets the text of `node`, if it is another one: what is not touched keeps its selection. */
function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function make(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const code = (command) => make('code', '', command);

/** Makes `wanted` the children of `parent` that come after its first `kept`, and moves none that need not move. */
function arrange(parent, wanted, kept = 0) {
  const stays = new Set(wanted);
  for (const child of [...parent.children].slice(kept)) if (!stays.has(child)) child.remove();
  let at = parent.children[kept] ?? null;
  for (const node of wanted) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/** Nodes by their keys, made when they are first wanted and forgotten when they are not. */
class Nodes {
  #known = new Map();
  #used = new Set();
  get(key, build) {
    this.#used.add(key);
    if (!this.#known.has(key)) this.#known.set(key, build());
    return this.#known.get(key);
  }
  forget() {
    for (const key of this.#known.keys()) if (!this.#used.has(key)) this.#known.delete(key);
    this.#used.clear();
  }
}

const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** One number and one unit, as the command writes ages. */
function age(then) {
  const seconds = Math.max(0, Math.floor((Date.now() - then) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function since(node, at) {
  if (node.dateTime !== (at ?? '')) {
    node.dateTime = at ?? '';
    node.title = at ? new Date(at).toLocaleString() : '';
    node.then = at ? Date.parse(at) : null;
  }
  text(node, at ? age(node.then) : '');
  return node;
}

setInterval(() => {
  if (document.hidden) return;
  for (const node of document.getElementsByTagName('time')) if (node.then) text(node, age(node.then));
}, 1000);
