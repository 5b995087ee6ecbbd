//! The packages of a JavaScript workspace: the folders that the patterns of its root mean.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use styxy_core::order::Order as _;

use super::folder::read;
use super::package::Package;

/// How many folders are looked into for one workspace.
const LOOKED_INTO: usize = 4000;

/// How many levels `**` stands for.
const DEEP: usize = 8;

/// How many patterns one with braces stands for.
const BRACES: usize = 64;

/// The patterns of the workspace whose root `folder` is; empty if it is not one.
pub(crate) fn patterns(folder: &Path) -> Vec<String> {
    let own = Package::around(folder).ok().filter(|package| package.folder() == folder);
    let mut patterns = own.map(|package| package.workspaces()).unwrap_or_default();
    if let Some(text) = read(&folder.join("pnpm-workspace.yaml")) {
        patterns.extend(listed(&text));
    }
    patterns
}

/// The folders of the workspace's packages, `most` of them: in the order of its patterns, and each pattern's in alphabetical order.
pub(crate) fn folders(root: &Path, most: usize) -> Vec<PathBuf> {
    let patterns: Vec<String> = patterns(root).iter().flat_map(|pattern| without_braces(pattern)).collect();
    let (left_out, taken): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    let left_out: Vec<Vec<&str>> = left_out.iter().map(|pattern| segments(&pattern[1..])).collect();
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    let mut left = LOOKED_INTO;
    for pattern in taken {
        for folder in matching(root, &segments(pattern), &mut left) {
            let Ok(relative) = folder.strip_prefix(root) else { continue };
            let parts: Vec<&str> = relative.iter().filter_map(|part| part.to_str()).collect();
            let is_left_out = left_out.iter().any(|pattern| is_match(pattern, &parts));
            // The root of a workspace is not one of its packages.
            if !parts.is_empty() && !is_left_out && seen.insert(folder.clone()) {
                all.push(folder);
            }
        }
    }
    all.truncate(most);
    all
}

/// Whether the path with these parts is one that `pattern` means.
pub(crate) fn is_match(pattern: &[&str], parts: &[&str]) -> bool {
    match pattern.split_first() {
        None => parts.is_empty(),
        Some((&"**", rest)) => (0..=parts.len()).any(|at| is_match(rest, &parts[at..])),
        Some((first, rest)) => {
            parts.split_first().is_some_and(|(part, behind)| is_named(first, part) && is_match(rest, behind))
        }
    }
}

/// Whether `name` is one that `pattern` means: `*` stands for any text.
pub(crate) fn is_named(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let after = after.trim_start_matches('*');
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| is_named(after, &rest[at..]))
}

/// The parts of a pattern or a path: without `.` and empty ones.
pub(crate) fn segments(pattern: &str) -> Vec<&str> {
    pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect()
}

/// `apps/{web,api}` as `apps/web` and `apps/api`.
pub(crate) fn without_braces(pattern: &str) -> Vec<String> {
    let mut all = vec![pattern.to_owned()];
    while let Some(at) = all.iter().position(|pattern| braces(pattern).is_some()) {
        let pattern = all.remove(at);
        let Some((before, inside, after)) = braces(&pattern) else { break };
        let each = inside.split(',').map(|choice| format!("{before}{choice}{after}"));
        let each: Vec<String> = each.collect();
        if all.len() + each.len() > BRACES {
            return Vec::new();
        }
        all.splice(at..at, each);
    }
    all
}

/// What is before, inside of and behind the first innermost braces.
fn braces(pattern: &str) -> Option<(&str, &str, &str)> {
    let close = pattern.find('}')?;
    let open = pattern[..close].rfind('{')?;
    Some((&pattern[..open], &pattern[open + 1..close], &pattern[close + 1..]))
}

/// The folders with a `package.json` that a pattern means.
fn matching(root: &Path, pattern: &[&str], left: &mut usize) -> Vec<PathBuf> {
    let plain = pattern.iter().take_while(|part| !part.contains('*')).count();
    // A package outside of the root is in another checkout.
    if pattern.contains(&"..") {
        return Vec::new();
    }
    let from = pattern[..plain].iter().fold(root.to_owned(), |folder, part| folder.join(part));
    let rest = &pattern[plain..];
    let deep = if rest.contains(&"**") { DEEP } else { rest.len() };
    let mut found = Vec::new();
    below(&from, &mut Vec::new(), deep, left, &mut |folder, parts| {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if is_match(rest, &parts) && folder.join("package.json").is_file() {
            found.push(folder.to_owned());
        }
    });
    found
}

