//! `styxy kill --tree` ends everything that belongs to a server, however it has detached itself, and nothing else.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::{Code, Ending, KillAnswer};

use crate::support::{
    Home, Output, Server, eventually, finish, has_ended, is_stopped, kill, lacks_namespaces, lacks_root,
    on_terminal, sort, until, words,
};

/// A tree that runs, and what its processes have said of themselves.
struct Tree {
    home: Home,
    server: Server,
    said: Vec<(String, u32)>,
}

fn script(home: &Home) -> PathBuf {
    let path = home.top().join("tree.py");
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/tree.py");
    std::fs::copy(tree, &path).unwrap();
    path
}

/// `command` with pipes, which every process of the tree inherits.
fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null())
}

impl Tree {
    /// Started by `styxy run`, once `count` processes have said what they are and the server listens.
    #[track_caller]
    fn grow(kind: &str, more: &[&str], count: usize) -> Self {
        let home = Home::new();
        let path = script(&home);
        let mut command = home.styxy_command(&[
            "run",
            "-q",
            "-s",
            sort::WEB,
            "--",
            "python3",
            path.to_str().unwrap(),
            kind,
        ]);
        // A job of its own, as a terminal would make it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.args(more).env("STYXY", crate::support::program());
        Self::hearing(home, &mut command, count)
    }

    #[track_caller]
    fn hearing(home: Home, command: &mut Command, count: usize) -> Self {
        let server = Server::reading(piped(command));
        let said = (0..count).map(|_| {
            let line = server.hear();
            let (name, pid) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            (name.to_owned(), pid.parse().unwrap())
        });
        let said = said.collect();
        Self { home, server, said }
    }

    #[track_caller]
    fn pid(&self, name: &str) -> u32 {
        self.said
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name}: {:?}", self.said))
            .1
    }

    /// Until the daemon knows that the server listens.
    #[track_caller]
    fn is_seen(&self) -> u16 {
        eventually("the lease is active", || {
            self.home
                .leases()
                .into_iter()
                .find(|lease| lease.last_seen_listening.is_some() && lease.service_type.as_str() == sort::WEB)
        })
        .port
        .get()
    }

    #[track_caller]
    fn kill(&self, more: &[&str]) -> Output {
        self.is_seen();
        self.home.styxy(&[&["kill", sort::WEB, "--tree", "--yes"], more].concat())
    }

    /// All processes have ended: nobody can write to what they wrote to.
    #[track_caller]
    fn ends(&self) {
        self.server.falls_silent();
    }
}

#[track_caller]
fn ended(answer: &KillAnswer) -> Vec<(u32, Ending)> {
    let others = answer.others.iter().map(|other| (other.pid.get(), other.ending));
    others.chain([(answer.pid.get(), answer.ending)]).collect()
}

#[test]
fn no_process_outlives_its_tree_however_it_has_detached_itself() {
    for (kind, count) in
        [("plain", 4), ("setsid", 5), ("double", 3), ("gone", 2), ("env-listens", 2), ("stopped", 2)]
    {
        let tree = Tree::grow(kind, &[], count);
        until("it is stopped", || kind != "stopped" || is_stopped(tree.pid("stopped")));
        let answer: KillAnswer = tree.kill(&["--json"]).done().wire();
        let pids: Vec<u32> = tree.said.iter().map(|(_, pid)| *pid).collect();
        let ended = ended(&answer);
        assert!(pids.iter().all(|pid| ended.contains(&(*pid, Ending::Asked))), "{kind}: {pids:?} {ended:?}");
        assert!(answer.spared.is_empty(), "{kind}: {:?}", answer.spared);
        tree.ends();
    }
}

/// `STYXY_TEST_ROUNDS=30` repeats it.
#[test]
fn a_process_that_becomes_another_one_every_three_milliseconds_does_not_get_away() {
    let rounds = std::env::var("STYXY_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    for grace in (0..rounds).map(|round| ["0.3", "0"][round % 2]) {
        let tree = Tree::grow("respawn", &[], 1);
        tree.kill(&["--grace", grace]).done();
        tree.ends();
    }
}

#[test]
fn an_orphan_without_its_environment_that_does_not_listen_is_the_one_that_gets_away() {
    let tree = Tree::grow("env", &[], 2);
    tree.kill(&[]).done();
    assert!(has_ended(tree.pid("listens")) && !has_ended(tree.pid("silent")));
}

#[test]
fn two_hundred_processes_end_at_once() {
    let tree = Tree::grow("many", &[], 201);
    let answer: KillAnswer = tree.kill(&["--json"]).done().wire();
    assert_eq!(answer.others.len(), 200);
    assert!(answer.message.contains(" and 198 more have ended"), "{}", answer.message);
    tree.ends();
}

#[test]
fn only_what_does_not_end_by_itself_is_killed() {
    let tree = Tree::grow("deaf", &[], 2);
    let answer: KillAnswer = tree.kill(&["--grace", "0.2", "--json"]).done().wire();
    assert_eq!((answer.pid.get(), answer.ending), (tree.pid("listens"), Ending::Asked));
    assert_eq!(ended(&answer)[0], (tree.pid("deaf"), Ending::Killed));
    tree.ends();
}

