//! `styxy run` of a command that starts several servers: each has its own port, and the command itself has none.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::json;

use crate::support::{DEADLINE, Home, finish, on_terminal, sort, until};

/// A server that says its name and its port, and then runs until somebody writes into `NAME.end`.
const SAYS: &str = "echo \"says $1 ${PORT-none}\"; exec cat $1.end\n";

/// What runs each of its arguments in a shell, all together, as concurrently does.
const CONCURRENTLY: &str = "#!/bin/sh\nfor text; do sh -c \"$text\" & done; wait\n";

/// What runs the scripts of these names, all together, as run-p does.
const RUN_P: &str = "#!/bin/sh\nfor script; do npm run --silent $script & done; wait\n";

/// What runs the processes of a Procfile, the next one with 100 more than the one before, as foreman does.
const HONCHO: &str = "#!/bin/sh
[ \"$2\" = -f ] && file=$3; PORT=5000
while IFS= read -r line; do PORT=$PORT sh -c \"${line#*: }\" & PORT=$((PORT + 100)); done < ${file:-Procfile}
wait
";

/// What runs a command with a `PORT` of its own, as env-cmd does with its file.
const ENV_CMD: &str = "#!/bin/sh\nPORT=$(sed -n 's/^PORT=//p' .env) exec \"$@\"\n";

fn program(home: &Home, name: &str, text: &str) {
    let bin = home.project().join("node_modules/.bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(name), text).unwrap();
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

fn package(folder: &Path, package: &serde_json::Value) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("package.json"), package.to_string()).unwrap();
}

/// A project with those programs, where `sh says.sh NAME` is a server.
fn project(home: &Home) {
    program(home, "concurrently", CONCURRENTLY);
    program(home, "run-p", RUN_P);
    program(home, "env-cmd", ENV_CMD);
    program(home, "honcho", HONCHO);
    serve(home, &home.project(), &["web", "api"]);
}

fn serve(home: &Home, folder: &Path, names: &[&str]) {
    fs::write(folder.join("says.sh"), SAYS).unwrap();
    for name in names {
        finish(home.command("mkfifo").arg(folder.join(format!("{name}.end")))).done();
    }
}

/// Servers that run, and the port that each of them says.
struct Servers {
    child: Child,
    says: BTreeMap<String, String>,
    warnings: Receiver<String>,
    ends: Vec<std::path::PathBuf>,
}

/// Runs `command` until as many servers as `folders` name have said their ports.
fn start(command: &mut Command, ends: &[std::path::PathBuf]) -> Servers {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(child.stdout.take().unwrap());
    let warnings = lines_of(child.stderr.take().unwrap(), "warning: ");
    let mut says = BTreeMap::new();
    while says.len() < ends.len() {
        let line = lines.recv_timeout(DEADLINE).expect("a server says its port");
        if let Some((name, port)) = line.strip_prefix("says ").and_then(|line| line.split_once(' ')) {
            says.insert(name.to_owned(), port.to_owned());
        }
    }
    Servers { child, says, warnings, ends: ends.to_vec() }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    lines_of(from, "")
}

fn lines_of(from: impl std::io::Read + Send + 'static, start: &'static str) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let all = std::io::BufRead::lines(std::io::BufReader::new(from));
        all.map_while(Result::ok).filter(|line| line.starts_with(start)).try_for_each(|line| send.send(line))
    });
    receive
}

impl Servers {
    /// Ends the servers, and with them the command; what it warned about.
    fn end(mut self) -> Vec<String> {
        for end in &self.ends {
            // Whoever opens it for writing and closes it ends the reader.
            fs::write(end, "").unwrap();
        }
        self.child.wait().unwrap();
        self.warnings.iter().collect()
    }
}

/// The names of the leases, by port.
fn leased(home: &Home) -> BTreeMap<String, String> {
    let name = |lease: &styxy_core::api::Lease| {
        lease.service_name.as_ref().map_or("", |name| name.as_str()).to_owned()
    };
    home.leases().into_iter().map(|lease| (name(&lease), lease.port.to_string())).collect()
}

