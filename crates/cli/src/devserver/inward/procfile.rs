//! Runners of a Procfile. They give each process `PORT`, 100 more than the process before has: ports that nobody leased.
//! They read another file instead, where each server begins with a run of its own.

use super::around::Around;
use super::{Inward, Run};
use crate::devserver::options::given;
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// What stands for the path of the other file.
const FILE: &str = "{file}";

/// A Procfile with runs in it, and how its runner is told to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Procfile {
    /// The program that reads it.
    pub(crate) by: &'static str,
    /// What it contains.
    pub(crate) text: String,
    /// Where runs begin in it.
    pub(crate) runs: Vec<Run>,
    /// The processes that are servers.
    pub(crate) names: Vec<String>,
    /// The `PORT` of the runner is one that the user typed for it.
    pub(crate) port_is_typed: bool,
    /// A typed word that is another one then.
    changed: Option<(usize, String)>,
    /// Words that come before the typed word with this number.
    added: Option<(usize, Vec<String>)>,
}

impl Procfile {
    /// Tells the runner in `words` to read `file`.
    pub(super) fn apply(&self, words: &mut Vec<std::ffi::OsString>, file: &str) {
        if let Some((at, text)) = &self.changed {
            words[*at] = text.replace(FILE, file).into();
        }
        if let Some((at, added)) = &self.added {
            words.splice(at..at, added.iter().map(|text| text.replace(FILE, file).into()));
        }
    }
}

/// A program that runs a Procfile.
struct Runner {
    name: &'static str,
    start: &'static [&'static str],
    /// Its option for another file, the shortest first.
    file: [&'static str; 2],
    /// Its option for the folder of the processes; with `needs_root` that is the file's own unless it is given.
    root: [&'static str; 2],
    needs_root: bool,
    port: [&'static str; 2],
    /// Whether the option for the file may follow the subcommand.
    follows: bool,
}

const RUNNERS: [Runner; 4] = [
    Runner {
        name: "foreman",
        start: &["start"],
        file: ["-f", "--procfile"],
        root: ["-d", "--root"],
        needs_root: true,
        port: ["-p", "--port"],
        follows: true,
    },
    Runner {
        name: "honcho",
        start: &["start"],
        file: ["-f", "--procfile"],
        root: ["-d", "--app-root"],
        needs_root: false,
        port: ["-p", "--port"],
        follows: true,
    },
    Runner {
        name: "overmind",
        start: &["start", "s"],
        file: ["-f", "--procfile"],
        root: ["-d", "--root"],
        needs_root: true,
        port: ["-p", "--port"],
        follows: true,
    },
    Runner {
        name: "nf",
        start: &["start"],
        file: ["-j", "--procfile"],
        root: ["", ""],
        needs_root: false,
        port: ["-p", "--port"],
        follows: false,
    },
];

/// The Procfile that the runner `name` starts with `args`; none if it is not one, or no server is in the file.
pub(super) fn find(name: &str, args: &[Word], around: &dyn Around) -> Option<Procfile> {
    let runner = RUNNERS.iter().find(|runner| runner.name == program(name))?;
    let start = args.iter().position(|word| runner.start.contains(&word.text.as_str()))?;
    // Where the options are is only known if each word of them was typed.
    let typed = args[start].typed?;
    let file = given(args, &runner.file);
    let root = given(args, &runner.root).map(|(_, value, _)| value.to_owned());
    let path = match (&file, &root) {
        (Some((_, file, _)), Some(root)) if runner.name == "honcho" => format!("{root}/{file}"),
        (Some((_, file, _)), _) => (*file).to_owned(),
        (None, Some(root)) => format!("{root}/Procfile"),
        (None, None) => "Procfile".to_owned(),
    };
    // Then the folder of the processes would be another one than that of their variables.
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    if runner.needs_root && root.is_none() && !matches!(folder, "." | "") {
        return None;
    }
    let text = around.text(&path)?;
    let (runs, names) = runs(&text, around);
    if runs.is_empty() {
        return None;
    }
    let mut added = Vec::new();
    let changed = if let Some((at, _, before)) = file {
        Some((args[at].typed?, format!("{before}{FILE}")))
    } else {
        added.extend([runner.file[0].to_owned(), FILE.to_owned()]);
        None
    };
    if runner.needs_root && root.is_none() {
        added.extend([runner.root[0].to_owned(), ".".to_owned()]);
    }
    Some(Procfile {
        by: runner.name,
        text,
        runs,
        names,
        port_is_typed: given(args, &runner.port).is_some(),
        changed,
        added: (!added.is_empty()).then_some((if runner.follows { typed + 1 } else { typed }, added)),
    })
}

/// Where runs begin in the text of a Procfile, and the names of the processes that have one.
fn runs(text: &str, around: &dyn Around) -> (Vec<Run>, Vec<String>) {
    let (mut all, mut names) = (Vec::new(), Vec::new());
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let end = line.trim_end();
        if let Some((name, command)) = end.split_once(':')
            && is_name(name)
        {
            let at = from + end.len() - command.len();
            let found = Inward::of_script(command, Some(name), around);
            if !found.is_empty() {
                names.push(name.to_owned());
            }
            let place = if all.is_empty() { super::Place::First } else { super::Place::Later };
            all.extend(found.into_iter().map(|run| Run { at: at + run.at, place, ..run }));
        }
        from += line.len();
    }
    (all, names)
}

/// A line of a Procfile that is neither empty nor a comment.
pub(crate) enum Line<'t> {
    /// The name of a process, and its command.
    Process(&'t str, &'t str),
    /// Runners pass it over, since this is wrong with it.
    Wrong(&'static str),
}

/// The lines of a Procfile, with their numbers.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, Line<'_>)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.trim_start().starts_with('#'));
    said.map(|(number, line)| {
        let line = match line.split_once(':') {
            None => Line::Wrong("it has no colon behind a name"),
            Some((name, _)) if !is_name(name) => Line::Wrong("its name is not letters, digits, _ and -"),
            Some((_, command)) if command.trim().is_empty() => Line::Wrong("it has no command"),
            Some((name, command)) => Line::Process(name, command.trim()),
        };
        (number, line)
    })
}

/// Whether a line's beginning names a process.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
