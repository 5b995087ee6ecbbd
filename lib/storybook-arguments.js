'use strict';

// Storybook's command line, as far as the port is concerned. Storybook chooses its port before it loads main.ts, so only
// its arguments can tell it one.

/** Whether these arguments start a dev server whose port nobody has named. */
function wantsPort(words, env) {
  const [subcommand, ...rest] = words;
  if (subcommand !== 'dev' || env.SBCONFIG_PORT) return false;
  // Storybook takes PORT before its arguments where Claude's preview starts it.
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
