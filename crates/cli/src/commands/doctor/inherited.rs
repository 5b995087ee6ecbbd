//! What the daemon got from whoever started it, and what starts it: it keeps its limits, its group and its network for life.

use styxy_core::Pid;

use super::finding::Finding;
use crate::here::login::Login;

/// What a running daemon has inherited; none where the system does not show it. What slows the daemon is a note of its status.
pub(super) fn of(pid: Pid) -> Option<Finding> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    let nice = nice(pid)?;
    let group = group(&read("cgroup").unwrap_or_default());
    let network = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).ok();
    Some(said(nice, group.as_deref(), network(&pid.to_string()) == network("self")))
}

fn said(nice: i32, group: Option<&str>, same_network: bool) -> Finding {
    let group = group.map(|group| format!(", control group {group}")).unwrap_or_default();
    let what = format!("nice {nice}{group}");
    if same_network {
        Finding::ok("inherited", format!("{what}, the network of this command"))
    } else {
        Finding::warn(
            "inherited",
            format!("{what}, and another network than this command's: it says nothing about ports here"),
            "export STYXY_HOME=/a/new/folder/of/yours   # this network then has a daemon of its own",
        )
    }
}

#[cfg(target_os = "linux")]
fn nice(pid: Pid) -> Option<i32> {
    Some(styxy_client::process::Stat::of(pid.get()).ok()?.nice)
}

#[cfg(not(target_os = "linux"))]
const fn nice(_: Pid) -> Option<i32> {
    None
}

/// The path in the one hierarchy of version 2.
fn group(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// Whether the daemon starts at login; none where the system has no such thing that Styxy knows.
pub(super) fn login() -> Option<Finding> {
    let there = Login::for_removal().ok()?;
    let file = there.file.display();
    match there.is_there() {
        Ok(true) if Login::here().is_ok_and(|login| login.is_current()) => {
            Some(Finding::ok("login", format!("the daemon starts at login ({file})")))
        }
        Ok(true) => Some(Finding::warn(
            "login",
            format!("{file} starts another program than this one, or for another STYXY_HOME"),
            "styxy daemon install",
        )),
        Ok(false) => Some(Finding::ok(
            "login",
            "the daemon does not start at login; any command that needs it starts it",
        )),
        // Somebody else's file of that name.
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;

    #[test]
    fn what_was_inherited_is_said_with_its_control_group() {
        assert_eq!(group("1:name=x:/y\n0::/user.slice\n").as_deref(), Some("/user.slice"));
        let found = [said(0, Some("/user.slice/a.scope"), true), said(5, None, false)];
        snapshot!("doctor_inherited", shown(&found));
    }
}
