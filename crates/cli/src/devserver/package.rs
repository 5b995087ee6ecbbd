//! The nearest `package.json` or `deno.json`: its scripts, and the package manager that runs them. Read only when needed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use styxy_core::json::{self, Form, Kind, Node};
use styxy_core::order::map;

/// At most so many bytes of a file are read.
const MOST: u64 = 4 * 1024 * 1024;

/// A package, with what matters here.
#[derive(Debug)]
pub(crate) struct Package {
    folder: PathBuf,
    json: Json,
    /// The tasks of `deno.json`.
    tasks: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Json {
    name: Value,
    scripts: BTreeMap<String, Value>,
    dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
    package_manager: Value,
    workspaces: Value,
}

/// Why there is no package.
#[derive(Debug)]
pub(crate) enum NoPackage {
    Missing,
    Unreadable { file: PathBuf, why: io::Error },
}

impl fmt::Display for NoPackage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("there is no package.json here, and so no dev script to run"),
            Self::Unreadable { file, why } => write!(out, "{}: {why}", file.display()),
        }
    }
}

impl Package {
    /// The package that `folder` is in, as package managers find it.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub(crate) fn around(folder: &Path) -> Result<Self, NoPackage> {
        let folder = Self::folder_around(folder).ok_or(NoPackage::Missing)?;
        let tasks = DENO.iter().find_map(|file| tasks(&folder.join(file)));
        match read(&folder) {
            Ok(json) => Ok(Self { folder, json, tasks: tasks.unwrap_or_default() }),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                Ok(Self { folder, json: Json::default(), tasks: tasks.unwrap_or_default() })
            }
            Err(why) => Err(NoPackage::Unreadable { file: folder.join("package.json"), why }),
        }
    }

    /// The folder of that package.
    pub(crate) fn folder_around(folder: &Path) -> Option<PathBuf> {
        let is_package = |folder: &&Path| {
            std::iter::once("package.json").chain(DENO).any(|file| folder.join(file).is_file())
        };
        folder.ancestors().find(is_package).map(Path::to_owned)
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text of a script, or of a task of Deno's.
    pub(crate) fn script(&self, name: &str) -> Option<&str> {
        let script = self.json.scripts.get(name).and_then(Value::as_str);
        script.or_else(|| self.tasks.get(name).map(String::as_str))
    }

    /// The names of its scripts, in alphabetical order, and then of its tasks.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &str> {
        let scripts = self.json.scripts.iter().filter(|(_, text)| text.is_string()).map(|(name, _)| name);
        let tasks = self.tasks.keys().filter(|name| !self.json.scripts.contains_key(*name));
        scripts.chain(tasks).map(String::as_str)
    }

    /// The command that runs the script `name`.
    pub(crate) fn command<'n>(&self, name: &'n str, root: Option<&Path>) -> [&'n str; 3] {
        if self.json.scripts.contains_key(name) || !self.tasks.contains_key(name) {
            [self.manager(root), "run", name]
        } else {
            ["deno", "task", name]
        }
    }

    /// What it is called, if it has a name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.json.name.as_str().filter(|name| !name.is_empty())
    }

    /// The packages that it names as ones that it needs.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &str> {
        let Json { dependencies, dev_dependencies, optional_dependencies, .. } = &self.json;
        let all = [dependencies, dev_dependencies, optional_dependencies];
        all.into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// Whether it names the package `name` as one that it needs.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        self.json.dependencies.contains_key(name) || self.json.dev_dependencies.contains_key(name)
    }

    /// The folders of the packages of its workspace, as patterns.
    pub(crate) fn workspaces(&self) -> Vec<String> {
        let list =
            self.json.workspaces.as_array().or_else(|| self.json.workspaces.get("packages")?.as_array());
        list.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    }

    /// `npm`, `pnpm`, `yarn` or `bun`: what `packageManager` names, else whose lock file is nearest, up to `root`.
    pub(crate) fn manager(&self, root: Option<&Path>) -> &'static str {
        let root = root.filter(|root| self.folder.starts_with(root)).unwrap_or(&self.folder);
        for folder in self.folder.ancestors().take_while(|folder| folder.starts_with(root)) {
            let named = if folder == self.folder {
                named(&self.json)
            } else {
                read(folder).ok().as_ref().and_then(named)
            };
            let locked =
                || LOCKS.iter().find(|(file, _)| folder.join(file).is_file()).map(|(_, manager)| *manager);
            if let Some(manager) = named.or_else(locked) {
                return manager;
            }
        }
        "npm"
    }
}

