//! The lock, the socket, the journal or the whole folder deleted, moved, replaced or truncated under a running daemon.
//!
//! Some clients keep the connection that they had; others look for the daemon again for each call, and the commands start one if there is
//! none. Whoever answers them, at most one daemon may grant, and nothing that was acknowledged may be lost.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Context;
use super::journal::{file, newest};
use crate::checker::{Findings, Tolerates, check};
use crate::clients::load::{Load, Plan, allocate, list};
use crate::clients::{Ask, Client, CommandLine, Raw, Reply, Transport};
use crate::daemon::{Home, Port, SERVICE, make_folder, until, within};
use crate::history::{At, Event, History, Owner, What, Who};
use crate::processes::Idle;
use crate::report::{Report, Times, slowness};
use crate::sandbox;

const REACHED: Duration = Duration::from_secs(2);
/// How long a command is tried before it counts as never.
const NEVER: Duration = Duration::from_secs(10);
/// How long the clients go on after that.
const AFTER: Duration = Duration::from_millis(700);
/// Leases that stand, from before the fault; as many more are asked for after it.
const KEPT: usize = 4;
/// Whose they are.
const KEEPER: Who = 1_000;
/// So many at once: most of the time they wait.
const LANES: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Lock,
    Socket,
    /// As a cleaner of old files takes both.
    LockAndSocket,
    Journal,
    Folder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Deleted,
    Moved,
    Replaced,
    Truncated,
}

/// Everything but a truncated socket, which has no length.
fn cases() -> Vec<(Target, Act)> {
    let mut cases = vec![(Target::LockAndSocket, Act::Deleted), (Target::LockAndSocket, Act::Moved)];
    for target in [Target::Lock, Target::Socket, Target::Journal, Target::Folder] {
        for act in [Act::Deleted, Act::Moved, Act::Replaced, Act::Truncated] {
            if (target, act) != (Target::Socket, Act::Truncated) {
                cases.push((target, act));
            }
        }
    }
    cases
}

/// What one case showed.
#[derive(Debug, Default)]
struct Seen {
    /// Daemons whose grants are mixed with another's.
    two: Vec<String>,
    findings: Findings,
    reached: Option<Duration>,
    left_over: Vec<String>,
}

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let work: Vec<(Target, Act, fastrand::Rng)> = (0..context.rounds)
        .flat_map(|_| cases())
        .map(|(target, act)| (target, act, context.rng.fork()))
        .collect();
    let (slow, next, seen) = (slowness(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((target, act, rng)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one = one(*target, *act, &mut rng.clone(), context.addon);
                    seen.lock().expect("nobody panics with it").push((*target, *act, one));
                }
            });
        }
    });
    let mut seen = seen.into_inner().expect("ended");
    seen.sort_by_key(|(target, act, _)| (*target, *act));
    let slow = slow.max(slowness());
    report.count(format!("{} cases, each {} times", cases().len(), context.rounds));
    let all: Times = seen.iter().map(|(.., seen)| seen.reached.unwrap_or(NEVER)).collect();
    report.count(format!("reached again {}", all.summary()));
    // One line for each case in which something is wrong: how often, and the first of it.
    let cases = |of: &dyn Fn(&Seen) -> Vec<String>| -> Vec<String> {
        let wrong = seen.iter().map(|(target, act, seen)| (target, act, of(seen)));
        let line = |(target, act, wrong): (&Target, &Act, Vec<String>)| {
            wrong.first().map(|first| format!("{target:?} {act:?}: {} times: {first}", wrong.len()))
        };
        wrong.filter_map(line).collect()
    };
    report.none_of_all(
        "cases in which two daemons grant",
        &cases(&|seen| [&seen.two[..], &seen.findings.double].concat()),
    );
    let lost = |seen: &Seen| [&seen.findings.lost[..], &seen.findings.stale].concat();
    report.none_of_all("cases in which what was acknowledged is lost", &cases(&lost));
    let late = |seen: &Seen| match seen.reached {
        Some(time) if time <= REACHED.mul_f64(slow) => Vec::new(),
        Some(time) => vec![format!("reached again after {time:.1?}")],
        None => vec![format!("not reached again within {NEVER:?}")],
    };
    let busy = if slow > 1.0 { format!(" × {slow:.1}, the machine is busy") } else { String::new() };
    report.none_of_all(&format!("cases in which it is not reached again within 2 s{busy}"), &cases(&late));
    let errors = |seen: &Seen| [&seen.findings.failed[..], &seen.findings.refused].concat();
    report.none_of_all("cases with errors that a client sees", &cases(&errors));
    report.none_of_all("cases in which a stop does not end it", &cases(&|seen| seen.left_over.clone()));
    report
}

