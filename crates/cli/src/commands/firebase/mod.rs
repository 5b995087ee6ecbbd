//! `styxy firebase`: runs the Firebase emulators on ports that nobody else has.

mod child;
mod command_line;
mod emulators;
#[cfg(target_os = "linux")]
mod left_behind;
mod ports;
mod run_config;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, id};
use std::{env, io};

use serde_json::{Map, Value};
use styxy_core::Port;
use styxy_core::api::{Code, Refusal};

use crate::here::context::{self, Context};
use crate::here::fallback;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use child::Signals;
use command_line::Line;
use emulators::Emulator;
use run_config::RunConfig;

/// Run the Firebase emulators on ports that nobody else has
///
/// Every configured emulator, the hub, the logging, the UI and Firestore's websocket get a port, all or none: the one in
/// firebase.json if it is free, else another. The command runs with its own configuration, which is beside firebase.json
/// while it runs, and with the variables that lead programs to the emulators (`FIRESTORE_EMULATOR_HOST`, …).
///
/// Without --project, the project is demo-FOLDER-PORT: suites of one project would find each other's hub and disturb each
/// other. The exit code is the command's. On Linux no emulator outlives the command after Ctrl-C or SIGTERM. If the daemon does not answer, the ports are free but not leased, and a warning
/// says so.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy firebase -- firebase emulators:start
  styxy firebase -- npx firebase emulators:start --only auth,firestore
  styxy firebase -- firebase emulators:exec --project my-app 'npm test'"))]
pub(crate) struct Args {
    /// The command that runs firebase, with emulators:start or emulators:exec
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let line = Line::read(self.command).ok_or_else(no_emulators)?;
        let original = original(&line)?;
        let config = read(&original)?;
        let wanted = emulators::wanted(&config, line.only());
        let ports = ports(context, &wanted, &config)?;
        // From here on the file must be removed, whatever happens.
        let (status, signals) = context::block_on(async {
            let mut signals = Signals::catch().map_err(|error| could_not("prepare for signals", &error))?;
            let status = emulate(&line, &original, &config, &ports, &mut signals).await?;
            Ok::<_, Failure>((status, signals))
        })??;
        #[cfg(target_os = "linux")]
        if signals.were_received() || status.code().is_none() {
            left_behind::end(context);
        }
        drop(signals);
        Ok(Exit::Child(child::code(status)))
    }
}

/// Runs the command with these ports, to its end.
async fn emulate(
    line: &Line,
    original: &Path,
    config: &Map<String, Value>,
    ports: &[(&Emulator, u16)],
    signals: &mut Signals,
) -> Result<ExitStatus, Failure> {
    run_config::sweep(original);
    let text = serde_json::to_string_pretty(&emulators::with_ports(config, ports)).unwrap_or_default();
    let file = RunConfig::write(original, &text).map_err(|error| {
        could_not(&format!("write a configuration beside {}", original.display()), &error)
    })?;
    let project = project(original, ports);
    let words = line.with(file.path(), &project);
    // Where that is refused, only what stays below the command is found.
    #[cfg(target_os = "linux")]
    let _ = crate::process::orphans::adopt();
    let started = child::start(&words, &variables(config, ports)).map_err(|error| {
        let program = words.first().map(OsString::as_os_str).unwrap_or_default();
        let failure = Failure::not_run(program, &error);
        let is_missing = error.kind() == io::ErrorKind::NotFound && program == "firebase";
        if is_missing { failure.hint("npm install -g firebase-tools") } else { failure }
    })?;
    output::note(&summary(ports, (!line.has_project()).then_some(&*project)));
    child::ended(started, signals).await.map_err(|error| could_not("wait for the command", &error))
}

fn no_emulators() -> Failure {
    Failure::usage(
        "the command does not run emulators: it has neither emulators:start nor emulators:exec",
        "styxy firebase -- firebase emulators:start",
    )
}

fn no_configuration() -> Failure {
    Failure::usage("there is no firebase.json in this folder or above it", "firebase init emulators")
}

fn no_port() -> Refusal {
    Refusal::new(Code::NoFreePort, "no port is free").hint("styxy scan")
}

fn could_not(what: &str, error: &io::Error) -> Failure {
    Refusal::new(Code::InvalidRequest, format!("could not {what}: {error}")).into()
}

