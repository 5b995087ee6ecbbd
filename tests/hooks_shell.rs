//! The ports in an agent's shell are those of the folder that a command runs in.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::session::{Session, home, serves, worktree};
use crate::support::{finish, sort};

const PORTS: &str = "echo \"${PORT-none} ${BACKEND_PORT-none}\"";

#[test]
fn the_ports_are_those_of_the_folder_that_a_command_runs_in() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin();
    let ports = |folder: &Path| session.shell(folder, PORTS);
    let own = ports(&home.project());
    assert!(!own.contains("none"), "{own}");
    let inside = home.project().join("src");
    fs::create_dir(&inside).unwrap();
    assert_eq!(ports(&inside), own);
    assert_eq!(ports(&home.top()), own, "nothing says that a project is there");
    assert_eq!(ports(&fix), "none none", "nobody works there");
    assert_eq!(session.leases().len(), 2, "to look into a checkout leases nothing");
    // A sub-agent with a worktree of its own.
    let sub = session.hook("SubagentStart", &json!({ "cwd": fix, "agent_id": "a1", "agent_type": "worker" }));
    let theirs = ports(&fix);
    assert_eq!(session.leases().len(), 4);
    let port = theirs.split(' ').next().unwrap();
    assert!(sub.contains(&format!("{} {port}", sort::WEB)) && !own.contains(port), "{sub} {theirs} {own}");
    assert_eq!(ports(&home.project()), own);
}

#[test]
fn the_ports_follow_a_cd_inside_of_a_command() {
    let home = home();
    let (fix, bare) = (worktree(&home, "fix"), home.worktree("bare"));
    let session = Session::new(&home, &home.project());
    session.begin();
    session.hook("PostToolUse", &json!({ "cwd": fix, "tool_name": "EnterWorktree", "tool_input": {} }));
    let ports = |folder: &Path| session.shell(folder, PORTS);
    let (own, theirs) = (ports(&home.project()), ports(&fix));
    assert_ne!(own, theirs);
    let to = |folder: &Path| format!("cd {} && {PORTS}", folder.display());
    assert_eq!(session.shell(&home.project(), &to(&fix)), theirs);
    assert_eq!(session.shell(&fix, &to(&home.project())), own);
    assert_eq!(session.shell(&fix, &to(&bare)), "none none");
    assert_eq!(
        session.shell(&fix, &format!("({}); {PORTS}", to(&home.project()))),
        format!("{own}\n{theirs}")
    );
    assert_eq!(session.shell(&fix, "cd /no/such 2>/dev/null || echo failed"), "failed");
    // What the user has made of `cd` stays.
    let kept = format!("source \"$ENV_FILE\"; declare -f cd; cd {}", fix.display());
    let mut shell = home.command("bash");
    shell.args(["-c", &format!("cd() {{ echo mine; }}; {kept}")]).current_dir(home.project());
    shell.env("ENV_FILE", &session.env_file).env("CLAUDE_PID", session.process.pid().to_string());
    assert!(finish(&mut shell).stdout.ends_with("}\nmine\n"));
}

#[test]
fn a_port_of_the_users_own_is_never_taken_from_a_shell() {
    let home = home();
    let bare = home.worktree("bare");
    let session = Session::new(&home, &home.project());
    session.begin();
    let mut shell = session.shell_command(&bare, "echo $PORT $STYXY_PORT");
    assert_eq!(finish(shell.env("PORT", "5000")).stdout, "5000\n");
    // An outer session's are another checkout's.
    let mut shell = session.shell_command(&bare, "echo ${PORT-none} ${STYXY_PORT-none}");
    assert_eq!(finish(shell.env("PORT", "5000").env("STYXY_PORT", "5000")).stdout, "none none\n");
}

#[test]
fn without_a_daemon_a_shell_keeps_the_ports_that_the_session_was_told() {
    let home = home();
    let fix = worktree(&home, "fix");
    let inside = home.project().join("src");
    fs::create_dir(&inside).unwrap();
    let session = Session::new(&home, &home.project());
    session.begin();
    let own = session.shell(&inside, PORTS);
    home.styxy(&["daemon", "stop"]).done();
    assert_eq!(session.shell(&home.project(), PORTS), own);
    assert_eq!(session.shell(&inside, PORTS), own);
    assert_eq!(session.shell(&fix, PORTS), "none none");
    assert!(home.daemon_file().is_none(), "a shell starts no daemon");
}

#[test]
fn lines_that_got_lost_are_written_again_when_the_folder_changes() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let own = session.shell(&home.project(), PORTS);
    let moved = || {
        session.hook("CwdChanged", &json!({ "old_cwd": home.top(), "new_cwd": home.project() }));
    };
    moved();
    assert_eq!(session.shell(&home.project(), PORTS), own);
    fs::remove_file(&session.env_file).unwrap();
    moved();
    assert_eq!(session.shell(&home.project(), PORTS), own);
    serves(&home.project());
}
