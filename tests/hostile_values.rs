//! What other programs call themselves, and where they are, controls no terminal, forges no line, and runs in no shell:
//! a corpus of hostile values through every output.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::corpus::{rows, text};
use crate::support::session::Session;
use crate::support::{Agent, Home, Server, finish, helper, on_terminal, sort, words};

const CORPUS: &str = include_str!("corpus/hostile.txt");

fn values() -> Vec<String> {
    rows(CORPUS).map(text).collect()
}

/// Whether a character controls a terminal, turns a line around or hides something.
fn is_raw(letter: char) -> bool {
    let ranges = [('\0', '\x1f'), ('\x7f', '\u{9f}'), ('\u{2028}', '\u{202e}'), ('\u{2066}', '\u{2069}')];
    let unseen = ['\u{61c}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}'];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter))
        || unseen.contains(&letter)
        || ('\u{e0000}'..='\u{e0fff}').contains(&letter)
}

/// `shown` has no raw character but new lines and tabs, the end of a terminal's line, and colours.
#[track_caller]
fn harmless(what: &str, shown: &str) {
    let mut plain = String::new();
    for part in shown.replace("\r\n", "\n").split("\u{1b}[") {
        let digits = part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
        plain.push_str(digits.strip_prefix('m').unwrap_or(if plain.is_empty() { part } else { "\u{1b}" }));
    }
    let raw: BTreeSet<char> =
        plain.chars().filter(|letter| is_raw(*letter) && !"\n\t".contains(*letter)).collect();
    assert!(raw.is_empty(), "{what}: {raw:?} in {shown:?}");
}

/// Runs a command for people, for programs and on a terminal; what it says is harmless, whatever it is. Gives what it
/// says to people.
#[track_caller]
fn said(home: &Home, line: &[&str]) -> String {
    let human = home.styxy(line);
    harmless(&format!("{line:?}"), &(human.stdout.clone() + &human.stderr));
    let json = home.styxy(&[line, &["--json"]].concat());
    harmless(&format!("{line:?} --json"), &(json.stdout.clone() + &json.stderr));
    json.stdout.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
    human.stdout + &human.stderr
}

#[track_caller]
fn shown(home: &Home, line: &[&str]) {
    let (_, shown) = on_terminal(home.styxy_command(line).env("TERM", "xterm-256color"), "");
    harmless(&format!("{line:?} on a terminal"), &shown);
}

