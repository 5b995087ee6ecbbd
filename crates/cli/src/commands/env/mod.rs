//! `styxy env`: the variables of `styxy run`, for programs that are started in another way.

mod containers;
mod form;

use std::env;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use styxy_client::leases::{self, Accepted, Leased};
use styxy_client::{Caller, PortRequest, Terms};
use styxy_core::api::AllocationsQuery;
use styxy_core::project::Project;
use styxy_core::{Port, ServiceName, ServiceType};

use crate::here::caller::{self, caller};
use crate::here::context::Context;
use crate::here::texts::Texts;
use crate::here::typed::{Said, Words};
use crate::here::variables::{self, Served};
use crate::here::{near, requests, sandbox};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};
use crate::up::ports;
use crate::up::stack::no_service;
use crate::up::typed;

use containers::Containers;
use form::Form;

/// Print this project's ports as environment variables
///
/// For direnv, mise, docker compose and CI. Prints the port that this project's server has, and leases one only if there
/// is none. `PORT`, `STYXY_PORT` and `STYXY_URL` are for the first service, `STYXY_<SERVICE>_PORT` for each one.
/// `STYXY_<SERVICE>_URL` is the address of the port, for programs; `STYXY_<SERVICE>_NAMED_URL` has the server's name, for
/// browsers. Texts of `env` in .styxy.json follow, as far as they are harmless or allowed (`styxy allow`). If the file names
/// services of a compose file, `COMPOSE_FILE` and `COMPOSE_PROJECT_NAME` put plain docker compose on this worktree's ports.
/// Running it again prints the same, in the same order.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy env                                  for sh: eval \"$(styxy env)\"
  styxy env dev api --format dotenv > .env.styxy
  styxy env --format fish | source
  styxy env --format powershell | Invoke-Expression
  styxy env --format github                  for later steps, through $GITHUB_ENV
  styxy env --json | jq -r .PORT"))]
