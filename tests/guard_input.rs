//! The guard: floods, targets that vanish and folders that cannot be written keep nobody waiting and refuse nothing without a cause.

use std::process::Stdio;
use std::time::{Duration, Instant};

use styxy_core::api::StatusAnswer;

use crate::support::{
    Home, Server, alive, finish, has_ended, lacks_namespaces, lacks_root, lacks_tool, sort, until,
};

/// Asks as fast as it can, until its input ends. Then says how many of its processes failed, how many questions were taken, and how many
/// a second.
const FLOOD: &str = include_str!("../bench/guard-flood.py");

/// Asks so many questions, one after the other, and says how long the longest took, in milliseconds, and what the answers were.
const ASKS: &str = r"
import socket, struct, sys, time
path, pid, times, answers = sys.argv[1], int(sys.argv[2]), [], set()
for _ in range(5):
    begun = time.monotonic()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for side in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO): s.setsockopt(socket.SOL_SOCKET, side, struct.pack('ll', 10, 0))
    s.connect(path); s.send(struct.pack('<BBHiQiI', 1, 1, 0, pid, 0, 15, 0))
    answers.add(s.recv(512)[:2].hex())
    times.append(time.monotonic() - begun)
print(int(max(times) * 1000), *answers)
";

#[test]
fn a_flood_of_questions_keeps_nobody_waiting() {
    if lacks_tool("python3") {
        return;
    }
    let home = Home::new();
    home.start();
    let mut ports = home.range(sort::WEB);
    let own = Server::in_folder(&home, &home.project(), ports.next().unwrap());
    let other = Server::in_folder(&home, &home.other_project(), ports.next().unwrap());
    let python = |program: &str, pid: u32| {
        let mut command = home.command("python3");
        command.args(["-c", program, home.root().join("guard.sock").to_str().unwrap(), &pid.to_string()]);
        command.current_dir(home.project());
        command
    };
    let mut flood = Server::reading(python(FLOOD, other.pid()).stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(flood.hear(), "asks");
    for (pid, answer) in [(other.pid(), "0101"), (own.pid(), "0100")] {
        let said = finish(python(ASKS, pid).stdin(Stdio::null())).done().stdout;
        let (longest_ms, answers) = said.trim().split_once(' ').unwrap();
        assert!(longest_ms.parse::<u32>().unwrap() < 2000 && answers == answer, "{said}");
    }
    let kill = |pid: u32| {
        let mut agent = home.styxy_command(&["agent", "--", "/bin/kill", &pid.to_string()]);
        let said = finish(agent.stdin(Stdio::null()).current_dir(home.project()));
        assert!(!said.stderr.contains("did not answer"), "{said:?}");
        said
    };
    assert!(kill(other.pid()).stderr.contains("styxy: not signalled: "));
    assert_eq!(kill(own.pid()).done().stderr, "");
    until("its own server ends", || has_ended(own.pid()));
    assert!(home.status().is_some() && alive(other.pid()));
    flood.hang_up();
    let said = flood.hear();
    println!("failed, questions, a second: {said}");
    assert!(said.starts_with("0 "), "{said}");
}

/// Connects and says nothing, so often; then asks; then waits.
const SILENT: &str = r"
import select, socket, struct, sys
path, pid = sys.argv[1], int(sys.argv[2])
silent = []
for _ in range(200):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    try: s.connect(path)
    except OSError: pass
    silent.append(s)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(2)
s.connect(path); s.send(struct.pack('<BBHiQiI', 1, 1, 0, pid, 0, 15, 0))
print(s.recv(512)[:2].hex(), flush=True)
sys.stdin.read()
";

#[test]
fn silent_clients_neither_starve_the_daemon_nor_make_it_spin() {
    if lacks_tool("python3") {
        return;
    }
    for descriptors in [48, 64] {
        let home = Home::new();
        let script = format!("ulimit -n {descriptors} && exec $STYXY daemon start --json");
        let daemon: StatusAnswer = finish(&mut home.shell(&script)).done().wire();
        let port = home.range(sort::WEB).next().unwrap();
        let other = Server::in_folder(&home, &home.other_project(), port);
        let mut silent = home.command("python3");
        silent.args([
            "-c",
            SILENT,
            home.root().join("guard.sock").to_str().unwrap(),
            &other.pid().to_string(),
        ]);
        silent.current_dir(home.project()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let silent = Server::reading(&mut silent);
        assert_eq!(silent.hear(), "0101", "{descriptors}");
        // What is measured is the time that it takes, and not a condition.
        let before = processor_ms(daemon.pid.get());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            home.styxy(&["list"]).done();
        }
        let used = processor_ms(daemon.pid.get()) - before;
        assert!(used < 500, "{descriptors}: {used} ms of processor");
    }
}

/// The time that a process has had of the processors.
fn processor_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace();
    // `utime` and `stime`, in hundredths of a second.
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
}

