//! `styxy config init`: a file to start from.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use styxy_core::api::{Code, Refusal};
use styxy_core::config::SCHEMA;

use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Write a config.json to start from
///
/// It holds an example of a service type of your own. Its schema is put beside it, so that an editor can explain and
/// check every key. An existing config.json is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config init
  styxy config init && $EDITOR \"$(styxy config path)\""))]
pub(crate) struct Args {}

/// JSON has no comments; the description says what there is to say.
const STARTER: &str = r#"{
  "$schema": "./config.schema.json",
  "service_types": {
    "preview": {
      "description": "An example of a service type of your own: styxy allocate --service preview",
      "preferred_ports": [4173],
      "range": [4173, 4199]
    }
  }
}
"#;

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let path = context::layout()?.config();
        write(&path).map_err(|error| refusal(&path, &error))?;
        context.output.answer(&path.to_string_lossy(), |out| {
            writeln!(out, "Wrote {}.", path.display())?;
            writeln!(out, "Edit it, then: styxy config validate && styxy daemon restart")
        })?;
        Ok(Exit::Done)
    }
}

/// Writes the file and the schema beside it.
///
/// # Errors
/// `AlreadyExists` if the file does, and whatever keeps it from being written.
fn write(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.exists() {
        make_private(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(STARTER.as_bytes())?;
    fs::write(folder.join("config.schema.json"), SCHEMA)
}

/// The daemon's folder is nobody else's business; whoever makes it first makes it so.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn refusal(path: &Path, error: &io::Error) -> Refusal {
    let refusal = match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Refusal::new(Code::InvalidRequest, format!("{} exists and is left as it is", path.display()))
                .hint("styxy config show")
        }
        _ => Refusal::new(Code::InvalidRequest, format!("could not write {}: {error}", path.display()))
            .hint("styxy doctor"),
    };
    refusal.detail("path", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};

    #[test]
    fn a_file_that_cannot_be_written_says_why() {
        let refused = |kind: io::ErrorKind| failed(refusal(Path::new("/home/ada/config.json"), &kind.into()));
        snapshot!(
            "init_refused",
            each([
                ("there is one", refused(io::ErrorKind::AlreadyExists)),
                ("it may not be written", refused(io::ErrorKind::PermissionDenied)),
            ])
        );
    }

    #[test]
    fn the_starter_is_a_valid_configuration() {
        let parsed = styxy_core::config::parse(STARTER).unwrap();
        assert_eq!(parsed.from_file, ["service_types.preview"]);
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.json");
        write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), STARTER);
        fs::write(&path, "{}").unwrap();
        assert_eq!(write(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    }
}
