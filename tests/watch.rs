//! `styxy list --watch`: the list again whenever it changes, on the screen and for programs.

use std::process::Stdio;

use serde_json::json;
use styxy_core::api::{AllocationsAnswer, Grant};

use crate::support::{Home, Server, Terminal, sort, until};

const ENTERS: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVES: &str = "\u{1b}[?25h\u{1b}[?1049l";

fn lease(home: &Home) -> Grant {
    home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }))
}

fn release(home: &Home, grant: &Grant) {
    home.styxy(&["release", &grant.port.to_string()]).done();
}

/// A terminal that shows the list.
fn watching(home: &Home, words: &str) -> Terminal {
    let mut terminal = Terminal::shell(home);
    terminal.resizes(20, 100);
    terminal.types(&format!("$STYXY list --watch {words}; echo code=$?\n"));
    terminal.sees(ENTERS);
    terminal
}

#[test]
fn a_change_is_drawn_and_ctrl_c_gives_screen_cursor_and_keys_back() {
    let home = Home::new();
    home.start();
    let mut terminal = watching(&home, "");
    terminal.sees("No port is leased.");
    let grant = lease(&home);
    terminal.sees("granted");
    let server = Server::on(&home, grant.port.get());
    terminal.sees("active");
    terminal.sees(&format!("({})", server.pid()));
    // The lease is its listener's, and ends with it.
    drop(server);
    terminal.sees("No port is leased.");
    terminal.types("\x03");
    terminal.sees(LEAVES);
    terminal.sees("code=0");
    terminal.types("stty -a\n");
    let modes = terminal.sees(" echok");
    assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
}

#[test]
fn q_ends_it_and_the_filters_of_list_count() {
    let home = Home::new();
    home.start();
    let mut terminal = watching(&home, &format!("--service {}", sort::API));
    terminal.sees("No lease matches.");
    lease(&home);
    home.allocate(&json!({ "service_type": sort::API }));
    let seen = terminal.sees("q ends");
    let seen = seen + &terminal.sees("granted");
    assert!(!seen.contains(sort::WEB), "{seen}");
    terminal.types("q");
    terminal.sees(LEAVES);
    terminal.sees("code=0");
}

#[test]
fn it_takes_the_name_of_a_project_that_the_list_shows() {
    let home = Home::new();
    home.start();
    let name = home.project().file_name().unwrap().to_str().unwrap().to_owned();
    let mut terminal = watching(&home, &format!("--project {name}"));
    terminal.sees(&format!("No lease of a project {name}."));
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    terminal.sees("granted");
    terminal.types("q");
    terminal.sees("code=0");
}

#[test]
fn another_size_is_drawn_at_once_and_what_has_no_room_is_counted() {
    let home = Home::new();
    for _ in 0..9 {
        lease(&home);
    }
    let mut terminal = watching(&home, "");
    terminal.sees("SINCE");
    terminal.sees("q ends");
    terminal.resizes(8, 40);
    terminal.sees("\u{1b}[H\u{1b}[2J");
    let frame = terminal.sees("q ends");
    // The name of the worktree takes a line too.
    assert!(frame.contains("… 5 more") && !frame.contains("SINCE"), "{frame}");
    assert_eq!(frame.matches("\r\n").count(), 7, "{frame:?}");
}

#[test]
fn ctrl_z_gives_the_screen_back_and_fg_draws_it_again() {
    let home = Home::new();
    lease(&home);
    let mut terminal = watching(&home, "");
    terminal.sees("granted");
    terminal.types("\x1a");
    terminal.sees(LEAVES);
    terminal.sees("Stopped");
    terminal.types("fg\n");
    terminal.sees(ENTERS);
    terminal.sees("granted");
    terminal.types("q");
    terminal.sees(LEAVES);
}

#[test]
fn it_goes_on_with_the_next_daemon_and_starts_none() {
    let home = Home::new();
    let grant = lease(&home);
    let mut terminal = watching(&home, "");
    terminal.sees(&grant.port.to_string());
    home.styxy(&["daemon", "stop"]).done();
    terminal.sees("the daemon was stopped");
    assert!(home.status().is_none(), "none is started");
    home.start();
    terminal.sees("q ends");
    home.kill_daemon();
    terminal.sees("the daemon was stopped");
    home.start();
    let other = lease(&home);
    terminal.sees(&other.port.to_string());
}

#[test]
fn a_program_gets_one_line_of_json_for_each_change() {
    let home = Home::new();
    home.start();
    let watch = Server::reading(
        home.styxy_command(&["list", "--watch", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()),
    );
    let ports = || -> Vec<u16> {
        let answer: AllocationsAnswer = serde_json::from_str(&watch.hear()).unwrap();
        answer.allocations.iter().map(|lease| lease.port.get()).collect()
    };
    assert_eq!(ports(), [0; 0]);
    let grant = lease(&home);
    assert_eq!(ports(), [grant.port.get()]);
    // An event that changes nothing that is listed prints nothing.
    home.socket().post("/instance/register", &json!({ "instance_id": "a" }));
    release(&home, &grant);
    assert_eq!(ports(), [0; 0]);
}

#[test]
fn elsewhere_than_on_a_terminal_the_table_is_printed_again_as_text() {
    let home = Home::new();
    let grant = lease(&home);
    let watch = Server::reading(
        home.styxy_command(&["list", "--watch"]).stdin(Stdio::piped()).stdout(Stdio::piped()),
    );
    let first = [watch.hear(), watch.hear()];
    assert!(first[0].contains("PORT") && first[1].contains("granted"), "{first:?}");
    let _server = Server::on(&home, grant.port.get());
    let next = [watch.hear(), watch.hear(), watch.hear()];
    assert!(next[0].is_empty() && next[1].contains("PORT") && next[2].contains("active"), "{next:?}");
    assert!(!first.iter().chain(&next).any(|line| line.contains('\u{1b}')), "{first:?} {next:?}");
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let home = Home::new();
    home.start();
    let script = "\"$STYXY\" list --watch --json | head -n 1; echo over";
    let shell = Server::reading(home.shell(script).stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(shell.hear(), r#"{"allocations":[]}"#);
    let grants: Vec<Grant> = (0..2).map(|_| lease(&home)).collect();
    assert_eq!(shell.hear(), "over");
    until("the leases are there", || home.leases().len() == grants.len());
}

#[test]
fn without_a_daemon_it_is_as_list() {
    let home = Home::new();
    let list = home.styxy(&["list", "--no-start"]).exits(3);
    let watch = home.styxy(&["list", "--watch", "--no-start"]).exits(3);
    assert_eq!(watch.stderr, list.stderr);
}
