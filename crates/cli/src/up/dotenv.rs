//! Files of variables that win over what a service is told (R145): Vite, Next and `node --env-file` keep a variable that is set,
//! env-cmd, `dotenv -o` and the `foreman` of Node do not.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;

use styxy_core::project::Run;

use crate::devserver::folder::Folder;
use crate::devserver::inward::around::Around;
use crate::devserver::plan::Plan;
use crate::up::stack::Definition;

/// Of the texts of `service`, those that a file sets too which wins: the variable and the file.
pub(crate) fn overridden(service: &Definition, root: &Path) -> Vec<(String, String)> {
    if service.env.is_empty() {
        return Vec::new();
    }
    let words: Vec<OsString> = match &service.run {
        Run::Shell(text) => ["sh", "-c", text].map(OsString::from).into(),
        Run::List(words) => words.iter().map(OsString::from).collect(),
    };
    let folder = Folder { root: Some(root), ..Folder::alone(&service.cwd) };
    let names = service.env.iter().map(|(name, _)| name.as_str()).collect();
    let watched = Watched { inner: &folder, names, found: RefCell::default() };
    // What is read on the way to the servers is what their variables are from.
    drop(Plan::of(&words, &watched));
    if words.iter().any(|word| starts_node_foreman(&word.to_string_lossy())) {
        watched.text(".env");
    }
    watched.found.into_inner()
}

fn starts_node_foreman(text: &str) -> bool {
    let mut words = text.split([' ', '\t', '\n', ';', '&', '|']).filter(|word| !word.is_empty());
    words.any(|word| word == "nf" || word.ends_with("/nf"))
}

/// A folder, and which of its files that were read set one of these variables. A file that does not win is not read.
struct Watched<'a> {
    inner: &'a dyn Around,
    names: Vec<&'a str>,
    found: RefCell<Vec<(String, String)>>,
}

impl Around for Watched<'_> {
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String> {
        self.inner.script(folder, name)
    }
    fn scripts(&self, folder: Option<&str>) -> Vec<String> {
        self.inner.scripts(folder)
    }
    fn is_package(&self, folder: &str) -> bool {
        self.inner.is_package(folder)
    }
    fn text(&self, path: &str) -> Option<String> {
        let text = self.inner.text(path)?;
        let mut found = self.found.borrow_mut();
        for name in self.names.iter().filter(|name| sets(&text, name)) {
            let one = ((*name).to_owned(), path.trim_start_matches("./").to_owned());
            if !found.contains(&one) {
                found.push(one);
            }
        }
        Some(text)
    }
    fn in_workspaces(&self, name: &str) -> Vec<String> {
        self.inner.in_workspaces(name)
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.inner.variable(name)
    }
    fn can_set_shell(&self, manager: &str) -> bool {
        self.inner.can_set_shell(manager)
    }
}

/// Whether a file has a line that sets the variable.
fn sets(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use styxy_core::project::{Text, Wish};

    use super::*;
    use crate::up::stack::Serves;

    #[test]
    fn a_file_that_wins_is_named_and_one_that_does_not_is_not() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join(".env"), "OTHER=1\nAPI_URL=http://localhost:1\n").unwrap();
        fs::write(top.path().join("other.env"), "export API_URL = x\n").unwrap();
        let scripts = r#"{"scripts": {"dev": "env-cmd vite", "safe": "vite", "foreman": "nf start"}}"#;
        fs::write(top.path().join("package.json"), scripts).unwrap();
        let files = |run: &str| {
            let service = Definition {
                label: "web".to_owned(),
                kind: "dev".parse().unwrap(),
                name: None,
                run: Run::Shell(run.to_owned()),
                cwd: top.path().to_owned(),
                env: vec![("API_URL".to_owned(), Text::plain("x"))],
                port: Wish::Any,
                serves: Serves::Perhaps,
                ready: None,
                after: Vec::new(),
                tty: false,
                timeout: Duration::from_secs(1),
                compose: None,
            };
            overridden(&service, top.path()).into_iter().map(|(_, file)| file).collect::<Vec<_>>()
        };
        for wins in ["env-cmd vite", "npm run dev", "dotenv -o -- vite", "nf start", "npx nf start"] {
            assert_eq!(files(wins), [".env"], "{wins}");
        }
        assert_eq!(files("env-cmd -f other.env node x.js"), ["other.env"]);
        for keeps in [
            "vite",
            "next dev",
            "node --env-file .env x.js",
            "dotenv -- vite",
            "dotenvx run -- vite",
            "npm run safe",
        ] {
            assert!(files(keeps).is_empty(), "{keeps}");
        }
    }
}
