//! The command line, as people and scripts see it.

use std::fs;
use std::path::Path;

use serde_json::json;
use styxy_core::api::{
    AllocateAnswer, AllocationsAnswer, CheckAnswer, CleanupAnswer, Code, ConfigAnswer, InstancesAnswer,
    RegisterAnswer, ReleaseAnswer, ScanAnswer, StatusAnswer, SuggestAnswer,
};

#[cfg(unix)]
use crate::support::until;
use crate::support::{Home, finish, sort, words};

/// Every command that people see.
pub(crate) const COMMANDS: &[&str] = &[
    "",
    "run",
    "up",
    "down",
    "logs",
    "ps",
    "env",
    "allocate",
    "release",
    "check",
    "who",
    "verify",
    "wait",
    "open",
    "kill",
    "firebase",
    "hook",
    "hooks",
    "hooks install",
    "suggest",
    "list",
    "instances",
    "scan",
    "cleanup",
    "status",
    "mcp",
    "daemon",
    "daemon start",
    "daemon stop",
    "daemon restart",
    "daemon status",
    "daemon run",
    "daemon logs",
    "config",
    "config show",
    "config validate",
    "config path",
    "config schema",
    "config init",
    "doctor",
    "completions",
];

#[test]
fn help_and_version_go_to_stdout_and_start_no_daemon() {
    let home = Home::new();
    for command in COMMANDS {
        let asked = [words(command), vec!["--help"]].concat();
        let said = home.styxy(&asked).done();
        assert!(said.stdout.contains("Usage: styxy"), "{command}: {}", said.stdout);
        assert_eq!(said.stderr, "", "{command}");
    }
    assert!(home.styxy(&["--version"]).done().stdout.starts_with("styxy "));
    // Whoever types the name alone asks what it is; a flag alone is wrong usage.
    let alone = home.styxy(&[]).done();
    assert!(alone.stdout.contains("Usage: styxy") && alone.stderr.is_empty(), "{alone:?}");
    assert!(home.styxy(&["--no-start"]).exits(2).stderr.contains("Usage: styxy"));
    assert!(!home.root().join("daemon.lock").exists(), "help started the daemon");
}

#[test]
fn json_is_exactly_the_wire_type() {
    let home = Home::new();
    home.styxy(&["daemon", "start", "--json"]).done().wire::<StatusAnswer>();
    home.socket().post("/instance/register", &json!({ "instance_id": "a" })).ok::<RegisterAnswer>();
    let grant: AllocateAnswer =
        home.styxy(&["allocate", "-s", sort::WEB, "-n", "web", "--instance", "a", "--json"]).done().wire();
    home.styxy(&["allocate", "-s", sort::WEB, "-s", sort::API, "--json"]).done().wire::<AllocateAnswer>();
    home.styxy(&["allocate", "-s", sort::WEB, "--dry-run", "--json"]).done().wire::<AllocateAnswer>();
    let port = grant.grants()[0].port.to_string();
    home.styxy(&["check", &port, "--json"]).done().wire::<CheckAnswer>();
    home.styxy(&["suggest", sort::WEB, "--json"]).done().wire::<SuggestAnswer>();
    let list = home.styxy(&["list", "--json"]).done();
    list.wire::<AllocationsAnswer>();
    assert_eq!(list.json(), home.socket().get("/allocations").json(), "not what REST answers");
    home.styxy(&["instances", "--json"]).done().wire::<InstancesAnswer>();
    home.styxy(&["scan", &port, "--json"]).done().wire::<ScanAnswer>();
    home.styxy(&["release", &port, "--json"]).done().wire::<ReleaseAnswer>();
    home.styxy(&["cleanup", "--json"]).done().wire::<CleanupAnswer>();
    home.styxy(&["daemon", "status", "--json"]).done().wire::<StatusAnswer>();
    home.styxy(&["daemon", "restart", "--json"]).done().wire::<StatusAnswer>();
    home.styxy(&["config", "show", "--json"]).done().wire::<ConfigAnswer>();
    home.styxy(&["config", "validate", "--json"]).done().wire::<ConfigAnswer>();
    home.styxy(&["config", "path", "--json"]).done().wire::<String>();
    home.styxy(&["daemon", "stop", "--json"]).done().wire::<Option<StatusAnswer>>();
    home.styxy(&["config", "show", "--json"]).done().wire::<ConfigAnswer>();
}