pub(crate) struct Args {
    /// What the ports are for: services of this worktree, or types [default: the services of .styxy.json, else those that styxy up would start, else dev]
    #[arg(value_name = "TYPE")]
    service: Vec<ServiceType>,
    /// Which of several servers of that type: web, admin, …
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Form::Export, conflicts_with = "json")]
    format: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let caller = caller();
        if let Some(warning) = caller::nowhere(&caller) {
            output::warning(&warning);
        }
        let named = caller::named_file(&caller)?;
        let file = named.as_ref();
        let project = file.map(|file| &file.project);
        let words = typed::words_of_ports(project, &caller, &self.service, self.name.as_ref())?;
        let terms = Terms::default().or(&caller)?;
        self.refuse_what_has_no_port(context, &words, &terms)?;
        near::warn(&self.service, &words);
        near::warn_of_types(&self.service, &words);
        let mut requests = self.requests(project, &words, &caller)?;
        let compose = file.and_then(|file| Some((Containers::of(file, &requests)?, file)));
        requests.retain(|request| compose.as_ref().is_none_or(|(containers, _)| containers.keeps(request)));
        let wished = variables::inherited();
        if let Some(first) = requests.first_mut().filter(|_| wished.is_some()) {
            (first.port, first.default_port) = (wished, None);
        }
        let leased = context.try_ask(async |client| {
            let placed = match &compose {
                Some((containers, file)) => containers.lease(client, &terms, file).await?,
                None => Vec::new(),
            };
            Ok((placed, leases::present_or_new(client, &requests, &terms, Accepted::Visible).await?))
        })?;
        let (placed, ports) = match leased {
            Ok((placed, leased)) => {
                if let Some(told) = leased.first().and_then(|first| not_granted(wished, first)) {
                    output::note(&told);
                }
                let ports = leased.into_iter().map(|leased| (leased.port, leased.named_url));
                (Some(placed), ports.collect::<Vec<_>>())
            }
            // Inside a sandbox the environment has what the session was told outside.
            Err(error) => {
                // It was told of no service that is only guessed.
                let usual = requests::usual(file.map(|file| &file.project), &caller);
                let all = if self.is_typed() { vec![requests] } else { vec![requests, usual] };
                let told = |requests: Vec<_>| Some((sandbox::told(&requests)?, requests));
                let told = sandbox::wall(&error).and_then(|_| all.into_iter().find_map(told));
                let ports;
                (ports, requests) = told.ok_or(error)?;
                let urls = requests.iter().map(|request| variables::named(request.label()));
                (None, ports.into_iter().zip(urls).collect())
            }
        };
        let served = requests.iter().zip(ports);
        let served: Vec<Served> = served
            .map(|(request, (port, named))| Served::new(request, port).called(named.as_ref()))
            .collect();
        let texts = Texts::of(file, &served, &served);
        if let Some(told) = texts.told() {
            output::note(&told);
        }
        let mut all = variables::with_texts(&served, texts.set);
        if let Some(((containers, file), placed)) = compose.zip(placed) {
            all.extend(containers.told(&placed, file, &served));
        }
        self.write(context, &all)
    }

    /// A word that is nearly a service's is most likely a mistake, unless it is the type of a server that has a port already; and what
    /// is guessed to take no port has none.
    fn refuse_what_has_no_port(
        &self,
        context: &Context,
        words: &Words,
        terms: &Terms,
    ) -> Result<(), Failure> {
        if self.name.is_some() {
            return Ok(());
        }
        let guessed = self.service.iter().find(|word| words.is_portless(word.as_str()));
        let Some(word) = guessed.or_else(|| near::slip(&self.service, words)) else { return Ok(()) };
        let query = AllocationsQuery {
            project_path: terms.project.clone(),
            service_type: Some(word.clone()),
            ..AllocationsQuery::default()
        };
        // If nobody can be asked, that is said instead.
        let Ok(leases) = context.try_ask(async |client| client.allocations(&query).await)? else {
            return Ok(());
        };
        if !leases.allocations.is_empty() {
            return Ok(());
        }
        if let Some(label) = guessed {
            return Err(Failure::Usage(Box::new(typed::no_port(label))));
        }
        let known: Vec<&str> = words.listed.iter().flatten().map(String::as_str).collect();
        Err(no_service("env", word.as_str(), &known, "styxy up --print"))
    }

    const fn is_typed(&self) -> bool {
        !self.service.is_empty() || self.name.is_some()
    }

    /// What is asked for: what was typed, else the services of the worktree.
    fn requests(
        &self,
        file: Option<&Project>,
        words: &Words,
        caller: &Caller,
    ) -> Result<Vec<PortRequest>, Failure> {
        match (self.service.is_empty(), &self.name) {
            (true, None) => Ok(ports::requests(file, caller)),
            (true, name) => {
                let services = requests::services(file);
                let all = requests::requests(services, name.as_ref(), Said::Type(file), caller)?;
                Ok(ports::marked(all, caller))
            }
            (false, name) => {
                let all =
                    requests::requests(self.service.clone(), name.as_ref(), Said::Typed(words), caller)?;
                Ok(ports::marked(all, caller))
            }
        }
    }

    fn write(&self, context: &Context, variables: &[(String, String)]) -> Result<Exit, Failure> {
        let form = if context.output.format() == Format::Json { Form::Json } else { self.format };
        let text = form::write(form, variables);
        match env::var_os("GITHUB_ENV").filter(|path| form == Form::Github && !path.is_empty()) {
            Some(path) => {
                let text = if ends_its_last_line(Path::new(&path)) { text } else { format!("\n{text}") };
                // One write, so that steps that run in parallel do not mix their lines.
                File::options().append(true).create(true).open(&path)?.write_all(text.as_bytes())?;
            }
            None => output::text(text.as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

/// That the port in `PORT`, which Styxy has not set, is another one than that of the server.
fn not_granted(wished: Option<Port>, first: &Leased) -> Option<String> {
    let wished = wished.filter(|wished| *wished != first.port)?;
    let has_it = || format!("this server has port {} already", first.port);
    let why = first.reason.clone().unwrap_or_else(has_it);
    Some(format!("styxy: PORT is {}, and not {wished} as before ({why})", first.port))
}

/// Whether text that is appended to a file begins on a new line; assumed of what is not a regular file.
fn ends_its_last_line(path: &Path) -> bool {
    // Opening a pipe would wait for a writer.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
        return true;
    }
    let mut last = [0];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    // One newline too many does no harm.
    read.is_ok() && last == *b"\n"
}
