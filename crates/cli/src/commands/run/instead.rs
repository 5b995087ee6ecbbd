//! What was probably meant by a command that cannot be run, or that contains a word for a shell.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use crate::devserver::inward::is_builtin;
use crate::devserver::package::Package;
use crate::devserver::program::{interpreter, program};
use crate::say::shell_word::quoted;

/// What runs a text as a command.
const SHELL: &str = if cfg!(windows) { "cmd /c" } else { "sh -c" };

/// What to type instead of `words`, whose program could not be run in `folder` because of `why`.
pub(super) fn instead(
    words: &[OsString],
    why: ErrorKind,
    folder: &Path,
    root: Option<&Path>,
) -> Option<String> {
    let (program, args) = words.split_first()?;
    let name = program.to_str()?;
    let args = args.iter().map(|word| word.to_str().map(quoted)).collect::<Option<Vec<String>>>()?;
    let line = |words: &[&str]| {
        let args = args.iter().map(String::as_str);
        words.iter().copied().chain(args).collect::<Vec<_>>().join(" ")
    };
    if why == ErrorKind::PermissionDenied {
        return Some(line(&["styxy run --", interpreter(name)?, &quoted(name)]))
            .filter(|_| folder.join(name).is_file());
    }
    if why != ErrorKind::NotFound {
        return None;
    }
    if name.contains(char::is_whitespace) {
        return Some(unquoted(name, &args));
    }
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if name.split_once('=').is_some_and(|(name, _)| is_name(name)) {
        return Some(line(&["styxy run -- env", &quoted(name)]));
    }
    of_shell(name, &line).or_else(|| of_file(name, folder, &line)).or_else(|| {
        let package = Package::around(folder).ok()?;
        package.script(name)?;
        let manager = package.manager(root);
        let own = if manager == "npm" && !args.is_empty() { &["--"][..] } else { &[] };
        let script = quoted(name);
        let run = [&["styxy run --", manager, "run", &script], own].concat();
        Some(format!("{}   # {name} is a script of the package", line(&run)))
    })
}

/// A command of the shell itself.
fn of_shell(name: &str, line: &dyn Fn(&[&str]) -> String) -> Option<String> {
    if !is_builtin(name) {
        return None;
    }
    Some(match name {
        "cd" => format!("{} && styxy run -- COMMAND", line(&[name])),
        "export" => line(&["styxy run -- env"]) + " COMMAND",
        // `.` and `source` are for what comes behind them.
        _ => format!("for a shell: styxy run -- bash -c {}", quoted(&(line(&[name]) + " && COMMAND"))),
    })
}

/// A file that is here, and that nothing runs by its name alone.
fn of_file(name: &str, folder: &Path, line: &dyn Fn(&[&str]) -> String) -> Option<String> {
    if name.contains('/') || !folder.join(name).is_file() {
        return None;
    }
    let own = format!("./{name}");
    Some(match interpreter(name) {
        Some(interpreter) => line(&["styxy run --", interpreter, &quoted(name)]),
        None => line(&["styxy run --", &quoted(&own)]),
    })
}

/// A command line, or its beginning, that was typed as one word.
fn unquoted(text: &str, behind: &[String]) -> String {
    let words: Vec<&str> = text.split_whitespace().chain(behind.iter().map(String::as_str)).collect();
    let line = words.join(" ");
    if text.contains(|letter: char| "|&;<>()$`*?#~'\"\\".contains(letter)) {
        return format!("for a shell: styxy run -- {SHELL} {}", quoted(&line));
    }
    let env = if words.first().is_some_and(|word| word.contains('=')) { "env " } else { "" };
    format!("without the quotes: styxy run -- {env}{line}")
}

/// Programs that join their arguments to a text for a shell, or have such words of their own.
const READS_OPERATORS: [&str; 8] =
    ["[", "cross-env-shell", "expr", "parallel", "ssh", "test", "watch", "xargs"];

/// That an operator of the shell is an argument of the command here, if one is.
pub(super) fn operator(words: &[OsString]) -> Option<String> {
    let (first, args) = words.split_first()?;
    let name = program(first.to_str()?);
    let is_operator =
        |word: &&OsString| word.to_str().is_some_and(|text| matches!(text, "&&" | "||" | "|" | "&"));
    // `-F '|'` is a value of the command's.
    let is_value = |before: &OsString| before.to_str().is_some_and(|text| text.starts_with('-'));
    let mut pairs = words.iter().zip(args);
    let (_, operator) = pairs
        .find(|(before, word)| is_operator(word) && !is_value(before))
        .filter(|_| !READS_OPERATORS.contains(&name))?;
    let word = |word: &OsString| {
        word.to_str().map(|text| if is_operator(&word) { text.to_owned() } else { quoted(text) })
    };
    let line = words.iter().map(word).collect::<Option<Vec<String>>>()?.join(" ");
    let operator = operator.display();
    Some(format!(
        "{operator} is an argument of {name} here; for a shell: styxy run -- {SHELL} {}",
        quoted(&line)
    ))
}
