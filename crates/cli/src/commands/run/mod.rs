//! `styxy run`: runs a command with its own port. On Unix this process becomes the command, so that signals, job control,
//! the terminal and the exit code are the command's, and so is the lease.

mod ask;
mod environment;
mod inward;
#[cfg(unix)]
mod procfile;
#[cfg_attr(windows, path = "start_windows.rs")]
#[cfg_attr(not(windows), path = "start_unix.rs")]
mod start;

use std::env;
use std::ffi::OsString;
use std::path::Path;

use styxy_client::PortRequest;
use styxy_core::project::EnvName;
use styxy_core::{Port, ServiceName, ServiceType};

use crate::devserver::frameworks::{Framework, Way};
use crate::devserver::package::Package;
use crate::devserver::passing::Lost;
use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::requests;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;

use crate::devserver::plan::{self, Obstacle, Plan};
use ask::Ports;
use environment::{Environment, environment};
use inward::Runs;
pub(crate) use inward::{run_script, script};

/// Run a command with a port that nobody else has
///
/// The command finds its port in `PORT`, `STYXY_PORT`, `STYXY_URL` and `STYXY_<SERVICE>_PORT`. Tools that do not read
/// `PORT` (Vite, Astro, Storybook, Django, …) also get the right flag, even behind npm, pnpm, yarn, bun and npx.
/// `{port}` in an argument is replaced by the port, `{port:api}` by that of another service. A port flag in the command is
/// the preferred port.
///
/// Without a command, it runs the package's dev script. The same project gets the same port again, unless somebody else
/// has it. The lease ends with the command, or with the server that the command leaves running.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy run                             the dev script of this package
  styxy run -- vite                     vite on its own port
  styxy run -- npm run storybook
  styxy run -p 3000 -- next dev         port 3000 if it is free
  styxy run -s api -- python3 -m http.server
  styxy run -s dev -s api -- make serve two ports: $STYXY_DEV_PORT, $STYXY_API_PORT
  styxy run --block 3 -- npm start      three consecutive ports, the first is PORT
  styxy run -- caddy run --listen :{port}"))]
pub(crate) struct Args {
    /// What the port is for: dev, api, storybook, …; repeat it for several ports, the first one is PORT
    /// [default: the type of the tool, usually dev]
    #[arg(short, long = "service", value_name = "TYPE")]
    service: Vec<ServiceType>,
    /// Which of several servers of that type: web, admin, …
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Preferred port; another one is used if it is taken
    #[arg(short, long, allow_negative_numbers = true)]
    port: Option<Port>,
    /// Fail instead of falling back to another port
    #[arg(long, requires = "port")]
    exact: bool,
    /// Lease so many consecutive ports, all or none; the preferred port is the first one (2 to 16)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = styxy_core::api::block)]
    block: Option<u8>,
    /// Another variable for the port; repeat it for several
    #[arg(long, value_name = "NAME")]
    env: Vec<EnvName>,
    /// Do not print which port it is
    #[arg(short, long)]
    quiet: bool,
    /// The command and its arguments [default: the package's dev script]
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let caller = caller();
        let folder = caller.folder().unwrap_or(Path::new(""));
        let command =
            if self.command.is_empty() { dev_script(folder, caller.root())? } else { self.command.clone() };
        if env::var_os("STYXY").is_some_and(|value| value == "off") {
            return start::start(&command, &Environment::default());
        }
        let plan = inward::look(&caller, |around| Plan::of(&command, around));
        let file = caller.file()?;
        if let Some(inward) = &plan.inward
            && let Some(runs) = Runs::new(&self, file.as_ref(), context)
        {
            return runs.start(inward, command, &caller);
        }
        let mut services = self.service;
        if services.is_empty() {
            let service = plan.framework.map_or("dev", |row| row.service);
            services.extend(ServiceType::new(service));
        }
        if self.block.is_some() && services.len() > 1 {
            return Err(block_of_several());
        }
        if let Some(other) = plan::not_asked(&command, &services) {
            return Err(not_asked_for(&other, &services));
        }
        let mut requests = requests::requests(services, self.name.as_ref(), file.as_ref(), &caller)?;
        if let Some(first) = requests.first_mut() {
            // The port that was typed, then that of the project file, then that of a script.
            let script_port = plan.script_port.filter(|_| first.default_port.is_none());
            first.port = self.port.or(plan.typed_port).or(first.port).or(script_port);
            first.default_port = first.default_port.filter(|_| first.port.is_none());
            first.exact = self.exact.then_some(true);
            first.block = self.block;
            let more = self.env.into_iter().filter(|name| !first.env.contains(name)).collect::<Vec<_>>();
            first.env.extend(more);
        }
        let ports = ask::ask(context, &caller, &requests)?;
        let verbosity = if self.quiet { Verbosity::ProblemsOnly } else { Verbosity::Everything };
        tell(&plan, &requests, &ports, verbosity);
        let environment = environment(&plan, &requests, &ports);
        let named: Vec<(ServiceType, Port)> =
            requests.into_iter().map(|request| request.service).zip(ports.numbers()).collect();
        start::start(&plan.apply(command, &named), &environment)
    }
}

