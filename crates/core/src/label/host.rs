//! Host names below `.localhost`, put together and taken apart.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Label, MOST};
use crate::invalid::{Invalid, from_text};

/// The last label of every name. Browsers send it to this machine without asking anybody.
const LOCALHOST: &str = "localhost";

impl Label {
    /// Reads a label, which must be in lower case.
    ///
    /// # Errors
    /// Says what came and what is allowed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let has_ends = !text.starts_with('-') && !text.ends_with('-');
        if (1..=MOST).contains(&text.len()) && is_plain && has_ends {
            return Ok(Self(text.into()));
        }
        let allowed = "1 to 63 of a-z, 0-9 and hyphens, with a letter or a digit at both ends";
        Err(Invalid::text(text, "is not a label of a host name", allowed))
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_text(from, Self::parse)
    }
}

/// The name of a worktree or of one of its servers: `shop.localhost`, `web.shop.localhost`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName {
    /// The worktree.
    pub worktree: Label,
    /// The server; none for the worktree itself.
    pub server: Option<Label>,
}

impl HostName {
    /// Reads a host name without its port, in any case, with or without a dot at its end. None if it is not a name of a worktree.
    ///
    /// What is in front of the server is left to the server: `acme.web.shop.localhost` is the server `web` too, as for an app
    /// that has a host name for each of its customers.
    #[must_use]
    pub fn read(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let mut labels = host.rsplit('.');
        labels.next().filter(|last| *last == LOCALHOST)?;
        let worktree = Label::parse(labels.next()?).ok()?;
        let server = labels.next().map(Label::parse).transpose().ok()?;
        labels.all(|label| (1..=MOST).contains(&label.len())).then_some(Self { worktree, server })
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(out, "{server}.{}.{LOCALHOST}", self.worktree),
            None => write!(out, "{}.{LOCALHOST}", self.worktree),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_any_case_and_with_a_dot_at_its_end() {
        let read = |host: &str| HostName::read(host).map(|name| name.to_string());
        let long = "x".repeat(63);
        for (host, name) in [
            ("shop.localhost", "shop.localhost"),
            ("web.shop.localhost", "web.shop.localhost"),
            ("Web.Login-Shop.LocalHost.", "web.login-shop.localhost"),
            // For the app to tell apart.
            ("acme.web.shop.localhost", "web.shop.localhost"),
            ("a_b.c.web.shop.localhost", "web.shop.localhost"),
            (&format!("{long}.{long}.localhost"), &format!("{long}.{long}.localhost")),
        ] {
            assert_eq!(read(host).as_deref(), Some(name), "{host}");
        }
    }

    #[test]
    fn what_is_not_below_localhost_or_has_no_labels_is_not_a_name() {
        let too_long = format!("web.{}.localhost", "x".repeat(64));
        for host in [
            "",
            ".",
            "localhost",
            "localhost.",
            ".localhost",
            "shop.localhost..",
            "shop..localhost",
            ".shop.localhost",
            "web..shop.localhost",
            "-shop.localhost",
            "shop-.localhost",
            "sh_op.localhost",
            "we b.shop.localhost",
            "shop.localhost.evil.example",
            "shop.example",
            "shoplocalhost",
            "127.0.0.1",
            "日本.localhost",
            &too_long,
        ] {
            assert_eq!(HostName::read(host), None, "{host}");
        }
    }

    #[test]
    fn a_label_is_read_as_it_is_written_and_nothing_else() {
        for label in ["a", "0", "login-shop", "a--b"] {
            let read: Label = serde_json::from_value(label.into()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), label);
        }
        let error = Label::parse("Shop").unwrap_err().to_string();
        assert!(error.starts_with("\"Shop\" is not a label of a host name; allowed: 1 to 63"), "{error}");
    }
}