#[test]
fn a_refusal_exits_1_and_says_what_and_the_next_command_to_type() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number().to_string();
    let again = ["allocate", "-s", sort::WEB, "-p", &port, "--exact"];
    let said = home.styxy(&again).exits(1);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.starts_with("error: ") && said.stderr.contains("\nhint: styxy "), "{}", said.stderr);
    let json = home.styxy(&[&again[..], &["--json"]].concat()).exits(1);
    assert_eq!((json.refusal().code, json.stderr.as_str()), (Code::PortUnavailable, ""));
    home.styxy(&["allocate", "-s", "wep"]).exits(1);
    home.styxy(&["release", "00000000-0000-4000-8000-000000000000"]).exits(1);
    home.styxy(&["release", &home.spare_port().to_string()]).exits(1);
}

#[test]
fn wrong_usage_exits_2_and_starts_no_daemon() {
    let home = Home::new();
    for line in [
        "alocate",
        "allocate",
        "allocate -s dev -p 0",
        "allocate -s dev -p 70000",
        "allocate -s dev -p -1",
        "allocate -s dev -p abc",
        "allocate -s dev -p 3000abc",
        "allocate -s dev -p 3.5",
        "allocate -s dev --exact",
        "allocate -s dev -s api -p 3000",
        "allocate -s dev -s api -n web",
        "allocate -s dev --pid 0",
        "allocate -s dev --project /there/is/no/such/folder",
        "allocate -s a'b",
        "check",
        "check a:b",
        "check 0",
        "check 70000",
        "check -1",
        "release",
        "release 70000",
        "release a:b",
        "suggest",
        "suggest dev --count 0",
        "suggest dev --count 101",
        "suggest dev --count 1e1",
        "scan 3099-3000",
        "scan 0-10",
        "cleanup --force",
        "completions tcsh",
        "daemon",
        "config nonsense",
        "list --nonsense",
        "run --nonsense",
        "env --nonsense",
    ] {
        let said = home.styxy(&words(line)).exits(2);
        assert_eq!(said.stdout, "", "{line}");
        assert!(!said.stderr.is_empty(), "{line}");
        let json = home.styxy(&[words(line), vec!["--json"]].concat()).exits(2);
        assert_eq!((json.refusal().code, json.stderr.as_str()), (Code::InvalidRequest, ""), "{line}");
    }
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn quiet_prints_one_number_per_line_in_the_order_of_the_services() {
    let home = Home::new();
    let said =
        home.styxy(&["allocate", "-s", sort::API, "-s", sort::WEB, "-s", sort::API, "-q"]).done().stdout;
    let ports: Vec<u16> = said.lines().map(|line| line.parse().unwrap()).collect();
    let [first, second, third] = ports[..] else { panic!("{said}") };
    assert!(home.range(sort::API).contains(&first) && home.range(sort::API).contains(&third), "{said}");
    assert!(home.range(sort::WEB).contains(&second), "{said}");
}

#[test]
fn a_granted_port_is_shown_with_why_and_until_when() {
    let home = Home::new();
    let taken = home
        .styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-2", "-q"])
        .done()
        .number()
        .to_string();
    let said = home.styxy(&["allocate", "-s", sort::WEB, "-p", &taken]).done().stdout;
    assert!(said.contains("claude-2") && said.contains(&taken) && said.contains("15 min"), "{said}");
    let dry = home.styxy(&["allocate", "-s", sort::WEB, "--dry-run"]).done().stdout;
    assert!(dry.contains("would be"), "{dry}");
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn the_project_is_the_worktree_around_the_current_folder() {
    let home = Home::new();
    let deep = home.project().join("packages").join("web");
    fs::create_dir_all(&deep).unwrap();
    let worktree = home.project().join(".worktrees").join("feature");
    fs::create_dir_all(&worktree).unwrap();
    fs::write(worktree.join(".git"), "gitdir: ../../.git/worktrees/feature\n").unwrap();
    let outside = home.top().join("user").join("notes");
    fs::create_dir_all(&outside).unwrap();
    // A home folder does not count as a project, even if dotfiles are kept in git there.
    fs::create_dir(home.top().join("user/.git")).unwrap();
    let allocate = |folder: &Path, more: &[&str]| {
        let mut command = home.styxy_command(&[&["allocate", "-s", sort::WEB, "-q"], more].concat());
        let port = finish(command.current_dir(folder)).done().number();
        let lease = home.leases().into_iter().find(|lease| lease.port.get() == port).unwrap();
        lease.project_path.map(|path| path.as_str().to_owned())
    };
    let shown = |path: &Path| Some(path.to_str().unwrap().to_owned());
    assert_eq!(allocate(&deep, &[]), shown(&home.project()));
    assert_eq!(allocate(&worktree, &[]), shown(&worktree));
    assert_eq!(allocate(&outside, &[]), shown(&outside));
    assert_eq!(allocate(&home.top().join("user"), &[]), None);
    assert_eq!(allocate(&outside, &["--project", deep.to_str().unwrap()]), shown(&deep));
    assert_eq!(allocate(&outside, &["--project", "."]), shown(&outside));
}

#[test]
fn the_agent_session_is_the_one_the_environment_names() {
    let home = Home::new();
    let allocate = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = home.styxy_command(&[&["allocate", "-s", sort::WEB, "-q"], more].concat());
        let port = finish(command.envs(variables.iter().copied())).done().number();
        let lease = home.leases().into_iter().find(|lease| lease.port.get() == port).unwrap();
        lease.instance_id.map(|id| id.as_str().to_owned())
    };
    let all = [("STYXY_INSTANCE", "mine"), ("CLAUDE_PID", "42"), ("CLAUDE_CODE_SESSION_ID", "0b1c")];
    assert_eq!(allocate(&all, &["--instance", "given"]).as_deref(), Some("given"));
    assert_eq!(allocate(&all, &[]).as_deref(), Some("mine"));
    assert_eq!(allocate(&all[1..], &[]).as_deref(), Some("claude-42"));
    assert_eq!(allocate(&all[2..], &[]).as_deref(), Some("claude-0b1c"));
    assert_eq!(allocate(&[], &[]), None);
}

#[test]
#[cfg(unix)]
fn a_lease_for_a_shell_ends_with_the_shell() {
    let home = Home::new();
    home.start();
    finish(&mut home.shell("$STYXY allocate -s web -q --pid $$; $STYXY list | grep -q granted")).done();
    until("the lease ends", || home.leases().is_empty());
}

#[test]
fn a_request_id_makes_asking_twice_safe() {
    let home = Home::new();
    let ask = || home.styxy(&["allocate", "-s", sort::WEB, "--request-id", "once", "-q"]).done().number();
    assert_eq!(ask(), ask());
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn a_count_is_refused_in_the_same_words_as_every_other_value() {
    let home = Home::new();
    for count in ["1e1", "0", "101", "+5", "abc"] {
        let refused = home.styxy(&["suggest", sort::WEB, "--count", count]).exits(2);
        let said = format!("\"{count}\" is not a count; allowed: a whole number from 1 to 100");
        assert!(refused.stderr.contains(&said), "{refused:?}");
    }
}

#[test]
fn status_works_without_the_word_daemon() {
    let home = Home::new();
    home.styxy(&["status"]).exits(3);
    home.start();
    let status = home.styxy(&["status", "--json"]).done().wire::<StatusAnswer>();
    assert_eq!(status.pid, home.status().unwrap().pid);
}

#[test]
fn a_word_that_is_not_a_command_says_what_to_type() {
    let home = Home::new();
    fs::write(home.project().join("package.json"), r#"{"scripts": {"dev": "vite", "e2e": "x"}}"#).unwrap();
    fs::write(home.project().join("pnpm-lock.yaml"), "").unwrap();
    for (typed, expected) in [
        ("alocate", "styxy allocate"),
        ("ls", "styxy list"),
        ("start", "styxy run -- npm run dev"),
        ("stop", "styxy kill dev"),
        ("3000", "styxy check 3000"),
        ("localhost:3000", "styxy check 3000"),
        ("dev", "styxy run -- pnpm run dev"),
        ("e2e", "styxy run -- pnpm run e2e"),
        ("daemon strat", "styxy daemon start"),
        ("nonsense", "styxy --help"),
    ] {
        let said = home.styxy(&words(&format!("{typed} --json"))).exits(2).refusal();
        assert_eq!(said.hint.as_deref(), Some(expected), "{typed}");
    }
    let said = home.styxy(&["dev"]).exits(2).stderr;
    assert!(said.contains("tip: to run the script, type 'styxy run -- pnpm run dev'"), "{said}");
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}
