//! The processes of a Procfile: every line is a service, by its name (R151).

use std::path::{Path, PathBuf};

use styxy_client::Caller;
use styxy_core::ServiceName;
use styxy_core::project::Run;

use super::super::stack::{Definition, Source};
use super::{Found, made};
use crate::devserver::folder::read;
use crate::devserver::inward::{Line, lines};
use crate::devserver::shell::{self, Command};

/// What Heroku runs before a deployment.
const RELEASE: &str = "release";

/// The services of the Procfile called `file` in `root`; none if there is no such file, or no process in it.
pub(super) fn find(here: &Caller, root: &Path, file: &str) -> Option<Found> {
    let path = root.join(file);
    let text = read(&path)?;
    let mut services: Vec<Definition> = Vec::new();
    let mut reasons = Vec::new();
    for Process { label, name, command } in processes(&text, file).0 {
        let (cwd, inner) = in_folder(command, root);
        let Some(told) = made::of_text(&inner, &cwd, root) else { continue };
        reasons.push(format!("{label}: the process {name} of {file} {}", told.what));
        let is_of_package = here.at(&cwd).package().is_some();
        // Its own port is a wish. What it gets is the lease's.
        let run = Run::Shell(without_port(&inner));
        let mut service = made::definition(here, label.as_str(), told, run, &cwd);
        if !is_of_package {
            service.name = Some(label);
        }
        services.push(service);
    }
    let prepares = root.join("bin").join("dev").is_file();
    if prepares {
        reasons.push(format!("bin/dev is not run: what it does beside starting {file} is left out"));
    }
    reasons.extend(remarks(root, file));
    (!services.is_empty()).then_some(Found { source: Source::Procfile(path), services, reasons })
}

/// A process of a Procfile.
struct Process<'t> {
    /// Its name, with a number where another one has that.
    label: ServiceName,
    name: &'t str,
    command: &'t str,
}

/// What is to be said of the lines of the file that are not services as they stand.
pub(super) fn remarks(root: &Path, file: &str) -> Vec<String> {
    read(&root.join(file)).map(|text| processes(&text, file).1).unwrap_or_default()
}

