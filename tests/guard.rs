//! The guard: real programs signal real servers and bind real ports, with the library in front of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use crate::support::{
    Home, Need, Output, Running, Server, alive, finish, has_ended, helper, kill, lacks, lacks_namespaces,
    lacks_tool, nobody, sort, until,
};

/// `command` by `styxy agent` in the project of `home`.
fn guarded(home: &Home, command: &[&str]) -> Output {
    finish(&mut under(home, &home.project(), command))
}

fn under(home: &Home, folder: &Path, command: &[&str]) -> Command {
    let mut agent = home.styxy_command(&[&["agent", "--"], command].concat());
    agent.current_dir(folder).stdin(Stdio::null());
    agent
}

/// A server of each project.
struct Two {
    own: Server,
    other: Server,
    port: u16,
}

impl Two {
    fn start(home: &Home) -> Self {
        let mut ports = home.range(sort::WEB);
        let (first, port) = (ports.next().unwrap(), ports.next().unwrap());
        let own = Server::in_folder(home, &home.project(), first);
        let other = Server::in_folder(home, &home.other_project(), port);
        Self { own, other, port }
    }
}

/// Programs, and how each of them signals a process.
const WAYS: [(&str, &[&str]); 12] = [
    ("bash", &["bash", "-c", "kill PID"]),
    ("bash", &["bash", "-c", "for p in PID; do kill -9 $p; done"]),
    ("dash", &["dash", "-c", "kill -TERM PID"]),
    ("zsh", &["zsh", "-c", "kill PID"]),
    ("/bin/kill", &["/bin/kill", "PID"]),
    ("xargs", &["sh", "-c", "echo PID | xargs kill"]),
    ("python3", &["python3", "-c", "import os; os.kill(PID, 15)"]),
    ("python3", &["python3", "-c", "import os, signal; signal.pidfd_send_signal(os.pidfd_open(PID), 15)"]),
    ("python3", &["python3", "-c", "import ctypes; ctypes.CDLL(None).syscall(62, PID, 15) and exit(1)"]),
    // `rt_sigqueueinfo`, with a structure that says nothing of the signal.
    (
        "python3",
        &[
            "python3",
            "-c",
            "import ctypes, struct; info = struct.pack('iii', 0, 0, -1) + bytes(116); exit(ctypes.CDLL(None).syscall(129, PID, 15, info) and 1)",
        ],
    ),
    ("perl", &["perl", "-e", "kill('TERM', PID) or exit 1"]),
    ("node", &["node", "-e", "process.kill(PID)"]),
];

