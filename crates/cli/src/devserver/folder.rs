//! The folder that a command is typed in, on the disk. Files are read when they are asked for.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::inward::PACKAGE_MANAGER;
use super::inward::around::Around;
use super::package::Package;
use super::workspace;

/// More bytes than a file of settings has that a person wrote.
const MOST: u64 = 256 * 1024;

/// How many packages of a workspace are looked at.
const PACKAGES: usize = 100;

/// A folder, and what is known of it without looking.
pub(crate) struct Folder<'a> {
    pub(crate) path: &'a Path,
    /// The root of its project.
    pub(crate) root: Option<&'a Path>,
    /// The user's home folder.
    pub(crate) home: Option<&'a Path>,
    /// Whether servers in a folder have another default name than those here.
    pub(crate) is_package: &'a dyn Fn(&Path) -> bool,
    /// Whether the environment already says which shell runs scripts.
    pub(crate) has_shell: bool,
    /// The environment.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Folder<'a> {
    /// A folder on its own: no project around it, and no environment.
    pub(crate) fn alone(path: &'a Path) -> Self {
        Self { path, root: None, home: None, is_package: &|_| false, has_shell: false, variable: &|_| None }
    }

    fn inside(&self, folder: Option<&str>) -> PathBuf {
        folder.map_or_else(|| self.path.to_owned(), |folder| self.path.join(folder))
    }

    /// The folders from this one up to the root.
    fn above(&self) -> impl Iterator<Item = &Path> {
        let root = self.root.filter(|root| self.path.starts_with(root)).unwrap_or(self.path);
        self.path.ancestors().take_while(move |folder| folder.starts_with(root))
    }

    /// Whether the settings of npm or pnpm name a shell of their own for scripts, or say that there is none.
    fn names_shell(&self) -> bool {
        let npmrc = self.above().chain(self.home).map(|folder| folder.join(".npmrc"));
        let pnpm = self.above().map(|folder| folder.join("pnpm-workspace.yaml"));
        let says = |file: PathBuf, keys: [&str; 2]| {
            read(&file).is_some_and(|text| {
                text.lines().any(|line| keys.iter().any(|key| line.trim_start().starts_with(key)))
            })
        };
        npmrc.into_iter().any(|file| says(file, ["script-shell", "shell-emulator"]))
            || pnpm.into_iter().any(|file| says(file, ["scriptShell", "shellEmulator"]))
    }

    /// Whether yarn here is 2 or newer, which has a shell of its own.
    fn is_modern_yarn(&self) -> bool {
        self.above().any(|folder| folder.join(".yarnrc.yml").is_file())
    }

    /// The folders of the packages of this workspace.
    fn packages(&self) -> Vec<PathBuf> {
        let root = self.above().find(|folder| !workspace::patterns(folder).is_empty());
        root.map(|root| workspace::folders(root, PACKAGES)).unwrap_or_default()
    }
}

impl Around for Folder<'_> {
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String> {
        Package::around(&self.inside(folder)).ok()?.script(name).map(str::to_owned)
    }

    fn scripts(&self, folder: Option<&str>) -> Vec<String> {
        let package = Package::around(&self.inside(folder));
        package.map(|package| package.scripts().map(str::to_owned).collect()).unwrap_or_default()
    }

    fn is_package(&self, folder: &str) -> bool {
        (self.is_package)(&self.path.join(folder))
    }

    fn text(&self, path: &str) -> Option<String> {
        read(&self.path.join(path))
    }

    fn in_workspaces(&self, name: &str) -> Vec<String> {
        let text = |folder: PathBuf| Some(Package::around(&folder).ok()?.script(name)?.to_owned());
        self.packages().into_iter().filter_map(text).collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    fn can_set_shell(&self, manager: &str) -> bool {
        // Windows has no shell whose texts are known here.
        if !cfg!(unix) || self.has_shell {
            return false;
        }
        let of_package = || Package::around(self.path).map_or("npm", |package| package.manager(self.root));
        let manager = if manager == PACKAGE_MANAGER { of_package() } else { manager };
        let obeys = match manager {
            "npm" | "pnpm" => true,
            "yarn" => !self.is_modern_yarn(),
            _ => false,
        };
        obeys && !self.names_shell()
    }
}

/// The text of a regular file; none if it is too large.
pub(crate) fn read(path: &Path) -> Option<String> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > MOST {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn around<T>(folder: &Path, ask: impl FnOnce(&Folder<'_>) -> T) -> T {
        let is_package = |_: &Path| false;
        ask(&Folder {
            path: folder,
            root: Some(folder),
            home: None,
            is_package: &is_package,
            has_shell: false,
            variable: &|_| None,
        })
    }

    #[test]
    fn the_scripts_of_a_workspaces_packages_are_found_by_its_patterns() {
        let top = tempfile::tempdir().unwrap();
        write(top.path(), "package.json", r#"{"workspaces": ["packages/*", "tool"]}"#);
        write(top.path(), "packages/a/package.json", r#"{"scripts": {"dev": "a"}}"#);
        write(top.path(), "packages/b/package.json", r#"{"scripts": {"dev": "b"}}"#);
        write(top.path(), "packages/c/package.json", "{}");
        write(top.path(), "tool/package.json", r#"{"scripts": {"dev": "t"}}"#);
        assert_eq!(around(top.path(), |folder| folder.in_workspaces("dev")), ["a", "b", "t"]);
        write(top.path(), "package.json", "{}");
        assert!(around(top.path(), |folder| folder.in_workspaces("dev")).is_empty());
        write(top.path(), "pnpm-workspace.yaml", "packages:\n  - 'packages/*'\n  # more\nother: 1\n");
        assert_eq!(around(top.path(), |folder| folder.in_workspaces("dev")), ["a", "b"]);
    }

    #[test]
    #[cfg(unix)]
    fn scripts_get_another_shell_only_where_nobody_has_chosen_one() {
        let top = tempfile::tempdir().unwrap();
        let can = |manager: &str| around(top.path(), |folder| folder.can_set_shell(manager));
        write(top.path(), "package.json", r#"{"packageManager": "bun@1.2.0"}"#);
        assert_eq!(
            ["npm", "pnpm", "yarn", "bun", "node", PACKAGE_MANAGER].map(can),
            [true, true, true, false, false, false]
        );
        write(top.path(), ".yarnrc.yml", "");
        assert!(!can("yarn"));
        write(top.path(), ".npmrc", "fund=false\nscript-shell=/bin/zsh\n");
        assert!(!can("npm"));
        write(top.path(), ".npmrc", "");
        write(top.path(), "pnpm-workspace.yaml", "shellEmulator: true\n");
        assert!(!can("pnpm"));
    }
}
