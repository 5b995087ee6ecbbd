//! Which servers a package has, as its scripts say, with the reason for each guess.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Serialize;
use styxy_core::{Port, ServiceType};

use crate::devserver::folder::Folder;
use crate::devserver::package::Package;
use crate::devserver::plan::Plan;

/// A server that the file should name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Guess {
    /// Its type.
    pub(super) service: ServiceType,
    /// The port that its script names.
    pub(super) port: Option<Port>,
    /// What says so, as a sentence without its end.
    pub(super) why: String,
}

/// Scripts that start what people work on come first; the others in alphabetical order.
const FIRST: [&str; 4] = ["dev", "start", "serve", "develop"];

/// One server of each type that the scripts of `package` start, and a sentence for each that is left out.
pub(super) fn servers(package: &Package) -> (Vec<Guess>, Vec<String>) {
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
    let mut guesses: Vec<Guess> = found.into_iter().map(|(_, guess, _)| guess).collect();
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
    let around = Folder {
        path: package.folder(),
        root: None,
        home: None,
        is_package: &|_| false,
        has_shell: false,
        variable: &|_| None,
    };
    let plan = Plan::of(&typed, &around);
    let (tool, service) = match plan.framework {
        Some(row) => (row.name, row.service),
        // It may be any server; `styxy run` alone runs it.
        None if name == "dev" => ("a program that gets its port in PORT", "dev"),
        None => return None,
    };
    let named = plan.script_port.map(|port| format!(", on port {port}")).unwrap_or_default();
    let why = format!("the script {name} runs {tool}{named}");
    Some(Guess { service: ServiceType::new(service).ok()?, port: plan.script_port, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(scripts: &str) -> String {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("package.json"), format!("{{\"scripts\": {scripts}}}")).unwrap();
        let (guesses, left_out) = servers(&Package::around(top.path()).unwrap());
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
}
