//! What starts a server again when it ends is known to `styxy who`, and `styxy kill` never says that its port is free while it
//! is not.

use std::fs;
use std::process::{Command, Stdio};

use styxy_core::api::{Again, Code, KillAnswer, WhoAnswer};

use crate::support::{Home, Server, helper};

/// A server below a shell script that is called `name`, as an interpreter runs it.
fn below(home: &Home, name: &str, script: &str, port: u16) -> Server {
    let path = home.top().join(name);
    fs::write(&path, script).unwrap();
    let inner = helper(home, "listen", &[&format!("127.0.0.1:{port}")]);
    let mut command: Command = home.command("sh");
    command.arg(&path).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("SUPERVISOR_PROCESS_NAME", "web").env("SUPERVISOR_GROUP_NAME", "shop");
    Server::listening(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()))
}

#[test]
fn a_server_that_its_manager_has_started_again_is_no_success() {
    let home = Home::new();
    let port = home.spare_port();
    let manager = below(&home, "supervisord", "while :; do \"$@\"; done", port);
    let answer: WhoAnswer = home.styxy(&["who", &port.to_string(), "--json"]).done().wire();
    let known = answer.manager.expect("a manager");
    assert_eq!((known.name.as_str(), known.again), ("supervisord", Again::AtOnce));
    assert_eq!(known.pid.map(styxy_core::Pid::get), Some(manager.pid()));
    let said = home.styxy(&["who", &port.to_string()]).done().stdout;
    assert!(said.contains(&format!("kept up   by supervisord ({}), at once", manager.pid())), "{said}");
    let refused = home.styxy(&["kill", &port.to_string(), "--yes", "--json"]).exits(1).refusal();
    assert_eq!(
        (refused.code, refused.hint.as_deref()),
        (Code::PortUnavailable, Some("supervisorctl stop shop:web"))
    );
    let expected = format!("but supervisord ({}) has started it again", manager.pid());
    assert!(refused.error.contains(&expected), "{}", refused.error);
}

#[test]
fn a_loop_of_a_shell_with_a_pause_between_two_servers_is_known_before_it_starts_the_next() {
    let home = Home::new();
    let port = home.spare_port();
    // So long that kill does not see the next server.
    let shell = below(&home, "loop.sh", "while :; do \"$@\"; sleep 60; done", port);
    let said = home.styxy(&["who", &port.to_string()]).done().stdout;
    assert!(
        said.contains(&format!("kept up   by shell loop ({}), in its next round", shell.pid())),
        "{said}"
    );
    let answer: KillAnswer = home.styxy(&["kill", &port.to_string(), "--yes", "--json"]).done().wire();
    let expected = format!("shell loop ({0}) may start it again; to prevent that: kill {0}", shell.pid());
    assert!(answer.message.ends_with(&expected), "{}", answer.message);
}

#[test]
fn a_loop_of_a_shell_that_has_started_the_server_again_is_no_success() {
    let home = Home::new();
    let port = home.spare_port();
    let shell = below(&home, "loop.sh", "while :; do \"$@\"; sleep 1; done", port);
    let refused = home.styxy(&["kill", &port.to_string(), "--yes", "--json"]).exits(1).refusal();
    assert_eq!(refused.hint, Some(format!("kill {}", shell.pid())));
    let expected = format!("but shell loop ({}) has started it again", shell.pid());
    assert!(refused.error.contains(&expected), "{}", refused.error);
}

#[test]
fn a_watcher_that_will_start_the_server_again_is_named() {
    let home = Home::new();
    let port = home.spare_port();
    let watcher = below(&home, "nodemon", "\"$@\"\ncat", port);
    let answer: KillAnswer = home.styxy(&["kill", &port.to_string(), "--yes", "--json"]).done().wire();
    let known = answer.manager.expect("a manager");
    assert_eq!((known.name.as_str(), known.again), ("nodemon", Again::OnChange));
    let expected = format!(
        "nodemon ({0}) starts it again when a file changes; to prevent that: kill {0}",
        watcher.pid()
    );
    assert!(answer.message.ends_with(&expected), "{}", answer.message);
}

#[test]
fn a_server_that_nothing_starts_again_has_no_manager() {
    let home = Home::new();
    let port = home.spare_port();
    let _server = Server::on(&home, port);
    let answer: WhoAnswer = home.styxy(&["who", &port.to_string(), "--json"]).done().wire();
    assert_eq!(answer.manager, None);
    let answer: KillAnswer = home.styxy(&["kill", &port.to_string(), "--yes", "--json"]).done().wire();
    assert_eq!(answer.manager, None);
    assert!(answer.message.ends_with(&format!("Nothing listens on port {port} now")), "{}", answer.message);
}