/// Signals servers that end by themselves at about that time, and says what became of each signal.
const VANISH: &str = r"
import errno, os, socket, sys, time
os.setpgid(0, 0)
for round in range(60):
    read, write = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.chdir(sys.argv[1])
        server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen()
        os.write(write, b'%d\n' % os.getpid())
        time.sleep(round % 15 / 1000)
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(write)
    pid = int(os.fdopen(read).readline())
    for signal in (15, 9):
        try:
            os.kill(pid, signal); print('SENT')
        except OSError as error:
            print(errno.errorcode[error.errno])
";

#[test]
fn a_target_that_vanishes_is_answered_as_the_kernel_or_the_guard_would() {
    if lacks_tool("python3") {
        return;
    }
    let home = Home::new();
    home.start();
    let other = home.other_project();
    let mut agent = home.styxy_command(&["agent", "--", "python3", "-c", VANISH, other.to_str().unwrap()]);
    let said = finish(agent.stdin(Stdio::null()).current_dir(home.project())).done();
    let known = ["SENT", "ESRCH", "EPERM"];
    assert!(said.stdout.lines().all(|line| known.contains(&line)), "{said:?}");
    assert_eq!(said.stdout.lines().count(), 120);
    let is_cause = |line: &str| line.starts_with("styxy: not signalled: ") && line.contains("other");
    assert!(said.stderr.lines().all(is_cause), "{said:?}");
}

#[test]
fn a_home_that_cannot_be_written_keeps_no_shell_from_starting() {
    // Only root can make a folder read-only for itself.
    if lacks_root() || lacks_namespaces(&["-m", "mount", "-t", "tmpfs", "none", "/mnt"]) {
        return;
    }
    let home = Home::new();
    let script = r#"
        mount --bind "$TOP" "$TOP" && mount -o remount,ro,bind "$TOP" && mount -t tmpfs none "$XDG_RUNTIME_DIR" || exit
        touch "$TOP/x" 2>/dev/null && echo written
        "$STYXY" guard env >/tmp/env || exit 1
        . /tmp/env
        kill -0 $$ && bash -c 'sleep 100 & kill $!; wait $!; echo "ended $?"'
        "$STYXY" agent -- bash -c 'echo runs'
        "$STYXY" guard status | grep -c library
    "#;
    let run = home.top().join("run");
    std::fs::create_dir_all(&run).unwrap();
    let script = script.replace("/tmp/env", "\"$XDG_RUNTIME_DIR/env\"");
    let shell = home.shell(&script);
    let mut inside = home.command("unshare");
    inside.arg("-m").arg(shell.get_program()).args(shell.get_args());
    inside.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inside
        .env("TOP", home.top())
        .env("XDG_RUNTIME_DIR", &run)
        .env("STYXY_NO_AUTOSTART", "1")
        .stdin(Stdio::null());
    let said = finish(&mut inside);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines, ["ended 143", "runs", "1"], "{said:?}");
}
