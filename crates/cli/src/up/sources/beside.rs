//! What `styxy init` looks at beside scripts (R155): containers, the targets that nx infers, and the tasks of mise, make and just. Their
//! names mean nothing certain, so nothing of it is started before a person has written it into the file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use styxy_core::ServiceType;

use super::made;
use super::propose::{FIRST, Proposal, Proposed};
use crate::devserver::folder::{Folder, read};
use crate::devserver::inward::allowed_name;
use crate::devserver::recipes::Book;
use crate::devserver::workspace;
use crate::here::compose::{Compose, ComposeError};
use crate::here::context;

/// How long compose may take to say what its files mean.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many packages of nx are looked at.
const MOST: usize = 100;

/// What starts something.
pub(super) struct Task {
    pub(super) label: String,
    pub(super) command: String,
    pub(super) folder: PathBuf,
    /// What says so.
    pub(super) what: String,
}

/// Those of the first that has any.
pub(super) fn tasks(root: &Path) -> Vec<Task> {
    let inferred = inferred(root);
    if !inferred.is_empty() {
        return inferred;
    }
    mise(root).or_else(|| recipe(root, "make")).or_else(|| recipe(root, "just")).into_iter().collect()
}

/// The targets that plug-ins of nx infer from a tool's settings, and the commands that these run.
fn inferred(root: &Path) -> Vec<Task> {
    const PLUGINS: [[&str; 3]; 5] = [
        ["vite", "vite.config.", "vite"],
        ["next", "next.config.", "next dev"],
        ["nuxt", "nuxt.config.", "nuxt dev"],
        ["webpack", "webpack.config.", "webpack-cli serve"],
        ["rspack", "rspack.config.", "rspack serve"],
    ];
    let Some(settings) = read(&root.join("nx.json")) else { return Vec::new() };
    let apps = std::fs::read_dir(root.join("apps")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = workspace::folders(root, MOST);
    folders.extend(apps.filter(|folder| folder.is_dir()).take(MOST));
    folders.sort();
    folders.dedup();
    let mut all = Vec::new();
    for folder in folders {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let files: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let is_page = files.iter().any(|file| file == "index.html");
        let found = PLUGINS.iter().find_map(|[tool, begin, command]| {
            let has_plugin = settings.contains(&format!("\"@nx/{tool}/plugin\""));
            // What has no page is built by Vite, and not served.
            let file = files.iter().find(|file| file.starts_with(begin))?;
            (has_plugin && (*tool != "vite" || is_page)).then_some((file, command))
        });
        let Some(((file, command), name)) = found.zip(folder.file_name()) else { continue };
        let below = made::shown(folder.strip_prefix(root).unwrap_or(&folder));
        let what = format!("nx infers a target from {below}/{file}, which");
        let label = allowed_name(&name.to_string_lossy());
        all.push(Task { label, command: format!("npx {command}"), what, folder });
    }
    all
}

/// The task of mise that is called like what people work with.
fn mise(root: &Path) -> Option<Task> {
    const FILES: [&str; 4] = ["mise.toml", ".mise.toml", ".config/mise.toml", "mise/config.toml"];
    FILES.iter().find_map(|file| {
        let names = mise_tasks(&read(&root.join(file))?);
        task(root, &names, |name| format!("mise run {name}"), |name| format!("the task {name} of {file}"))
    })
}

fn mise_tasks(text: &str) -> Vec<String> {
    let unquoted = |name: &str| name.trim().trim_matches(['"', '\'']).to_owned();
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            is_inside = header.trim() == "tasks";
            names.extend(header.trim().strip_prefix("tasks.").map(unquoted));
        } else if is_inside && let Some((name, _)) = line.split_once('=') {
            names.push(unquoted(name));
        }
    }
    names
}

/// The target of a Makefile or a justfile that is called so.
fn recipe(root: &Path, tool: &str) -> Option<Task> {
    let book = Book::find(tool, &[], None, &Folder::alone(root))?;
    let names: Vec<String> = book.recipes().into_iter().flat_map(|recipe| recipe.names).collect();
    let what = |name: &str| format!("the target {name} of {}", book.name);
    task(root, &names, |name| format!("{tool} {name}"), what)
}

fn task(
    root: &Path,
    names: &[String],
    command: impl Fn(&str) -> String,
    what: impl Fn(&str) -> String,
) -> Option<Task> {
    let name = FIRST.iter().chain(&["run"]).find(|first| names.iter().any(|name| name == **first))?;
    Some(Task {
        label: (*name).to_owned(),
        command: command(name),
        folder: root.to_owned(),
        what: what(name),
    })
}

/// The containers of the compose file that are fetched: databases, mail, queues. What is built is the repository's own code.
pub(super) fn add_containers(root: &Path, proposal: &mut Proposal) {
    let Ok(layout) = context::layout() else { return };
    let compose = match Compose::at(root.to_owned(), &layout, Instant::now() + PATIENCE) {
        Ok(compose) => compose,
        Err(ComposeError::NoFile(_)) => return,
        Err(error) => {
            proposal.left_out.push(format!("the containers of the compose file: {}", error.refusal().error));
            return;
        }
    };
    for name in compose.services() {
        if compose.is_built(&name) {
            let why = "compose builds it from this repository, and styxy up starts its code";
            proposal.left_out.push(format!("{name} of the compose file is not in it: {why}"));
            continue;
        }
        let label = allowed_name(&name);
        if proposal.services.iter().any(|other| other.service.eq_ignore_ascii_case(&label)) {
            continue;
        }
        proposal.reasons.push(format!("{label}: the container {name} of the compose file"));
        let is_database = matches!(compose.target(&name), Some(1433 | 3306 | 5432 | 27017));
        let kind = is_database.then(|| ServiceType::new("database").ok()).flatten();
        proposal.services.push(Proposed::container(label, kind, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tasks_of_mise_are_its_tables_and_its_keys() {
        let text = "[tools]\nnode = '22'\n[tasks]\nlint = 'eslint .'\n\"dev\" = \"vite\"\n[tasks.build]\nrun = 'x'\n[env]\na = 1\n";
        assert_eq!(mise_tasks(text), ["lint", "dev", "build"]);
    }
}
