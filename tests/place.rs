//! The daemon's own files removed, moved, replaced or cut while it runs: it stays the only daemon, loses nothing, and is
//! found again.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use styxy_core::api::{Grant, Lease, StatusAnswer};

use crate::support::{Home, Running, Way, has_ended, kill, sort, until};

/// By when it must be found again.
const AGAIN: Duration = Duration::from_secs(2);

/// A daemon with a lease that must outlive what happens to its files.
struct Held {
    home: Home,
    kept: Grant,
    pid: u32,
    socket: PathBuf,
    _owner: Running,
}

impl Held {
    fn new() -> Self {
        let home = Home::new();
        let owner = Running::idle();
        let kept = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
        let file = home.daemon_file().unwrap();
        Self { home, kept, pid: file.pid.get(), socket: file.socket.into(), _owner: owner }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.root().join(name)
    }

    fn journal(&self) -> PathBuf {
        let entries = fs::read_dir(self.home.root()).unwrap().map(|entry| entry.unwrap().path());
        let is_journal = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("journal.");
        entries.filter(is_journal).max().expect("a journal")
    }

    fn aside(&self) -> PathBuf {
        self.home.top().join("aside")
    }

    /// The daemon is the same, is found again in time, and has the lease; so has the one after a kill -9.
    #[track_caller]
    fn stands(&self, what: &str) {
        let begun = Instant::now();
        until(&format!("{what}: a command is answered"), || {
            self.home.styxy(&["allocate", "-s", sort::API, "-q"]).code == 0
        });
        assert!(begun.elapsed() < AGAIN, "{what}: {:?}", begun.elapsed());
        assert_eq!(self.home.status().unwrap().pid.get(), self.pid, "{what}: another daemon runs");
        assert!(self.has_kept(), "{what}: the lease is lost");
        let (before, notes) = (self.ports(), self.home.status().unwrap().notes);
        self.home.kill_daemon();
        self.home.start();
        assert!(self.has_kept(), "{what}: the next daemon does not know the lease; notes {notes:?}");
        assert_eq!(self.ports(), before, "{what}");
        let stopped = self.home.styxy(&["daemon", "stop"]);
        assert_eq!(stopped.code, 0, "{what}: {stopped:?}");
    }

    fn has_kept(&self) -> bool {
        self.home.lease_of(&self.kept).is_some()
    }

    fn ports(&self) -> Vec<u16> {
        self.home.leases().iter().map(|Lease { port, .. }| port.get()).collect()
    }
}

/// Something that is done to a daemon's files.
type Act<'a> = (&'a str, &'a dyn Fn(&Held));

/// Does each of `acts` to a daemon of its own.
#[track_caller]
fn each(acts: &[Act<'_>]) {
    for (what, act) in acts {
        let held = Held::new();
        act(&held);
        held.stands(what);
    }
}

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
}

#[test]
fn a_lock_that_is_removed_or_replaced_is_taken_again() {
    each(&[
        ("removed", &|held| fs::remove_file(held.path("daemon.lock")).unwrap()),
        ("moved", &|held| fs::rename(held.path("daemon.lock"), held.aside()).unwrap()),
        ("replaced", &|held| {
            fs::write(held.aside(), "").unwrap();
            fs::rename(held.aside(), held.path("daemon.lock")).unwrap();
        }),
        ("removed with the socket", &|held| {
            fs::remove_file(held.path("daemon.lock")).unwrap();
            fs::remove_file(&held.socket).unwrap();
        }),
    ]);
}

#[test]
fn a_socket_that_is_removed_or_replaced_is_bound_again() {
    each(&[
        ("removed", &|held| fs::remove_file(&held.socket).unwrap()),
        ("moved", &|held| fs::rename(&held.socket, held.aside()).unwrap()),
        ("replaced", &|held| {
            drop(UnixListener::bind(held.aside()).unwrap());
            fs::rename(held.aside(), &held.socket).unwrap();
        }),
    ]);
}