/// One daemon with a load, and one thing done to its files.
fn one(target: Target, act: Act, rng: &mut fastrand::Rng, addon: bool) -> Seen {
    // Without namespaces the usual port may be somebody's.
    let port = if sandbox::is_sealed() { Port::Any } else { Port::Fixed };
    let home = Arc::new(Home::new(port, &json!({})));
    home.start().expect("a daemon in an empty folder starts");
    let history = History::new();
    let mut plan = Plan { reconnecting: 2, ..Plan::equal(4, false) };
    plan.clients = [
        (Transport::Socket, 4),
        (Transport::Tcp, 2),
        (Transport::Command, 1),
        (Transport::Addon, usize::from(addon)),
    ];
    let load = Load::start(&home, &history, &plan, rng);
    until("every client has had an answer", || {
        history.answered_since(At::ZERO, load.clients) == load.clients
    });
    // The fault's own moment.
    thread::sleep(Duration::from_millis(rng.u64(20..200)));
    let copy = keep_a_copy(&home);
    let owner = Idle::start();
    let mut keeper = home.client().reconnecting();
    keep(&mut keeper, &history, &home, owner.pid(), 0);
    let at = Instant::now();
    cause(&home, target, act, &copy);
    // Somebody who found nobody a moment ago starts a daemon, as clients do; it must lose, or be the only one.
    let mut starter = start_another(&home);
    let mut command = CommandLine::new(Arc::clone(&home));
    let reached = within(NEVER, || answers(&mut command, &home).then(|| at.elapsed()));
    if reached.is_some() {
        keep(&mut keeper, &history, &home, owner.pid(), KEPT);
    }
    // The clients go on, so that two daemons would both grant.
    thread::sleep(AFTER);
    load.finish();
    let mut seen = Seen { reached, ..Seen::default() };
    seen.left_over = end(&home, target, &history);
    let _ = starter.kill();
    let _ = starter.wait();
    drop(owner);
    let events = history.events();
    seen.two = mixed(&events);
    seen.findings = check(&events, Tolerates::Nothing);
    seen
}

/// Leases that stand until the end, half of them from before the fault: they must be there after it.
fn keep(client: &mut Raw, history: &History, home: &Home, owner: u32, from: usize) {
    for number in from..from + KEPT {
        let ask = Ask {
            service: SERVICE.to_owned(),
            name: Some(format!("kept-{number}")),
            project: home.project(0),
            pid: Some(owner),
            exact: None,
            request_id: format!("kept-{number}"),
        };
        let _ = allocate(client, history, KEEPER, &ask, Owner::Process(owner));
    }
}

