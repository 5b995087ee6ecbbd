//! Starts a service: in a session of its own, with its log as its output, so that nothing of it needs the keeper (R132).

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ending::Pace;
use super::happen::End;
use crate::here::compose;
use crate::process::table::STACK;
use crate::say::output::one_line;
use crate::up::read::last_words;
use crate::up::system::{self, Awaited, Started};
use crate::up::wire::{Hurry, Order};

/// How long what ends a container may take: compose gives each 10 seconds.
const PATIENT: Duration = Duration::from_mins(1);
/// The same when somebody is in a hurry.
const HURRIED: Duration = Duration::from_secs(12);
/// How often it is looked whether somebody is.
const SLICE: Duration = Duration::from_millis(50);

/// So many lines from the end of a log are looked at for the last thing that compose has said.
const LINES: usize = 5;

/// Starts `order` with the environment of all, `mark` in its own, and `log` as its output.
///
/// # Errors
/// There is no such program or folder, or no room for a process.
pub(super) fn start(
    order: &Order,
    environment: &[(String, String)],
    mark: &str,
    log: &File,
) -> io::Result<Started> {
    let mut command = prepared(&order.words, order, environment)?;
    command.env(STACK, mark);
    system::spawn(&mut command, order, mark, log).map_err(|error| named(&order.words, &order.cwd, &error))
}

/// The system does not say which program it has not found, nor that it is another one than the file's.
fn named(words: &[String], folder: &Path, error: &io::Error) -> io::Error {
    let program = words.first().map(String::as_str).unwrap_or_default();
    let is_there = program.contains('/') && folder.join(program).exists();
    let said = match error.kind() {
        io::ErrorKind::NotFound if is_there => {
            "the program that its first line names does not exist".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such program".to_owned(),
        io::ErrorKind::PermissionDenied if is_there => "it may not be executed".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{program}: {said}"))
}

/// Runs what ends a service that has no process of its own, and waits for it, less long when somebody is in a hurry.
///
/// # Errors
/// There is no such program, or it does not do it.
pub(super) fn stop(
    words: &[String],
    order: &Order,
    environment: &[(String, String)],
    (log, path): (&File, &Path),
    pace: &Pace,
) -> io::Result<()> {
    let before = log.metadata().map_or(0, |found| found.len());
    let mut command = if order.cwd.is_dir() {
        prepared(words, order, environment)?
    } else {
        // The worktree is gone, with the files that say what is to end. Its project's name alone is enough for compose.
        let folder = std::env::current_dir()?;
        let mut command = prepared(words, &Order { cwd: folder, ..order.clone() }, environment)?;
        command.env_remove(compose::FILE);
        command
    };
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    let child = Awaited::spawn(&mut command).map_err(|error| named(words, &order.cwd, &error))?;
    let began = Instant::now();
    loop {
        if let Some(end) = child.ended_within(SLICE) {
            return if end.is_good() { Ok(()) } else { Err(refused(words, end, path, before)) };
        }
        let patience = if pace.is(Hurry::Most) {
            Duration::ZERO
        } else if pace.is(Hurry::Some) {
            HURRIED
        } else {
            PATIENT
        };
        if began.elapsed() >= patience {
            child.kill();
            let seconds = began.elapsed().as_secs();
            return Err(io::Error::other(format!("{} has not ended after {seconds} s", words.join(" "))));
        }
    }
}

/// `docker compose stop db: exit 1: no such service: db`, with the last thing that it has printed into the log since `before`.
fn refused(words: &[String], end: End, path: &Path, before: u64) -> io::Error {
    let has_said = std::fs::metadata(path).is_ok_and(|found| found.len() > before);
    let said = if has_said { last_words(path, LINES).unwrap_or_default() } else { Vec::new() };
    let said = said.iter().map(|line| line.trim()).rfind(|line| !line.is_empty());
    let said = said.map(|line| format!(": {}", one_line(line))).unwrap_or_default();
    io::Error::other(format!("{}: {}{said}", words.join(" "), end.shown()))
}

fn prepared(words: &[String], order: &Order, environment: &[(String, String)]) -> io::Result<Command> {
    if !order.cwd.is_dir() {
        let said = format!("there is no folder {}", order.cwd.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, said));
    }
    let mut command = system::command(words, environment, &order.cwd)?;
    let is_set = |name: &str| environment.iter().chain(&order.env).any(|(set, _)| set == name);
    if !order.tty && !is_set("FORCE_COLOR") && !is_set("NO_COLOR") {
        command.env("FORCE_COLOR", "1");
    }
    // Into a file Python writes what it prints when it has much of it.
    if !is_set("PYTHONUNBUFFERED") {
        command.env("PYTHONUNBUFFERED", "1");
    }
    command.env("PWD", Path::new(&order.cwd));
    command.envs(order.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}
