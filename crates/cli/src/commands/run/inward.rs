//! `styxy run` for a command with several servers: it leases nothing for the command itself, and lets each server begin
//! with a `styxy run` of its own. As the shell of a package manager it does the same with the text of a script.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use styxy_client::Caller;
use styxy_core::ServiceType;
use styxy_core::project::Project;

use super::Args;
use super::environment::{Environment, SCRIPT_SHELL, SHELLS};
use super::start;
use crate::devserver::folder::Folder;
use crate::devserver::inward::{Begin, By, Inward, Naming, Place, Procfile, Unreached, with_runs};
use crate::devserver::package::Package;
use crate::here::caller::caller;
use crate::here::context::Context;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::shell_word::quoted;

/// How each server's `styxy run` begins: what the user typed for all of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Runs {
    program: PathBuf,
    /// Options for each of them.
    options: Vec<String>,
    /// The port that was typed, for the first of them.
    wish: Vec<String>,
    /// The name that was typed, which is then the beginning of each name.
    name: Option<String>,
    /// Whether the first server has that name as it is, or without one that of its folder.
    #[serde(default)]
    is_service: bool,
    /// The services of the project's file: a server of that name is that service.
    services: Vec<String>,
    /// The options that only a run of a server's own can honour, as they are called.
    #[serde(skip)]
    typed: Vec<&'static str>,
    /// The package whose scripts give their servers their names, and the script of the first server.
    scripts: Option<(PathBuf, String)>,
}

impl Runs {
    /// What to begin with for the command of `args`; none if it wants ports for itself, or this program has no path.
    pub(super) fn new(args: &Args, file: Option<&Project>, context: &Context) -> Option<Self> {
        if args.service.len() > 1 || args.block.is_some() {
            return None;
        }
        let program =
            styxy_client::own_program().ok().filter(|path| path.starts_with("/proc/self").eq(&false))?;
        let mut options = Vec::new();
        if context.may_start().is_ok_and(|may| !may) {
            options.push("--no-start".to_owned());
        }
        options.push("run".to_owned());
        options.extend(args.service.iter().flat_map(|service| ["-s".to_owned(), service.to_string()]));
        options.extend(args.env.iter().flat_map(|name| ["--env".to_owned(), name.to_string()]));
        options.extend(args.quiet.then(|| "-q".to_owned()));
        options.extend(args.once.then(|| "--once".to_owned()));
        let mut wish: Vec<String> =
            args.port.into_iter().flat_map(|port| ["-p".to_owned(), port.to_string()]).collect();
        wish.extend(args.exact.then(|| "--exact".to_owned()));
        let typed = [
            ("-s", !args.service.is_empty()),
            ("-n", args.name.is_some()),
            ("-p", args.port.is_some() && !args.first),
            ("--env", !args.env.is_empty()),
            ("--once", args.once),
        ];
        let typed = typed.into_iter().filter(|(_, is_typed)| *is_typed).map(|(option, _)| option).collect();
        let services = file.filter(|_| args.service.is_empty() && args.name.is_none());
        let services = services.into_iter().flat_map(|file| file.services.iter());
        Some(Self {
            program,
            options,
            wish,
            name: args.name.as_ref().map(ToString::to_string),
            is_service: args.first,
            services: services.map(|service| service.label.to_string()).collect(),
            typed,
            scripts: None,
        })
    }

    /// The words in front of a server.
    fn words(&self, name: Option<&str>, place: Place) -> Vec<OsString> {
        let name = match (&self.name, name.filter(|_| !self.is_service || place != Place::First)) {
            (Some(typed), Some(name)) => Some(format!("{typed}-{name}")),
            (typed, name) => typed.clone().or_else(|| name.map(str::to_owned)),
        };
        let is_service = |name: &String| {
            ServiceType::new(name).is_ok() && self.services.iter().any(|service| service == name)
        };
        let name =
            name.into_iter().flat_map(|name| [if is_service(&name) { "-s" } else { "-n" }.to_owned(), name]);
        // Its type is not a word that somebody has typed.
        let first = (self.is_service && place == Place::First).then(|| "--first".to_owned());
        let name = name.chain(first);
        let wish = self.wish.iter().filter(|_| place == Place::First).cloned();
        let options = self.options.iter().cloned().chain(name).chain(wish).chain(["--".to_owned()]);
        std::iter::once(self.program.clone().into_os_string()).chain(options.map(OsString::from)).collect()
    }

