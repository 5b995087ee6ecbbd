//! The containers of a worktree, as Docker Compose starts them: on ports of their own, in a project of their own (R144).
//!
//! Compose reads its files itself and says in JSON what they mean. What differs for this worktree is one more file in Styxy's
//! folder, which compose reads last. Nothing here reads YAML, and what compose says, secrets included, stays in memory.

mod files;
mod model;
mod overriding;
mod ports;
mod program;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use styxy_client::{Client, Error, ProjectFile, Terms};
use styxy_core::Port;
use styxy_core::api::{Code, Refusal};
use styxy_core::layout::Layout;

use crate::say::output::one_line;

use model::Model;
pub(crate) use ports::Placed;

/// The variable with the files that compose reads.
pub(crate) const FILE: &str = "COMPOSE_FILE";
/// The variable with the name of compose's project, which its containers, volumes and networks are called after.
pub(crate) const PROJECT: &str = "COMPOSE_PROJECT_NAME";
/// What stands between the files, where that is not usual.
const SEPARATOR: &str = "COMPOSE_PATH_SEPARATOR";

/// The compose files of a folder, and what they mean.
#[derive(Debug)]
pub(crate) struct Compose {
    /// The program and its first words.
    program: &'static [&'static str],
    folder: PathBuf,
    files: Vec<PathBuf>,
    model: Model,
    /// Until when compose may answer.
    deadline: Instant,
}

/// What plain `docker compose` has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The words that compose is started with.
    pub(crate) program: &'static [&'static str],
    /// Its variables.
    pub(crate) variables: Vec<(String, String)>,
    /// What stays shared with other worktrees, a sentence each.
    pub(crate) shared: Vec<String>,
}

/// Why plain `docker compose` learns nothing from Styxy.
#[derive(Debug)]
pub(crate) enum ComposeError {
    NoProgram,
    NoFile(PathBuf),
    /// In compose's own words.
    Refused {
        program: &'static [&'static str],
        files: String,
        said: String,
    },
    /// It does not answer.
    Late(&'static [&'static str]),
    NoService {
        service: String,
        files: String,
        known: Vec<String>,
    },
    Unwritten {
        path: PathBuf,
        source: io::Error,
    },
}

impl ComposeError {
    /// As people and programs are told it.
    pub(crate) fn refusal(&self) -> Refusal {
        let refusal = |error: String| Refusal::new(Code::InvalidRequest, error);
        match self {
            Self::NoProgram => refusal(
                "Docker Compose was not found: neither docker compose nor docker-compose runs".to_owned(),
            )
            .hint("install Docker Compose 2.24.4 or newer: https://docs.docker.com/compose/install"),
            Self::NoFile(folder) => refusal(format!("{} has no compose file", folder.display()))
                .hint("put compose.yaml beside .styxy.json"),
            Self::Refused { program, files, said } => {
                let program = program.join(" ");
                refusal(format!("{program} refuses {files}: {said}")).hint(program + " config")
            }
            Self::Late(program) => {
                let program = program.join(" ");
                refusal(format!("{program} does not answer in time")).hint(program + " config")
            }
            Self::NoService { service, files, known } => {
                let known = known.iter().map(String::as_str);
                let hint = match styxy_core::nearest(service, known.clone()) {
                    Some(nearest) => format!("did you mean \"compose\": \"{nearest}\"?"),
                    None => format!("it has {}", known.collect::<Vec<_>>().join(", ")),
                };
                refusal(format!("{service} is not a service of {files}")).hint(hint)
            }
            Self::Unwritten { path, source } => {
                refusal(format!("could not write {}: {source}", path.display())).hint("styxy doctor")
            }
        }
    }
}

impl Compose {
    /// Asks compose what the files beside the project's file mean. Takes some 0.1 s, and no longer than until `deadline`.
    ///
    /// # Errors
    /// There is no compose, or no file; it refuses the files, or does not answer.
    pub(crate) fn beside(
        file: &ProjectFile,
        layout: &Layout,
        deadline: Instant,
    ) -> Result<Self, ComposeError> {
        Self::at(file.path.parent().unwrap_or(Path::new("/")).to_owned(), layout, deadline)
    }

