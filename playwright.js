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
  return {
    ...rest,
    ...(name === undefined ? {} : { name }),
    command: command.replaceAll('{port}', server.port),
    url: url.href,
    reuseExistingServer: server.reuse,
    env: { ...variables(service, server.port), ...rest.env },
  };
}

/** The port, and whether a server of this checkout listens there already. */
function decide(ask, mayReuse) {
  if (process.env.STYXY === 'off') return alone(ask);
  const { service, name, defaultName, port, project } = ask;
  try {
    const { allocateSync, runningSync } = require('./lib/sync.js');
    const running = mayReuse ? runningSync({ service, name, defaultName, project }) : null;
    if (running !== null) return { port: running, reuse: true };
    return { port: allocateSync({ service, name, defaultName, port, project, reuse: true }).port, reuse: false };
  } catch (error) {
    if (!isOutOfReach(error)) {
      throw Object.assign(new Error(`styxy: ${sentence(error)}`, { cause: error }), { code: error.code });
    }
    warnOnce(error.message);
    return alone(ask);
  }
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

function variables(service, port) {
  const named = `STYXY_${service.toUpperCase().replaceAll('-', '_')}_PORT`;
  return { PORT: `${port}`, STYXY_PORT: `${port}`, [named]: `${port}` };
}

module.exports = { styxyWebServer };