#[test]
fn a_parent_that_starts_its_server_again_ends_with_it() {
    let tree = Tree::grow("restarts", &[], 2);
    let port = tree.is_seen();
    tree.kill(&["--grace", "0.2"]).done();
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    tree.ends();
}

#[test]
fn what_was_started_under_the_lease_and_works_elsewhere_lives_on() {
    for place in ["other", "/"] {
        let top = Home::new();
        let folder = if place == "/" { PathBuf::from("/") } else { top.other_project() };
        let tree = Tree::grow("elsewhere", &[folder.to_str().unwrap()], 2);
        let answer: KillAnswer = tree.kill(&["--json"]).done().wire();
        assert_eq!(ended(&answer), [(tree.pid("listens"), Ending::Asked)], "{place}");
        let spared: Vec<_> = answer.spared.iter().map(|one| one.pid.get()).collect();
        assert_eq!(spared, [tree.pid("editor")], "{place}");
        assert!(
            answer.spared[0].reason.contains("it has detached itself, and works in /"),
            "{:?}",
            answer.spared
        );
        assert!(!has_ended(tree.pid("editor")), "{place}");
    }
}

#[test]
fn another_sessions_server_below_the_tree_lives_on_with_all_that_is_below_it() {
    let tree = Tree::grow("session", &[], 5);
    tree.home.socket().post("/instance/register", &json!({ "instance_id": "claude-2" }));
    until("both servers are seen", || {
        tree.home.leases().iter().filter(|lease| lease.last_seen_listening.is_some()).count() == 2
    });
    let inner =
        tree.home.leases().into_iter().find(|lease| lease.service_type.as_str() == sort::API).unwrap();
    let inner = inner.owner.pid.unwrap().get();
    let answer: KillAnswer = tree.kill(&["--json"]).done().wire();
    assert_eq!(answer.others, []);
    assert_eq!(answer.spared.iter().map(|one| one.pid.get()).collect::<Vec<_>>(), [inner]);
    assert!(answer.spared[0].reason.contains("another agent session"), "{:?}", answer.spared);
    let lives: Vec<u32> =
        tree.said.iter().map(|(_, pid)| *pid).filter(|pid| *pid != answer.pid.get()).collect();
    assert!(lives.len() == 4 && lives.iter().all(|pid| !has_ended(*pid)), "{:?}", tree.said);
    // With --force it goes too.
    let api = tree.home.styxy(&["kill", sort::API, "--tree", "--yes", "--force"]);
    api.done();
    tree.ends();
}

#[test]
fn an_agent_below_the_tree_lives_on() {
    let tree = Tree::grow("agent", &[], 4);
    let answer: KillAnswer = tree.kill(&["--json", "--force"]).done().wire();
    assert_eq!(answer.spared.iter().map(|one| one.pid.get()).collect::<Vec<_>>(), [tree.pid("agent")]);
    assert!(!has_ended(tree.pid("agent")) && !has_ended(tree.pid("tool")));
}

#[test]
fn a_command_whose_server_does_not_listen_ends_by_its_lease() {
    let tree = Tree::grow("idle", &[], 2);
    let id = tree.home.leases()[0].lock_id.to_string();
    let answer: KillAnswer = tree.home.styxy(&["kill", &id, "--tree", "--yes", "--json"]).done().wire();
    assert_eq!(ended(&answer).len(), 2);
    tree.ends();
}

#[test]
fn without_a_lease_what_only_waits_for_the_server_ends_with_it() {
    let home = Home::new();
    home.start();
    let (path, port) = (script(&home), home.spare_port().to_string());
    // As npm runs a script: a shell that stays, and the server below it.
    let server = format!("PORT={port} python3 {} plain; true", path.display());
    for (outer, goes) in [
        (format!("sh -c '{server}'; true"), true),
        (format!("sleep 1000 >/dev/null & sh -c '{server}'; true"), false),
    ] {
        let mut command = home.shell(&outer);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let tree = Tree::hearing(Home::new(), &mut command, 4);
        let answer: KillAnswer = home.styxy(&["kill", &port, "--tree", "--yes", "--json"]).done().wire();
        assert_eq!(answer.pid.get(), tree.pid("listens"));
        // The server and its three children, the inner shell, and the outer one unless it has another child.
        assert_eq!(answer.others.len(), if goes { 5 } else { 4 }, "{outer}: {answer:?}");
        let outer = tree.server.pid();
        assert_eq!(answer.others.iter().any(|other| other.pid.get() == outer), goes);
        if !goes {
            kill(outer, Signal::KILL);
        }
    }
}

