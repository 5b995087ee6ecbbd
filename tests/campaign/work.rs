//! From the command line to the faults, one after the other, and what is printed of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::faults::{Context, Fault};
use crate::options::{self, Form, Run, Times, Wanted};
use crate::report::{Report, head, say};
use crate::sandbox::{self, Role};
use crate::{checker, clients};

pub(crate) fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let run = match options::read(&words) {
        Ok(Wanted::Run(run)) => run,
        Ok(Wanted::List) => {
            say(&options::list());
            return ExitCode::SUCCESS;
        }
        Ok(Wanted::Checker) => return test_checker(),
        Err(error) => {
            say(&format!("{error}\n{}", options::USAGE));
            return ExitCode::from(2);
        }
    };
    let done = match Role::of_this_process() {
        Role::Outer => sandbox::outer(),
        Role::Shield => Err(sandbox::shield()),
        Role::Init => sandbox::init(),
        Role::Worker => sandbox::furnish().map(|()| work(&run)),
    };
    done.unwrap_or_else(|error| {
        say(&format!("the campaign could not begin: {error}"));
        ExitCode::FAILURE
    })
}

/// What a plain `cargo test` runs.
fn test_checker() -> ExitCode {
    let failed = checker::tests::run();
    say("the faults are skipped: -- --short runs them in four minutes, -- --full in their full counts");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs every fault that is asked for.
fn work(run: &Run) -> ExitCode {
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        rustix::process::Rlimit { current: limit.maximum, ..limit }
    });
    let addon = clients::Node::missing();
    if let Some(why) = &addon {
        say(&format!("no clients by the addon: {why}"));
    }
    say(&format!("seed {}; {}", run.seed, crate::processes::machine()));
    let begun = Instant::now();
    let (mut table, mut failures) = (head(), String::new());
    for fault in &run.faults {
        let (report, took) = run_one(run, fault, addon.is_none());
        let (name, verdict) = (fault.name, report.verdict());
        say(&format!("{name:<8} {verdict} in {:.1} s", took.as_secs_f64()));
        table = format!("{table}\n{}", report.rows(fault.title).trim_end());
        if !report.holds() {
            let again = format!("  again with: {}", run.replay(fault));
            say(&format!("{again}\n{}", report.failures()));
            failures = format!("{failures}{name:<8} {again}\n");
        }
    }
    say(&table);
    let took = begun.elapsed().as_secs_f64();
    if failures.is_empty() {
        say(&format!("\nall held, in {took:.0} s"));
        ExitCode::SUCCESS
    } else {
        say(&format!("\nnot all held, in {took:.0} s\n{failures}"));
        ExitCode::FAILURE
    }
}

/// One fault, on a thread that may panic, within its time.
fn run_one(run: &Run, fault: &'static Fault, addon: bool) -> (Report, Duration) {
    let (begun, rounds) = (Instant::now(), run.count(fault));
    let mut context = Context {
        rounds,
        form: run.form,
        addon,
        // Its own, so that a fault run alone makes the same choices.
        rng: fastrand::Rng::with_seed(
            run.seed ^ fastrand::Rng::with_seed(name_as_number(fault.name)).u64(..),
        ),
    };
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let report = catch_unwind(AssertUnwindSafe(|| (fault.run)(&mut context)));
        let _ = send.send(report.map_err(|panic| said(panic.as_ref())));
    });
    let limit = match run.form {
        Form::Short => Duration::from_mins(3),
        Form::Full => Duration::from_hours(12),
    };
    let mut report = match receive.recv_timeout(limit) {
        Ok(Ok(report)) => report,
        Ok(Err(panic)) => broken(&format!("it ended with: {panic}")),
        Err(_) => broken(&format!("it has not ended within {limit:?}")),
    };
    if run.times == Times::Shown {
        report.only_show_times();
    }
    (report, begun.elapsed())
}

fn broken(why: &str) -> Report {
    let mut report = Report::default();
    report.none("the row itself", &[why.to_owned()]);
    report
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").to_owned()
}

/// The same number for the same name, in every build.
fn name_as_number(name: &str) -> u64 {
    name.bytes().fold(0, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
