// The live view: reads /view, and again after each event of /events. It changes nothing, and asks nobody else.
'use strict';

const BURST = 30; // Events come several at a time: so many milliseconds more of them are waited for.
const AGAIN = 10_000; // Memory, and what listens without a lease, have no events.
const RETRY = [250, 500, 1000, 2000];

const search = $('search');

// Where the system does not name the user of a connection, the page shows the daemon's token. It came behind the #, which no
// server sees, and leaves the address bar and the history at once. This tab keeps it for when it is loaded again.
const KEY = 'token';
const given = new URLSearchParams(location.hash.slice(1)).get(KEY);
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, '', '/');
}
const token = given ?? sessionStorage.getItem(KEY);

// Asking

class Refused extends Error {}

async function ask(path, signal) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, signal, cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer' });
  if (answer.status === 403) throw new Refused((await answer.json()).details?.rule ?? 'unknown');
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

let asking = false;
let stale = false;

/** Shows what is true now. While an answer is awaited, one more question is enough for all that happens until then. */
async function refresh() {
  if (asking) {
    stale = true;
    return;
  }
  asking = true;
  try {
    do {
      stale = false;
      const next = await (await ask('/view', AbortSignal.timeout(10_000))).json();
      show(next);
    } while (stale);
  } finally {
    asking = false;
  }
}

let stream = null; // what ends the reading of events; null while nothing is read

/** Reads events until the page is hidden. A daemon that was restarted is found again. */
async function follow() {
  if (stream) return;
  const own = (stream = new AbortController());
  for (let failed = 0; !own.signal.aborted; ) {
    try {
      // First the events, then the answer: nothing that happens in between is lost.
      const reader = (await ask('/events', own.signal)).body.getReader();
      await refresh();
      trouble(null);
      failed = 0;
      await read(reader);
    } catch (error) {
      if (own.signal.aborted) break;
      if (error instanceof Refused && error.message === 'token') {
        trouble(['This page has no access here. Open it with ', code('styxy open --view'), '.']);
        break;
      }
    }
    if (own.signal.aborted) break;
    trouble(['The connection to Styxy’s daemon is lost. This page looks for it, and shows what was true before.']);
    await new Promise((done) => setTimeout(done, RETRY[Math.min(failed, RETRY.length - 1)]));
    failed += 1;
  }
  if (stream === own) stream = null;
}

async function read(reader) {
  const decoder = new TextDecoder();
  let rest = '';
  let timer = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop();
    // A line that begins with a colon only keeps the connection alive.
    if (timer === null && lines.some((line) => line.startsWith('event:'))) {
      timer = setTimeout(() => {
        timer = null;
        refresh().catch(() => {});
      }, BURST);
    }
  }
}

// Six connections are all that a browser has for one host: a page that nobody sees needs none.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    stream?.abort();
    stream = null;
  } else {
    follow();
  }
});
setInterval(() => {
  if (stream && !document.hidden && !document.body.classList.contains('lost')) refresh().catch(() => {});
}, AGAIN);

// Keys

search.addEventListener('input', render);
$('others').addEventListener('click', toggleOthers);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.select();
  } else if (event.key === 'Escape' && search.value) {
    search.value = '';
    render();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    step(event);
  }
});

/** From a link or button of the table to the one in the next row, up or down. */
function step(event) {
  const cell = document.activeElement?.closest('#services td');
  if (!cell) return;
  event.preventDefault();
  const all = [...document.querySelectorAll('#services tr:has(td)')];
  const towards = event.key === 'ArrowDown' ? 1 : -1;
  const isLast = document.activeElement === cell.querySelector('button:last-child:not(:first-child)');
  for (let at = all.indexOf(cell.parentElement) + towards; all[at]; at += towards) {
    const there = [...all[at].children[cell.cellIndex].querySelectorAll('a[href], button')];
    if (there.length > 0) return void (isLast ? there.at(-1) : there[0]).focus();
  }
}

follow();
