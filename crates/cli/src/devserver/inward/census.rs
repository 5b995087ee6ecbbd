//! Counts the servers that a command starts, and says where each of them could be reached.

use std::cell::Cell;

use super::around::Around;
use super::kinds::Likelihood;
use super::monorepos::{self, Monorepo};
use super::procfile::{self, Procfile};
use super::runners::{self, Child, Order, matches};
pub(super) use super::way::Way;
use super::wrappers;
use super::{files, kinds, names};
use crate::devserver::frameworks;
use crate::devserver::launch;
use crate::devserver::program::program;
use crate::devserver::shell::Word;
use crate::devserver::tool::{Next, OrTool, Tool};

/// A server, or several that come one after the other and never together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// What it could be called.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) entry: Entry,
    pub(super) port: PortOf,
    /// The typed word that it begins with, behind programs that set such a `PORT`.
    pub(super) before: Option<usize>,
    /// It runs in the folder of another package, whose name it has then (R60).
    pub(super) in_package: bool,
    /// The function of its text that starts it.
    pub(super) function: Option<String>,
    /// Several of it run at the same time.
    pub(super) repeated: bool,
    pub(super) likelihood: Likelihood,
    /// The command that starts it, as it is written.
    pub(super) line: String,
    /// Which background job of its text it is in, counted from 1.
    pub(super) job: usize,
}

/// Who says on which port a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortOf {
    /// Nobody but us.
    Run,
    /// The command sets a `PORT` of its own on the way to it.
    Way,
    /// Its own words.
    Words,
}

/// How sure it is that something listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A known server that does not read `PORT`.
    NeedsWords,
    /// A known server that reads it.
    Reads,
    /// An unknown program.
    Maybe,
    /// It is started by `styxy run` already.
    Leases,
    /// Several, which the command that starts them names: scripts of other packages, a Procfile.
    Group,
}

/// Where `styxy run` can step in before a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Before the typed command: where it is.
    Front,
    /// In the text of this typed word, before the bytes with these numbers.
    Text { word: usize, at: Vec<usize> },
    /// In front of the script of this name in the package of this folder, by the shell that runs it.
    Script { name: String, folder: Option<String> },
    /// Before this typed word.
    Word(usize),
    /// In a file of the typed command's.
    Procfile(Box<Procfile>),
    /// In this file, which only the user may change.
    File(String),
    /// Nowhere: scripts that are run by this program have no shell that could be set.
    Closed(&'static str),
}

/// Words that make a package manager run the scripts of several packages.
const MANY: [&str; 6] = ["-r", "--recursive", "-ws", "--workspaces", "workspaces", "--parallel"];

/// Whichever one the package names.
pub(crate) const PACKAGE_MANAGER: &str = "the package manager";

pub(super) struct Census<'a> {
    pub(super) around: &'a dyn Around,
    /// How many bytes of files are still read.
    pub(super) left: Cell<usize>,
    /// What is known so far of the commands that serve nothing.
    pub(super) work: Cell<Work>,
}

/// Whether commands that serve nothing end by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Work {
    #[default]
    None,
    /// One builds, and all end.
    Ends,
    /// One may last.
    Lasts,
}

impl<'a> Census<'a> {
    pub(super) fn new(around: &'a dyn Around) -> Self {
        Self { around, left: Cell::new(files::MOST), work: Cell::default() }
    }
}

