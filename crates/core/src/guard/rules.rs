//! What the guard refuses: only what is another's beyond doubt.

/// What a process is that a signal is about to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It listens on a TCP port, or is above one that does, in the same worktree: `npm`, `sh -c`, turbo.
    Server,
    /// It is the agent of a session that lives.
    Agent,
    /// It is Styxy's own: the daemon, or an agent's MCP server.
    Styxy,
    /// It is none of these: a build, a test, an editor.
    Other,
}

/// Where a process or a lease belongs, seen from who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// To the caller's own worktree, or to one of which it is a part.
    Own,
    /// To another one that exists.
    Others,
    /// To none, or to one that was deleted; or nothing says to which.
    Nobodys,
}

/// Whose session has a process or a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// That of who asks.
    Own,
    /// Another one that lives.
    Others,
    /// None, or one that has ended.
    None,
}

/// Why a signal is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spared {
    /// The server belongs to another worktree.
    Worktree,
    /// The server belongs to another session that lives.
    Session,
    /// It is another session's agent.
    Agent,
    /// It is Styxy's own.
    Styxy,
}

/// Whether a signal is kept from a process that is no descendant of who asks, and why (R90).
#[must_use]
pub const fn signal(role: Role, ground: Ground, session: Session) -> Option<Spared> {
    match (role, ground, session) {
        (Role::Other, _, _)
        | (Role::Agent, _, Session::Own | Session::None)
        | (Role::Server, Ground::Own | Ground::Nobodys, Session::Own | Session::None)
        | (Role::Server, Ground::Nobodys, Session::Others) => None,
        (Role::Styxy, _, _) => Some(Spared::Styxy),
        (Role::Agent, _, Session::Others) => Some(Spared::Agent),
        (Role::Server, Ground::Others, _) => Some(Spared::Worktree),
        (Role::Server, Ground::Own, Session::Others) => Some(Spared::Session),
    }
}

/// Whose a leased port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Nobody else's.
    Free,
    /// Another's: binding it fails.
    Others,
}

/// Whether a program may bind a port that is leased (R92). The same checkout always may.
#[must_use]
pub const fn bind(ground: Ground, session: Session) -> Port {
    match (ground, session) {
        (Ground::Others, Session::Others | Session::None) | (Ground::Nobodys, Session::Others) => {
            Port::Others
        }
        (Ground::Own, _) | (_, Session::Own) | (Ground::Nobodys, Session::None) => Port::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUNDS: [Ground; 3] = [Ground::Own, Ground::Others, Ground::Nobodys];
    const SESSIONS: [Session; 3] = [Session::Own, Session::Others, Session::None];

    #[test]
    fn a_server_of_another_worktree_or_another_live_session_is_spared_and_nobodys_is_not() {
        let server = |ground, session| signal(Role::Server, ground, session);
        for session in SESSIONS {
            assert_eq!(server(Ground::Others, session), Some(Spared::Worktree));
            assert_eq!(server(Ground::Nobodys, session), None);
        }
        assert_eq!(server(Ground::Own, Session::Others), Some(Spared::Session));
        assert_eq!(server(Ground::Own, Session::None), None);
        assert_eq!(server(Ground::Own, Session::Own), None);
    }

    #[test]
    fn builds_are_never_spared_and_styxys_own_always_are() {
        for (ground, session) in
            GROUNDS.into_iter().flat_map(|ground| SESSIONS.map(|session| (ground, session)))
        {
            assert_eq!(signal(Role::Other, ground, session), None);
            assert_eq!(signal(Role::Styxy, ground, session), Some(Spared::Styxy));
            let agent = (session == Session::Others).then_some(Spared::Agent);
            assert_eq!(signal(Role::Agent, ground, session), agent);
        }
    }

    #[test]
    fn the_same_checkout_always_binds() {
        for session in SESSIONS {
            assert_eq!(bind(Ground::Own, session), Port::Free);
        }
        assert_eq!(bind(Ground::Others, Session::None), Port::Others);
        assert_eq!(bind(Ground::Others, Session::Others), Port::Others);
        assert_eq!(bind(Ground::Others, Session::Own), Port::Free, "the session has told it");
        assert_eq!(bind(Ground::Nobodys, Session::Others), Port::Others);
        assert_eq!(bind(Ground::Nobodys, Session::None), Port::Free);
    }
}
