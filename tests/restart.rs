//! Neither a restart nor a kill -9 of the daemon loses a lease, and no damaged file keeps it from starting.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;

use serde_json::json;
use styxy_core::api::{Code, ConfigAnswer, Grant, Lease, OwnerKind, RegisterAnswer, State, StatusAnswer};
use styxy_core::{EndReason, Pid};

use crate::support::{Home, Request, Running, Server, alive, sort};

/// One lease of every kind of owner, and what keeps them alive.
struct Kinds {
    _owner: Running,
    _session: Running,
    _server: Server,
}

impl Kinds {
    fn lease(home: &Home) -> Self {
        let (owner, session) = (Running::idle(), Running::idle());
        home.allocate(&json!({ "service_type": sort::WEB, "service_name": "waits", "project_path": "/w/app", "request_id": "r1" }));
        home.allocate(&json!({ "service_type": sort::WEB, "service_name": "owned", "pid": owner.pid() }));
        home.socket()
            .post("/instance/register", &json!({ "instance_id": "s", "pid": session.pid() }))
            .ok::<RegisterAnswer>();
        home.socket().post("/instance/register", &json!({ "instance_id": "beats" })).ok::<RegisterAnswer>();
        home.allocate(&json!({ "service_type": sort::API, "instance_id": "s" }));
        home.allocate(&json!({ "service_type": sort::API, "instance_id": "beats" }));
        let listened = home.allocate(&json!({ "service_type": sort::WEB, "service_name": "listens" }));
        let server = Server::on(home, listened.port.get());
        home.active(&listened);
        Self { _owner: owner, _session: session, _server: server }
    }
}

/// The parts of a lease that must be the same after a restart.
fn kept(leases: Vec<Lease>) -> Vec<Lease> {
    leases.into_iter().map(|lease| Lease { last_seen_listening: None, ..lease }).collect()
}

#[test]
fn a_restart_keeps_every_lease_as_it_was() {
    let home = Home::new();
    let kinds = Kinds::lease(&home);
    let (before, first) = (kept(home.leases()), home.start().pid);
    let said = home.styxy(&["daemon", "restart"]).done();
    assert_ne!(home.start().pid, first);
    assert!(said.stdout.contains("restarted"), "{said:?}");
    assert_eq!(kept(home.leases()), before);
    assert_eq!(home.status().unwrap().instances, 2);
    drop(kinds);
}

#[test]
fn a_kill_of_the_daemon_loses_no_lease() {
    let home = Home::new();
    let kinds = Kinds::lease(&home);
    let before = kept(home.leases());
    home.kill_daemon();
    home.start();
    assert_eq!(kept(home.leases()), before);
    drop(kinds);
}

#[test]
fn the_first_command_after_a_kill_starts_the_daemon_again() {
    let home = Home::new();
    let first = home.allocate(&json!({ "service_type": sort::WEB }));
    home.kill_daemon();
    let second = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    assert_ne!(first.port.get(), second);
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn a_killed_daemon_gives_the_same_answer_to_a_repeated_request() {
    let home = Home::new();
    let ask = json!({ "service_type": sort::WEB, "request_id": "once" });
    let first = home.allocate(&ask);
    home.kill_daemon();
    home.start();
    assert_eq!(home.allocate(&ask), first);
}

#[test]
fn every_lease_acknowledged_before_a_kill_is_there_after_it() {
    let home = Home::new();
    let socket = home.socket();
    // The kill comes in the middle of the answers, each time at another point.
    for round in 0..3 {
        let mut all = Vec::new();
        let (told, acknowledged) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let told = told;
                let ask = Request::new("POST", "/allocate").json(&json!({ "service_type": sort::MANY }));
                // Until there is no answer, or the range is used up.
                while let Ok(Ok(grant)) =
                    socket.try_send(&ask).map(|answer| serde_json::from_slice::<Grant>(&answer.body))
                {
                    told.send(grant.lock_id.unwrap()).unwrap();
                }
            });
            let some: Vec<_> = acknowledged.iter().take(10 + 7 * round).collect();
            home.kill_daemon();
            assert_eq!(some.len(), 10 + 7 * round);
            all.extend(some.into_iter().chain(&acknowledged));
        });
        home.start();
        let leases: Vec<_> = home.leases().into_iter().map(|lease| lease.lock_id).collect();
        for lock_id in &all {
            assert!(leases.contains(lock_id), "{lock_id} is lost");
        }
        home.styxy(&["cleanup", "--force", "--yes"]).done();
    }
}