fn ends(home: &Home) -> Vec<std::path::PathBuf> {
    ["web.end", "api.end"].map(|end| home.project().join(end)).to_vec()
}

fn run(home: &Home, words: &[&str]) -> Command {
    let mut command = home.styxy_command(&[&["run", "-s", sort::WEB], words].concat());
    command.env("npm_config_update_notifier", "false");
    command
}

const BOTH: [&str; 2] = ["sh says.sh web", "sh says.sh api"];

#[test]
fn each_server_of_a_runner_has_its_own_lease_and_keeps_its_port() {
    let home = Home::new();
    project(&home);
    package(
        &home.project(),
        &json!({ "scripts": {
            "web": BOTH[0], "api": BOTH[1], "dev": "run-p web api",
            "all": "concurrently 'sh says.sh web' 'sh says.sh api'",
        } }),
    );
    let text = format!("{} & {} & wait", BOTH[0], BOTH[1]);
    let concurrently = "node_modules/.bin/concurrently";
    let mut before = None;
    for words in [
        &["--", concurrently, "-n", "web,api", BOTH[0], BOTH[1]][..],
        &["--", "npm", "run", "dev"],
        &["--", "node_modules/.bin/run-p", "web", "api"],
    ] {
        let servers = start(&mut run(&home, words), &ends(&home));
        assert_eq!(leased(&home), servers.says, "{words:?}");
        assert_ne!(servers.says["web"], servers.says["api"], "{words:?}");
        assert_eq!(*before.get_or_insert(servers.says.clone()), servers.says, "{words:?}");
        assert_eq!(servers.end(), Vec::<String>::new(), "{words:?}");
        until("the leases end", || home.leases().is_empty());
    }
    for words in [&["--", "sh", "-c", &text][..], &["--", "npm", "run", "all"]] {
        let servers = start(&mut run(&home, words), &ends(&home));
        let ports =
            |all: BTreeMap<String, String>| all.into_values().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(ports(leased(&home)), ports(servers.says.clone()), "{words:?}");
        assert_eq!(leased(&home).len(), 2, "{words:?}");
        servers.end();
        until("the leases end", || home.leases().is_empty());
    }
}

#[test]
fn a_mistake_in_the_projects_file_is_one_warning_for_all_servers() {
    let home = Home::new();
    project(&home);
    fs::write(home.project().join(".styxy.json"), "{").unwrap();
    let servers = start(run(&home, &["--", "node_modules/.bin/concurrently"]).args(BOTH), &ends(&home));
    assert_eq!(leased(&home).len(), 2);
    assert_eq!(servers.end().len(), 1);
}

#[test]
fn a_typed_port_and_name_are_for_the_servers_of_the_runner() {
    let home = Home::new();
    project(&home);
    let wished = home.spare_port().to_string();
    let words = ["-n", "shop", "-p", &wished, "--", "node_modules/.bin/concurrently", "-n", "web,api"];
    let servers = start(run(&home, &words).args(BOTH), &ends(&home));
    assert_eq!(servers.says["web"], wished);
    assert_eq!(leased(&home).into_keys().collect::<Vec<_>>(), ["shop-api", "shop-web"]);
    servers.end();
}

#[test]
fn a_server_that_is_called_like_a_service_of_the_project_is_that_service() {
    let home = Home::new();
    project(&home);
    let file = json!({ "services": { sort::API: {} } });
    fs::write(home.project().join(".styxy.json"), file.to_string()).unwrap();
    let names = format!("web,{}", sort::API);
    let words = ["run", "--", "node_modules/.bin/concurrently", "-n", &names];
    let servers = start(home.styxy_command(&words).args(BOTH), &ends(&home));
    let of_type = home.leases().into_iter().find(|lease| lease.service_type.as_str() == sort::API).unwrap();
    assert_eq!(of_type.port.to_string(), servers.says["api"]);
    assert_eq!(of_type.service_name, None);
    servers.end();
}

