//! Sandboxes of coding agents, by the variables that they set. A daemon that began in one would serve everybody from there.
//!
//! On macOS a sandbox is inherited by whatever is started in it, and no public call says that this process is in one: `sandbox_check`
//! is private. So a profile of one's own (`sandbox-exec` by hand) is known by what it denies only, as any sandbox on Linux is.

use std::ffi::OsString;

/// The sandbox that a program runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// Claude Code's: its own network, and no Unix sockets.
    Claude,
    /// Codex': no connections.
    Codex,
    /// Gemini CLI's: a container, or macOS' own.
    Gemini,
    /// That of an application of macOS, which everything that it starts inherits.
    Application,
}

impl Sandbox {
    /// The sandbox that these variables tell of. None says nothing: there are others.
    pub fn around(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
        if is_set("SANDBOX_RUNTIME") {
            Some(Self::Claude)
        } else if is_set("CODEX_SANDBOX") || is_set("CODEX_SANDBOX_NETWORK_DISABLED") {
            Some(Self::Codex)
        } else if is_set("SANDBOX") && is_set("GEMINI_CLI") {
            Some(Self::Gemini)
        } else if is_set("APP_SANDBOX_CONTAINER_ID") {
            Some(Self::Application)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Sandbox {
    /// `Codex' sandbox`
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Claude => "Claude Code's sandbox",
            Self::Codex => "Codex' sandbox",
            Self::Gemini => "Gemini CLI's sandbox",
            Self::Application => "an application's sandbox",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_known_by_what_its_agent_sets() {
        let around = |set: &[(&str, &str)]| {
            Sandbox::around(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert_eq!(around(&[("SANDBOX_RUNTIME", "1")]), Some(Sandbox::Claude));
        assert_eq!(around(&[("CODEX_SANDBOX_NETWORK_DISABLED", "1")]), Some(Sandbox::Codex));
        assert_eq!(around(&[("CODEX_SANDBOX", "seatbelt")]), Some(Sandbox::Codex));
        assert_eq!(around(&[("SANDBOX", "sandbox-exec"), ("GEMINI_CLI", "1")]), Some(Sandbox::Gemini));
        assert_eq!(around(&[("APP_SANDBOX_CONTAINER_ID", "com.example.editor")]), Some(Sandbox::Application));
        for none in [&[][..], &[("SANDBOX", "x")], &[("CODEX_SANDBOX", "")], &[("SANDBOX_RUNTIME", "0")]] {
            assert_eq!(around(none), None, "{none:?}");
        }
    }
}
