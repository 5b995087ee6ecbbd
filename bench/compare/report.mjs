// The results as a Markdown table and an SVG chart. Nothing here is measured, and nothing is typed by hand.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { tools } from './machine.mjs';

const whole = (value) => Math.round(value).toLocaleString('en-US');
const short = (value) => (value >= 100 ? whole(value) : value.toPrecision(2));
const percent = (share) => `${(share * 100).toFixed(share === 0 || share >= 0.1 ? 0 : 1)} %`;

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The rows of a part, by contestant; a part that was skipped says why. */
const PARTS = {
  race({ race }) {
    const sizes = [...new Set(Object.values(race).flatMap(Object.keys))];
    const cell = (one) => (one ? (one.why && one.failed === one.of ? `all: ${one.why}` : percent(one.failed / one.of)) : '–');
    return `Processes that ask at the same moment, in a range of twice as many ports, and listen on what they got after the time that a server takes to
start. The share that cannot listen:

${table(
  ['', ...sizes.map((size) => `${size} processes`)],
  Object.entries(race).map(([name, all]) => [name, ...sizes.map((size) => cell(all[size]))]),
)}`;
  },

  picks({ picks }) {
    const clients = [...new Set(Object.values(picks).flatMap(Object.keys))];
    const floor = picks['axum floor'];
    const cell = (one, least) => {
      if (!one) return ['–', '–', '–', '–'];
      const ratio = least ? (one.p50 / least.p50).toFixed(2) : '–';
      return [`${short(one.p50)}`, `${short(one.p99)}`, ratio, whole(one.perSecond)];
    };
    const part = (count) => `${count} at once:

${table(
  ['', 'p50, µs', 'p99, µs', 'p50, of the floor', 'per second'],
  Object.entries(picks).map(([name, all]) => [name, ...cell(all[count], floor?.[count])]),
)}`;
    return `A pick, and its return, by clients in one Node process. The floor is an axum handler with one probe, which remembers nothing. A library in the process
asks nobody, and keeps nothing.

${clients.map(part).join('\n\n')}`;
  },

  growth({ growth }) {
    const [first] = Object.values(growth);
    const rows = Object.entries(growth).map(([level, { p50, p99 }]) => [
      whole(Number(level)),
      short(p50),
      short(p99),
      (p50 / first.p50).toFixed(2),
    ]);
    return `An allocate over the socket with other leases:\n\n${table(['leases', 'p50, µs', 'p99, µs', 'of no lease'], rows)}`;
  },

  fresh({ fresh }) {
    const rows = Object.entries(fresh).map(([name, { p50, p99 }]) => [name, short(p50), short(p99)]);
    return `From a \`kill -9\` of an owner until the next has its port:\n\n${table(['', 'p50, ms', 'p99, ms'], rows)}`;
  },

  cold({ cold }) {
    const least = cold['/bin/true'];
    const rows = Object.entries(cold).map(([name, { p50, p99 }]) => [`\`${name}\``, short(p50), short(p99), (p50 / least.p50).toFixed(2)]);
    return `A command, from its start to its end:\n\n${table(['', 'p50, ms', 'p99, ms', 'of /bin/true'], rows)}`;
  },

  idle({ idle }) {
    const rows = Object.entries(idle).map(([name, one]) => [name, short(one.cpuMsPerS), short(one.wakeupsPerS), one.memory.toFixed(1)]);
    return `Idle, with 100 leases:\n\n${table(['', 'processor, ms/s', 'wake-ups/s', 'resident, MiB'], rows)}`;
  },

  door({ door }) {
    const rows = Object.entries(door.times).map(([name, { p50, p99 }]) => {
      const { asked, failed } = door.failures[name];
      return [name, short(p50), short(p99), `${failed} of ${asked}`];
    });
    return `A request by name, and requests that fail while the server is killed and started again:\n\n${table(['', 'p50, µs', 'p99, µs', 'failed'], rows)}`;
  },

  blind({ blind }) {
    const kinds = [...new Set(Object.values(blind).flatMap(Object.keys))];
    const words = (kind) => ({ given: kind === 'TIME_WAIT' ? 'gives it' : '**gives it**', seen: 'passes it over' });
    const rows = Object.entries(blind).map(([name, all]) => [name, ...kinds.map((kind) => words(kind)[all[kind]] ?? 'error')]);
    return `Who gives a port that has a listener on an address, or only a socket that is bound. A port in TIME_WAIT is free for a server, so to give it is right there:

${table(['', ...kinds], rows)}`;
  },
};

/** The parts that were measured. */
const present = (results) => Object.keys(PARTS).filter((name) => results[name] && Object.keys(results[name]).length > 0);

/** The page: what it was measured on, what was measured beside what, and the parts that there are. */
export function markdown(results) {
  const { machine, versions, skipped } = results;
  const beside = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const notes = skipped.length > 0 ? `\nNot measured: ${skipped.join('; ')}.\n` : '';
  return `Measured on ${machine.date}: ${machine.system}, ${machine.processors}, ${machine.memory}, Node ${machine.node}; load before ${machine.load}. Styxy at
\`${machine.commit}\`, ${results.build}; ${beside.join(', ')}. By \`npm run bench${results.flags}\`, everybody in turn in one run.
${notes}
${present(results)
  .map((name) => PARTS[name](results))
  .join('\n\n')}
`;
}

/** What README calls the other parts. */
const TITLES = {
  picks: 'picks',
  growth: 'growth',
  fresh: 'freshness',
  cold: 'cold commands',
  idle: 'idleness',
  door: 'the door',
  blind: 'blind spots',
};

/** The lines for README: the race, which is what it is about. */
export function summary(results) {
  const rest = present(results).flatMap((name) => TITLES[name] ?? []);
  return `${PARTS.race(results)}\n\n[docs/PERFORMANCE.md](docs/PERFORMANCE.md) has the rest: ${rest.join(', ')}, and on what it was measured.\n`;
}

/** The race and one client's pick, drawn by Vega-Lite. */
export async function chart({ race = {}, picks = {}, machine }) {
  const others = createRequire(path.join(tools, 'package.json'));
  const load = (name) => import(pathToFileURL(others.resolve(name)));
  const [vega, { compile }] = [await load('vega'), await load('vega-lite')];
  const failed = Object.entries(race).flatMap(([name, all]) =>
    Object.entries(all).map(([size, one]) => ({ name, size: `${size} processes`, share: one.failed / one.of })),
  );
  const times = Object.entries(picks).flatMap(([name, all]) => (all[1] ? [{ name, us: all[1].p50 }] : []));
  const y = { field: 'name', type: 'nominal', sort: null, title: null };
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    title: `Who asks for a port, ${machine.date}`,
    vconcat: [
      {
        title: 'cannot listen on the port that was given',
        data: { values: failed },
        mark: 'bar',
        encoding: {
          y,
          yOffset: { field: 'size' },
          x: { field: 'share', type: 'quantitative', axis: { format: '%' }, title: null, scale: { domain: [0, 1] } },
          color: { field: 'size', type: 'nominal', title: null },
        },
      },
      {
        title: 'one pick, µs (p50, logarithmic)',
        data: { values: times },
        mark: { type: 'point', filled: true, size: 60 },
        encoding: { y, x: { field: 'us', type: 'quantitative', scale: { type: 'log' }, title: null } },
      },
    ].filter(({ data }) => data.values.length > 0),
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}
