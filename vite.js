'use strict';

// The Vite plugin: a leased port for the dev server, and on request for the preview. It works with Vite 5 to 8, and imports
// nothing from them: it uses only what they pass to its hooks.

const fs = require('node:fs');
const path = require('node:path');

const { check, isOutOfReach, sentence } = require('./lib/options.js');
const hot = require('./lib/vite-hot.js');
const servers = require('./lib/vite-servers.js');

const OPTIONS = { service: 'string', name: 'string', preview: 'boolean|object', project: 'string' };
// The ports that Vite uses if none is set.
const DEFAULT_PORT = { server: 5173, preview: 4173 };

function styxy(options = {}) {
  check('styxy/vite', options, OPTIONS);
  const preview = options.preview === true ? {} : options.preview;
  if (preview) check('styxy/vite: preview', preview, { service: 'string', name: 'string' });

  // What the log says as soon as there is one.
  let warning = null;

  const plugin = {
    name: 'styxy',
    apply: 'serve',

    async config(user, env) {
      if (isIdle(plugin, user) || (env.isPreview && !preview)) return undefined;
      if (!env.isPreview && user.server?.middlewareMode) {
        const { config, refused } = await middleware(user, options, this?.meta?.viteVersion);
        warning = refused;
        return config;
      }
      const { service = env.isPreview ? 'preview' : 'dev', name } = env.isPreview ? preview : options;
      const wish = wishOf(user, env.isPreview ? 'preview' : 'server');
      const at = whereabouts(user, options);
      const place = servers.placeFor({ service, name, ...at });
      await take(place, { service, project: at.project, defaultName: at.defaultName, ...wish });
      if (!place.lease) return undefined;
      const { port } = place.lease;
      if (!env.isPreview) return { server: { port, strictPort: true, ...hot.following(user.server, wish.port ?? wish.defaultPort, port) } };
      // Vite says that nothing has been built only if no plugin has this hook.
      if (fs.existsSync(path.resolve(at.root, user.build?.outDir ?? 'dist')))
        plugin.configurePreviewServer = (server) => void announce(server);
      return { preview: { port, strictPort: true } };
    },

    configResolved(config) {
      if (warning) config.logger.warn(`styxy: no port was leased for HMR, so Vite chooses it itself: ${warning}`);
      const { unreachable } = servers.table();
      if (!unreachable || unreachable.told) return;
      unreachable.told = true;
      config.logger.warn(`styxy: no port was leased, so Vite chooses one itself: ${unreachable.why}`);
    },

    configureServer(server) {
      const place = server.httpServer ? announce(server) : held(server);
      if (!place) return;
      const { restart } = server;
      server.restart = (...rest) => servers.table().restarting.run(place, () => restart.apply(server, rest));
    },
  };
  return plugin;
}

/** Whether Styxy is off, no dev server will start, or another copy of this plugin comes first. */
function isIdle(plugin, user) {
  const first = [user.plugins].flat(Infinity).find((other) => other?.name === plugin.name);
  return process.env.STYXY === 'off' || Boolean(process.env.VITEST) || (first !== undefined && first !== plugin);
}

/**
 * In middleware mode the application's server is another program's, and Vite listens for HMR alone: the port of that is leased,
 * as service type `hmr`. A refusal is a warning: the application works without HMR.
 */
async function middleware(user, options, version) {
  if (!hot.hasOwnPort(user.server)) return {};
  const at = whereabouts(user, options);
  const place = servers.placeFor({ service: 'hmr', name: options.name, ...at });
  try {
    await take(place, { service: 'hmr', project: at.project, defaultName: at.defaultName, ...hot.wishOf(user.server) });
  } catch (error) {
    return { refused: error.message.replace(/^styxy: /, '') };
  }
  return place.lease ? { config: { server: hot.onPort(user.server, version, place.lease.port) } } : {};
}

/** The place of a server in middleware mode, which has it from now on. */
function held(server) {
  const place = servers.placeOn(hot.portOf(server.config.server));
  if (place) servers.hold(place, server);
  return place;
}

/** The port that the user's config asks for, as options of `allocate`. */
function wishOf(user, section) {
  const { port, strictPort = user.server?.strictPort } = user[section] ?? {};
  if (port === undefined || port === null) return { defaultPort: DEFAULT_PORT[section] };
  // To Vite, as to Node, 0 is any port, and a number in a string is that number.
  const number = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
  return number === 0 ? {} : { port: number, exact: Boolean(strictPort) };
}

