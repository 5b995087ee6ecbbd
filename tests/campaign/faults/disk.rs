//! A disk that is full, has no inodes left, or becomes read-only while clients ask and others read.
//!
//! The disk is a tmpfs of some MiB in the campaign's own mount namespace. The journal is reserved in full when it is made,
//! so the fault shows when it wants a successor: clients lease and release in groups until then.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};
use serde_json::{Value, json};

use super::{Context, Stops};
use crate::checker::{RECOVERY, Tolerates, check};
use crate::clients::load::list;
use crate::clients::{Raw, Reply, Transport};
use crate::daemon::{DEADLINE, Home, Port, SERVICE, make_folder, within};
use crate::history::{Found, History, Lock, Named, Owner, Refusal, What};
use crate::processes::Idle;
use crate::report::{Report, Times, slowness};
use crate::sandbox;

const WRITERS: usize = 4;
const READERS: usize = 2;
/// A writer's leases, asked for in one request.
const GROUP: usize = 48;
/// Leases that stand all the while, so that a snapshot has some size.
const STANDING: usize = 8;
/// How long reads are measured once the fault shows: long enough for a few hundred.
const SHOWING: Duration = Duration::from_millis(500);
const READ: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Full,
    NoInodes,
    ReadOnly,
}

const KINDS: [Kind; 3] = [Kind::Full, Kind::NoInodes, Kind::ReadOnly];

/// What all rounds saw.
#[derive(Debug, Default)]
struct Seen {
    never_showed: Vec<String>,
    reads: Vec<Duration>,
    recoveries: Vec<Duration>,
    not_recovered: Vec<String>,
    findings: Vec<crate::checker::Findings>,
}

pub(crate) fn run(context: &mut Context) -> Report {
    let (mut report, slow) = (Report::default(), slowness());
    if !sandbox::is_sealed() {
        report.skip("no namespace, so no tmpfs to fill");
        return report;
    }
    let mut seen = Seen::default();
    for round in 0..context.rounds {
        for kind in KINDS {
            one(kind, round, &mut seen);
        }
    }
    report.count(format!("{} rounds each of a full disk, no inodes, read-only", context.rounds));
    let reads: Times = seen.reads.iter().copied().collect();
    let recoveries: Times = seen.recoveries.iter().copied().collect();
    report.count(format!("reads {}", reads.summary()));
    report.count(format!("recovery {}", recoveries.summary()));
    report.none("rounds in which the fault did not show", &seen.never_showed);
    for findings in &seen.findings {
        if findings.count() > 0 {
            report.findings(findings);
        }
    }
    report.check(
        "answers without a record",
        "0",
        found(&seen.findings).to_string(),
        found(&seen.findings) == 0,
    );
    report.timed("reads during the fault, p99", READ, reads.percentile(99), slow);
    report.none("no recovery", &seen.not_recovered);
    report.timed("recovery, longest", RECOVERY, recoveries.longest(), slow);
    report
}

fn found(findings: &[crate::checker::Findings]) -> usize {
    findings.iter().map(crate::checker::Findings::count).sum()
}

/// One disk, one daemon, one fault.
fn one(kind: Kind, round: u32, seen: &mut Seen) {
    let top = sandbox::folder();
    let disk = top.join("disk");
    make_folder(&disk);
    sandbox::mount_tmpfs(&disk, "size=14m,nr_inodes=64,mode=0700").expect("the sandbox may mount");
    let root = disk.join("home");
    make_folder(&root);
    let home = Home::at(top, root, Port::Fixed, &json!({}));
    run_on(&home, kind, round, &disk, seen);
    home.kill_daemons();
    unmount(&disk, UnmountFlags::DETACH).expect("mounted here");
}