fn block_of_several() -> Failure {
    Failure::usage(
        "--block cannot be used with several --service: it does not say which of them it is for",
        "styxy run --block 3 -- COMMAND",
    )
}

/// The command contains `{port:other}`, but no port for `other` was requested.
fn not_asked_for(other: &ServiceType, asked: &[ServiceType]) -> Failure {
    let asked: Vec<&str> = asked.iter().map(ServiceType::as_str).collect();
    Failure::usage(
        format!("{{port:{other}}} has no port: {other} was not requested, only {}", asked.join(", ")),
        format!("styxy run -s {} -s {other} -- COMMAND", asked.join(" -s ")),
    )
}

/// The package's dev script, as its package manager runs it.
fn dev_script(folder: &Path, root: Option<&Path>) -> Result<Vec<OsString>, Failure> {
    let hint = "styxy run -- COMMAND";
    let package = Package::around(folder).map_err(|none| Failure::usage(none.to_string(), hint))?;
    if package.script("dev").is_none() {
        let scripts: Vec<&str> = package.scripts().collect();
        let there = if scripts.is_empty() { "none".to_owned() } else { scripts.join(", ") };
        return Err(Failure::usage(format!("the package has no dev script; its scripts: {there}"), hint));
    }
    Ok([package.manager(root), "run", "dev"].map(OsString::from).into())
}

/// How much to print.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verbosity {
    Everything,
    ProblemsOnly,
}

/// Prints on stderr what the command does not say: its port, if a person reads it, and what goes wrong.
fn tell(plan: &Plan, requests: &[PortRequest], ports: &Ports, verbosity: Verbosity) {
    if let Ports::Probed { why, .. } = ports {
        output::warning(&format!("{why}; the port is free now but not leased; another program may take it"));
    }
    let block = requests.first().and_then(|request| request.block);
    match ports {
        Ports::Leased(grants) => {
            if let Some(problem) = facts::no_block(block, grants.len()) {
                output::warning(&problem);
            }
        }
        Ports::Exported(_) | Ports::Probed { .. } if block.is_some() => {
            output::warning("only the first port of the block was looked for");
        }
        Ports::Exported(_) | Ports::Probed { .. } => {}
    }
    if verbosity == Verbosity::Everything && output::is_seen() {
        for line in lines(requests, ports) {
            output::note(&line);
        }
    }
    if let (Some(obstacle), Some(port)) = (&plan.obstacle, ports.numbers().next())
        && let Some(sentence) = in_the_way(obstacle, plan.framework, port)
    {
        output::warning(&sentence);
    }
}

fn lines(requests: &[PortRequest], ports: &Ports) -> Vec<String> {
    let line = |(at, (request, port)): (usize, (&PortRequest, Port))| {
        let grant = match ports {
            Ports::Leased(grants) => grants.get(at),
            Ports::Exported(_) | Ports::Probed { .. } => None,
        };
        let block = match ports {
            Ports::Leased(grants) if request.block.is_some() && grants.len() > 1 => {
                grants.last().map(|last| format!(" (block {port}-{})", last.port))
            }
            Ports::Leased(_) | Ports::Exported(_) | Ports::Probed { .. } => None,
        };
        let block = block.unwrap_or_default();
        let why = grant.and_then(|grant| grant.reason.as_deref());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let name = grant.map_or_else(|| request.full_name(), |grant| grant.service_name.as_ref());
        format!("styxy: {} is http://localhost:{port}{block}{why}", facts::label(&request.service, name))
    };
    requests.iter().zip(ports.numbers()).enumerate().map(line).collect()
}

