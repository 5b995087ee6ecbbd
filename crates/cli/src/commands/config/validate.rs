//! `styxy config validate`: whether a file is valid.

use std::io::Write;
use std::path::PathBuf;

use styxy_core::api::ConfigAnswer;

use crate::here::config_file;
use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Check config.json, or another file, and point at the first mistake
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config validate
  styxy config validate ./my-config.json"))]
pub(crate) struct Args {
    /// The file to check [default: the one that `styxy config path` prints]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let named = self.file.is_some();
        let path = self.file.map_or_else(|| context::layout().map(|layout| layout.config()), Ok)?;
        let parsed = if named { config_file::read(&path)? } else { config_file::read_or_default(&path)? };
        let (config, from_file) = (parsed.config, parsed.from_file);
        let answer = ConfigAnswer { path: path.to_string_lossy().into_owned(), config, from_file };
        context.output.answer(&answer, |out| match (path.exists(), answer.from_file.as_slice()) {
            (false, _) => writeln!(out, "{} does not exist; the defaults apply.", answer.path),
            (true, []) => writeln!(out, "{} is valid and sets nothing.", answer.path),
            (true, set) => writeln!(out, "{} is valid. It sets {}.", answer.path, set.join(", ")),
        })?;
        Ok(Exit::Done)
    }
}