fn run_on(home: &Home, kind: Kind, round: u32, disk: &Path, seen: &mut Seen) {
    home.start().expect("there is room yet");
    let history = History::new();
    let owner = Idle::start();
    for standing in 0..STANDING {
        let _ = Writer::new(home, &history, WRITERS + standing, owner.pid()).lease();
    }
    let watch = Watch::default();
    thread::scope(|scope| {
        for who in 0..WRITERS {
            let (writer, watch) = (Writer::new(home, &history, who, owner.pid()), &watch);
            scope.spawn(move || watch.write(writer));
        }
        for reader in 0..READERS {
            let (client, watch) = (home.client(), &watch);
            scope.spawn(move || watch.read(client, ["/allocations", "/status"][reader % 2]));
        }
        let _stops = Stops(&watch.stop);
        fail_and_work(kind, round, disk, &history, &watch, seen);
    });
    seen.reads.extend(watch.reads.into_inner().expect("nobody panicked with it"));
    // What was acknowledged is in the journal only if a daemon that knows nothing else has it.
    home.kill_daemons();
    if let Err(error) = home.start() {
        seen.not_recovered.push(format!("{kind:?}, round {round}: {error}"));
    }
    let _ = list(&mut home.client(), &history);
    drop(owner);
    seen.findings.push(check(&history.events(), Tolerates::Nothing));
}

/// Causes the fault until it shows and a little longer, and measures how soon its end is noticed.
fn fail_and_work(kind: Kind, round: u32, disk: &Path, history: &History, watch: &Watch, seen: &mut Seen) {
    history.add(What::StorageFails);
    let fault = Cause::begin(kind, disk);
    if within(DEADLINE, || (watch.refused.load(Ordering::Relaxed) > 0).then_some(())).is_none() {
        seen.never_showed.push(format!("{kind:?}, round {round}"));
    }
    watch.showing.store(true, Ordering::Relaxed);
    // So long the reads are measured.
    thread::sleep(SHOWING);
    watch.showing.store(false, Ordering::Relaxed);
    drop(fault);
    let (works, before) = (history.add(What::StorageWorks), watch.acknowledged.load(Ordering::Relaxed));
    // The first acknowledged change after the cause is gone.
    let again = || (watch.acknowledged.load(Ordering::Relaxed) > before).then(|| history.now());
    match within(DEADLINE, again) {
        Some(again) => seen.recoveries.push(again.saturating_sub(works)),
        None => seen.not_recovered.push(format!("{kind:?}, round {round}: nothing within {DEADLINE:?}")),
    }
}

/// What writers and readers share: when to stop, and what they saw.
#[derive(Debug, Default)]
struct Watch {
    stop: AtomicBool,
    showing: AtomicBool,
    refused: AtomicU64,
    acknowledged: AtomicU64,
    reads: Mutex<Vec<Duration>>,
}

impl Watch {
    fn write(&self, mut writer: Writer) {
        while !self.stop.load(Ordering::Relaxed) {
            match writer.turn() {
                Turn::Acknowledged => self.acknowledged.fetch_add(1, Ordering::Relaxed),
                Turn::Refused => self.refused.fetch_add(1, Ordering::Relaxed),
            };
        }
    }

