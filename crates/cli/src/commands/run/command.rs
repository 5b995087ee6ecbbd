//! Which command runs: what was typed, or the package's dev script; and what to type if it cannot be run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::instead::{Instead, instead};
use crate::devserver::package::Package;
use crate::process::table::STACK;
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
    let Some(Instead { why, hint }) = instead(words, error.kind(), folder, root) else {
        return Failure::not_run(program, error);
    };
    let failure = Failure::not_run_since(program, error.kind(), &why);
    // Below `styxy up` nobody has typed the command: the file is to be changed.
    let is_typed = env::var_os(STACK).is_none();
    match hint.filter(|_| is_typed) {
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
        for (file, text) in [
            ("server.js", ""),
            ("app.py", ""),
            ("Makefile", ""),
            ("start", "#!/bin/bash\n"),
            ("old.sh", "#!/no/sh\n"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        for place in ["shop", "venv/bin"] {
            fs::create_dir_all(folder.path().join(place)).unwrap();
        }
        fs::write(folder.path().join("venv/bin/flask"), "").unwrap();
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
            ("a script for a shell", missing(&["start"])),
            ("a script for a program that is missing", missing(&["./old.sh"])),
            ("a file of another program's", missing(&["Makefile"])),
            ("a file with settings", missing(&["package.json"])),
            ("a folder", missing(&["shop"])),
            ("a mistyped program", missing(&["nmp", "run", "dev"])),
            ("a mistyped script", missing(&["dve", "--host"])),
            ("a mistyped file", missing(&["serve.js", "--foo"])),
            ("a mistyped path", missing(&["./serve.js"])),
            ("a path of nothing", missing(&["bin/start"])),
            ("a port", missing(&["3000"])),
            ("a port and a command", missing(&["localhost:3000", "npm", "run", "dev"])),
            ("a port as a variable", missing(&["PORT=5000"])),
            ("a port that is none", missing(&["PORT=abc"])),
            ("this folder", missing(&["."])),
            ("only a variable", missing(&["NODE_ENV=test"])),
            ("a type of service", missing(&["api", "node", "api.js"])),
            ("a file that cannot be run", said(&["./server.js"], io::ErrorKind::PermissionDenied)),
            ("a command of the shell", missing(&["cd", "my shop"])),
            ("a folder and a command", missing(&["cd", "shop", "npm", "run", "dev"])),
            ("a folder, an operator and a command", missing(&["cd", "shop", "&&", "npm", "run", "dev"])),
            ("a command that only a shell knows", missing(&["exit", "1"])),
            ("a variable for the shell", missing(&["export", "A=1"])),
            ("a variable and a command", missing(&["export", "A=1", "npm", "start"])),
            ("a file for the shell", missing(&["source", ".env"])),
            ("a tool that is not installed", missing(&["vite", "--host"])),
            ("a tool of another name", missing(&["ng", "serve"])),
            ("a tool of Python", missing(&["uvicorn", "app:app"])),
            ("a tool in an environment", missing(&["flask", "run"])),
            ("a tool of neither", missing(&["hugo", "server"])),
            ("nothing similar", missing(&["quux"])),
            ("nothing", missing(&["", "x"])),
            ("a folder that cannot be run", said(&["./shop"], io::ErrorKind::PermissionDenied)),
            ("a script without its bit", said(&["./start"], io::ErrorKind::PermissionDenied)),
            ("a script that cannot be run", said(&["dev"], io::ErrorKind::PermissionDenied)),
        ];
        fs::write(folder.path().join("pnpm-lock.yaml"), "").unwrap();
        cases.push(("a script of another manager", missing(&["dev", "--host"])));
        let package = r#"{"devDependencies": {"vite": "5"}}"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
        cases.push(("a tool that the package needs", missing(&["vite"])));
        cases.push(("a port without a dev script", missing(&["3000"])));
        cases.push(("settings without a dev script", missing(&["package.json"])));
        snapshot!("run_not_run", each(cases));
    }

    #[test]
    fn the_programs_of_packages_are_looked_for_in_every_folder_above() {
        let folders: Vec<PathBuf> = program_folders(Path::new("/w/app")).collect();
        let expected = ["/w/app/node_modules/.bin", "/w/node_modules/.bin", "/node_modules/.bin"];
        assert_eq!(folders, expected.map(PathBuf::from));
    }
}
