'use strict';

// Which Vite servers this process runs, and the name of each in its lease's key.
// A process has one table: several copies of the plugin (in several node_modules, or of a reloaded config) share it.

const { AsyncLocalStorage } = require('node:async_hooks');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const TABLE = Symbol.for('styxy.vite.servers.1');
const CONFIG_FILES = ['js', 'mjs', 'ts', 'cjs', 'mts', 'cts'].map((ending) => `vite.config.${ending}`);
const NAME_MAX = 100;

/**
 * `places`: one for each server. It is kept when the server closes, because the server may start again.
 * `restarting`: the place of the server whose restart the current call belongs to. While Vite restarts a server, the old
 * one still listens; only this distinguishes its config hook from that of a second server.
 * `unreachable`: whether the daemon could not be reached, which is printed once.
 */
function table() {
  globalThis[TABLE] ??= { places: [], restarting: new AsyncLocalStorage(), unreachable: false };
  return globalThis[TABLE];
}

/**
 * The place of the server that is being configured.
 *
 * The first server of a key in this process has the key itself, so that it gets the lease of `styxy run` or
 * `styxy allocate`. Each of the others has a name that is made from its config file's path in the project.
 */
function placeFor({ project, service, name, defaultName, root, configFile }) {
  const { places, restarting } = table();
  const key = JSON.stringify([project, service, name ?? defaultName]);
  const again = restarting.getStore();
  if (again?.key === key) return again;
  const file = typeof configFile === 'string' ? path.resolve(configFile) : configFile === false ? root : find(root);
  const identity = `${file}\0${root}`;
  const siblings = places.filter((place) => place.key === key);
  const back = siblings.find((place) => place.identity === identity && !isInUse(place));
  if (back) return back;
  const place = { key, identity, name, derived: nameOf(project, file, root, name), turn: 0, lease: null, server: null, isToListen: false };
  if (siblings.length > 0) rename(place);
  places.push(place);
  return place;
}

/** Gives a place the next name that no other server of its key has. */
function rename(place) {
  const taken = table()
    .places.filter((other) => other !== place && other.key === place.key)
    .map(({ name }) => name);
  do {
    place.turn += 1;
    place.name = place.turn === 1 ? place.derived : `${place.derived}-${place.turn}`;
  } while (taken.includes(place.name));
}

/** The place whose lease is for `port`. */
function placeOn(port) {
  return table().places.find((place) => place.lease?.port === port);
}

function isListening(place) {
  return place.server?.listening === true;
}

/** Whether a server has the place: it listens, or it was created and will listen. */
function isInUse(place) {
  return isListening(place) || place.isToListen;
}

/** `server` has the place from now on, until it closes. */
function occupy(place, server) {
  const { httpServer, close } = server;
  Object.assign(place, { server: httpServer, isToListen: true });
  const isOurs = () => place.server === httpServer;
  httpServer.once('listening', () => isOurs() && (place.isToListen = false));
  server.close = (...rest) => {
    if (isOurs()) place.isToListen = false;
    return close.apply(server, rest);
  };
}

/** The same for a server in middleware mode, which says nothing of when it listens. */
function hold(place, server) {
  const { close } = server;
  Object.assign(place, { server, isToListen: true });
  server.close = (...rest) => {
    if (place.server === server) place.isToListen = false;
    return close.apply(server, rest);
  };
}

/** The config file that Vite finds for `root`; the root itself if there is none. */
function find(root) {
  const files = [root, process.cwd()].flatMap((folder) => CONFIG_FILES.map((file) => path.join(folder, file)));
  return files.find((file) => fs.existsSync(file)) ?? root;
}

function nameOf(project, file, root, name) {
  const parts = [name, path.relative(project, file)];
  if (root !== file && root !== path.dirname(file)) parts.push(path.relative(project, root));
  const words =
    parts
      .filter(Boolean)
      .join('-')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-') || 'root';
  // With room for a number at the end.
  const room = NAME_MAX - 4;
  if (words.length <= room) return words;
  const hash = createHash('sha256').update(words).digest('hex').slice(0, 8);
  return `${words.slice(-(room - hash.length - 1))}-${hash}`;
}

module.exports = { table, placeFor, placeOn, occupy, hold, rename, isListening };