#[test]
fn the_scripts_of_other_packages_lease_by_their_package() {
    let home = Home::new();
    package(&home.project(), &json!({ "workspaces": ["packages/*"] }));
    let mut ends = Vec::new();
    for name in ["web", "api"] {
        let folder = home.project().join("packages").join(name);
        let script = format!("sh says.sh {name} | cat");
        package(&folder, &json!({ "name": name, "version": "1.0.0", "scripts": { "dev": script } }));
        serve(&home, &folder, &[name]);
        ends.push(folder.join(format!("{name}.end")));
    }
    let servers = start(&mut run(&home, &["--", "npm", "run", "dev", "-w", "api"]), &ends[1..]);
    assert_eq!(leased(&home), BTreeMap::from([("packages.api".to_owned(), servers.says["api"].clone())]));
    servers.end();
}

#[test]
fn servers_that_cannot_be_reached_start_as_without_styxy_and_one_warning_says_what_to_type() {
    let home = Home::new();
    project(&home);
    package(
        &home.project(),
        &json!({ "scripts": { "web": BOTH[0], "api": BOTH[1], "dev": "run-p web api" } }),
    );
    fs::write(home.project().join(".npmrc"), "script-shell=/bin/sh\n").unwrap();
    let servers = start(&mut run(&home, &["--", "npm", "run", "dev"]), &ends(&home));
    let none = |name: &str| (name.to_owned(), "none".to_owned());
    assert_eq!(servers.says, BTreeMap::from([none("web"), none("api")]));
    assert_eq!(home.leases().len(), 0);
    let [warning] = &servers.end()[..] else { panic!("one warning") };
    for words in ["styxy run -n web --", "styxy run -n api --"] {
        assert!(warning.contains(words), "{warning}");
    }
}

#[test]
fn each_process_of_a_procfile_has_its_own_lease_and_the_file_stays_as_it_is() {
    let home = Home::new();
    project(&home);
    let text = "web: sh says.sh web\napi: sh says.sh api\n";
    fs::write(home.project().join("Procfile"), text).unwrap();
    let servers = start(&mut run(&home, &["--", "node_modules/.bin/honcho", "start"]), &ends(&home));
    assert_eq!(leased(&home), servers.says);
    servers.end();
    assert_eq!(fs::read_to_string(home.project().join("Procfile")).unwrap(), text);
}

#[test]
fn a_command_that_begins_without_variables_gets_its_port() {
    let home = Home::new();
    project(&home);
    let words = ["--", "env", "-i", "PATH=/usr/bin:/bin", "sh", "says.sh", "web"];
    let servers = start(&mut run(&home, &words), &ends(&home)[..1]);
    assert_eq!(home.leases()[0].port.to_string(), servers.says["web"]);
    assert_eq!(servers.end(), Vec::<String>::new());
}

#[test]
fn a_port_that_the_command_itself_sets_is_not_another_one_than_the_lease() {
    let home = Home::new();
    project(&home);
    let port = home.spare_port();
    fs::write(home.project().join(".env"), format!("PORT={port}\n")).unwrap();
    package(&home.project(), &json!({ "scripts": { "dev": ". ./.env; export PORT; sh says.sh web" } }));
    for words in [
        &["--", "node_modules/.bin/env-cmd", "sh", "says.sh", "web"][..],
        &["--", "sh", "-c", "set -a; . ./.env; sh says.sh web"],
        &["--", "npm", "run", "dev"],
    ] {
        let servers = start(&mut run(&home, words), &ends(&home)[..1]);
        assert_eq!(home.leases()[0].port.to_string(), servers.says["web"], "{words:?}");
        assert_eq!(servers.end(), Vec::<String>::new(), "{words:?}");
        until("the lease ends", || home.leases().is_empty());
    }
}

