//! Another user of the machine reads nothing and changes nothing: not by TCP, not by the socket, not by files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::support::{Home, Server, helper, nobody, sort};

/// In the path of the one lease: what nobody else may learn.
const SECRET: &str = "nobody-may-learn-this";

/// What the helper of another user says when it did as `role` and `words` say; none, with the reason printed, if there is
/// no other user.
fn told(home: &Home, role: &str, words: &[&str]) -> Option<Vec<String>> {
    let mut command: Command = helper(home, role, words);
    command.current_dir("/");
    nobody(&mut command).then(|| Server::run(&mut command).ends().1)
}

/// Every request that shows or changes something, as a method and a path of one word each.
const REQUESTS: [&str; 15] = [
    "GET/status",
    "GET/allocations",
    "GET/instance/list",
    "GET/scan",
    "GET/config",
    "GET/events",
    "GET/metrics",
    "GET/openapi.json",
    "GET/view",
    "POST/allocate",
    "POST/cleanup",
    "POST/instance/register",
    "POST/shutdown",
    "DELETE/instance/session",
    "GET/nope",
];

#[test]
fn another_user_reads_and_changes_nothing_by_any_transport() {
    let home = Home::new();
    let status = home.start();
    home.allocate(&json!({ "service_type": sort::WEB, "project_path": format!("/srv/{SECRET}") }));
    let session = json!({ "instance_id": "session", "pid": std::process::id() });
    assert_eq!(home.socket().post("/instance/register", &session).status, 200);
    let state = || {
        let instances = home.socket().get("/instance/list").json();
        (home.leases(), instances, home.status().unwrap().pid)
    };
    let before = state();
    // Even if a careless hand opened the folder and the socket to all.
    let socket = home.daemon_file().unwrap().socket;
    for (path, mode) in [(home.top(), 0o755), (home.root().to_owned(), 0o755), (socket.clone().into(), 0o666)]
    {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    for place in status.listen.tcp.iter().map(String::as_str).chain([socket.as_str()]) {
        let words: Vec<&str> = [place].into_iter().chain(REQUESTS).collect();
        let Some(answers) = told(&home, "asks", &words) else { return };
        assert_eq!(answers.len(), REQUESTS.len(), "{place}: {answers:?}");
        for (answer, request) in answers.iter().zip(REQUESTS) {
            assert!(answer.starts_with("403 ") && answer.contains("peer_uid"), "{place} {request}: {answer}");
            assert!(!answer.contains(SECRET), "{place} {request}: {answer}");
        }
    }
    assert_eq!(state(), before);
}

#[test]
fn another_user_opens_makes_and_removes_no_file_of_the_daemon() {
    let home = Home::new();
    home.start();
    home.allocate(&json!({ "service_type": sort::WEB, "project_path": format!("/srv/{SECRET}") }));
    home.styxy(&["daemon", "logs"]).done();
    fs::set_permissions(home.top(), Permissions::from_mode(0o755)).unwrap();
    let files = |folder: &std::path::Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.to_str().unwrap().to_owned()).collect()
    };
    let root = home.root().to_str().unwrap().to_owned();
    let mut all = files(home.root());
    all.extend(files(&home.root().join("logs")));
    assert!(all.len() >= 5, "{all:?}");
    // The folder is closed, and so is each file if the folder were open.
    for mode in [0o700, 0o755] {
        fs::set_permissions(home.root(), Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(home.root().join("logs"), Permissions::from_mode(mode)).unwrap();
        let config = format!("{root}/config.json");
        // The settings are the user's own file, with the user's own mode.
        let words: Vec<&str> = [root.as_str()]
            .into_iter()
            .chain(all.iter().map(String::as_str).filter(|path| *path != config))
            .collect();
        let Some(done) = told(&home, "touches", &words) else { return };
        assert_eq!(done, ["done with nothing"], "mode {mode:o}");
    }
    let mut after = files(home.root());
    after.extend(files(&home.root().join("logs")));
    all.sort();
    after.sort();
    assert_eq!(after, all);
}
