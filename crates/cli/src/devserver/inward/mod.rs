//! Where `styxy run` steps into a command instead of leasing one port for all of it: in front of each server of a command
//! that starts several, and behind a program that sets another `PORT`.
//!
//! A text for a shell only gets words in front of its commands. A script of `package.json` is not changed: the package
//! manager is given a shell that does the same with its text.

pub(crate) mod around;
mod census;
mod ends;
mod files;
mod functions;
mod kinds;
mod many;
mod monorepos;
mod names;
mod phases;
mod procfile;
mod runners;
pub(crate) mod serving;
mod text;
mod way;
mod wrappers;

use std::ffi::OsString;

use around::Around;
pub(crate) use census::PACKAGE_MANAGER;
use census::{Census, Entry, Kind, PortOf, Server, Way};
pub(crate) use kinds::is_builtin;
pub(crate) use names::allowed as allowed_name;
pub(crate) use procfile::{Line, Procfile, lines};
pub(crate) use runners::{Child, Order, children, matches};
use styxy_core::order::Order as _;

use crate::devserver::shell::Word;

/// How `styxy run` steps into a command. The command itself then gets no port.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Inward {
    /// Typed words that are texts, and where runs begin in them.
    changes: Vec<(usize, Vec<Run>)>,
    /// The typed word that a run begins with.
    before: Option<usize>,
    /// Scripts get a shell that lets their servers run so, and this is how these are called.
    pub(crate) scripts: Option<Naming>,
    /// The Procfile that the command reads instead of its own.
    pub(crate) procfile: Option<Procfile>,
    /// Servers that cannot be reached: each needs words that the user has to write.
    pub(crate) unreached: Vec<Unreached>,
    /// Several servers get the same `PORT` if nothing is put in front of them.
    pub(crate) is_shared: bool,
}

/// One `styxy run` in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Before this byte of the text.
    at: usize,
    pub(crate) name: Option<String>,
    pub(crate) place: Place,
}

/// Which of the command's servers it is: a port that was typed is for the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Later,
}

/// What a server begins with.
pub(crate) struct Begin<'a> {
    /// The words, for a server with this name.
    pub(crate) words: &'a dyn Fn(Option<&str>, Place) -> Vec<OsString>,
    /// A word as it is written in a text for a shell.
    pub(crate) quoted: fn(&str) -> String,
}

/// What the servers of scripts are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By their script in the package of this folder, and the first of them is in the script `first`.
    ByScript { folder: Option<String>, first: String },
    /// By their package alone.
    ByPackage,
}

/// Servers that only the user can put words in front of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    pub(crate) by: By,
    /// What they could be called; none if they are in other packages, or if one of them is started several times.
    pub(crate) names: Vec<String>,
}

