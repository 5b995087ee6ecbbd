//! What was refused to an agent's command, and what would be: whose the server is, which ports this checkout has, and how to go on.

use std::path::Path;

use styxy_core::Pid;
use styxy_core::api::WhoAnswer;
use styxy_core::guard::Spared;
use styxy_core::printable::tilde;

use crate::say::facts;
use crate::say::output::one_line;

/// A command that must not run.
pub(crate) struct Denied<'a> {
    pub(crate) why: Spared,
    pub(crate) meant: Meant<'a>,
    pub(crate) holder: &'a WhoAnswer,
    /// `dev 8003`, for each lease of this checkout.
    pub(crate) own: &'a [String],
    pub(crate) home: Option<&'a Path>,
}

/// How the command names the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meant<'a> {
    Port,
    Process(Pid),
    Name(&'a str),
}

/// Why a command must not run.
pub(crate) fn denied(denied: &Denied) -> String {
    let Denied { why, meant, holder, own, home } = denied;
    let server =
        holder.system_usage.as_ref().and_then(facts::server).unwrap_or_else(|| "a server".to_owned());
    let what = match meant {
        Meant::Port => format!("Port {} is used by {server}", holder.port),
        Meant::Process(pid) => format!("Process {pid} belongs to the server on port {}", holder.port),
        Meant::Name(name) => format!("The name {name:?} also matches {server} on port {}", holder.port),
    };
    let whose = match why {
        Spared::Styxy => return format!("{what}, which is Styxy's daemon. `styxy daemon stop` stops it."),
        Spared::Worktree | Spared::Session | Spared::Agent => whose(holder, *home),
    };
    let own = match &own[..] {
        [] => "This checkout has no leased port yet.".to_owned(),
        own => format!("This checkout has {}.", own.join(", ")),
    };
    format!(
        "{what} of another checkout or session: {whose}. {own} `styxy kill PORT` ends only servers of this checkout, and \
         `styxy run -- COMMAND` runs one on a port of its own."
    )
}

/// `session claude-612, ~/app2, branch fix`
fn whose(holder: &WhoAnswer, home: Option<&Path>) -> String {
    let session = holder.instance_id.as_ref().map(|instance| format!("session {instance}"));
    let worktree = holder.worktree.as_ref().map(|path| tilde(path.as_str(), home));
    let branch = holder.branch.as_ref().map(|branch| format!("branch {branch}"));
    let facts: Vec<String> = session.into_iter().chain(worktree).chain(branch).collect();
    one_line(&facts.join(", ")).into_owned()
}

/// One line for each of the guard's refusals; none if there is none.
pub(crate) fn reported<'m>(messages: impl IntoIterator<Item = &'m str>) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for message in messages {
        let message = one_line(message);
        let line = format!("Styxy's guard: {}", message.strip_prefix("styxy: ").unwrap_or(&message));
        // Programs try several signals, and the several addresses of a port.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use serde_json::json;

    #[test]
    fn a_denial_says_whose_the_server_is_and_how_to_go_on() {
        let said = |meant, why, change: fn(&mut serde_json::Value), own: &[String]| {
            let mut wire = json!({"port": 3000, "whose": "sibling", "reason": "", "worktree": "/home/ada/fix",
                "branch": "fix", "instance_id": "claude-2", "allocated_to": null,
                "system_usage": {"pid": 42, "process": "node", "addresses": []}});
            change(&mut wire);
            let holder = serde_json::from_value(wire).unwrap();
            denied(&Denied { why, meant, holder: &holder, own, home: Some(Path::new("/home/ada")) }) + "\n"
        };
        let own = ["dev 8000".to_owned(), "api/web 8001".to_owned()];
        let process = Meant::Process(Pid::new(42).unwrap());
        let (worktree, session) = (Spared::Worktree, Spared::Session);
        snapshot!(
            "denials",
            each([
                ("by port", said(Meant::Port, worktree, |_| {}, &own)),
                ("by name", said(Meant::Name("node"), session, |wire| wire["branch"] = json!(null), &own)),
                ("by pid", said(process, worktree, |wire| wire["instance_id"] = json!(null), &[])),
                ("Styxy's daemon", said(process, Spared::Styxy, |_| {}, &[])),
                (
                    "a hostile branch",
                    said(Meant::Port, worktree, |wire| wire["branch"] = json!("a\nb\u{1b}[2J"), &[])
                ),
            ])
        );
    }

    #[test]
    fn each_refusal_is_one_line_and_said_once() {
        let all = ["styxy: not signalled: a\nb", "styxy: port 1 is leased", "styxy: not signalled: a\nb"];
        let lines = reported(all).unwrap();
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(lines.starts_with("Styxy's guard: not signalled: a"), "{lines}");
        assert!(lines.ends_with("\nStyxy's guard: port 1 is leased"), "{lines}");
        assert_eq!(reported([]), None);
    }
}
