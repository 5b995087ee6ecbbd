//! Which command runs: what was typed, or the package's dev script; and what to type if it cannot be run.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::devserver::package::Package;
use crate::say::failure::Failure;
use crate::say::shell_word::quoted;

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
    let hint = (error.kind() == io::ErrorKind::NotFound).then(|| instead(program, &words[1..], folder, root));
    match hint.flatten() {
        Some(hint) => failure.hint(&hint),
        None => failure,
    }
}

/// What was probably meant, if there is no such program.
fn instead(program: &OsStr, args: &[OsString], folder: &Path, root: Option<&Path>) -> Option<String> {
    let program = program.to_str()?;
    let args = args.iter().map(|word| word.to_str().map(quoted)).collect::<Option<Vec<String>>>()?;
    let line = |words: &[&str]| {
        let args = args.iter().map(String::as_str);
        words.iter().copied().chain(args).collect::<Vec<_>>().join(" ")
    };
    if program.contains(char::is_whitespace) && args.is_empty() {
        return Some(unquoted(program));
    }
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if program.split_once('=').is_some_and(|(name, _)| is_name(name)) {
        return Some(line(&["styxy run -- env", &quoted(program)]));
    }
    let package = Package::around(folder).ok()?;
    package.script(program)?;
    let manager = package.manager(root);
    let own = if manager == "npm" && !args.is_empty() { &["--"][..] } else { &[] };
    let script = quoted(program);
    let run = [&["styxy run --", manager, "run", &script], own].concat();
    Some(format!("{}   # {program} is a script of the package", line(&run)))
}

/// A whole command line that was typed as one word.
fn unquoted(text: &str) -> String {
    if text.contains(|letter: char| "|&;<>()$`*?#~'\"\\".contains(letter)) {
        return format!("for a shell: styxy run -- sh -c {}", quoted(text));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let env = if words.first().is_some_and(|word| word.contains('=')) { "env " } else { "" };
    format!("without the quotes: styxy run -- {env}{}", words.join(" "))
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
    fn a_command_that_cannot_be_run_says_what_was_probably_meant() {
        let folder = tempfile::tempdir().unwrap();
        let package = r#"{"scripts": {"dev": "vite", "dev:web": "vite"}}"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
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
