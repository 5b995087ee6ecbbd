// The types of the API: its calls, what they return, and the module's exports. native.d.ts, which is generated, describes the
// answers, types.d.ts what is passed in. Each call is documented twice, as a member and as an export, since editors show the
// comment of the name that stands there; a test compares the two.

import type { Server } from 'node:net';
import type {
  Beat,
  Check,
  Cleanup,
  EndedInstance,
  Grant,
  Instance,
  LeaseInfo,
  Owner,
  Registration,
  Released,
  Scan,
  Status,
  Suggestions,
} from './native';
import type {
  CleanupOptions,
  ConnectOptions,
  EventStream,
  EventsOptions,
  GroupOptions,
  ListOptions,
  ListenOptions,
  MemberOptions,
  PortOptions,
  RegisterOptions,
  ScanOptions,
  SuggestOptions,
} from './types';
import { StyxyError } from './types';

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
  Listener,
  Owner,
  PortInUse,
  Registration,
  Released,
  Scan,
  Status,
  Suggestions,
  SystemUsage,
} from './native';
export * from './types';

/** Whether something listens on a lease's port. */
export type State = LeaseInfo['state'];

/** One process, an agent session, or the process that listens on the port. */
export type OwnerKind = Owner['kind'];

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

/**
 * What `allocate` is asked for: one service, or a list. It is one type in one signature, so that an error points at the property
 * that is wrong; `Services`, `Dry` and `Block` are what was found in it.
 */
export type Asked<Services extends readonly unknown[], Dry, Block> =
  | (PortOptions & { dryRun?: Dry; block?: Block })
  | readonly [...{ [Index in keyof Services]: MemberOptions }];

/** One answer for each service, in the order asked for. */
export type Each<Asked extends readonly unknown[], Answer> = { -readonly [Index in keyof Asked]: Answer };

/** What `allocate` gives: a lease, or as many as were asked for, and dry runs instead of leases. */
export type Allocated<Services extends readonly unknown[], Dry, Block> = [Services] extends [never]
  ? Block extends number
    ? Given<Dry>[]
    : Given<Dry>
  : // `infer`, since the type of the variable that gets the answer must say nothing about what was asked for.
    Services extends infer Asked extends readonly unknown[]
    ? Each<Asked, Given<Dry>>
    : never;

type Given<Dry> = [Dry] extends [true] ? DryRun : true extends Dry ? Lease | DryRun : Lease;

/**
 * A client of a daemon. Each call starts the daemon if none runs, and rejects with `StyxyError`. A client need not be
 * closed: it keeps a process alive only while a call, or a loop over its events, waits.
 */
export interface Client {
  /**
   * Leases a port, or several: for a list of services one each, with `block` consecutive ones, all or none. A lease belongs
   * to this process unless `pid` says otherwise, and ends with it.
   *
   * @throws StyxyError `no_free_port`, `port_unavailable` (with `exact`), `invalid_request`, …
   */
  allocate<
    const Services extends readonly unknown[] = never,
    const Dry extends boolean | null | undefined = undefined,
    const Block extends number | null | undefined = undefined,
  >(options: Asked<Services, Dry, Block>, common?: GroupOptions & { dryRun?: Dry }): Promise<Allocated<Services, Dry, Block>>;
  /**
   * Ends a lease. A lease, or its id, may be anybody's; a port must be leased to this process or for this project.
   *
   * @throws StyxyError `lease_ended` or `unknown_lease` if there is none, `forbidden` if the port is another project's.
   */
  release(lease: string | number | { readonly lockId: string }): Promise<Released>;
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
   *
   * @throws StyxyError as `allocate`; or what `server.listen` failed with.
   */
  listen(server: Server, options: ListenOptions): Promise<Lease>;
}

/** The class of clients, for `instanceof`. */
export declare const Client: abstract new (...given: never) => Client;

/**
 * Leases a port, or several: for a list of services one each, with `block` consecutive ones, all or none. A lease belongs
 * to this process unless `pid` says otherwise, and ends with it.
 *
 * @throws StyxyError `no_free_port`, `port_unavailable` (with `exact`), `invalid_request`, …
 */
export declare const allocate: Client['allocate'];
/**
 * Ends a lease. A lease, or its id, may be anybody's; a port must be leased to this process or for this project.
 *
 * @throws StyxyError `lease_ended` or `unknown_lease` if there is none, `forbidden` if the port is another project's.
 */
export declare const release: Client['release'];
/** Says who has a port, leased or not. */
export declare const check: Client['check'];
/** Ports that an allocate would get now, best first. None is reserved. */
export declare const suggest: Client['suggest'];
/** The live leases, ascending by port. */
export declare const list: Client['list'];
/** Every listener and every lease in a range of ports. */
export declare const scan: Client['scan'];
/** The live agent sessions. */
export declare const instances: Client['instances'];
/**
 * Registers an agent session, or registers it again. Without a `pid` it must send heartbeats.
 *
 * @throws StyxyError `instance_exists` if another process has it.
 */
export declare const register: Client['register'];
/**
 * Sends a heartbeat for an agent session.
 *
 * @throws StyxyError `instance_expired` or `unknown_instance`.
 */
export declare const heartbeat: Client['heartbeat'];
/** Ends an agent session, and its leases that nothing listens on. */
export declare const unregister: Client['unregister'];
/** Looks at every owner and listener now, and ends the leases of those that are gone. */
export declare const cleanup: Client['cleanup'];
/** Says how the daemon is. */
export declare const status: Client['status'];
/** The daemon's events, from the moment of the call on. */
export declare const events: Client['events'];
/**
 * Makes a server listen on a port leased for it; the lease ends when the server closes. If another program takes the
 * port before the server has bound it, another one is leased, unless `exact` is set. The workers of `node:cluster` listen
 * on one port: the lease is the primary's, and ends with it.
 *
 * @throws StyxyError as `allocate`; or what `server.listen` failed with.
 */
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