    /// The same for the files in `folder`.
    ///
    /// # Errors
    /// As [`Compose::beside`].
    pub(crate) fn at(folder: PathBuf, layout: &Layout, deadline: Instant) -> Result<Self, ComposeError> {
        let own = |path: &Path| path.parent() == Some(layout.root());
        let given = env::var_os(FILE).filter(|given| !given.is_empty());
        let files = files::of(&folder, given.as_deref(), &separator(), own);
        if files.is_empty() {
            return Err(ComposeError::NoFile(folder));
        }
        let program = program::find(&folder, deadline)?;
        let words = ["--profile", "*", "config", "--format", "json"];
        let said = program::run(program, &folder, &files, &words, deadline)?;
        let model = serde_json::from_slice(&said).map_err(|error| ComposeError::Refused {
            program,
            files: named(&files, &folder),
            // What compose said may be a secret.
            said: format!("config --format json is not understood at line {}", error.line()),
        })?;
        Ok(Self { program, folder, files, model, deadline })
    }

    /// What its services are called.
    pub(crate) fn services(&self) -> Vec<String> {
        self.model.names()
    }

    /// The first port of the service that this machine leads to, as the container has it.
    pub(crate) fn target(&self, service: &str) -> Option<u16> {
        self.model.target(service)
    }

    /// Whether the service is built here, and not fetched.
    pub(crate) fn is_built(&self, service: &str) -> bool {
        self.model.is_built(service)
    }

    /// That a service of this name is not there, if so.
    pub(crate) fn lacks(&self, service: &str) -> Option<ComposeError> {
        (!self.model.has(service)).then(|| ComposeError::NoService {
            service: service.to_owned(),
            files: named(&self.files, &self.folder),
            known: self.model.names(),
        })
    }

    /// Whether a port of this machine leads to the service.
    pub(crate) fn publishes(&self, service: &str) -> bool {
        self.model.publishes(service)
    }

    /// Leases a port for every port that the files publish.
    ///
    /// # Errors
    /// The daemon refuses, or cannot be asked.
    pub(crate) async fn lease(
        &self,
        client: &Client,
        terms: &Terms,
        file: &ProjectFile,
    ) -> Result<Vec<Placed>, Error> {
        ports::lease(client, terms, &self.model, file).await
    }

    /// Writes the override with these ports. `slug` is what the worktree is called.
    ///
    /// # Errors
    /// It cannot be written, or compose refuses it.
    pub(crate) fn told(
        &self,
        placed: &[Placed],
        layout: &Layout,
        slug: Option<&str>,
    ) -> Result<Told, ComposeError> {
        let ports: Vec<(ports::Spot, Port)> =
            placed.iter().map(|one| (one.spot.clone(), one.leased.port)).collect();
        let path = layout.compose(&self.folder);
        let text = overriding::text(&self.model, &ports);
        if overriding::write(&path, &text)
            .map_err(|source| ComposeError::Unwritten { path: path.clone(), source })?
        {
            let files: Vec<PathBuf> = self.files.iter().chain([&path]).cloned().collect();
            // An older compose does not know the tags in it.
            let words = ["--profile", "*", "config", "--quiet"];
            let checked = program::run(self.program, &self.folder, &files, &words, self.deadline);
            if let Err(refused) = checked {
                // The next command is to look again.
                drop(std::fs::remove_file(&path));
                return Err(refused);
            }
        }
        let files = self.files.iter().chain([&path]).map(|path| path.to_string_lossy().into_owned());
        let mut variables = vec![(FILE.to_owned(), files.collect::<Vec<_>>().join(&separator()))];
        variables.extend(slug.map(|slug| (PROJECT.to_owned(), slug.to_owned())));
        let shared = self.model.shared().iter().map(|text| one_line(text).into_owned()).collect();
        Ok(Told { program: self.program, variables, shared })
    }
}

/// `compose.yaml and compose.override.yaml`
fn named(files: &[PathBuf], folder: &Path) -> String {
    let name = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).display().to_string();
    one_line(&files.iter().map(name).collect::<Vec<_>>().join(" and ")).into_owned()
}

fn separator() -> String {
    let usual = if cfg!(windows) { ";" } else { ":" };
    env::var(SEPARATOR).ok().filter(|text| !text.is_empty()).unwrap_or_else(|| usual.to_owned())
}
