/** What `styxyWebServer` takes: its own options, and those of Playwright's `webServer` that it passes on. */
export interface StyxyWebServerOptions {
  /** The command that starts the server, as in Playwright; `{port}` in it becomes the port. */
  command: string;
  /** The service type whose ports are used. Default: `dev`, as of `styxy/vite`. */
  service?: string;
  /** Tells several servers of one service type and checkout apart. Playwright prints it before the server's output. */
  name?: string;
  /** The port preferred for a server that has none yet. */
  port?: number;
  /** What comes after the port in the URL that Playwright waits for and the tests start from. Default: `/`. */
  path?: string;
  /** A folder in the checkout that the port is kept for. Default: `cwd`, else the folder that Playwright runs in. */
  project?: string;
  /**
   * Whether a server of this checkout that listens already may be used. One of another checkout never is.
   * Default: true.
   */
  reuseExistingServer?: boolean;
  /** More variables for the command; they win over `PORT` and the like. */
  env?: Record<string, string>;
  cwd?: string;
  gracefulShutdown?: { signal: 'SIGINT' | 'SIGTERM'; timeout: number };
  ignoreHTTPSErrors?: boolean;
  stderr?: 'pipe' | 'ignore';
  stdout?: 'pipe' | 'ignore';
  /** In milliseconds. */
  timeout?: number;
  wait?: { stdout?: RegExp; stderr?: RegExp };
}

/** One `webServer` of a Playwright config. */
export interface StyxyWebServer
  extends Pick<
    StyxyWebServerOptions,
    'name' | 'cwd' | 'gracefulShutdown' | 'ignoreHTTPSErrors' | 'stderr' | 'stdout' | 'timeout' | 'wait'
  > {
  command: string;
  /** `http://localhost:PORT` with the path. */
  url: string;
  /** True if a server of this very checkout listens there. */
  reuseExistingServer: boolean;
  /** `PORT`, `STYXY_PORT` and `STYXY_<SERVICE>_PORT`, and the variables given. */
  env: Record<string, string>;
}

/**
 * Leases a port for the server that the tests need, or finds the one of this checkout that runs, and gives Playwright's
 * `webServer` for it. Sets `PLAYWRIGHT_TEST_BASE_URL`, the default of `use.baseURL`, unless it is set.
 *
 * Takes some milliseconds, synchronously. Without a daemon it warns and gives a free port that is not leased.
 *
 * @throws {TypeError} An option is missing, unknown or of the wrong type.
 * @throws {Error} No port could be leased; `cause` is the `StyxyError`.
 */
export declare function styxyWebServer(options: StyxyWebServerOptions): StyxyWebServer;
