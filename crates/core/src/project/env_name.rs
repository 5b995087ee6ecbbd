//! Names of environment variables that may be set to a port number.

use std::fmt;
use std::sync::Arc;

use crate::invalid::Invalid;

/// A variable that does no harm when it holds a port number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvName(Arc<str>);

/// The longest name, in bytes.
const LONGEST: usize = 100;

/// What is wrong with a name, and what is allowed.
type Reason = (&'static str, &'static str);

const FORM: Reason =
    ("is not the name of a variable", "up to 100 of A to Z, 0 to 9 and _, beginning with a letter");
const OURS: Reason = ("is Styxy's own", "names that do not begin with STYXY_");
const DANGEROUS: Reason =
    ("is not Styxy's to set: programs take it for something else than a port", "another name");
const NO_PORT: Reason =
    ("may be something else than a port", "names that say PORT, such as WEB_PORT, PORT_API or PGPORT");

/// Variables that loaders, shells, interpreters and tools act on, whatever they hold.
const NAMES: [&str; 18] = [
    "BASHOPTS",
    "BROWSER",
    "CDPATH",
    "CLASSPATH",
    "EDITOR",
    "ENV",
    "HOME",
    "IFS",
    "LOGNAME",
    "PAGER",
    "PATH",
    "PATHEXT",
    "SHELL",
    "SHELLOPTS",
    "TERM",
    "TMPDIR",
    "USER",
    "VISUAL",
];
const PREFIXES: [&str; 22] = [
    "BASH_", "CARGO_", "DYLD_", "GCONV_", "GIT_", "GLIBC_", "JAVA_", "LD_", "LESS", "LUA_", "MALLOC_",
    "NODE_", "NPM_", "PERL", "PNPM_", "PROMPT_", "PYTHON", "RUBY", "RUST", "SSH_", "XDG_", "YARN_",
];

/// Words that say PORT without a `_` before it; others that end so do not: IMPORT, EXPORT, REPORT, TRANSPORT.
const JOINED: [&str; 5] = ["DBPORT", "HTTPPORT", "PGPORT", "TCPPORT", "WEBPORT"];

/// Whether loaders, shells, interpreters and tools act on the variable `name`, in capitals, whatever it holds.
pub(super) fn is_dangerous(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl EnvName {
    /// A name that a person gives.
    ///
    /// # Errors
    /// It has not the form, is Styxy's own, or is known to be taken for something else.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let letters =
            text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let form =
            letters && text.len() <= LONGEST && text.starts_with(|first: char| first.is_ascii_uppercase());
        let (problem, allowed) = if !form {
            FORM
        } else if text.starts_with("STYXY_") {
            OURS
        } else if is_dangerous(text) {
            DANGEROUS
        } else {
            return Ok(Self(text.into()));
        };
        Err(Invalid::text(text, problem, allowed))
    }

    /// A name that a repository gives. It must say that it is a port's: a list of the others would never be complete.
    ///
    /// # Errors
    /// As [`EnvName::new`], and if no word of it is `PORT` or a known program's `PGPORT`.
    pub fn for_project(text: &str) -> Result<Self, Invalid> {
        let name = Self::new(text)?;
        let says_port = text
            .split('_')
            .map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_digit()))
            .any(|word| word == "PORT" || JOINED.contains(&word));
        if says_port { Ok(name) } else { Err(Invalid::text(text, NO_PORT.0, NO_PORT.1)) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for EnvName {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl fmt::Debug for EnvName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &self.0)
    }
}
