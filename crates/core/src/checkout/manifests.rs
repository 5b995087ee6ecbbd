//! What marks a folder as a package of its own, or as the workspace that packages lie in: the one list of manifests.

use std::path::Path;

use super::{Files, Kind, text_up_to};
use crate::json::{self, Form};

/// More bytes than a manifest has.
const MOST: u64 = 1 << 20;

/// Files that say "here a package begins", whatever they contain.
const MANIFESTS: &[&str] = &[
    crate::project::FILE,
    // JavaScript.
    crate::project::PACKAGE,
    "deno.json",
    "deno.jsonc",
    // Python.
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    // Others, by language.
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "composer.json",
    "mix.exs",
    "rebar.config",
    "gleam.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "build.sbt",
    "project.clj",
    "deps.edn",
    "pubspec.yaml",
    "Package.swift",
    "shard.yml",
    "stack.yaml",
    "dune-project",
    "elm.json",
    "build.zig",
];

/// Files that only the root of a workspace has.
const WORKSPACES: &[&str] = &[
    "pnpm-workspace.yaml",
    "lerna.json",
    "nx.json",
    "turbo.json",
    "rush.json",
    "go.work",
    "settings.gradle",
    "settings.gradle.kts",
];

/// Manifests that make a workspace by what is in them.
const BY_CONTENT: &[(&str, Says)] = &[
    (crate::project::PACKAGE, Says::Key("workspaces")),
    ("deno.json", Says::Key("workspace")),
    ("deno.jsonc", Says::Key("workspace")),
    ("Cargo.toml", Says::Table("[workspace")),
    ("pyproject.toml", Says::Table("[tool.uv.workspace")),
];

/// How a manifest says that it is a workspace's.
enum Says {
    /// A key of its JSON object.
    Key(&'static str),
    /// A line of TOML that begins so.
    Table(&'static str),
}

/// Whether a package begins in `folder`.
pub(super) fn is_package(folder: &Path, files: &impl Files) -> bool {
    MANIFESTS.iter().any(|name| is_file(&folder.join(name), files))
}

/// Whether `folder` is the root of a workspace.
pub(super) fn is_workspace(folder: &Path, files: &impl Files) -> bool {
    WORKSPACES.iter().any(|name| is_file(&folder.join(name), files))
        || BY_CONTENT.iter().any(|(name, says)| {
            text_up_to(MOST, &folder.join(name), files).is_some_and(|text| match says {
                Says::Key(key) => has_key(&text, key),
                Says::Table(start) => text.lines().any(|line| line.trim_start().starts_with(start)),
            })
        })
}

fn is_file(path: &Path, files: &impl Files) -> bool {
    files.kind(path) == Some(Kind::File)
}

fn has_key(text: &str, key: &str) -> bool {
    json::read(json::without_mark(text), Form::Settings).is_ok_and(|node| node.get(key).is_some())
}
