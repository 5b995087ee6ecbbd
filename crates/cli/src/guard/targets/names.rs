//! Processes by name, as `pkill`, `pgrep` and `killall` find them; and which signals end one.

use super::super::pattern::Pattern;
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// The kernel keeps so many bytes of a process' name.
const KEPT: usize = 15;

/// Where systems keep their own programs.
const SYSTEM: [&str; 8] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/run/current-system/sw/bin",
];

/// Tools that packages bring.
pub(super) const PACKAGED: [&str; 4] = ["kill-port", "kill-port-process", "fkill", "fkill-cli"];

/// The program that `word` starts, if it is the one that is known by its name; what a project calls `./kill` is its own
/// business, and is none here.
pub(super) fn known(word: &str) -> Option<&str> {
    let name = program(word);
    let is_known = match word.rsplit_once(['/', '\\']) {
        None => true,
        Some((folder, _)) if PACKAGED.contains(&name) => folder.ends_with("node_modules/.bin"),
        Some((folder, _)) => SYSTEM.contains(&folder),
    };
    is_known.then_some(name)
}

/// Which processes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::guard) struct Name {
    /// As it was typed.
    pub(in crate::guard) shown: String,
    /// The same, or the extended expression that means the same.
    pattern: String,
    looks: Looks,
    case: Case,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
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
pub(super) enum Case {
    Counts,
    Ignored,
}

/// The one of two tools that take almost the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Pkill,
    Pgrep,
}

impl Name {
    pub(super) fn exact(name: &str) -> Self {
        let (looks, case) = (Looks::Exactly, Case::Counts);
        Self { shown: name.to_owned(), pattern: name.to_owned(), looks, case }
    }

    /// What a `grep` that was given `shown`, which means `pattern`, finds.
    pub(super) fn found(shown: &str, pattern: String, looks: Looks, case: Case) -> Self {
        Self { shown: shown.to_owned(), pattern, looks, case }
    }