#[test]
fn each_program_ends_its_own_server_without_a_word_and_spares_anothers_with_one_line() {
    let home = Home::new();
    home.start();
    for (program, way) in WAYS {
        if lacks_tool(program) {
            continue;
        }
        let Two { own, other, port } = Two::start(&home);
        let with =
            |pid: u32| way.iter().map(|word| word.replace("PID", &pid.to_string())).collect::<Vec<_>>();
        let run = |pid: u32| {
            let words = with(pid);
            guarded(&home, &words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let spared = run(other.pid());
        assert!(alive(other.pid()), "{way:?}: {spared:?}");
        assert_ne!(spared.code, 0, "{way:?}: {spared:?}");
        let lines: Vec<&str> = spared.stderr.lines().filter(|line| line.starts_with("styxy: ")).collect();
        let [line] = lines[..] else { panic!("{way:?}: {spared:?}") };
        let hint = format!("server on {port}. If it is meant: styxy kill {port} --force");
        assert!(line.starts_with("styxy: not signalled: ") && line.contains(&hint), "{line}");
        let ended = run(own.pid());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{way:?}");
        until("its own server ends", || has_ended(own.pid()));
    }
}

#[test]
fn a_set_of_processes_is_filtered_and_a_group_is_not_split() {
    let home = Home::new();
    home.start();
    let Two { own, other, .. } = Two::start(&home);
    let both = format!("kill {} {}", other.pid(), own.pid());
    let said = guarded(&home, &["bash", "-c", &both]);
    assert!(said.stderr.contains("not signalled"), "{said:?}");
    until("its own server ends", || has_ended(own.pid()));
    assert!(alive(other.pid()));
    // A group of its own: that of the test is the caller's too.
    let port = home.range(sort::WEB).nth(2).unwrap().to_string();
    let mut leader = helper(&home, "listen", &[&format!("127.0.0.1:{port}")]);
    let leader = Server::listening(leader.current_dir(home.other_project()).process_group(0));
    assert_eq!(group_of(leader.pid()), leader.pid());
    let said = guarded(&home, &["bash", "-c", &format!("kill -- -{}", leader.pid())]);
    assert!(said.stderr.contains("styxy: not signalled: process group "), "{said:?}");
    assert!(alive(leader.pid()));
}

/// A namespace of pids, in which a process that makes it is root.
const UNSHARED: [&str; 5] = ["--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// What `pkill`, `killall` and `kill -1` would reach is limited by a namespace of pids.
#[test]
fn what_is_called_by_name_is_filtered_too() {
    let home = Home::new();
    let script = r#"
        cd "$OTHER"; perl "$SERVER" $2 & other=$!
        cd "$OWN"; perl "$SERVER" $1 & own=$!
        for port in $1 $2; do until $STYXY check $port 2>&1 | grep -q perl; do sleep 0.05; done; done
        sh -c 'exec setsid sh -c "exec sleep 100 >/dev/null"' & nobodys=$!
        shown() { kill -0 $other 2>/dev/null && echo "$*: other spared"; kill -0 $own 2>/dev/null || echo "$*: own ended"; }
        setsid -w $STYXY agent -- $NAMED; wait $own 2>/dev/null
        shown named
        setsid -w $STYXY agent -- bash -c 'kill -9 -1'; echo "all: $?"
        shown all
        kill $other
    "#;
    for named in ["pkill perl", "killall perl"] {
        let program = named.split(' ').next().unwrap();
        let made = [&UNSHARED[..], &["true"]].concat();
        if lacks_tool("perl") || lacks_tool(program) || lacks_namespaces(&made) {
            return;
        }
        let mut ports = home.range(sort::WEB);
        let (first, second) = (ports.next().unwrap(), ports.next().unwrap());
        let server = home.top().join("server.pl");
        let perl = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', \
            LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die; while (1) { $s->accept }";
        fs::write(&server, perl).unwrap();
        let script = script.replace("$1", &first.to_string()).replace("$2", &second.to_string());
        let shell = home.shell(&script);
        let mut inside = home.command("unshare");
        inside.args(UNSHARED);
        inside.arg(shell.get_program()).args(shell.get_args());
        inside.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.env("OWN", home.project()).env("OTHER", home.other_project()).env("SERVER", &server);
        inside.env("NAMED", named);
        let said = finish(&mut inside);
        let shown: Vec<&str> = said.stdout.lines().collect();
        let expected =
            ["named: other spared", "named: own ended", "all: 1", "all: other spared", "all: own ended"];
        assert_eq!(shown, expected, "{named}: {said:?}");
        let lines = said.stderr.lines().filter(|line| line.starts_with("styxy: not signalled")).count();
        assert_eq!(lines, 2, "{named}: {said:?}");
        home.styxy(&["daemon", "stop"]);
    }
}

#[test]
fn a_server_of_a_worktree_that_was_deleted_can_be_ended() {
    let home = Home::new();
    home.start();
    let gone = home.worktree("gone");
    let port = home.range(sort::WEB).next().unwrap();
    let server = Server::in_folder(&home, &gone, port);
    let kill = format!("kill {}", server.pid());
    assert!(guarded(&home, &["bash", "-c", &kill]).stderr.contains("/gone's server"));
    fs::remove_dir_all(&gone).unwrap();
    assert_eq!(guarded(&home, &["bash", "-c", &kill]).done().stderr, "");
    until("the server ends", || has_ended(server.pid()));
}

#[test]
fn the_daemon_is_spared_and_what_serves_nothing_is_not() {
    let home = Home::new();
    let daemon = home.start().pid.get();
    let said = guarded(&home, &["bash", "-c", &format!("kill -9 {daemon}")]);
    assert!(said.stderr.contains("is Styxy's daemon. If it is meant: styxy daemon stop"), "{said:?}");
    assert!(alive(daemon));
    let idle = Running::idle();
    assert_eq!(guarded(&home, &["bash", "-c", &format!("kill {}", idle.pid())]).done().stderr, "");
    until("it ends", || has_ended(idle.pid()));
}

#[test]
fn the_guard_is_off_where_a_variable_says_so_and_in_the_servers_own_worktree() {
    let home = Home::new();
    home.start();
    for off in ["STYXY=off", "STYXY_GUARD=off"] {
        let Two { other, .. } = Two::start(&home);
        let kill = format!("{off} /bin/kill {}", other.pid());
        assert_eq!(guarded(&home, &["bash", "-c", &kill]).done().stderr, "");
        until("it ends", || has_ended(other.pid()));
    }
    let Two { other, .. } = Two::start(&home);
    let kill = format!("kill {}", other.pid());
    assert_eq!(finish(&mut under(&home, &home.other_project(), &["bash", "-c", &kill])).done().stderr, "");
    until("it ends", || has_ended(other.pid()));
}

#[test]
fn a_port_that_another_checkout_has_leased_is_not_bound() {
    if lacks_tool("python3") {
        return;
    }
    let home = Home::new();
    home.start();
    let run =
        |folder: &Path, words: &[&str]| finish(home.styxy_command(words).current_dir(folder)).done().number();
    let theirs = run(&home.other_project(), &["allocate", "-q", "-s", sort::WEB]);
    let ours = run(&home.project(), &["allocate", "-q", "-s", sort::WEB]);
    let bind = |port: u16, kind: &str| {
        let program = format!(
            "import socket\ns = socket.socket(socket.AF_INET, socket.{kind})\ns.bind(('127.0.0.1', {port}))"
        );
        guarded(&home, &["python3", "-c", &program])
    };
    let refused = bind(theirs, "SOCK_STREAM");
    assert!(refused.stderr.contains("Address already in use"), "{refused:?}");
    let line = refused.stderr.lines().next().unwrap();
    assert!(line.starts_with(&format!("styxy: port {theirs} is leased to ")), "{line}");
    let ends = format!("({web}); this checkout has {web} on {ours}", web = sort::WEB);
    assert!(line.ends_with(&ends), "{line}");
    for (port, kind) in [
        (ours, "SOCK_STREAM"),
        (theirs, "SOCK_DGRAM"),
        (0, "SOCK_STREAM"),
        (home.spare_port(), "SOCK_STREAM"),
    ] {
        assert_eq!(bind(port, kind).done().stderr, "", "{port} {kind}");
    }
}

#[test]
fn without_a_daemon_a_signal_is_sent_at_once_and_with_a_stopped_one_after_two_seconds() {
    let home = Home::new();
    let daemon = home.start().pid.get();
    let shell = |server: &Server| {
        let kill = format!(
            "export STYXY_NO_AUTOSTART=1; eval \"$($STYXY guard env)\"; kill -STOP $1; exec /bin/kill {}",
            server.pid()
        );
        kill
    };
    let Two { other, .. } = Two::start(&home);
    let mut stopping = home.shell(&shell(&other).replace("$1", &daemon.to_string()));
    stopping.current_dir(home.project());
    let begun = Instant::now();
    let said = finish(&mut stopping).done();
    let waited = begun.elapsed().as_millis();
    kill(daemon, Signal::CONT);
    assert!((2000..6000).contains(&waited), "{waited} ms");
    assert!(said.stderr.contains("the daemon did not answer within 2 s, so the signal was sent"), "{said:?}");
    until("it ends", || has_ended(other.pid()));

    let Two { other, .. } = Two::start(&home);
    let kill =
        format!("eval \"$($STYXY guard env)\"; kill -9 {daemon}; sleep 0.2; exec /bin/kill {}", other.pid());
    let mut killing = home.shell(&kill);
    let said = finish(killing.env("STYXY_NO_AUTOSTART", "1").current_dir(home.project()));
    assert_eq!(said.done().stderr, "");
    until("it ends", || has_ended(other.pid()));
}

#[test]
fn programs_with_sanitizers_start_and_are_under_the_guard() {
    let home = Home::new();
    home.start();
    let source = home.top().join("kill.c");
    let code = "#include <signal.h>\n#include <stdlib.h>\nint main(int c, char **v) { return kill(atoi(v[1]), 15) != 0; }";
    fs::write(&source, code).unwrap();
    let compilers: [(&str, &[&str]); 6] = [
        ("gcc", &["-fsanitize=address"]),
        ("gcc", &["-fsanitize=thread"]),
        ("gcc", &["-fsanitize=undefined"]),
        ("gcc", &["-fsanitize=leak"]),
        ("gcc", &["-no-pie"]),
        ("musl-gcc", &[]),
    ];
    for (compiler, flags) in compilers {
        let program = home.top().join("kill.out");
        let mut compile = home.command(compiler);
        compile.args(flags).arg("-o").arg(&program).arg(&source).stderr(Stdio::null());
        if lacks(Need::Tools, &mut compile) {
            continue;
        }
        let Two { own, other, .. } = Two::start(&home);
        let program = program.to_str().unwrap();
        let said = guarded(&home, &[program, &other.pid().to_string()]);
        assert!(said.code == 1 && said.stderr.contains("not signalled"), "{compiler} {flags:?}: {said:?}");
        assert!(alive(other.pid()));
        let said = guarded(&home, &[program, &own.pid().to_string()]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{compiler} {flags:?}");
        // A script may set the sanitizer's options itself.
        let own = format!("ASAN_OPTIONS=detect_leaks=0 {program} {}", other.pid());
        let said = guarded(&home, &["sh", "-c", &own]);
        assert!(said.code == 1 && said.stderr.contains("not signalled"), "{compiler} {flags:?}: {said:?}");
    }
}

#[test]
fn a_folder_with_blanks_and_a_library_that_is_gone_keep_no_program_from_running() {
    let home = Home::new();
    let blanks = home.top().join("my home");
    let home = home.at(blanks);
    home.start();
    let Two { other, .. } = Two::start(&home);
    let kill = format!("kill {}", other.pid());
    let said = guarded(&home, &["bash", "-c", &kill]);
    assert!(said.stderr.contains("not signalled") && alive(other.pid()), "{said:?}");
    let gone =
        guarded(&home, &["bash", "-c", "echo $LD_PRELOAD; rm ${LD_PRELOAD%%:*}; /bin/true && echo runs"])
            .done();
    assert_eq!(gone.stdout.lines().last(), Some("runs"), "{gone:?}");
}

#[test]
fn a_forged_record_gets_no_refusal_and_does_no_harm() {
    if lacks_tool("python3") {
        return;
    }
    let home = Home::new();
    home.start();
    let Two { other, .. } = Two::start(&home);
    let socket = home.root().join("guard.sock");
    let program = format!(
        "import socket, struct, sys\n\
         def ask(record):\n\
         \x20   s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(5)\n\
         \x20   try:\n\
         \x20       s.connect({path:?}); s.send(record); return s.recv(512)[:2].hex()\n\
         \x20   except (ConnectionError, PermissionError): return 'closed'\n\
         good = struct.pack('<BBHiQiI', 1, 1, 0, {pid}, 0, 15, 0)\n\
         for r in [good, b'\\x02' + good[1:], good[:9], good * 40, b'\\xff' * 24, good[:1] + b'\\x09' + good[2:]]: print(ask(r))\n\
         for i in range(500): ask(good)\n\
         silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for i in range(200)]\n\
         for s in silent:\n\
         \x20   s.setblocking(False)\n\
         \x20   try: s.connect({path:?})\n\
         \x20   except OSError: pass\n\
         print(ask(good))\n",
        path = socket.to_str().unwrap(),
        pid = other.pid(),
    );
    let mut forger = home.command("python3");
    forger.args(["-c", &program]).current_dir(home.project());
    let said = finish(&mut forger).done();
    assert_eq!(
        said.stdout.lines().collect::<Vec<_>>(),
        ["0101", "0100", "0100", "0100", "0100", "0100", "0101"]
    );
    // Another user is not answered, even where the socket lets it in.
    let mut stranger = home.command("python3");
    stranger.args(["-c", program.split("for i").next().unwrap()]).current_dir("/");
    if nobody(&mut stranger) {
        for (path, mode) in [(&home.top(), 0o755), (&home.root().to_owned(), 0o755), (&socket, 0o777)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let said = finish(&mut stranger);
        assert!(said.stdout.lines().all(|line| line == "closed"), "{said:?}");
    }
    assert!(home.status().is_some());
}

fn group_of(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(2).unwrap().parse().unwrap()
}
