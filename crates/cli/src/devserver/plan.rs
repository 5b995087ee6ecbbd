//! What `styxy run` does to a command: which port it wishes for, which words are changed or added, which variables are
//! set. Pure: the command's words and a way to look up scripts are arguments.

mod more;

use std::ffi::OsString;

use styxy_core::{Port, ServiceType};

use crate::devserver::frameworks::{self, Framework, Place, Twice, Way};
use crate::devserver::inward::Inward;
use crate::devserver::inward::around::Around;
use crate::devserver::launch;
use crate::devserver::options::value;
use crate::devserver::passing::{self, Lost, Passing};
use crate::devserver::port_argument::{self, PortArgument};
use crate::devserver::shell::Word;
use crate::devserver::tool::{Reach, Tool};
pub(crate) use more::{By, More};

/// What is to be done to a command.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The row of the tool, if it is known.
    pub(crate) framework: Option<&'static Framework>,
    /// The port that a typed argument names.
    pub(crate) typed_port: Option<Port>,
    /// The port that a script names.
    pub(crate) script_port: Option<Port>,
    /// Further ports that the command listens on (R67).
    pub(crate) more: Vec<More>,
    /// Typed words that are replaced.
    changes: Vec<Change>,
    /// Words that are added.
    added: Option<Added>,
    /// Words that pass `PORT` on, before the typed word with this number.
    passed: Option<(usize, Vec<String>)>,
    /// Why the tool cannot be given its port, if it cannot.
    pub(crate) obstacle: Option<Obstacle>,
    /// Where `styxy run` steps in behind the command's first word, if it has to.
    pub(crate) inward: Option<Inward>,
}

/// A typed word that is replaced, with a place for the port of `service` in its text.
#[derive(Debug, PartialEq)]
struct Change {
    at: usize,
    text: String,
    service: Option<&'static str>,
}

/// Words that are added before the typed word `at`: the `separators`, if anything comes behind them.
#[derive(Debug, PartialEq)]
struct Added {
    at: usize,
    separators: Vec<&'static str>,
    words: Vec<(Option<&'static str>, Vec<String>)>,
}

/// Why a known tool cannot be given its port as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Added words do not reach it; the sentence says why.
    OutOfReach(String),
    /// It may be started by a script of another workspace.
    Elsewhere,
    /// The script itself names a port, and a second one would be wrong.
    Fixed(Port),
    /// The variable does not arrive.
    Lost(Lost),
}

impl Plan {
    /// What to do to the command `typed`.
    pub(crate) fn of(typed: &[OsString], around: &dyn Around) -> Self {
        let words: Vec<Word> = typed.iter().enumerate().map(|(at, word)| typed_word(at, word)).collect();
        let marked = words.iter().any(|word| is_marked(&word.text));
        let mut plan = Self::default();
        let mut known = None;
        // `{port}` in the command is one port for all of it.
        let inward = if marked { None } else { Inward::of(words.clone(), around) };
        let all = words.clone();
        let scripts = |folder: Option<&str>, name: &str| around.script(folder, name);
        let (before, tools): (Vec<Tool>, Vec<Tool>) =
            launch::follow(words, &scripts).into_iter().partition(Tool::is_before_the_last);
        let elsewhere = tools.iter().any(|tool| tool.reach == Reach::Elsewhere);
        let mut through = None;
        for tool in tools {
            // PORT=3000 in a script overrides the variable set outside of it.
            let set = tool.assigned.iter().rev().find(|(name, value)| name == "PORT" && !value.expanded);
            plan.script_port = set.and_then(|(_, value)| value.text.parse().ok()).or(plan.script_port);
            let row = row_of(&tool);
            if row.is_some_and(Framework::needs_words) || row.is_some() && known.is_none() {
                known = row.map(|row| (tool, row));
            } else if row.is_none() && !tool.through.is_empty() {
                through = Some(tool);
            }
        }
        // `vite || true`: the server may come before the last command. What is set for other commands does not matter.
        let known =
            known.or_else(|| before.into_iter().find_map(|tool| row_of(&tool).map(|row| (tool, row))));
        plan.obstacle = plan.script_port.map(Obstacle::Fixed);
        // `{port}` in the command says where the port goes.
        if known.is_none() && elsewhere && !marked && plan.obstacle.is_none() {
            plan.obstacle = Some(Obstacle::Elsewhere);
        }
        plan.framework = known.as_ref().map(|(_, row)| *row);
        if marked {
            return plan;
        }
        if let Some((tool, row)) = &known {
            plan.fill(tool, row, typed.len());
        }
        if let Some(tool) = known.as_ref().map(|(tool, _)| tool).or(through.as_ref()) {
            plan.fill_more_on_the_way(tool);
        }
        plan.pass(passing::find(&all, around));
        plan.inward = inward.or_else(|| match plan.obstacle {
            Some(Obstacle::OutOfReach(_)) => Inward::by_script(all, around),
            Some(Obstacle::Elsewhere | Obstacle::Fixed(_) | Obstacle::Lost(_)) | None => None,
        });
        plan
    }

