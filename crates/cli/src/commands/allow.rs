//! `styxy allow`: a person's consent to what a project's file sets where nobody asks for it (R143).

use std::io::{self, Write};

use serde::Serialize;
use styxy_client::ProjectFile;
use styxy_core::api::{Code, Refusal};

use crate::here::allowed::{Allowed, LONGEST, Still};
use crate::here::caller::{self, caller};
use crate::here::context::{self, Context};
use crate::here::texts;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::one_line;

/// Allow the project's file to set variables of any name and text
///
/// Hooks, `styxy env` and `styxy run` set only what is harmless unasked: ports, and addresses of the project's own services. The
/// other texts that `env` in .styxy.json has are set once you have allowed the file. It counts for the file at this place and as
/// it is now: a change asks again. The list of names that programs act on, such as PATH, is refused either way.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy allow               the file that counts in this folder
  styxy allow --revoke      only what is harmless, from now on
  styxy allow --list        which files are allowed"))]
pub(crate) struct Args {
    /// Take it back
    #[arg(long, conflicts_with = "list")]
    revoke: bool,
    /// Say which files are allowed
    #[arg(long)]
    list: bool,
}

/// What was done; with `--json` the answer.
#[derive(Debug, Serialize)]
struct Done {
    path: String,
    allowed: bool,
    /// The variables that need it.
    variables: Vec<String>,
}

/// With `--list`.
#[derive(Debug, Serialize)]
struct Listed {
    /// Those that count.
    allowed: Vec<String>,
    /// Those that do not count any more.
    outdated: Vec<(String, Still)>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let layout = context::layout()?;
        let mut allowed = Allowed::read(&layout);
        if self.list {
            let files = allowed.files().map(|(path, still)| (path.to_string_lossy().into_owned(), still));
            let (allowed, outdated): (Vec<_>, Vec<_>) = files.partition(|(_, still)| *still == Still::Counts);
            let allowed = allowed.into_iter().map(|(path, _)| path).collect();
            let listed = Listed { allowed, outdated };
            context.output.answer(&listed, |out| listed.show(out))?;
            return Ok(Exit::Done);
        }
        let caller = caller();
        if let Some(session) = caller.session()?.filter(|_| !self.revoke) {
            let error = format!(
                "{} cannot allow it: what a repository sets is for a person to allow",
                session.instance
            );
            return Err(Refusal::new(Code::Forbidden, error)
                .hint("styxy allow, in a terminal of your own")
                .into());
        }
        let file = caller::named_file(&caller)?.ok_or_else(missing)?;
        let done = self.change(&mut allowed, &file)?;
        allowed.write(&layout).map_err(|error| {
            let error = format!("could not write {}: {error}", layout.allowed().display());
            Refusal::new(Code::InvalidRequest, error).hint("styxy doctor")
        })?;
        context.output.answer(&done, |out| done.show(out))?;
        Ok(Exit::Done)
    }

    fn change(&self, allowed: &mut Allowed, file: &ProjectFile) -> Result<Done, Failure> {
        if self.revoke {
            allowed.remove(&file.path);
        } else if file.text.len() > LONGEST {
            let error = format!("{} has more than {LONGEST} bytes", file.path.display());
            return Err(Failure::usage(error, "shorten it"));
        } else {
            allowed.add(file);
        }
        Ok(Done {
            path: file.path.to_string_lossy().into_owned(),
            allowed: !self.revoke,
            variables: texts::held(&file.project).into_iter().map(str::to_owned).collect(),
        })
    }
}

fn missing() -> Failure {
    Refusal::new(Code::InvalidRequest, "there is no .styxy.json here to allow").hint("styxy init").into()
}

impl Done {
    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let path = one_line(&self.path);
        let names = self.variables.join(", ");
        match (self.allowed, names.is_empty()) {
            (true, true) => writeln!(out, "{path} is allowed. So far it sets nothing that needs it."),
            (true, false) => writeln!(out, "{path} is allowed as it is now, and sets {names}."),
            (false, true) => writeln!(out, "{path} is not allowed."),
            (false, false) => writeln!(out, "{path} is not allowed, and does not set {names}."),
        }
    }
}

impl Listed {
    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        if self.allowed.is_empty() {
            writeln!(out, "No file is allowed.")?;
        }
        self.allowed.iter().try_for_each(|path| writeln!(out, "{}", one_line(path)))?;
        self.outdated.iter().try_for_each(|(path, still)| {
            let path = one_line(path);
            match still {
                Still::Gone => writeln!(out, "{path} is not there any more."),
                Still::Changed | Still::Counts => {
                    writeln!(out, "{path} has changed since, and is not allowed any more: styxy allow")
                }
            }
        })
    }
}
