//! The guard in shells: the shims and the function, without the library, as an agent's shell gets them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::support::Agent;
use crate::support::session::{Session, home};
use crate::support::{Home, Output, Server, alive, finish, has_ended, lacks_tool, sort, until};

/// A session whose project has a server, and one of the other project.
struct Stage<'h> {
    home: &'h Home,
    session: Session<'h>,
    own: Server,
    other: Server,
    ports: (u16, u16),
}

impl<'h> Stage<'h> {
    fn new(home: &'h Home) -> Self {
        let session = Session::new(home, &home.project());
        session.begin();
        let mut ports = home.range(sort::WEB).skip(3);
        let ports = (ports.next().unwrap(), ports.next().unwrap());
        let own = Server::in_folder(home, &home.project(), ports.0);
        let other = Server::in_folder(home, &home.other_project(), ports.1);
        Self { home, session, own, other, ports }
    }

    /// What `script` does in the agent's shell, without the library.
    fn runs(&self, shell: &str, script: &str) -> Output {
        let (own, other) = (self.own.pid().to_string(), self.other.pid().to_string());
        let script = script.replace("OWN", &own).replace("OTHER", &other);
        let script =
            script.replace("THEIRS", &self.ports.1.to_string()).replace("MINE", &self.ports.0.to_string());
        let mut command = self.home.command(shell);
        let read = format!(". '{}'; unset LD_PRELOAD", self.session.env_file.display());
        command.args(["-c", &format!("{read}\n{script}")]);
        command.current_dir(self.home.project()).stdin(Stdio::null());
        finish(command.env("CLAUDE_PID", self.session.process.pid().to_string()))
    }

    fn spared(&self, said: &Output, script: &str) {
        assert!(alive(self.other.pid()), "{script}: {said:?}");
        assert_eq!(said.code, 1, "{script}: {said:?}");
        let lines: Vec<&str> = said.stderr.lines().filter(|line| line.starts_with("styxy: ")).collect();
        let [line] = lines[..] else { panic!("{script}: {said:?}") };
        let hint = format!("styxy kill {} --force", self.ports.1);
        assert!(line.starts_with("styxy: not signalled: ") && line.ends_with(&hint), "{line}");
    }
}

#[test]
fn the_shells_own_kill_spares_anothers_server_and_ends_its_own() {
    let home = home();
    for shell in ["bash", "zsh"] {
        if lacks_tool(shell) {
            continue;
        }
        let stage = Stage::new(&home);
        for script in ["kill OTHER", "kill -9 OTHER", "kill -s KILL -- OTHER", "eval 'kill -TERM OTHER'"] {
            stage.spared(&stage.runs(shell, script), script);
        }
        let set = "kill OTHER OWN";
        stage.spared(&stage.runs(shell, set), set);
        until("its own ends", || has_ended(stage.own.pid()));
        // What the shell itself knows is as it was: its jobs, what it says, and how it exits.
        for (script, code) in [
            ("sleep 60 & kill %1; wait %1; [ $? = 143 ]", 0),
            ("sleep 60 & kill $!; wait $!; [ $? = 143 ]", 0),
            ("cd /; perl -e 'sleep 60' & kill -9 $!", 0),
            ("kill -0 OTHER", 0),
            ("kill -l 9 >/dev/null", 0),
            ("kill 2>/dev/null", if shell == "bash" { 2 } else { 1 }),
            ("kill nonsense 2>/dev/null", 1),
        ] {
            let said = stage.runs(shell, script);
            assert!(said.code == code && !said.stderr.contains("styxy"), "{shell} {script}: {said:?}");
        }
        let off = stage.runs(shell, "STYXY=off kill OTHER").done();
        assert_eq!(off.stderr, "");
        until("it ends", || has_ended(stage.other.pid()));
    }
}

