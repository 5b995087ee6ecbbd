//! More connections than descriptors, clients that send half a request, and readers of events that never read.
//!
//! Beside them one owner, whose connection was there before, goes on leasing and releasing.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde_json::json;

use super::Context;
use crate::clients::{Ask, Client, Connection, Raw, Reply, Way};
use crate::daemon::{Home, Port, SERVICE, finish, within};
use crate::processes::{Idle, Process, Usage};
use crate::report::{Report, Times, mib, slowness};

const DESCRIPTORS: usize = 64;
const MANY_CONNECTIONS: usize = 500;
const CROWD: usize = 1_000;
/// Leases and releases of the owner that are timed before, during and after.
const PAIRS: usize = 1_000;
const MEMORY: u64 = 32 << 20;
const ACCEPTS: Duration = Duration::from_secs(1);
/// An answer that takes longer than this counts as none.
const NEVER: Duration = Duration::from_secs(10);
/// A daemon that nobody asks anything uses no more of a second than this.
const IDLE: Duration = Duration::from_millis(100);
/// Processes that own leases, with fewer descriptors to watch them by.
const OWNERS: usize = 100;

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    for _ in 0..context.rounds {
        let few = |home: &Home| start_limited(home, DESCRIPTORS);
        under(&mut report, "64 descriptors, 500 connections", few, |home| {
            (0..MANY_CONNECTIONS).filter_map(|turn| silent(home, turn)).collect()
        });
        owners(&mut report);
        under(&mut report, "1,000 slow or half-open clients", Home::start, half_open);
        under(&mut report, "1,000 unread event streams", Home::start, unread);
    }
    report.count(format!("{} rounds", context.rounds));
    report
}

/// Starts the daemon with a hard limit of descriptors.
fn start_limited(home: &Home, limit: usize) -> Result<Process, String> {
    let script = format!("ulimit -n {limit} && exec \"$0\" daemon start");
    let mut command = home.command("sh");
    command.args(["-c", &script]).arg(home.binary());
    let said = finish(&mut command);
    home.daemons().first().copied().ok_or_else(|| format!("it did not start: {said:?}"))
}

/// What a crowd holds; dropping it closes everything.
type Crowd = Vec<Box<dyn Send>>;

/// One crowd around one owner.
fn under(
    report: &mut Report,
    what: &str,
    start: impl Fn(&Home) -> Result<Process, String>,
    gather: impl Fn(&Arc<Home>) -> Crowd,
) {
    let (home, slow) = (Arc::new(Home::new(Port::Fixed, &json!({}))), slowness());
    let daemon = match start(&home) {
        Ok(daemon) => daemon,
        Err(error) => return report.none(&format!("{what}: starts"), &[error]),
    };
    let mut owner = Person::new(&home);
    let before = owner.pairs();
    let usage = daemon.usage();
    let crowd = gather(&home);
    let gathered = crowd.len();
    let during = owner.pairs();
    // Its pauses are no work of the daemon's: nobody asks anything now.
    let idle = spent(daemon);
    let memory = daemon.usage().zip(usage).map(|(now, then)| now.resident.saturating_sub(then.resident));
    drop(crowd);
    let again = first_answer(&home);
    let after = owner.pairs();
    report.check(
        &format!("{what}: the daemon lives"),
        "yes",
        if daemon.lives() { "yes" } else { "no" },
        daemon.lives(),
    );
    report.none(&format!("{what}: errors of the owner"), &owner.errors);
    let usual: Times = before.iter().chain(&after).copied().collect();
    let during: Times = during.into_iter().collect();
    let (usual, now) = (usual.percentile(99).unwrap_or_default(), during.percentile(99));
    let ratio = now.map_or(f64::INFINITY, |now| now.as_secs_f64() / usual.as_secs_f64().max(1e-9));
    report.time(
        &format!("{what}: the owner's p99, to that without them"),
        "< 2 ×",
        format!("{ratio:.2} × {:.2} ms, {gathered} connected", usual.as_secs_f64() * 1e3),
        ratio < 2.0,
    );
    let grown = memory.unwrap_or(u64::MAX);
    report.check(&format!("{what}: memory"), "≤ +32 MiB", mib(grown), grown <= MEMORY);
    report.at_most(&format!("{what}: processor in an idle second"), IDLE, idle);
    report.timed(&format!("{what}: a new connection is answered"), ACCEPTS, again, slow);
}

/// Time on a processor in one second; none if the daemon ends before.
fn spent(daemon: Process) -> Option<Duration> {
    let before: Usage = daemon.usage()?;
    // What is measured, not a wait for anything.
    thread::sleep(Duration::from_secs(1));
    Some(daemon.usage()?.cpu.saturating_sub(before.cpu))
}

/// How long until a new connection has an answer.
fn first_answer(home: &Home) -> Option<Duration> {
    let begun = Instant::now();
    within(NEVER, || {
        let left = NEVER.saturating_sub(begun.elapsed());
        let mut connection = Connection::open(&Way::Socket(home.socket()), left).ok()?;
        connection.ask("GET", "/status", None).ok()
    })?;
    Some(begun.elapsed())
}

/// The owner: one connection, made before the crowd comes.
struct Person {
    client: Raw,
    asked: usize,
    errors: Vec<String>,
}

impl Person {
    fn new(home: &Home) -> Self {
        Self { client: home.client(), asked: 0, errors: Vec::new() }
    }

