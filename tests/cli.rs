//! The command line: what people and scripts see of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use styxy_core::api::{
    AllocateAnswer, AllocationsAnswer, CheckAnswer, CleanupAnswer, Code, ConfigAnswer, InstancesAnswer, RegisterAnswer,
    ReleaseAnswer, ScanAnswer, StatusAnswer, SuggestAnswer,
};

use crate::support::{Home, Running, Server, finish, helper, is_root, on_terminal, sort, until};

/// Every command that people see.
const COMMANDS: [&str; 24] = [
    "",
    "allocate",
    "release",
    "check",
    "suggest",
    "list",
    "instances",
    "scan",
    "cleanup",
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

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn every_commands_help_has_an_example() {
    let home = Home::new();
    for command in COMMANDS {
        let asked = [words(command), vec!["--help"]].concat();
        let said = home.styxy(&asked).done();
        assert!(said.stdout.contains("Examples:\n  styxy "), "{command}: {}", said.stdout);
        assert_eq!(said.stderr, "", "{command}");
    }
    assert!(!home.root().join("daemon.lock").exists(), "help started a daemon");
}

#[test]
fn the_help_lists_every_command_and_every_exit_code() {
    let home = Home::new();
    let help = home.styxy(&["--help"]).done().stdout;
    for command in COMMANDS.iter().filter(|command| !command.is_empty() && !command.contains(' ')) {
        assert!(help.contains(&format!("\n  {command} ")), "{command}:\n{help}");
    }
    for code in ["0  done", "1  refused", "2  wrong usage", "3  no daemon"] {
        assert!(help.contains(code), "{code}:\n{help}");
    }
    assert!(home.styxy(&["--version"]).done().stdout.starts_with("styxy "));
    // Nothing said is wrong usage, and a person is helped.
    assert!(home.styxy(&[]).exits(2).stderr.contains("Usage"));
}

#[test]
fn json_is_exactly_the_wire_type() {
    let home = Home::new();
    home.styxy(&["daemon", "start", "--json"]).done().wire::<StatusAnswer>();
    home.socket().post("/instance/register", &json!({ "instance_id": "a" })).ok::<RegisterAnswer>();
    let grant: AllocateAnswer = home.styxy(&["allocate", "-s", sort::WEB, "-n", "web", "--instance", "a", "--json"]).done().wire();
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
        "check abc",
        "check 0",
        "check 70000",
        "check -1",
        "release",
        "release 70000",
        "release no-id",
        "suggest",
        "suggest dev --count 0",
        "suggest dev --count 101",
        "scan 3099-3000",
        "scan 0-10",
        "cleanup --force",
        "completions tcsh",
        "daemon",
        "config nonsense",
        "list --nonsense",
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
fn quiet_prints_one_number_a_line_in_the_order_asked_for() {
    let home = Home::new();
    let said = home.styxy(&["allocate", "-s", sort::API, "-s", sort::WEB, "-s", sort::API, "-q"]).done().stdout;
    let ports: Vec<u16> = said.lines().map(|line| line.parse().unwrap()).collect();
    let [first, second, third] = ports[..] else { panic!("{said}") };
    assert!(home.range(sort::API).contains(&first) && home.range(sort::API).contains(&third), "{said}");
    assert!(home.range(sort::WEB).contains(&second), "{said}");
}

#[test]
fn a_granted_port_is_shown_with_why_and_until_when() {
    let home = Home::new();
    let taken = home.styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-2", "-q"]).done().number().to_string();
    let said = home.styxy(&["allocate", "-s", sort::WEB, "-p", &taken]).done().stdout;
    assert!(said.contains("claude-2") && said.contains(&taken) && said.contains("15 min"), "{said}");
    let dry = home.styxy(&["allocate", "-s", sort::WEB, "--dry-run"]).done().stdout;
    assert!(dry.contains("would be"), "{dry}");
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn the_project_is_the_worktree_around_the_current_folder() {
    let home = Home::new();
    let deep = home.project().join("packages/web");
    fs::create_dir_all(&deep).unwrap();
    let worktree = home.project().join(".worktrees/feature");
    fs::create_dir_all(&worktree).unwrap();
    fs::write(worktree.join(".git"), "gitdir: ../../.git/worktrees/feature\n").unwrap();
    let outside = home.top().join("user/notes");
    fs::create_dir_all(&outside).unwrap();
    // Dotfiles kept in git make no project of the whole home folder.
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
    assert_eq!(allocate(&outside, &[]), None);
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

// Giving back.

#[test]
fn a_lease_is_released_by_port_by_id_and_by_the_beginning_of_one_id() {
    let home = Home::new();
    let group: Value = json!({ "services": vec![json!({ "service_type": sort::MANY }); 64] });
    let group: styxy_core::api::GroupAnswer = home.socket().post("/allocate", &group).ok();
    let mut ids: Vec<String> = group.leases.iter().map(|grant| grant.lock_id.unwrap().to_string()).collect();
    ids.sort_unstable();
    let port_of = |id: &str| home.leases().into_iter().find(|lease| lease.lock_id.to_string() == id).unwrap().port;
    let by_port = home.styxy(&["release", &port_of(&ids[0]).to_string()]).done();
    assert!(by_port.stdout.contains("released"), "{by_port:?}");
    home.styxy(&["release", &ids[1], &ids[2]]).done();
    home.styxy(&["release", &ids[3][..20]]).done();
    assert_eq!(home.leases().len(), 60);
    // Of sixty ids, two begin with the same of six letters.
    let pair = ids[4..].windows(2).find(|pair| pair[0][..1] == pair[1][..1] && pair[0].starts_with(char::is_alphabetic));
    let pair = pair.expect("two ids of one beginning");
    let several = home.styxy(&["release", &pair[0][..1]]).exits(1);
    assert!(several.stderr.contains(&pair[0]) && several.stderr.contains(&pair[1]), "{}", several.stderr);
    let ended = home.styxy(&["release", &ids[0], "--json"]).exits(1);
    assert_eq!(ended.refusal().code, Code::LeaseEnded);
    // All are tried, whatever becomes of one.
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
    until("it listens", || home.leases()[0].state == styxy_core::api::State::Active);
    let refused = from_other(&[]).exits(1);
    assert!(refused.stderr.contains(&format!("styxy release {port} --force")), "{}", refused.stderr);
    assert_eq!(home.leases().len(), 1);
    from_other(&["--force"]).done();
    assert_eq!(home.leases(), []);
    drop(server);
}

#[test]
fn another_sessions_listening_lease_is_released_by_port_only_with_force() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-1", "-q"]).done().number();
    let _server = Server::on(&home, port);
    until("it listens", || home.leases()[0].state == styxy_core::api::State::Active);
    let release = ["release", &port.to_string()];
    finish(home.styxy_command(&release).env("STYXY_INSTANCE", "claude-2")).exits(1);
    finish(home.styxy_command(&release).env("STYXY_INSTANCE", "claude-1")).done();
    assert_eq!(home.leases(), []);
}

#[test]
fn a_forced_cleanup_asks_first_and_without_a_terminal_needs_yes() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    home.styxy(&["cleanup"]).done();
    let unasked = home.styxy(&["cleanup", "--force"]).exits(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(home.leases().len(), 1);
    let (code, shown) = on_terminal(&mut home.styxy_command(&["cleanup", "--force"]), "n\n");
    assert!(shown.contains("[y/N]"), "{shown}");
    assert_eq!((code, home.leases().len()), (1, 1));
    let (code, _) = on_terminal(&mut home.styxy_command(&["cleanup", "--force"]), "y\n");
    assert_eq!((code, home.leases().len()), (0, 0));
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    home.styxy(&["cleanup", "--force", "--yes"]).done();
    assert_eq!(home.leases(), []);
}

// Looking.

#[test]
fn check_names_a_foreign_listeners_process_command_project_and_branch() {
    let home = Home::new();
    fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/feature/login\n").unwrap();
    let port = home.spare_port();
    let server = Server::on(&home, port);
    let answer: CheckAnswer = home.styxy(&["check", &port.to_string(), "--json"]).done().wire();
    assert!(!answer.available && answer.allocated_to.is_none());
    let usage = answer.system_usage.expect("a listener");
    assert_eq!(usage.pid.map(styxy_core::Pid::get), Some(server.pid()));
    assert!(usage.process.is_some() && usage.started_at.is_some() && usage.user.is_some(), "{usage:?}");
    assert!(usage.command.as_ref().unwrap().contains("a_helper_does_as_it_is_told"), "{usage:?}");
    assert_eq!(usage.project_path.as_ref().map(|path| path.as_str()), home.project().to_str());
    assert_eq!(usage.branch.as_deref(), Some("feature/login"));
    let said = home.styxy(&["check", &port.to_string()]).done().stdout;
    for fact in [server.pid().to_string().as_str(), "a_helper_does_as_it_is_told", home.project().to_str().unwrap(), "feature/login"] {
        assert!(said.contains(fact), "{fact}:\n{said}");
    }
    let free = home.styxy(&["check", &home.spare_port().to_string()]).done().stdout;
    assert!(free.contains("is free"), "{free}");
}

#[test]
fn a_worktrees_branch_is_found_behind_its_git_file() {
    let home = Home::new();
    let worktree = home.top().join("feature");
    let git = home.project().join(".git/worktrees/feature");
    fs::create_dir_all(&worktree).unwrap();
    fs::create_dir_all(&git).unwrap();
    fs::write(worktree.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/feature\n").unwrap();
    let port = home.spare_port();
    let address = format!("127.0.0.1:{port}");
    let _server = Server::listening(helper(&home, "listen", &[address.as_str()]).current_dir(&worktree));
    let answer: CheckAnswer = home.styxy(&["check", &port.to_string(), "--json"]).done().wire();
    let usage = answer.system_usage.expect("a listener");
    assert_eq!((usage.project_path.unwrap().as_str(), usage.branch.as_deref()), (worktree.to_str().unwrap(), Some("feature")));
}

#[test]
fn list_shows_who_has_what_and_filters() {
    let home = Home::new();
    let allocate = |more: &[&str]| home.styxy(&[&["allocate", "-q"], more].concat()).done().number().to_string();
    let first = allocate(&["-s", sort::WEB, "-n", "front", "--instance", "claude-1"]);
    let second = allocate(&["-s", sort::API, "--project", home.other_project().to_str().unwrap()]);
    let said = home.styxy(&["list"]).done().stdout;
    assert_eq!(said.lines().count(), 3, "{said}");
    for (row, facts) in [(1, [first.as_str(), "web/front", "granted", "claude-1", "project"]), (2, [&second, "api", "granted", "waits", "other"])] {
        let row = said.lines().nth(row).unwrap();
        assert!(facts.iter().all(|fact| row.contains(fact)), "{facts:?} in {row}");
    }
    let ports = |filter: &[&str]| -> Vec<String> {
        let answer: AllocationsAnswer = home.styxy(&[&["list", "--json"], filter].concat()).done().wire();
        answer.allocations.iter().map(|lease| lease.port.to_string()).collect()
    };
    assert_eq!(ports(&[]), [first.clone(), second.clone()]);
    assert_eq!(ports(&["--service", sort::WEB]), [first.clone()]);
    assert_eq!(ports(&["--project", "."]), [first.clone()]);
    assert_eq!(ports(&["--instance", "claude-1"]), [first]);
    assert_eq!(ports(&["--port", &second]), [second]);
    assert_eq!(ports(&["--service", "none-like-it"]), Vec::<String>::new());
}

#[test]
fn scan_lists_listeners_and_leases_with_their_processes() {
    let home = Home::new();
    let leased = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let foreign = home.spare_port();
    let server = Server::on(&home, foreign);
    let range = format!("{}-{foreign}", home.listen_port());
    let answer: ScanAnswer = home.styxy(&["scan", &range, "--json"]).done().wire();
    let ports: Vec<u16> = answer.ports_in_use.iter().map(|used| used.port.get()).collect();
    assert_eq!((answer.scan_range, ports), (range.clone(), vec![home.listen_port(), leased, foreign]));
    let said = home.styxy(&["scan", &range]).done().stdout;
    assert!(said.contains(&server.pid().to_string()) && said.contains(&leased.to_string()), "{said}");
    // The whole machine, without a range.
    assert!(home.styxy(&["scan"]).done().stdout.contains(&foreign.to_string()));
}

#[test]
fn suggest_lists_ports_and_exits_1_if_there_is_none() {
    let home = Home::new();
    let said = home.styxy(&["suggest", sort::TINY, "--count", "5"]).done().stdout;
    assert_eq!(said.lines().map(|line| line.parse::<u16>().unwrap()).collect::<Vec<_>>(), home.range(sort::TINY).collect::<Vec<_>>());
    home.styxy(&["allocate", "-s", sort::TINY, "-s", sort::TINY, "-q"]).done();
    let none = home.styxy(&["suggest", sort::TINY]).exits(1);
    assert_eq!(none.stdout, "");
}

#[test]
fn instances_shows_the_live_sessions() {
    let home = Home::new();
    let session = Running::idle();
    home.socket().post("/instance/register", &json!({ "instance_id": "claude-1", "pid": session.pid() })).ok::<RegisterAnswer>();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-1", "-q"]).done().number().to_string();
    let said = home.styxy(&["instances"]).done().stdout;
    assert!(["claude-1", &port, &session.pid().to_string()].iter().all(|fact| said.contains(fact)), "{said}");
}

#[test]
fn status_says_how_the_daemon_is() {
    let home = Home::new();
    let pid = home.start().pid.to_string();
    let said = home.styxy(&["daemon", "status"]).done().stdout;
    let address = format!("127.0.0.1:{}", home.listen_port());
    for fact in [pid.as_str(), env!("CARGO_PKG_VERSION"), "uptime", &address, "styxy.sock", "leases", "instances"] {
        assert!(said.contains(fact), "{fact}:\n{said}");
    }
}

#[test]
fn logs_shows_the_log_and_follows_it() {
    let home = Home::new();
    home.start();
    let log = home.styxy(&["daemon", "logs"]).done().stdout;
    assert!(log.contains("ready"), "{log}");
    let mut follow = home.styxy_command(&["daemon", "logs", "-f", "-n", "1"]);
    let follow = Server::reading(follow.stdout(Stdio::piped()));
    assert!(follow.hear().contains("ready"));
    home.styxy(&["daemon", "restart"]).done();
    assert!(follow.hear().contains("stopped"));
    assert!(follow.hear().contains("ready"));
}

// Where it prints.

#[test]
fn colour_is_for_terminals_and_never_under_no_color() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    for line in ["list", "--help", "doctor", "release 1", "daemon status", "check 1"] {
        let piped = home.styxy(&words(line));
        assert!(!piped.stdout.contains('\x1b') && !piped.stderr.contains('\x1b'), "{line}: {piped:?}");
        let (_, plain) = on_terminal(home.styxy_command(&words(line)).env("TERM", "xterm-256color").env("NO_COLOR", "1"), "");
        assert!(!plain.contains('\x1b'), "{line}: {plain:?}");
        let (_, coloured) = on_terminal(home.styxy_command(&words(line)).env("TERM", "xterm-256color"), "");
        assert!(coloured.contains("\x1b["), "{line}: {coloured:?}");
        let (_, json) = on_terminal(home.styxy_command(&[words(line), vec!["--json"]].concat()).env("TERM", "xterm-256color"), "");
        assert!(line == "--help" || !json.contains('\x1b'), "{line}: {json:?}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    for line in ["list", "list --json", "--help", "scan", "completions bash", "config show", "config schema", "daemon status", "daemon logs"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.styxy_command(&words(line));
        let ended = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{line}");
    }
    finish(&mut home.shell("$STYXY list | head -0")).done();
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let home = Home::new();
    home.start();
    let mut command = home.styxy_command(&["list"]);
    let ended = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().starts_with("error: "));
}

#[test]
fn every_shell_has_completions() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = home.styxy(&["completions", shell]).done().stdout;
        for word in ["allocate", "doctor", "--exact"] {
            // Fish names options without their dashes.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    let file = home.top().join("styxy.bash");
    finish(&mut home.shell(&format!("$STYXY completions bash > {}", file.display()))).done();
    match std::process::Command::new("bash").arg("-n").arg(&file).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => println!("skipped: bash: {error}"),
    }
}

#[test]
fn every_command_has_a_man_page() {
    let home = Home::new();
    let folder = home.top().join("man");
    home.styxy(&["man", folder.to_str().unwrap()]).done();
    for command in COMMANDS {
        let name = [&["styxy"], &words(command)[..]].concat().join("-");
        let page = fs::read_to_string(folder.join(format!("{name}.1"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".TH"), "{name}");
    }
}

// Where its files are.

#[test]
fn the_folder_is_in_the_home_folder_if_nothing_else_is_said() {
    let home = Home::new();
    let root = home.top().join("user/.styxy");
    let home = home.at(root.clone());
    home.configure(&json!({}));
    let said = finish(home.styxy_command(&["daemon", "start", "--json"]).env_remove("STYXY_HOME")).done();
    assert_eq!(said.wire::<StatusAnswer>().listen.socket, root.join("styxy.sock").to_str().unwrap());
}

#[test]
fn without_a_home_folder_a_command_says_what_to_set() {
    let home = Home::new();
    for line in ["list", "allocate -s web -q", "daemon start", "daemon run", "daemon status", "doctor", "config path"] {
        let mut command = home.styxy_command(&words(line));
        let said = finish(command.env_remove("HOME").env_remove("STYXY_HOME")).exits(2);
        assert!(said.stderr.contains("STYXY_HOME") && said.stderr.contains("HOME is not set"), "{line}: {}", said.stderr);
        let said = finish(home.styxy_command(&words(line)).env("STYXY_HOME", "relative/folder")).exits(2);
        assert!(said.stderr.contains("absolute"), "{line}: {}", said.stderr);
    }
    // These need no folder.
    for line in ["--help", "completions fish", "config schema", "--version"] {
        finish(home.styxy_command(&words(line)).env_remove("HOME").env_remove("STYXY_HOME")).done();
    }
}

#[test]
fn a_folder_that_cannot_be_made_or_written_is_refused_with_what_to_do() {
    let home = Home::empty();
    fs::write(home.root(), "a file").unwrap();
    let told = |home: &Home| {
        for line in ["allocate -s dev", "daemon start", "daemon run"] {
            let said = home.styxy(&words(line)).exits(1);
            let root = home.root().to_str().unwrap();
            assert!(said.stderr.contains(root) && said.stderr.contains("hint: "), "{line}: {}", said.stderr);
        }
    };
    told(&home);
    let inside = home.root().join("inside");
    told(&Home::empty().at(inside));
    assert_eq!(fs::read_to_string(home.root()).unwrap(), "a file");
    if is_root() {
        println!("skipped in part: root may write everywhere");
        return;
    }
    let home = Home::empty();
    home.make_root();
    fs::set_permissions(home.root(), Permissions::from_mode(0o500)).unwrap();
    told(&home);
}

// Configuration.

#[test]
fn config_init_writes_a_valid_file_once() {
    let home = Home::empty();
    let path = home.root().join("config.json");
    assert_eq!(home.styxy(&["config", "path"]).done().stdout, format!("{}\n", path.display()));
    home.styxy(&["config", "validate"]).done();
    home.styxy(&["config", "init"]).done();
    assert!(home.styxy(&["config", "validate"]).done().stdout.contains("valid"));
    let text = fs::read_to_string(&path).unwrap();
    let again = home.styxy(&["config", "init"]).exits(1);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(home.root().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn config_validate_points_at_the_mistake_of_any_file() {
    let home = Home::new();
    let file = home.top().join("mine.json");
    fs::write(&file, "{\n  \"unbind_grace\": \"ten\"\n}").unwrap();
    let name = file.to_str().unwrap();
    let said = home.styxy(&["config", "validate", name]).exits(1);
    assert!(said.stderr.contains(&format!("{name}:2:19: ")), "{}", said.stderr);
    let refusal = home.styxy(&["config", "validate", name, "--json"]).exits(1).refusal();
    assert_eq!((&refusal.details["line"], &refusal.details["column"]), (&json!(2), &json!(19)));
    home.styxy(&["config", "validate", "/there/is/no/such/file"]).exits(1);
}

#[test]
fn config_show_says_what_is_in_force_and_where_it_comes_from() {
    let home = Home::with(&json!({ "bind_ttl": 77 }));
    let from_file = home.styxy(&["config", "show"]).done();
    assert!(from_file.stderr.contains("no daemon"), "{}", from_file.stderr);
    home.start();
    let running = home.styxy(&["config", "show"]).done();
    assert_eq!(running.stdout, from_file.stdout);
    let row = running.stdout.lines().find(|line| line.starts_with("bind_ttl")).unwrap();
    assert!(row.contains("77") && row.contains("config.json"), "{row}");
    let row = running.stdout.lines().find(|line| line.starts_with("storybook")).unwrap();
    assert!(row.contains("6006-6010") && row.contains("built in"), "{row}");
    home.configure(&json!({ "bind_ttl": 78 }));
    let changed = home.styxy(&["config", "show"]).done();
    assert!(changed.stderr.contains("styxy daemon restart") && changed.stdout.contains("77"), "{changed:?}");
}

#[test]
fn config_schema_is_the_one_of_this_repository() {
    let home = Home::new();
    let said = home.styxy(&["config", "schema"]).done().stdout;
    let schema: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(schema, serde_json::from_str::<Value>(include_str!("../docs/config.schema.json")).unwrap());
}

// The doctor.

/// What the doctor found of `check`: its verdict, message and hint.
fn finding(home: &Home, code: i32, check: &str) -> (String, String, String) {
    let findings = home.styxy(&["doctor", "--json"]).exits(code).json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {findings}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("message"), text("hint"))
}

#[test]
fn a_healthy_machine_is_said_to_be_so_with_and_without_a_daemon() {
    let home = Home::new();
    let without = home.styxy(&["doctor"]).done().stdout;
    assert!(without.contains("not running"), "{without}");
    assert!(home.status().is_none(), "the doctor started a daemon");
    home.start();
    let with = home.styxy(&["doctor"]).done().stdout;
    for check in ["daemon", "version", "port", "config", "folder", "ranges", "descriptors", "journal"] {
        assert!(with.lines().any(|line| line.contains(check)), "{check}:\n{with}");
    }
    assert!(!with.contains("wrong"), "{with}");
}

#[test]
fn the_doctor_exits_1_over_a_mistake_in_the_configuration() {
    let home = Home::new();
    home.write_config("{ \"listenport\": 1 }");
    let (verdict, message, hint) = finding(&home, 1, "config");
    assert_eq!(verdict, "wrong");
    assert!(message.contains("config.json:1:3: ") && hint.contains("listen_port"), "{message} {hint}");
}

#[test]
fn the_doctor_exits_1_over_a_folder_that_others_may_look_into() {
    let home = Home::new();
    fs::set_permissions(home.root(), Permissions::from_mode(0o755)).unwrap();
    let (verdict, _, hint) = finding(&home, 1, "folder");
    assert_eq!(verdict, "wrong");
    assert!(hint.contains("chmod 700"), "{hint}");
}

#[test]
fn the_doctor_exits_1_over_a_listen_port_that_somebody_else_has() {
    let home = Home::new();
    let _holder = Server::on(&home, home.listen_port());
    let (verdict, message, hint) = finding(&home, 1, "port");
    assert_eq!(verdict, "wrong");
    assert!(message.contains(&home.listen_port().to_string()) && !hint.is_empty(), "{message} {hint}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_warns_of_ranges_that_outgoing_connections_use() {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = text.split_whitespace().next().unwrap().parse().unwrap();
    let home = Home::new();
    home.configure(&json!({ "service_types": { "risky": { "range": [first, first + 9] } } }));
    let (verdict, message, hint) = finding(&home, 0, "ranges");
    assert_eq!(verdict, "warn");
    assert!(message.contains("risky") && !hint.is_empty(), "{message} {hint}");
}

#[test]
fn the_doctor_warns_of_a_stranger_on_a_leased_port() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let address = format!("127.0.0.1:{port}");
    let _stranger = Server::listening(helper(&home, "listen", &[address.as_str()]).current_dir(home.other_project()));
    let (verdict, message, hint) = finding(&home, 0, "leases");
    assert_eq!((verdict.as_str(), hint), ("warn", format!("styxy check {port}")));
    assert!(message.contains(&port.to_string()), "{message}");
    assert!(home.styxy(&["list"]).done().stdout.contains("conflict"));
}
