//! `styxy config validate`: whether the files that people write are valid.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use styxy_client::{ProjectError, ProjectFile};
use styxy_core::api::{Code, ConfigAnswer, Refusal};
use styxy_core::project::{FILE, KEY, PACKAGE};

use crate::here::caller::caller;
use crate::here::config_file;
use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Check config.json and the project's .styxy.json, or another file
///
/// Says which files it has read, and points at the first mistake. The project's file is the one that counts in this folder: the
/// nearest .styxy.json, or the key styxy of a package.json, up to the root of the checkout.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config validate
  styxy config validate ./my-config.json
  styxy config validate packages/web/.styxy.json"))]
pub(crate) struct Args {
    /// Check this file only: a project's one if its name is .styxy.json or package.json, else a config.json
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

/// What was read and is valid; with `--json` the answer.
#[derive(Debug, Serialize)]
struct Valid {
    #[serde(flatten)]
    config: Option<ConfigAnswer>,
    /// The project's file, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Project>,
}

/// A project's file.
#[derive(Debug, Serialize)]
struct Project {
    path: String,
    /// `dev/web`, `api`
    services: Vec<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let valid = match &self.file {
            None => valid_here()?,
            Some(path) if path.file_name().is_some_and(|name| name == FILE || name == PACKAGE) => {
                let file = ProjectFile::at(path).map_err(|mistake| mistake.refusal())?;
                let file = file.ok_or_else(|| no_project(path))?;
                Valid { config: None, project: Some(Project::of(&file)) }
            }
            Some(path) => Valid { config: Some(answer(path, config_file::read(path)?)), project: None },
        };
        let is_search = self.file.is_none();
        context.output.answer(&valid, |out| {
            valid.show(out)?;
            match (is_search, &valid.project) {
                (true, None) => writeln!(out, "No {FILE} counts in this folder, and none is needed."),
                (true, Some(_)) | (false, _) => Ok(()),
            }
        })?;
        Ok(Exit::Done)
    }
}

/// The daemon's settings, and the file of the project that the command is run in.
///
/// # Errors
/// One has a mistake or cannot be read. If both do, the other one is a warning.
fn valid_here() -> Result<Valid, Failure> {
    let path = context::layout()?.config();
    let project = caller().named_file().map_err(|mistake: ProjectError| mistake.refusal());
    let parsed = config_file::read_or_default(&path).inspect_err(|_| {
        if let Err(mistake) = &project {
            output::warning(&mistake.error);
        }
    })?;
    let project = project?.as_ref().map(Project::of);
    Ok(Valid { config: Some(answer(&path, parsed)), project })
}

fn answer(path: &Path, parsed: styxy_core::config::Parsed) -> ConfigAnswer {
    ConfigAnswer {
        path: path.to_string_lossy().into_owned(),
        config: parsed.config,
        from_file: parsed.from_file,
    }
}

fn no_project(path: &Path) -> Refusal {
    let shown = path.display();
    let sentence = if path.exists() {
        format!("{shown} has no key {KEY}, so no project's file is in it")
    } else {
        format!("{shown}: there is no such file")
    };
    Refusal::new(Code::InvalidRequest, sentence).hint("styxy init").detail("path", shown.to_string())
}

impl Project {
    /// What `file` says. Keys of it that are not known are warnings: each one, since they are asked for here.
    fn of(file: &ProjectFile) -> Self {
        file.ignored().for_each(|key| output::warning(&format!("{key} (it is ignored)")));
        let service = |service: &styxy_core::project::Service| {
            let kind = &service.kind;
            service.name.as_ref().map_or_else(|| kind.to_string(), |name| format!("{kind}/{name}"))
        };
        Self {
            path: file.path.to_string_lossy().into_owned(),
            services: file.project.services.iter().map(service).collect(),
        }
    }
}

impl Valid {
    /// A line for each file.
    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(ConfigAnswer { path, from_file, .. }) = &self.config {
            match (Path::new(path).exists(), from_file.as_slice()) {
                (false, _) => writeln!(out, "{path} does not exist; the defaults apply.")?,
                (true, []) => writeln!(out, "{path} is valid and sets nothing.")?,
                (true, set) => writeln!(out, "{path} is valid. It sets {}.", set.join(", "))?,
            }
        }
        match &self.project {
            Some(Project { path, services }) if services.is_empty() => {
                writeln!(out, "{path} is valid and names no services.")
            }
            Some(Project { path, services }) => {
                writeln!(out, "{path} is valid. It names {}.", services.join(", "))
            }
            None => Ok(()),
        }
    }
}
