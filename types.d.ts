// The options of the calls, the events, and the error, for index.d.ts, which has the calls themselves.

import type { Instance, LeaseInfo } from './native';

/** What every port is asked for with: which one is wanted, and for what. */
export interface PortOptions {
  /** What the port is for: `dev`, `api`, `storybook`, … Letters, digits, `_`, `-`; up to 50. */
  service: string;
  /** Which of several servers of that type. Letters, digits, `.`, `_`, `-`; up to 100. */
  name?: string | null;
  /** Preferred port, 1 to 65535. If it is taken, you get another one, and `reason` says why. */
  port?: number | null;
  /**
   * The port that this kind of server has if nobody says otherwise. It is tried after the ports that this server had before.
   * Not together with `port`.
   */
  defaultPort?: number | null;
  /** `true`: fail with `port_unavailable` if `port` is taken. */
  exact?: boolean | null;
  /**
   * `true`: get the live lease that this server has, if nothing else uses it, or this process or an ancestor of it owns it.
   */
  reuse?: boolean | null;
  /**
   * The root of the checkout or project that the server belongs to. The folder must exist; its canonical path is the key. A home
   * folder is none. Default: the one around `process.cwd()`.
   */
  project?: string | null;
  /**
   * The agent session. Default: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else that of the coding agent the process
   * runs under, else `codex-$CODEX_SESSION_ID`, else `claude-$CLAUDE_CODE_SESSION_ID`.
   * Letters, digits, `:`, `_`, `-`; up to 100.
   */
  instance?: string | null;
  /** The process that owns the lease. It must be alive and yours. Default: this process. */
  pid?: number | null;
  /** A call with the same id and options gets the first answer again. Up to 64 printable characters. Default: a new id. */
  requestId?: string | null;
  /**
   * Once it is aborted, the call rejects with the signal's reason, and what is granted after that is given back. A lease that
   * was there before (`reused`) stays.
   */
  signal?: AbortSignal | null;
}

/** The options for one port. */
export interface AllocateOptions extends PortOptions {
  /** `true`: says which port you would get, and leases nothing. */
  dryRun?: false | null;
  /** So many consecutive ports instead of one, 2 to 16, all or none. `port` is the first of them. */
  block?: null;
}

/** As `AllocateOptions`, for a question that leases nothing. */
export interface DryRunOptions extends Omit<AllocateOptions, 'dryRun'> {
  dryRun: true;
}

/** As `AllocateOptions`, for consecutive ports. */
export interface BlockOptions extends Omit<AllocateOptions, 'block'> {
  block: number;
}

/** One of several services that are leased together. */
export interface MemberOptions extends Omit<PortOptions, 'requestId' | 'signal'> {
  /** It belongs into the second argument. */
  requestId?: never;
  /** It belongs into the second argument. */
  dryRun?: never;
  /** It belongs into the second argument. */
  signal?: never;
  /** A block is of one service alone. */
  block?: never;
}

/** What holds for all services of the list, unless one of them says otherwise. */
export interface GroupOptions extends Pick<PortOptions, 'reuse' | 'project' | 'instance' | 'pid' | 'requestId' | 'signal'> {
  /** `true`: says which ports you would get, and leases nothing. */
  dryRun?: boolean | null;
}

/** As `GroupOptions`, for a question that leases nothing. */
export interface GroupDryRunOptions extends Omit<GroupOptions, 'dryRun'> {
  dryRun: true;
}

/** How a server listens: the options of its lease, and its address. Aborting `signal` later closes the server, as in Node. */
export interface ListenOptions extends AllocateOptions {
  /** The host or address to listen on. Default: Node's, all addresses. */
  host?: string;
}

/** Which leases are listed: those that match every given option. */
export interface ListOptions {
  /** Only leases of this service type. */
  service?: string | null;
  /** Only leases of this agent session. */
  instance?: string | null;
  /** Only leases of this checkout: its folder. */
  project?: string | null;
  /** Only the lease of this port. */
  port?: number | null;
}

export interface SuggestOptions {
  /** How many ports, 1 to 100. Default: 5. */
  count?: number | null;
}

export interface ScanOptions {
  /** The lowest port. Default: 1024. */
  start?: number | null;
  /** The highest port. Default: 65535. */
  end?: number | null;
}

/** An agent session that is registered. */
export interface RegisterOptions {
  /** Its name. Letters, digits, `:`, `_`, `-`; up to 100. */
  instanceId: string;
  /** Where it works. */
  workingDirectory?: string | null;
  /** Its process. The session then lives as long as the process does, and needs no heartbeat. */
  pid?: number | null;
  /** Any JSON; `instances` returns it. */
  metadata?: Record<string, unknown> | null;
}

export interface CleanupOptions {
  /** `true`: ends every lease, also those of live owners. */
  force?: boolean | null;
}

