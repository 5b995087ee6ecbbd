'use strict';

// The port in Storybook's command line. Storybook chooses its port before it loads main.ts, so only its arguments can set
// it.

/** Whether these arguments start a dev server and name no port. */
function wantsPort(words, env) {
  const [subcommand, ...rest] = words;
  if (subcommand !== 'dev' || env.SBCONFIG_PORT) return false;
  // If Claude's preview starts Storybook, PORT wins over the arguments.
  if (env.CLAUDE_AGENT_SDK_VERSION && !env.AI_AGENT && env.PORT) return false;
  const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  return !options.some((word) => /^(-p.*|--port(=.*)?|--help|--version|-v)$/.test(word));
}

/** The arguments with the port in them. */
function withPort([subcommand, ...rest], port) {
  const exact = rest.includes('--exact-port') ? [] : ['--exact-port'];
  return [subcommand, '-p', `${port}`, ...exact, ...rest];
}

module.exports = { wantsPort, withPort };
