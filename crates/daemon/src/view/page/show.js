// What the daemon says, as a table and two lists. Whatever a program or a folder is called becomes text, never markup.
'use strict';

const table = $('services');

let view = null; // what is shown
let version = null; // the daemon's, when the page was loaded
let showsOthers = false;

const groups = new Nodes();
const rows = new Nodes();

/** Shows what is true now, and says what has changed. */
function show(next) {
  const before = view;
  view = next;
  version ??= next.version;
  render();
  if (before) announce(before, next);
  text($('version'), `styxy ${next.version}`);
  if (next.version !== version) trouble(['Styxy was updated. Load this page again.'], 'updated');
  $('main').setAttribute('aria-busy', 'false');
}

const services = (of) => of.repositories.flatMap(({ worktrees }) => worktrees.flatMap((worktree) => worktree.services));

/** Draws what is shown again: something else is searched for. */
function render() {
  if (!view) return;
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const bodies = [];
  let hidden = 0;
  let found = 0;
  for (const repository of view.repositories) {
    for (const worktree of repository.worktrees) {
      const place = [repository.name, worktree.branch, worktree.path].filter(Boolean);
      const wanted = [];
      for (const service of worktree.services) {
        const isOther = service.state === 'unleased' && worktree.path === null;
        if (words.length > 0) {
          const said = wordsOf(service, place);
          if (!words.every((word) => said.includes(word))) continue;
        } else if (isOther && !showsOthers) {
          hidden += 1;
          continue;
        }
        const row = rows.get(`${service.lock_id ?? 'port'} ${service.port}`, makeRow);
        fill(row, service);
        wanted.push(row.node);
      }
      found += wanted.length;
      if (wanted.length === 0) continue;
      const group = groups.get(worktree.path ?? '', makeGroup);
      text(group.name, repository.name ?? 'Outside of any worktree');
      text(group.branch, worktree.branch ?? '');
      text(group.path, worktree.path ?? '');
      arrange(group.node, wanted, 1);
      bodies.push(group.node);
    }
  }
  groups.forget();
  rows.forget();
  arrange(table, bodies, 1);
  table.hidden = found === 0;
  empty(found, hidden, words);
  const others = $('others');
  const count = services(view).filter(({ state, lock_id }) => state === 'unleased' && !lock_id).length;
  others.hidden = words.length > 0 || (hidden === 0 && !showsOthers) || count === 0;
  others.setAttribute('aria-expanded', String(showsOthers));
  text(others, showsOthers ? 'Hide listeners outside of worktrees' : `Show ${plural(hidden, 'listener')} outside of worktrees`);
  lists(words);
  summarise(words, found);
}

function empty(found, hidden, words) {
  const node = $('empty');
  node.hidden = found > 0;
  if (words.length > 0) text(node, 'Nothing matches.');
  else if (found === 0) node.replaceChildren('No port is leased. To start a server on one: ', code('styxy run -- npm run dev'));
}

function summarise(words, found) {
  const all = services(view);
  const count = (state) => all.filter((service) => service.state === state).length;
  const conflicts = count('conflict');
  const parts = [
    conflicts > 0 && plural(conflicts, 'conflict'),
    plural(count('active'), 'server'),
    count('granted') > 0 && `${count('granted')} waiting`,
    view.sessions.length > 0 && plural(view.sessions.length, 'agent session'),
    words.length > 0 && `${found} found`,
  ];
  text($('summary'), parts.filter(Boolean).join(' · '));
  document.title = conflicts > 0 ? `(${plural(conflicts, 'conflict')}) Styxy` : 'Styxy';
}

function makeGroup() {
  const name = make('b');
  const [branch, path] = [make('span'), make('span')];
  const heading = make('th', '', name, ' ', branch, ' ', path);
  heading.colSpan = 8;
  heading.scope = 'rowgroup';
  return { node: make('tbody', '', make('tr', '', heading)), name, branch, path };
}

function makeRow() {
  const link = () => {
    const node = make('a');
    node.target = '_blank';
    node.rel = 'noopener noreferrer';
    return node;
  };
  const row = { url: link(), named: link(), state: make('td', 'state'), stranger: make('span', 'stranger'), process: make('span') };
  row.memory = make('td', 'memory');
  row.session = make('td', 'session');
  row.since = make('time');
  row.copies = make('td');
  const process = make('td', '', row.stranger, row.process);
  row.node = make('tr', '', make('td', 'port', row.url), make('td', '', row.named), row.state, process, row.memory, row.session);
  row.node.append(make('td', 'since', row.since), row.copies);
  return row;
}