    /// Runs `command`, whose servers begin where `inward` says. `told` is a warning that none of them repeats.
    ///
    /// # Errors
    /// The command cannot be run, or an exact port was typed that no server here can be given.
    pub(super) fn start(
        mut self,
        inward: &Inward,
        command: Vec<OsString>,
        caller: &Caller,
        told: Option<String>,
    ) -> Result<Exit, Failure> {
        let reaches = inward.reaches();
        for (number, unreached) in inward.unreached.iter().enumerate() {
            let idle = if reaches || number > 0 { String::new() } else { idle(&self.typed) };
            output::warning(&(sentence(unreached) + &idle));
        }
        let file = inward.procfile.as_ref().and_then(|procfile| self.procfile(procfile));
        let typed = command.clone();
        let command = inward.apply(command, file.as_deref(), &begin(&|name, place| self.words(name, place)));
        let is_exact = self.wish.iter().any(|word| word == "--exact");
        if is_exact && command == typed && inward.scripts.is_none() {
            let hint = "start each server by a styxy run of its own, and leave out --exact here";
            return Err(Failure::usage("the exact port cannot be given to any server of this command", hint));
        }
        let mut environment = Environment::without_port().with_told(told);
        if output::is_seen() {
            environment = environment.with_seen();
        }
        if let Some(naming) = &inward.scripts {
            if let Naming::ByScript { folder, first } = naming {
                let here = caller.folder().unwrap_or(Path::new(""));
                let folder = folder.as_ref().map_or_else(|| here.to_owned(), |folder| here.join(folder));
                self.scripts = Package::folder_around(&folder).map(|package| (package, first.clone()));
            }
            environment = environment
                .with_script_shell(&self.program, &serde_json::to_string(&self).unwrap_or_default());
        }
        start(&command, &environment, caller)
    }
}

impl Runs {
    /// The path of `procfile` with runs in it; if there is none, a warning says what to write.
    fn procfile(&self, procfile: &Procfile) -> Option<String> {
        let words = |name: Option<&str>, place| {
            // The runner's own numbers are no wish of anybody's.
            let without = ["env", "-u", "PORT"].into_iter().filter(|_| !procfile.port_is_typed);
            without.map(OsString::from).chain(self.words(name, place)).collect()
        };
        let file = inherited(&with_runs(&procfile.text, &procfile.runs, &begin(&words)));
        if file.is_none() {
            let (by, names) = (By::Procfile(procfile.by), procfile.names.clone());
            output::warning(&(sentence(&Unreached { by, names }) + &idle(&self.typed)));
        }
        file
    }
}

fn begin(words: &dyn Fn(Option<&str>, Place) -> Vec<OsString>) -> Begin<'_> {
    Begin { words, quoted }
}

#[cfg(unix)]
fn inherited(text: &str) -> Option<String> {
    super::procfile::inherited(text).ok()
}

/// Windows has no paths for inherited files.
#[cfg(not(unix))]
fn inherited(_: &str) -> Option<String> {
    None
}

