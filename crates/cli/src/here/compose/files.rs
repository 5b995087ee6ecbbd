//! Which files compose would read in a folder, had nobody told it otherwise.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The names of its first file, and of the one beside it, in the order of compose.
const FIRST: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const BESIDE: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The files, absolute: those that the variable `given` names, else those of the variable in `.env`, else the usual ones. `is_own`
/// says of a file that Styxy has written it: a shell may have the files of another worktree.
pub(super) fn of(
    folder: &Path,
    given: Option<&OsStr>,
    separator: &str,
    is_own: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let listed = |text: &str| -> Vec<PathBuf> {
        let files = text.split(separator).map(str::trim).filter(|file| !file.is_empty());
        files.map(|file| folder.join(file)).collect()
    };
    let given =
        given.and_then(OsStr::to_str).map(listed).filter(|files| !files.iter().any(|file| is_own(file)));
    if let Some(files) = given.filter(|files| !files.is_empty()) {
        return files;
    }
    if let Some(files) = of_dotenv(folder).map(|text| listed(&text)).filter(|files| !files.is_empty()) {
        return files;
    }
    let find = |names: [&str; 4]| names.into_iter().map(|name| folder.join(name)).find(|path| path.is_file());
    match find(FIRST) {
        Some(first) => std::iter::once(first).chain(find(BESIDE)).collect(),
        None => Vec::new(),
    }
}

/// `COMPOSE_FILE` in the folder's `.env`.
fn of_dotenv(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(".env")).ok()?;
    let value = text.lines().rev().find_map(|line| {
        let (name, value) = line.trim().strip_prefix("export ").unwrap_or(line.trim()).split_once('=')?;
        (name.trim() == super::FILE).then(|| value.trim())
    })?;
    let quoted = |quote| value.strip_prefix(quote).and_then(|rest| rest.split(quote).next());
    let plain = value.split(" #").next().unwrap_or(value).trim();
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(plain).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "the paths are those of Unix")]
    fn the_files_are_those_that_compose_itself_would_read() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path();
        let own = Path::new("/home/ada/.styxy");
        let files = |given: Option<&str>| {
            let given = given.map(OsStr::new);
            let files = of(folder, given, ":", |path| path.parent() == Some(own));
            let shown =
                |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).to_str().unwrap().to_owned();
            files.iter().map(shown).collect::<Vec<_>>()
        };
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        assert!(files(None).is_empty());
        write("docker-compose.yml", "");
        assert_eq!(files(None), ["docker-compose.yml"]);
        write("compose.yml", "");
        write("docker-compose.override.yml", "");
        assert_eq!(files(None), ["compose.yml", "docker-compose.override.yml"]);
        assert_eq!(files(Some("a.yaml:/b/c.yaml")), ["a.yaml", "/b/c.yaml"]);
        let another = "/other/compose.yaml:/home/ada/.styxy/compose-1.yaml";
        assert_eq!(files(Some(another)), ["compose.yml", "docker-compose.override.yml"]);
        for (line, expected) in [
            ("COMPOSE_FILE=a.yml:b.yml # two", vec!["a.yml", "b.yml"]),
            ("export COMPOSE_FILE=\"c d.yml\"", vec!["c d.yml"]),
        ] {
            write(".env", &format!("X=1\n{line}\n"));
            assert_eq!(files(None), expected, "{line}");
        }
    }
}
