/** The options of `styxyWebServer`: its own, and those of Playwright's `webServer` that it passes on. */
export interface StyxyWebServerOptions {
  /** The command that starts the server, as in Playwright; `{port}` in it becomes the port. */
  command: string;
  /** The service type whose ports are used. Default: `dev`, as of `styxy/vite`. */
  service?: string;
  /** Which of several servers of one service type and checkout it is. Playwright prints it before the server's output. */
  name?: string;
  /** Preferred port; another one is used if it is taken. */
  port?: number;
  /** The path of the URL that Playwright waits for and the tests start from. Default: `/`. */
  path?: string;
  /** A folder in the checkout that the port is kept for. Default: `cwd`, else the folder that Playwright runs in. */
  project?: string;
  /**
   * Whether a server of this checkout that already listens may be used. A server of another checkout is never used.
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
  /** True if a server of this checkout listens there. */
  reuseExistingServer: boolean;
  /** `PORT`, `STYXY_PORT`, `STYXY_URL`, `STYXY_<SERVICE>_PORT` and `STYXY_<SERVICE>_URL`, and the variables given. */
  env: Record<string, string>;
}

/**
 * Leases a port for the server that the tests need, or finds the running one of this checkout, and returns Playwright's
 * `webServer` for it. Sets `PLAYWRIGHT_TEST_BASE_URL`, the default of `use.baseURL`, unless it is set; and for the tests
 * `STYXY_<SERVICE>_PORT` and `STYXY_<SERVICE>_URL`.
 *
 * It is synchronous and takes some milliseconds. Without a daemon it warns and uses a free port that is not leased.
 *
 * @throws {TypeError} An option is missing, unknown or of the wrong type.
 * @throws {Error} No port could be leased; `cause` is the `StyxyError`.
 */
export declare function styxyWebServer(options: StyxyWebServerOptions): StyxyWebServer;

/**
 * The server of the config that has this service type and name, for the tests: `styxyServer({ service: 'api' }).url`. Without a
 * name, the first one of the type.
 *
 * @throws {Error} The config has no such server; the message lists those that it has.
 */
export declare function styxyServer(options?: {
  /** Default: `dev`. */
  service?: string;
  name?: string;
}): {
  port: number;
  /** `http://localhost:PORT`, without the path. */
  url: string;
};