/// What keeps the tool from getting `port`, if anything does.
fn in_the_way(obstacle: &Obstacle, row: Option<&Framework>, port: Port) -> Option<String> {
    match obstacle {
        // The script already names this port.
        Obstacle::Fixed(fixed) if *fixed == port => None,
        Obstacle::Fixed(fixed) => Some(format!(
            "the script itself sets port {fixed}, but the lease is for {port}; write $PORT there instead of {fixed}"
        )),
        Obstacle::Elsewhere => Some(format!(
            "scripts of other workspaces are not read: a server there that does not read PORT does not get its port \
             {port}; run it in the folder of that workspace"
        )),
        Obstacle::Lost(Lost::Set { port: fixed, .. }) if *fixed == port => None,
        Obstacle::Lost(Lost::Set { file, port: fixed, write }) => Some(format!(
            "the {file} sets port {fixed}, but the lease is for {port}; write {write} there instead of {fixed}"
        )),
        Obstacle::Lost(Lost::Dropped { by, write }) => Some(format!(
            "{by} drops PORT, so the command does not get its port {port}; write {write} instead of {by}"
        )),
        Obstacle::OutOfReach(why) => {
            let row = row?;
            let flag = match row.port {
                Way::Flag { write, .. } => format!("{write} $PORT"),
                Way::InFlag(flag) => format!("{flag} localhost:$PORT"),
                Way::Word => "$PORT".to_owned(),
                Way::Env => return None,
            };
            Some(format!("{} does not get its port {port}, because {why}; add {flag} to it", row.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devserver::inward::around::Nowhere;
    use crate::say::shown::{each, failed, moved, snapshot};

    #[test]
    fn what_cannot_be_run_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let no_package = failed(dev_script(folder.path(), None).unwrap_err());
        let package = |text: &str| {
            std::fs::write(folder.path().join("package.json"), text).unwrap();
            moved(&failed(dev_script(folder.path(), None).unwrap_err()), folder.path(), "/w/app")
        };
        let services = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        snapshot!(
            "run_refused",
            each([
                ("no package", no_package),
                ("no scripts", package("{}")),
                ("no dev script", package(r#"{"scripts": {"build": "vite build", "start": "vite"}}"#)),
                ("not JSON", package("")),
                (
                    "a port not asked for",
                    failed(not_asked_for(&services(&["docs"])[0], &services(&["dev", "api"])))
                ),
            ])
        );
    }

    #[test]
    fn an_obstacle_between_a_port_and_its_tool_is_explained() {
        let port = |port| Port::new(port).unwrap();
        let row = |line: &str| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            Plan::of(&typed, &Nowhere).framework
        };
        let said = |obstacle: &Obstacle, line: &str| {
            in_the_way(obstacle, row(line), port(8000)).map_or("(nothing)\n".to_owned(), |said| said + "\n")
        };
        let behind = Obstacle::OutOfReach("the script dev has a pipe".to_owned());
        snapshot!(
            "run_obstacles",
            each([
                ("the script names another port", said(&Obstacle::Fixed(port(3000)), "vite")),
                ("the script names this port", said(&Obstacle::Fixed(port(8000)), "vite")),
                ("another workspace's script", said(&Obstacle::Elsewhere, "npm -w web run dev")),
                ("a flag out of reach", said(&behind, "vite")),
                ("a word out of reach", said(&behind, "django-admin runserver")),
                (
                    "a Makefile names another port",
                    said(
                        &Obstacle::Lost(Lost::Set {
                            file: "Makefile".to_owned(),
                            port: port(3000),
                            write: "$$PORT"
                        }),
                        "make dev"
                    )
                ),
                (
                    "sudo",
                    said(
                        &Obstacle::Lost(Lost::Dropped { by: "sudo", write: "sudo --preserve-env=PORT" }),
                        "sudo node x.js"
                    )
                ),
                ("an address out of reach", said(&behind, "php -S localhost:3000")),
            ])
        );
    }
}
