//! What is wrong with a command that cannot be run, or that contains a word for a shell, and what to type instead.

mod files;
mod near;
mod shell;
mod tools;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use styxy_core::config::Config;
use styxy_core::{Port, ServiceType};

use crate::devserver::inward::is_builtin;
use crate::devserver::package::Package;
use crate::devserver::program::program;
use crate::here::target::Target;
use crate::say::shell_word::quoted;

/// What runs a text as a command.
const SHELL: &str = if cfg!(windows) { "cmd /c" } else { "sh -c" };

/// Why a command cannot be run, and what to type, if anything is known to help.
#[derive(Debug)]
pub(super) struct Instead {
    pub(super) why: String,
    pub(super) hint: Option<String>,
}

impl Instead {
    fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: Some(hint.into()) }
    }

    fn without_hint(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }
}

/// What was typed, as far as it is text, and where.
struct Typed<'a> {
    name: &'a str,
    /// The words behind it, as a shell reads them.
    args: Vec<String>,
    folder: &'a Path,
    root: Option<&'a Path>,
}

impl Typed<'_> {
    /// `words` in front of those behind the name.
    fn line(&self, words: &[&str]) -> String {
        let args = self.args.iter().map(String::as_str);
        words.iter().copied().chain(args).collect::<Vec<_>>().join(" ")
    }

    fn package(&self) -> Option<Package> {
        Package::around(self.folder).ok()
    }

    /// `before`, with the command that follows: the words behind the name, else the dev script, else the user's own.
    fn command(&self, before: &str) -> String {
        if !self.args.is_empty() {
            return format!("{before} -- {}", self.args.join(" "));
        }
        let has_dev = self.package().is_some_and(|package| package.script("dev").is_some());
        if has_dev { before.to_owned() } else { format!("{before} -- COMMAND") }
    }

    /// How the script `name` of the package is run; none if there is no such script.
    fn script(&self, name: &str) -> Option<String> {
        let package = self.package()?;
        package.script(name)?;
        let [manager, run, script] = package.command(name, self.root);
        let script = quoted(script);
        let own = if manager == "npm" && !self.args.is_empty() { &["--"][..] } else { &[] };
        Some(self.line(&[&["styxy run --", manager, run, &script], own].concat()))
    }
}

/// What is wrong with `words`, whose program could not be run in `folder` because of `why`; none if the system's word for it says
/// enough.
pub(super) fn instead(
    words: &[OsString],
    why: ErrorKind,
    folder: &Path,
    root: Option<&Path>,
) -> Option<Instead> {
    let (first, args) = words.split_first()?;
    let args = args.iter().map(|word| word.to_str().map(quoted)).collect::<Option<Vec<String>>>()?;
    let typed = Typed { name: first.to_str()?, args, folder, root };
    match why {
        ErrorKind::PermissionDenied => files::denied(&typed),
        ErrorKind::NotFound => Some(missing(&typed)),
        _ => None,
    }
}

/// There is no program `typed.name`.
fn missing(typed: &Typed<'_>) -> Instead {
    let name = typed.name;
    if name.trim().is_empty() {
        return Instead::new("the name of the program is empty", typed.command("styxy run"));
    }
    if name.contains(char::is_whitespace) {
        return Instead::new("in quotes it is one word", unquoted(name, &typed.args));
    }
    let exactly = variable(typed)
        .or_else(|| port(typed))
        .or_else(|| is_of_shell(typed).then(|| shell::command(typed)))
        .or_else(|| files::of_path(typed))
        .or_else(|| script(typed))
        .or_else(|| tools::known(typed))
        .or_else(|| service(typed));
    exactly.or_else(|| near::near(typed)).unwrap_or_else(|| {
        let is_path = name.contains('/');
        Instead::without_hint(if is_path { "there is no such file" } else { NO_PROGRAM })
    })
}

/// Whether it is a command of the shell; a dot alone is this folder.
fn is_of_shell(typed: &Typed<'_>) -> bool {
    is_builtin(typed.name) && !(typed.name == "." && typed.args.is_empty())
}

const NO_PROGRAM: &str = "there is no program of that name, neither here nor in PATH";

/// `PORT=5000`, `NODE_ENV=test npm start`.
fn variable(typed: &Typed<'_>) -> Option<Instead> {
    let (name, value) = typed.name.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return None;
    }
    let hint = if !typed.args.is_empty() {
        typed.line(&["styxy run -- env", &quoted(typed.name)])
    } else if name == "PORT" {
        let port = value.parse().map(|port: Port| format!(" -p {port}")).unwrap_or_default();
        typed.command(&format!("styxy run{port}"))
    } else {
        typed.command(&format!("{name}={} styxy run", quoted(value)))
    };
    let what = if typed.args.is_empty() {
        "it sets a variable, and no command follows"
    } else {
        "it sets a variable"
    };
    Some(Instead::new(what, hint))
}

/// `3000`, `:3000`, `localhost:3000`: the port that the command should have.
fn port(typed: &Typed<'_>) -> Option<Instead> {
    match typed.name.parse() {
        Ok(Target::Port(port)) => {
            Some(Instead::new("it is a port, not a program", typed.command(&format!("styxy run -p {port}"))))
        }
        Ok(
            Target::Host(..)
            | Target::Service(..)
            | Target::Name(_)
            | Target::Lease(_)
            | Target::Beginning(_),
        )
        | Err(_) => None,
    }
}

/// The name of a script of the package.
fn script(typed: &Typed<'_>) -> Option<Instead> {
    let hint = typed.script(typed.name)?;
    Some(Instead::new("it is a script of the package, not a program", hint))
}

/// A service type that has settings: what the port is for.
fn service(typed: &Typed<'_>) -> Option<Instead> {
    let kind: ServiceType = typed.name.parse().ok()?;
    Config::default().service_types.contains_key(&kind).then(|| {
        let hint = typed.command(&format!("styxy run -s {kind}"));
        Instead::new("it is a service type, not a program", hint)
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
