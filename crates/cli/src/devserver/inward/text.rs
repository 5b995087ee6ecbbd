//! The servers in a text for a shell: which of its commands run together, and in which folder.

use super::census::{Census, Entry, Kind, Server, Way};
use super::ends::{Ends, Jobs};
use super::files::is_several;
use super::functions::{Body, Functions, merge_calls, passes};
use super::kinds::Likelihood;
use super::phases::Phases;
use super::{kinds, names};
use crate::devserver::program::program;
use crate::devserver::shell::{self, AndOr, Command, List, Word};

impl Census<'_> {
    /// The servers of `text`, which is the typed word with this number or a script.
    ///
    /// A text that no shell would run has none.
    pub(super) fn text(&self, text: &str, typed: Option<usize>, way: &Way) -> Vec<Server> {
        let Some(list) = shell::list(text) else { return Vec::new() };
        let mut reader = Reader {
            census: self,
            functions: Functions::default(),
            jobs: Jobs::default(),
            typed,
            // The name of the text is for its only server.
            way: way.clone().unnamed(),
            time: Time::default(),
        };
        reader.functions.add(&list);
        let Body { running: mut together, last, .. } = reader.body(&list);
        together.extend(last);
        together.extend(one_of(reader.functions.uncalled()));
        merge_calls(&mut together);
        if let ([only], Some(name)) = (&mut together[..], way.name()) {
            name.clone_into(&mut only.name);
        }
        together
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
    time: Time,
}

/// What the text, or the body of a function, has started so far.
#[derive(Default)]
struct Time {
    /// The servers that it has left in the background.
    together: Vec<Server>,
    /// Those of its commands since then, which run one after the other.
    list: Vec<Vec<Server>>,
    /// Whether each loop that is open waits for its servers, or ends them, before the next one.
    loops: Vec<bool>,
    phases: Option<Phases>,
}

impl Reader<'_> {
    /// What `list` leaves in the background, and what it starts at the end or had started before.
    fn body(&mut self, list: &[AndOr]) -> Body {
        // Where a run begins in front of each, it does not matter which of them run together.
        let phases = matches!(self.way.entry, Entry::File(_)).then(Phases::default);
        let outer = std::mem::replace(&mut self.time, Time { phases, ..Time::default() });
        self.list(list);
        let Time { together, list, phases, .. } = std::mem::replace(&mut self.time, outer);
        let ends = one_of(list);
        match phases.and_then(|phases| phases.end(&together, &ends)) {
            Some(most) => Body { last: most, ..Body::default() },
            None => Body { running: together, last: ends, passes: None },
        }
    }

    /// The same, of what does not change the folder of the commands behind it.
    fn aside(&mut self, list: &[AndOr]) -> Body {
        let way = self.way.clone();
        let found = self.body(list);
        self.way = way;
        found
    }

    fn list(&mut self, list: &[AndOr]) {
        for and_or in list {
            let before = self.way.clone();
            and_or.pipelines.iter().for_each(|pipeline| self.pipeline(pipeline));
            if and_or.is_background {
                // `cd web && vite & …`: the whole list had a shell of its own.
                self.way = before;
                let found = one_of(std::mem::take(&mut self.time.list));
                self.leave(found);
            }
        }
    }

    fn pipeline(&mut self, commands: &[Command]) {
        if let [only] = commands {
            return self.command(only);
        }
        let mut parts = Vec::new();
        for command in commands {
            let before = self.time.list.len();
            self.command(command);
            let found = self.time.list.split_off(before.min(self.time.list.len()));
            parts.push(one_of(found));
        }
        self.time.list.push(first_of(parts));
    }

    /// Leaves `found` in the background, as a job of the text.
    fn leave(&mut self, mut found: Vec<Server>) {
        self.jobs.begin(&mut found);
        self.time.together.extend(found);
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(words) => self.simple(words),
            Command::Subshell(list) => {
                let before = self.way.clone();
                self.list(list);
                self.way = before;
            }
            Command::For(_) | Command::While { .. } => self.repeated(command),
            Command::If(branches) => {
                self.branches(branches.iter().map(|branch| vec![&branch.condition, &branch.body]));
            }
            Command::Case(branches) => self.branches(branches.iter().map(|list| vec![list])),
            Command::Function { name, body } => {
                // It runs where it is called.
                let mut found = self.aside(body);
                for server in found.running.iter_mut().chain(&mut found.last) {
                    server.function = Some(name.clone());
                }
                self.functions.define(name, Body { passes: passes(body), ..found });
            }
            Command::Coproc(list) => {
                let Body { mut running, last, .. } = self.aside(list);
                running.extend(last);
                self.leave(running);
            }
            Command::Group(_) | Command::Test => {
                command.lists().into_iter().for_each(|list| self.list(list));
            }
        }
    }

    /// A loop: a server that it leaves in the background is started again and again.
    fn repeated(&mut self, command: &Command) {
        let before = self.time.together.len();
        self.time.loops.push(false);
        command.lists().into_iter().for_each(|list| self.list(list));
        if self.time.loops.pop() == Some(false) {
            self.time.together.iter_mut().skip(before).for_each(|server| server.repeated = true);
        }
    }

    /// Only one of these branches runs.
    fn branches<'c>(&mut self, branches: impl Iterator<Item = Vec<&'c List>>) {
        self.time.phases.iter_mut().for_each(|phases| phases.open(&self.time.together));
        for branch in branches {
            for list in branch {
                self.list(list);
            }
            self.turn(&Ends::All);
        }
        self.time.phases.iter_mut().for_each(|phases| phases.close(&mut self.time.together));
    }

    fn turn(&mut self, ends: &Ends) {
        self.time.phases.iter_mut().for_each(|phases| phases.turn(ends, &mut self.time.together));
    }

    fn simple(&mut self, words: &[Word]) {
        if matches!(&*words[0].text, "wait" | "kill" | "fg" | "pkill" | "killall") {
            self.time.loops.fill(true);
        }
        for word in words {
            self.jobs.remember(word);
        }
        if let Some(ends) = self.jobs.ended_by(words) {
            self.turn(&ends);
        }
        let Body { running, last, .. } = self.started_by(words);
        if !running.is_empty() {
            self.leave(running);
        }
        self.time.list.push(last);
    }

    fn started_by(&mut self, all: &[Word]) -> Body {
        let is_before = |at: &usize| match &*all[*at].text {
            "exec" | "command" | "builtin" | "time" => all.get(at + 1).is_some_and(|next| !next.is_flag()),
            _ => all[*at].assignment().is_some(),
        };
        let (before, words) = all.split_at((0..all.len()).take_while(is_before).count());
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
        // In a file of variables, what a shell would take for a command is a mistake.
        let name = path.rsplit('/').next().unwrap_or(&path);
        let is_of_variables = name.starts_with(".env") || name.strip_suffix(".env").is_some();
        let Some(list) = shell::list(&text).filter(|_| !is_of_variables) else { return Body::default() };
        let entry = self.way.entry.clone();
        self.way = self.way.clone().at(Entry::File(path.trim_start_matches("./").to_owned()));
        self.functions.add(&list);
        let mut found = self.body(&list);
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
