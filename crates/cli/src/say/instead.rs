//! What to type instead of a word that is not a command: other tools have it, or it is a guess.

/// A command to type, and what it is for: `see who has which port`.
pub(crate) struct Tip {
    pub(crate) purpose: &'static str,
    pub(crate) command: String,
}

impl Tip {
    pub(crate) fn new(purpose: &'static str, command: impl Into<String>) -> Self {
        Self { purpose, command: command.into() }
    }
}

type Row = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const SERVER: (&str, &str) = ("start a server", "styxy run -- npm run dev");
const END: (&str, &str) = ("end this worktree's server", "styxy kill dev");
const LIST: (&str, &str) = ("see who has which port", "styxy list");
const SCAN: (&str, &str) = ("see every listener", "styxy scan");
const LEASE: (&str, &str) = ("get a port", "styxy allocate --service dev");
const WHO: (&str, &str) = ("see who has a port", "styxy check 3000");

const ROWS: &[Row] = &[
    (
        &["start"],
        &[
            SERVER,
            ("start all services of this worktree", "styxy up"),
            ("start the daemon", "styxy daemon start"),
        ],
    ),
    (&["serve", "exec", "x", "launch"], &[SERVER]),
    (
        &["stop"],
        &[END, ("end what styxy up has started", "styxy down"), ("stop the daemon", "styxy daemon stop")],
    ),
    (
        &["end", "kill-port", "killport", "terminate", "pkill"],
        &[END, ("end the server on a port", "styxy kill 3000")],
    ),
    (
        &["restart", "reload"],
        &[
            ("start what has ended or was changed again", "styxy up"),
            ("restart the daemon", "styxy daemon restart"),
        ],
    ),
    (&["ls", "ports", "leases", "show"], &[LIST, SCAN]),
    (&["sessions", "agents"], &[("see the live agent sessions", "styxy instances")]),
    (&["lsof", "netstat", "ss"], &[SCAN, WHO]),
    (&["port", "get", "get-port", "getport", "lease", "reserve", "new", "next"], &[LEASE]),
    (&["find", "info", "inspect", "lookup"], &[WHO]),
    (&["whois", "owner", "whose"], &[("see whose the server on a port is", "styxy who 3000")]),
    (&["free", "unlock", "rm", "remove", "delete"], &[("give a port back", "styxy release 3000"), END]),
    (&["url", "browse", "browser"], &[("open this worktree's server", "styxy open dev")]),
    (
        &["log"],
        &[("see what services have printed", "styxy logs"), ("see the daemon's log", "styxy daemon logs")],
    ),
    (&["health", "ping"], &[("see whether the daemon runs", "styxy status")]),
    (&["clean", "prune", "gc"], &[("end the leases whose owners are gone", "styxy cleanup")]),
    (&["settings", "configure"], &[("see the settings", "styxy config show")]),
    (&["hook-install", "install", "setup"], &[("add the hooks to an agent", "styxy hooks install claude")]),
    (&["version"], &[("see the version", "styxy --version")]),
    (&["upgrade", "update"], &[("get the newest version", "npm install -g styxy@latest")]),
];

/// What is typed instead of `word`; nothing if nobody is known to type it.
pub(crate) fn instead(word: &str) -> Vec<Tip> {
    let word = word.to_ascii_lowercase();
    let rows = ROWS.iter().filter(|(words, _)| words.contains(&word.as_str()));
    let tips = rows.flat_map(|(_, tips)| *tips).map(|(purpose, command)| Tip::new(purpose, *command));
    tips.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_lower_case_and_has_a_tip() {
        for (words, tips) in ROWS {
            assert!(!tips.is_empty());
            for word in *words {
                assert_eq!(*word, word.to_ascii_lowercase());
                assert!(!instead(&word.to_uppercase()).is_empty(), "{word}");
            }
        }
        assert!(instead("nonsense").is_empty());
    }
}
