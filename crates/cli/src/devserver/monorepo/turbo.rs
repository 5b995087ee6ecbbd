//! What `turbo.json` says of a task: what turbo runs before it, and what with it.

use std::path::Path;

use styxy_core::json::{self, Form, Node};

use crate::devserver::folder::read;

/// What belongs to a task of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Belonging {
    /// What must have ended before: `^build`, `codegen`, `//#prepare`, `api#build`.
    pub(crate) before: Vec<String>,
    /// What runs beside it: `api#dev`.
    pub(crate) beside: Vec<String>,
}

/// What belongs to the task `task` of the package `name` in `folder`: by the package's own settings, else by those of the root.
pub(crate) fn belonging(root: &Path, folder: &Path, name: Option<&str>, task: &str) -> Belonging {
    let own = name.map(|name| format!("{name}#{task}"));
    let of_package = at(folder, &[task]);
    let of_root = || at(root, &[own.as_deref().unwrap_or(task), task]);
    of_package.or_else(of_root).unwrap_or_default()
}

/// By the first of these tasks that the settings in `folder` know.
fn at(folder: &Path, names: &[&str]) -> Option<Belonging> {
    let text = read(&folder.join("turbo.json")).or_else(|| read(&folder.join("turbo.jsonc")))?;
    let file = json::read(json::without_mark(&text), Form::Settings).ok()?;
    // Version 1 called them a pipeline.
    let tasks = file.get("tasks").or_else(|| file.get("pipeline"))?;
    let task = names.iter().find_map(|name| tasks.get(name))?;
    let texts = |key: &str| -> Vec<String> {
        let items = task.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(Node::as_text).map(str::to_owned).collect()
    };
    Some(Belonging { before: texts("dependsOn"), beside: texts("with") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_own_settings_count_before_those_of_the_root() {
        let top = tempfile::tempdir().unwrap();
        let web = top.path().join("web");
        std::fs::create_dir(&web).unwrap();
        let of = |name: &str, task: &str| belonging(top.path(), &web, Some(name), task);
        assert_eq!(of("web", "dev"), Belonging::default());
        let text = r#"{ // ours
            "tasks": { "dev": { "dependsOn": ["^build"] }, "api#dev": { "with": ["web#dev"] }, "odd": 3 } }"#;
        std::fs::write(top.path().join("turbo.json"), text).unwrap();
        assert_eq!(of("web", "dev").before, ["^build"]);
        assert_eq!(of("api", "dev").beside, ["web#dev"]);
        assert_eq!(of("web", "odd"), Belonging::default());
        let text =
            r#"{ "extends": ["//"], "tasks": { "dev": { "dependsOn": ["codegen"], "with": ["api#dev"] } } }"#;
        std::fs::write(web.join("turbo.json"), text).unwrap();
        assert_eq!(of("web", "dev").before, ["codegen"]);
        assert_eq!(of("web", "dev").beside, ["api#dev"]);
        std::fs::write(
            top.path().join("turbo.json"),
            r#"{"pipeline": {"serve": {"dependsOn": ["^build"]}}}"#,
        )
        .unwrap();
        assert_eq!(of("web", "serve").before, ["^build"]);
    }
}
