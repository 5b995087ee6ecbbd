//! Eight shells that start, stop, restart and upgrade the daemon at once, while others ask it for ports: no command fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::Context;
use crate::checker::{Tolerates, check};
use crate::clients::Transport;
use crate::clients::load::{Load, Plan, list};
use crate::daemon::{Home, Port, program, until};
use crate::history::{At, History};
use crate::report::Report;

const SHELLS: usize = 8;
/// Commands of one shell in one round.
const COMMANDS: usize = 4;
/// What a shell types. An upgrade replaces the program, as a package manager does, and restarts.
const TYPED: [&[&str]; 4] = [&["daemon", "start"], &["daemon", "stop"], &["daemon", "restart"], UPGRADE];
const UPGRADE: &[&str] = &["daemon", "restart", "--json"];

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let bin = crate::sandbox::folder();
    let (built, program) = (stripped(&bin), bin.join("styxy"));
    install(&built, &program);
    let home = Arc::new(Home::new(Port::Fixed, &json!({})).with_binary(program.clone()));
    let history = History::new();
    let mut plan = Plan::equal(8, context.addon);
    plan.clients[0] = (Transport::Socket, 4);
    let load = Load::start(&home, &history, &plan, &mut context.rng);
    until("every client has had an answer", || {
        history.answered_since(At::ZERO, load.clients) == load.clients
    });
    let failed = Mutex::new(Vec::new());
    for round in 0..context.rounds {
        thread::scope(|scope| {
            for shell in 0..SHELLS {
                let (home, failed, mut rng) = (&home, &failed, context.rng.fork());
                let (built, program) = (&built, &program);
                scope.spawn(move || {
                    for _ in 0..COMMANDS {
                        let words = TYPED[rng.usize(..TYPED.len())];
                        if words == UPGRADE {
                            install(built, program);
                        }
                        let said = home.styxy(words);
                        if said.code != Some(0) {
                            let line =
                                format!("round {round}, shell {shell}: styxy {}: {said:?}", words.join(" "));
                            failed.lock().expect("nobody panics with it").push(line);
                        }
                    }
                });
            }
        });
    }
    load.finish();
    // The last word may have been a stop.
    let started = home.start();
    let mut lister = home.client();
    let left = crate::daemon::within(Duration::from_secs(5), || {
        (list(&mut lister, &history) == Ok(0)).then_some(())
    });
    let failed = failed.into_inner().expect("ended");
    report.count(format!("{} rounds of {SHELLS} shells with {COMMANDS} commands each", context.rounds));
    report.none("commands that failed", &failed);
    report.none("no daemon afterwards", &started.err().into_iter().collect::<Vec<_>>());
    report.findings(&check(&history.events(), Tolerates::Nothing));
    report.check(
        "leases left behind",
        "none after 5 s",
        if left.is_some() { "none" } else { "some" },
        left.is_some(),
    );
    report.check("daemons at the end", "1", home.daemons().len().to_string(), home.daemons().len() == 1);
    report
}

/// A copy of the program without what a debug build has beside it: many of them lie in memory at once.
fn stripped(folder: &Path) -> PathBuf {
    let (built, copy) = (program(), folder.join("built"));
    let strip = Command::new("strip").arg("-o").arg(&copy).arg(&built).stderr(Stdio::null()).status();
    if !strip.is_ok_and(|status| status.success()) {
        fs::copy(&built, &copy).expect("the program was built");
    }
    copy
}

/// Puts the program in its place in one step, as an installation does: whoever runs the old one keeps it.
fn install(built: &Path, to: &Path) {
    let new = to.with_extension(format!("{:016x}", fastrand::u64(..)));
    // By another process: a copy of our own would be open for writing in every process that is started at that moment.
    let copied = Command::new("cp").arg(built).arg(&new).status();
    assert!(copied.is_ok_and(|status| status.success()), "the program cannot be copied");
    fs::rename(new, to).expect("a file of ours");
}
