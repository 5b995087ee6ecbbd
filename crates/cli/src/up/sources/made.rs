//! A service from a command: which kind it is, what port its words name, and whether it serves (R154).

use std::ffi::OsString;
use std::path::Path;

use styxy_client::Caller;
use styxy_core::project::{Run, Wish};
use styxy_core::{Port, ServiceName, ServiceType};

use super::super::stack::{Definition, Rank, Serves, TIMEOUT};
use crate::devserver::alone::Alone;
use crate::devserver::folder::Folder;
use crate::devserver::inward::around::Around;
use crate::devserver::inward::serving::{self, Serving};
use crate::devserver::package::Package;
use crate::devserver::plan::Plan;
use crate::devserver::shell;

/// What the words of a command say of its server.
pub(super) struct Told {
    pub(super) kind: ServiceType,
    pub(super) name: Option<ServiceName>,
    pub(super) port: Option<Port>,
    /// Whether the command itself names it, or what that starts.
    pub(super) rank: Rank,
    pub(super) serves: Serves,
    /// For a sentence: `runs Vite, on port 3000`.
    pub(super) what: String,
}

/// The type of a server of which nothing else is known.
pub(super) const KIND: &str = "dev";

/// What the command `words`, typed in `folder`, says.
pub(super) fn of_words(words: &[&str], folder: &Path, root: &Path) -> Option<Told> {
    told(words, &Folder { root: Some(root), ..Folder::alone(folder) })
}

fn told(words: &[&str], around: &dyn Around) -> Option<Told> {
    let typed: Vec<OsString> = words.iter().map(OsString::from).collect();
    let plan = Plan::of(&typed, around);
    let serves = serving::of_words(words, around);
    let port = plan.typed_port.or(plan.script_port);
    let tool = plan.framework.filter(|row| !row.is_runtime()).map(|row| row.name);
    Some(Told {
        kind: ServiceType::new(plan.framework.map_or(KIND, |row| row.service)).ok()?,
        name: None,
        rank: if plan.typed_port.is_some() { Rank::Wish } else { Rank::Usual },
        port: port.filter(|_| !matches!(serves, Serving::No | Serving::Once)),
        what: what(serves, tool, port),
        serves: of_serving(serves),
    })
}

/// What a command says.
pub(super) fn of_run(run: &Run, folder: &Path, root: &Path) -> Option<Told> {
    match run {
        Run::Shell(text) => of_text(text, folder, root),
        Run::List(words) => of_words(&words.iter().map(String::as_str).collect::<Vec<_>>(), folder, root),
    }
}

/// What the text `command` for a shell says.
pub(super) fn of_text(command: &str, folder: &Path, root: &Path) -> Option<Told> {
    let around = Folder { root: Some(root), ..Folder::alone(folder) };
    let told = told(&Alone::TYPED, &Alone { around: &around, command })?;
    // Somebody has typed it there, or it is in a script that the text starts.
    let is_own = |port: Port| {
        command.split(|letter: char| !letter.is_ascii_digit()).any(|word| word == port.to_string())
    };
    let rank = if told.port.is_some_and(is_own) { Rank::Wish } else { Rank::Usual };
    Some(Told { rank, ..told })
}

fn of_serving(serving: Serving) -> Serves {
    match serving {
        Serving::Known => Serves::Known,
        // Each of several has a lease of its own, by its own name.
        Serving::Several | Serving::Perhaps => Serves::Perhaps,
        Serving::No => Serves::No,
        Serving::Once => Serves::Builds,
    }
}

fn what(serving: Serving, tool: Option<&str>, port: Option<Port>) -> String {
    let named = port.map(|port| format!(", on port {port}")).unwrap_or_default();
    match (serving, tool) {
        (Serving::Once, _) => "builds once and ends, so it gets no port".to_owned(),
        (Serving::No, _) => "serves nothing, so it gets no port".to_owned(),
        (Serving::Several, _) => "starts several servers, and each gets a port".to_owned(),
        (Serving::Known | Serving::Perhaps, Some(tool)) => format!("runs {tool}{named}"),
        (Serving::Known | Serving::Perhaps, None) => {
            format!("runs a program that gets its port in PORT{named}")
        }
    }
}

/// Whether a server that is known by its name is in the script `name` of `package`.
pub(super) fn is_known_server(root: &Path, package: &Package, name: &str) -> bool {
    let words = package.command(name, Some(root)).map(OsString::from);
    let around = Folder { root: Some(root), ..Folder::alone(package.folder()) };
    Plan::of(&words, &around).framework.is_some()
}

/// The service `label` that the script `name` of `package` is, and the reason for it.
pub(super) fn of_script(
    here: &Caller,
    root: &Path,
    package: &Package,
    name: &str,
    label: &str,
) -> Option<(Definition, String)> {
    let folder = package.folder();
    let words = package.command(name, Some(root));
    let mut told = of_words(&words, folder, root)?;
    // A script that asks for its port itself says of which type it is.
    if let Some((inner, said)) = package.script(name).and_then(leased) {
        let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
        let of_inner = of_words(&inner, folder, root)?;
        told = Told { kind: said.service.unwrap_or(of_inner.kind), name: said.name, ..of_inner };
    }
    let run = Run::List(words.map(str::to_owned).to_vec());
    let place = match folder.strip_prefix(root).ok().filter(|below| *below != Path::new("")) {
        Some(below) => format!("the script {name} of {}", shown(below)),
        None => format!("the script {name}"),
    };
    let reason = format!("{place} {}", told.what);
    Some((definition(here, label, told, run, folder), reason))
}

/// A path below the root as project files write it, on every system.
pub(super) fn shown(below: &Path) -> String {
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A service with the default name of its folder (R60), unless it has another one.
pub(super) fn definition(here: &Caller, label: &str, told: Told, run: Run, cwd: &Path) -> Definition {
    let Told { kind, name, port, rank, serves, what: _ } = told;
    Definition {
        label: label.to_owned(),
        kind,
        name: name.or_else(|| here.at(cwd).package()),
        run,
        cwd: cwd.to_owned(),
        env: Vec::new(),
        port: match (serves, port) {
            (Serves::No | Serves::Once | Serves::Builds, _) => Wish::None,
            (Serves::Known | Serves::Perhaps, Some(port)) => Wish::Port(port),
            (Serves::Known | Serves::Perhaps, None) => Wish::Any,
        },
        rank,
        now: None,
        serves,
        ready: None,
        after: Vec::new(),
        tty: false,
        timeout: TIMEOUT,
        compose: None,
    }
}

/// What is typed before the command of a `styxy run`.
struct Leased {
    service: Option<ServiceType>,
    name: Option<ServiceName>,
}

/// The command behind the `styxy run` that a script consists of, and what that names.
fn leased(text: &str) -> Option<(Vec<String>, Leased)> {
    let words = shell::only_command(text)?;
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let at = texts.iter().position(|text| *text == "--")?;
    let (["styxy", "run", own @ ..] | ["npx", "styxy", "run", own @ ..]) = &texts[..at] else { return None };
    let value = |flags: [&str; 2]| {
        let place = own.iter().position(|word| flags.contains(word))?;
        own.get(place + 1).copied()
    };
    let service = value(["-s", "--service"]).and_then(|text| ServiceType::new(text).ok());
    let name = value(["-n", "--name"]).and_then(|text| ServiceName::new(text).ok());
    Some((words[at + 1..].iter().map(|word| word.text.clone()).collect(), Leased { service, name }))
}
