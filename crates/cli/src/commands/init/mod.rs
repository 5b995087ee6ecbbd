//! `styxy init`: writes a `.styxy.json` to start from.

mod guess;

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use styxy_core::api::{Code, Refusal};
use styxy_core::project;

use crate::devserver::package::{NoPackage, Package};
use crate::here::caller::{caller, deleted};
use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, printable};
use guess::Guess;

/// Write a .styxy.json that names this project's servers
///
/// The servers are guessed from the scripts of package.json, a Procfile, and the files of Django, FastAPI, Flask and Rails. Each
/// guess is explained. The file is written to the root of the checkout, also from within a package of a monorepo, for everybody
/// who works on the repository. Styxy works without it. An existing file is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy init
  styxy init --print   print the file, and write nothing"))]
pub(crate) struct Args {
    /// Print the file instead of writing it
    #[arg(long)]
    print: bool,
}

/// The file to be, and where; with `--json` the answer.
#[derive(Debug, Serialize)]
struct Proposal {
    path: PathBuf,
    written: bool,
    text: String,
    services: Vec<Guess>,
}

/// Where editors find the schema in a project that has the package. Elsewhere there is no place that all colleagues have.
const INSTALLED: &str = "./node_modules/styxy/docs/project.schema.json";

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let caller = caller();
        let folder =
            caller.folder().ok_or_else(|| Failure::usage(deleted(), "cd into a project, and try again"))?;
        let root = caller.root().ok_or_else(|| {
            Failure::usage("a home folder, or /, is not a project", "cd into a project, and try again")
        })?;
        let path = root.join(project::FILE);
        if !self.print {
            refuse_a_second(&path, root)?;
        }
        let package = match Package::around(root) {
            Ok(package) if root.join(project::PACKAGE).is_file() => Some(package),
            Err(NoPackage::Unreadable { file, why }) => {
                return Err(Failure::usage(format!("{}: {why}", file.display()), "fix that file"));
            }
            // A package above the root is not the project's.
            Ok(_) | Err(NoPackage::Missing) => None,
        };
        let variable = |name: &str| env::var(name).ok();
        let (services, left_out) = guess::servers(root, package.as_ref(), &variable);
        let proposal = Proposal { text: text(root, &services), path, written: !self.print, services };
        if !self.print {
            write(&proposal.path, &proposal.text).map_err(|error| refusal(&proposal.path, &error))?;
        }
        for line in remarks(&proposal, &left_out, folder != root) {
            output::note(&line);
        }
        context.output.answer(&proposal, |out| {
            if proposal.written {
                writeln!(out, "Wrote {}.", proposal.path.display())?;
            }
            write!(out, "{}", printable(&proposal.text))
        })?;
        Ok(Exit::Done)
    }
}

/// Why the file says what it says, a line for each server.
fn remarks(proposal: &Proposal, left_out: &[String], below: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if below {
        let root = proposal.path.parent().unwrap_or(&proposal.path);
        lines.push(format!(
            "The file is for the whole checkout, {}. A package gets a name and ports of its own without it.",
            root.display()
        ));
    }
    lines.extend(proposal.services.iter().map(|guess| format!("{}: {}.", guess.service, guess.why)));
    if proposal.services.is_empty() {
        lines.push("No server was recognised: name yours under services.".to_owned());
    }
    lines.extend(left_out.iter().map(|sentence| format!("note: {sentence}.")));
    lines
}

/// The file's text.
fn text(root: &Path, services: &[Guess]) -> String {
    let is_installed = root.join(INSTALLED).is_file();
    let schema = if is_installed { format!("  \"$schema\": \"{INSTALLED}\",\n") } else { String::new() };
    // Names and ports need no escapes. Their order counts: the first service has PORT.
    let entry = |guess: &Guess| {
        let port = guess.port.map(|port| format!(" \"port\": {port} ")).unwrap_or_default();
        format!("\n    \"{}\": {{{port}}}", guess.service)
    };
    let entries = services.iter().map(entry).collect::<Vec<_>>().join(",");
    let end = if entries.is_empty() { "" } else { "\n  " };
    format!("{{\n{schema}  \"services\": {{{entries}{end}}}\n}}\n")
}

/// A file is never overwritten, and never put beside the same in `package.json`, which it would override.
fn refuse_a_second(path: &Path, root: &Path) -> Result<(), Refusal> {
    if path.symlink_metadata().is_ok() {
        return Err(refusal(path, &io::ErrorKind::AlreadyExists.into()));
    }
    let package = root.join(project::PACKAGE);
    let mut text = String::new();
    let read = File::open(&package)
        .and_then(|file| io::Read::read_to_string(&mut io::Read::take(file, 4 << 20), &mut text));
    match read.map(|_| project::parse_package(&text)) {
        Ok(Ok(Some(_)) | Err(_)) => Err(Refusal::new(
            Code::InvalidRequest,
            format!("{} has the key {} already, and nothing was written", package.display(), project::KEY),
        )
        .hint("styxy config schema --project")
        .detail("path", package.to_string_lossy())),
        Ok(Ok(None)) | Err(_) => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn refusal(path: &Path, error: &io::Error) -> Refusal {
    let sentence = if error.kind() == io::ErrorKind::AlreadyExists {
        format!("{} already exists and was not changed", path.display())
    } else {
        format!("could not write {}: {error}", path.display())
    };
    Refusal::new(Code::InvalidRequest, sentence)
        .hint("styxy init --print")
        .detail("path", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};

    fn guess(service: &str, port: Option<u16>) -> Guess {
        let port = port.map(|port| port.try_into().unwrap());
        let why = format!("the script {service} runs Vite");
        Guess { service: service.parse().unwrap(), port, why, tool: "Vite" }
    }

    #[test]
    fn the_file_and_its_reasons_are_the_reviewed_ones() {
        let top = tempfile::tempdir().unwrap();
        let proposal = |services: Vec<Guess>| Proposal {
            path: "/home/ada/shop/.styxy.json".into(),
            written: true,
            text: text(top.path(), &services),
            services,
        };
        let two = proposal(vec![guess("dev", None), guess("storybook", Some(6006))]);
        let none = proposal(Vec::new());
        let left_out = ["the script preview is not in it".to_owned()];
        let shown = |proposal: &Proposal, left_out: &[String], below| {
            format!("{}{}\n", proposal.text, remarks(proposal, left_out, below).join("\n"))
        };
        let path = Path::new("/home/ada/shop/.styxy.json");
        snapshot!(
            "init",
            each([
                ("two servers", shown(&two, &left_out, false)),
                ("in a package, none", shown(&none, &[], true)),
                ("there is one", failed(refusal(path, &io::ErrorKind::AlreadyExists.into()))),
                ("it may not be written", failed(refusal(path, &io::ErrorKind::PermissionDenied.into()))),
            ])
        );
    }

    #[test]
    fn the_file_is_valid_and_names_the_schema_of_an_installed_package() {
        let top = tempfile::tempdir().unwrap();
        let written = text(top.path(), &[guess("dev", Some(3000)), guess("api", None)]);
        let project = project::parse(&written).unwrap();
        assert_eq!(project.services.len(), 2);
        let schema = top.path().join("node_modules/styxy/docs/project.schema.json");
        std::fs::create_dir_all(schema.parent().unwrap()).unwrap();
        std::fs::write(&schema, "{}").unwrap();
        assert!(text(top.path(), &[]).contains(INSTALLED));
    }
}
