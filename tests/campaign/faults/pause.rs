//! The daemon stopped by SIGSTOP, and clocks that jump, while instances send heartbeats: none that lives expires.
//!
//! The wall clock jumps for the daemon alone, by a library of a few lines that the C compiler makes. The monotonic clock
//! is another one after a restart in a time namespace. The machine's own clocks are never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::{Context, Stops};
use crate::clients::Raw;
use crate::daemon::{DEADLINE, Home, Port, finish, within};
use crate::processes::Process;
use crate::report::Report;
use crate::sandbox;

const INSTANCES: usize = 200;
/// Threads that send their heartbeats.
const SENDERS: usize = 8;
/// How long an instance lives without a heartbeat.
const TTL: Duration = Duration::from_secs(2);
const DAY: i64 = 86_400;
/// How far the wall clock is from the machine's, in seconds, one after the other; every other round the others.
const JUMPS: [[i64; 2]; 2] = [[DAY, -DAY], [3_650 * DAY, 0]];
/// How far the monotonic clock is ahead after a restart in a time namespace.
const AHEAD: i64 = 3_600;
/// The source of the library.
const CLOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/campaign/faults/clock.c");

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let top = sandbox::folder();
    let config = json!({ "instance_ttl": TTL.as_secs_f64() });
    let mut home = Home::new(Port::Fixed, &config);
    let clock = Clock::make(&top);
    match &clock {
        Ok(clock) => home = clock.of(home),
        Err(why) => report.skip(format!("jumps of the wall clock: {why}")),
    }
    if let Err(error) = home.start() {
        report.none("starts", &[error]);
        return report;
    }
    let heartbeats = Heartbeats::default();
    let expired = thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (client, heartbeats) = (home.client(), &heartbeats);
            scope.spawn(move || heartbeats.work(client, sender));
        }
        let _stops = Stops(&heartbeats.stop);
        disturb(context, &home, clock.as_ref().ok(), &heartbeats, &mut report)
    });
    let (answered, jumps) = (heartbeats.answered.load(Ordering::Relaxed), JUMPS[0].len());
    report.count(format!(
        "{} stops, {jumps} jumps each, {INSTANCES} instances, {answered} heartbeats",
        context.rounds
    ));
    report.none("live instances expired", &expired.err().into_iter().collect::<Vec<_>>());
    report.none("heartbeats refused", &heartbeats.refused.into_inner().unwrap_or_default());
    report
}

/// Stops, jumps and restarts, until an instance has expired.
///
/// # Errors
/// After what that was.
fn disturb(
    context: &mut Context,
    home: &Home,
    clock: Option<&Clock>,
    heartbeats: &Heartbeats,
    report: &mut Report,
) -> Result<(), String> {
    let all_live = |what: &str| {
        // Long enough that an instance whose deadline was wrong has expired.
        heartbeats.rounds(4);
        missing(home).map_or(Ok(()), |why| Err(format!("{what}: {why}")))
    };
    within(DEADLINE, || missing(home).is_none().then_some(())).ok_or("not every instance is registered")?;
    for round in 0..context.rounds {
        let daemon = home.daemons().first().copied().ok_or("no daemon runs")?;
        let longer = context.between(TTL, 2 * TTL);
        stop_for(daemon, longer);
        all_live(&format!("round {round}, stopped for {longer:.1?}"))?;
        for jump in JUMPS[round as usize % JUMPS.len()] {
            let Some(clock) = clock else { continue };
            let day = wall_day(home);
            clock.jump(jump);
            let what = format!("round {round}, wall clock at {jump:+} s");
            all_live(&what)?;
            if day == wall_day(home) {
                return Err(format!("{what}: the daemon still has {day}"));
            }
        }
    }
    match restart_ahead(home) {
        Ok(()) => {
            all_live("monotonic clock an hour ahead")?;
            home.kill_daemons();
            home.start()?;
            all_live("monotonic clock back again")
        }
        Err(why) => {
            report.skip(format!("a time namespace: {why}"));
            Ok(())
        }
    }
}

/// Who of the instances is not there, if one is missing.
fn missing(home: &Home) -> Option<String> {
    let listing = match home.client().get("/instance/list") {
        Ok(listing) => listing,
        Err(error) => return Some(error),
    };
    let count = listing["instances"].as_array().map_or(0, Vec::len);
    (count != INSTANCES).then(|| format!("{count} of {INSTANCES} instances are left"))
}

