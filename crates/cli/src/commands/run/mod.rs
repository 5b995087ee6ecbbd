//! `styxy run`: runs a command with its own port. On Unix this process becomes the command, so that signals, job control,
//! the terminal and the exit code are the command's, and so is the lease.

mod ask;
mod beside;
mod command;
mod environment;
mod grant;
mod instead;
mod inward;
mod more;
#[cfg(unix)]
mod procfile;
#[cfg(target_os = "linux")]
mod reporter;
#[cfg_attr(windows, path = "start_windows.rs")]
#[cfg_attr(not(windows), path = "start_unix.rs")]
mod start;
mod tell;
mod wishes;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use styxy_client::{Caller, ProjectFile};
use styxy_core::project::EnvName;
use styxy_core::{Port, ServiceName, ServiceType};

use crate::devserver::plan::{self, Plan};
use crate::here::caller::{caller, deleted, unsaid};
use crate::here::context::Context;
use crate::here::near;
use crate::here::typed::Words;
use crate::here::variables::url;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::typed;

use command::{dev_script, is_missing, not_run, program_folders};
use environment::{Environment, TOLD, environment};
use inward::Runs;
pub(crate) use inward::{run_script, script};
use tell::{Verbosity, tell};
use wishes::{Attention, Typed, Wishes};

/// Run a command with a port that nobody else has
///
/// The command finds its port in `PORT` and `STYXY_<SERVICE>_PORT`, and its address in `STYXY_URL` and
/// `STYXY_<SERVICE>_URL`. Tools that do not read `PORT` (Vite, Astro, Storybook, Django, …) also get the right flag, even
/// behind npm, pnpm, yarn, bun and npx. `{port}` in an argument is replaced by the port, `{port:api}` by that of another
/// service. The preferred port is that of -p, else of a port flag in the command, else `PORT` if it is set already.
///
/// Without a command, it runs the package's dev script. The same project gets the same port again, unless somebody else
/// has it. The lease ends with the command, or with the server that the command leaves running. If the command starts
/// several servers (concurrently, run-p, a Procfile, `a & b`), each of them gets its own lease. Whatever else goes wrong,
/// the command runs.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy run                             the dev script of this package
  styxy run -- vite                     vite on its own port
  styxy run -- npm run storybook
  styxy run -p 3000 -- next dev         port 3000 if it is free
  styxy run --once -- npm run dev       unless it runs here already
  styxy run -s api -- python3 -m http.server
  styxy run -s dev -s api -- make serve two ports: $STYXY_DEV_PORT, $STYXY_API_PORT
  styxy run -- concurrently 'next dev' 'node api.js'   a port for each of the two
  styxy run --block 3 -- npm start      three consecutive ports, the first is PORT
  styxy run -- caddy run --listen :{port}"))]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
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
    /// If this server runs already, print its address instead of starting another one
    #[arg(long)]
    once: bool,
    /// Do not print which port it is
    #[arg(short, long)]
    quiet: bool,
    /// The first of several servers has this type and name: it is the one of a service of `styxy up`
    #[arg(long, hide = true)]
    first: bool,
    /// The command and its arguments [default: the package's dev script]
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(mut self, context: &Context) -> Result<Exit, Failure> {
        let caller = caller();
        let folder = caller.folder().unwrap_or(Path::new(""));
        let command = match (&self.command[..], caller.folder()) {
            ([], None) => return Err(Failure::usage(deleted(), "cd into a project, and try again")),
            ([], Some(folder)) => dev_script(folder, caller.root())?,
            (typed, _) => typed.to_vec(),
        };
        if env::var_os("STYXY").is_some_and(|value| value == "off") {
            return start(&command, &Environment::default(), &caller);
        }
        // Nothing is leased, and nothing said, for what is not there.
        if command.first().is_some_and(|program| is_missing(program, folder)) {
            return Err(not_run(&command, &no_such_program(), folder, caller.root()));
        }
        if let Some(sentence) = instead::operator(&command) {
            output::warning(&sentence);
        }
        let plan = inward::look(&caller, |around| Plan::of(&command, around));
        let (file, mistake) = projects_file(&caller);
        let project = file.as_ref().map(|file| &file.project);
        let words = (!self.first).then(|| typed::words(project, &caller, &self.service));
        if self.drop_what_takes_no_port(words.as_ref()) {
            return start(&command, &Environment::default(), &caller);
        }
        if let Some(inward) = &plan.inward
            && let Some(runs) = Runs::new(&self, project, context)
        {
            return runs.start(inward, command, &caller, mistake);
        }
        self.start_one(context, &caller, &plan, (file.as_ref(), words), command)
    }

    /// Drops the services that take no port, and says so. Whether none of those that were typed is left.
    fn drop_what_takes_no_port(&mut self, words: Option<&Words>) -> bool {
        let Some(words) = words.filter(|_| self.name.is_none()) else { return false };
        let is_typed = !self.service.is_empty();
        while let Some(label) = words.silent(&self.service).cloned() {
            output::warning(&format!("{label} takes no port, so none is leased for it"));
            self.service.retain(|other| *other != label);
        }
        is_typed && self.service.is_empty()
    }

    /// Runs what is one server as far as anybody knows, with the ports that it gets.
    fn start_one(
        self,
        context: &Context,
        caller: &Caller,
        plan: &Plan,
        (named, words): (Option<&ProjectFile>, Option<Words>),
        command: Vec<OsString>,
    ) -> Result<Exit, Failure> {
        if self.block.is_some() && self.service.len() > 1 {
            return Err(block_of_several());
        }
        if self.block.is_some() && plan.inward.as_ref().is_some_and(|inward| inward.is_shared) {
            output::warning(SHARED_BLOCK);
        }
        let file = named.map(|file| &file.project);
        if let Some(words) = &words {
            near::warn(&self.service, words);
        }
        let typed = Typed {
            services: self.service,
            words,
            name: self.name,
            port: self.port,
            exact: self.exact.then_some(true),
            block: self.block,
            env: self.env,
            attention: if self.quiet { Attention::None } else { Attention::Some },
        };
        let mut wishes = Wishes::new(typed, plan, file, caller)?;
        if self.first {
            // `styxy up` has told it where the others are; some of these take their leases at this moment.
            wishes.siblings.clear();
        }
        let services: Vec<ServiceType> =
            wishes.requests.iter().map(|request| request.service.clone()).collect();
        if let Some(other) = plan::not_asked(&command, &services) {
            return Err(not_asked_for(&other, &services));
        }
        if self.once
            && let Some(lease) = ask::running(context, caller, &wishes)
        {
            context.output.answer(&lease, |out| writeln!(out, "{}", url(lease.port)))?;
            return Ok(Exit::Done);
        }
        let asked = ask::ask(context, caller, &wishes)?;
        let verbosity = if self.quiet { Verbosity::ProblemsOnly } else { Verbosity::Everything };
        tell(plan, &wishes, &asked, verbosity);
        let (environment, held) = environment(plan, &wishes.requests, &asked, named);
        held.filter(|_| verbosity == Verbosity::Everything).iter().for_each(|held| output::note(held));
        let named: Vec<(ServiceType, Port)> = services.into_iter().zip(asked.ports.numbers()).collect();
        let words = plan.apply(command, &named);
        #[cfg(target_os = "linux")]
        if verbosity == Verbosity::Everything && output::is_seen() {
            reporter::leave(&asked.ports);
        }
        start(&words, &environment, caller)
    }
}

