//! `styxy top`: the live view in a terminal, and what its keys do.

use std::fs;

use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::{AllocationsAnswer, Grant};

use crate::support::{Home, Running, Server, Terminal, eventually, has_ended, kill, sort, until};

const ENTERS: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVES: &str = "\u{1b}[?25h\u{1b}[?1049l";

fn lease(home: &Home, name: &str) -> Grant {
    let project = home.project();
    home.allocate(&json!({ "service_type": sort::WEB, "service_name": name, "project_path": project }))
}

/// A terminal that shows the view of this home; the shell is in another folder than the project.
fn top(home: &Home, before: &str) -> Terminal {
    let mut terminal = Terminal::shell(home);
    terminal.resizes(20, 100);
    terminal.types(&format!("cd /; {before} DISPLAY= WAYLAND_DISPLAY= $STYXY top; echo code=$?\n"));
    terminal.sees(ENTERS);
    terminal
}

#[test]
fn k_ends_the_server_of_the_selected_row_by_kills_rules_in_its_worktree() {
    let home = Home::new();
    let (first, second) = (lease(&home, "one"), lease(&home, "two"));
    let (stays, ends) = (Server::on(&home, first.port.get()), Server::on(&home, second.port.get()));
    let mut terminal = top(&home, "");
    terminal.sees(&format!("({})", ends.pid()));
    // The rows are in the order of their ports, and the first one is selected.
    let down = if second.port > first.port { "\x1b[B" } else { "" };
    terminal.types(down);
    terminal.types("k");
    terminal.sees(LEAVES);
    terminal.sees(&format!("$ styxy kill {}", second.port));
    terminal.sees(&format!("({})? [y/N]", ends.pid()));
    terminal.types("y\n");
    terminal.sees(&format!("Nothing listens on port {} now", second.port));
    terminal.sees("Enter goes back.");
    assert!(has_ended(ends.pid()) && !has_ended(stays.pid()));
    terminal.types("\n");
    terminal.sees(ENTERS);
    terminal.sees(&format!("({})", stays.pid()));
    terminal.types("q");
    terminal.sees(LEAVES);
    terminal.sees("code=0");
}

#[test]
fn what_kill_refuses_or_is_not_confirmed_ends_nothing() {
    let home = Home::new();
    let grant = lease(&home, "one");
    let server = Server::on(&home, grant.port.get());
    let mut terminal = top(&home, "");
    terminal.sees(&format!("({})", server.pid()));
    terminal.types("k");
    terminal.sees("[y/N]");
    terminal.types("n\n");
    terminal.sees("Nothing was ended.");
    terminal.types("\n");
    terminal.sees(ENTERS);
    // A Ctrl-C at the question ends the command and not the view.
    terminal.types("k");
    terminal.sees("[y/N]");
    terminal.types("\x03");
    terminal.sees(ENTERS);
    assert!(!has_ended(server.pid()));
    terminal.types("q");
    terminal.sees("code=0");
}

#[test]
fn r_asks_and_releases_and_o_opens() {
    let home = Home::new();
    let grant = lease(&home, "one");
    let _server = Server::on(&home, grant.port.get());
    let mut terminal = top(&home, "");
    terminal.sees("active");
    terminal.types("o");
    // There is no display.
    terminal.sees(&format!("http://localhost:{}", grant.port));
    terminal.types("r");
    terminal.sees(&format!("Release port {} (web/one)?", grant.port));
    terminal.types("n");
    terminal.sees("q ends");
    assert_eq!(home.leases().len(), 1);
    terminal.types("ry");
    until("the lease is released", || home.leases().is_empty());
    terminal.sees("No port is leased.");
    terminal.types("q");
    terminal.sees("code=0");
}

#[test]
fn a_search_narrows_down_and_escape_shows_all_again() {
    let home = Home::new();
    lease(&home, "orders");
    lease(&home, "customers");
    let mut terminal = top(&home, "NO_COLOR=1");
    let seen = terminal.sees("q ends");
    assert!(seen.contains("web/orders") && seen.contains("web/customers") && seen.contains("> "), "{seen}");
    assert!(!seen.contains("\u{1b}[3"), "NO_COLOR: {seen:?}");
    terminal.types("/CUST");
    terminal.sees("/CUST_");
    // The frame of the last letter: it is drawn from the top.
    terminal.types("\r");
    let frame = terminal.sees("not only CUST");
    assert!(frame.contains("web/customers") && !frame.contains("web/orders"), "{frame}");
    terminal.types("\x1b");
    terminal.sees("web/orders");
    terminal.types("q");
    terminal.sees("code=0");
}

#[test]
fn sessions_are_reached_however_many_services_there_are() {
    let home = Home::new();
    for number in 0..20 {
        lease(&home, &format!("app-{number}"));
    }
    let agent = Running::idle();
    let session =
        json!({ "instance_id": "claude-77", "pid": agent.pid(), "working_directory": home.project() });
    home.socket().post("/instance/register", &session);
    let mut terminal = top(&home, "NO_COLOR=1");
    let first = terminal.sees("… ");
    assert!(first.contains("> ") && !first.contains("claude-77"), "{first}");
    // The last row.
    terminal.types("\x1b[F");
    terminal.sees("> claude-77");
    terminal.types("k");
    terminal.sees("it is not a server");
    assert_eq!(home.leases().len(), 20);
    // And back: the first row.
    terminal.types("\x1b[H");
    terminal.sees("> ");
    terminal.types("q");
    terminal.sees("code=0");
}

#[test]
fn whatever_signal_ends_it_the_terminal_is_as_before() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let home = Home::new();
        lease(&home, "one");
        let mut terminal = Terminal::shell(&home);
        terminal.types("sh -c 'echo $$ > pid; exec \"$STYXY\" top'; echo code=$?\n");
        terminal.sees(ENTERS);
        terminal.sees("granted");
        let file = home.project().join("pid");
        let pid = eventually("its pid is known", || fs::read_to_string(&file).ok()?.trim().parse().ok());
        kill(pid, signal);
        terminal.sees(LEAVES);
        terminal.sees("code=0");
        terminal.types("stty -a\n");
        let modes = terminal.sees(" echok");
        assert!(modes.contains(" icanon") && modes.contains(" echo "), "{signal:?}: {modes}");
    }
}

#[test]
fn top_is_what_list_watch_is() {
    let home = Home::new();
    let grant = lease(&home, "one");
    let answer = |words: &[&str]| -> AllocationsAnswer {
        let mut command = home.styxy_command(words);
        let watch =
            Server::reading(command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()));
        serde_json::from_str(&watch.hear()).unwrap()
    };
    let one = answer(&["top", "--json"]);
    assert_eq!(one, answer(&["list", "--watch", "--json"]));
    assert_eq!(one.allocations[0].port, grant.port);
}
