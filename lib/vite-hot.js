'use strict';

// The port of Vite's HMR connection, which is the dev server's own, or in middleware mode a second one.

// The port that Vite uses in middleware mode if none is set.
const DEFAULT_PORT = 24678;

/** The options with the port: Vite 8 keeps it in `ws`, and its `hmr` only points there. */
function optionsOf(user) {
  const section = typeof user?.ws === 'object' ? 'ws' : 'hmr';
  const options = user?.[section];
  return { section, options: typeof options === 'object' && options !== null ? options : {} };
}

/** The HMR options that name the dev server's own port: they change with it, from `from` to `to`. */
function following(user, from, to) {
  const { section, options } = optionsOf(user);
  if (from === undefined || from === to) return {};
  const moved = ['port', 'clientPort'].filter((key) => Number(options[key]) === Number(from));
  return moved.length > 0 ? { [section]: Object.fromEntries(moved.map((key) => [key, to])) } : {};
}

/** Whether Vite listens on a port for HMR alone: in middleware mode, unless it is off or shares the user's server. */
function hasOwnPort(user) {
  return Boolean(user?.middlewareMode) && user.hmr !== false && user.ws !== false && !user.hmr?.server && !user.ws?.server;
}

/** Which port the user's config asks for HMR, as options of `allocate`. */
function wishOf(user) {
  const port = Number(user.ws?.port ?? user.hmr?.port);
  return port > 0 ? { port } : { defaultPort: DEFAULT_PORT };
}

/** The config that sets the port, for a Vite of that version. */
function onPort(user, version, port) {
  const isNew = Number.parseInt(version, 10) >= 8;
  const { port: asked = DEFAULT_PORT } = optionsOf(user).options;
  const clientPort = following(user, asked, port)[optionsOf(user).section]?.clientPort;
  return { [isNew ? 'ws' : 'hmr']: clientPort === undefined ? { port } : { port, clientPort } };
}

/** The port that a server in middleware mode listens on for HMR. */
function portOf({ ws, hmr }) {
  return ws?.port ?? hmr?.port;
}

module.exports = { following, hasOwnPort, wishOf, onPort, portOf };
