//! What `styxy run` does to a command: which port it wishes for, which words are changed or added, which variables are
//! set. Pure: the command's words and a way to look up scripts are arguments.

use std::ffi::OsString;

use styxy_core::{Port, ServiceType};

use crate::devserver::frameworks::{self, Framework, Twice, Way};
use crate::devserver::inward::Inward;
use crate::devserver::inward::around::Around;
use crate::devserver::launch;
use crate::devserver::options::value;
use crate::devserver::passing::{self, Lost, Passing};
use crate::devserver::port_argument::{self, PortArgument};
use crate::devserver::shell::Word;
use crate::devserver::tool::{Reach, Tool};

/// What is to be done to a command.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The row of the tool, if it is known.
    pub(crate) framework: Option<&'static Framework>,
    /// The port that a typed argument names.
    pub(crate) typed_port: Option<Port>,
    /// The port that a script names.
    pub(crate) script_port: Option<Port>,
    /// Typed words that are replaced, with `{port}` in them.
    changes: Vec<(usize, String)>,
    /// Words that are added before the typed word with this number, with `{port}` in them.
    added: Option<(usize, Vec<String>)>,
    /// Words that pass `PORT` on, before the typed word with this number.
    passed: Option<(usize, Vec<String>)>,
    /// Why the tool cannot be given its port, if it cannot.
    pub(crate) obstacle: Option<Obstacle>,
    /// Where `styxy run` steps in behind the command's first word, if it has to.
    pub(crate) inward: Option<Inward>,
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
        let words: Vec<Word> = typed
            .iter()
            .enumerate()
            .map(|(at, word)| Word {
                text: word.to_string_lossy().into_owned(),
                typed: Some(at),
                ..Word::default()
            })
            .collect();
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
        for tool in tools {
            // PORT=3000 in a script overrides the variable set outside of it.
            let set = tool.assigned.iter().rev().find(|(name, value)| name == "PORT" && !value.expanded);
            plan.script_port = set.and_then(|(_, value)| value.text.parse().ok()).or(plan.script_port);
            let row = row_of(&tool);
            if row.is_some_and(Framework::needs_words) || row.is_some() && known.is_none() {
                known = row.map(|row| (tool, row));
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
        if let Some((tool, row)) = known {
            plan.framework = Some(row);
            if !marked {
                plan.fill(&tool, row, typed.len());
            }
        }
        if !marked {
            plan.pass(passing::find(&all, around));
        }
        plan.inward = inward.or_else(|| match plan.obstacle {
            Some(Obstacle::OutOfReach(_)) => Inward::by_script(all, around),
            Some(Obstacle::Elsewhere | Obstacle::Fixed(_) | Obstacle::Lost(_)) | None => None,
        });
        plan
    }

    /// Does what the command's first program needs, so that the variable arrives.
    fn pass(&mut self, passing: Passing) {
        self.passed = passing.added;
        self.changes.extend(passing.changed);
        self.typed_port = self.typed_port.or(passing.typed_port);
        self.script_port = self.script_port.or(passing.file_port);
        // A tool that gets its port by words does not need the variable.
        let by_words = self.added.is_some() || !self.changes.is_empty();
        if self.obstacle.is_none() && !by_words {
            self.obstacle = passing.lost.map(Obstacle::Lost);
        }
    }

    fn fill(&mut self, tool: &Tool, row: &Framework, typed: usize) {
        let own = port_argument::find(&tool.args, row);
        let mut missing = true;
        match &own {
            PortArgument::None => {}
            // A shell will expand it to something unknown.
            PortArgument::Unknown => return,
            PortArgument::Port { at, port, with_port } => {
                if let Some(index) = tool.args[*at].typed {
                    self.typed_port = *port;
                    self.changes.push((index, with_port.clone()));
                    missing = false;
                } else {
                    self.script_port = port.or(self.script_port);
                    self.obstacle = self.script_port.map(Obstacle::Fixed);
                    if !matches!(row.port, Way::Flag { twice: Twice::LastWins, .. }) {
                        return;
                    }
                }
            }
        }
        let mut added = Vec::new();
        match row.port {
            Way::Flag { write, .. } if missing => added.extend([write.to_owned(), PORT.to_owned()]),
            Way::Word if missing => added.push(PORT.to_owned()),
            Way::Flag { .. } | Way::Word | Way::InFlag(_) | Way::Env => {}
        }
        if matches!(row.port, Way::Env) {
            return;
        }
        self.obstacle = None;
        let is_there = |flag: &str| tool.args.iter().any(|word| value(&word.text, flag).is_some());
        added.extend(row.strict.iter().filter(|flag| !is_there(flag)).map(|flag| (*flag).to_owned()));
        if added.is_empty() {
            return;
        }
        match place(tool, typed) {
            Ok(at) => {
                let separators = tool.separators.iter().map(|word| (*word).to_owned());
                self.added = Some((at, separators.chain(added).collect()));
            }
            Err(why) if missing => self.obstacle = Some(Obstacle::OutOfReach(why)),
            // It has its port; that it may move to another one is not worth a warning.
            Err(_) => {}
        }
    }

    /// The command's words, with the port of the first service and those of the others by name.
    pub(crate) fn apply(&self, typed: Vec<OsString>, ports: &[(ServiceType, Port)]) -> Vec<OsString> {
        let Some((_, first)) = ports.first() else { return typed };
        let with_port = |text: &str| OsString::from(text.replace(PORT, &first.to_string()));
        let marked = typed.iter().any(|word| word.to_str().is_some_and(is_marked));
        let mut words: Vec<OsString> = typed;
        if marked {
            for word in &mut words {
                if let Some(text) = word.to_str().filter(|text| is_marked(text)) {
                    let named = ports.iter().fold(text.to_owned(), |text, (service, port)| {
                        text.replace(&format!("{{port:{service}}}"), &port.to_string())
                    });
                    *word = with_port(&named);
                }
            }
            return words;
        }
        for (at, text) in &self.changes {
            words[*at] = with_port(text);
        }
        // The words for the tool are behind those.
        if let Some((at, added)) = &self.added {
            words.splice(at..at, added.iter().map(|text| with_port(text)));
        }
        if let Some((at, added)) = &self.passed {
            words.splice(at..at, added.iter().map(|text| with_port(text)));
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

fn row_of(tool: &Tool) -> Option<&'static Framework> {
    frameworks::find(&tool.name, &tool.args.iter().map(|word| word.text.as_str()))
}

/// The placeholder for the port.
pub(super) const PORT: &str = "{port}";

fn is_marked(text: &str) -> bool {
    text.contains(PORT) || text.contains("{port:")
}

/// Before which typed word the tool's words can be added, or why they cannot.
fn place(tool: &Tool, typed: usize) -> Result<usize, String> {
    match &tool.reach {
        Reach::Yes => {}
        Reach::Elsewhere => return Err("it belongs to another workspace".to_owned()),
        Reach::Script(name, why) => return Err(format!("the script {name} {}", why.as_str())),
    }
    // Words after the tool's own `--` are not flags.
    match tool.args.iter().find(|word| word.text == "--") {
        None => Ok(typed),
        Some(Word { typed: Some(at), .. }) if tool.separators.is_empty() => Ok(*at),
        Some(_) => Err("its arguments contain a --".to_owned()),
    }
}

#[cfg(test)]
mod rows;