/// The configuration that firebase would read: the one from the command line, else the nearest firebase.json.
fn original(line: &Line) -> Result<PathBuf, Failure> {
    let here = env::current_dir().map_err(|error| could_not("find the current folder", &error))?;
    if let Some(given) = line.config() {
        return Ok(here.join(given));
    }
    let nearest = here.ancestors().map(|folder| folder.join("firebase.json")).find(|file| file.is_file());
    nearest.ok_or_else(no_configuration)
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()), "give a file that can be read")
    })?;
    emulators::parse(&text)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), "fix that line of the file"))
}

/// A port for each of `wanted`: leased, or only free if the daemon does not answer.
fn ports(
    context: &Context,
    wanted: &[&'static Emulator],
    config: &Map<String, Value>,
) -> Result<Vec<(&'static Emulator, u16)>, Failure> {
    let request = ports::request(wanted, config)?;
    let found: Vec<Port> = match context.ask(async |client| client.allocate(&request).await) {
        Ok(answer) => answer.grants().iter().map(|grant| grant.port).collect(),
        Err(Failure::Refused(refusal)) if refusal.code == Code::DaemonUnreachable => {
            output::warning(&format!(
                "{}; the ports are free now but not leased; other programs may take them",
                refusal.error
            ));
            ports::candidates(wanted, config)
                .and_then(|candidates| fallback::ports(&candidates, id(), &[]))
                .ok_or_else(no_port)?
        }
        Err(failure) => return Err(failure),
    };
    Ok(wanted.iter().copied().zip(found.into_iter().map(Port::get)).collect())
}

/// `demo-shop-4400`. A project that begins with `demo-` needs no Firebase account; the hub's port, which no other suite on
/// this machine has, makes it unique.
fn project(original: &Path, ports: &[(&Emulator, u16)]) -> String {
    /// A Firebase project id has at most 30 characters: `demo-`, this, `-` and five digits.
    const LONGEST: usize = 19;
    let folder = std::path::absolute(original).ok();
    let folder = folder.as_deref().and_then(|path| path.parent()?.file_name()).unwrap_or_default();
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = folder.to_string_lossy().chars().map(letter).take(LONGEST).collect();
    let hub = ports.iter().find(|(emulator, _)| emulator.name == "hub").map_or(0, |(_, port)| *port);
    match name.trim_matches('-') {
        "" => format!("demo-{hub}"),
        name => format!("demo-{name}-{hub}"),
    }
}

fn summary(ports: &[(&Emulator, u16)], project: Option<&str>) -> String {
    let ports: Vec<String> =
        ports.iter().map(|(emulator, port)| format!("{} {port}", emulator.name)).collect();
    let project = project.map(|project| format!("; project {project}")).unwrap_or_default();
    format!("styxy: {}{project}", ports.join(", "))
}

fn variables(config: &Map<String, Value>, ports: &[(&Emulator, u16)]) -> Vec<(String, String)> {
    let of_one = |(emulator, port): &(&Emulator, u16)| {
        let address = emulator.address(config, *port);
        let variable = move |emulators::Variable(name, before): &emulators::Variable| {
            ((*name).to_owned(), format!("{before}{address}"))
        };
        emulator.variables.iter().map(variable).collect::<Vec<_>>()
    };
    ports.iter().flat_map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, moved, snapshot};

    #[test]
    fn what_is_refused_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("firebase.json");
        let unread = |text: &str| {
            std::fs::write(&file, text).unwrap();
            moved(&failed(read(&file).unwrap_err()), folder.path(), "/w/app")
        };
        snapshot!(
            "firebase_refused",
            each([
                ("no emulators", failed(no_emulators())),
                ("no configuration", failed(no_configuration())),
                ("a mistake", unread("{\n  \"emulators\": }")),
                ("no port", failed(no_port())),
            ])
        );
    }

    #[test]
    fn a_generated_project_is_short_and_says_where_it_runs() {
        let hub =
            emulators::wanted(&Map::new(), None).into_iter().find(|emulator| emulator.name == "hub").unwrap();
        let project = |folder: &str| project(&Path::new(folder).join("firebase.json"), &[(hub, 44_001)]);
        assert_eq!(project("/w/My_Shop"), "demo-my-shop-44001");
        assert_eq!(project("/"), "demo-44001");
        let long = project(&format!("/w/{}", "x".repeat(99)));
        assert_eq!((long.len(), long.starts_with("demo-xxx")), (30, true), "{long}");
    }
}