function whereabouts(user, options) {
  const { canonical, packageName, projectAround } = require('./lib/place.js');
  const root = path.resolve(user.root ?? '.');
  const folder = options.project === undefined ? root : path.resolve(options.project);
  const found = { project: projectAround(folder), defaultName: packageName(folder) };
  return { root: canonical(root) ?? root, configFile: user.configFile, ...found };
}

/** Leases a port for `place`, or leaves it without one if the daemon cannot be reached. */
async function take(place, ask) {
  const table = servers.table();
  if (table.unreachable) return;
  try {
    const { allocate } = require('./index.js');
    const { isInUse } = require('./lib/lease.js');
    place.lease = (await handedOver(ask)) ?? (await allocate({ ...ask, name: place.name, reuse: true }));
    const isOwn = servers.isListening(place) || table.restarting.getStore() === place;
    while (!isOwn && isInUse(place.lease)) {
      servers.rename(place);
      place.lease = await allocate({ ...ask, name: place.name, reuse: true });
    }
  } catch (error) {
    // A missing native package or daemon must not keep a dev server from starting.
    if (!isOutOfReach(error)) throw refusal(error, ask);
    // A server that restarts keeps the port that it has, and asks again the next time.
    if (!place.lease) table.unreachable = { why: error.message, told: false };
  }
}

/** The lease that `styxy run` made for this port, under any name: it has put the port into Vite's arguments. */
async function handedOver({ port }) {
  const lockId = process.env.STYXY_LOCK_ID;
  if (!lockId || port === undefined) return undefined;
  const leases = await require('./index.js').list({ port });
  return leases.find((lease) => lease.lockId === lockId);
}

/** The error that Vite prints: our sentence without a stack trace, because no code is at fault. */
function refusal(error, ask) {
  const loosen = ask.exact ? '\n  hint: server.strictPort asks for this port alone; without it, another port is used' : '';
  const text = `styxy: ${sentence(error)}${loosen}`;
  return Object.assign(new Error(text), { stack: text });
}

/** Makes a server print its lease below its URLs. Returns its place; undefined if it has none or this was done before. */
function announce(server) {
  const { httpServer, config } = server;
  const section = 'restart' in server ? config.server : config.preview;
  const place = httpServer ? servers.placeOn(section.port) : undefined;
  if (!place || place.server === httpServer) return undefined;
  servers.occupy(place, server);
  const { printUrls } = server;
  server.printUrls = () => {
    printUrls.call(server);
    const listening = server.httpServer.address()?.port;
    config.logger.info(line(place.lease, listening));
    if (place.lease.namedUrl && listening === place.lease.port && !section.https) config.logger.info(named(place.lease, config.base));
  };
  return place;
}

function line(lease, listening) {
  const { port, serviceType: service, serviceName: name } = lease;
  const leased = `port ${paint(1, port)} is leased for ${name ? `${service}/${name}` : service}`;
  const but = listening !== port && listening ? `but the server listens on ${listening}` : lease.reason;
  return `  ${paint(32, '➜')}  ${paint(1, 'Styxy')}:   ${leased}${but ? paint(2, `: ${but}`) : ''}`;
}

/** The server's name at the front door, which does not speak HTTPS to a server. */
function named({ namedUrl }, base) {
  const page = base?.startsWith('/') ? base : '/';
  return `  ${paint(32, '➜')}  ${paint(1, 'Name')}:    ${paint(36, `${namedUrl}${page}`)}`;
}

/** Colours text as Vite does: by the same variables, flags and terminal. */
function paint(code, text) {
  const { env, argv, platform, stdout } = process;
  const plain = env.NO_COLOR || argv.includes('--no-color');
  const wanted = env.FORCE_COLOR || argv.includes('--color') || platform === 'win32' || env.CI;
  const capable = stdout.isTTY && env.TERM !== 'dumb';
  return plain || !(wanted || capable) ? `${text}` : `\u001B[${code}m${text}\u001B[${code > 30 ? 39 : 22}m`;
}

module.exports = styxy;
module.exports.default = styxy;
module.exports.styxy = styxy;