impl Census<'_> {
    /// The servers that `words` start.
    pub(super) fn command(&self, mut words: Vec<Word>, way: &Way) -> Vec<Server> {
        let way = way.clone().assigned(&words);
        while words.first().is_some_and(|word| word.assignment().is_some()) {
            words.remove(0);
        }
        let Some(first) = words.first().map(|word| word.text.clone()) else { return Vec::new() };
        let Some(depth) = way.depth.checked_sub(1) else { return self.lasts() };
        let way = Way { depth, ..way };
        if let Some(found) = self.many(&words, &way).or_else(|| self.file(&words, &way)) {
            return found;
        }
        if let Some(children) = runners::children(&first, &words[1..]) {
            return self.children(&words[1..], children, &way);
        }
        let name = program(&first);
        let args = || words[1..].iter().map(|word| word.text.as_str());
        if kinds::needs_no_port(name, args()) || kinds::is_builtin(name) {
            return self.serves_nothing(name, args());
        }
        if let Some(environment) = wrappers::environment(name, &words[1..], self.around) {
            return self.behind(&environment, &words, way);
        }
        // Behind npx the runner would not have the file: Node passes on no open files.
        let is_first = words[0].typed.is_none_or(|at| at == 0);
        if let Some(found) = procfile::find(name, &words[1..], self.around).filter(|_| is_first) {
            let entry = match &way.entry {
                Entry::Front => Entry::Procfile(Box::new(found)),
                // It gives each process a port of its own, counted from the one that it gets.
                Entry::File(_) => return self.lasts(),
                inside => inside.clone(),
            };
            return vec![server("processes".to_owned(), Kind::Group, &Way { entry, ..way })];
        }
        if let Some(monorepo) = monorepos::runner(name, &words[1..], self.around) {
            return self.monorepo(monorepo, &way);
        }
        let is_many = words.iter().any(|word| MANY.contains(&word.text.as_str()));
        let hint = names::of_command(&words);
        let way = Way { has_port: way.has_port || kinds::names_port(&words), ..way };
        let unknown =
            Server { likelihood: kinds::likelihood(&words), ..server(hint.clone(), Kind::Maybe, &way) };
        let next = launch::next(&first, words.split_off(1), &mut Tool::default());
        if matches!(next, Next::Nothing) && name == "styxy" {
            return vec![server(hint, Kind::Leases, &way)];
        }
        self.launched(next, name, is_many, unknown, way)
    }

    /// The servers of what the program `launcher` starts next; it is itself `unknown` if it starts nothing.
    fn launched(&self, next: Next, launcher: &str, is_many: bool, unknown: Server, way: Way) -> Vec<Server> {
        match next {
            Next::Nothing => self.lasts(),
            Next::Elsewhere => match self.elsewhere(manager(launcher), &way) {
                one if !is_many && matches!(one.entry, Entry::Closed(_)) => {
                    vec![Server { kind: Kind::Maybe, ..one }]
                }
                many => vec![many],
            },
            Next::Command(inner) if inner.is_empty() => vec![unknown],
            Next::Command(inner) => self.command(inner, &way),
            Next::Tool { name, args } => {
                let Some(found) = tool(&name, &args, &way) else {
                    return self.serves_nothing(&name, args.iter().map(|word| word.text.as_str()));
                };
                std::iter::once(found)
                    .map(|one| Server { likelihood: one.likelihood.max(unknown.likelihood), ..one })
                    .collect()
            }
            Next::Script { folder, name, args, or_tool } => {
                let way = way.inside(folder.as_deref());
                match self.around.script(way.folder.as_deref(), &name) {
                    Some(text) => self.script(&name, &text, &args, manager(launcher), &way),
                    None if or_tool == OrTool::Yes => {
                        let tool = Word { text: name, ..Word::default() };
                        self.command(std::iter::once(tool).chain(args).collect(), &way)
                    }
                    // `npm run $name`
                    None if name.starts_with('$') => {
                        vec![Server { likelihood: Likelihood::Likely, ..unknown }]
                    }
                    None => self.lasts(),
                }
            }
        }
    }

    /// A command that may last, and in which no server is.
    fn lasts(&self) -> Vec<Server> {
        self.work.set(Work::Lasts);
        Vec::new()
    }

    /// A tool that serves nothing.
    fn serves_nothing<'w>(&self, name: &str, args: impl Iterator<Item = &'w str>) -> Vec<Server> {
        match kinds::ends(name, args) {
            kinds::Ends::WithFiles if self.work.get() == Work::None => self.work.set(Work::Ends),
            kinds::Ends::Yes | kinds::Ends::WithFiles => {}
            kinds::Ends::Perhaps => return self.lasts(),
        }
        Vec::new()
    }

    /// The servers behind a program that sets variables for the command in its arguments.
    fn behind(&self, environment: &wrappers::Environment, words: &[Word], way: Way) -> Vec<Server> {
        let way = way.with_port(environment.sets_port);
        match environment.command {
            wrappers::Command::Words(at) => {
                let inner = words[1..].get(at..).unwrap_or_default().to_vec();
                let typed = inner.first().and_then(|word| word.typed);
                let before = typed.filter(|_| environment.sets_port).or(way.before);
                self.command(inner, &Way { before, ..way })
            }
            wrappers::Command::Text(at) => match words[1..].get(at) {
                Some(word) => self.text(&word.text.clone(), word.typed, &way),
                None => Vec::new(),
            },
        }
    }

    fn children(&self, args: &[Word], children: Vec<(Order, Child)>, way: &Way) -> Vec<Server> {
        let mut together = Vec::new();
        let mut one_by_one = Vec::new();
        for (order, child) in children {
            let found = match child {
                Child::Text { word, name } => {
                    let name = name.map(|name| names::allowed(&name));
                    self.text(&args[word].text, args[word].typed, &way.clone().named(name))
                }
                Child::Scripts { manager, pattern, .. } => {
                    let manager = manager.or(way.manager).unwrap_or("npm");
                    let all = self.around.scripts(way.folder.as_deref());
                    let ours = all.into_iter().filter(|name| matches(&pattern, name));
                    ours.flat_map(|name| {
                        let text = self.around.script(way.folder.as_deref(), &name).unwrap_or_default();
                        self.script(&name, &text, &[], manager, way)
                    })
                    .collect()
                }
            };
            match order {
                Order::Together => together.extend(found),
                Order::OneByOne => one_by_one.push(found),
            }
        }
        together.extend(super::text::one_of(one_by_one));
        together
    }

    /// The servers of a script, which `manager` runs.
    fn script(&self, name: &str, text: &str, args: &[Word], manager: &'static str, way: &Way) -> Vec<Server> {
        let entry = self.in_script(name.to_owned(), manager, way);
        let called = way.folder.as_deref().and_then(names::of_folder).unwrap_or_else(|| names::allowed(name));
        let way = Way { entry, manager: Some(manager), ..way.clone() }.named(Some(called));
        let mut text = text.to_owned();
        for word in args {
            text.push_str(" '");
            text.push_str(&word.text.replace('\'', r"'\''"));
            text.push('\'');
        }
        self.text(&text, None, &way)
    }

    /// Scripts of other packages, which are not looked at.
    fn elsewhere(&self, manager: &'static str, way: &Way) -> Server {
        let entry = self.in_script(String::new(), manager, way);
        server("packages".to_owned(), Kind::Group, &Way { entry, ..way.clone() })
    }

    fn monorepo(&self, runner: Monorepo, way: &Way) -> Vec<Server> {
        match runner {
            Monorepo::Passes => vec![self.elsewhere(PACKAGE_MANAGER, way)],
            Monorepo::Drops(runner) => {
                let entry = match &way.entry {
                    Entry::Front => Entry::Closed(runner),
                    inside => inside.clone(),
                };
                vec![server("packages".to_owned(), Kind::Group, &Way { entry, ..way.clone() })]
            }
            // They count as several: the command itself needs no port.
            Monorepo::Leases => {
                let one = server("packages".to_owned(), Kind::Leases, way);
                vec![one.clone(), one]
            }
        }
    }

    /// How a server in a script that `manager` runs is reached.
    fn in_script(&self, script: String, manager: &'static str, way: &Way) -> Entry {
        match &way.entry {
            Entry::Front if self.around.can_set_shell(manager) => {
                Entry::Script { name: script, folder: way.folder.clone() }
            }
            Entry::Front => Entry::Closed(manager),
            inside => inside.clone(),
        }
    }

    /// Whether servers that run in `way`'s folder have its name.
    pub(super) fn is_package(&self, way: &Way) -> bool {
        way.folder.as_deref().is_some_and(|folder| self.around.is_package(folder))
    }
}