/// No command of a value ran.
#[track_caller]
fn nothing_ran(home: &Home) {
    let mut folders = vec![home.top()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            assert_ne!(entry.file_name(), "pwned", "{}", folder.display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
}

#[test]
fn paths_and_metadata_of_others_are_exact_for_programs_and_harmless_for_people() {
    let home = Home::with(&json!({ "quotas": { "waiting_per_owner": 500 } }));
    home.start();
    let mut events = home.socket().events(None);
    let mut ports = Vec::new();
    for (at, value) in values().into_iter().enumerate() {
        let path = format!("/srv/{value}");
        let grant = home.allocate(&json!({ "service_type": sort::MANY, "project_path": path }));
        let (_, event) = events.expect("granted");
        assert_eq!(event.lease.unwrap().project_path.unwrap().as_str(), path, "the wire is exact");
        let instance = json!({ "instance_id": format!("s-{at}"), "working_directory": path, "metadata": { "v": value } });
        assert_eq!(home.socket().post("/instance/register", &instance).status, 200, "{instance}");
        events.expect("instance_registered");
        ports.push((grant.port.get().to_string(), path));
    }
    // As they are listed.
    ports.sort();
    let listed = said(&home, &["list"]);
    assert_eq!(listed.lines().count(), 1 + ports.len(), "a path forged a line: {listed}");
    let listed = home.styxy(&["list", "--json"]).done().json();
    let paths: Vec<&str> = listed["allocations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["project_path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ports.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>());
    let range = home.range(sort::MANY);
    let range = format!("{}-{}", range.start(), range.end());
    for line in
        [vec!["list"], vec!["instances"], vec!["scan", &range], vec!["doctor"], vec!["daemon", "status"]]
    {
        said(&home, &line);
        shown(&home, &line);
    }
    let metrics = home.socket().get("/metrics");
    harmless("/metrics", metrics.text());
    assert!(!metrics.text().contains("styxy_forged"), "{}", metrics.text());
    let mut agent = Agent::new(&home);
    harmless("list_ports", agent.done("list_ports", &json!({})).text());
    for (at, (port, _)) in ports.iter().enumerate() {
        let number: u16 = port.parse().unwrap();
        harmless("check_port", agent.done("check_port", &json!({ "port": number })).text());
        let refused = home.styxy(&["allocate", "-s", sort::WEB, "-p", port, "--exact"]).exits(1);
        harmless("allocate --exact", &refused.stderr);
        if at % 10 == 0 {
            harmless(
                "allocate_port",
                agent.done("allocate_port", &json!({ "service": sort::API, "port": number })).text(),
            );
            for line in ["check", "who", "release", "wait --timeout 1ms", "allocate -s web --dry-run -p"] {
                let mut words = words(line);
                words.insert(if line.starts_with("wait") { 1 } else { words.len() }, port);
                said(&home, &words);
            }
        }
    }
}

/// `value` as the name of a file.
fn file_name(value: &str) -> String {
    let mut name = value.replace('/', "_");
    while name.len() > 200 {
        name.pop();
    }
    format!("x{name}")
}

/// A server whose name, folder, branch and command line are the values of `chunk`.
fn hostile_server(home: &Home, chunk: &[String], port: u16) -> (Server, PathBuf) {
    let value = |at: usize| chunk.get(at).map_or("x", String::as_str);
    let folder = home.top().join("others").join(file_name(value(1))).join(file_name(value(3)));
    fs::create_dir_all(folder.join(".git")).unwrap();
    let branch = value(2).replace(['\n', '\r'], " ");
    fs::write(folder.join(".git/HEAD"), format!("ref: refs/heads/{branch}\n")).unwrap();
    let program =
        home.top().join("others").join(value(0).replace('/', "_").chars().take(12).collect::<String>());
    symlink(std::env::current_exe().unwrap(), &program).unwrap();
    let listen = helper(home, "listen", &[&format!("127.0.0.1:{port}")]);
    let mut command = home.command(&program);
    command.args(listen.get_args()).envs(listen.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.arg0(chunk.concat()).current_dir(&folder);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    (Server::listening(command.stderr(std::process::Stdio::null())), folder)
}

#[test]
fn titles_folders_and_branches_of_others_are_harmless_wherever_they_are_shown() {
    let home = Home::new();
    let values = values();
    let mut servers = Vec::new();
    for chunk in values.chunks(6) {
        let port = home.spare_port();
        servers.push((port, hostile_server(&home, chunk, port)));
    }
    let (first, last) = (servers[0].0, servers.last().unwrap().0);
    let range = format!("{first}-{last}");
    let scanned = said(&home, &["scan", &range]);
    assert_eq!(scanned.lines().count(), 1 + servers.len(), "a name forged a line: {scanned}");
    shown(&home, &["scan", &range]);
    let session = Session::new(&home, &home.project());
    let mut agent = Agent::new(&home);
    for (at, (port, (server, folder))) in servers.iter().enumerate() {
        let word = port.to_string();
        let checked = home.styxy(&["check", &word, "--json"]).done().json();
        let usage = &checked["system_usage"];
        assert_eq!(usage["pid"], server.pid(), "{checked}");
        assert_eq!(usage["working_directory"].as_str(), folder.to_str(), "the wire is exact");
        for line in [["check", &word], ["kill", &word]] {
            said(&home, &line);
        }
        for tool in ["check_port", "who_owns_port"] {
            harmless(tool, agent.done(tool, &json!({ "port": port })).text());
        }
        harmless("a hook", &session.bash(&format!("fuser -k {port}/tcp")));
        if at % 4 == 0 {
            shown(&home, &["kill", &word]);
            said(&home, &["who", &word]);
            said(&home, &["open", &word]);
            said(&home, &["allocate", "-s", sort::WEB, "-p", &word]);
            harmless("run", &home.styxy(&["run", "-s", sort::WEB, "-p", &word, "--", "true"]).stderr);
        }
    }
}

#[test]
fn an_evaluated_env_runs_nothing_of_the_folder_that_it_is_for() {
    let home = Home::new();
    let values = values();
    let shells =
        values.iter().filter(|value| value.contains("pwned") || value.contains('$') || value.contains('\''));
    let mut count = 0_usize;
    for value in shells {
        let folder = home.top().join("shells").join(file_name(value).split_off(1));
        fs::create_dir_all(folder.join(".git")).unwrap();
        let script = "eval \"$($STYXY env web)\" && [ \"$PORT\" -gt 0 ] && $STYXY env web -f dotenv > v && . ./v && \
                      [ \"$STYXY_URL\" = \"http://localhost:$PORT\" ] && PORT=$($STYXY allocate -s api -q) && [ \"$PORT\" -gt 0 ] \
                      && eval \"$($STYXY run -s web -- env | grep ^STYXY_WEB_PORT=)\" && $STYXY release $PORT > /dev/null";
        let done = finish(home.shell(script).current_dir(&folder)).done();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""), "{value:?}");
        let form = ["fish", "powershell", "github", "json"][count % 4];
        let said = finish(home.styxy_command(&["env", "web", "-f", form]).current_dir(&folder)).done().stdout;
        // A name has what is left of the folder in letters, digits and hyphens.
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        let without_names = said.split("http://").map(|part| match part.split_once(".localhost") {
            Some((name, rest)) if name.bytes().all(is_plain) => rest,
            _ => part,
        });
        let without_names: String = without_names.collect();
        assert!(said.is_ascii() && !without_names.contains("pwned"), "{form}: {said}");
        home.socket().post("/cleanup", &json!({ "force": true }));
        count += 1;
    }
    assert!(count >= 15, "{count}");
    nothing_ran(&home);
}

#[test]
fn what_is_refused_is_repeated_without_its_controls() {
    let home = Home::new();
    home.start();
    let file = home.project().join(".styxy.json");
    for (at, value) in values().iter().enumerate() {
        let refused = home.styxy(&["release", value]);
        harmless("release", &(refused.stdout + &refused.stderr));
        match at % 3 {
            0 => drop(said(&home, &["allocate", "-s", value])),
            1 => {
                fs::write(&file, json!({ value: 1, "services": { value: value } }).to_string()).unwrap();
                drop(said(&home, &["env"]));
                // Not even JSON.
                fs::write(&file, format!("{{ {value} }}")).unwrap();
                drop(said(&home, &["env"]));
                fs::remove_file(&file).unwrap();
            }
            _ => {
                let mut command = home.styxy_command(&["allocate", "-s", sort::WEB, "--dry-run"]);
                let refused = finish(command.env("STYXY_INSTANCE", value));
                harmless("STYXY_INSTANCE", &(refused.stdout + &refused.stderr));
            }
        }
    }
    nothing_ran(&home);
}

#[test]
fn a_daemons_folder_may_be_called_anything() {
    let home = Home::new();
    let root = home.top().join("\u{1b}[2J\u{202e}\n$(touch pwned)'\u{200b}");
    let home = home.at(root);
    home.configure(&json!({ "log_level": "debug" }));
    home.start();
    for line in ["daemon status", "doctor", "config show", "config validate", "list", "daemon logs"] {
        let line = words(line);
        if line == ["daemon", "logs"] {
            harmless("logs", &home.styxy(&line).done().stdout);
        } else {
            said(&home, &line);
        }
        shown(&home, &line);
    }
    harmless("the log's file", &fs::read_to_string(home.root().join("logs/daemon.log")).unwrap());
    shown(&home, &["config", "path"]);
    let path = home.styxy(&["config", "path"]).done().stdout;
    assert_eq!(path, format!("{}\n", home.root().join("config.json").display()), "a pipe gets it as it is");
    nothing_ran(&home);
}
