//! Leases are released by port, by id and by the beginning of an id, and those of others only with force.

use serde_json::{Value, json};
use styxy_core::api::{Code, GroupAnswer, State};

#[cfg(unix)]
use crate::support::on_terminal;
use crate::support::{Home, Server, finish, sort, until};

#[test]
fn a_lease_is_released_by_port_by_id_and_by_the_beginning_of_an_id() {
    let home = Home::new();
    let group: Value = json!({ "services": vec![json!({ "service_type": sort::MANY }); 64] });
    let group: GroupAnswer = home.socket().post("/allocate", &group).ok();
    let mut ids: Vec<String> = group.leases.iter().map(|grant| grant.lock_id.unwrap().to_string()).collect();
    ids.sort_unstable();
    let port_of =
        |id: &str| home.leases().into_iter().find(|lease| lease.lock_id.to_string() == id).unwrap().port;
    let by_port = home.styxy(&["release", &port_of(&ids[0]).to_string()]).done();
    assert!(by_port.stdout.contains("released"), "{by_port:?}");
    home.styxy(&["release", &ids[1], &ids[2]]).done();
    home.styxy(&["release", &ids[3][..20]]).done();
    assert_eq!(home.leases().len(), 60);
    // Of sixty ids, two begin with the same hexadecimal digit.
    let pair = ids[4..]
        .windows(2)
        .find(|pair| pair[0][..1] == pair[1][..1] && pair[0].starts_with(char::is_alphabetic));
    let pair = pair.expect("two ids of one beginning");
    let several = home.styxy(&["release", &pair[0][..1]]).exits(1);
    assert!(several.stderr.contains(&pair[0]) && several.stderr.contains(&pair[1]), "{}", several.stderr);
    let ended = home.styxy(&["release", &ids[0], "--json"]).exits(1);
    assert_eq!(ended.refusal().code, Code::LeaseEnded);
    // All are tried, even if one fails.
    home.styxy(&["release", &ids[0], &ids[4]]).exits(1);
    assert_eq!(home.leases().len(), 59);
}

#[test]
fn another_worktrees_listening_lease_is_released_by_port_only_with_force() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let other = home.other_project();
    let from_other = |more: &[&str]| {
        let mut command = home.styxy_command(&[&["release", &port.to_string()], more].concat());
        finish(command.current_dir(&other))
    };
    let server = Server::on(&home, port);
    until("it listens", || home.leases()[0].state == State::Active);
    let refused = from_other(&[]).exits(1);
    assert!(refused.stderr.contains(&format!("styxy release {port} --force")), "{}", refused.stderr);
    assert_eq!(home.leases().len(), 1);
    from_other(&["--force"]).done();
    assert_eq!(home.leases(), []);
    drop(server);
}

#[test]
fn a_server_that_runs_on_without_its_lease_is_named_with_what_ends_it() {
    let home = Home::new();
    home.start();
    for (folder, force) in [(home.project(), ""), (home.other_project(), " --force")] {
        let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
        let server = Server::in_folder(&home, &folder, port);
        let released = home.styxy(&["release", &port.to_string()]).done();
        assert_eq!(released.stdout, format!("Port {port} released\n"));
        let said = released.stderr;
        let hint = format!("still listens on port {port}; to end it: styxy kill {port}{force}\n");
        assert!(said.contains(&server.pid().to_string()) && said.ends_with(&hint), "{said}");
        let kill = format!("kill {port}{force} --yes");
        home.styxy(&kill.split(' ').collect::<Vec<_>>()).done();
    }
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    assert_eq!(home.styxy(&["release", &port.to_string()]).done().stderr, "", "nothing listens");
}

#[test]
fn another_sessions_listening_lease_is_released_by_port_only_with_force() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-1", "-q"]).done().number();
    let _server = Server::on(&home, port);
    until("it listens", || home.leases()[0].state == State::Active);
    home.socket().post("/instance/register", &serde_json::json!({ "instance_id": "claude-1" }));
    let release = ["release", &port.to_string()];
    finish(home.styxy_command(&release).env("STYXY_INSTANCE", "claude-2")).exits(1);
    finish(home.styxy_command(&release).env("STYXY_INSTANCE", "claude-1")).done();
    assert_eq!(home.leases(), []);
}

#[test]
fn a_forced_cleanup_without_a_terminal_needs_yes() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    home.styxy(&["cleanup"]).done();
    let unasked = home.styxy(&["cleanup", "--force"]).exits(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(home.leases().len(), 1);
    home.styxy(&["cleanup", "--force", "--yes"]).done();
    assert_eq!(home.leases(), []);
}

#[test]
#[cfg(unix)]
fn a_forced_cleanup_asks_first_on_a_terminal() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    let (code, shown) = on_terminal(&mut home.styxy_command(&["cleanup", "--force"]), "n\n");
    assert!(shown.contains("[y/N]"), "{shown}");
    assert_eq!((code, home.leases().len()), (1, 1));
    let (code, _) = on_terminal(&mut home.styxy_command(&["cleanup", "--force"]), "y\n");
    assert_eq!((code, home.leases().len()), (0, 0));
}
