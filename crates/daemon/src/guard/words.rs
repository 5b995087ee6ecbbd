//! What a program says on stderr when the guard refuses: whose it is, what is yours, and how to insist. Nothing of others'
//! command lines or environments.

use std::path::Path;

use styxy_core::api::Lease;
use styxy_core::guard::Spared;
use styxy_core::printable::{one_line, tilde};
use styxy_core::{Pid, Port, Process};

use crate::daemon::own_pid;

/// What is known of a server that is spared.
pub(super) struct Server<'a> {
    pub(super) port: Port,
    pub(super) worktree: Option<&'a str>,
    pub(super) branch: Option<&'a str>,
    pub(super) lease: Option<&'a Lease>,
}

/// `node (4242)`.
pub(super) fn process(process: &Process) -> String {
    format!("{} ({})", one_line(&process.name), process.key.pid)
}

/// `~/app2's server on 3000 (session claude-612, branch fix)`
pub(super) fn server(server: &Server, why: Spared, home: Option<&Path>) -> String {
    let session = server.lease.and_then(|lease| lease.instance_id.as_ref());
    let port = server.port;
    let (named, session) = match (why, session, server.worktree) {
        (Spared::Session, Some(session), _) => (format!("the server of session {session} on {port}"), None),
        (_, session, Some(worktree)) => (format!("{}'s server on {port}", tilde(worktree, home)), session),
        (_, session, None) => (format!("another's server on {port}"), session),
    };
    let session = session.map(|session| format!("session {session}"));
    let branch = server.branch.map(|branch| format!("branch {}", one_line(branch)));
    let more: Vec<String> = session.into_iter().chain(branch).collect();
    if more.is_empty() { named } else { format!("{named} ({})", more.join(", ")) }
}

/// `dev on 8003, api on 8004` for these leases; none if there are none.
pub(super) fn these(leases: &[Lease]) -> Option<String> {
    let named = leases.iter().take(3).map(|lease| format!("{} on {}", label(lease), lease.port));
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// `dev`, or `dev/web`.
pub(super) fn label(lease: &Lease) -> String {
    let name = lease.service_name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{}{name}", lease.service_type)
}

/// How to insist.
pub(super) fn insist(why: Spared, pid: Pid, port: Option<Port>, stop: Option<String>) -> String {
    let command = match (why, port) {
        (Spared::Worktree | Spared::Session, Some(port)) => format!("styxy kill {port} --force"),
        (Spared::Styxy, _) if pid == own_pid() => "styxy daemon stop".to_owned(),
        (Spared::Worktree | Spared::Session | Spared::Agent | Spared::Styxy, _) => {
            // A shell's own `kill` would read the shell's variables, and not these.
            stop.unwrap_or_else(|| format!("env STYXY=off kill {pid}"))
        }
    };
    format!("If it is meant: {command}")
}

/// `port 3000 is leased to ~/app2 (dev, session claude-612)`
pub(super) fn leased(lease: &Lease, home: Option<&Path>) -> String {
    let whose = lease.project_path.as_ref().map(|project| format!(" to {}", tilde(project.as_str(), home)));
    let session =
        lease.instance_id.as_ref().map(|session| format!(", session {session}")).unwrap_or_default();
    format!("port {} is leased{} ({}{session})", lease.port, whose.unwrap_or_default(), label(lease))
}