#[test]
fn a_journal_that_is_removed_replaced_or_cut_is_written_anew() {
    each(&[
        ("removed", &|held| fs::remove_file(held.journal()).unwrap()),
        ("moved", &|held| fs::rename(held.journal(), held.aside()).unwrap()),
        ("replaced by an older state", &|held| {
            fs::copy(held.journal(), held.aside()).unwrap();
            held.home.allocate(&json!({ "service_type": sort::MANY }));
            fs::rename(held.aside(), held.journal()).unwrap();
        }),
        ("cut", &|held| {
            fs::File::options().write(true).open(held.journal()).unwrap().set_len(0).unwrap();
        }),
    ]);
}

#[test]
fn a_folder_that_is_removed_moved_or_emptied_is_made_again_for_its_leases() {
    each(&[
        // A rename first, so that nothing is made in the folder while it is being emptied.
        ("moved", &|held| fs::rename(held.home.root(), held.aside()).unwrap()),
        ("replaced", &|held| {
            let config = fs::read(held.path("config.json")).unwrap();
            fs::rename(held.home.root(), held.aside()).unwrap();
            // The daemon may be faster.
            let _ = fs::create_dir(held.home.root());
            fs::write(held.path("config.json"), config).unwrap();
        }),
        ("emptied", &|held| empty(held.home.root())),
    ]);
}

#[test]
fn a_daemon_without_leases_ends_with_its_folder() {
    let home = Home::new();
    let pid = home.start().pid.get();
    fs::rename(home.root(), home.top().join("aside")).unwrap();
    until("the daemon ends", || has_ended(pid));
    assert!(!home.root().exists());
}

#[test]
fn a_daemon_whose_lock_another_one_has_ends_without_an_answer() {
    let held = Held::new();
    // Otherwise the other one could not have the configured port.
    let Way::Unix(path) = held.home.socket() else { unreachable!("the socket is one") };
    let mut asker = UnixStream::connect(path).unwrap();
    kill(held.pid, Signal::STOP);
    held.home.configure(&json!({ "listen_port": null }));
    fs::remove_file(held.path("daemon.lock")).unwrap();
    fs::remove_file(&held.socket).unwrap();
    let other = held.home.start();
    assert_ne!(other.pid.get(), held.pid);
    assert!(held.has_kept());
    let body = json!({ "service_type": sort::WEB }).to_string();
    write!(asker, "POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    kill(held.pid, Signal::CONT);
    let mut answer = String::new();
    // Closed, or reset with the request unread.
    let _ = asker.read_to_string(&mut answer);
    assert_eq!(answer, "");
    until("the first daemon ends", || has_ended(held.pid));
    assert_eq!(held.home.status().unwrap().pid, other.pid);
    assert_eq!(held.ports(), [held.kept.port.get()]);
    let daemon: Value = serde_json::from_slice(&fs::read(held.path("daemon.json")).unwrap()).unwrap();
    assert_eq!(daemon["pid"], other.pid.get(), "the first one left the other's files alone");
}

#[test]
fn what_happened_to_the_files_is_a_note() {
    let held = Held::new();
    fs::remove_file(held.path("daemon.lock")).unwrap();
    until("a note", || {
        let notes = held.home.status().unwrap().notes.join("\n");
        notes.contains("daemon.lock was removed or replaced while the daemon ran")
    });
}

#[test]
fn a_daemon_whose_folder_was_removed_is_not_said_to_be_no_daemon() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    let pid = home.start().pid.get();
    // While it is stopped it cannot make its folder again.
    kill(pid, Signal::STOP);
    fs::rename(home.root(), home.top().join("aside")).unwrap();
    let unheard = home.styxy(&["daemon", "stop"]);
    kill(pid, Signal::CONT);
    let stopped: Option<StatusAnswer> = home.styxy(&["daemon", "stop", "--json"]).done().wire();
    assert_eq!((unheard.code, stopped.map(|status| status.pid.get())), (3, Some(pid)), "{unheard:?}");
    until("it has ended", || has_ended(pid));
}
