'use strict';

// The `webServer` of a Playwright config, on a leased port. It is synchronous, because a CommonJS config cannot await.
// It never lets tests run against a server of another checkout.

const path = require('node:path');

const handover = require('./lib/handover.js');
const { check, isOutOfReach, sentence } = require('./lib/options.js');
const { packageName, projectAround } = require('./lib/place.js');

// Our options, and those of Playwright that are passed on.
const OPTIONS = {
  command: 'string',
  service: 'string',
  name: 'string',
  port: 'number',
  path: 'string',
  project: 'string',
  reuseExistingServer: 'boolean',
  env: 'object',
  cwd: 'string',
  gracefulShutdown: 'object',
  ignoreHTTPSErrors: 'boolean',
  stderr: 'string',
  stdout: 'string',
  timeout: 'number',
  wait: 'object',
};

function styxyWebServer(options) {
  check('styxy/playwright', options, OPTIONS);
  const { command, service = 'dev', name, port, path: page = '/', project, reuseExistingServer = true, ...rest } = options;
  if (!command) throw new TypeError('styxy/playwright: command is missing: the one that starts the server');
  const folder = path.resolve(project ?? rest.cwd ?? '.');
  const ask = { service, name, defaultName: packageName(folder), port, project: projectAround(folder) };
  const server = handover.settled(ask) ?? handover.settle(ask, decide(ask, reuseExistingServer));
  const { origin } = new URL(`http://localhost:${server.port}`);
  const url = new URL(page, origin);
  // A path such as //other.example would lead the tests to another server.
  if (url.origin !== origin) throw new TypeError(`styxy/playwright: path is ${JSON.stringify(page)}, which is not on the server`);
  handover.offerBaseUrl(ask, url.href);
  const own = variables(service, server);
  const named = server.namedUrl ? { STYXY_NAMED_URL: server.namedUrl } : {};
  handover.offerVariables(ask, own);
  return {
    ...rest,
    ...(name === undefined ? {} : { name }),
    command: command.replaceAll('{port}', server.port),
    url: url.href,
    reuseExistingServer: server.reuse,
    env: { PORT: `${server.port}`, STYXY_PORT: `${server.port}`, STYXY_URL: origin, ...named, ...own, ...rest.env },
  };
}

/** The server of the config that has this service type and name: its port and URL, for the tests. */
function styxyServer(options = {}) {
  check('styxy/playwright', options, { service: 'string', name: 'string' });
  const { service = 'dev', name } = options;
  const servers = handover.ofThisRun();
  const found = servers.find((server) => server.service === service && (name === undefined || server.name === name));
  if (found) return { port: found.port, url: `http://localhost:${found.port}` };
  const wanted = name === undefined ? service : `${service}/${name}`;
  const known = servers.map((server) => (server.name === undefined ? server.service : `${server.service}/${server.name}`));
  throw new Error(`styxy/playwright: the config has no server ${wanted}; it has ${known.join(', ') || 'none'}`);
}

/** The port, and whether a server of this checkout listens there already. */
function decide(ask, mayReuse) {
  if (process.env.STYXY === 'off') return alone(ask);
  const { service, name, defaultName, port, project } = ask;
  try {
    const { allocateSync, runningSync } = require('./lib/sync.js');
    const running = mayReuse ? runningSync({ service, name, defaultName, project }) : null;
    if (running !== null) return { port: running, reuse: true };
    const lease = allocateSync({ service, name, defaultName, port, project, reuse: true });
    return { port: lease.port, namedUrl: lease.namedUrl ?? undefined, reuse: false };
  } catch (error) {
    if (!isOutOfReach(error)) {
      throw Object.assign(new Error(`styxy: ${sentence(error)}`, { cause: error }), { code: error.code });
    }
    warnOnce(error.message);
    return alone(ask);
  }
}

/** The variables of a service, called as those of `styxy env`. */
function variables(service, { port, namedUrl }) {
  const prefix = `STYXY_${service.toUpperCase().replaceAll('-', '_')}`;
  const named = namedUrl ? { [`${prefix}_NAMED_URL`]: namedUrl } : {};
  return { [`${prefix}_PORT`]: `${port}`, [`${prefix}_URL`]: `http://localhost:${port}`, ...named };
}

/** Without a daemon it is unknown whose server listens where, so our own server is started and none is reused. */
function alone(ask) {
  const { freePortSync } = require('./lib/free-port.js');
  return { port: handover.earlier(ask)?.port ?? freePortSync(ask.port), reuse: false };
}

let warned = false;

function warnOnce(why) {
  if (!warned) process.emitWarning(`${why}; the tests run on free ports that are not leased`, 'StyxyWarning');
  warned = true;
}

module.exports = { styxyWebServer, styxyServer };