fn start_another(home: &Home) -> Child {
    let mut command = home.command(home.binary());
    command.args(["daemon", "run", "--detached"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program was built")
}

/// Ends the daemon and starts another: only what is on the disk outlives that. Says what did not end.
fn end(home: &Home, target: Target, history: &History) -> Vec<String> {
    let mut left_over = Vec::new();
    let mut lister = home.client().reconnecting();
    let _ = list(&mut lister, history);
    if matches!(target, Target::Journal | Target::Folder) {
        // A stop would give it time to write everything down.
        home.kill_daemons();
        left_over.extend(home.start().err());
        let _ = list(&mut lister, history);
    }
    let stop = home.styxy(&["daemon", "stop"]);
    if stop.code != Some(0) {
        left_over.push(format!("styxy daemon stop: {stop:?}"));
    }
    if within(Duration::from_secs(1), || home.daemons().is_empty().then_some(())).is_none() {
        left_over.push(format!("{} run after a stop", home.daemons().len()));
    }
    home.kill_daemons();
    left_over.extend(home.start().err());
    let _ = list(&mut lister, history);
    left_over
}

/// Whether a new command has an answer: a port, and no other's. It is released at once.
fn answers(command: &mut CommandLine, home: &Home) -> bool {
    let ask = Ask {
        service: SERVICE.to_owned(),
        name: Some("probe".to_owned()),
        project: home.project(0),
        pid: None,
        exact: None,
        request_id: format!("{:032x}", fastrand::u128(..)),
    };
    match command.allocate(&ask) {
        Reply::Granted { lock, .. } => {
            let _ = command.release(lock);
            true
        }
        Reply::Released | Reply::ReleasedBefore | Reply::Refused { .. } | Reply::Failed(_) => false,
    }
}

/// Grants by a daemon that were asked for after another one had begun to grant.
fn mixed(events: &[Event]) -> Vec<String> {
    let mut order: Vec<(u32, At)> = Vec::new();
    let mut wrong = BTreeSet::new();
    for event in events {
        let What::Granted { daemon: Some(daemon), sent, .. } = event.what else { continue };
        match order.iter().position(|(known, _)| *known == daemon) {
            None => order.push((daemon, event.at)),
            Some(index) => {
                if let Some((next, since)) = order.get(index + 1)
                    && sent > *since
                {
                    wrong.insert(format!("daemon {daemon} granted after daemon {next} had begun to"));
                }
            }
        }
    }
    wrong.into_iter().collect()
}

/// The journal as it was a moment ago, which a user may put back.
fn keep_a_copy(home: &Home) -> PathBuf {
    let copy = home.top().join("journal-copy");
    fs::copy(journal(home.root()), &copy).expect("the journal can be read");
    copy
}

fn journal(root: &Path) -> PathBuf {
    newest(root).unwrap_or_else(|| file(root))
}

/// Does it. A file that is already gone is as good: the daemon may have replaced it.
fn cause(home: &Home, target: Target, act: Act, copy: &Path) {
    let root = home.root().to_owned();
    let path = match target {
        Target::Lock => root.join("daemon.lock"),
        Target::Socket => home.socket(),
        Target::LockAndSocket => {
            cause(home, Target::Lock, act, copy);
            return cause(home, Target::Socket, act, copy);
        }
        Target::Journal => journal(&root),
        Target::Folder => root.clone(),
    };
    let aside = home.top().join(format!("moved-{target:?}"));
    let done = match (target, act) {
        (Target::Folder, Act::Deleted) => fs::remove_dir_all(&path),
        (Target::Folder, Act::Truncated) => empty(&path),
        (Target::Folder, Act::Replaced) => {
            let config = fs::read(root.join("config.json"));
            fs::rename(&path, &aside).and_then(|()| {
                make_folder(&path);
                fs::write(path.join("config.json"), config?)
            })
        }
        (Target::Lock | Target::Socket | Target::Journal, Act::Deleted) => fs::remove_file(&path),
        (_, Act::Moved) => fs::rename(&path, &aside),
        (Target::Lock, Act::Replaced) => File::create(&aside).and_then(|_| fs::rename(&aside, &path)),
        (Target::Socket, Act::Replaced) => {
            // A socket that nobody listens on any more.
            std::os::unix::net::UnixListener::bind(&aside).and_then(|_| fs::rename(&aside, &path))
        }
        (Target::Journal, Act::Replaced) => fs::copy(copy, &aside).and_then(|_| fs::rename(&aside, &path)),
        (Target::Lock | Target::Journal, Act::Truncated) => {
            File::options().write(true).open(&path).and_then(|file| file.set_len(0))
        }
        (Target::Socket, Act::Truncated) | (Target::LockAndSocket, _) => Ok(()),
    };
    done.expect("files of ours");
}

fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    Ok(())
}
