//! What the words of a service say: what is executed, which files of variables win over what it is told (R145), and what its tool
//! locks.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use styxy_core::project::Run;

use crate::devserver::alone::Alone;
use crate::devserver::folder::Folder;
use crate::devserver::inward::around::Around;
use crate::devserver::plan::Plan;
use crate::up::stack::Definition;

/// What Next locks, below its folder, while it serves.
const NEXT: &str = ".next/dev/lock";

/// What is executed.
pub(crate) fn executed(run: &Run, folder: &Path) -> Vec<String> {
    match run {
        Run::Shell(text) => in_a_shell(text, folder),
        Run::List(words) => words.clone(),
    }
}

#[cfg(unix)]
fn in_a_shell(text: &str, _: &Path) -> Vec<String> {
    ["sh", "-c", text].map(str::to_owned).into()
}

/// A text that is only words needs no shell, and `styxy run`, which knows the tools' flags for a port, does not read this one's language.
/// What only the shell finds stays with it: its own commands, and programs in the folder.
#[cfg(windows)]
fn in_a_shell(text: &str, folder: &Path) -> Vec<String> {
    const OF_THE_SHELL: [&str; 40] = [
        "assoc", "break", "call", "cd", "chdir", "cls", "color", "copy", "date", "del", "dir", "echo",
        "endlocal", "erase", "exit", "for", "ftype", "goto", "if", "md", "mkdir", "mklink", "move", "path",
        "pause", "popd", "prompt", "pushd", "rd", "rem", "ren", "rename", "rmdir", "set", "setlocal",
        "shift", "start", "time", "type", "ver",
    ];
    const OF_ITS_LANGUAGE: &str = "&|<>^%\"'()@=;,\n\r";
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let is_here = |first: &str| {
        ["", ".exe", ".cmd", ".bat", ".com"].iter().any(|end| folder.join(format!("{first}{end}")).is_file())
    };
    let is_known = |first: &str| OF_THE_SHELL.iter().any(|known| first.eq_ignore_ascii_case(known));
    let is_plain = !text.contains(|letter| OF_ITS_LANGUAGE.contains(letter));
    match words.first() {
        Some(first) if is_plain && !is_known(first) && !is_here(first) => words,
        Some(_) | None => ["cmd", "/d", "/s", "/c", text].map(str::to_owned).into(),
    }
}

/// What was read of them.
pub(crate) struct Words {
    /// The texts of the service that a file sets too which wins: the variable and the file. Vite, Next and `node --env-file` keep a
    /// variable that is set; env-cmd, `dotenv -o` and the `foreman` of Node do not.
    pub(crate) overridden: Vec<(String, String)>,
    /// The file that its tool locks, if two of that tool in one folder do not both live.
    pub(crate) lock: Option<PathBuf>,
}

impl Words {
    /// Those of `service`.
    pub(crate) fn of(service: &Definition, root: &Path) -> Self {
        let words = executed(&service.run, &service.cwd);
        let folder = Folder { root: Some(root), ..Folder::alone(&service.cwd) };
        let names = service.env.iter().map(|(name, _)| name.as_str()).collect();
        let watched = Watched { inner: &folder, names, found: RefCell::default() };
        // What is read on the way to the servers is what their variables are from.
        let plan = |typed: &[&str], around: &dyn Around| {
            Plan::of(&typed.iter().map(Into::into).collect::<Vec<_>>(), around)
        };
        let plan = match &service.run {
            Run::Shell(command) => plan(&Alone::TYPED, &Alone { around: &watched, command }),
            Run::List(words) => plan(&words.iter().map(String::as_str).collect::<Vec<_>>(), &watched),
        };
        if words.iter().any(|word| starts_node_foreman(word)) {
            watched.text(".env");
        }
        let is_next = plan.framework.is_some_and(|row| row.name == "Next.js");
        Self { overridden: watched.found.into_inner(), lock: is_next.then(|| service.cwd.join(NEXT)) }
    }
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

    use styxy_core::project::Text;

    use super::*;
    use crate::up::stack::tests::definition;

    #[test]
    fn a_file_that_wins_is_named_and_one_that_does_not_is_not() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join(".env"), "OTHER=1\nAPI_URL=http://localhost:1\n").unwrap();
        fs::write(top.path().join("other.env"), "export API_URL = x\n").unwrap();
        let scripts = r#"{"scripts": {"dev": "env-cmd vite", "safe": "vite", "foreman": "nf start"}}"#;
        fs::write(top.path().join("package.json"), scripts).unwrap();
        let files = |run: &str| {
            let env = vec![("API_URL".to_owned(), Text::parse("x").unwrap())];
            let run = Run::Shell(run.to_owned());
            let service = Definition { env, run, cwd: top.path().to_owned(), ..definition("web") };
            Words::of(&service, top.path()).overridden.into_iter().map(|(_, file)| file).collect::<Vec<_>>()
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
    #[test]
    fn next_locks_its_folder_and_others_do_not() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("package.json"), r#"{"scripts": {"dev": "next dev"}}"#).unwrap();
        let lock = |run: &str| {
            let run = Run::Shell(run.to_owned());
            Words::of(&Definition { run, cwd: top.path().to_owned(), ..definition("web") }, top.path()).lock
        };
        for next in ["next dev --turbo", "npm run dev", "pnpm dev", "npx next dev"] {
            assert_eq!(lock(next), Some(top.path().join(NEXT)), "{next}");
        }
        assert_eq!(lock("vite"), None);
    }
}