#[test]
fn the_lease_of_an_owner_that_died_while_no_daemon_ran_ends_before_the_first_answer() {
    let home = Home::new();
    let (dies, lives) = (Running::idle(), Running::idle());
    let gone = home.allocate(&json!({ "service_type": sort::TINY, "pid": dies.pid() }));
    let stays = home.allocate(&json!({ "service_type": sort::TINY, "pid": lives.pid() }));
    home.kill_daemon();
    dies.kill();
    // The very first request of the new daemon gets its port.
    let port = home.styxy(&["allocate", "-s", sort::TINY, "-q"]).done().number();
    assert_eq!(port, gone.port.get());
    assert!(home.lease_of(&stays).is_some() && home.lease_of(&gone).is_none());
}

#[test]
fn the_lease_of_a_server_that_died_while_no_daemon_ran_ends_before_the_first_answer() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::TINY }));
    let server = Server::on(&home, grant.port.get());
    home.active(&grant);
    home.kill_daemon();
    server.kill();
    home.start();
    assert_eq!(home.leases(), []);
}

#[test]
fn a_server_that_began_to_listen_while_no_daemon_ran_has_its_lease() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    home.kill_daemon();
    let server = Server::on(&home, grant.port.get());
    home.start();
    let lease = home.lease_of(&grant).expect("the lease");
    assert_eq!((lease.state, lease.owner.kind), (State::Active, OwnerKind::Listener));
    assert_eq!(lease.owner.pid.map(Pid::get), Some(server.pid()));
}

#[test]
fn an_owner_is_watched_again_after_a_restart() {
    let home = Home::new();
    let owner = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    home.styxy(&["daemon", "restart"]).done();
    let mut events = home.socket().events(None);
    owner.kill();
    let (_, ended) = events.expect("ended");
    assert_eq!(
        (ended.lease.unwrap().lock_id, ended.reason),
        (grant.lock_id.unwrap(), Some(EndReason::OwnerExited))
    );
}

#[test]
fn a_restart_applies_a_changed_configuration() {
    let home = Home::new();
    home.start();
    let port = home.spare_port();
    home.configure(&json!({ "bind_ttl": 77, "listen_port": port }));
    let status: StatusAnswer = home.styxy(&["daemon", "restart", "--json"]).done().wire();
    assert_eq!(status.listen.tcp[0], format!("127.0.0.1:{port}"));
    let config: ConfigAnswer = home.socket().get("/config").ok();
    assert_eq!(config.config.bind_ttl.millis(), 77_000);
    assert!(config.from_file.contains(&"bind_ttl".to_owned()), "{:?}", config.from_file);
}

#[test]
fn a_restart_with_a_mistake_in_the_configuration_keeps_the_old_daemon() {
    let home = Home::new();
    let first = home.start().pid;
    home.write_config("{\n  \"listenport\": 9000\n}\n");
    let said = home.styxy(&["daemon", "restart"]).exits(2);
    let place = format!("{}:2:3", home.root().join("config.json").display());
    assert!(said.stderr.contains(&place) && said.stderr.contains("listen_port"), "{}", said.stderr);
    assert_eq!(home.status().expect("the old daemon").pid, first);
    assert!(alive(first.get()));
}

