// The types of the API. native.d.ts describes the answers. Long because editors show one file's documentation at its best.

import type { Server } from 'node:net';
import type {
  Beat,
  Check,
  Cleanup,
  Conflict,
  Container,
  EndedInstance,
  Grant,
  Instance,
  LeaseInfo,
  Owner,
  PortInUse,
  Registration,
  Released,
  Scan,
  Status,
  Suggestions,
  SystemUsage,
} from './native';

export type {
  Beat,
  Check,
  Cleanup,
  Conflict,
  Container,
  EndedInstance,
  Grant,
  Instance,
  LeaseInfo,
  Owner,
  PortInUse,
  Registration,
  Released,
  Scan,
  Status,
  Suggestions,
  SystemUsage,
};

/** Whether something listens on a lease's port. */
export type State = LeaseInfo['state'];

/** One process, an agent session, or the process that listens on the port. */
export type OwnerKind = Owner['kind'];

/** Which port is wanted, and for what. */
export interface AllocateOptions {
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
   * runs under, else `claude-$CLAUDE_CODE_SESSION_ID`.
   * Letters, digits, `:`, `_`, `-`; up to 100.
   */
  instance?: string | null;
  /** The process that owns the lease. It must be alive and yours. Default: this process. */
  pid?: number | null;
  /** A call with the same id and options gets the first answer again. Up to 64 printable characters. Default: a new id. */
  requestId?: string | null;
  /** `true`: says which port you would get, and leases nothing. */
  dryRun?: false | null;
}

/** As `AllocateOptions`, for a question that leases nothing. */
export interface DryRunOptions extends Omit<AllocateOptions, 'dryRun'> {
  dryRun: true;
}

/** One of several services that are leased together. */
export interface MemberOptions extends Omit<AllocateOptions, 'requestId' | 'dryRun'> {
  /** It belongs into the second argument. */
  requestId?: never;
  /** It belongs into the second argument. */
  dryRun?: never;
}

/** What holds for all services of the list, unless one of them says otherwise. */
export type GroupOptions = Pick<AllocateOptions, 'reuse' | 'project' | 'instance' | 'pid' | 'requestId' | 'dryRun'>;

/** As `GroupOptions`, for a question that leases nothing. */
export interface GroupDryRunOptions extends Omit<GroupOptions, 'dryRun'> {
  dryRun: true;
}

/** A port that is yours, until `release` or the end of the process that owns the lease. */
export interface Lease extends Grant, AsyncDisposable {
  /** The lease's id, a UUID that is never used again. */
  lockId: string;
  /**
   * Ends the lease. Does nothing if it has ended already, and nothing to a lease that is not yours: one that somebody else
   * holds (`existing`), or that another process owns (`reused` under `styxy run`).
   */
  release(): Promise<void>;
}

/** The class of leases, for `instanceof`. */
export declare const Lease: abstract new (...given: never) => Lease;

/** What a dry run says. */
export interface DryRun extends Grant {
  lockId: null;
}

