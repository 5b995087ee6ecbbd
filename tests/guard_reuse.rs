//! The guard: the process that was asked about is the one that is signalled, although pids are reused (R91).

use std::fs;
use std::process::Command;

use crate::support::{Home, Need, finish, lacks, lacks_root, lacks_tool};

/// Holds the pid that was given last.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
/// How many rounds a process has its deadline for.
const PART: u32 = 100;

/// `STYXY_TEST_ROUNDS=100` says how often.
#[test]
fn a_pid_that_another_process_gets_after_the_question_is_not_signalled() {
    // What happens between the question and the signal is decided here: a daemon that answers when told.
    // The kernel lets root choose the next pid, if it can restore programs at all.
    let choice = &mut Command::new("test");
    if lacks_root() || lacks_tool("python3") || lacks(Need::Namespaces, choice.args(["-w", LAST_PID])) {
        return;
    }
    let home = Home::new();
    home.start();
    let environment = home.styxy(&["guard", "env", "--json"]).done().json();
    let library = environment["LD_PRELOAD"].as_str().unwrap();
    let rounds =
        std::env::var("STYXY_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000_u32);
    let program = home.top().join("reuse.py");
    fs::write(&program, REUSE).unwrap();
    let mut reused = 0;
    for part in 0..rounds.div_ceil(PART) {
        let socket = home.top().join(format!("slow-{part}.sock"));
        let mut inside = home.command("unshare");
        inside.args(["--pid", "--fork", "--kill-child", "--mount-proc", "python3"]).arg(&program);
        inside.args([socket.to_str().unwrap(), library, &PART.min(rounds - part * PART).to_string()]);
        let said = finish(&mut inside).done();
        let mut words = said.stdout.split_ascii_whitespace();
        assert_eq!(words.next(), Some("0"), "{said:?}");
        reused += words.next().unwrap().parse::<u32>().unwrap();
    }
    println!("{reused} of {rounds} processes got the pid of another one");
    assert!(reused > rounds / 2, "{reused}");
}

/// A judge that lets pass, but only after the target has ended and another process has its pid.
const REUSE: &str = r#"
import os, signal, socket, subprocess, sys
path, library, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
guard = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
guard.bind(path); guard.listen(8)
environment = {**os.environ, 'LD_PRELOAD': library, 'STYXY_GUARD_SOCKET': path}
killer = "import os, sys\nfor line in sys.stdin:\n    try: os.kill(int(line), 15)\n    except OSError: pass\n    print('done', flush=True)"
asker = subprocess.Popen([sys.executable, '-c', killer], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
wrong = reused = 0
for _ in range(rounds):
    first = os.fork()
    if first == 0:
        signal.pause(); os._exit(0)
    asker.stdin.write(f'{first}\n'); asker.stdin.flush()
    client, _ = guard.accept()
    client.recv(24)
    os.kill(first, 9); os.waitpid(first, 0)
    with open('/proc/sys/kernel/ns_last_pid', 'w') as last: last.write(str(first - 1))
    second = os.fork()
    if second == 0:
        signal.pause(); os._exit(0)
    reused += second == first
    client.send(b'\x01\x00\x00\x00'); client.close()
    asker.stdout.readline()
    ended, _ = os.waitpid(second, os.WNOHANG)
    wrong += ended == second and second == first
    if not ended:
        os.kill(second, 9); os.waitpid(second, 0)
print(wrong, reused)
asker.stdin.close()
"#;
