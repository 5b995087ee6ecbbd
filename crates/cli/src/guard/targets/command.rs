//! A command without what merely runs it: `sudo`, `timeout 5`, `env A=b`, `bash -c`.

use super::kills;
use crate::devserver::options::options;
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// More words than somebody types are not taken apart, one by one as that goes.
const WORDS: usize = 1024;

pub(super) struct Command {
    /// Variables that are set for it.
    pub(super) assigned: Vec<(String, Word)>,
    /// It, without `sudo`, `timeout 5`, `nohup` and the like. Empty if nothing is run.
    pub(super) words: Vec<Word>,
    /// The same with the package managers' ways of running a tool, which know of servers.
    pub(super) launched: Vec<Word>,
    /// Whether it is run as somebody else, who may end other processes than we.
    pub(super) by_another: bool,
    /// Whether it only asks what a program is, or how it is used.
    pub(super) asks: bool,
    /// Whether it takes the shell's place, so that nothing behind it is run.
    pub(super) replaces: bool,
}

impl Command {
    pub(super) fn of(words: &[Word]) -> Self {
        let mut words = if words.len() > WORDS { Vec::new() } else { words.to_vec() };
        let mut assigned = Vec::new();
        let (mut by_another, mut replaces, mut runs) = (false, false, true);
        loop {
            while let Some((name, value)) = words.first().and_then(Word::assignment) {
                let (name, text) = (name.to_owned(), value.to_owned());
                assigned.push((name, Word { text, ..words.remove(0) }));
            }
            let Some(first) = words.first() else { break };
            let runner = program(&first.text).to_owned();
            let valued: &[&str] = match runner.as_str() {
                "sudo" | "doas" => &[
                    "-u", "-g", "-C", "-p", "--user", "--group", "--prompt", "-D", "--chdir", "-R", "-T",
                    "-h",
                ],
                "nohup" | "setsid" | "command" | "builtin" | "unbuffer" => &[],
                "time" => &["-f", "-o", "--format", "--output"],
                "exec" => &["-a"],
                "caffeinate" => &["-t", "-w"],
                "env" => &["-u", "--unset", "-C", "--chdir", "-S", "--split-string"],
                "nice" | "ionice" => &["-n", "-c", "--adjustment", "--class"],
                "stdbuf" => &["-i", "-o", "-e"],
                "timeout" | "gtimeout" => &["-s", "-k", "--signal", "--kill-after"],
                _ => break,
            };
            words.remove(0);
            replaces |= runner == "exec" && !words.is_empty();
            // What the environment has it may be left without.
            let mut drops = matches!(runner.as_str(), "sudo" | "doas");
            options(&mut words, valued, |flag, value| match runner.as_str() {
                "sudo" | "doas" => {
                    if matches!(flag, "-u" | "--user") {
                        by_another |= !matches!(value, Some("root" | "#0"));
                    } else if flag.starts_with("-u") {
                        by_another |= flag != "-uroot";
                    }
                    runs &= sudo_runs(flag);
                }
                "env" => {
                    runs &= !matches!(flag, "-C" | "--chdir" | "-S" | "--split-string");
                    drops |= matches!(flag, "-i" | "--ignore-environment")
                        || matches!((flag, value), ("-u" | "--unset", Some("PORT")))
                        // `-uPORT`, `-iv`
                        || !flag.starts_with("--") && (flag.ends_with("uPORT") || flag.contains('i'));
                }
                "command" => runs &= !matches!(flag, "-v" | "-V"),
                _ => runs &= !matches!(flag, "--help" | "--version"),
            });
            if drops {
                let unknown = Word { expanded: true, ..Word::default() };
                assigned.push(("PORT".to_owned(), unknown));
            }
            if runner.ends_with("timeout") && !words.is_empty() {
                words.remove(0);
            }
        }
        let asks = !runs || asks(&words);
        if asks {
            words.clear();
            assigned.clear();
        }
        if overrides(&words) {
            let unknown = Word { expanded: true, ..Word::default() };
            assigned.push(("PORT".to_owned(), unknown));
        }
        let launched = words.clone();
        kills::unpack(&mut words);
        Self { assigned, words, launched, by_another, asks, replaces }
    }
}

/// Whether variables come from a file, whatever the environment has: `dotenv -o -- next dev`.
fn overrides(words: &[Word]) -> bool {
    let is_runner = |word: &Word| matches!(program(&word.text), "dotenv" | "dotenv-cli" | "dotenvx");
    let Some(at) = words.iter().take(4).position(is_runner) else { return false };
    let own = words[at..].iter().take_while(|word| word.text != "--");
    own.into_iter().any(|word| matches!(word.text.as_str(), "-o" | "--override" | "--overload"))
}

/// Whether `sudo` with this option runs a command, and here.
fn sudo_runs(flag: &str) -> bool {
    if flag.starts_with("--") {
        let asks = ["--list", "--validate", "--version", "--help", "--edit", "--remove-timestamp"];
        let elsewhere = ["--chdir", "--chroot", "--login"];
        return !asks.contains(&flag) && !elsewhere.contains(&flag);
    }
    // Letters in a cluster, up to one that has the rest of it for its value.
    let mut letters = flag.chars().skip(1).take_while(|letter| !"ugCpTrtUh".contains(*letter));
    letters.all(|letter| !"lvVeKDRi".contains(letter))
}

/// Whether a program only says what it is or how it is used.
fn asks(words: &[Word]) -> bool {
    let is = |word: &Word, flags: &[&str]| flags.contains(&word.text.as_str());
    match words {
        [] => false,
        [first, ..] if matches!(first.text.as_str(), "which" | "type" | "hash" | "whereis") => true,
        [_, only] => is(only, &["-h", "-v", "-V", "--help", "--version"]),
        [_, args @ ..] => {
            args.iter().any(|word| is(word, &["--help", "--version"]))
                || args.last().is_some_and(|word| is(word, &["-h"]))
        }
    }
}

/// The text that a shell is given to run.
pub(super) fn inline(first: &Word, args: &[Word]) -> Option<String> {
    if first.text == "eval" {
        return Some(args.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "));
    }
    let (mut args, mut runs, mut set) = (args.iter(), false, String::new());
    loop {
        let word = args.next()?;
        let text = word.text.as_str();
        let (is_long, flags) = match text.strip_prefix("--") {
            Some(long) => (true, long),
            None => (false, text.strip_prefix(['-', '+']).unwrap_or_default()),
        };
        if !text.starts_with(['-', '+']) || text == "-" || text == "--" {
            // Without -c it is a script's file, and what follows is its arguments.
            let given = if text == "--" { args.next()? } else { word };
            return runs.then(|| format!("{set}{}", given.text));
        }
        match (is_long, flags) {
            (true, "rcfile" | "init-file") => drop(args.next()),
            (true, "login" | "norc" | "noprofile" | "posix" | "verbose") => {}
            // --help and --version run nothing; the others are not known.
            (true, _) => return None,
            (false, _) if flags.contains('n') => return None,
            (false, _) => {
                runs |= flags.contains('c') && text.starts_with('-');
                if flags.contains('e') && text.starts_with('-') {
                    set.push_str("set -e\n");
                }
                if flags.ends_with(['o', 'O'])
                    && let Some(name) =
                        args.next().filter(|name| ["errexit", "pipefail"].contains(&name.text.as_str()))
                {
                    set.extend(["set -o ", &name.text, "\n"]);
                }
            }
        }
    }
}
