//! Which servers a repository has, as its scripts, its Procfile and its files say, with the reason for each guess.

mod apps;
mod processes;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;
use styxy_core::{Port, ServiceType};

use crate::devserver::folder::Folder;
use crate::devserver::inward::around::Around;
use crate::devserver::package::Package;
use crate::devserver::plan::Plan;
use apps::App;

/// A server that the file should name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Guess {
    /// Its type.
    pub(super) service: ServiceType,
    /// The port that its script names.
    pub(super) port: Option<Port>,
    /// What says so, as a sentence without its end.
    pub(super) why: String,
    /// What it runs.
    #[serde(skip)]
    pub(super) tool: &'static str,
}

/// Scripts that start what people work on come first; the others in alphabetical order.
const FIRST: [&str; 4] = ["dev", "start", "serve", "develop"];

/// The servers of the repository at `root`, and a sentence for each that is left out. `variable` says what the environment has.
pub(super) fn servers(
    root: &Path,
    package: Option<&Package>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Guess>, Vec<String>) {
    let (mut guesses, left_out) = package.map(of_scripts).unwrap_or_default();
    let processes = processes::find(root, guesses.is_empty());
    // A Procfile has the application's server too, whatever that is called there.
    let app = if processes.is_empty() { apps::find(root, variable) } else { None };
    for process in processes {
        if guesses.iter().all(|guess| guess.service != process.service) {
            guesses.push(process);
        }
    }
    guesses.extend(app.and_then(|app| of_app(&app, &guesses)));
    // A file that names a port twice would be refused.
    let mut taken = BTreeMap::new();
    for guess in &mut guesses {
        let Some(port) = guess.port else { continue };
        if let Some(other) = taken.insert(port, guess.service.clone()) {
            guess.why = format!("{}; {port} is {other}'s already", guess.why);
            guess.port = None;
        }
    }
    (guesses, left_out)
}

/// The application's server, unless a script or a process starts it, or both of its types are others'.
fn of_app(app: &App, guesses: &[Guess]) -> Option<Guess> {
    let App { what, framework, command } = app;
    // Any program that reads PORT may be it.
    if guesses.iter().any(|guess| guess.tool == framework.name || guess.tool == PLAIN) {
        return None;
    }
    // The usual type is taken by a front end.
    let is_free = |service: &&str| guesses.iter().all(|guess| guess.service.as_str() != *service);
    let service = [framework.service, "api"].into_iter().find(is_free)?;
    let own = if service == framework.service { String::new() } else { format!(" -s {service}") };
    let why = format!("{what} an app of {}: styxy run{own} -- {command}", framework.name);
    Some(Guess { service: ServiceType::new(service).ok()?, port: None, why, tool: framework.name })
}

/// One server of each type that the scripts of `package` start, and a sentence for each that is left out.
fn of_scripts(package: &Package) -> (Vec<Guess>, Vec<String>) {
    let rank = |name: &&str| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
    let mut names: Vec<&str> = package.scripts().collect();
    names.sort_by_key(rank);
    let mut found: Vec<(&str, Guess, Vec<&str>)> = Vec::new();
    for (name, guess) in names.into_iter().filter_map(|name| Some((name, of_script(package, name)?))) {
        match found.iter_mut().find(|(_, other, _)| other.service == guess.service) {
            Some((_, _, more)) => more.push(name),
            None => found.push((name, guess, Vec::new())),
        }
    }
    let left_out = found.iter().filter_map(|(name, guess, more)| left_out(name, guess, more)).collect();
    (found.into_iter().map(|(_, guess, _)| guess).collect(), left_out)
}

/// That the scripts `more` are left out, because each service type is in the file once.
fn left_out(name: &str, guess: &Guess, more: &[&str]) -> Option<String> {
    let service = &guess.service;
    let what = match more {
        [] => return None,
        [one] => format!("the script {one} is not in it: it starts"),
        several => format!("the scripts {} are not in it: they start", several.join(", ")),
    };
    Some(format!(
        "{what} the type {service} too, as {name} does; styxy run -n NAME tells servers of one type apart"
    ))
}

/// The server that a script starts, if it is known to start one.
fn of_script(package: &Package, name: &str) -> Option<Guess> {
    let typed = ["npm", "run", name].map(OsString::from);
    let plan = Plan::of(&typed, &Folder::alone(package.folder()));
    let (tool, service) = match plan.framework {
        Some(row) => (row.name, row.service),
        // It may be any server; `styxy run` alone runs it.
        None if name == "dev" => (PLAIN, "dev"),
        None => return None,
    };
    Some(guess(ServiceType::new(service).ok()?, tool, plan.script_port, &format!("the script {name}")))
}

/// A program that is not known.
const PLAIN: &str = "a program that gets its port in PORT";