#[test]
fn the_shell_that_runs_the_command_lives_on() {
    let home = Home::new();
    // In a file, in which `styxy run` puts nothing in front of the server.
    let line = format!(
        "exec 3<&0\npython3 {} plain <&3 &\n$STYXY wait web >/dev/null\n$STYXY kill web --tree --yes\ncat",
        script(&home).display()
    );
    let job = home.top().join("job.sh");
    std::fs::write(&job, line).unwrap();
    let mut command = home.styxy_command(&["run", "-q", "-s", sort::WEB, "--", "sh", job.to_str().unwrap()]);
    let mut shell = Server::reading(piped(command.env("STYXY", crate::support::program())));
    let heard: Vec<String> = (0..5).map(|_| shell.hear()).collect();
    let pids = heard[..4].iter().map(|line| line.split_once(' ').unwrap().1.parse().unwrap());
    assert!(pids.into_iter().all(has_ended), "{heard:?}");
    assert!(heard[4].contains("and 1 more have ended"), "{heard:?}");
    assert!(!has_ended(shell.pid()));
    shell.hang_up();
}

#[test]
fn a_person_sees_the_whole_tree_and_confirms_it() {
    let tree = Tree::grow("plain", &[], 4);
    let port = tree.is_seen();
    let ask = |typed: &str| on_terminal(&mut tree.home.styxy_command(&["kill", sort::WEB, "--tree"]), typed);
    let (code, shown) = ask("n\n");
    assert_eq!(code, 1);
    assert!(shown.contains("End these 4 processes? [y/N]"), "{shown}");
    for (_, pid) in &tree.said {
        assert!(shown.contains(&format!("({pid})")), "{pid}:\n{shown}");
    }
    assert!(shown.contains(&format!("({})  port {port}", tree.pid("listens"))), "{shown}");
    assert!(tree.said.iter().all(|(_, pid)| !has_ended(*pid)));
    assert_eq!(ask("y\n").0, 0);
    tree.ends();
}

#[test]
fn what_is_typed_wrongly_or_is_anothers_ends_nothing() {
    let tree = Tree::grow("plain", &[], 4);
    let (home, port) = (&tree.home, tree.is_seen().to_string());
    let said = home.styxy(&words("kill web --tree")).exits(2).stderr;
    assert!(said.contains("hint: styxy kill web --tree --yes"), "{said}");
    let other = home.worktree("fix");
    let mut command = home.styxy_command(&["kill", &port, "--tree", "--yes", "--json"]);
    let refused = finish(command.current_dir(&other)).exits(1).refusal();
    assert_eq!(
        (refused.code, refused.hint),
        (Code::Forbidden, Some(format!("styxy kill {port} --tree --force --yes")))
    );
    let free = home.spare_port().to_string();
    assert_eq!(
        home.styxy(&["kill", &free, "--tree", "--yes", "--json"]).exits(1).refusal().code,
        Code::NotRunning
    );
    for line in [
        "kill --tree",
        "kill 0 --tree",
        "kill 70000 --tree --yes",
        "kill web --tree=yes",
        "kill web --tree --grace -1",
    ] {
        home.styxy(&words(line)).exits(2);
    }
    home.styxy(&words("kill nonsense --tree --yes")).exits(1);
    let daemon = home.listen_port().to_string();
    assert_eq!(
        home.styxy(&["kill", &daemon, "--tree", "--yes", "--force", "--json"]).exits(1).refusal().code,
        Code::Forbidden
    );
    assert!(
        tree.said.iter().all(|(_, pid)| !has_ended(*pid) && !is_stopped(*pid)),
        "nothing was ended or stopped"
    );
    assert!(home.status().is_some());
}

#[test]
fn in_a_control_group_of_its_own_nothing_gets_away() {
    let home = Home::new();
    let (tree, group) = (script(&home), home.top().join("groups"));
    std::fs::create_dir(&group).unwrap();
    home.start();
    // The mount is the shell's own. The group is a name of the whole machine's.
    let line = "exec 3<&0; G=\"$0/styxy-$$\"
        mount -t cgroup2 none \"$0\" && mkdir \"$G\" || exit
        sh -c 'echo $$ > \"$0/cgroup.procs\"; exec \"$STYXY\" run -q -s web -- python3 \"$1\" env' \"$G\" \"$1\" <&3 &
        \"$STYXY\" wait web > /dev/null
        \"$STYXY\" kill web --tree --yes --grace 0
        until rmdir \"$G\" 2> /dev/null; do sleep 0.05; done
        echo gone";
    let mut command = home.command("unshare");
    command.args(["-m", "sh", "-c", line]).arg(&group).arg(&tree).env("STYXY", crate::support::program());
    // Only root can mount the control groups; those of version 2 can be killed as a whole since Linux 5.14.
    let has_groups =
        "mount -t cgroup2 none /mnt && mkdir /mnt/styxy-$$ && test -e /mnt/styxy-$$/cgroup.kill; R=$?
        rmdir /mnt/styxy-$$; exit $R";
    if lacks_root() || lacks_namespaces(&["-m", "sh", "-c", has_groups]) {
        return;
    }
    let mut shell = Server::reading(piped(&mut command));
    let mut heard = vec![shell.hear()];
    while heard.last().is_some_and(|line| line != "gone") {
        heard.push(shell.hear());
    }
    assert!(heard.iter().any(|line| line.contains("were killed")), "{heard:?}");
    shell.hang_up();
}
