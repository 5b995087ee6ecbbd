//! The servers in a text for a shell: which of its commands run together, and in which folder.

use super::census::{Census, Entry, Kind, Server, Way};
use super::ends::Jobs;
use super::files::is_several;
use super::functions::{Body, Functions, body, defined, merge_calls, passes};
use super::kinds::Likelihood;
use super::phases::Phases;
use super::{kinds, names};
use crate::devserver::program::program;
use crate::devserver::shell::{self, After, Simple, Word, is_keyword};

impl Census<'_> {
    /// The servers of `text`, which is the typed word with this number or a script.
    ///
    /// A text that no shell would run has none.
    pub(super) fn text(&self, text: &str, typed: Option<usize>, way: &Way) -> Vec<Server> {
        let script = shell::read(text);
        if script.end.is_err_and(shell::Unreachable::is_unreadable) {
            return Vec::new();
        }
        let mut reader = Reader {
            census: self,
            functions: Functions::default(),
            jobs: Jobs::default(),
            typed,
            // The name of the text is for its only server.
            way: way.clone().unnamed(),
            of_list: way.clone().unnamed(),
            left: Vec::new(),
        };
        reader.functions.add(&script.commands);
        let Body { running: mut together, last, .. } = reader.commands(&script.commands);
        together.extend(last);
        together.extend(one_of(reader.functions.uncalled()));
        merge_calls(&mut together);
        if let ([only], Some(name)) = (&mut together[..], way.name()) {
            name.clone_into(&mut only.name);
        }
        together
    }
}

/// The loops that are open: a server that one of them leaves in the background is started again and again.
#[derive(Default)]
struct Loops {
    open: Vec<Loop>,
}

struct Loop {
    /// How many servers there were before it.
    from: usize,
    /// It waits for each of its servers, or ends it, before the next one.
    waits: bool,
}

impl Loops {
    /// What the reserved words and the name of `command` mean for the servers `together` that run in the background.
    fn follow(&mut self, command: &Simple, together: &mut [Server]) {
        for word in &command.words {
            match word.text.as_str() {
                "for" | "while" | "until" | "select" => {
                    self.open.push(Loop { from: together.len(), waits: false });
                    break;
                }
                "done" => {
                    let ended = self.open.pop().filter(|ended| !ended.waits);
                    let again = ended.map_or(together.len(), |ended| ended.from);
                    together.iter_mut().skip(again).for_each(|server| server.repeated = true);
                }
                "wait" | "kill" | "fg" | "pkill" | "killall" => {
                    self.open.iter_mut().for_each(|open| open.waits = true);
                    break;
                }
                word if is_keyword(word) => {}
                _ => break,
            }
        }
    }
}

/// Of commands that run one after the other: the servers of those that start several, and of the others one that is sure,
/// else all that may be one, as one.
pub(super) fn one_of(commands: Vec<Vec<Server>>) -> Vec<Server> {
    let is_group = |found: &Vec<Server>| is_several(found);
    let (groups, single): (Vec<_>, Vec<_>) = commands.into_iter().partition(is_group);
    let mut all: Vec<Server> = groups.into_iter().flatten().collect();
    let single: Vec<Server> = single.into_iter().flatten().collect();
    let is_sure = |one: &&Server| matches!(one.kind, Kind::NeedsWords | Kind::Reads);
    let sure = single.iter().rev().find(is_sure).cloned();
    match sure {
        Some(one) => all.push(one),
        None if all.is_empty() => all.extend(merged(single)),
        None => {}
    }
    all
}

/// Several that may be the server, as one: that of the last, with the places of all.
fn merged(all: Vec<Server>) -> Option<Server> {
    let mut places = Vec::new();
    let mut last = None;
    for one in all {
        if let Entry::Text { at, .. } = &one.entry {
            places.extend(at);
        }
        last = Some(one);
    }
    let mut last = last?;
    if let Entry::Text { at, .. } = &mut last.entry {
        *at = places;
    }
    Some(last)
}

/// Of the commands of a pipeline: those of the first that surely is a server, else of the first that may be one.
fn first_of(pipeline: Vec<Vec<Server>>) -> Vec<Server> {
    let is_sure = |found: &Vec<Server>| found.iter().any(|one| one.kind != Kind::Maybe);
    let at =
        pipeline.iter().position(is_sure).or_else(|| pipeline.iter().position(|found| !found.is_empty()));
    at.and_then(|at| pipeline.into_iter().nth(at)).unwrap_or_default()
}

/// Goes through the commands of a text and knows the folder and the variables that each of them has.
struct Reader<'a> {
    census: &'a Census<'a>,
    functions: Functions,
    jobs: Jobs,
    typed: Option<usize>,
    way: Way,
    /// As it was when the list of commands began that may go to the background.
    of_list: Way,
    /// As it was before each subshell that is open.
    left: Vec<(usize, Way)>,
}

