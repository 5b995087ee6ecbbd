//! Which command runs: what was typed, or the package's dev script; and what to type if it cannot be run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::instead::instead;
use crate::devserver::package::Package;
use crate::say::failure::Failure;

/// The package's dev script, as its package manager runs it.
pub(super) fn dev_script(folder: &Path, root: Option<&Path>) -> Result<Vec<OsString>, Failure> {
    let hint = "styxy run -- COMMAND";
    let package = Package::around(folder).map_err(|none| Failure::usage(none.to_string(), hint))?;
    if package.script("dev").is_none() {
        let scripts: Vec<&str> = package.scripts().collect();
        let there = if scripts.is_empty() { "none".to_owned() } else { scripts.join(", ") };
        return Err(Failure::usage(format!("the package has no dev script; its scripts: {there}"), hint));
    }
    Ok(package.command("dev", root).map(OsString::from).into())
}

/// Where programs of packages are, nearest first, as npx finds them.
pub(super) fn program_folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    folder.ancestors().map(|folder| folder.join("node_modules/.bin"))
}

/// Why `words` could not be run in `folder`, and what to type instead if that is known.
pub(super) fn not_run(words: &[OsString], error: &io::Error, folder: &Path, root: Option<&Path>) -> Failure {
    let program = words.first().map(OsString::as_os_str).unwrap_or_default();
    let failure = Failure::not_run(program, error);
    match instead(words, error.kind(), folder, root) {
        Some(hint) => failure.hint(&hint),
        None => failure,
    }
}

/// Whether it is sure that there is no program `name`, so that nothing has to be leased for it.
pub(super) fn is_missing(name: &OsStr, folder: &Path) -> bool {
    let is_there = |file: PathBuf| file.symlink_metadata().is_ok();
    if cfg!(not(unix)) || name.is_empty() {
        return false;
    }
    if name.as_encoded_bytes().contains(&b'/') {
        return !is_there(folder.join(name));
    }
    // Without `PATH` the system looks in places of its own.
    let Some(path) = env::var_os("PATH") else { return false };
    !env::split_paths(&path)
        .chain(program_folders(folder))
        .any(|place| is_there(folder.join(place).join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, moved, snapshot};
    use std::fs;

    #[test]
    fn without_a_dev_script_the_scripts_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let no_package = failed(dev_script(folder.path(), None).unwrap_err());
        let package = |text: &str| {
            fs::write(folder.path().join("package.json"), text).unwrap();
            moved(&failed(dev_script(folder.path(), None).unwrap_err()), folder.path(), "/w/app")
        };
        snapshot!(
            "run_no_dev_script",
            each([
                ("no package", no_package),
                ("no scripts", package("{}")),
                ("no dev script", package(r#"{"scripts": {"build": "vite build", "start": "vite"}}"#)),
                ("not JSON", package("")),
            ])
        );
    }

    #[test]
    #[cfg_attr(windows, ignore = "the file has the quotes of Unix shells")]
    fn a_command_that_cannot_be_run_says_what_was_probably_meant() {
        let folder = tempfile::tempdir().unwrap();
        let package = r#"{"scripts": {"dev": "vite", "dev:web": "vite"}}"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
        for file in ["server.js", "app.py", "serve"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let said = |words: &[&str], error: io::ErrorKind| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            failed(not_run(&words, &error.into(), folder.path(), None))
        };
        let missing = |words: &[&str]| said(words, io::ErrorKind::NotFound);
        let mut cases = vec![
            ("a script", missing(&["dev"])),
            ("a script with arguments", missing(&["dev:web", "--host", "a b"])),
            ("a quoted command", missing(&["npm run dev"])),
            ("a quoted command with a variable", missing(&["PORT=3000 npm start"])),
            ("a quoted command for a shell", missing(&["vite --host && echo 'done'"])),
            ("a variable", missing(&["NODE_ENV=test", "node", "server.js"])),
            ("quotes around half of it", missing(&["node server.js", "--foo", "a b"])),
            ("quotes around half of it, for a shell", missing(&["cd web && vite", "--open"])),
            ("a file", missing(&["server.js", "--foo"])),
            ("a file of Python", missing(&["app.py"])),
            ("a program that is here", missing(&["serve"])),
            ("a file that cannot be run", said(&["./server.js"], io::ErrorKind::PermissionDenied)),
            ("a command of the shell", missing(&["cd", "my shop"])),
            ("a variable for the shell", missing(&["export", "A=1"])),
            ("a file for the shell", missing(&["source", ".env"])),
            ("nothing similar", missing(&["vite"])),
            ("a script that cannot be run", said(&["dev"], io::ErrorKind::PermissionDenied)),
        ];
        fs::write(folder.path().join("pnpm-lock.yaml"), "").unwrap();
        cases.push(("a script of another manager", missing(&["dev", "--host"])));
        snapshot!("run_not_run", each(cases));
    }

    #[test]
    fn the_programs_of_packages_are_looked_for_in_every_folder_above() {
        let folders: Vec<PathBuf> = program_folders(Path::new("/w/app")).collect();
        let expected = ["/w/app/node_modules/.bin", "/w/node_modules/.bin", "/node_modules/.bin"];
        assert_eq!(folders, expected.map(PathBuf::from));
    }
}