    /// Does what the command's first program needs, so that the variable arrives.
    fn pass(&mut self, passing: Passing) {
        self.passed = passing.added;
        let change = |(at, text)| Change { at, text, service: None };
        self.changes.extend(passing.changed.into_iter().map(change));
        self.typed_port = self.typed_port.or(passing.typed_port);
        self.script_port = self.script_port.or(passing.file_port);
        // A tool that gets its port by words does not need the variable.
        let added = self.added.iter().flat_map(|added| &added.words).map(|(service, _)| service);
        let by_words = added.chain(self.changes.iter().map(|change| &change.service)).any(Option::is_none);
        if self.obstacle.is_none() && !by_words {
            self.obstacle = passing.lost.map(Obstacle::Lost);
        }
    }

    fn fill(&mut self, tool: &Tool, row: &'static Framework, typed: usize) {
        let own = port_argument::find(&tool.args, row.port, row.valued);
        let mut words = Vec::new();
        let mut missing = true;
        let mut is_fixed = false;
        match own {
            PortArgument::None => {}
            // A shell will expand it to something unknown.
            PortArgument::Unknown => is_fixed = true,
            PortArgument::Port { at, port, with_port } => {
                if let Some(at) = tool.args[at].typed {
                    self.typed_port = port;
                    self.changes.push(Change { at, text: with_port, service: None });
                    missing = false;
                } else {
                    self.script_port = port.or(self.script_port);
                    self.obstacle = self.script_port.map(Obstacle::Fixed);
                    is_fixed = !matches!(row.port, Way::Flag { twice: Twice::LastWins, .. });
                }
            }
        }
        if !is_fixed && row.needs_words() {
            self.obstacle = None;
            let is_there = |flag: &str| {
                let flag = flag.split('=').next().unwrap_or(flag);
                tool.args.iter().any(|word| value(&word.text, flag).is_some())
            };
            words.extend(row.port.words().filter(|_| missing).into_iter().flatten());
            words.extend(row.strict.iter().filter(|flag| !is_there(flag)).map(|flag| (*flag).to_owned()));
        }
        let lacks_port = missing && !words.is_empty();
        let mut added = vec![(None, words)];
        for second in row.more {
            added.extend(self.fill_more(tool, second, row.valued).map(|words| (Some(second.service), words)));
        }
        added.retain(|(_, words)| !words.is_empty());
        if added.is_empty() {
            return;
        }
        match place(tool, row.place, typed) {
            Ok(at) => self.added = Some(Added { at, separators: tool.separators.clone(), words: added }),
            Err(why) => {
                // Otherwise it has its port; that it may move to another one is not worth a warning.
                if lacks_port {
                    self.obstacle = Some(Obstacle::OutOfReach(why));
                }
                let unreached = |more: &More| {
                    added.iter().any(|(service, _)| *service == Some(more.second.service))
                        && more.by == By::Words
                };
                self.more.retain(|more| !unreached(more));
            }
        }
    }