/// The processes of a text, and a sentence for each line that is none, or is called like another.
fn processes<'t>(text: &'t str, file: &str) -> (Vec<Process<'t>>, Vec<String>) {
    let (mut all, mut remarks): (Vec<Process<'t>>, Vec<String>) = (Vec::new(), Vec::new());
    for (number, line) in lines(text) {
        let left_out = |why: &str| format!("line {number} of {file} is left out: {why}");
        let (name, command) = match line {
            Line::Process(RELEASE, _) => continue,
            Line::Process(name, command) => (name, command),
            Line::Wrong(why) => {
                remarks.push(left_out(why));
                continue;
            }
        };
        let is_taken = |label: &str| all.iter().any(|one| one.label.as_str().eq_ignore_ascii_case(label));
        let base = name.trim_start_matches(['-', '_']);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let label = std::iter::once(base.to_owned()).chain(numbered).find(|label| !is_taken(label));
        match ServiceName::new(&label.unwrap_or_default()) {
            Ok(label) => {
                let why = if label.as_str() == base {
                    "a service's name begins with a letter or a digit".to_owned()
                } else {
                    format!("the name {base} is there already")
                };
                if label.as_str() != name {
                    remarks.push(format!("line {number} of {file} is called {label}: {why}"));
                }
                all.push(Process { label, name, command });
            }
            Err(error) => remarks.push(left_out(&error.to_string())),
        }
    }
    (all, remarks)
}

/// `cd apps/web && npm run dev` as a folder and a command; all else as it is.
fn in_folder(command: &str, root: &Path) -> (PathBuf, String) {
    let as_it_is = || (root.to_owned(), command.to_owned());
    let script = shell::read(command);
    let [only] = &script.list[..] else { return as_it_is() };
    let (false, [first, second, ..]) = (only.is_background, &only.pipelines[..]) else { return as_it_is() };
    let ([Command::Simple(cd)], Some(Command::Simple(words))) = (&first[..], second.first()) else {
        return as_it_is();
    };
    let ([verb, to], Some(begin)) = (&cd[..], words.first()) else { return as_it_is() };
    // Which of `&&` and `||` it is only the text says.
    let between = &command[to.at..begin.at];
    let is_plain = verb.text == "cd"
        && !to.expanded
        && between.trim_end().ends_with("&&")
        && !between.contains(['>', '<', '(', '!']);
    let folder = root.join(&to.text);
    let is_inside = !Path::new(&to.text).is_absolute() && !to.text.split('/').any(|part| part == "..");
    if is_plain && is_inside && folder.is_dir() {
        (folder, command[begin.at..].to_owned())
    } else {
        as_it_is()
    }
}

/// The command without a `PORT=3000` in front of what it runs: each worktree would have the same one.
fn without_port(command: &str) -> String {
    let mut text = command.to_owned();
    let script = shell::read(command);
    let pipelines = script.list.iter().flat_map(|entry| &entry.pipelines);
    let mut cuts = Vec::new();
    for simple in pipelines.flatten() {
        let Command::Simple(words) = simple else { continue };
        let is_env = |word: &&shell::Word| word.text == "env";
        let front = words.iter().take_while(|word| word.assignment().is_some() || is_env(word)).count();
        let port = words[..front].iter().enumerate().filter(|(_, word)| {
            let is_number = |value: &str| value.bytes().all(|byte| byte.is_ascii_digit());
            word.assignment().is_some_and(|(name, value)| name == "PORT" && is_number(value))
                && !word.expanded
        });
        // What follows: without anything the variable is set for the commands after it, and stays.
        cuts.extend(port.filter_map(|(at, word)| Some((word.at, words.get(at + 1)?.at))));
    }
    for (from, to) in cuts.into_iter().rev() {
        text.replace_range(from..to, "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_a_line_sets_is_left_out_and_all_else_stays() {
        for (command, expected) in [
            ("PORT=4000 node server.js", "node server.js"),
            ("A=1 PORT=4000 B=2 node server.js", "A=1 B=2 node server.js"),
            ("env PORT=4000 node server.js", "env node server.js"),
            ("npm run build && PORT='4000'  node server.js", "npm run build && node server.js"),
            ("PORT=1 a | PORT=2 b", "a | b"),
            ("PORT=${PORT:-4000} node server.js", "PORT=${PORT:-4000} node server.js"),
            ("node server.js PORT=4000", "node server.js PORT=4000"),
            ("PORT=4000; node server.js", "PORT=4000; node server.js"),
            ("next dev -p 3000", "next dev -p 3000"),
        ] {
            assert_eq!(without_port(command), expected);
        }
    }

    #[test]
    fn a_command_behind_cd_runs_in_that_folder() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("apps/web")).unwrap();
        let read = |command: &str| {
            let (folder, inner) = in_folder(command, top.path());
            let folder = folder.strip_prefix(top.path()).unwrap().to_str().unwrap().replace('\\', "/");
            format!("{folder}|{inner}")
        };
        for (command, expected) in [
            ("cd apps/web && npm run dev", "apps/web|npm run dev"),
            ("cd ./apps/web && A=1 npm run dev -- -p $PORT", "apps/web|A=1 npm run dev -- -p $PORT"),
            ("cd apps/web && npm i && npm run dev", "apps/web|npm i && npm run dev"),
            ("npm run dev", "|npm run dev"),
            ("cd nowhere && npm run dev", "|cd nowhere && npm run dev"),
            ("cd ../x && npm run dev", "|cd ../x && npm run dev"),
            ("cd apps/web || npm run dev", "|cd apps/web || npm run dev"),
            ("cd apps/web && npm run dev & wait", "|cd apps/web && npm run dev & wait"),
            ("cd $APP && npm run dev", "|cd $APP && npm run dev"),
            ("cd apps/web && (npm run dev)", "|cd apps/web && (npm run dev)"),
        ] {
            assert_eq!(read(command), expected);
        }
    }
}
