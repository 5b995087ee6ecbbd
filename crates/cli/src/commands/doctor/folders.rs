//! Folders of servers that the daemon may not read: macOS closes Documents, Desktop and Downloads to programs without a grant.
//!
//! On Linux a process' folder is opened through the process itself, so nothing is closed there.

use std::path::Path;

use styxy_core::api::{PortInUse, ScanAnswer, SystemUsage};
use styxy_core::order::set;

use super::finding::Finding;

/// What the daemon cannot say because it may not read these folders; none if there are none.
pub(super) fn closed(seen: &ScanAnswer, home: Option<&Path>) -> Option<Finding> {
    let usages = seen.ports_in_use.iter().flat_map(PortInUse::listeners);
    let closed = set(usages.filter_map(|usage| folder(usage, home)));
    if closed.is_empty() {
        return None;
    }
    let list = closed.into_iter().collect::<Vec<_>>().join(", ");
    Some(Finding::warn(
        "folders",
        format!(
            "the daemon could not read {list}, so it does not know to which worktree the servers there belong"
        ),
        "styxy daemon restart, in a terminal that may read them (System Settings, Privacy & Security, Files & Folders)",
    ))
}

/// The folder of a server of ours that has a name but no project, though every folder but a home and those above it is in one.
fn folder<'a>(usage: &'a SystemUsage, home: Option<&Path>) -> Option<&'a str> {
    let is_seen = usage.project_path.is_some() || usage.container.is_some();
    let is_ours = usage.same_user == Some(true) && usage.working_directory_deleted == Some(false);
    let folder = usage.working_directory.as_deref().filter(|_| is_ours && !is_seen)?;
    let has_none = Path::new(folder).parent().is_none() || home.is_some_and(|home| home.starts_with(folder));
    (!has_none).then_some(folder)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_folder_that_the_daemon_could_not_read_is_named_once() {
        let server = |port: u16, folder: &str, project: Option<&str>| {
            json!({ "port": port, "allocated_to": null, "system_usage": {
                "pid": 42, "process": "node", "command": null, "user": "ada", "same_user": true, "addresses": [],
                "working_directory": folder, "working_directory_deleted": false, "project_path": project,
                "branch": null, "started_at": null,
            } })
        };
        let seen = |servers: &[serde_json::Value]| {
            let answer = json!({ "scan_range": "1024-65535", "ports_in_use": servers });
            closed(&serde_json::from_value(answer).unwrap(), Some(Path::new("/Users/ada")))
        };
        let open = [
            server(3000, "/Users/ada/app", Some("/Users/ada/app")),
            server(3001, "/Users/ada", None),
            server(3002, "/Users", None),
            server(3003, "/", None),
        ];
        assert_eq!(seen(&open), None);
        let closed = "/Users/ada/Documents/shop";
        let found = seen(&[server(3000, closed, None), server(3001, closed, None)]).unwrap();
        assert_eq!(found.message.matches(closed).count(), 1, "{}", found.message);
    }
}
