//! The words of `kill`, of shells and of procps and util-linux.

use rustix::process;
use styxy_core::Pid;

use super::ask::Aim;
use super::signals::{self, TERM};

/// A signal and to whom it would go.
#[derive(Debug)]
pub(super) struct Killing {
    pub(super) signal: i32,
    pub(super) targets: Vec<Aim>,
}

/// What a `kill` does about a word that is neither a process nor a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It says so and goes on, as a shell's own does.
    Skipped,
    /// It signals nobody, or somebody by name: each program has its own way.
    Decides,
}

/// What `kill` would do; none if it signals nobody, or if its words do not say whom.
pub(super) fn read(words: &[&str], unknown: Unknown) -> Option<Killing> {
    let (signal, targets) = parsed(words)?;
    let is_known = |target: &&str| target.parse::<i32>().is_ok();
    if unknown == Unknown::Decides && !targets.iter().all(is_known) {
        return None;
    }
    let targets: Vec<Aim> = targets.iter().filter_map(|target| aim(target)).collect();
    (signal != 0 && !targets.is_empty()).then_some(Killing { signal, targets })
}

fn parsed<'w>(words: &[&'w str]) -> Option<(i32, Vec<&'w str>)> {
    let mut signal = None;
    let mut rest = words.iter().copied();
    let mut targets = Vec::new();
    while let Some(word) = rest.next() {
        match word {
            "--" => {
                targets.extend(rest);
                break;
            }
            "-s" | "-n" | "--signal" => signal = Some(signals::number(rest.next()?)?),
            _ if !targets.is_empty() || !word.starts_with('-') => targets.push(word),
            // A second number is a process group.
            _ if signal.is_some() => targets.push(word),
            _ => {
                let named = word.strip_prefix("--signal=").or_else(|| word.strip_prefix('-'))?;
                let short = || named.strip_prefix(['s', 'n']).and_then(signals::number);
                signal = Some(signals::number(named).or_else(short)?);
            }
        }
    }
    Some((signal.unwrap_or(TERM), targets))
}

/// Other words are the tool's: it knows names, or refuses them.
fn aim(word: &str) -> Option<Aim> {
    match word.parse::<i32>().ok()? {
        -1 => Some(Aim::Everybody),
        // The caller's own group.
        0 => None,
        group @ ..-1 => Pid::new(group.unsigned_abs()).map(Aim::Group),
        pid => Pid::new(pid.cast_unsigned()).filter(|pid| !is_own(*pid)).map(Aim::process),
    }
}

/// Whether it is this very program.
fn is_own(pid: Pid) -> bool {
    process::getpid().as_raw_pid().cast_unsigned() == pid.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_signal_and_its_targets_is_read() {
        for (line, expected) in [
            ("42", Some((15, "42"))),
            ("-9 42 43", Some((9, "42 43"))),
            ("-KILL 42", Some((9, "42"))),
            ("-SIGKILL 42", Some((9, "42"))),
            ("-s KILL 42", Some((9, "42"))),
            ("-sKILL 42", Some((9, "42"))),
            ("-n 9 42", Some((9, "42"))),
            ("--signal KILL 42", Some((9, "42"))),
            ("--signal=9 42", Some((9, "42"))),
            ("-9 -- -42", Some((9, "-42"))),
            ("-- -42 43", Some((15, "-42 43"))),
            ("-9 -42", Some((9, "-42"))),
            ("-9 -1", Some((9, "-1"))),
            ("-TERM 42 -43", Some((15, "42 -43"))),
            ("-0 42", Some((0, "42"))),
            ("%1 42", Some((15, "%1 42"))),
            ("-l", None),
            ("-l 9", None),
            ("--help", None),
            ("-RTMIN 42", None),
            ("-s", None),
            ("", Some((15, ""))),
        ] {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let found = parsed(&words).map(|(signal, targets)| (signal, targets.join(" ")));
            assert_eq!(found, expected.map(|(signal, targets)| (signal, targets.to_owned())), "{line}");
        }
    }

    #[test]
    fn what_signals_nobody_is_not_asked_about() {
        for line in ["-0 42", "", "-9", "0", "abc", "-l"] {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            assert!(read(&words, Unknown::Skipped).is_none(), "{line}");
        }
        let words = ["-9", "42", "-43", "-1", "name"];
        assert!(read(&words, Unknown::Decides).is_none());
        let all = read(&words, Unknown::Skipped).unwrap();
        assert_eq!(all.targets.iter().map(Aim::shown).collect::<Vec<_>>(), ["42", "-43", "-1"]);
    }
}
