//! Which rule a refusal is about.

use serde::{Deserialize, Serialize};

/// `details.rule` of a [`Refusal`](super::Refusal): a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The `Host` header names this machine and the daemon's port.
    Host,
    /// No `Origin` header.
    Origin,
    /// No `Sec-Fetch-Site` header of a web page.
    SecFetchSite,
    /// No `Referer` header.
    Referer,
    /// The peer is the daemon's own user.
    PeerUid,
    /// The token, where the system does not tell the peer's user.
    Token,
    /// A `pid` is a process of the daemon's user.
    Pid,
    /// The folder of the daemon's files is the user's own.
    Home,
    /// A server that is ended or released is the caller's own (said by the command only).
    Owner,
    /// Nobody replaces a newer daemon (said by the command only).
    Version,
    /// The daemon's lock is not held by another user's process.
    Lock,
    /// The daemon serves no more connections, or readers of events, than it can.
    Connections,
    /// A checkout, an owner or the daemon has no more than its quota.
    Quota,
    /// The client sees the same ports as the daemon: both are in one network namespace.
    Network,
}

impl Rule {
    /// Every rule, for tables and tests.
    pub const ALL: [Self; 14] = [
        Self::Host,
        Self::Origin,
        Self::SecFetchSite,
        Self::Referer,
        Self::PeerUid,
        Self::Token,
        Self::Pid,
        Self::Home,
        Self::Owner,
        Self::Version,
        Self::Lock,
        Self::Connections,
        Self::Quota,
        Self::Network,
    ];

    /// As written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Origin => "origin",
            Self::SecFetchSite => "sec_fetch_site",
            Self::Referer => "referer",
            Self::PeerUid => "peer_uid",
            Self::Token => "token",
            Self::Pid => "pid",
            Self::Home => "home",
            Self::Owner => "owner",
            Self::Version => "version",
            Self::Lock => "lock",
            Self::Connections => "connections",
            Self::Quota => "quota",
            Self::Network => "network",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Code, Refusal};

    #[test]
    fn a_rule_is_written_as_it_is_named_and_read_back() {
        for rule in Rule::ALL {
            let refusal = Refusal::new(Code::Forbidden, "no").rule(rule);
            assert_eq!(refusal.details["rule"], rule.as_str());
            assert_eq!(refusal.broken_rule(), Some(rule));
        }
        let new = Refusal::new(Code::Forbidden, "no").detail("rule", "of a newer daemon");
        assert_eq!(new.broken_rule(), None);
        assert_eq!(Refusal::new(Code::Forbidden, "no").broken_rule(), None);
    }

    #[test]
    fn the_documentation_lists_every_rule() {
        let page = include_str!("../../../../docs/API.md");
        for rule in Rule::ALL {
            assert!(page.contains(&format!("`{}`", rule.as_str())), "{rule:?}");
        }
    }
}
