//! The agent session that a command or a call runs in.

use styxy_core::{InstanceId, InvalidName, Pid};

use crate::agents::Agent;

/// The variables that say which session it is, in the order in which they count; the last one only turns a look off.
pub(crate) const VARIABLES: [&str; 4] =
    ["STYXY_INSTANCE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "STYXY_AGENT"];

/// An agent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub instance: InstanceId,
    /// The agent's process, if it is known.
    pub pid: Option<Pid>,
}

/// The session: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else `codex-4242` for the `nearest` agent among the ancestors,
/// else `claude-$CLAUDE_CODE_SESSION_ID`. An empty value counts as unset, and so does a `CLAUDE_PID` that is not a pid.
/// With `STYXY_AGENT=off` no ancestor is looked at.
///
/// # Errors
/// The value that counts is not an instance id.
pub(crate) fn session(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<(Agent, u32)>,
) -> Result<Option<Session>, InvalidName> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let claude = set("CLAUDE_PID").and_then(|pid| pid.parse().ok()).and_then(Pid::new);
    let around = || if set("STYXY_AGENT").as_deref() == Some("off") { None } else { nearest() };
    let (name, pid) = if let Some(own) = set("STYXY_INSTANCE") {
        (own, claude.or_else(|| around().and_then(|(_, pid)| Pid::new(pid))))
    } else if let Some(pid) = claude {
        (format!("claude-{pid}"), Some(pid))
    } else if let Some((agent, pid)) = around() {
        (format!("{}-{pid}", agent.as_str()), Pid::new(pid))
    } else if let Some(session) = set("CLAUDE_CODE_SESSION_ID") {
        (format!("claude-{session}"), None)
    } else {
        return Ok(None);
    };
    Ok(Some(Session { instance: InstanceId::new(&name)?, pid }))
}

/// The name of [`session`]. A session that `STYXY_INSTANCE` names needs no look at the ancestors.
///
/// # Errors
/// As [`session`].
pub(crate) fn instance(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<(Agent, u32)>,
) -> Result<Option<InstanceId>, InvalidName> {
    let is_named = env("STYXY_INSTANCE").is_some_and(|name| !name.is_empty());
    let session = session(env, || if is_named { None } else { nearest() })?;
    Ok(session.map(|session| session.instance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn of(pairs: &[(&str, &str)], nearest: Option<(Agent, u32)>) -> Option<(String, Option<u32>)> {
        let session = session(env(pairs), || nearest).unwrap();
        let instance = instance(env(pairs), || nearest).unwrap();
        assert_eq!(session.as_ref().map(|session| &session.instance), instance.as_ref());
        session.map(|session| (session.instance.into(), session.pid.map(Pid::get)))
    }

    #[test]
    fn the_session_is_named_by_the_first_that_is_set_and_not_empty() {
        let claude = ("CLAUDE_PID", "42");
        let session = ("CLAUDE_CODE_SESSION_ID", "0b1c");
        let codex = Some((Agent::Codex, 7));
        let is = |name: &str, pid| Some((name.to_owned(), pid));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine"), claude, session], codex), is("mine", Some(42)));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine")], codex), is("mine", Some(7)));
        assert_eq!(of(&[("STYXY_INSTANCE", ""), claude, session], codex), is("claude-42", Some(42)));
        for no_pid in ["", "abc", "0", "-5", "4294967296"] {
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], codex), is("codex-7", Some(7)), "{no_pid:?}");
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], None), is("claude-0b1c", None), "{no_pid:?}");
        }
        assert_eq!(of(&[session, ("STYXY_AGENT", "off")], codex), is("claude-0b1c", None));
        assert_eq!(of(&[session], None), is("claude-0b1c", None));
        assert_eq!(of(&[], None), None);
    }

    #[test]
    fn a_session_with_a_name_of_its_own_is_named_without_a_look_at_the_ancestors() {
        let named = instance(env(&[("STYXY_INSTANCE", "mine")]), || panic!("the ancestors were looked at"));
        assert_eq!(named.unwrap().unwrap().as_str(), "mine");
    }

    #[test]
    fn a_session_name_of_the_wrong_form_is_refused() {
        assert!(session(env(&[("STYXY_INSTANCE", "a b")]), || None).is_err());
    }
}
