//! What is left of printed lines behind `grep`, `awk`, `cut` and the like. A filter that could lose the line that matters
//! leaves nothing that is known.

use styxy_core::Port;

use super::super::What;
use super::super::names::{self, Case, Looks, Name};
use super::Reader;
use super::grep::{Grep, Syntax};
use crate::devserver::shell::Word;
use crate::guard::pattern::{Pattern, UNKNOWN};

/// The lines that a command prints.
pub(super) struct Printed {
    pub(super) who: Who,
    pub(super) form: Form,
    /// Lines before the first that counts.
    pub(super) header: usize,
}

/// Whom the lines are about.
pub(super) enum Who {
    Sockets {
        table: Table,
        ports: Ports,
        /// No line is about anybody but who listens.
        all_listen: bool,
    },
    Processes(Vec<Name>),
    /// Every process, with its command line or its name.
    Everybody(Looks),
}

/// Which ports the lines are about.
pub(super) enum Ports {
    All,
    These(Vec<Port>),
    /// These, and perhaps more that the same pattern is found in: `:3000` is in `:30000`.
    AtLeast(Vec<Port>),
}

/// How a listener's line looks. Only those with numbers are sure to name the port by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Lsof,
    LsofWithNumbers,
    Ss,
    SsWithNumbers,
    Netstat,
    NetstatWithNumbers,
}

/// Where in the lines the pids are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing else, a line for each.
    Pids,
    /// Nothing else, all in a line.
    OneLine,
    /// In this column, counted from one.
    Columns { pid: usize, spaces: Spaces },
    /// Somewhere behind `pid=`, as `ss` writes it.
    Ss,
    /// `pid=4242`
    Named,
    /// `4242,fd=21))`
    Comma,
    /// `4242/node`
    Slash,
}

/// What stands between columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaces {
    One,
    Several,
    /// Before the first one too, perhaps.
    Leading,
}

impl Table {
    /// A listener's line, as far as it is known.
    fn line(self, port: Port) -> String {
        let port = match self {
            Self::LsofWithNumbers | Self::SsWithNumbers | Self::NetstatWithNumbers => port.to_string(),
            Self::Lsof | Self::Ss | Self::Netstat => UNKNOWN.to_string(),
        };
        let what = match self {
            Self::Lsof | Self::LsofWithNumbers => format!("? TCP ?:{port} (LISTEN)"),
            Self::Ss | Self::SsWithNumbers => format!("?LISTEN ?:{port} ?:? ?pid=?"),
            Self::Netstat | Self::NetstatWithNumbers => format!("tcp? ?:{port} ?:? LISTEN ?"),
        };
        what.replace('?', &UNKNOWN.to_string())
    }

    fn is_netstat(self) -> bool {
        matches!(self, Self::Netstat | Self::NetstatWithNumbers)
    }
}

impl Printed {
    /// Whose pids these are, if there is nothing but pids that `reader` makes something of.
    pub(super) fn pids(self, reader: Reader) -> Vec<What> {
        let is_clean = self.header == 0 || reader == Reader::Shell;
        if !is_clean || !matches!(self.form, Form::Pids | Form::OneLine) {
            return Vec::new();
        }
        match self.who {
            Who::Sockets { ports: Ports::These(ports) | Ports::AtLeast(ports), .. } => {
                ports.into_iter().map(What::KillPort).collect()
            }
            Who::Processes(names) => names.into_iter().map(What::KillName).collect(),
            Who::Sockets { ports: Ports::All, .. } | Who::Everybody(_) => Vec::new(),
        }
    }

    /// The lines behind the filter `words`; none if it is not known what they are.
    pub(super) fn through(self, words: &[Word]) -> Option<Self> {
        let (first, args) = words.split_first()?;
        if words.iter().any(|word| word.expanded) {
            return None;
        }
        let texts: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
        let name = names::known(&first.text)?;
        match (name, &texts[..]) {
            ("cat", []) => Some(self),
            ("uniq", []) if self.header == 0 => Some(self),
            ("sort", flags) if self.header == 0 && flags.iter().all(|flag| SORTS.contains(flag)) => {
                Some(self)
            }
            ("xargs", [] | ["echo"]) if self.form == Form::Pids => Some(self.formed(Form::OneLine)),
            ("tr", texts) => self.tr(texts),
            ("head" | "tail", texts) => self.ends_only(name, texts),
            ("grep" | "egrep" | "fgrep", texts) => self.grep(name, texts),
            ("awk" | "gawk" | "mawk", texts) => self.awk(texts),
            ("cut", texts) => self.cut(&texts.concat()),
            ("sed", texts) => self.sed(texts),
            _ => None,
        }
    }

