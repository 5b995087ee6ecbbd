//! What is Styxy's own is spared: an agent's MCP server, alone and in a group; and the hint of a refusal works where it is typed.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use crate::support::{Agent, Home, Output, alive, finish, has_ended, lacks, lacks_tool, until};
use crate::support::{Need, Running};

/// `command` by `styxy agent` in the project of `home`.
fn guarded(home: &Home, command: &[&str]) -> Output {
    let mut agent = home.styxy_command(&[&["agent", "--"], command].concat());
    finish(agent.current_dir(home.project()).stdin(Stdio::null()))
}

#[test]
fn an_agents_mcp_server_is_spared_alone_and_in_its_group() {
    let home = Home::new();
    home.start();
    for words in [&["mcp"][..], &["--no-start", "mcp"]] {
        let agent = Agent::of(home.styxy_command(words).process_group(0));
        let pid = agent.server.pid();
        for target in [format!("{pid}"), format!("-- -{pid}")] {
            let said = guarded(&home, &["bash", "-c", &format!("kill {target}")]);
            assert!(said.code != 0 && said.stderr.contains("an agent's MCP server"), "{target}: {said:?}");
            assert!(alive(pid), "{words:?} {target}");
        }
    }
}

#[test]
fn the_hint_of_a_refusal_works_in_every_shell() {
    let home = Home::new();
    home.start();
    for shell in ["sh", "dash", "bash", "zsh"] {
        if lacks_tool(shell) {
            continue;
        }
        let agent = Agent::of(home.styxy_command(&["mcp"]).process_group(0));
        let pid = agent.server.pid();
        let said = guarded(&home, &[shell, "-c", &format!("kill {pid}")]);
        let (_, hint) = said.stderr.lines().next().unwrap().rsplit_once("If it is meant: ").unwrap();
        assert_eq!(guarded(&home, &[shell, "-c", hint]).done().stderr, "", "{shell}: {hint}");
        until("it ends", || has_ended(pid));
    }
}

/// Signals the group that a process leads, through a descriptor of that process; from a group of its own.
const GROUP: &str = "import ctypes, os, sys; os.setpgid(0, 0); group = 4; pid = int(sys.argv[1]) or os.getpid(); \
    libc = ctypes.CDLL(None, use_errno=True); fd = os.pidfd_open(pid); \
    failed = libc.syscall(424, fd, int(sys.argv[2]), None, group); \
    sys.exit(ctypes.get_errno() if failed else 0)";

#[test]
fn a_group_that_a_descriptor_names_is_asked_about_as_a_group() {
    let home = Home::new();
    home.start();
    // Linux 6.9 and newer signal groups through descriptors.
    let mut known = home.command("python3");
    if lacks_tool("python3") || lacks(Need::Tools, known.args(["-c", GROUP, "0", "0"])) {
        return;
    }
    let leader = || {
        let mut sleep = home.command("sleep");
        Running::spawn(sleep.arg("100").process_group(0).stdin(Stdio::null()))
    };
    let signal =
        |leader: &Running| guarded(&home, &["python3", "-c", GROUP, &leader.pid().to_string(), "15"]);
    let harmless = leader();
    let group = i32::try_from(harmless.pid()).unwrap();
    let agent = Agent::of(home.styxy_command(&["mcp"]).process_group(group));
    let said = signal(&harmless);
    assert!(said.code == 1 && said.stderr.contains("process group"), "{said:?}");
    assert!(alive(agent.server.pid()) && alive(harmless.pid()));
    let alone = leader();
    assert_eq!(signal(&alone).done().stderr, "");
    until("it ends", || has_ended(alone.pid()));
}