    /// The times of many leases, each released again.
    fn pairs(&mut self) -> Vec<Duration> {
        let mut times = Vec::new();
        for _ in 0..PAIRS {
            self.asked += 1;
            let begun = Instant::now();
            match self.client.allocate(&ask(self.asked, None)) {
                Reply::Granted { lock, .. } => {
                    times.push(begun.elapsed());
                    if let Reply::Failed(error) = self.client.release(lock) {
                        self.errors.push(error);
                    }
                }
                other => self.errors.push(format!("{other:?}")),
            }
        }
        times
    }
}

fn ask(number: usize, pid: Option<u32>) -> Ask {
    let request_id = format!("owner-{number}");
    Ask { service: SERVICE.to_owned(), name: None, project: "/p".to_owned(), pid, exact: None, request_id }
}

/// A connection that sends nothing; every other one by TCP. None if the daemon's queue is full.
fn silent(home: &Arc<Home>, turn: usize) -> Option<Box<dyn Send>> {
    if turn.is_multiple_of(2) {
        return Some(Box::new(unix(home)?));
    }
    let Some(Way::Tcp(address)) = home.tcp() else { return None };
    Some(Box::new(TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()?))
}

/// A connection to the socket that does not wait for a place in the queue.
fn unix(home: &Home) -> Option<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None).ok()?;
    connect(&socket, &SocketAddrUnix::new(home.socket()).ok()?).ok()?;
    Some(socket)
}

/// Half of them stop in the middle of a request, the others send a byte now and then.
fn half_open(home: &Arc<Home>) -> Crowd {
    let half = format!(
        "POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: 100\r\n\r\n{{\"service_type\": \"{SERVICE}\""
    );
    let mut crowd: Crowd = Vec::new();
    let mut slow = Vec::new();
    for turn in 0..CROWD {
        let Ok(mut connection) = Connection::open(&Way::Socket(home.socket()), Duration::from_secs(5)) else {
            continue;
        };
        if turn.is_multiple_of(2) {
            if connection.write(half.as_bytes()).is_ok() {
                crowd.push(Box::new(connection));
            }
        } else {
            slow.push(connection);
        }
    }
    let count = slow.len();
    crowd.push(Box::new(Dripping::start(slow, b"GET /allocations HTTP/1.1\r\nX-Slow: ")));
    crowd.extend((1..count).map(|_| Box::new(()) as Box<dyn Send>));
    crowd
}

/// Connections that send one byte each in turn, until this is dropped.
struct Dripping {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Dripping {
    fn start(mut connections: Vec<Connection>, request: &'static [u8]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for byte in request.iter().chain(std::iter::repeat(&b'x')) {
                for connection in &mut connections {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    // One that the daemon has closed is slow no more.
                    let _ = connection.write(std::slice::from_ref(byte));
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Dripping {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Readers of `/events` that read the head and nothing more.
fn unread(home: &Arc<Home>) -> Crowd {
    let mut crowd: Crowd = Vec::new();
    for _ in 0..CROWD {
        let opened = Connection::open(&Way::Socket(home.socket()), Duration::from_secs(5)).and_then(
            |mut connection| {
                connection.send("GET", "/events", None)?;
                connection.read_head()?;
                Ok(connection)
            },
        );
        if let Ok(connection) = opened {
            crowd.push(Box::new(connection));
        }
    }
    crowd
}

/// More processes own leases than there are descriptors to watch them by: all are leased, also after a kill -9 of the
/// daemon, and those whose process ends are free again.
fn owners(report: &mut Report) {
    let what = "100 owners with 64 descriptors";
    let home = Home::new(Port::Fixed, &json!({}));
    let mut client = home.client();
    let mut processes: Vec<Idle> = (0..OWNERS).map(|_| Idle::start()).collect();
    let lease_all = |client: &mut Raw, times: usize| -> Vec<String> {
        let leases = processes.iter().enumerate().map(|(number, process)| {
            // The same ask again has the same answer, so nobody has two.
            match client.allocate(&ask(number, Some(process.pid()))) {
                Reply::Granted { .. } => None,
                other => Some(format!("start {times}: {other:?}")),
            }
        });
        leases.flatten().collect()
    };
    let mut wrong = Vec::new();
    wrong.extend(start_limited(&home, DESCRIPTORS).err());
    report.none(&format!("{what}: refused"), &lease_all(&mut client, 1));
    // Whatever came of that, now all have one, and the next start is as full as it can be.
    home.kill_daemons();
    wrong.extend(home.start().err());
    wrong.extend(lease_all(&mut client, 2));
    home.kill_daemons();
    let again = start_limited(&home, DESCRIPTORS).and_then(|_| {
        first_answer(&home).ok_or_else(|| "it starts, and accepts nobody".to_owned())?;
        let listing = client.get("/allocations")?;
        let listed = listing["allocations"].as_array().map_or(0, Vec::len);
        if listed == OWNERS { Ok(()) } else { Err(format!("{listed} of {OWNERS} leases are left")) }
    });
    wrong.extend(again.err());
    report.none(&format!("{what}: after a kill -9"), &wrong);
    for process in &mut processes {
        process.kill();
    }
    let free = within(Duration::from_secs(5), || {
        let listing = client.get("/allocations").ok()?;
        listing["allocations"].as_array()?.is_empty().then_some(())
    });
    let shown = if free.is_some() { "yes" } else { "no" };
    report.check(&format!("{what}: all free after they end"), "within 5 s", shown, free.is_some());
}
