//! Tables at a terminal: nothing is wider than it, states have colours, and WHO is the process that listens.

use std::fs;

use serde_json::json;
use styxy_core::api::{AllocationsAnswer, State};
use unicode_width::UnicodeWidthStr;

use crate::support::{Home, Server, Terminal, sort, until};

/// What `words` show at a terminal, without the line that was typed.
fn shown(terminal: &mut Terminal, words: &str) -> String {
    terminal.types(&format!("echo beg''in; $STYXY {words}; echo en''d\n"));
    terminal.sees("begin\r\n");
    terminal.sees("end\r\n")
}

/// `text` without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("a colour and nothing else").1)
}

#[test]
fn no_line_is_wider_than_the_terminal_and_repository_and_branch_stay() {
    let home = Home::new();
    let fix = home.worktree("worktrees-of-the-shop/a-branch-with-a-long-name");
    let wide = home.top().join("店舗/🦀🦀/cafe\u{301}/👩\u{200d}💻-dépôt-très-long-pour-un-nom");
    fs::create_dir_all(wide.join(".git")).unwrap();
    let rows = [("claude-1", "front", &fix), ("claude-2", "packages.storefront-with-a-long-name", &wide)];
    for (session, name, folder) in rows {
        let ask = json!({ "service_type": sort::WEB, "service_name": name, "project_path": folder,
            "instance_id": "claude-51204" });
        home.allocate(&ask);
        let session = json!({ "instance_id": session, "working_directory": folder });
        assert_eq!(home.socket().post("/instance/register", &session).status, 200);
    }
    let mut terminal = Terminal::shell(&home);
    let range = format!("scan {}-{}", home.range(sort::WEB).start(), home.range(sort::WEB).end());
    for columns in [40, 60, 80, 100, 120, 200] {
        terminal.resizes(30, columns);
        for words in ["list", "instances", &range] {
            let text = plain(&shown(&mut terminal, words));
            for line in text.lines() {
                assert!(line.width() <= usize::from(columns), "{words} at {columns}: {line}");
            }
            assert_eq!(text.lines().count(), 3, "{words} at {columns}: {text}");
            assert!(text.contains("project") || columns < 60, "the repository, at {columns}: {text}");
            assert!(text.contains("proje") && text.contains("a-br"), "{words} at {columns}: {text}");
        }
    }
}

#[test]
fn a_terminal_of_no_size_is_as_wide_as_its_variable_says_or_80_columns() {
    let home = Home::new();
    let project = home.top().join("a-project-with-a-name-that-is-as-long-as-this-one-is/and-a-folder-in-it");
    fs::create_dir_all(&project).unwrap();
    home.allocate(
        &json!({ "service_type": sort::WEB, "project_path": project, "service_name": "a".repeat(60) }),
    );
    let mut terminal = Terminal::shell(&home);
    for (rows, columns) in [(0, 0), (0, 200), (24, 0)] {
        terminal.resizes(rows, columns);
        for (variable, most) in [("unset COLUMNS", 80), ("export COLUMNS=60", 60), ("export COLUMNS=0", 80)] {
            terminal.types(&format!("{variable}\n"));
            let text = plain(&shown(&mut terminal, "list"));
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default();
            assert!(widest <= most && widest > most - 20, "{rows} {columns} {variable}: {text}");
        }
    }
}

#[test]
fn who_is_the_command_until_its_server_listens_and_then_the_server() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.types("$STYXY run -q -s web -- cat &\n");
    until("the lease", || home.leases().len() == 1);
    let lease = home.leases().remove(0);
    let list = shown(&mut terminal, "list");
    assert!(list.contains(&format!("cat ({})", lease.owner.pid.unwrap())), "{list}");
    let server = Server::on(&home, lease.port.get());
    until("it listens", || home.leases()[0].state == State::Active);
    let list = shown(&mut terminal, "list");
    assert!(list.contains(&format!("({})", server.pid())) && !list.contains("cat ("), "{list}");
    assert_eq!(home.leases()[0].owner.process.as_deref(), Some("cat"), "the owner is another process");
}

#[test]
fn states_are_coloured_at_a_terminal_and_nowhere_else() {
    let home = Home::new();
    let grants = [(); 3]
        .map(|()| home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() })));
    let _server = Server::on(&home, grants[0].port.get());
    let _stranger = Server::in_folder(&home, &home.other_project(), grants[1].port.get());
    home.active(&grants[0]);
    until("a conflict", || home.lease_of(&grants[1]).is_some_and(|lease| lease.conflict.is_some()));
    let mut terminal = Terminal::shell(&home);
    let list = shown(&mut terminal, "list");
    for state in ["\u{1b}[32mactive", "\u{1b}[33mgranted", "\u{1b}[31mconflict"] {
        assert!(list.contains(state), "{state:?} in {list:?}");
    }
    terminal.types("export NO_COLOR=1\n");
    let list = shown(&mut terminal, "list");
    assert!(list.contains("conflict") && !list.contains('\u{1b}'), "{list:?}");
    let piped = home.styxy(&["list"]).done().stdout;
    assert!(piped.contains("conflict") && !piped.contains('\u{1b}'), "{piped:?}");
}

#[test]
fn a_list_takes_the_name_of_a_project_that_it_shows() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    let here = home.project().file_name().unwrap().to_str().unwrap().to_owned();
    let answer: AllocationsAnswer = home.styxy(&["list", "--project", &here, "--json"]).done().wire();
    assert_eq!(answer.allocations.len(), 1);
    let said = home.styxy(&["list", "--project", &format!("{here}x")]).done().stdout;
    assert!(said.contains(&format!("Did you mean {here}? ")), "{said}");
    let said = home.styxy(&["list", "--project", "shpo"]).done().stdout;
    assert!(said.contains(&format!("Projects with a lease: {here}.")), "{said}");
    let said = home.styxy(&["list", "--project", &here, "--service", sort::MANY]).done().stdout;
    assert!(said.starts_with("No lease matches."), "the project has leases, but no such one: {said}");
}