/** One lease for each service, in the order asked for. */
export type Each<Asked extends readonly unknown[], Answer> = { -readonly [Index in keyof Asked]: Answer };

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
export interface LeaseEvent
  extends Happened<'granted' | 'activated' | 'deactivated' | 'passed' | 'conflict'> {
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

/** The events after `after` are no longer known: read the lists again. */
export interface ResetEvent {
  type: 'reset';
  seq?: undefined;
  at?: undefined;
  lease?: undefined;
  instance?: undefined;
  reason?: undefined;
}

export type StyxyEvent = LeaseEvent | EndedEvent | InstanceEvent | ResetEvent;

/** The daemon's events as they come. Ends when the daemon stops; breaking out of `for await` closes it. */
export interface EventStream extends AsyncIterableIterator<StyxyEvent>, AsyncDisposable {
  next(): Promise<IteratorResult<StyxyEvent, undefined>>;
  return(): Promise<IteratorReturnResult<undefined>>;
  [Symbol.asyncIterator](): EventStream;
}

/** How a server listens: the options of its lease, and its address. */
export interface ListenOptions extends AllocateOptions {
  /** The host or address to listen on. Default: Node's, all addresses. */
  host?: string;
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
  constructor(
    message: string,
    more: { code: StyxyErrorCode; hint?: string | null; details?: Record<string, unknown>; cause?: unknown },
  );
  name: 'StyxyError';
  /** The reason, for programs. */
  code: StyxyErrorCode;
  /** The next command to type; null if there is none. */
  hint: string | null;
  /** The facts behind the message. */
  details: Record<string, unknown>;
}

/**
 * A client of a daemon. Each call starts the daemon if none runs, and rejects with `StyxyError`. A client need not be
 * closed: it keeps a process alive only while a call, or a loop over its events, waits.
 */
export interface Client {
  /**
   * Leases a port. The lease belongs to this process unless `pid` says otherwise, and ends with it.
   *
   * @throws StyxyError `no_free_port`, `port_unavailable` (with `exact`), `invalid_request`, …
   */
  allocate(options: AllocateOptions): Promise<Lease>;
  allocate(options: DryRunOptions): Promise<DryRun>;
  allocate(options: Omit<AllocateOptions, 'dryRun'> & { dryRun: boolean }): Promise<Lease | DryRun>;
  /** Leases several ports, all or none: up to 64. */
  allocate<const Asked extends readonly MemberOptions[]>(services: Asked, common?: GroupOptions): Promise<Each<Asked, Lease>>;
  allocate<const Asked extends readonly MemberOptions[]>(
    services: Asked,
    common: GroupDryRunOptions,
  ): Promise<Each<Asked, DryRun>>;
  /**
   * Ends a lease, no matter who holds it.
   *
   * @throws StyxyError `lease_ended` or `unknown_lease` if there is none.
   */
  release(lockId: string): Promise<Released>;
  /** Says who has a port, leased or not. */
  check(port: number): Promise<Check>;
  /** Ports that an allocate would get now, best first. None is reserved. */
  suggest(service: string, options?: SuggestOptions): Promise<Suggestions>;
  /** The live leases, ascending by port. */
  list(options?: ListOptions): Promise<LeaseInfo[]>;
  /** Every listener and every lease in a range of ports. */
  scan(options?: ScanOptions): Promise<Scan>;
  /** The live agent sessions. */
  instances(): Promise<Instance[]>;
  /**
   * Registers an agent session, or registers it again. Without a `pid` it must send heartbeats.
   *
   * @throws StyxyError `instance_exists` if another process has it.
   */
  register(options: RegisterOptions): Promise<Registration>;
  /**
   * Sends a heartbeat for an agent session.
   *
   * @throws StyxyError `instance_expired` or `unknown_instance`.
   */
  heartbeat(instanceId: string): Promise<Beat>;
  /** Ends an agent session, and its leases that nothing listens on. */
  unregister(instanceId: string): Promise<EndedInstance>;
  /** Looks at every owner and listener now, and ends the leases of those that are gone. */
  cleanup(options?: CleanupOptions): Promise<Cleanup>;
  /** Says how the daemon is. */
  status(): Promise<Status>;
  /** The daemon's events, from the moment of the call on. */
  events(options?: EventsOptions): EventStream;
  /**
   * Makes a server listen on a port leased for it; the lease ends when the server closes. If another program takes the
   * port before the server has bound it, another one is leased, unless `exact` is set. The workers of `node:cluster` listen
   * on one port: the lease is the primary's, and ends with it.
   * @throws StyxyError as `allocate`; or what `server.listen` failed with.
   */
  listen(server: Server, options: ListenOptions): Promise<Lease>;
}

/** The class of clients, for `instanceof`. */
export declare const Client: abstract new (...given: never) => Client;

export declare const allocate: Client['allocate'];
export declare const release: Client['release'];
export declare const check: Client['check'];
export declare const suggest: Client['suggest'];
export declare const list: Client['list'];
export declare const scan: Client['scan'];
export declare const instances: Client['instances'];
export declare const register: Client['register'];
export declare const heartbeat: Client['heartbeat'];
export declare const unregister: Client['unregister'];
export declare const cleanup: Client['cleanup'];
export declare const status: Client['status'];
export declare const events: Client['events'];
export declare const listen: Client['listen'];

/**
 * A client of another daemon, or one with other options. It connects at its first use.
 *
 * @throws StyxyError `invalid_request`.
 */
export declare function connect(options?: ConnectOptions): Client;

/** Every call and class of the module. */
export interface Styxy extends Client {
  connect: typeof connect;
  Client: typeof Client;
  Lease: typeof Lease;
  StyxyError: typeof StyxyError;
}

declare const styxy: Styxy;
export default styxy;