#[test]
fn every_command_that_starts_the_daemon_reports_the_mistake_in_the_configuration() {
    let typo = |types: &str| format!("{{\n  \"service_types\": {{\n    \"dev\": {types}\n  }}\n}}\n");
    let cases = [
        ("{\n  \"listenport\": 9000\n}".to_owned(), ":2:3: ", "listen_port"),
        (typo("{ \"range\": [8099, 8000] }"), ":3:23: ", "reversed"),
        (typo("{ \"range\": [0, 10] }"), ":3:", "1 to 65535"),
        (typo("{ \"preferred_ports\": [3000, 3000] }"), ":3:", "3000"),
        ("{\n  \"bind_ttl\": \n}".to_owned(), ":3:1: ", ""),
        (String::new(), ":1:1: ", ""),
    ];
    for (text, place, word) in cases {
        let home = Home::empty();
        home.write_config(&text);
        let path = home.root().join("config.json").display().to_string();
        // To validate is a question, and its answer is 1.
        let commands =
            [(&["allocate", "-s", sort::WEB][..], 2), (&["daemon", "run"], 2), (&["config", "validate"], 1)];
        for (words, code) in commands {
            let said = home.styxy(words).exits(code).stderr;
            assert!(said.contains(&format!("{path}{place}")) && said.contains(word), "{words:?}: {said}");
        }
        assert_eq!(home.styxy(&["daemon", "start", "--json"]).exits(2).refusal().code, Code::InvalidRequest);
        assert!(home.status().is_none());
    }
}

#[test]
fn a_folder_in_place_of_the_configuration_is_refused() {
    let home = Home::empty();
    fs::create_dir_all(home.root().join("config.json")).unwrap();
    let said = home.styxy(&["allocate", "-s", "dev"]).exits(3);
    assert!(said.stderr.contains("config.json"), "{}", said.stderr);
}

// The journal.

/// The journal's one file, of a daemon that does not run.
pub(crate) fn journal(home: &Home) -> PathBuf {
    let files = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().path());
    let mut journals =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("journal"));
    let journal = journals.next().expect("a journal");
    assert_eq!(journals.next(), None);
    journal
}

/// A journal with five leases in it, and no daemon.
fn five_leases() -> (Home, PathBuf) {
    let home = Home::new();
    for _ in 0..5 {
        home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    }
    home.styxy(&["daemon", "stop"]).done();
    let journal = journal(&home);
    (home, journal)
}

fn remove_journals(home: &Home) {
    for left in fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().path()) {
        if left.file_name().unwrap().to_str().unwrap().starts_with("journal") {
            fs::remove_file(left).unwrap();
        }
    }
}

/// Where the zeros at the end of a preallocated file begin.
fn used(journal: &PathBuf) -> usize {
    fs::read(journal).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn a_journal_that_is_cut_anywhere_starts_with_the_leases_before_the_cut() {
    let (home, journal) = five_leases();
    let (whole, end) = (fs::read(&journal).unwrap(), used(&journal));
    let mut counts = Vec::new();
    // From one end to the other, in steps that hit every part of a record.
    for cut in (0..end).step_by(end / 12).chain([end - 1, end]) {
        fs::write(&journal, &whole[..cut]).unwrap();
        let leases = home.start().allocations;
        home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
        counts.push(leases);
        home.styxy(&["daemon", "stop"]).done();
        remove_journals(&home);
    }
    assert!(counts.is_sorted(), "a shorter journal knew more: {counts:?}");
    assert_eq!((counts.first(), counts.last()), (Some(&0), Some(&5)));
}

#[test]
fn a_journal_with_a_flipped_bit_is_moved_aside_and_reported() {
    let (home, journal) = five_leases();
    let mut bytes = fs::read(&journal).unwrap();
    let middle = used(&journal) / 2;
    bytes[middle] ^= 0x10;
    fs::write(&journal, &bytes).unwrap();
    moved_aside(&home, |aside| assert_eq!(fs::read(aside).unwrap(), bytes, "it was changed"));
    let leases = home.leases().len();
    assert!(leases < 5, "the damaged record was believed");
    home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
    home.styxy(&["daemon", "restart"]).done();
    assert_eq!(home.leases().len(), leases + 1);
}

#[test]
fn a_flipped_bit_anywhere_does_not_keep_the_daemon_from_starting_and_invents_no_lease() {
    let (home, journal) = five_leases();
    let (whole, end) = (fs::read(&journal).unwrap(), used(&journal));
    for at in (0..end).step_by(end / 12) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&journal, bytes).unwrap();
        assert!(home.start().allocations <= 5, "byte {at}");
        home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
        home.styxy(&["daemon", "stop"]).done();
        remove_journals(&home);
    }
}

