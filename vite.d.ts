/**
 * Gives Vite's dev server a leased port.
 *
 * In middleware mode, the port that Vite uses for HMR is leased. Does nothing under Vitest, in `vite build`, with `STYXY=off`,
 * and in `vite preview` unless `preview` is set.
 *
 * @throws {TypeError} An option is unknown or of the wrong type.
 */
declare function styxy(options?: styxy.StyxyViteOptions): styxy.StyxyVitePlugin;

declare namespace styxy {
  export interface StyxyViteOptions {
    /** The service type whose ports are used. Default: `dev`. */
    service?: string;
    /** Which of several servers of one checkout it is, so that each keeps its own port. */
    name?: string;
    /** Whether `vite preview` gets a leased port too; its service type is `preview` unless named here. Default: false. */
    preview?: boolean | { service?: string; name?: string };
    /** A folder in the checkout that the port is kept for. Default: Vite's `root`. */
    project?: string;
  }

  /** A plugin for Vite 5 to 8. */
  export interface StyxyVitePlugin {
    readonly name: 'styxy';
    readonly apply: 'serve';
  }

  export { styxy, styxy as default };
}

export = styxy;