impl Reader<'_> {
    /// What `commands` leave in the background, and what they start at the end or had started before.
    fn commands(&mut self, commands: &[Simple]) -> Body {
        let (mut together, mut list, mut pipeline) = (Vec::new(), Vec::new(), Vec::new());
        let mut loops = Loops::default();
        // Where a run begins in front of each, it does not matter which of them run together.
        let mut phases = matches!(self.way.entry, Entry::File(_)).then(Phases::default);
        let mut at = 0;
        while let Some(command) = commands.get(at) {
            if command.after != After::Pipe {
                list.push(first_of(std::mem::take(&mut pipeline)));
            }
            if command.after == After::Background {
                self.leave(one_of(std::mem::take(&mut list)), &mut together);
            }
            at += 1;
            if let Some(name) = defined(command) {
                at += self.define(name, &commands[at..]);
                continue;
            }
            if let Some((found, more)) = self.coprocess(&commands[at - 1..]) {
                self.leave(found, &mut together);
                at += more;
                continue;
            }
            loops.follow(command, &mut together);
            command.words.iter().for_each(|word| self.jobs.remember(word));
            if let Some(phases) = &mut phases {
                phases.follow(command, &self.jobs, &mut together);
            }
            self.follow(command);
            let Body { running, last, .. } = self.command(command);
            if !running.is_empty() {
                self.leave(running, &mut together);
            }
            pipeline.push(last);
        }
        list.push(first_of(pipeline));
        let ends = one_of(list);
        match phases.and_then(|phases| phases.end(&mut together, &ends)) {
            Some(most) => Body { last: most, ..Body::default() },
            None => Body { running: together, last: ends, passes: None },
        }
    }

    /// Leaves `found` in the background, as a job of the text.
    fn leave(&mut self, mut found: Vec<Server>, together: &mut Vec<Server>) {
        self.jobs.begin(&mut found);
        together.extend(found);
    }

    /// Notes what the function `name` starts, whose body `commands` begin with; returns how many of them that are.
    fn define(&mut self, name: &str, commands: &[Simple]) -> usize {
        let count = body(commands);
        let inner = &commands[..count];
        // It runs where it is called.
        let (way, of_list) = (self.way.clone(), self.of_list.clone());
        let mut found = self.commands(inner);
        (self.way, self.of_list) = (way, of_list);
        for server in found.running.iter_mut().chain(&mut found.last) {
            server.function = Some(name.to_owned());
        }
        self.functions.define(name, Body { passes: passes(inner), ..found });
        count
    }

    /// The servers of a `coproc`, which runs in the background, and how many commands more belong to it; none if `commands` do not
    /// begin with one.
    fn coprocess(&mut self, commands: &[Simple]) -> Option<(Vec<Server>, usize)> {
        let first = commands.first()?;
        let skipped = first.words.iter().take_while(|word| is_keyword(&word.text)).count();
        if first.words.get(skipped)?.text != "coproc" {
            return None;
        }
        let mut inner = commands.to_vec();
        // `coproc NAME { …; }`
        let is_group = |at: usize| first.words.get(at).is_some_and(|word| word.text == "{");
        let name = usize::from(is_group(skipped + 2));
        inner[0].words.drain(..skipped + 1 + name);
        let count = if is_group(skipped + 1 + name) { body(&inner) } else { 1 };
        let (way, of_list) = (self.way.clone(), self.of_list.clone());
        let Body { mut running, last, .. } = self.commands(&inner[..count]);
        (self.way, self.of_list) = (way, of_list);
        running.extend(last);
        Some((running, count - 1))
    }

    /// What the operators and subshells before `command` mean for the folder and the variables.
    fn follow(&mut self, command: &Simple) {
        while let Some((group, before)) = self.left.last().cloned()
            && !command.groups.contains(&group)
        {
            self.way = before;
            self.left.pop();
        }
        match command.after {
            // `cd web && vite & …`: the whole list had a shell of its own.
            After::Background => self.way = self.of_list.clone(),
            After::End => self.of_list = self.way.clone(),
            After::And | After::Or | After::Pipe => {}
        }
        for group in &command.groups {
            if !self.left.iter().any(|(open, _)| open == group) {
                self.left.push((*group, self.way.clone()));
            }
        }
    }

    fn command(&mut self, command: &Simple) -> Body {
        let mut words = command.words.as_slice();
        while let Some((first, rest)) = words.split_first() {
            match first.text.as_str() {
                "for" | "select" | "case" | "function" | "[[" => return Body::default(),
                word if is_keyword(word) => {}
                "exec" | "command" | "builtin" | "time"
                    if rest.first().is_some_and(|word| !word.is_flag()) => {}
                _ if first.assignment().is_some() => {}
                _ => break,
            }
            words = rest;
        }
        let before = &command.words[..command.words.len() - words.len()];
        let assigned = before.iter().filter(|word| word.assignment().is_some()).cloned().collect::<Vec<_>>();
        let Some((first, args)) = words.split_first() else { return Body::default() };
        if let Some(body) = self.functions.call(&first.text) {
            return self.called(body, args, &assigned);
        }
        if kinds::is_builtin(program(&first.text)) {
            return self.builtin(&first.text, args);
        }
        Body { last: self.started(words, &assigned), ..Body::default() }
    }

    /// What a call of the function with this `body` and these arguments starts.
    fn called(&mut self, mut body: Body, args: &[Word], assigned: &[Word]) -> Body {
        let Some(passes) = body.passes else { return body };
        let found = args.get(passes.shifted..).map(|words| self.started(words, assigned)).unwrap_or_default();
        if passes.in_background {
            body.running.extend(found);
        } else {
            body.last.extend(found);
        }
        body
    }

    /// The servers of the program that `words` start, with those variables in front.
    fn started(&self, words: &[Word], assigned: &[Word]) -> Vec<Server> {
        let Some(first) = words.first() else { return Vec::new() };
        let mut way = self.way.clone().assigned(assigned);
        if let (Entry::Front, Some(word)) = (&way.entry, self.typed) {
            way.entry = Entry::Text { word, at: vec![first.at] };
        }
        let inside = self.census.is_package(&way);
        let line = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        // They are parts of one typed word; only a Procfile's runner asks which ones they are.
        let words = words.iter().cloned().map(|word| Word { typed: Some(0), ..word }).collect();
        let mut found = self.census.command(words, &way);
        for one in &mut found {
            one.in_package |= inside;
            one.line = format!("{line} {}", one.line);
        }
        found
    }

    /// `cd`, `export` and `.` change what the commands behind them see, and `.` may start servers itself.
    fn builtin(&mut self, name: &str, args: &[Word]) -> Body {
        match (name, args) {
            ("cd", [to]) if !to.expanded && !to.is_flag() => {
                let name = names::of_folder(&to.text);
                self.way = self.way.clone().inside(Some(&to.text)).named(name);
            }
            ("export", variables) => {
                let sets = variables.iter().any(|word| word.text.starts_with("PORT="));
                self.way = self.way.clone().with_port(sets).with_make_flags(variables);
            }
            ("." | "source", [file, ..]) => return self.source(file),
            _ => {}
        }
        Body::default()
    }

    /// Where a file is that the text names. One whose folder a shell finds out, as in `"$(dirname "$0")/base.sh"`, is most often
    /// beside the text's own file.
    fn path(&self, file: &Word) -> Option<String> {
        if file.expanded {
            let Entry::File(own) = &self.way.entry else { return None };
            let (_, name) = file.text.rsplit_once('/')?;
            let folder = own.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
            return (!name.contains('$')).then(|| format!("{folder}{name}"));
        }
        Some(match self.way.folder().filter(|_| !file.text.starts_with('/')) {
            Some(folder) => format!("{folder}/{}", file.text),
            None => file.text.clone(),
        })
    }

    /// Reads a file as a part of this text: its functions are there, and its servers start.
    fn source(&mut self, file: &Word) -> Body {
        let Some(path) = self.path(file) else { return Body::default() };
        let Some(text) = self.census.read(|| self.census.around.text(&path), String::len) else {
            return Body::default();
        };
        self.way = self.way.clone().with_port(sets_port(&text));
        // The text goes on behind it, so that an `&` at its end has something behind it.
        let script = shell::read(&format!("{text}\n:\n"));
        // In a file of variables, what a shell would take for a command is a mistake.
        let name = path.rsplit('/').next().unwrap_or(&path);
        let is_of_variables = name.starts_with(".env") || name.strip_suffix(".env").is_some();
        if is_of_variables || script.end.is_err_and(shell::Unreachable::is_unreadable) {
            return Body::default();
        }
        let entry = self.way.entry.clone();
        self.way = self.way.clone().at(Entry::File(path.trim_start_matches("./").to_owned()));
        self.functions.add(&script.commands);
        let mut found = self.commands(&script.commands);
        self.way = self.way.clone().at(entry);
        for servers in [&mut found.running, &mut found.last] {
            servers.retain(|one| one.likelihood > Likelihood::Unlikely);
        }
        found
    }
}

/// Whether a file of variables has one that is called `PORT`.
pub(super) fn sets_port(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix("PORT").is_some_and(|rest| rest.trim_start().starts_with('='))
    })
}