/// What the project's file says, and what is wrong with it, which is said unless the run that started this one has.
fn projects_file(caller: &Caller) -> (Option<ProjectFile>, Option<String>) {
    let (file, mistake) = match caller.named_file() {
        Ok(file) => {
            let warning = file.as_ref().and_then(unsaid);
            (file, warning)
        }
        Err(mistake) => (None, Some(format!("{}; the file is not used", mistake.refusal().error))),
    };
    if let Some(mistake) = mistake.as_ref().filter(|mistake| env::var(TOLD).as_ref() != Ok(mistake)) {
        output::warning(mistake);
    }
    (file, mistake)
}

/// What the system says of a program that is not there.
fn no_such_program() -> io::Error {
    io::Error::from_raw_os_error(2)
}

/// A block of ports, and several servers that get the first one of it.
const SHARED_BLOCK: &str = "the command starts several servers, and PORT is the first port of the block for each of them; \
                            leave out --block, so that each gets its own port, or put PORT=$((PORT+1)) in front of the \
                            second";

/// Becomes the command.
fn start(words: &[OsString], environment: &Environment, caller: &Caller) -> Result<Exit, Failure> {
    let folder = caller.folder().unwrap_or(Path::new(""));
    start::start(words, environment, program_folders(folder))
        .map_err(|error| not_run(words, &error, folder, caller.root()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};

    #[test]
    fn what_was_typed_in_vain_says_what_to_type() {
        let services = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        let not_asked = not_asked_for(&services(&["docs"])[0], &services(&["dev", "api"]));
        snapshot!(
            "run_refused",
            each([
                ("a port not asked for", failed(not_asked)),
                ("a block of several", failed(block_of_several())),
            ])
        );
    }
}