/// The day of the last heartbeat of some instance, as the daemon says it: `2026-11-22`.
fn wall_day(home: &Home) -> String {
    let listing = home.client().get("/instance/list").unwrap_or_default();
    let time = listing["instances"][0]["last_heartbeat"].as_str().unwrap_or_default();
    time.chars().take(10).collect()
}

/// Stops the daemon, and continues it so much later.
fn stop_for(daemon: Process, time: Duration) {
    daemon.signal(Signal::STOP);
    assert!(within(DEADLINE, || daemon.is_stopped().then_some(())).is_some(), "the daemon does not stop");
    // The fault itself.
    thread::sleep(time);
    daemon.signal(Signal::CONT);
}

/// What the instances do.
#[derive(Default)]
struct Heartbeats {
    stop: AtomicBool,
    /// Heartbeats that were answered.
    answered: AtomicU64,
    refused: std::sync::Mutex<Vec<String>>,
}

impl Heartbeats {
    /// Registers its part of the instances, and sends their heartbeats when they are due.
    fn work(&self, mut client: Raw, sender: usize) {
        let names: Vec<String> =
            (sender..INSTANCES).step_by(SENDERS).map(|number| format!("instance-{number}")).collect();
        for name in &names {
            self.send(&mut client, "/instance/register", name);
        }
        while !self.stop.load(Ordering::Relaxed) {
            for name in &names {
                self.send(&mut client, "/instance/heartbeat", name);
            }
            // As often as the daemon asks for it, and a little more often, as a client on a busy machine should.
            thread::sleep(TTL / 6);
        }
    }

    fn send(&self, client: &mut Raw, path: &str, name: &str) {
        let refused = match client.ask("POST", path, Some(&json!({ "instance_id": name }))) {
            Ok((answer, ..)) if answer.status == 200 => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok((answer, ..)) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(error) => error,
        };
        self.refused.lock().expect("nobody panics with it").push(format!("{path} of {name}: {refused}"));
    }

    /// Waits for so many heartbeats of every instance, on average.
    fn rounds(&self, count: usize) {
        let until_then = self.answered.load(Ordering::Relaxed) + (count * INSTANCES) as u64;
        let _ = within(DEADLINE, || (self.answered.load(Ordering::Relaxed) >= until_then).then_some(()));
    }
}

/// A wall clock of the daemon's own.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// # Errors
    /// There is no C compiler.
    fn make(top: &Path) -> Result<Self, String> {
        let clock = Self { library: top.join("clock.so"), file: top.join("clock") };
        clock.jump(0);
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&clock.library).arg(CLOCK).stderr(Stdio::null());
        match compiler.status() {
            Ok(status) if status.success() => Ok(clock),
            Ok(status) => Err(format!("cc: {status}")),
            Err(error) => Err(format!("cc: {error}")),
        }
    }

    fn of(&self, home: Home) -> Home {
        let home = home.with_variable("LD_PRELOAD", &self.library.display().to_string());
        home.with_variable("STYXY_CAMPAIGN_CLOCK", &self.file.display().to_string())
    }

    /// Moves it to so many seconds from the machine's.
    fn jump(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().create(true).truncate(false).write(true).open(&self.file);
        let written = file.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0));
        written.expect("a file of ours");
    }
}

/// kill -9, and a start in a time namespace whose monotonic clock is ahead.
///
/// # Errors
/// There is no such namespace here.
fn restart_ahead(home: &Home) -> Result<(), String> {
    let ahead = AHEAD.to_string();
    let words = ["--time", "--monotonic", &ahead, "--boottime", &ahead, "--fork"];
    let tried = Command::new("unshare").args(words).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return Err("not permitted".to_owned());
    }
    home.kill_daemons();
    let mut command = home.command("unshare");
    command.args(words).arg(home.binary()).args(["daemon", "start"]);
    let said = finish(&mut command);
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/time")).ok();
    match home.daemons().first() {
        Some(daemon) if namespace(&daemon.0.to_string()) != namespace("self") => Ok(()),
        Some(_) => Err("the daemon is not in it".to_owned()),
        None => Err(format!("{said:?}")),
    }
}
