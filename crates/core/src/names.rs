//! Names and ids: checked once, where they come in.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::invalid::{Invalid, from_text};

/// A checked, shared, immutable text type with `new`, `as_str`, serde and `Display`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the form.
            ///
            /// # Errors
            /// Says what came and what is allowed.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(Invalid::text(text, concat!("is not ", $what), $allowed))
                }
            }
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from_text(from, Self::new)
            }
        }
        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                (*name.0).to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:?}", &self.0)
            }
        }
    };
}

fn all(text: &str, most: usize, extra: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= most
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
}

name!(
    /// What kind of server a lease is for: `dev`, `api`, `storybook`, …
    ServiceType,
    "a service type",
    "letters, digits, _ and -, beginning with a letter or a digit, 1 to 50 characters",
    |text| all(text, 50, b"_-") && text.as_bytes()[0].is_ascii_alphanumeric()
);
name!(
    /// Which of several servers of one kind: `web`, `admin`, …
    ServiceName,
    "a service name",
    "letters, digits, ., _ and -, 1 to 100 characters",
    |text| all(text, 100, b"._-")
);
name!(
    /// An agent session or another group of processes: `claude-4242`.
    InstanceId,
    "an instance id",
    "letters, digits, :, _ and -, 1 to 100 characters",
    |text| all(text, 100, b":_-")
);
name!(
    /// The root of a checkout: a key to tell projects apart, never opened.
    ProjectPath,
    "a project path",
    "a path without NUL, 1 to 4096 bytes",
    |text| !text.is_empty() && text.len() <= 4096 && !text.contains('\0')
);
name!(
    /// Which folder a project path is, within one boot of the machine: the same path made again has another one, and a
    /// folder that moved keeps its own. Opaque.
    ProjectId,
    "a project id",
    "letters, digits, :, . and -, 1 to 64 characters",
    |text| all(text, 64, b":.-")
);
name!(
    /// A client's own name for one request; a repeat gets the first answer again.
    RequestId,
    "a request id",
    "1 to 64 printable ASCII characters",
    |text| !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic())
);

impl ProjectPath {
    /// Whether one of the two paths lies in the other (or both are the same).
    #[must_use]
    pub fn is_related_to(&self, other: &Self) -> bool {
        let (ours, theirs) = (Path::new(self.as_str()), Path::new(other.as_str()));
        ours.starts_with(theirs) || theirs.starts_with(ours)
    }
}

/// Names one lease for ever: unique, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LockId(Uuid);

impl LockId {
    /// The id with these bits; they must be fresh.
    #[must_use]
    pub const fn new(fresh: Uuid) -> Self {
        Self(fresh)
    }
    /// Reads `4f5e…-…`, the form ids are shown in.
    ///
    /// # Errors
    /// Says what came and what is allowed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(text).map(Self).map_err(|_| {
            Invalid::text(text, "is not a lock id", "a UUID, as allocate answered it in lock_id")
        })
    }
}

impl<'de> Deserialize<'de> for LockId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_text(from, Self::parse)
    }
}

impl fmt::Display for LockId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Debug for LockId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LockId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_quotes_nul_or_too_many_characters_are_refused() {
        let long = "x".repeat(300);
        for bad in ["", "a b", "a\"b", "a\0b", "ü", "a/b", long.as_str()] {
            assert!(ServiceType::new(bad).is_err(), "{bad}");
            assert!(ServiceName::new(bad).is_err(), "{bad}");
            assert!(InstanceId::new(bad).is_err(), "{bad}");
        }
        assert!(ServiceType::new("-dev").is_err() && ServiceType::new("__proto__").is_err());
        assert!(ServiceType::new("dev_2").is_ok() && ServiceName::new("web.admin").is_ok());
        assert!(InstanceId::new("claude:s1").is_ok());
    }

    #[test]
    fn a_refused_name_says_what_came_and_what_is_allowed() {
        let error = ServiceType::new("bad name!").unwrap_err().to_string();
        assert!(error.contains("\"bad name!\" is not a service type; allowed: letters"), "{error}");
        assert!(ServiceName::new(&"y".repeat(300)).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn paths_are_related_if_one_contains_the_other_by_whole_components() {
        let path = |text| ProjectPath::new(text).unwrap();
        assert!(path("/w/app").is_related_to(&path("/w/app/packages/web")));
        assert!(path("/w/app/packages/web").is_related_to(&path("/w/app")));
        assert!(!path("/w/app").is_related_to(&path("/w/app2")));
    }
}