/// Calls `found` with `folder` and those below it, up to `deep` levels.
fn below(
    folder: &Path,
    parts: &mut Vec<String>,
    deep: usize,
    left: &mut usize,
    found: &mut dyn FnMut(&Path, &[String]),
) {
    let Some(less) = left.checked_sub(1) else { return };
    *left = less;
    found(folder, parts);
    if deep == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let names = entries.flatten().filter(is_folder).filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with('.') && name != "node_modules").collect();
    names.order();
    for name in names {
        let inner = folder.join(&name);
        parts.push(name);
        below(&inner, parts, deep - 1, left, found);
        parts.pop();
    }
}

/// The list `packages` of a `pnpm-workspace.yaml`: an item on each line, or all of them in brackets.
fn listed(text: &str) -> Vec<String> {
    let plain = |item: &str| item.trim().trim_matches(['"', '\'']).to_owned();
    let without_comment = |line: &str| {
        let line = if line.trim_start().starts_with('#') { "" } else { line };
        line.split(" #").next().unwrap_or_default().trim_end().to_owned()
    };
    let mut lines = text.lines().map(without_comment).filter(|line| !line.trim().is_empty());
    let Some(first) =
        lines.find_map(|line| line.strip_prefix("packages:").map(|rest| rest.trim().to_owned()))
    else {
        return Vec::new();
    };
    if first.starts_with('[') {
        let rest = lines.collect::<Vec<_>>().join(" ");
        let whole = format!("{first} {rest}");
        let inside = whole[1..].split(']').next().unwrap_or_default();
        return inside.split(',').map(plain).filter(|item| !item.is_empty()).collect();
    }
    lines.map_while(|line| line.trim_start().strip_prefix('-').map(plain)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = top.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        top
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let top = workspace(files);
        let folders = folders(top.path(), 100).into_iter();
        folders
            .map(|path| path.strip_prefix(top.path()).unwrap().to_str().unwrap().replace('\\', "/"))
            .collect()
    }

    const PACKAGES: [(&str, &str); 6] = [
        ("apps/web/package.json", "{}"),
        ("apps/api/package.json", "{}"),
        ("apps/notes/readme", ""),
        ("packages/ui/package.json", "{}"),
        ("packages/ui/examples/one/package.json", "{}"),
        ("packages/ui/node_modules/x/package.json", "{}"),
    ];

    fn with(root: (&'static str, &'static str)) -> Vec<String> {
        let mut all = PACKAGES.to_vec();
        all.push(root);
        found(&all)
    }

    #[test]
    fn a_pattern_means_the_folders_with_a_package() {
        let ui = "packages/ui";
        let one = "packages/ui/examples/one";
        for (patterns, expected) in [
            (r#"["apps/*"]"#, vec!["apps/api", "apps/web"]),
            (r#"["packages/*", "apps/web"]"#, vec![ui, "apps/web"]),
            (r#"["packages/**"]"#, vec![ui, one]),
            (r#"["**", "!**/examples/**"]"#, vec!["apps/api", "apps/web", ui]),
            (r#"["apps/{web,api}/"]"#, vec!["apps/web", "apps/api"]),
            (r#"["./apps/w*", "apps/*"]"#, vec!["apps/web", "apps/api"]),
            (r#"["../x", ".", "nothing"]"#, vec![]),
        ] {
            let text = format!(r#"{{"workspaces": {patterns}}}"#);
            let text: &'static str = text.leak();
            assert_eq!(with(("package.json", text)), expected, "{patterns}");
        }
    }

    #[test]
    fn pnpms_list_may_have_comments_and_blank_lines_or_brackets() {
        for text in [
            "packages:\n  - 'apps/*'\n",
            "# ours\nlockfile: true\npackages:\n# all apps\n- apps/*  # here\n\ncatalog:\n  - x\n",
            "packages: [\"apps/*\"]\n",
            "packages: [\n  'apps/*',\n]\nother: [x]\n",
        ] {
            assert_eq!(with(("pnpm-workspace.yaml", text)), ["apps/api", "apps/web"], "{text}");
        }
        assert!(with(("pnpm-workspace.yaml", "catalog:\n  - apps/*\n")).is_empty());
    }
}