    fn formed(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Leaves out `lines` lines of the header; more would be lines that count.
    fn without(self, lines: usize) -> Option<Self> {
        Some(Self { header: self.header.checked_sub(lines)?, ..self })
    }

    fn tr(self, texts: &[&str]) -> Option<Self> {
        match (texts, self.form) {
            (["-s", " "], Form::Columns { pid, spaces: Spaces::Several }) => {
                Some(self.formed(Form::Columns { pid, spaces: Spaces::One }))
            }
            (["-s", " "], _) | (["-d", " " | "\\r"], Form::Pids) => Some(self),
            (["\\n" | "\n", " "], Form::Pids) => Some(self.formed(Form::OneLine)),
            _ => None,
        }
    }

    /// `head` and `tail`: what is left must be a listener of the one port, since others may speak to it.
    fn ends_only(self, tool: &str, texts: &[&str]) -> Option<Self> {
        let text = texts.concat();
        let number = text.strip_prefix("-n").or_else(|| text.strip_prefix('-')).unwrap_or(&text);
        if let Some(from) = number.strip_prefix('+').filter(|_| tool == "tail") {
            return self.without(from.parse::<usize>().ok()?.saturating_sub(1));
        }
        let lines: usize = if text.is_empty() { 10 } else { number.parse().ok()? };
        let all_are_one = match &self.who {
            Who::Sockets { ports: Ports::These(ports), all_listen, .. } => *all_listen && ports.len() == 1,
            Who::Sockets { .. } | Who::Processes(_) | Who::Everybody(_) => false,
        };
        let hits = self.form == Form::OneLine || all_are_one && (tool == "tail" || self.header == 0);
        (hits && lines > 0 && (text.is_empty() || text.starts_with('-'))).then_some(self)
    }

    fn grep(self, tool: &str, texts: &[&str]) -> Option<Self> {
        let asked = Grep::of(tool, texts)?;
        if asked.only {
            return self.extracted(&asked);
        }
        if asked.inverted {
            return match asked.pattern {
                "grep" => Some(self),
                "PID" | "COMMAND" => Some(Self { header: 0, ..self }),
                _ => None,
            };
        }
        if matches!(self.form, Form::Pids | Form::OneLine | Form::Slash | Form::Comma | Form::Named) {
            return None;
        }
        self.lines_with(&asked)
    }

    /// The lines that a pattern is found in.
    fn lines_with(self, asked: &Grep<'_>) -> Option<Self> {
        let pattern = asked.extended()?;
        let parsed = Pattern::parse(&pattern)?;
        let who = match self.who {
            Who::Sockets { table, ports, all_listen } => {
                let is_word = pattern.bytes().all(|byte| byte.is_ascii_digit()) || pattern == "LISTEN";
                if asked.whole_words && !is_word {
                    return None;
                }
                let is_shown = |port: &Port| {
                    let line = table.line(*port);
                    match asked.case {
                        Case::Counts => parsed.is_in(&line),
                        Case::Ignored => Pattern::parse(&pattern.to_lowercase())
                            .is_some_and(|one| one.is_in(&line.to_lowercase())),
                    }
                };
                let shown_of = |ports: Vec<Port>| -> Option<Vec<Port>> {
                    let left: Vec<Port> = ports.into_iter().filter(is_shown).collect();
                    (!left.is_empty()).then_some(left)
                };
                let named: Vec<Port> = numbers(&pattern).collect();
                let ports = match ports {
                    // A word that names no port, `LISTEN`, leaves all of them if it leaves one.
                    Ports::All if named.is_empty() => {
                        shown_of(Port::new(1).into_iter().collect())?;
                        Ports::All
                    }
                    Ports::All => Ports::AtLeast(shown_of(named)?),
                    Ports::These(ports) => Ports::These(shown_of(ports)?),
                    Ports::AtLeast(ports) => Ports::AtLeast(shown_of(ports)?),
                };
                let all_listen =
                    all_listen || pattern.to_ascii_uppercase().contains("LISTEN") && !pattern.contains('|');
                Who::Sockets { table, ports, all_listen }
            }
            Who::Everybody(looks) if !asked.whole_words && !parsed.is_anchored() => {
                Who::Processes(vec![Name::found(asked.pattern, pattern, looks, asked.case)])
            }
            // Several must all be in the line.
            Who::Everybody(_) | Who::Processes(_) => return None,
        };
        Some(Self { who, form: self.form, header: 0 })
    }

    /// `grep -o`: nothing but what the pattern means.
    fn extracted(self, asked: &Grep<'_>) -> Option<Self> {
        let digits = |text: &str| match asked.syntax {
            Syntax::Basic => matches!(text, "[0-9]*" | "[0-9]\\+"),
            Syntax::Extended => matches!(text, "[0-9]*" | "[0-9]+"),
            Syntax::Perl => matches!(text, "[0-9]*" | "[0-9]+" | "\\d*" | "\\d+"),
            Syntax::Fixed => false,
        };
        let behind = |prefix: &str| asked.pattern.strip_prefix(prefix).is_some_and(digits);
        let looks_behind = asked.syntax == Syntax::Perl && (behind("pid=\\K") || behind("(?<=pid=)"));
        let form = match self.form {
            Form::Pids | Form::Named if digits(asked.pattern) => Form::Pids,
            Form::Ss if looks_behind => Form::Pids,
            Form::Ss if behind("pid=") => Form::Named,
            _ => return None,
        };
        Some(Self { form, header: 0, ..self })
    }

    /// `{print $2}`, `NR>1 {print $2}`, `/LISTEN/ {print $2}`
    fn awk(self, texts: &[&str]) -> Option<Self> {
        let (separator, program) = match texts {
            [program] => ("", program),
            ["-F", separator, program] => (*separator, program),
            [flag, program] => (flag.strip_prefix("-F")?, program),
            _ => return None,
        };
        let (lines, printed) = program.trim().strip_suffix('}')?.rsplit_once('{')?;
        let printed = printed.trim().trim_end_matches(';').strip_prefix("print")?;
        let column = printed.trim().trim_start_matches('(').trim_end_matches(')').strip_prefix('$')?;
        let lines = lines.trim();
        let left = if lines.is_empty() {
            self
        } else if let Some(number) = lines.strip_prefix("NR") {
            let number: String = number.split_whitespace().collect();
            match number.strip_prefix(">=") {
                Some(first) => self.without(first.parse::<usize>().ok()?.saturating_sub(1))?,
                None if number == "!=1" => self.without(1)?,
                None => self.without(number.strip_prefix('>')?.parse().ok()?)?,
            }
        } else {
            let pattern = lines.strip_prefix('/')?.strip_suffix('/').filter(|text| !text.contains('/'))?;
            if !matches!(self.form, Form::Columns { .. } | Form::Ss) {
                return None;
            }
            self.lines_with(&Grep::extended_for(pattern))?
        };
        let form = match (left.form, separator, column) {
            (Form::Columns { pid, .. }, "" | " ", number) if number.parse() == Ok(pid) => {
                if left.who.has_slashes() { Form::Slash } else { Form::Pids }
            }
            // A program's name may have spaces, but the last word has the last pid.
            (Form::Ss, "", "NF") => Form::Ss,
            // Nothing of a line without it.
            (Form::Ss, "pid=", "2") => return Some(Self { form: Form::Comma, header: 0, ..left }),
            (Form::Slash, "/", "1")
            | (Form::Comma, ",", "1")
            | (Form::Named, "=", "2")
            | (Form::Pids, "", "1") => Form::Pids,
            _ => return None,
        };
        Some(left.formed(form))
    }

    /// `-d/ -f1` and its like, without the spaces.
    fn cut(self, flags: &str) -> Option<Self> {
        let form = match (flags, self.form) {
            ("-d/-f1" | "-f1-d/", Form::Slash)
            | ("-d=-f2" | "-f2-d=", Form::Named)
            | ("-d,-f1" | "-f1-d,", Form::Comma) => Form::Pids,
            (_, Form::Columns { pid, spaces: Spaces::One }) if !self.who.has_slashes() => {
                let number =
                    flags.strip_prefix("-d -f").or_else(|| flags.strip_suffix("-d ")?.strip_prefix("-f"))?;
                (number.parse() == Ok(pid)).then_some(Form::Pids)?
            }
            _ => return None,
        };
        Some(self.formed(form))
    }

    fn sed(self, texts: &[&str]) -> Option<Self> {
        let form = match (texts, self.form) {
            (["1d"], _) => return self.without(1),
            (["s|/.*||" | "s#/.*##" | "s/\\/.*//"], Form::Slash)
            | (
                ["s/.*pid=//;s/,.*//" | "s/.*pid=//; s/,.*//" | "s/.*pid=\\([0-9]*\\).*/\\1/"]
                | ["-n", "s/.*pid=\\([0-9]*\\).*/\\1/p"]
                | ["-E" | "-r", "s/.*pid=([0-9]+).*/\\1/"]
                | ["-nE" | "-nr" | "-rn", "s/.*pid=([0-9]+).*/\\1/p"],
                Form::Ss,
            ) => Form::Pids,
            _ => return None,
        };
        Some(self.formed(form))
    }
}

impl Who {
    /// Whether a pid is printed with its program's name.
    fn has_slashes(&self) -> bool {
        matches!(self, Self::Sockets { table, .. } if table.is_netstat())
    }
}

const SORTS: [&str; 6] = ["-u", "-n", "-r", "-nr", "-rn", "-nu"];

/// The numbers in `text` that could be ports.
fn numbers(text: &str) -> impl Iterator<Item = Port> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}