pub(super) fn server(hint: String, kind: Kind, way: &Way) -> Server {
    Server {
        name: way.name.clone().unwrap_or(hint),
        kind,
        entry: way.entry.clone(),
        port: match (way.port_is_set, way.has_port) {
            (true, _) => PortOf::Way,
            (false, true) => PortOf::Words,
            (false, false) => PortOf::Run,
        },
        before: way.before,
        in_package: false,
        function: None,
        repeated: false,
        likelihood: if kind == Kind::Maybe { Likelihood::Unlikely } else { Likelihood::Sure },
        line: String::new(),
        job: 0,
    }
}

/// A tool that is known by its name, if it may be a server.
fn tool(name: &str, args: &[Word], way: &Way) -> Option<Server> {
    let words = args.iter().map(|word| word.text.as_str());
    let row = frameworks::find(name, &words);
    let kind = match row {
        // What a runtime runs is the project's own.
        Some(row) if row.is_runtime() => Kind::Maybe,
        Some(row) if row.needs_words() => Kind::NeedsWords,
        Some(_) => Kind::Reads,
        // `vite build`
        None if frameworks::is_known(name) || kinds::needs_no_port(name, words) => return None,
        None => Kind::Maybe,
    };
    let found = server(names::allowed(name), kind, way);
    let likelihood = if row.is_some() { found.likelihood.max(Likelihood::Likely) } else { found.likelihood };
    Some(Server { likelihood, ..found })
}

/// The program that runs scripts, by the name it is asked about.
fn manager(name: &str) -> &'static str {
    let known = ["npm", "pnpm", "bun", "node", "deno", "lerna"].into_iter().find(|known| *known == name);
    known.unwrap_or("yarn")
}
