//! How this program came onto the machine, as its path says: what removes it, and which path of it outlives an update.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use styxy_client::OURS;

/// Who installed a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Installed {
    /// A package manager, for the user or the machine; the words remove the program.
    Globally(&'static str),
    /// A package manager, as a dependency of the project in this folder.
    InProject(PathBuf),
    /// `npx` and its like, for one run.
    InCache,
    /// It was put there by hand, or built there.
    ByHand,
}

impl Installed {
    /// What the path of `program` says.
    pub(crate) fn of(program: &Path) -> Self {
        let names = names(program);
        let has = |name: &str| names.contains(&name);
        let Some(modules) = names.iter().position(|name| *name == "node_modules") else {
            return if has(".cargo") { Self::Globally("cargo uninstall styxy") } else { Self::ByHand };
        };
        let above = modules.checked_sub(1).map_or("", |at| names[at]);
        if has("_npx") || has("dlx") || names.iter().any(|name| name.starts_with("bunx-")) {
            Self::InCache
        } else if names.iter().any(|name| name.starts_with("npm-styxy")) {
            Self::Globally("mise uninstall npm:styxy")
        } else if has(".volta") {
            Self::Globally("volta uninstall styxy")
        } else if has(".bun") {
            Self::Globally("bun remove -g styxy")
        } else if has("pnpm") && has("global") {
            Self::Globally("pnpm remove -g styxy")
        } else if has("yarn") && has("global") {
            Self::Globally("yarn global remove styxy")
        } else if ["lib", "npm"].contains(&above) {
            Self::Globally("npm uninstall -g styxy")
        } else {
            Self::InProject(program.components().take(modules).collect())
        }
    }

    /// What to type to remove the program at `program`; none if it goes by itself.
    pub(crate) fn removal(&self, program: &Path) -> Option<String> {
        match self {
            Self::Globally(command) => Some((*command).to_owned()),
            Self::InProject(folder) => Some(format!("npm uninstall styxy   # in {}", folder.display())),
            Self::InCache => None,
            Self::ByHand if cfg!(windows) => Some(format!("del \"{}\"", program.display())),
            Self::ByHand => Some(format!("rm {}", program.display())),
        }
    }
}

/// The path under which `program`, of this version, will be there after an update too: its own, else that of a `styxy` in
/// `path`, the variable. None if it is installed for one project or one run.
pub(crate) fn stable(
    program: &Path,
    path: Option<&OsStr>,
    is_file: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let lasts = |program: &Path| {
        let of_this_version = |name: &&str| {
            let version = name.rsplit_once('@').map_or(*name, |(_, version)| version);
            version == OURS
                || version.starts_with(&format!("{OURS}_"))
                || version.starts_with(&format!("{OURS}("))
        };
        let lasting = matches!(Installed::of(program), Installed::Globally(_) | Installed::ByHand);
        lasting && !names(program).iter().any(of_this_version)
    };
    if lasts(program) {
        return Some(program.to_owned());
    }
    let name = if cfg!(windows) { "styxy.exe" } else { "styxy" };
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    folders
        .map(|folder| folder.join(name))
        .find(|found| found.is_absolute() && is_file(found) && lasts(found))
}

/// The names of the folders and of the file, as far as they are Unicode.
fn names(path: &Path) -> Vec<&str> {
    path.components().map(|part| part.as_os_str().to_str().unwrap_or_default()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::say::shown::snapshot;

    const NPM: &str = "/usr/local/lib/node_modules/styxy/node_modules/@styxy/native-linux-x64-gnu/styxy";

    fn pnpm() -> String {
        let package = "native-linux-x64-gnu";
        format!(
            "/home/ada/.local/share/pnpm/global/5/.pnpm/@styxy+{package}@{OURS}/node_modules/@styxy/{package}/styxy"
        )
    }

    #[test]
    fn the_path_says_what_removes_the_program() {
        let paths = [
            NPM,
            "/home/ada/.nvm/versions/node/v22.1.0/lib/node_modules/@styxy/native-linux-x64-gnu/styxy",
            &pnpm(),
            "/home/ada/.config/yarn/global/node_modules/@styxy/native-linux-x64-gnu/styxy",
            "/home/ada/.bun/install/global/node_modules/@styxy/native-linux-x64-gnu/styxy",
            "/home/ada/.volta/tools/image/packages/styxy/lib/node_modules/@styxy/native-linux-x64-gnu/styxy",
            "/home/ada/.local/share/mise/installs/npm-styxy/1.0.0/lib/node_modules/@styxy/n/styxy",
            "/home/ada/.npm/_npx/0a1b/node_modules/@styxy/native-linux-x64-gnu/styxy",
            "/home/ada/shop/node_modules/@styxy/native-linux-x64-gnu/styxy",
            "/home/ada/.cargo/bin/styxy",
            "/opt/styxy/styxy",
        ];
        let shown = paths.map(|path| {
            let removal = Installed::of(Path::new(path)).removal(Path::new(path));
            format!("{path}\n  {}\n", removal.as_deref().unwrap_or("(nothing)"))
        });
        snapshot!("removal", shown.concat().replace(OURS, "OURS"));
    }

    #[test]
    fn a_path_with_this_version_or_of_a_project_does_not_last() {
        let found = |program: &str, there: &[&str]| {
            let folders = ["/home/ada/shop/node_modules/.bin", "/home/ada/.local/share/pnpm", "relative"];
            let path = std::env::join_paths(folders).unwrap();
            stable(Path::new(program), Some(&path), |path| there.iter().any(|there| Path::new(there) == path))
        };
        let shim = "/home/ada/.local/share/pnpm/styxy";
        let project = "/home/ada/shop/node_modules/@styxy/native-linux-x64-gnu/styxy";
        assert_eq!(found(NPM, &[shim]).as_deref(), Some(Path::new(NPM)));
        assert_eq!(found(&pnpm(), &[shim]).as_deref(), Some(Path::new(shim)));
        assert_eq!(found(&pnpm(), &[]), None);
        assert_eq!(found(project, &["/home/ada/shop/node_modules/.bin/styxy"]), None);
    }
}
