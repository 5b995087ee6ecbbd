//! A journal of many records with the state after each of them, and daemons that are started on damaged copies of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{Connection, Way};
use crate::daemon::{Home, Port, SERVICE};
use crate::history::Lock;

/// How many records there are.
pub(super) const RECORDS: usize = 500;
/// What every generation begins with.
pub(super) const HEADER: usize = 64;
const LIVE: usize = 12;

/// The live leases, with their ports.
pub(super) type State = BTreeMap<Lock, u16>;

/// A journal, as a daemon that was killed left it.
pub(super) struct Written {
    /// Without the zeros at its end.
    pub(super) bytes: Vec<u8>,
    /// How long the file was.
    pub(super) length: u64,
    /// Where the last byte of each record was that is not zero, and which leases lived then. The first is before all of them.
    pub(super) states: Vec<(usize, State)>,
}

impl Written {
    /// Has a daemon write [`RECORDS`] records: leases granted and released, in random order.
    pub(super) fn by_a_daemon(rng: &mut fastrand::Rng) -> Self {
        let home = Home::new(Port::Fixed, &json!({}));
        home.start().expect("a daemon in an empty folder starts");
        let mut client = home.client();
        let used = |client: &mut crate::clients::Raw| {
            let status = client.get("/status").expect("the daemon runs");
            usize::try_from(status["journal"]["used"].as_u64().expect("a number of bytes")).expect("some MiB")
        };
        let mut live = State::new();
        let mut states = vec![(used(&mut client), live.clone())];
        while states.len() <= RECORDS {
            if live.len() < LIVE && (live.is_empty() || rng.bool()) {
                let body = json!({ "service_type": SERVICE, "project_path": "/p" });
                let (answer, ..) = client.ask("POST", "/allocate", Some(&body)).expect("an answer");
                let grant = answer.json().expect("JSON");
                let lock = grant["lock_id"].as_str().and_then(|lock| lock.parse().ok()).expect("a grant");
                live.insert(lock, u16::try_from(grant["port"].as_u64().expect("a port")).expect("a port"));
            } else {
                let lock = *live.keys().nth(rng.usize(..live.len())).expect("one of them");
                client.ask("DELETE", &format!("/allocate/{lock}"), None).expect("an answer");
                live.remove(&lock);
            }
            let end = used(&mut client);
            assert!(states.last().is_some_and(|(last, _)| *last < end), "one record for each call");
            states.push((end, live.clone()));
        }
        home.kill_daemons();
        let mut bytes = fs::read(file(home.root())).expect("the journal");
        let length = bytes.len() as u64;
        bytes.truncate(used_of(&states));
        // A record is padded with zeros, and none of it is missing without them.
        for (end, _) in &mut states {
            *end = bytes[..*end].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        }
        Self { bytes, length, states }
    }

    /// Where the last record ends.
    pub(super) fn end(&self) -> usize {
        used_of(&self.states)
    }

    /// The state that the records before byte `at` make, by its index; none before the end of what a start writes.
    pub(super) fn before(&self, at: usize) -> Option<usize> {
        self.states.iter().rposition(|(end, _)| *end <= at)
    }
}

fn used_of(states: &[(usize, State)]) -> usize {
    states.last().map_or(0, |(end, _)| *end)
}

/// The first generation.
pub(super) fn file(root: &Path) -> PathBuf {
    root.join("journal.0000000001")
}

/// The newest generation, if there is one.
pub(super) fn newest(root: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_generation =
        |name: &String| name.strip_prefix("journal.").is_some_and(|number| number.parse::<u64>().is_ok());
    names.filter(is_generation).max().map(|name| root.join(name))
}

/// What a daemon made of a damaged journal.
#[derive(Debug)]
pub(super) struct Trial {
    /// Its leases, or why it did not start.
    pub(super) leases: Result<State, String>,
    /// Its notes: in the handshake with its starter, and in its status.
    pub(super) notes: Vec<String>,
}

/// Starts a daemon on each of `damaged`, several at once, and has each result judged.
pub(super) fn try_all<T: Sync>(
    damaged: &[T],
    write: impl Fn(&T, &Path) + Sync,
    judge: impl Fn(&T, &Trial) + Sync,
) {
    let (next, lanes) =
        (AtomicUsize::new(0), thread::available_parallelism().map_or(2, std::num::NonZero::get));
    // A judge that prints nothing need not be asked in order, but one at a time.
    let judging = Mutex::new(());
    thread::scope(|scope| {
        for _ in 0..=lanes {
            scope.spawn(|| {
                let home = Home::new(Port::Fixed, &json!({}));
                while let Some(damage) = damaged.get(next.fetch_add(1, Ordering::Relaxed)) {
                    clean(home.root());
                    write(damage, &file(home.root()));
                    let trial = start(&home);
                    let _one = judging.lock();
                    judge(damage, &trial);
                }
            });
        }
    });
}

fn clean(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("journal.")) {
            fs::remove_file(entry.path()).expect("a file of ours");
        }
    }
}

/// Starts a daemon as a client does, asks it for its leases, and kills it.
fn start(home: &Home) -> Trial {
    let mut command = home.command(home.binary());
    command.args(["daemon", "run", "--detached"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program was built");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    let _ = BufReader::new(stdout.take(64 * 1024)).read_line(&mut line);
    let handshake: Value = serde_json::from_str(&line).unwrap_or_default();
    let mut notes = strings(&handshake["notes"]);
    let leases = if handshake["handshake"] == "ready" {
        ask(home, &mut notes)
    } else {
        Err(format!("it said {line:?}"))
    };
    let _ = child.kill();
    let _ = child.wait();
    Trial { leases, notes }
}

fn ask(home: &Home, notes: &mut Vec<String>) -> Result<State, String> {
    let get = |connection: &mut Connection, path: &str| connection.ask("GET", path, None)?.json();
    let asked = || -> std::io::Result<(Value, Value)> {
        let mut connection = Connection::open(&Way::Socket(home.socket()), Duration::from_secs(10))?;
        Ok((get(&mut connection, "/allocations")?, get(&mut connection, "/status")?))
    };
    let (listing, status) = asked().map_err(|error| format!("it did not answer: {error}"))?;
    notes.extend(strings(&status["notes"]));
    let lease = |lease: &Value| {
        Some((lease["lock_id"].as_str()?.parse().ok()?, u16::try_from(lease["port"].as_u64()?).ok()?))
    };
    let leases = listing["allocations"].as_array().ok_or("not a listing")?;
    Ok(leases.iter().filter_map(lease).collect())
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