/// Starts the daemon, which says in `notes`, to its starter and in the log that it moved one file, and looks at that.
fn moved_aside(home: &Home, look: impl FnOnce(&PathBuf)) {
    let said = home.styxy(&["daemon", "start"]).done().stdout;
    let asides: Vec<PathBuf> = fs::read_dir(home.root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains(".damaged-"))
        .collect();
    let [aside] = asides.as_slice() else { panic!("not one file was moved: {asides:?}") };
    let name = aside.to_str().unwrap();
    assert!(said.contains(name), "{said}");
    let notes = home.status().unwrap().notes;
    assert!(notes.iter().any(|note| note.contains(name)), "{notes:?}");
    let log = home.styxy(&["daemon", "logs"]).done().stdout;
    assert!(log.contains(name), "{log}");
    look(aside);
}

#[test]
fn a_journal_of_a_future_version_is_left_alone_and_the_start_refused() {
    let (home, journal) = five_leases();
    let mut bytes = fs::read(&journal).unwrap();
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    // The checksum of the header, which is in the same place in every version.
    let sum = crc32c(&[&bytes[..12], &bytes[16..56]].concat());
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    fs::write(&journal, &bytes).unwrap();
    for (words, code) in
        [(&["allocate", "-s", sort::WEB][..], 3), (&["daemon", "start"], 3), (&["daemon", "run"], 1)]
    {
        let said = home.styxy(words).exits(code);
        let named = said.stderr.contains('7') && said.stderr.contains(journal.to_str().unwrap());
        assert!(named, "{}", said.stderr);
    }
    assert!(home.status().is_none());
    assert_eq!(fs::read(&journal).unwrap(), bytes, "it was touched");
}

/// CRC-32C, bit by bit.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[test]
#[cfg(unix)]
fn a_link_in_place_of_the_journal_is_moved_aside_and_not_followed() {
    let (home, journal) = five_leases();
    let victim = home.top().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(&journal).unwrap();
    std::os::unix::fs::symlink(&victim, &journal).unwrap();
    moved_aside(&home, |aside| assert!(fs::symlink_metadata(aside).unwrap().is_symlink()));
    home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn a_folder_in_place_of_the_journal_is_moved_aside() {
    let (home, journal) = five_leases();
    fs::remove_file(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    moved_aside(&home, |aside| assert!(aside.is_dir()));
    home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
}

#[test]
fn a_journal_cut_to_nothing_is_moved_aside_and_reported() {
    let (home, journal) = five_leases();
    fs::write(&journal, "").unwrap();
    moved_aside(&home, |aside| assert_eq!(fs::metadata(aside).unwrap().len(), 0));
    home.styxy(&["allocate", "-s", sort::API, "-q"]).done().number();
}

#[test]
fn affinity_outlives_a_restart() {
    let home = Home::new();
    let ask = |project: &str| json!({ "service_type": sort::WEB, "project_path": project });
    home.allocate(&ask("/w/zero"));
    let first = home.allocate(&ask("/w/one"));
    home.styxy(&["release", &first.port.to_string()]).done();
    home.styxy(&["daemon", "restart"]).done();
    assert_eq!(home.allocate(&ask("/w/one")).port, first.port);
}
