//! In a sandbox without socket diagnostics the daemon reads /proc/net/tcp instead, and says so.

use serde_json::json;

use crate::support::{DIAGNOSTICS, Home, Server, deny, finish, sort};

#[test]
fn without_socket_diagnostics_servers_are_seen_and_the_way_is_said_once() {
    let home = Home::new();
    let sandboxed = |words: &[&str]| {
        let mut command = home.styxy_command(words);
        deny(&mut command, &[DIAGNOSTICS]);
        finish(&mut command)
    };
    let said = sandboxed(&["daemon", "start"]).exits(0).stdout;
    assert_eq!(said.matches("/proc/net/tcp").count(), 1, "{said}");
    let doctor = sandboxed(&["doctor"]).exits(0).stdout;
    assert!(doctor.contains("no socket diagnostics (Protocol not supported"), "{doctor}");
    let notes = home.status().unwrap().notes;
    assert_eq!(notes.iter().filter(|note| note.contains("no socket diagnostics")).count(), 1, "{notes:?}");

    // The kernel does not name the user of a connection: the token does.
    for way in [home.tcp(), home.tcp6()] {
        way.get("/status").refused(403, "forbidden");
    }
    for way in [home.trusted_tcp(), home.trusted_tcp6()] {
        assert_eq!(way.get("/status").status, 200);
    }

    // A lease is active as soon as its server listens, and ends with it; `who` and `check` name the server.
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let port = grant.port.to_string();
    let server = Server::on(&home, grant.port.get());
    home.active(&grant);
    let who = home.styxy(&["check", &port, "--json"]).exits(0).json();
    assert_eq!(who["system_usage"]["pid"], server.pid(), "{who}");
    drop(server);
    home.ended(&grant);
    // Busy ports are not offered, whoever has them.
    let stranger = std::net::TcpListener::bind(("127.0.0.1", home.spare_port())).unwrap();
    let taken = stranger.local_addr().unwrap().port().to_string();
    let check = home.styxy(&["check", &taken, "--json"]).json();
    assert_eq!(check["system_usage"]["pid"], std::process::id(), "{check}");
}