    /// The command's words, with the port of the first service and those of the others by name.
    pub(crate) fn apply(&self, typed: Vec<OsString>, ports: &[(ServiceType, Port)]) -> Vec<OsString> {
        let Some((_, first)) = ports.first() else { return typed };
        let filled = |text: &str| {
            let named = ports.iter().fold(text.to_owned(), |text, (service, port)| {
                text.replace(&marker(service.as_str()), &port.to_string())
            });
            OsString::from(named.replace(PORT, &first.to_string()))
        };
        let is_leased = |name: Option<&str>| {
            name.is_none_or(|name| ports.iter().any(|(service, _)| service.as_str() == name))
        };
        let mut words: Vec<OsString> = typed;
        if words.iter().any(|word| word.to_str().is_some_and(is_marked)) {
            for word in &mut words {
                if let Some(text) = word.to_str().filter(|text| is_marked(text)) {
                    *word = filled(text);
                }
            }
            return words;
        }
        for change in self.changes.iter().filter(|change| is_leased(change.service)) {
            words[change.at] = filled(&change.text);
        }
        // The words for the tool are behind those that pass `PORT` on.
        if let Some(added) = &self.added {
            let pieces = added.words.iter().filter(|(service, _)| is_leased(*service));
            let mut more: Vec<OsString> =
                pieces.flat_map(|(_, words)| words).map(|text| filled(text)).collect();
            if !more.is_empty() {
                more.splice(0..0, added.separators.iter().map(OsString::from));
            }
            words.splice(added.at..added.at, more);
        }
        if let Some((at, added)) = &self.passed {
            words.splice(at..at, added.iter().map(|text| filled(text)));
        }
        words
    }
}

/// The first service named by a `{port:…}` in `typed` that is not one of `asked`.
///
/// What is not a service name is left to the command: a program in an argument may contain `{port:3000}`.
pub(crate) fn not_asked(typed: &[OsString], asked: &[ServiceType]) -> Option<ServiceType> {
    let texts = typed.iter().filter_map(|word| word.to_str());
    let named = texts.flat_map(|text| text.split("{port:").skip(1));
    named
        .filter_map(|behind| behind.split_once('}'))
        .filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter_map(|(name, _)| ServiceType::new(name).ok())
        .find(|name| !asked.contains(name))
}

fn typed_word(at: usize, word: &OsString) -> Word {
    Word { text: word.to_string_lossy().into_owned(), typed: Some(at), ..Word::default() }
}

fn row_of(tool: &Tool) -> Option<&'static Framework> {
    frameworks::find(&tool.name, &tool.args.iter().map(|word| word.text.as_str()))
}

/// The placeholder for the port.
pub(super) const PORT: &str = "{port}";

/// The placeholder for the port of `service`.
fn marker(service: &str) -> String {
    format!("{{port:{service}}}")
}

fn is_marked(text: &str) -> bool {
    text.contains(PORT) || text.contains("{port:")
}

/// Before which typed word the tool's words can be added, or why they cannot.
fn place(tool: &Tool, place: Place, typed: usize) -> Result<usize, String> {
    match &tool.reach {
        Reach::Yes => {}
        Reach::Elsewhere => return Err("it belongs to another workspace".to_owned()),
        Reach::Script(name, why) => return Err(format!("the script {name} {}", why.as_str())),
    }
    let behind = match place {
        Place::End => None,
        Place::Front => Some(0),
        Place::AfterFirst => Some(1),
    };
    if let Some(behind) = behind {
        let first = tool.args.first().and_then(|word| word.typed);
        let at = first.map(|at| at + behind);
        return at.ok_or_else(|| "its flags come before the program that it runs".to_owned());
    }
    // Words after the tool's own `--` are not flags.
    match tool.args.iter().find(|word| word.text == "--") {
        None => Ok(typed),
        Some(Word { typed: Some(at), .. }) if tool.separators.is_empty() => Ok(*at),
        Some(_) => Err("its arguments contain a --".to_owned()),
    }
}

#[cfg(test)]
mod each_row;
#[cfg(test)]
mod further;
#[cfg(test)]
mod rows;