#[test]
fn servers_in_a_file_or_a_loop_share_no_port_without_a_word() {
    let home = Home::new();
    project(&home);
    let write = |file: &str, text: &str| fs::write(home.project().join(file), text).unwrap();
    let server = "node_modules/.bin/node";
    program(&home, "node", "#!/bin/sh\nexec sh says.sh ${1%.js}\n");
    write("start.sh", &format!("#!/bin/sh\n{server} web.js &\n{server} api.js &\nwait\n"));
    write("Makefile", &format!("web:\n\t@{server} web.js\napi:\n\t@{server} api.js\n"));
    for (words, file) in
        [(&["--", "sh", "start.sh"][..], "start.sh"), (&["--", "make", "-j2", "web", "api"], "Makefile")]
    {
        let servers = start(&mut run(&home, words), &ends(&home));
        assert_eq!(servers.says.values().collect::<Vec<_>>(), ["none", "none"], "{file}");
        let [warning] = &servers.end()[..] else { panic!("one warning") };
        let expected = ["styxy run -n web -- and styxy run -n api --", &format!("{file} starts several")];
        assert!(expected.iter().all(|words| warning.contains(words)), "{warning}");
        // What was typed is kept or refused, or does nothing as the warning says.
        let dropped = [&["-p", "3999", "--once"], words].concat();
        let [warning] = &start(&mut run(&home, &dropped), &ends(&home)).end()[..] else {
            panic!("one warning")
        };
        assert!(warning.ends_with("; until then -s, -p and --once do nothing"), "{warning}");
        let port = home.spare_port().to_string();
        let exact = finish(&mut run(&home, &[&["-p", &port, "--exact"], words].concat())).exits(2);
        assert!(exact.stderr.contains("error: the exact port cannot be given"), "{}", exact.stderr);
    }
    for text in [
        format!("for i in web api; do {server} $i.js & done; wait"),
        format!("printf 'web.js\\napi.js\\n' | xargs -P2 -n1 {server}"),
    ] {
        let servers = start(&mut run(&home, &["--", "sh", "-c", &text]), &ends(&home));
        let mut ports: Vec<_> = servers.says.values().cloned().collect();
        ports.sort();
        let leased: Vec<_> = home.leases().iter().map(|lease| lease.port.to_string()).collect();
        assert_eq!(ports, leased, "{text}");
        assert_ne!(ports[0], ports[1], "{text}");
        assert_eq!(servers.end(), Vec::<String>::new());
    }
}

#[test]
fn a_block_that_several_servers_would_share_is_one_warning() {
    let home = Home::new();
    project(&home);
    let both = |second: &str| format!("sh says.sh web & {second}sh says.sh api & wait");
    for (second, warnings) in [("", 1), ("PORT=$((PORT+1)) ", 0)] {
        let words = ["--block", "2", "--", "sh", "-c", &both(second)];
        let servers = start(&mut run(&home, &words), &ends(&home));
        assert_eq!(servers.end().len(), warnings, "{second}");
    }
}

#[test]
fn on_a_terminal_each_of_several_servers_says_its_address_once() {
    let home = Home::new();
    project(&home);
    // What the runner reads is no terminal.
    program(
        &home,
        "concurrently",
        "#!/bin/sh\nfor text; do sh -c \"$text\" 2>&1 | sed 's/^/[x] /' & done; wait\n",
    );
    program(&home, "node", "#!/bin/sh\necho ran\n");
    let both = ["node_modules/.bin/node web.js", "node_modules/.bin/node api.js"];
    let command = [&["node_modules/.bin/concurrently"], &both[..]].concat();
    let (code, shown) = on_terminal(&mut run(&home, &[&["--"], &command[..]].concat()), "");
    assert_eq!(code, 0, "{shown}");
    for name in ["web", "api"] {
        assert_eq!(shown.matches(&format!("styxy: web/{name} is http://localhost:")).count(), 1, "{shown}");
    }
    assert_eq!(shown.matches("ran").count(), 2, "{shown}");
    let quiet = [&["-q", "--"], &command[..]].concat();
    let (_, shown) = on_terminal(&mut run(&home, &quiet), "");
    assert!(!shown.contains("styxy:"), "{shown}");
}
