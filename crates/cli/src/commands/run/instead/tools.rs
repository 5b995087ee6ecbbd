//! A known tool that is not installed, or not here.

use super::{Instead, Typed};
use crate::devserver::frameworks::{self, Source};
use crate::devserver::program::LAUNCHERS;

/// What to type if `typed.name` is a known tool, which is missing.
pub(super) fn known(typed: &Typed<'_>) -> Option<Instead> {
    let name = typed.name;
    if name.contains('/') {
        return None;
    }
    match frameworks::source(name) {
        Some((Source::Npm, names)) => Some(of_npm(typed, names)),
        Some((Source::Python, _)) => Some(of_python(typed)),
        Some((Source::Other, _)) => Some(Instead::without_hint(NOT_INSTALLED)),
        None => LAUNCHERS.contains(&name).then(|| Instead::without_hint(NOT_INSTALLED)),
    }
}

const NOT_INSTALLED: &str = "it is not installed, or its folder is not in PATH";

fn of_npm(typed: &Typed<'_>, names: &[&str]) -> Instead {
    let name = typed.name;
    let package = typed.package();
    let manager = package.as_ref().map_or("npm", |package| package.manager(typed.root));
    if package.is_some_and(|package| names.iter().any(|name| package.depends_on(name))) {
        return Instead::new("the package needs it, and it is not installed", format!("{manager} install"));
    }
    let run = match manager {
        "pnpm" => "pnpm dlx",
        "bun" => "bunx",
        _ => "npx",
    };
    let package = names.iter().find(|name| name.starts_with('@')).unwrap_or(&name);
    Instead::new("it is not installed here", typed.line(&["styxy run --", run, package]))
}

fn of_python(typed: &Typed<'_>) -> Instead {
    let name = typed.name;
    let has = |file: &str| typed.folder.join(file).is_file();
    let own = [".venv/bin", "venv/bin", "env/bin"].map(|place| format!("{place}/{name}"));
    if let Some(file) = own.iter().find(|file| has(file)) {
        let why = format!("it is in {file}, and that environment is not active");
        return Instead::new(why, typed.line(&["styxy run --", file]));
    }
    let runners = [("uv.lock", "uv run"), ("poetry.lock", "poetry run"), ("Pipfile", "pipenv run")];
    match runners.into_iter().find(|(file, _)| has(file)) {
        Some((_, runner)) => Instead::new("it is not in PATH", typed.line(&["styxy run --", runner, name])),
        None => Instead::without_hint(NOT_INSTALLED),
    }
}
