//! A program, a script or a file that is probably meant by a word with a typo.

use std::fs;

use styxy_core::nearest;
use styxy_core::order::Order as _;

use super::{Instead, Typed};
use crate::commands::run::command::program_folders;
use crate::devserver::frameworks;
use crate::devserver::package::Package;
use crate::devserver::program::{LAUNCHERS, interpreter};
use crate::say::shell_word::quoted;

/// How many entries of a folder are looked at.
const MOST: usize = 2_000;

/// What a name may stand for.
#[derive(Clone, Copy)]
enum Kind {
    Script,
    File,
    Program,
}

/// What was probably meant; scripts and files here come before programs.
pub(super) fn near(typed: &Typed<'_>) -> Option<Instead> {
    let (before, name) = match typed.name.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), typed.name),
    };
    let mut known: Vec<(Kind, String)> = Vec::new();
    if before.is_empty() {
        let package = typed.package();
        known.extend(package.iter().flat_map(Package::scripts).map(|name| (Kind::Script, name.to_owned())));
    }
    let files = names_in(&typed.folder.join(&before));
    let is_run = |name: &String| !before.is_empty() || interpreter(name).is_some();
    known.extend(files.into_iter().filter(is_run).map(|name| (Kind::File, name)));
    if before.is_empty() {
        let here = program_folders(typed.folder).flat_map(|folder| names_in(&folder));
        let all = here.chain(frameworks::commands().chain(LAUNCHERS).map(str::to_owned));
        known.extend(all.map(|name| (Kind::Program, name)));
    }
    let found = nearest(name, known.iter().map(|(_, name)| name.as_str()))?;
    let (kind, found) = known.iter().find(|(_, name)| name == found)?;
    let path = format!("{before}{found}");
    Some(match kind {
        Kind::Script => Instead::new(
            format!("there is no such program; did you mean the script {found}?"),
            typed.script(found)?,
        ),
        Kind::File => {
            let reader = interpreter(found).map(|reader| format!("{reader} ")).unwrap_or_default();
            let hint = typed.line(&["styxy run --", &format!("{reader}{}", quoted(&path))]);
            Instead::new(format!("there is no such file; did you mean {path}?"), hint)
        }
        Kind::Program => {
            let hint = typed.line(&["styxy run --", &quoted(found)]);
            Instead::new(format!("there is no such program; did you mean {found}?"), hint)
        }
    })
}

/// The names of the files in a folder, in alphabetical order.
fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST);
    let files = entries.filter(|entry| !entry.path().is_dir());
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.order();
    names
}