/// What starts servers where no run can begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// This program runs scripts of a package, and no shell of ours does.
    Scripts(&'static str),
    /// This program reads a Procfile.
    Procfile(&'static str),
    /// The commands of this file.
    File(String),
}

impl Inward {
    /// Where to step into the command `typed`; none if it has one server at most, which needs nothing of the kind.
    pub(crate) fn of(typed: Vec<Word>, around: &dyn Around) -> Option<Self> {
        decide(&Census::new(around).command(typed, &Way::new(Entry::Front)))
    }

    /// The script shell alone, if the only server of the command `typed` is in a script that it reaches.
    pub(crate) fn by_script(typed: Vec<Word>, around: &dyn Around) -> Option<Self> {
        let servers = Census::new(around).command(typed, &Way::new(Entry::Front));
        let [Server { entry: Entry::Script { .. }, .. }] = &servers[..] else { return None };
        Some(Self { scripts: Some(Naming::ByPackage), ..Self::default() })
    }

    /// The runs in front of the servers of a script's `text`, if it has any; `name` is for its only one.
    pub(crate) fn of_script(text: &str, name: Option<&str>, around: &dyn Around) -> Vec<Run> {
        let mut servers = Census::new(around).text(text, Some(0), &Way::new(Entry::Front));
        if let ([only], Some(name)) = (&mut servers[..], name) {
            only.name = names::allowed(name);
        }
        let is_named = servers.len() > 1 || name.is_some();
        let names = if is_named { names_of(&servers) } else { vec![None; servers.len()] };
        let mut changes = Vec::new();
        for (number, one) in servers.iter().enumerate().filter(|(_, one)| one.kind != Kind::Leases) {
            let place = if number == 0 { Place::First } else { Place::Later };
            add(&mut changes, 0, runs_of(one, names[number].as_ref(), place));
        }
        changes.pop().map(|(_, runs)| runs).unwrap_or_default()
    }

    /// Whether any server gets a run of its own.
    pub(crate) fn reaches(&self) -> bool {
        let Self { changes, before, scripts, procfile, unreached: _, is_shared: _ } = self;
        !changes.is_empty() || before.is_some() || scripts.is_some() || procfile.is_some()
    }

    /// The command's words, with the words of `begin` in front of each server, and with `file` for its Procfile.
    pub(crate) fn apply(
        &self,
        mut words: Vec<OsString>,
        file: Option<&str>,
        begin: &Begin<'_>,
    ) -> Vec<OsString> {
        for (at, runs) in &self.changes {
            if let Some(text) = words[*at].to_str() {
                words[*at] = OsString::from(with_runs(text, runs, begin));
            }
        }
        if let (Some(procfile), Some(file)) = (&self.procfile, file) {
            procfile.apply(&mut words, file);
        }
        if let Some(at) = self.before {
            words.splice(at..at, (begin.words)(None, Place::First));
        }
        words
    }
}

/// `text` with the words of `begin` at the place of each of `runs`.
pub(crate) fn with_runs(text: &str, runs: &[Run], begin: &Begin<'_>) -> String {
    let mut whole = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for one in runs {
        whole.push_str(&text[from..one.at]);
        for word in (begin.words)(one.name.as_deref(), one.place) {
            whole.push_str(&(begin.quoted)(&word.to_string_lossy()));
            whole.push(' ');
        }
        from = one.at;
    }
    whole.push_str(&text[from..]);
    whole
}

fn decide(servers: &[Server]) -> Option<Inward> {
    if !files::is_several(servers) {
        return servers.first().and_then(decide_one);
    }
    let sharing: Vec<Server> =
        servers.iter().filter(|one| one.kind != Kind::Leases && one.port == PortOf::Run).cloned().collect();
    let mut inward = Inward { is_shared: files::is_several(&sharing), ..Inward::default() };
    let names = names_of(servers);
    // A typed port is for the first server that a run can begin in front of, or has one already.
    let is_reached = |one: &Server| {
        one.kind == Kind::Leases || !matches!(one.entry, Entry::Front | Entry::Closed(_) | Entry::File(_))
    };
    let first = servers.iter().position(is_reached);
    for (number, one) in servers.iter().enumerate().filter(|(_, one)| one.kind != Kind::Leases) {
        let place = if Some(number) == first { Place::First } else { Place::Later };
        match &one.entry {
            // Several servers of the typed command itself are in its texts or scripts.
            Entry::Front => {}
            Entry::Text { word, .. } => {
                add(&mut inward.changes, *word, runs_of(one, names[number].as_ref(), place));
            }
            Entry::Script { name, folder } => {
                let naming = match one.kind {
                    Kind::Group => Naming::ByPackage,
                    Kind::NeedsWords | Kind::Reads | Kind::Maybe | Kind::Leases => {
                        Naming::ByScript { folder: folder.clone(), first: name.clone() }
                    }
                };
                // Names by script are right for other packages too: they count in this one only.
                if !matches!(inward.scripts, Some(Naming::ByScript { .. })) {
                    inward.scripts = Some(naming);
                }
            }
            Entry::Procfile(procfile) => inward.procfile = Some((**procfile).clone()),
            Entry::Word(at) => inward.before = Some(*at),
            Entry::Closed(by) => leave(&mut inward.unreached, By::Scripts(by), one, names[number].as_ref()),
            Entry::File(path) => {
                leave(&mut inward.unreached, By::File(path.clone()), one, names[number].as_ref());
            }
        }
    }
    for one in &mut inward.unreached {
        // One server without a name says that none of them can have one.
        if one.names.iter().any(String::is_empty) {
            one.names.clear();
        }
    }
    Some(inward)
}

/// Adds a server that no run can begin before.
fn leave(unreached: &mut Vec<Unreached>, by: By, server: &Server, name: Option<&String>) {
    let is_nameless = server.kind == Kind::Group || server.repeated;
    let name = if is_nameless { String::new() } else { name.unwrap_or(&server.name).clone() };
    match unreached.iter_mut().find(|other| other.by == by) {
        Some(same) => same.names.push(name),
        None => unreached.push(Unreached { by, names: vec![name] }),
    }
}

/// What the only server of a command needs.
fn decide_one(one: &Server) -> Option<Inward> {
    let needs_words = one.kind == Kind::NeedsWords;
    let overridden = one.port == PortOf::Way && matches!(one.kind, Kind::Reads | Kind::Maybe);
    match (&one.entry, one.before) {
        (Entry::Text { word, .. }, _) if needs_words || overridden => {
            Some(Inward { changes: vec![(*word, runs_of(one, None, Place::First))], ..Inward::default() })
        }
        (_, Some(at)) if overridden => Some(Inward { before: Some(at), ..Inward::default() }),
        (Entry::Script { .. }, _) if overridden => {
            Some(Inward { scripts: Some(Naming::ByPackage), ..Inward::default() })
        }
        (
            Entry::Front
            | Entry::Text { .. }
            | Entry::Script { .. }
            | Entry::Word(_)
            | Entry::Procfile(_)
            | Entry::File(_)
            | Entry::Closed(_),
            _,
        ) => None,
    }
}

/// The names of servers that run together: none for one that is called by its package.
fn names_of(servers: &[Server]) -> Vec<Option<String>> {
    // Several with one name would be one server that is there already.
    let is_named = |one: &&Server| !one.in_package && one.kind != Kind::Group && !one.repeated;
    let all: Vec<String> = servers.iter().filter(is_named).map(|one| one.name.clone()).collect();
    let mut distinct = names::distinct(&all).into_iter();
    servers.iter().map(|one| if is_named(&one) { distinct.next() } else { None }).collect()
}

/// The runs in front of a server in a text. One that starts several of its own names these itself.
fn runs_of(server: &Server, name: Option<&String>, place: Place) -> Vec<Run> {
    let Entry::Text { at, .. } = &server.entry else { return Vec::new() };
    at.iter().map(|at| Run { at: *at, name: name.cloned(), place }).collect()
}

/// Adds runs in one typed word, in the order of their places; a command that starts several servers is run once.
fn add(changes: &mut Vec<(usize, Vec<Run>)>, word: usize, runs: Vec<Run>) {
    if !changes.iter().any(|(changed, _)| *changed == word) {
        changes.push((word, Vec::new()));
    }
    let Some((_, all)) = changes.iter_mut().find(|(changed, _)| *changed == word) else { return };
    for run in runs {
        match all.iter_mut().find(|other| other.at == run.at) {
            Some(same) => same.name = None,
            None => all.push(run),
        }
    }
    all.order_by_key(|run| run.at);
}

#[cfg(test)]
mod tests;