    fn read(&self, mut client: Raw, path: &str) {
        while !self.stop.load(Ordering::Relaxed) {
            let (begun, counts) = (Instant::now(), self.showing.load(Ordering::Relaxed));
            if client.get(path).is_ok() && counts {
                self.reads.lock().expect("nobody panics with it").push(begun.elapsed());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The cause, until it is dropped.
struct Cause {
    kind: Kind,
    disk: PathBuf,
}

impl Cause {
    fn begin(kind: Kind, disk: &Path) -> Self {
        let home = disk.join("home");
        match kind {
            Kind::Full => {
                let mut ballast = File::create(disk.join("ballast")).expect("an inode is left");
                let zeros = vec![0; 64 * 1024];
                while ballast.write_all(&zeros).is_ok() {}
            }
            Kind::NoInodes => {
                fs::create_dir(disk.join("ballast")).expect("an inode is left");
                for number in 0.. {
                    if File::create(disk.join("ballast").join(number.to_string())).is_err() {
                        break;
                    }
                }
            }
            Kind::ReadOnly => {
                // Over itself, and then read-only: the file system under it still takes what is open.
                mount_bind(&home, &home).expect("the sandbox may mount");
                let flags = MountFlags::BIND | MountFlags::RDONLY;
                mount_remount(&home, flags, "").expect("the sandbox may mount");
            }
        }
        Self { kind, disk: disk.to_owned() }
    }
}

impl Drop for Cause {
    fn drop(&mut self) {
        let ballast = self.disk.join("ballast");
        match self.kind {
            Kind::Full => fs::remove_file(ballast).expect("made here"),
            Kind::NoInodes => fs::remove_dir_all(ballast).expect("made here"),
            Kind::ReadOnly => unmount(self.disk.join("home"), UnmountFlags::DETACH).expect("mounted here"),
        }
    }
}

enum Turn {
    Acknowledged,
    Refused,
}

/// An agent session that leases a group and ends, again and again: few requests, and large records.
struct Writer {
    client: Raw,
    history: History,
    who: usize,
    instance: Value,
    held: Vec<Lock>,
}

impl Writer {
    fn new(home: &Home, history: &History, who: usize, owner: u32) -> Self {
        let instance = json!({ "instance_id": format!("session-{who}"), "pid": owner });
        Self { client: home.client(), history: history.clone(), who, instance, held: Vec::new() }
    }

    fn turn(&mut self) -> Turn {
        let done = if self.held.is_empty() { self.lease() } else { self.end() };
        if done.is_some() { Turn::Acknowledged } else { Turn::Refused }
    }

    /// Without a request id: the daemon remembers the answer to each, and that is another row's matter.
    fn lease(&mut self) -> Option<()> {
        let instance = self.instance.clone();
        self.ask("register", "POST", "/instance/register", Some(&instance))?;
        let body = json!({
            "services": vec![json!({ "service_type": SERVICE }); GROUP],
            "project_path": format!("/p/{}", self.who),
            "instance_id": instance["instance_id"],
        });
        let (sent, who, by) = (self.history.now(), self.who, Transport::Socket);
        let json = self.ask("allocate", "POST", "/allocate", Some(&body))?;
        for grant in json["leases"].as_array()? {
            let lock = grant["lock_id"].as_str().and_then(|lock| lock.parse().ok())?;
            let port = grant["port"].as_u64().and_then(|port| u16::try_from(port).ok())?;
            self.history.add(What::Granted {
                who,
                by,
                sent,
                lock,
                port,
                owner: Owner::Listener,
                daemon: None,
            });
            self.held.push(lock);
        }
        Some(())
    }

    /// Ends the session, and all its leases with it. If that is refused it goes on, and so do they.
    fn end(&mut self) -> Option<()> {
        let (who, by, sent) = (self.who, Transport::Socket, self.history.now());
        for lock in &self.held {
            self.history.add(What::ReleaseSent { lock: *lock });
        }
        let path = format!("/instance/session-{who}");
        self.ask("end", "DELETE", &path, None)?;
        for lock in self.held.drain(..) {
            self.history.add(What::Released { who, by, sent, lock, found: Found::Live });
        }
        Some(())
    }

    fn ask(&mut self, asked: &'static str, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let (who, by, sent, named) = (self.who, Transport::Socket, self.history.now(), Named::Nothing);
        let answer = self.client.ask(method, path, body).and_then(|(answer, ..)| {
            let json = answer.json().map_err(|error| error.to_string())?;
            Ok((answer.status, json))
        });
        match answer {
            Ok((200, json)) => return Some(json),
            Ok((_, json)) => match Reply::refusal(&json) {
                Reply::Refused { code, rule, reason, text } => {
                    let refusal = Refusal { asked, named, code, rule, reason, text };
                    self.history.add(What::Refused { who, by, sent, refusal });
                }
                other => {
                    self.history.add(What::Failed { who, by, sent, asked, error: format!("{other:?}") });
                }
            },
            Err(error) => {
                self.history.add(What::Failed { who, by, sent, asked, error });
            }
        }
        None
    }
}
