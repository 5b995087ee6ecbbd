use super::*;
use crate::say::facts::tests::lease;
use crate::say::shown::{each, failed, plain, snapshot};
use crate::up::kept::One;
use serde_json::json;

fn found(daemon: Daemon, foreign: &[&str]) -> Found {
    let folder = Folder {
        own: vec!["config.json".into(), "daemon.lock".into()],
        foreign: foreign.iter().map(PathBuf::from).collect(),
        socket: None,
    };
    Found {
        settings: Vec::new(),
        login: None,
        daemon,
        folder: Some(folder),
        layout: Layout::new("/home/ada/.styxy".into()),
    }
}

fn used() -> Daemon {
    let session = json!({
        "instance_id": "claude-1", "working_directory": "/home/ada/shop", "pid": null,
        "registered_at": "2026-11-22T17:00:00Z", "last_heartbeat": "2026-11-22T17:59:50Z",
        "active_allocations": [], "metadata": null,
    });
    Daemon {
        runs: Some(Ok(Pid::new(42).unwrap())),
        sessions: vec![serde_json::from_value(session).unwrap()],
        leases: vec![lease(3000, |_| {}), lease(8000, |wire| wire["project_path"] = json!(null))],
        guarded: vec!["bash (77)".to_owned()],
        stacks: Vec::new(),
    }
}

fn kept() -> Daemon {
    let one = |label: &str| One {
        service: label.to_owned(),
        pid: Some(7),
        is_container: false,
        mark: None,
        lock: None,
    };
    let services = vec![one("web"), one("api")];
    Daemon { stacks: vec![Kept { root: "/home/ada/shop".into(), services }], ..Daemon::default() }
}

#[test]
fn what_will_be_done_and_was_done_is_said() {
    let mute = Daemon { runs: Some(Err("it is stopped".to_owned())), ..Daemon::default() };
    let removed = |removed: &[&str], remove_program: Option<&str>| {
        let removed = Answer {
            removed: removed.iter().map(PathBuf::from).collect(),
            remove_program: remove_program.map(str::to_owned),
            ..Answer::default()
        };
        plain(|out| show(&removed, out))
    };
    snapshot!(
        "uninstall",
        each([
            ("a daemon runs", format!("{}\n", found(used(), &[]).plan("will"))),
            ("others' files", format!("{}\n", found(mute, &["notes.txt", "src"]).plan("would"))),
            ("it is used", failed(used().used(&used().users()))),
            (
                "services run",
                format!("{}\n{}", found(kept(), &[]).plan("will"), failed(kept().used(&kept().users())))
            ),
            ("done", removed(&["/home/ada/.styxy"], Some("npm uninstall -g styxy"))),
            ("nothing is there", removed(&[], None)),
        ])
    );
}