#[test]
fn tools_are_asked_whom_they_mean_and_spare_anothers_server() {
    let home = home();
    let perl = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', \
        LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die; print \"up\\n\"; close STDOUT; while (1) { $s->accept }";
    let server = home.top().join("server.pl");
    fs::write(&server, perl).unwrap();
    // A pattern that matches the command itself: the tool leaves itself out, and so does its shim.
    let with_itself = format!("pkill -9 -f {}/serve*.pl", home.top().display());
    let by_name = format!("pkill -9 -f '{}'", server.display().to_string().replace(".pl", "[.]pl"));
    for (tool, script) in [
        ("fuser", "fuser -k MINE/tcp THEIRS/tcp"),
        ("fuser", "fuser -ks -TERM MINE/tcp THEIRS/tcp"),
        ("pkill", by_name.as_str()),
        ("pkill", with_itself.as_str()),
        ("kill", "env kill OTHER OWN"),
        ("xargs", "echo OTHER OWN | xargs kill -9"),
    ] {
        if lacks_tool(tool) || lacks_tool("perl") {
            continue;
        }
        let mut stage = Stage::new(&home);
        let perl = |folder: &Path, port: u16| {
            let mut command = home.command("perl");
            command.arg(&server).arg(port.to_string()).current_dir(folder);
            Server::reading(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
        };
        if tool == "pkill" {
            stage.own.kill_alone();
            stage.other.kill_alone();
            stage.own = perl(&home.project(), stage.ports.0);
            stage.other = perl(&home.other_project(), stage.ports.1);
            stage.own.hear();
            stage.other.hear();
        }
        let said = stage.runs("bash", script);
        let code = if tool == "xargs" { 123 } else { 1 };
        assert_eq!(said.code, code, "{script}: {said:?}");
        stage.spared(&Output { code: 1, ..said }, script);
        until("its own ends", || has_ended(stage.own.pid()));
        assert_eq!(
            stage.runs("bash", &format!("STYXY_GUARD=off; export STYXY_GUARD; {script}; true")).code,
            0
        );
        until("it ends", || has_ended(stage.other.pid()));
    }
}

#[test]
fn two_installations_do_not_call_each_other() {
    let (home, second) = (home(), Home::new());
    let stage = Stage::new(&home);
    second.start();
    let other = second.styxy(&["guard", "env", "--json"]).done().json();
    let shims = other["PATH"].as_str().unwrap().split(':').next().unwrap().to_owned();
    let script = format!("PATH={shims}:$PATH; env kill OWN; env kill -l >/dev/null");
    assert_eq!(stage.runs("bash", &script).done().stderr, "");
    until("it ends", || has_ended(stage.own.pid()));
}

#[test]
fn bash_scripts_have_it_by_the_settings_alone_and_read_the_users_own_file() {
    let home = home();
    home.styxy(&["hooks", "install", "claude"]).done();
    let settings = fs::read_to_string(home.top().join("user/.claude/settings.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    let file = settings["env"]["BASH_ENV"].as_str().unwrap().to_owned();
    let stage = Stage::new(&home);
    let own = home.top().join("own.bash");
    fs::write(&own, "echo own").unwrap();
    let run = |script: &str, variables: &[(&str, &str)]| {
        let mut command = home.command("bash");
        command.args(["-c", script]).current_dir(home.project()).envs(variables.iter().copied());
        finish(command.stdin(Stdio::null()))
    };
    let kill = format!("kill {}", stage.other.pid());
    let said = run(&kill, &[("BASH_ENV", &file)]);
    stage.spared(&said, &kill);
    let inner = format!("bash -c '{kill}'");
    stage.spared(&run(&inner, &[("BASH_ENV", &file)]), &inner);
    let set = [("BASH_ENV", file.as_str()), ("STYXY_BASH_ENV", own.to_str().unwrap())];
    assert_eq!(run("true", &set).done().stdout, "own\n");
    let shown = run("\"$S\" guard status", &[("BASH_ENV", &file), ("S", crate::support::program())]).done();
    assert!(shown.stdout.contains("function  the shell's own kill asks"), "{shown:?}");
    assert!(
        shown.stdout.contains("library   loaded") && shown.stdout.contains("shims     in PATH"),
        "{shown:?}"
    );
    assert_eq!(
        run("type kill", &[("BASH_ENV", &file), ("STYXY_GUARD", "off")]).done().stdout,
        "kill is a shell builtin\n"
    );
    home.styxy(&["hooks", "install", "claude", "--uninstall"]).done();
    assert!(!fs::read_to_string(home.top().join("user/.claude/settings.json")).unwrap().contains("BASH_ENV"));
}

#[test]
fn an_empty_path_and_files_that_are_gone_keep_no_shell_from_working() {
    let home = home();
    let stage = Stage::new(&home);
    let read = format!(". '{}'", stage.session.env_file.display());
    let run = |script: &str| {
        let mut command = home.command("bash");
        finish(command.args(["-c", script]).current_dir(home.project()).stdin(Stdio::null()))
    };
    assert_eq!(run(&format!("unset PATH; {read}; sleep 0 && ls / >/dev/null")).done().stderr, "");
    fs::remove_dir_all(home.root().join("guard")).unwrap();
    let kill = format!("set -e; {read}; sleep 60 & kill $!; kill {}", stage.own.pid());
    assert_eq!(run(&kill).done().stderr, "");
    until("it ends", || has_ended(stage.own.pid()));
}

#[test]
fn a_read_only_home_and_one_with_blanks_have_the_guard_elsewhere() {
    let home = home();
    let blanks = home.top().join("my home");
    let home = home.at(blanks);
    let stage = Stage::new(&home);
    stage.spared(&stage.runs("bash", "kill OTHER"), "kill OTHER");
    home.styxy(&["uninstall", "--yes", "--force"]).done();
    let runtime = fs::read_dir(home.top()).unwrap().map(|entry| entry.unwrap().path());
    for folder in runtime.filter(|path| path.is_dir()) {
        let left = fs::read_dir(&folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with("-guard"));
        assert_eq!(left.count(), 0, "{}", folder.display());
    }
}

#[test]
fn the_daemon_and_an_agents_server_are_called_styxy_and_a_daemon_that_ended_is_started_again() {
    let home = home();
    let daemon = home.start().pid.get();
    let line = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(line(daemon).starts_with("styxy\0daemon\0"), "{}", line(daemon));
    let mut command = home.styxy_command(&["mcp"]);
    command.current_dir(home.project());
    let mut agent = Agent::of(&mut command);
    agent.send("ping", &json!({}));
    agent.hear();
    let name = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.unwrap().file_name().to_str()?.parse::<u32>().ok()?;
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let ours = format!("STYXY_HOME={}\0", home.root().display());
        let is_ours = String::from_utf8_lossy(&environ).contains(&ours);
        Some(line(pid)).filter(|line| is_ours && line.contains("\0mcp\0"))
    });
    assert_eq!(name.collect::<Vec<_>>(), ["styxy\0mcp\0"]);
    let session = Session::new(&home, &home.project());
    session.begin();
    home.kill_daemon();
    until("it has ended", || has_ended(daemon));
    session.runs("ls");
    assert!(home.status().is_some_and(|status| status.pid.get() != daemon));
    // Where none has run, none is started.
    let fresh = Home::new();
    let session = Session::new(&fresh, &fresh.project());
    session.runs("ls");
    assert!(fresh.status().is_none());
}

#[test]
fn what_runs_under_the_guard_is_listed_before_its_files_go() {
    let home = Home::new();
    home.start();
    let mut agent = home.styxy_command(&["agent", "--", "sh", "-c", "sleep 100 & echo up; read x; kill $!"]);
    let mut shell = Server::reading(agent.stdin(Stdio::piped()).stdout(Stdio::piped()));
    shell.hear();
    let said = home.styxy(&["uninstall", "--yes"]).exits(1);
    assert!(said.stderr.contains(&format!("sh ({}) runs under the guard", shell.pid())), "{said:?}");
    assert!(!said.stderr.contains("sleep"), "what it has started is not listed: {said:?}");
    shell.tell("");
    until("it ends", || has_ended(shell.pid()));
    home.styxy(&["uninstall", "--yes"]).done();
}