function fill(row, service) {
  const { port, state, process, stranger } = service;
  row.node.className = state;
  text(row.url, String(port));
  // A stranger's page is no service's.
  leads(row.url, state === 'active' || state === 'unleased' ? service.url : null);
  text(row.named, service.name ?? '–');
  leads(row.named, service.named_url ?? null);
  text(row.state, state);
  text(row.stranger, stranger ? `${named(stranger) || 'a stranger'} took the port${process ? '; ' : ''}` : '');
  const by = service.user ? ` of ${service.user}` : '';
  text(row.process, (named(process) || (state === 'granted' ? 'nobody yet' : stranger ? '' : 'unknown')) + by);
  text(row.memory, service.memory === null ? '' : size(service.memory));
  text(row.session, service.instance_id ?? '');
  since(row.since, service.since);
  const commands = { granted: ['release'], conflict: ['who', 'kill'] }[state] ?? ['kill', 'open'];
  if (row.copies.dataset.commands !== commands.join()) {
    row.copies.dataset.commands = commands.join();
    row.copies.replaceChildren(...commands.map((word) => copies(word, `styxy ${word} ${port}`)));
  }
}

/** What a search looks in. */
function wordsOf({ port, name, state, process, stranger, instance_id: session, user }, place) {
  return [port, name, state, named(process), named(stranger), session, user, ...place].filter(Boolean).join('\n').toLowerCase();
}

/** Only to a server: no other address is followed. */
function leads(link, url) {
  if (url && /^https?:\/\//.test(url)) {
    if (link.getAttribute('href') !== url) link.href = url;
  } else {
    link.removeAttribute('href');
  }
}

function named(process) {
  if (!process) return '';
  if (process.container) return `container ${process.container}`;
  const { pid, process: name } = process;
  return name && pid ? `${name} (${pid})` : (name ?? (pid ? `pid ${pid}` : ''));
}

function size(bytes) {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes < 1024 ? `${Math.max(1, Math.round(mebibytes))} MB` : `${(mebibytes / 1024).toFixed(1)} GB`;
}

function copies(word, command) {
  const button = make('button', '', word);
  button.type = 'button';
  button.title = command;
  button.setAttribute('aria-label', `Copy: ${command}`);
  button.addEventListener('click', async () => {
    // The same words twice are announced twice.
    text($('news'), '');
    try {
      await navigator.clipboard.writeText(command);
      text($('news'), `Copied: ${command}`);
    } catch {
      text($('news'), `Type: ${command}`);
    }
  });
  return button;
}

function lists(words) {
  const matches = (...values) => words.every((word) => values.some((value) => value?.toLowerCase().includes(word)));
  const sessions = view.sessions.filter((one) => matches(one.instance_id, one.path, one.ports.join(' ')));
  list($('sessions'), sessions, ({ instance_id, path, since: then, ports }) => {
    const has = ports.length > 0 ? `${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}` : 'no port';
    return [make('b', '', instance_id), since(make('time'), then), path ?? '', path ? ', ' : '', has];
  });
  const refusals = view.refusals.filter((one) => matches(one.message, one.instance_id, one.project_path));
  list($('refusals'), refusals, ({ at, message }) => [since(make('time'), at), message]);
}

function list(section, entries, parts) {
  section.hidden = entries.length === 0;
  const lines = entries.map((entry) => make('li', '', ...parts(entry)));
  const old = section.querySelector('ul');
  if (lines.map((line) => line.textContent).join('\n') !== [...old.children].map((line) => line.textContent).join('\n')) {
    old.replaceChildren(...lines);
  }
}

/** Says what is wrong; `kind` counts as long as nothing else is wrong. */
function trouble(parts, kind = 'lost') {
  const node = $('trouble');
  document.body.classList.toggle('lost', parts !== null && kind === 'lost');
  if (parts === null && view && view.version !== version) return;
  node.hidden = parts === null;
  // A screen reader would read the same alert again at each attempt to reach the daemon.
  const said = parts?.map((part) => part.textContent ?? part).join('');
  if (parts && said !== node.textContent) node.replaceChildren(...parts);
}

/** Says in words what has changed, for those who do not see the table. */
function announce(before, after) {
  const leases = (of) => new Map(services(of).filter(({ lock_id }) => lock_id).map((service) => [service.lock_id, service]));
  const [old, now] = [leases(before), leases(after)];
  const said = [];
  const say = ({ name, port }, what) => said.push(`${name} on port ${port} ${what}`);
  for (const [id, service] of now) {
    const was = old.get(id);
    if (!was) say(service, 'is new');
    else if (was.state !== service.state) {
      say(service, { active: 'is up', granted: 'is down', conflict: 'was taken by a stranger' }[service.state]);
    }
  }
  for (const [id, service] of old) if (!now.has(id)) say(service, 'has ended');
  if (after.refusals.length > 0 && after.refusals[0].at !== before.refusals[0]?.at) said.push(`The guard: ${after.refusals[0].message}`);
  if (said.length > 3) text($('news'), `${said.length} changes`);
  else if (said.length > 0) text($('news'), said.join('; '));
}

/** Shows what listens outside of worktrees, or hides it. */
function toggleOthers() {
  showsOthers = !showsOthers;
  render();
}