fn guess(service: ServiceType, tool: &'static str, port: Option<Port>, what: &str) -> Guess {
    let named = port.map(|port| format!(", on port {port}")).unwrap_or_default();
    Guess { service, port, why: format!("{what} runs {tool}{named}"), tool }
}

/// The server that the text `command` for a shell starts.
fn found_in(around: &Folder<'_>, command: &str, service: ServiceType, what: &str) -> Guess {
    let alone = Alone { around, command };
    let plan = Plan::of(&["npm", "run", "it"].map(OsString::from), &alone);
    guess(service, plan.framework.map_or(PLAIN, |row| row.name), plan.script_port, what)
}

/// A folder whose only script is a command.
struct Alone<'a> {
    around: &'a Folder<'a>,
    command: &'a str,
}

impl Around for Alone<'_> {
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String> {
        if folder.is_none() && name == "it" {
            return Some(self.command.to_owned());
        }
        self.around.script(folder, name)
    }

    fn scripts(&self, folder: Option<&str>) -> Vec<String> {
        self.around.scripts(folder)
    }

    fn is_package(&self, folder: &str) -> bool {
        self.around.is_package(folder)
    }

    fn text(&self, path: &str) -> Option<String> {
        self.around.text(path)
    }

    fn in_workspaces(&self, name: &str) -> Vec<String> {
        self.around.in_workspaces(name)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.around.variable(name)
    }

    fn can_set_shell(&self, manager: &str) -> bool {
        self.around.can_set_shell(manager)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(scripts: &str) -> String {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("package.json"), format!("{{\"scripts\": {scripts}}}")).unwrap();
        said(top.path())
    }

    fn said(root: &Path) -> String {
        let package = Package::around(root).ok().filter(|package| package.folder() == root);
        let (guesses, left_out) = servers(root, package.as_ref(), &|_| None);
        let line = |guess: &Guess| {
            let port = guess.port.map(|port| format!(" {port}")).unwrap_or_default();
            format!("{}{port}: {}", guess.service, guess.why)
        };
        guesses.iter().map(line).chain(left_out).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_type_of_server_is_guessed_once_with_its_reason() {
        assert_eq!(
            guessed(
                r#"{"build": "vite build", "dev": "vite --port 5173", "storybook": "storybook dev -p 6006"}"#
            ),
            "dev 5173: the script dev runs Vite, on port 5173\n\
             storybook 6006: the script storybook runs Storybook, on port 6006"
        );
        assert_eq!(
            guessed(r#"{"dev": "node server.js", "test": "vitest"}"#),
            "dev: the script dev runs a program that gets its port in PORT"
        );
        assert_eq!(guessed(r#"{"build": "tsc", "test": "vitest"}"#), "");
    }

    #[test]
    fn a_second_server_of_a_type_is_left_out_and_said() {
        let said = guessed(r#"{"a": "vite", "dev": "vite", "preview": "vite preview"}"#);
        let expected = "dev: the script dev runs Vite\nthe scripts a, preview are not in it: they start the type dev too, as dev does;";
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }

    #[test]
    fn a_port_is_named_once() {
        let said = guessed(r#"{"dev": "vite --port 6006", "storybook": "storybook dev -p 6006"}"#);
        assert!(
            said.ends_with(
                "storybook: the script storybook runs Storybook, on port 6006; 6006 is dev's already"
            ),
            "{said}"
        );
    }

    #[test]
    fn the_servers_of_a_procfile_and_of_an_application_are_guessed_too() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path();
        let write = |file: &str, text: &str| std::fs::write(root.join(file), text).unwrap();
        write("Procfile", "web: gunicorn app:app\nworker: node worker.js\n");
        write("app.py", "");
        write("requirements.txt", "Flask==3\n");
        assert_eq!(said(root), "web: the process web of Procfile runs Gunicorn");
        write("Procfile.dev", "web: flask run --port 5001\ncss: tailwindcss --watch\napi: node api.js\n");
        assert_eq!(
            said(root),
            "web 5001: the process web of Procfile.dev runs Flask, on port 5001\n\
             api: the process api of Procfile.dev runs a program that gets its port in PORT"
        );
        for file in ["Procfile", "Procfile.dev"] {
            std::fs::remove_file(root.join(file)).unwrap();
        }
        assert_eq!(said(root), "dev: app.py is an app of Flask: styxy run -- flask run");
        write("package.json", r#"{"scripts": {"dev": "vite"}}"#);
        assert_eq!(
            said(root),
            "dev: the script dev runs Vite\napi: app.py is an app of Flask: styxy run -s api -- flask run"
        );
        write("package.json", r#"{"scripts": {"dev": "flask run"}}"#);
        assert_eq!(said(root), "dev: the script dev runs Flask");
    }
}
