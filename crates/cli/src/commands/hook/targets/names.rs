//! Processes by name, as `pkill`, `pgrep` and `killall` find them.

use super::super::pattern::Pattern;
use crate::tools::words::Word;

/// The kernel keeps so many bytes of a process' name.
const KEPT: usize = 15;

/// Which processes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::hook) struct Name {
    /// As it was typed.
    pub(in crate::commands::hook) shown: String,
    looks: Looks,
    case: Case,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// The name is this.
    Exactly,
    /// The name is, as a whole, what the pattern says.
    WholeName,
    /// The pattern is found in the name.
    InName,
    /// The pattern is found in the command line.
    InCommand,
    /// The command line is, as a whole, what the pattern says.
    WholeCommand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Counts,
    Ignored,
}

impl Name {
    pub(super) fn exact(name: &str) -> Self {
        Self { shown: name.to_owned(), looks: Looks::Exactly, case: Case::Counts }
    }

    pub(super) fn anywhere(pattern: &str) -> Self {
        Self { shown: pattern.to_owned(), looks: Looks::InCommand, case: Case::Counts }
    }

    /// Whether a process of this name and this command line is meant. A pattern that is not understood means nobody.
    pub(in crate::commands::hook) fn means(&self, name: Option<&str>, command: Option<&str>) -> bool {
        let fold = |text: &str| match self.case {
            Case::Counts => text.to_owned(),
            Case::Ignored => text.to_lowercase(),
        };
        let asked = fold(&self.shown);
        let name = name.map(|name| fold(cut(name)));
        if self.looks == Looks::Exactly {
            return name.is_some_and(|name| name == cut(&asked));
        }
        let text = match self.looks {
            Looks::InCommand | Looks::WholeCommand => command.map(fold),
            Looks::InName | Looks::WholeName | Looks::Exactly => name,
        };
        let (Some(pattern), Some(text)) = (Pattern::parse(&asked), text) else { return false };
        match self.looks {
            Looks::WholeName | Looks::WholeCommand => pattern.is_whole(&text),
            Looks::InName | Looks::InCommand | Looks::Exactly => pattern.is_in(&text),
        }
    }
}

fn cut(name: &str) -> &str {
    name.get(..KEPT).unwrap_or(name)
}

/// Whether a signal of this name or number ends a process that does not mind it.
pub(super) fn ends(signal: &str) -> bool {
    let signal = signal.to_ascii_uppercase();
    !matches!(
        signal.strip_prefix("SIG").unwrap_or(&signal),
        "0" | "CHLD"
            | "17"
            | "CONT"
            | "18"
            | "URG"
            | "23"
            | "WINCH"
            | "28"
            | "USR1"
            | "10"
            | "USR2"
            | "12"
            | "STOP"
            | "19"
    )
}

/// What `pkill`, or `pgrep`, of these words means; nothing if it narrows down by what is not known here.
pub(super) fn pkill(args: &[Word]) -> Option<Name> {
    let (mut full, mut whole, mut case, mut pattern) = (false, false, Case::Counts, None);
    let mut args = args.iter();
    while let Some(word) = args.next() {
        if !word.is_flag() {
            pattern = Some(word);
            continue;
        }
        match word.text.as_str() {
            "--full" => full = true,
            "--exact" => whole = true,
            "--ignore-case" => case = Case::Ignored,
            "--signal" => {
                if !ends(&args.next()?.text) {
                    return None;
                }
            }
            "-u" | "-U" | "--euid" | "--uid" => drop(args.next()?),
            "--" | "--echo" | "--list-name" => {}
            flag if flag.starts_with("--signal=") => {
                if !ends(&flag["--signal=".len()..]) {
                    return None;
                }
            }
            flag if flag.starts_with("--") => return None,
            flag => {
                let letters = flag[1..].trim_start_matches(|letter: char| letter.is_ascii_digit());
                let number = &flag[1..flag.len() - letters.len()];
                if !number.is_empty() && !ends(number) {
                    return None;
                }
                if letters.len() > 1
                    && letters.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                {
                    if !ends(letters) {
                        return None;
                    }
                    continue;
                }
                for letter in letters.chars() {
                    match letter {
                        'f' => full = true,
                        'x' => whole = true,
                        'i' | 'I' => case = Case::Ignored,
                        'e' | 'a' | 'l' => {}
                        _ => return None,
                    }
                }
            }
        }
    }
    let pattern = pattern.filter(|word| !word.expanded && !word.text.is_empty())?;
    let looks = match (full, whole) {
        (false, false) => Looks::InName,
        (false, true) => Looks::WholeName,
        (true, false) => Looks::InCommand,
        (true, true) => Looks::WholeCommand,
    };
    Some(Name { shown: pattern.text.clone(), looks, case })
}

/// What `killall` of these words means.
pub(super) fn killall(args: &[Word]) -> Vec<Name> {
    let (mut looks, mut case, mut names) = (Looks::Exactly, Case::Counts, Vec::new());
    let mut args = args.iter();
    while let Some(word) = args.next() {
        if !word.is_flag() {
            if !word.expanded {
                names.push(word.text.clone());
            }
            continue;
        }
        match word.text.as_str() {
            "-s" | "--signal" => {
                if args.next().is_none_or(|signal| !ends(&signal.text)) {
                    return Vec::new();
                }
            }
            "-u" | "--user" => drop(args.next()),
            "-r" | "--regexp" => looks = Looks::InName,
            "-I" | "--ignore-case" => case = Case::Ignored,
            "-e" | "--exact" | "-q" | "--quiet" | "-w" | "--wait" | "-v" | "--verbose" | "-m" => {}
            flag if flag[1..].bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && ends(&flag[1..]) => {}
            // By age, by group, or after a question; or a signal that ends nothing.
            _ => return Vec::new(),
        }
    }
    names.into_iter().map(|shown| Name { shown, looks, case }).collect()
}
