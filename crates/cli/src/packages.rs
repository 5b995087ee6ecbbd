//! The nearest `package.json`: its scripts, and the package manager that runs them. Only read, and only when needed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// No more of a file is read than this.
const MOST: u64 = 4 * 1024 * 1024;

/// A package, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Package {
    folder: PathBuf,
    json: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Json {
    scripts: BTreeMap<String, Value>,
    package_manager: Value,
}

impl Package {
    /// The package that `folder` is in, as package managers find it; none if there is none that can be read.
    pub(crate) fn around(folder: &Path) -> Option<Self> {
        let found = folder.ancestors().find(|folder| folder.join("package.json").is_file())?;
        Some(Self { folder: found.to_owned(), json: read(found)? })
    }

    /// The text of a script.
    pub(crate) fn script(&self, name: &str) -> Option<&str> {
        self.json.scripts.get(name)?.as_str()
    }

    /// The names of its scripts, in alphabetical order.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &str> {
        self.json.scripts.keys().map(String::as_str)
    }

    /// `npm`, `pnpm`, `yarn` or `bun`: what `packageManager` names, else whose lock file is nearest, up to `root`.
    pub(crate) fn manager(&self, root: Option<&Path>) -> &'static str {
        let root = root.filter(|root| self.folder.starts_with(root)).unwrap_or(&self.folder);
        for folder in self.folder.ancestors().take_while(|folder| folder.starts_with(root)) {
            let named =
                if folder == self.folder { named(&self.json) } else { read(folder).as_ref().and_then(named) };
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

fn read(folder: &Path) -> Option<Json> {
    let path = folder.join("package.json");
    // Opening a pipe would wait for somebody to write into it.
    fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let mut text = String::new();
    File::open(path).ok()?.take(MOST).read_to_string(&mut text).ok()?;
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)).ok()
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
        assert_eq!(package.manager(None), "npm");
        assert_eq!(package.manager(Some(top.path())), "yarn");
        fs::write(top.path().join("packages/bun.lock"), "").unwrap();
        assert_eq!(package.manager(Some(top.path())), "bun");
        fs::write(web.join("pnpm-lock.yaml"), "").unwrap();
        assert_eq!(package.manager(Some(top.path())), "pnpm");
    }

    #[test]
    fn a_package_that_cannot_be_read_is_none() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("package.json"), "{").unwrap();
        assert!(Package::around(top.path()).is_none());
    }
}
