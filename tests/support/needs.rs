//! What some tests need beside their system. Each of these looks for it, and the test is skipped if it is not there.

use std::process::{Command, Stdio};

use super::process::is_root;
use super::skip::{Need, skipped};

/// Whether this is not root, who alone can run a process of another user and give files to one.
#[track_caller]
pub(crate) fn lacks_root() -> bool {
    let lacks = !is_root();
    if lacks {
        skipped(Need::Root, "only root can be another user");
    }
    lacks
}

/// Whether `unshare` with these words fails: the kinds of namespaces, and a command that must succeed inside.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn lacks_namespaces(words: &[&str]) -> bool {
    lacks(Need::Namespaces, Command::new("unshare").args(words))
}

/// Whether this program is not installed. The part of a test that runs it is skipped.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn lacks_tool(program: &str) -> bool {
    lacks(Need::Tools, Command::new("sh").args(["-c", "command -v \"$0\"", program]))
}

/// Whether `command`, which tries what a test needs, fails.
#[track_caller]
pub(crate) fn lacks(need: Need, command: &mut Command) -> bool {
    let lacks = !succeeds(command);
    if lacks {
        skipped(need, &format!("this fails here: {command:?}"));
    }
    lacks
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Makes `command` another user's. Answers false, and the test is skipped, if this is not root.
#[track_caller]
pub(crate) fn nobody(command: &mut Command) -> bool {
    let can = !lacks_root();
    if can {
        super::process::become_nobody(command);
    }
    can
}
