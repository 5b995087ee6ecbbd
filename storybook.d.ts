/**
 * Storybook's `core` preset, for `addons: ['styxy/storybook']` in main.ts. Prints a warning if the port of a dev server is not
 * leased for this checkout. It returns `config` unchanged, and never rejects.
 */
export declare function core<Config>(
  config: Config,
  options?: { port?: number | string | undefined; configType?: string | undefined },
): Promise<Config>;
