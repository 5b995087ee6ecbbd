//! Whom pkill, killall, fuser and skill would signal: the tool itself says it, when it is asked without a signal.

use std::process::{Command, Stdio};

use styxy_core::Pid;

use super::ask::Aim;
use super::signals::{self, KILL, TERM};
use super::tool;

/// The options with a value, of which the rest of a bundle is the value.
const KILLALLS: [char; 5] = ['n', 'o', 'u', 'y', 'Z'];
const FUSERS: [char; 2] = ['n', 'N'];
const SKILLS: [char; 4] = ['c', 'p', 't', 'u'];

/// How a tool is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Victims {
    tool: &'static str,
    /// Its words, without a signal.
    words: Vec<String>,
    form: Form,
    /// What it would send.
    pub(super) signal: i32,
}

/// How a tool says whom it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `node killed (pid 4242)`
    InBrackets,
    /// `Killed node(4242) with signal 0`
    BehindName,
    /// `4242 4243`
    Alone,
}

impl Victims {
    /// `pkill`: the first word that is a signal is the signal.
    pub(super) fn of_pkill(words: &[&str]) -> Option<Self> {
        let Parted { signal, mut rest } =
            parted(words, |word| signals::number(word).or_else(|| begun(word)))?;
        rest.splice(0..0, ["-0".to_owned(), "-e".to_owned()]);
        Self { tool: "pkill", words: rest, form: Form::InBrackets, signal: signal.unwrap_or(TERM) }.unless_0()
    }

    /// `killall`: a signal's name is in capitals.
    pub(super) fn of_killall(words: &[&str]) -> Option<Self> {
        let is_name = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let named = |word: &str| if is_name(word) { signals::number(word) } else { begun(word) };
        let Parted { signal, mut rest } = parted(words, named)?;
        // A person who is asked sees whose it is, and a list is not a signal.
        let stops = |word: &&String| {
            has(word, &KILLALLS, &['i', 'l', 'V'], &["--interactive", "--list", "--version"])
        };
        if rest.iter().any(|word| stops(&word)) {
            return None;
        }
        without(&mut rest, &KILLALLS, &['q', 'w'], &["--quiet", "--wait"]);
        rest.splice(0..0, ["-0".to_owned(), "-v".to_owned()]);
        Self { tool: "killall", words: rest, form: Form::BehindName, signal: signal.unwrap_or(TERM) }
            .unless_0()
    }

    /// `fuser`: it signals only with `-k`.
    pub(super) fn of_fuser(words: &[&str]) -> Option<Self> {
        let is_signal = |word: &str| {
            let capital = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
            let number = word.parse::<u8>().is_ok_and(|number| !matches!(number, 4 | 6));
            if capital || number { signals::number(word) } else { None }
        };
        let Parted { signal, mut rest } = parted(words, is_signal)?;
        if !rest.iter().any(|word| has(word, &FUSERS, &['k'], &["--kill"]))
            || rest.iter().any(|word| has(word, &FUSERS, &['i', 'l', 'V'], &["--interactive"]))
        {
            return None;
        }
        without(&mut rest, &FUSERS, &['k', 's', 'v', 'w', 'M'], &["--kill", "--silent", "--verbose"]);
        Self { tool: "fuser", words: rest, form: Form::Alone, signal: signal.unwrap_or(KILL) }.unless_0()
    }

    /// `skill`, which reads its words as `pkill` did once.
    pub(super) fn of_skill(words: &[&str]) -> Option<Self> {
        let Parted { signal, mut rest } =
            parted(words, |word| signals::number(word).or_else(|| begun(word)))?;
        if rest
            .iter()
            .any(|word| has(word, &SKILLS, &['i', 'l', 'L', 'n', 'V'], &["--interactive", "--no-action"]))
        {
            return None;
        }
        without(&mut rest, &SKILLS, &['v', 'w'], &["--verbose", "--warnings"]);
        rest.insert(0, "-n".to_owned());
        Self { tool: "skill", words: rest, form: Form::Alone, signal: signal.unwrap_or(TERM) }.unless_0()
    }

    fn unless_0(self) -> Option<Self> {
        (self.signal != 0).then_some(self)
    }

    /// Whom the tool names; none if it cannot be asked.
    pub(super) fn ask(&self) -> Option<Vec<Aim>> {
        let mut tool = Command::new(tool::find(self.tool)?);
        let said = tool.args(&self.words).env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
        let stdout = String::from_utf8_lossy(&said.stdout);
        let stderr = String::from_utf8_lossy(&said.stderr);
        // fuser has its labels on the other one.
        let others = if self.form == Form::Alone { "" } else { &*stderr };
        let pids = stdout.lines().chain(others.lines()).flat_map(|line| self.form.pids(line));
        // The tool leaves itself out, and would so this program, in whose place it would be.
        let own = std::process::id();
        Some(pids.filter(|pid| pid.get() != own).map(Aim::process).collect())
    }
}

impl Form {
    fn pids(self, line: &str) -> Vec<Pid> {
        let number = |text: &str| text.parse().ok().and_then(Pid::new);
        let one = |text: Option<&str>| text.and_then(number).into_iter().collect();
        match self {
            Self::InBrackets => one(line.rsplit_once("(pid ").and_then(|(_, rest)| rest.strip_suffix(')'))),
            Self::BehindName => {
                let named = line.strip_prefix("Killed ").and_then(|rest| rest.rsplit_once(") with signal"));
                one(named.and_then(|(named, _)| named.rsplit_once('(')).map(|(_, pid)| pid))
            }
            Self::Alone => line
                .split_ascii_whitespace()
                .filter_map(|word| number(word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic())))
                .collect(),
        }
    }
}