    /// Whether a process of this name and this command line is meant. A pattern that is not understood means nobody.
    pub(in crate::guard) fn means(&self, name: Option<&str>, command: Option<&str>) -> bool {
        let fold = |text: &str| match self.case {
            Case::Counts => text.to_owned(),
            Case::Ignored => text.to_lowercase(),
        };
        let asked = fold(&self.pattern);
        let name = name.map(|name| fold(cut(name)));
        if self.looks == Looks::Exactly {
            // If the kernel may have cut it, the tools compare the whole one, from the command line.
            let whole = command.and_then(|command| command.split(' ').next()).map(|path| fold(program(path)));
            return name.is_some_and(|name| match whole {
                _ if name.len() < KEPT => name.strip_suffix(".exe").unwrap_or(&name) == asked,
                Some(whole) => whole.starts_with(&name) && whole == asked,
                None => false,
            });
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

/// Whether a signal of this name or number is sure to end a server.
///
/// `HUP`, `USR1`, `USR2` and `ALRM` would end a process that does not mind them, but servers read their settings anew at one
/// or open a debugger; the others stop, continue or are ignored.
pub(super) fn ends(signal: &str) -> bool {
    let signal = signal.to_ascii_uppercase();
    matches!(
        signal.strip_prefix("SIG").unwrap_or(&signal),
        "INT"
            | "2"
            | "QUIT"
            | "3"
            | "ILL"
            | "4"
            | "ABRT"
            | "IOT"
            | "6"
            | "KILL"
            | "9"
            | "SEGV"
            | "11"
            | "TERM"
            | "15"
    )
}

/// Whether `word` is the user that the shell runs as: only that one's processes are looked at.
fn is_own_user(word: &Word) -> bool {
    let text = word.text.trim_start_matches(['$', '`', '(', '{']).trim_end_matches(['`', ')', '}']);
    word.expanded && matches!(text, "USER" | "LOGNAME" | "UID" | "EUID" | "whoami" | "id -u" | "id -un")
}

/// What `pkill`, or `pgrep`, of these words means; nothing if it narrows down by what is not known here.
pub(super) fn pkill(args: &[Word], by: By) -> Option<Name> {
    let (mut full, mut whole, mut case, mut pattern) = (false, false, Case::Counts, None);
    let mut args = args.iter();
    let mut flags = true;
    while let Some(word) = args.next() {
        if !flags || !word.is_flag() {
            // They take one and no more.
            if pattern.replace(word).is_some() {
                return None;
            }
            continue;
        }
        match word.text.as_str() {
            "--" => flags = false,
            "--full" => full = true,
            "--exact" => whole = true,
            "--ignore-case" => case = Case::Ignored,
            "-u" | "-U" | "--euid" | "--uid" if is_own_user(args.as_slice().first()?) => drop(args.next()),
            "--echo" | "--count" | "--ignore-ancestors" if by == By::Pkill => {}
            "--signal" if by == By::Pkill && ends(&args.as_slice().first()?.text) => drop(args.next()),
            flag if by == By::Pkill && flag.strip_prefix("--signal=").is_some_and(ends) => {}
            flag if flag.starts_with("--") => return None,
            flag if by == By::Pkill && ends(&flag[1..]) => {}
            flag => {
                for letter in flag[1..].chars() {
                    match letter {
                        'f' => full = true,
                        'x' => whole = true,
                        'i' => case = Case::Ignored,
                        'e' | 'c' if by == By::Pkill => {}
                        // Another column, which the one of the pids stands before.
                        'a' | 'l' if by == By::Pgrep => {}
                        // The newest, by parent, by terminal, after a question; or a signal that ends nothing.
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
    Some(Name { shown: pattern.text.clone(), pattern: pattern.text.clone(), looks, case })
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
        let next = args.as_slice().first();
        match word.text.as_str() {
            "-s" | "--signal" if next.is_some_and(|signal| ends(&signal.text)) => drop(args.next()),
            "-u" | "--user" if next.is_some_and(is_own_user) => drop(args.next()),
            "-r" | "--regexp" => looks = Looks::InName,
            "-I" | "--ignore-case" => case = Case::Ignored,
            "-e" | "--exact" | "-q" | "--quiet" | "-w" | "--wait" | "-v" | "--verbose" => {}
            flag if flag.strip_prefix("--signal=").is_some_and(ends) => {}
            flag if ends(&flag[1..]) => {}
            // By age, by group, or after a question; or a signal that ends nothing.
            _ => return Vec::new(),
        }
    }
    names.into_iter().map(|shown| Name { pattern: shown.clone(), shown, looks, case }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_to_end_a_server_counts_as_a_signal_that_does() {
        for signal in ["TERM", "sigterm", "SIGKILL", "9", "15", "INT", "2", "QUIT", "3", "ABRT", "6"] {
            assert!(ends(signal), "{signal}");
        }
        for signal in [
            "0", "STOP", "TSTP", "TTIN", "TTOU", "CONT", "CHLD", "URG", "WINCH", "HUP", "1", "USR1", "10",
            "USR2", "12", "17", "18", "19", "20", "21", "22", "23", "28", "", "node", "help", "4242",
        ] {
            assert!(!ends(signal), "{signal}");
        }
    }

    #[test]
    fn a_name_that_the_kernel_cut_is_looked_up_in_the_command_line() {
        let means =
            |asked: &str, name: &str, command: Option<&str>| Name::exact(asked).means(Some(name), command);
        assert!(means("next-server", "next-server", None));
        assert!(means("node", "node.exe", None));
        assert!(!means("node", "nodemon", None));
        let command = Some("/opt/a-server-of-mine --fast");
        assert!(means("a-server-of-mine", "a-server-of-min", command));
        assert!(!means("a-server-of-mind", "a-server-of-min", command));
        assert!(!means("a-server-of-min", "a-server-of-min", command));
        assert!(!means("a-server-of-mine", "a-server-of-min", None));
        // It renamed itself.
        assert!(!means("a-server-of-mine", "quite-another-n", command));
    }

    #[test]
    fn what_grep_found_is_looked_for_in_the_command_line() {
        let name = Name::found("a+", r"a\+".to_owned(), Looks::InCommand, Case::Ignored);
        assert!(name.means(Some("x"), Some("node A+")));
        assert!(!name.means(Some("a+"), Some("node aa")));
    }
}
