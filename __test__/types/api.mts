// The API as ES modules use it: every call and every member, and what must not compile. Only checked, never run.

import { createServer } from 'node:http';
import styxy, {
  Client,
  Lease,
  StyxyError,
  allocate,
  check,
  cleanup,
  connect,
  events,
  heartbeat,
  instances,
  list,
  listen,
  register,
  release,
  scan,
  status,
  suggest,
  unregister,
  type AllocateOptions,
  type BlockOptions,
  type ConnectOptions,
  type DryRun,
  type DryRunOptions,
  type EndReason,
  type GroupDryRunOptions,
  type LeaseInfo,
  type Listener,
  type ListenOptions,
  type MemberOptions,
  type Owner,
  type OwnerKind,
  type State,
  type Styxy,
  type StyxyErrorCode,
  type StyxyEvent,
  type SystemUsage,
} from 'styxy';

/** Compiles only if `Type` is exactly `Expected`: `any` is equal to nothing but itself. */
type Same<Type, Expected> = (<T>() => T extends Type ? 1 : 2) extends <T>() => T extends Expected ? 1 : 2 ? true : false;
const same = <Type, Expected>(_: Same<Type, Expected>): void => {};

same<State, 'granted' | 'active'>(true);
same<OwnerKind, 'process' | 'instance' | 'listener'>(true);

const all: Required<AllocateOptions> = {
  service: 'dev',
  name: 'web',
  port: 3000,
  defaultPort: null,
  exact: false,
  reuse: true,
  project: '.',
  instance: 'agent-1',
  pid: 4242,
  requestId: 'r1',
  dryRun: false,
  block: null,
  signal: AbortSignal.timeout(1000),
};

export async function leases(): Promise<void> {
  const lease: Lease = await allocate(all);
  same<typeof lease.port, number>(true);
  same<typeof lease.lockId, string>(true);
  same<typeof lease.serviceType, string>(true);
  same<typeof lease.serviceName, string | null>(true);
  same<typeof lease.state, State>(true);
  same<typeof lease.owner, Owner>(true);
  same<typeof lease.owner.kind, OwnerKind>(true);
  same<typeof lease.owner.pid, number | null>(true);
  same<typeof lease.owner.process, string | null>(true);
  same<typeof lease.owner.startedAt, string | null>(true);
  same<typeof lease.url, string>(true);
  same<typeof lease.reused, boolean>(true);
  same<typeof lease.existing, boolean>(true);
  same<typeof lease.reason, string | null>(true);
  same<typeof lease.displacedFrom, number | null>(true);
  same<typeof lease.running, number | null>(true);
  same<typeof lease.message, string>(true);
  await lease.release();
  await using disposed = await styxy.allocate({ service: 'dev' });
  const isLease: boolean = disposed instanceof Lease;

  const [web, api] = await allocate([{ service: 'dev' }, { service: 'api', port: 4000 }]);
  same<typeof web, Lease>(true);
  same<typeof api, Lease>(true);
  const [member] = await allocate([{ service: 'dev' }], { reuse: true, project: '.', instance: 'a', pid: 1, requestId: 'r' });
  const would: DryRun = await allocate({ service: 'dev', dryRun: true });
  same<typeof would.lockId, null>(true);
  const either = await allocate({ service: 'dev', dryRun: process.argv.length > 2 });
  same<typeof either, Lease | DryRun>(true);
  const [dry] = await allocate([{ service: 'dev' }], { dryRun: true });
  same<typeof dry, DryRun>(true);

  const two = await allocate([{ service: 'dev' }, { service: 'api' }]);
  same<typeof two, [Lease, Lease]>(true);
  const some: readonly MemberOptions[] = [];
  const mapped = await allocate(['a', 'b'].map((service) => ({ service })));
  same<typeof mapped, Lease[]>(true);
  const many = await allocate(some, { signal: null });
  same<typeof many, Lease[]>(true);
  const block = await allocate({ service: 'dev', block: 3 });
  same<typeof block, Lease[]>(true);
  const dryBlock = await allocate({ service: 'dev', block: 3, dryRun: true });
  same<typeof dryBlock, DryRun[]>(true);
  const asked: { dry: DryRunOptions; block: BlockOptions; group: GroupDryRunOptions } = {
    dry: { service: 'dev', dryRun: true },
    block: { service: 'dev', block: 2 },
    group: { dryRun: true },
  };
  const answers = [await allocate(asked.dry), await allocate(some, asked.group), await allocate(asked.block)] as const;
  same<typeof answers, readonly [DryRun, DryRun[], Lease[]]>(true);
  await release(lease);
  await release(lease.port);
  const [first] = await list();
  if (first) await release(first);

  const released = await release(lease.lockId);
  same<typeof released.port, number>(true);
  same<typeof released.message, string>(true);
  const found = await list({ service: 'dev', instance: 'a', project: '.', port: 3000 });
  same<typeof found, LeaseInfo[]>(true);
  for (const { lockId, port, serviceType, serviceName, instanceId, projectPath, state, owner, allocatedAt, lastSeenListening, listener, conflict } of found) {
    same<typeof lastSeenListening, string | null>(true);
    same<typeof listener, Listener | null>(true);
    same<typeof listener, { pid: number | null; process: string | null; container: string | null } | null>(true);
    same<typeof conflict, { pid: number | null; process: string | null } | null>(true);
    console.log(lockId, port, serviceType, serviceName, instanceId, projectPath, state, owner, allocatedAt, conflict?.pid, conflict?.process);
  }
  console.log(isLease, member.port);
}