/// A signal, and the other words.
struct Parted {
    signal: Option<i32>,
    rest: Vec<String>,
}

/// Takes the signal out of the words; none if it is one that is not known by number.
fn parted(words: &[&str], is_signal: impl Fn(&str) -> Option<i32>) -> Option<Parted> {
    let mut parted = Parted { signal: None, rest: Vec::new() };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if word == "--" {
            parted.rest.push(word.to_owned());
            parted.rest.extend(words.map(str::to_owned));
            break;
        }
        let named = match word {
            "--signal" => Some(words.next()?),
            _ => word.strip_prefix("--signal="),
        };
        if let Some(named) = named {
            parted.signal = Some(signals::number(named)?);
        } else if let Some(signal) = word.strip_prefix('-').and_then(&is_signal)
            && parted.signal.is_none()
        {
            parted.signal = Some(signal);
        } else {
            parted.rest.push(word.to_owned());
        }
    }
    Some(parted)
}

/// The number at the beginning of `9f`: procps and psmisc read no further.
fn begun(word: &str) -> Option<i32> {
    let digits = word.split(|letter: char| !letter.is_ascii_digit()).next()?;
    signals::number(digits)
}

/// Whether a word is one of these options, or a bundle with one of them in front of those that take a value.
fn has(word: &str, valued: &[char], short: &[char], long: &[&str]) -> bool {
    let bundle = word.strip_prefix('-').filter(|bundle| !bundle.starts_with('-'));
    long.contains(&word) || bundle.is_some_and(|bundle| switches(bundle, valued).contains(short))
}

/// What of a bundle is switches: the letters in front of one that takes a value.
fn switches<'b>(bundle: &'b str, valued: &[char]) -> &'b str {
    bundle.split(valued).next().unwrap_or_default()
}

/// Takes switches out, from bundles too.
fn without(words: &mut Vec<String>, valued: &[char], short: &[char], long: &[&str]) {
    words.retain_mut(|word| {
        if long.contains(&word.as_str()) {
            return false;
        }
        let Some(bundle) =
            word.strip_prefix('-').filter(|bundle| !bundle.is_empty() && !bundle.starts_with('-'))
        else {
            return true;
        };
        let (ours, others) = bundle.split_at(switches(bundle, valued).len());
        let left = ours.replace(short, "") + others;
        let is_left = !left.is_empty();
        *word = format!("-{left}");
        is_left
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(of: fn(&[&str]) -> Option<Victims>, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        of(&words).map(|victims| format!("{} {}", victims.signal, victims.words.join(" ")))
    }

    #[test]
    fn a_tool_is_asked_with_its_own_words_and_without_its_signal() {
        type Of = fn(&[&str]) -> Option<Victims>;
        let (pkill, killall): (Of, Of) = (Victims::of_pkill, Victims::of_killall);
        let (fuser, skill): (Of, Of) = (Victims::of_fuser, Victims::of_skill);
        for (of, line, expected) in [
            (pkill, "node", Some("15 -0 -e node")),
            (pkill, "-9 node", Some("9 -0 -e node")),
            (pkill, "-9f node", Some("9 -0 -e node")),
            (pkill, "-f -KILL vite", Some("9 -0 -e -f vite")),
            (pkill, "-u me --signal HUP -f x", Some("1 -0 -e -u me -f x")),
            (pkill, "--signal=9 x", Some("9 -0 -e x")),
            (pkill, "-f -- -9", Some("15 -0 -e -f -- -9")),
            (pkill, "-0 node", None),
            (pkill, "-RTMIN node", Some("15 -0 -e -RTMIN node")),
            (pkill, "--signal RTMIN node", None),
            (killall, "node", Some("15 -0 -v node")),
            (killall, "-9 node", Some("9 -0 -v node")),
            (killall, "-KILL -q -w node", Some("9 -0 -v node")),
            (killall, "-qr nod.", Some("15 -0 -v -r nod.")),
            (fuser, "-uk 3000/tcp", Some("9 -u 3000/tcp")),
            (killall, "-I node", Some("15 -0 -v -I node")),
            (killall, "-i node", None),
            (killall, "-l", None),
            (fuser, "-k 3000/tcp", Some("9 3000/tcp")),
            (fuser, "-k -TERM 3000/tcp", Some("15 3000/tcp")),
            (fuser, "-ksn tcp 3000", Some("9 -n tcp 3000")),
            (fuser, "-4 -k -15 3000/tcp", Some("15 -4 3000/tcp")),
            (fuser, "3000/tcp", None),
            (fuser, "-ki 3000/tcp", None),
            (skill, "-9 -c node", Some("9 -n -c node")),
            (skill, "node", Some("15 -n node")),
            (skill, "-n node", None),
        ] {
            assert_eq!(asked(of, line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_a_tool_says_names_its_victims() {
        for (form, line, expected) in [
            (Form::InBrackets, "node killed (pid 4242)", &[4242][..]),
            (Form::InBrackets, "a (pid 7) killed (pid 8)", &[8]),
            (Form::InBrackets, "pkill: killing pid 7 failed", &[]),
            (Form::BehindName, "Killed node(4242) with signal 0", &[4242]),
            (Form::BehindName, "Killed a (b)(7) with signal 0", &[7]),
            (Form::BehindName, "node: no process found", &[]),
            (Form::Alone, " 4242  4243e", &[4242, 4243]),
            (Form::Alone, "", &[]),
        ] {
            let pids: Vec<u32> = form.pids(line).into_iter().map(Pid::get).collect();
            assert_eq!(pids, expected, "{line}");
        }
    }
}