export interface EventsOptions {
  /** The `seq` of the last event that was seen: the events after it come first. Default: from now on. */
  after?: number | null;
  /** Once it is aborted, the stream is closed and its reader gets the signal's reason. */
  signal?: AbortSignal | null;
}

/** Which daemon a client speaks to. */
export interface ConnectOptions {
  /** The daemon's folder. Default: `STYXY_HOME`, else `~/.styxy`. */
  home?: string | null;
  /** The daemon's socket (on Windows its pipe), instead of the one in its folder. No daemon is started for it. */
  socket?: string | null;
  /** Whether to start a daemon if none runs. Default: yes, unless `STYXY_NO_AUTOSTART=1` or a socket is given. */
  autoStart?: boolean | null;
  /** The longest time for one call, in milliseconds. Default: 10000. A start of the daemon has its own limits. */
  timeoutMs?: number | null;
}

/** Why a lease ended. */
export type EndReason =
  | 'released'
  | 'owner_exited'
  | 'listener_exited'
  | 'bind_ttl'
  | 'instance_expired'
  | 'instance_ended'
  | 'cleanup'
  | 'displaced'
  | 'reboot';

interface Happened<Type extends string> {
  type: Type;
  /** Ascending; numbers may be skipped. */
  seq: number;
  /** When, RFC 3339. */
  at: string;
}

/** Something happened to a lease. `lease` is its state right after that. */
export interface LeaseEvent extends Happened<'granted' | 'activated' | 'deactivated' | 'passed' | 'conflict'> {
  lease: LeaseInfo;
  instance?: undefined;
  reason?: undefined;
}

/** A lease ended. */
export interface EndedEvent extends Happened<'ended'> {
  lease: LeaseInfo;
  instance?: undefined;
  reason: EndReason;
}

/** Something happened to an instance. */
export interface InstanceEvent extends Happened<'instance_registered' | 'instance_expired' | 'instance_ended'> {
  lease?: undefined;
  instance: Instance;
  reason?: undefined;
}

/** The guard did not let a program send a signal, or bind a port. `seq` is that of the event before it. */
export interface RefusedEvent extends Happened<'signal_refused' | 'bind_refused'> {
  lease?: undefined;
  instance?: undefined;
  reason?: undefined;
  /** What the program said: whose it is, what is yours, and how to insist. */
  message: string;
}

/** The events after `after` are no longer known: read the lists again. */
export interface ResetEvent {
  type: 'reset';
  seq?: undefined;
  at?: undefined;
  lease?: undefined;
  instance?: undefined;
  reason?: undefined;
}

export type StyxyEvent = LeaseEvent | EndedEvent | InstanceEvent | RefusedEvent | ResetEvent;

/** The daemon's events as they come. Ends when the daemon stops; breaking out of `for await` closes it. */
export interface EventStream extends AsyncIterableIterator<StyxyEvent>, AsyncDisposable {
  next(): Promise<IteratorResult<StyxyEvent, undefined>>;
  return(): Promise<IteratorReturnResult<undefined>>;
  [Symbol.asyncIterator](): EventStream;
}

/** Why a call was refused. */
export type StyxyErrorCode =
  /** An argument is missing, unknown or has a wrong form; `details` has `field`, `found` and `allowed`. */
  | 'invalid_request'
  /** Not allowed from here, or not yours; `details.rule` says which rule. */
  | 'forbidden'
  /** No lease has ever had this id, or it ended long ago. */
  | 'unknown_lease'
  | 'unknown_instance'
  | 'unknown_route'
  | 'method_not_allowed'
  /** The exact port is taken; `details` says by which process. */
  | 'port_unavailable'
  /** Every port of the ranges is taken. */
  | 'no_free_port'
  /** A live instance of this id belongs to another process. */
  | 'instance_exists'
  /** The lease has ended; `details.reason` says why. */
  | 'lease_ended'
  /** The instance expired: register it again. */
  | 'instance_expired'
  /** The options are longer than 16 KiB. */
  | 'body_too_large'
  | 'unsupported_media_type'
  /** The same `requestId` came with other options. */
  | 'request_id_reused'
  /** Nothing of that name runs (only the command says so). */
  | 'not_running'
  /** The journal cannot be written, so nothing was changed. */
  | 'storage_unavailable'
  /** No daemon answers, and none could be started. */
  | 'daemon_unreachable';

/** A call was refused, or no daemon answered it. */
export declare class StyxyError extends Error {
  constructor(message: string, more: { code: StyxyErrorCode; hint?: string | null; details?: Record<string, unknown>; cause?: unknown });
  name: 'StyxyError';
  /** The reason, for programs. */
  code: StyxyErrorCode;
  /** The next command to type; null if there is none. */
  hint: string | null;
  /** The facts behind the message. */
  details: Record<string, unknown>;
}
