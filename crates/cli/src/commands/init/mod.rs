//! `styxy init`: proposes a `.styxy.json` to start from, and writes it if it is told to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use styxy_core::api::{Code, Refusal};
use styxy_core::project;

use crate::here::caller::{caller, deleted};
use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, printable};
use crate::up::sources::propose::{self, Proposal, Proposed};
use crate::up::sources::{EXAMPLE, no_project};

/// Propose a .styxy.json that names this project's servers
///
/// It prints the file, and why each server is in it. They are guessed from the scripts of package.json, a Procfile, the packages that
/// the root of a workspace starts, .claude/launch.json, and the files of Django, FastAPI, Flask and Rails; where these say nothing, from
/// the targets that nx infers and the tasks of mise, make and just. Containers of a compose file are in it too. With --write
/// the file is written to the root of the checkout, also from within a package of a monorepo, for everybody who works on the
/// repository. Styxy works without it. An existing file is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy init
  styxy init --write   write the file too"))]
pub(crate) struct Args {
    /// Write the file
    #[arg(long)]
    write: bool,
}

/// The file to be, and where; with `--json` the answer.
#[derive(Debug, Serialize)]
struct Answer {
    path: PathBuf,
    written: bool,
    text: String,
    services: Vec<Proposed>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let caller = caller();
        let folder =
            caller.folder().ok_or_else(|| Failure::usage(deleted(), "cd into a project, and try again"))?;
        let root = caller.root().ok_or_else(|| no_project(&caller))?;
        let path = root.join(project::FILE);
        if self.write {
            refuse_a_second(&path, root)?;
        }
        let proposal = propose::services(&caller.at(root), root)?;
        if proposal.services.is_empty() {
            proposal.left_out.iter().for_each(|sentence| output::note(&format!("note: {sentence}.")));
            return Err(nothing(root).into());
        }
        let text = propose::text(root, &proposal.services);
        if self.write {
            write(&path, &text).map_err(|error| refusal(&path, &error))?;
        }
        for line in remarks(&proposal, Some(root).filter(|root| *root != folder)) {
            output::note(&line);
        }
        if !self.write && path.symlink_metadata().is_ok() {
            output::note(&format!("note: {} exists, and is not overwritten.", path.display()));
        }
        let answer = Answer { path, written: self.write, text, services: proposal.services };
        context.output.answer(&answer, |out| {
            if answer.written {
                writeln!(out, "Wrote {}.", answer.path.display())?;
            }
            write!(out, "{}", printable(&answer.text))
        })?;
        Ok(Exit::Done)
    }
}

/// Why the file says what it says, a line for each server; `root` is given if the command was typed below it.
fn remarks(proposal: &Proposal, root: Option<&Path>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(root) = root {
        lines.push(format!(
            "The file is for the whole checkout, {}. A package gets a name and ports of its own without it.",
            root.display()
        ));
    }
    lines.extend(proposal.reasons.iter().map(|reason| format!("{reason}.")));
    let quiet: Vec<&str> = proposal
        .services
        .iter()
        .filter(|one| one.run.is_none() && one.compose.is_none())
        .map(|one| one.service.as_str())
        .collect();
    if !quiet.is_empty() {
        lines.push(format!("note: styxy up does not start {}, without a run.", quiet.join(" and ")));
    }
    lines.extend(proposal.left_out.iter().map(|sentence| format!("note: {sentence}.")));
    lines
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

fn nothing(root: &Path) -> Refusal {
    let error = format!("no server was recognised in {}, so there is nothing to propose", root.display());
    Refusal::new(Code::InvalidRequest, error)
        .hint(format!("write {EXAMPLE} into {}, with your own command", project::FILE))
        .detail("path", root.to_string_lossy())
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
    Refusal::new(Code::InvalidRequest, sentence).hint("styxy init").detail("path", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::caller::canonical;
    use crate::say::shown::{each, failed, snapshot};
    use styxy_client::Caller;

    fn proposed(files: &[(&str, &str)]) -> String {
        let top = tempfile::tempdir().unwrap();
        let root = canonical(top.path());
        for (file, text) in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir(root.join(".git")).unwrap();
        let here = Caller::new(Some(&root), None, |_| None, || None);
        let proposal = propose::services(&here, &root).unwrap();
        let text = propose::text(&root, &proposal.services);
        format!("{text}{}\n", remarks(&proposal, None).join("\n"))
    }

    #[test]
    #[cfg_attr(windows, ignore = "a Makefile is a makefile there")]
    fn the_file_and_its_reasons_are_the_reviewed_ones() {
        let path = Path::new("/home/ada/shop/.styxy.json");
        let workspace = |dev: &'static str| {
            let root =
                format!(r#"{{"workspaces": ["apps/*", "packages/*"], "scripts": {{"dev": "{dev}"}}}}"#);
            proposed(&[
                ("package.json", &root),
                ("apps/web/package.json", r#"{"name": "@acme/web", "scripts": {"dev": "next dev -p 3003"}}"#),
                (
                    "apps/admin/package.json",
                    r#"{"name": "@acme/admin", "scripts": {"dev": "vite --port 3003"}}"#,
                ),
                ("packages/ui/package.json", r#"{"name": "ui", "scripts": {"dev": "tsup --watch"}}"#),
            ])
        };
        let scripts = r#"{"scripts": {"dev": "vite", "preview": "vite preview", "storybook": "storybook dev -p 6006"}}"#;
        snapshot!(
            "init",
            each([
                ("one package", proposed(&[("package.json", scripts)])),
                ("a workspace", workspace("turbo run dev")),
                ("a script that does more", workspace("npm run translate && turbo run dev")),
                (
                    "a Procfile",
                    proposed(&[
                        (
                            "Procfile.dev",
                            "web: bin/rails server -p 3000\ncss: tailwindcss -i a.css -o b.css --watch\n"
                        ),
                        ("bin/dev", ""),
                    ])
                ),
                ("an application", proposed(&[("app.py", ""), ("requirements.txt", "flask\n")])),
                (
                    "a task of mise",
                    proposed(&[
                        ("mise.toml", "[tasks.dev]\nrun = \"node server.js\"\n"),
                        ("Makefile", "dev:\n\tx\n")
                    ])
                ),
                (
                    "a target of make",
                    proposed(&[("Makefile", "all:\n\ttrue\n\ndev: all\n\tvite --port 4000\n")])
                ),
                (
                    "what nx infers",
                    proposed(&[
                        ("nx.json", r#"{"plugins": [{"plugin": "@nx/vite/plugin"}, "@nx/next/plugin"]}"#),
                        ("apps/shop/vite.config.ts", ""),
                        ("apps/shop/index.html", ""),
                        ("apps/admin/next.config.js", ""),
                        ("apps/lib/vite.config.ts", ""),
                    ])
                ),
                ("none", failed(nothing(Path::new("/home/ada/shop")))),
                ("there is one", failed(refusal(path, &io::ErrorKind::AlreadyExists.into()))),
                ("it may not be written", failed(refusal(path, &io::ErrorKind::PermissionDenied.into()))),
            ])
        );
    }
}