const LOCKS: [(&str, &str); 5] = [
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
];

fn named(json: &Json) -> Option<&'static str> {
    let named = json.package_manager.as_str()?.split('@').next()?;
    ["npm", "pnpm", "yarn", "bun"].into_iter().find(|manager| *manager == named)
}

fn read(folder: &Path) -> io::Result<Json> {
    Ok(serde_json::from_slice(json::without_mark(&text(&folder.join("package.json"))?).as_bytes())?)
}

fn text(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// What Deno reads its tasks from, in its order.
const DENO: [&str; 2] = ["deno.json", "deno.jsonc"];

/// The tasks of such a file, each a text or an object with a `command`; none if it cannot be read, which Deno itself reports.
fn tasks(path: &Path) -> Option<BTreeMap<String, String>> {
    let text = text(path).ok()?;
    let file = json::read(json::without_mark(&text), Form::Settings).ok()?;
    let command = |task: &Node<'_>| match &task.kind {
        Kind::Text(text) => Some(text.to_string()),
        _ => Some(task.get("command")?.as_text()?.to_owned()),
    };
    let tasks = file.get("tasks").map(Node::members).unwrap_or_default();
    Some(map(tasks.iter().filter_map(|task| Some((task.key.to_string(), command(&task.value)?)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_package_has_the_scripts_and_the_nearest_lock_file_the_manager() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("packages/web/src");
        fs::create_dir_all(&deep).unwrap();
        let web = top.path().join("packages/web");
        fs::write(top.path().join("package.json"), r#"{"packageManager": "yarn@4.1.0"}"#).unwrap();
        fs::write(web.join("package.json"), r#"{"scripts": {"dev": "vite", "odd": 3}}"#).unwrap();
        let package = Package::around(&deep).unwrap();
        assert_eq!(
            (package.script("dev"), package.script("odd"), package.script("x")),
            (Some("vite"), None, None)
        );
        assert_eq!(package.scripts().collect::<Vec<_>>(), ["dev"], "a script is a text");
        assert_eq!(package.manager(None), "npm");
        assert_eq!(package.manager(Some(top.path())), "yarn");
        fs::write(top.path().join("packages/bun.lock"), "").unwrap();
        assert_eq!(package.manager(Some(top.path())), "bun");
        fs::write(web.join("pnpm-lock.yaml"), "").unwrap();
        assert_eq!(package.manager(Some(top.path())), "pnpm");
    }

    #[test]
    fn the_tasks_of_deno_are_scripts_too() {
        let top = tempfile::tempdir().unwrap();
        let file = r#"{ /* ours */ "tasks": { "dev": "deno serve main.ts", "two": { "command": "vite", }, "odd": 3 } }"#;
        fs::write(top.path().join("deno.jsonc"), file).unwrap();
        let package = Package::around(top.path()).unwrap();
        assert_eq!(
            (package.script("dev"), package.script("two")),
            (Some("deno serve main.ts"), Some("vite"))
        );
        assert_eq!(package.scripts().collect::<Vec<_>>(), ["dev", "two"]);
        assert_eq!(package.command("dev", None), ["deno", "task", "dev"]);
        fs::write(top.path().join("package.json"), r#"{"scripts": {"dev": "next dev"}}"#).unwrap();
        let both = Package::around(top.path()).unwrap();
        assert_eq!(
            (both.script("dev"), both.command("dev", None)),
            (Some("next dev"), ["npm", "run", "dev"])
        );
        fs::write(top.path().join("deno.json"), "{").unwrap();
        assert_eq!(
            Package::around(top.path()).unwrap().script("two"),
            Some("vite"),
            "the other file is read"
        );
    }

    #[test]
    fn a_package_that_cannot_be_read_is_an_error() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("package.json"), "{").unwrap();
        let why = Package::around(top.path()).unwrap_err().to_string();
        assert!(why.contains("package.json: EOF while parsing an object at line 1 column 1"), "{why}");
    }
}