export async function ports(): Promise<void> {
  const { port, available, allocatedTo, systemUsage, reason } = await check(3000);
  same<typeof allocatedTo, LeaseInfo | null>(true);
  same<typeof systemUsage, SystemUsage | null>(true);
  if (systemUsage) {
    const { pid, process, command, user, addresses, projectPath, branch, startedAt } = systemUsage;
    same<typeof addresses, string[]>(true);
    console.log(pid, process, command, user, projectPath, branch, startedAt);
  }
  const suggested = await suggest('dev', { count: 3 });
  same<typeof suggested.port, number | null>(true);
  same<typeof suggested.suggestions, number[]>(true);
  const { scanRange, portsInUse } = await scan({ start: 3000, end: 3999 });
  for (const used of portsInUse) console.log(used.port, used.allocatedTo?.lockId, used.systemUsage?.pid);
  const { cleaned, released, message } = await cleanup({ force: true });
  same<typeof released, LeaseInfo[]>(true);
  console.log(port, available, reason, scanRange, cleaned, message);
}

export async function sessions(): Promise<void> {
  const { instanceId, heartbeatInterval, expiresIn } = await register({ instanceId: 'a', workingDirectory: '.', pid: 1, metadata: { any: [1] } });
  same<typeof heartbeatInterval, number | null>(true);
  same<typeof expiresIn, number | null>(true);
  const beat = await heartbeat(instanceId);
  console.log(beat.instanceId, beat.lastHeartbeat, beat.expiresIn);
  for (const session of await instances()) {
    same<typeof session.metadata, Record<string, unknown> | null>(true);
    console.log(session.instanceId, session.workingDirectory, session.pid, session.registeredAt, session.lastHeartbeat, session.activeAllocations);
  }
  const ended = await unregister(instanceId);
  console.log(ended.instanceId, ended.released);
}

export async function daemon(): Promise<void> {
  const { version, apiVersion, pid, uptime, allocations, instances: live, listen: where, memory, journal, watches, notes } = await status();
  same<typeof journal, import('styxy').Status['journal']>(true);
  console.log(version, apiVersion, pid, uptime, allocations, live, where.tcp, where.socket, memory.rss, notes);
  console.log(journal?.mode, journal?.generation, journal?.used, journal?.capacity, journal?.trouble, watches?.processes, watches?.polled);

  for await (const event of events({ after: 7, signal: AbortSignal.timeout(1000) })) {
    same<typeof event, StyxyEvent>(true);
    if (event.type === 'reset') continue;
    console.log(event.seq, event.at);
    if (event.type === 'ended') same<typeof event.reason, EndReason>(true);
    if (event.type === 'granted') same<typeof event.lease, LeaseInfo>(true);
    if (event.type === 'instance_expired') console.log(event.instance.instanceId);
  }
  await using stream = styxy.events();
  const next = await stream.next();
  if (!next.done) console.log(next.value.type);
  await stream.return();

  const options: ListenOptions = { ...all, host: '127.0.0.1' };
  const lease = await listen(createServer(), options);
  const where2: Required<ConnectOptions> = { home: '/h', socket: null, autoStart: false, timeoutMs: 500 };
  const other: Client = connect(where2);
  const same2: Styxy = styxy;
  console.log(lease.port, other instanceof Client, await other.status(), same2.connect().list());
}

export function refusal(error: unknown): string | null {
  if (!(error instanceof StyxyError)) return null;
  same<typeof error.code, StyxyErrorCode>(true);
  same<typeof error.hint, string | null>(true);
  same<typeof error.details, Record<string, unknown>>(true);
  return `${error.name} ${error.message} ${error.code === 'daemon_unreachable'}`;
}

export const wrong = (): unknown[] => [
  // @ts-expect-error a service type is needed
  allocate({}),
  // @ts-expect-error there is no such option
  allocate({ service: 'dev', prot: 3000 }),
  // @ts-expect-error a port is a number
  allocate({ service: 'dev', port: '3000' }),
  // @ts-expect-error it stands beside the list
  allocate([{ service: 'dev', dryRun: true }]),
  // @ts-expect-error one lease at a time
  release([3000]),
  // @ts-expect-error a block is of one service
  allocate([{ service: 'dev', block: 2 }]),
  // @ts-expect-error a server is needed
  listen({}, { service: 'dev' }),
  // @ts-expect-error there is no such option
  connect({ sokcet: '/x' }),
  // @ts-expect-error there is no such code
  new StyxyError('no', { code: 'nonsense' }),
  // @ts-expect-error leases come from allocate
  new Lease(),
];
