//! What a command of the shell ends, or waits for: `wait`, `kill`, `pkill`, `killall`.

use std::collections::BTreeMap;

use super::census::Server;
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// Which of the servers that run in the background do not run any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ends {
    All,
    /// Those of these jobs.
    Jobs(Vec<usize>),
    /// Those whose command has one of these texts in it.
    Lines(Vec<String>),
    /// Those of which a program is called so.
    Programs(Vec<String>),
}

/// The background jobs of a text, as far as it names them.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    count: usize,
    /// The variables that the text has put a job into: `pid=$!`.
    names: BTreeMap<String, usize>,
}

impl Jobs {
    /// Counts a job more, in which `servers` run.
    pub(super) fn begin(&mut self, servers: &mut [Server]) {
        self.count += 1;
        for one in servers {
            one.job = self.count;
        }
    }

    /// Remembers what `word` puts into a variable.
    pub(super) fn remember(&mut self, word: &Word) {
        if let Some((name, "$!" | "${!}")) = word.assignment() {
            self.names.insert(name.to_owned(), self.count);
        }
    }

    /// What the command with these words ends; none if it is not such a command.
    pub(super) fn ended_by(&self, words: &[Word]) -> Option<Ends> {
        let (first, args) = words.split_first()?;
        let plain = |args: &[Word]| args.iter().filter(|word| !word.is_flag()).cloned().collect::<Vec<_>>();
        match first.text.as_str() {
            "wait" if plain(args).is_empty() => Some(Ends::All),
            "wait" => Some(self.jobs(&plain(args))),
            "kill" if args.iter().any(|word| word.text.starts_with('-') && word.text.contains('$')) => {
                Some(Ends::All)
            }
            // These only ask.
            "kill" if args.first().is_some_and(|word| matches!(word.text.as_str(), "-0" | "-l" | "-L")) => {
                None
            }
            "kill" => {
                let signal = usize::from(args.first().is_some_and(|word| word.text == "-s")) * 2;
                Some(self.jobs(&plain(args.get(signal..).unwrap_or_default())))
            }
            "pkill" | "killall" => Some(named(args)),
            _ => None,
        }
    }

    fn jobs(&self, words: &[Word]) -> Ends {
        let mut jobs = Vec::new();
        for word in words {
            let text = word.text.as_str();
            let name = text.trim_start_matches('$').trim_matches(['{', '}']);
            match self.names.get(name) {
                Some(job) if text.starts_with('$') => jobs.push(*job),
                _ if matches!(text, "$!" | "${!}") => jobs.push(self.count),
                // A process with this number is not one of these.
                _ if text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit()) => {}
                // Whatever it is, it may be all of them.
                _ => return Ends::All,
            }
        }
        Ends::Jobs(jobs)
    }
}

/// What `pkill` and `killall` end by name.
fn named(args: &[Word]) -> Ends {
    const VALUED: [&str; 12] =
        ["-F", "-G", "-P", "-U", "-g", "-s", "-t", "-u", "--parent", "--signal", "--user", "-n"];
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        if VALUED.contains(&word.text.as_str()) {
            at += 1;
        } else if word.expanded {
            return Ends::All;
        } else if !word.is_flag() {
            names.push(word.text.replace('\\', ""));
        }
    }
    let is_pattern = |name: &String| name.contains(['*', '[', '|', '^', '$', '+', '?']);
    if names.is_empty() || names.iter().any(is_pattern) {
        return Ends::All;
    }
    let by_line = args
        .iter()
        .any(|word| word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('f'));
    if by_line { Ends::Lines(names) } else { Ends::Programs(names) }
}

impl Ends {
    /// Whether `server` is one of them.
    pub(super) fn has(&self, server: &Server) -> bool {
        match self {
            Self::All => true,
            Self::Jobs(jobs) => jobs.contains(&server.job),
            Self::Lines(texts) => texts.iter().any(|text| server.line.contains(text)),
            Self::Programs(names) => {
                let mut programs = server.line.split_whitespace().map(program);
                programs.any(|program| names.iter().any(|name| program.contains(name)))
            }
        }
    }
}