/// Where scripts and files are looked up.
pub(super) fn look<T>(caller: &Caller, ask: impl FnOnce(&Folder<'_>) -> T) -> T {
    let own = (caller.root().map(Path::to_owned), caller.package());
    let is_package = |folder: &Path| {
        let there = caller.at(folder);
        (there.root().map(Path::to_owned), there.package()) != own
    };
    ask(&Folder {
        path: caller.folder().unwrap_or(Path::new("")),
        root: caller.root(),
        home: caller.home(),
        is_package: &is_package,
        has_shell: env::var_os(SCRIPT_SHELL).is_none()
            && SHELLS.iter().any(|name| env::var_os(name).is_some()),
        variable: &|name| env::var(name).ok(),
    })
}

/// The text of a script and what follows it, if a package manager runs this program as the shell for it: `-c TEXT`.
pub(crate) fn script() -> Option<(String, Vec<OsString>)> {
    env::var_os(SCRIPT_SHELL)?;
    let mut args = env::args_os().skip(1);
    if args.next()? != "-c" {
        return None;
    }
    Some((args.next()?.into_string().ok()?, args.collect()))
}

/// Runs a script as a shell does, with a `styxy run` in front of each of its servers.
///
/// # Errors
/// There is no shell.
pub(crate) fn run_script(text: String, args: &[OsString]) -> Result<Exit, Failure> {
    let runs =
        env::var(SCRIPT_SHELL).ok().and_then(|text| serde_json::from_slice::<Runs>(text.as_bytes()).ok());
    let is_off = env::var_os("STYXY").is_some_and(|value| value == "off");
    let text = runs.filter(|_| !is_off).and_then(|runs| with_servers(&text, &runs)).unwrap_or(text);
    let words = [OsStr::new("sh"), OsStr::new("-c"), OsStr::new(&text)].map(OsStr::to_owned);
    start(&[&words[..], args].concat(), &Environment::default(), &caller())
}

/// The text with those runs; none if it has no servers.
fn with_servers(text: &str, runs: &Runs) -> Option<String> {
    let event = env::var("npm_lifecycle_event").ok()?;
    let caller = caller();
    let package = Package::around(caller.folder()?).ok()?;
    if is_left_alone(&event, &package) {
        return None;
    }
    let named = runs.scripts.as_ref().filter(|(folder, _)| folder == package.folder());
    let found = look(&caller, |folder| Inward::of_script(text, named.map(|_| event.as_str()), folder));
    let is_first = runs.scripts.as_ref().is_none_or(|(_, first)| *first == event);
    let words = |name: Option<&str>, place| runs.words(name, if is_first { place } else { Place::Later });
    (!found.is_empty()).then(|| with_runs(text, &found, &begin(&words)))
}

/// Whether a text is run by an installation, before or after another script, or by npx, whose words were typed.
fn is_left_alone(event: &str, package: &Package) -> bool {
    let around = ["pre", "post"].iter().find_map(|side| event.strip_prefix(side));
    matches!(event, "npx" | "install" | "prepare" | "publish" | "pack" | "dependencies" | "version")
        || matches!(around, Some("install" | "prepare" | "publish" | "pack" | "publishOnly" | "version"))
        || around.is_some_and(|script| package.script(script).is_some())
}

/// Which servers get no port, and what to write so that they do.
fn sentence(unreached: &Unreached) -> String {
    let Unreached { by, names } = unreached;
    let (by, file) = match by {
        By::Scripts("turbo") if names.is_empty() => {
            return "turbo passes on only the variables that turbo.json names, so its packages get no ports here; \
                    put styxy run -- in front of their scripts, or add --env-mode=loose"
                .to_owned();
        }
        By::Scripts(by) if names.is_empty() => {
            return format!(
                "{by} starts servers of several packages, which cannot share one port; put styxy run -- in front of \
                 the command of each"
            );
        }
        By::Scripts(by) => (*by, "package.json"),
        By::Procfile(by) => (*by, "the Procfile"),
        By::File(path) => (path.as_str(), "it"),
    };
    let words: Vec<String> = names.iter().map(|name| format!("styxy run -n {name} --")).collect();
    let (words, names) = match &names[..] {
        [] => ("styxy run --".to_owned(), "each".to_owned()),
        names => (words.join(" and "), names.join(" and ")),
    };
    format!(
        "{by} starts several servers, which cannot share one port; in {file}, put {words} in front of the command of \
         {names}"
    )
}

/// That the `typed` options do nothing where no server is reached, as the end of a sentence.
fn idle(typed: &[&str]) -> String {
    match typed {
        [] => String::new(),
        [one] => format!("; until then {one} does nothing"),
        [rest @ .., last] => format!("; until then {} and {last} do nothing", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn servers_that_get_no_port_are_named_with_what_to_write() {
        let said = |by, names: &[&str]| {
            let names = names.iter().map(ToString::to_string).collect();
            sentence(&Unreached { by, names }) + "\n"
        };
        snapshot!(
            "run_several",
            each([
                ("scripts of bun", said(By::Scripts("bun"), &["web", "api"])),
                ("one of them", said(By::Scripts("bun"), &["web"])),
                ("a Procfile", said(By::Procfile("foreman"), &["web", "api"])),
                ("a file", said(By::File("bin/start.sh".to_owned()), &["web", "api"])),
                ("a file with a loop", said(By::File("Makefile".to_owned()), &[])),
                (
                    "options in vain",
                    said(By::File("start.sh".to_owned()), &["a", "b"])
                        .replace('\n', &idle(&["-p", "--once"]))
                        + "\n"
                ),
                ("an option in vain", said(By::Scripts("turbo"), &[]).replace('\n', &idle(&["-p"])) + "\n"),
                ("turbo", said(By::Scripts("turbo"), &[])),
                ("nx", said(By::Scripts("nx"), &[])),
                ("other packages", said(By::Scripts("bun"), &[])),
            ])
        );
    }

    #[test]
    fn a_server_has_the_typed_options_and_a_service_of_the_file_is_that_service() {
        let runs = |name: Option<&str>, services: &[&str]| Runs {
            program: "/bin/styxy".into(),
            options: vec!["run".to_owned()],
            wish: vec!["-p".to_owned(), "3000".to_owned()],
            name: name.map(str::to_owned),
            is_service: false,
            services: services.iter().map(ToString::to_string).collect(),
            typed: Vec::new(),
            scripts: None,
        };
        let line = |runs: &Runs, name, place| {
            let words = runs.words(name, place);
            words.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let plain = runs(None, &["api"]);
        assert_eq!(line(&plain, Some("web"), Place::First), "/bin/styxy run -n web -p 3000 --");
        assert_eq!(line(&plain, Some("api"), Place::Later), "/bin/styxy run -s api --");
        assert_eq!(line(&plain, None, Place::Later), "/bin/styxy run --");
        let of_up = Runs { is_service: true, ..runs(Some("shop"), &[]) };
        assert_eq!(line(&of_up, Some("web"), Place::First), "/bin/styxy run -n shop --first -p 3000 --");
        assert_eq!(line(&of_up, Some("api"), Place::Later), "/bin/styxy run -n shop-api --");
        assert_eq!(
            line(&runs(Some("shop"), &[]), Some("web"), Place::Later),
            "/bin/styxy run -n shop-web --"
        );
        assert_eq!(line(&runs(Some("shop"), &[]), None, Place::Later), "/bin/styxy run -n shop --");
    }
}
