//! Finding and reading a project's file: `.styxy.json`, or the key `styxy` of a `package.json`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use styxy_core::api::{Code, Refusal};
use styxy_core::checkout;
use styxy_core::config::ConfigError;
use styxy_core::json::place_of;
use styxy_core::project::{FILE, KEY, PACKAGE, Project, parse, parse_package};
use styxy_core::with_causes;
use styxy_os::disk::Disk;

/// No more bytes of a file are read. The parser refuses shorter ones already.
const MOST: u64 = 2 * 1024 * 1024;
/// So many keys that are not known are named.
const NAMED: usize = 5;

/// Why a project's file cannot be honoured.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It is there and cannot be read.
    #[error("could not read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has a mistake.
    #[error("{}:{}:{}: {mistake}", path.display(), mistake.line, mistake.column)]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// The mistake and its place.
        mistake: ConfigError,
    },
}

impl ProjectError {
    /// The same in the form of the wire, with what to do about it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let refusal = Refusal::new(Code::InvalidRequest, with_causes(self));
        match self {
            Self::Unreadable { path, .. } => {
                refusal.hint("make it readable, or remove it").detail("path", path.to_string_lossy())
            }
            Self::Mistaken { path, mistake } => refusal
                .hint(mistake.hint.as_deref().unwrap_or("styxy config schema --project"))
                .detail("path", path.to_string_lossy())
                .detail("line", mistake.line)
                .detail("column", mistake.column),
        }
    }
}

/// A project's file, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where it is.
    pub path: PathBuf,
    /// As it is written: of a `package.json` the value of its key.
    pub text: String,
    /// What it says.
    pub project: Project,
}

impl ProjectFile {
    /// The project's file at `path`; none if there is no such file, or if it is a `package.json` without the key.
    ///
    /// # Errors
    /// It cannot be read, or has a mistake.
    pub fn at(path: &Path) -> Result<Option<Self>, ProjectError> {
        let Some(text) = read(path)? else { return Ok(None) };
        let read = if path.file_name().is_some_and(|name| name == PACKAGE) {
            parse_package(&text)
        } else {
            parse(&text).map(|project| Some((project, text.as_str())))
        };
        let path = path.to_owned();
        match read {
            Ok(read) => Ok(read.map(|(project, text)| Self { path, text: text.to_owned(), project })),
            Err(mistake) => Err(ProjectError::Mistaken { path, mistake }),
        }
    }

    /// That keys of it are not used, if so; each on a line of its own, some of many.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let lines = self.ignored().take(NAMED).map(|key| format!("{key} (it is ignored)"));
        let mut lines: Vec<String> = lines.collect();
        match self.project.ignored.len() - lines.len() {
            0 => {}
            1 => lines.push("1 more key is ignored".to_owned()),
            more => lines.push(format!("{more} more keys are ignored")),
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Every key of it that is not used, with its place.
    pub fn ignored(&self) -> impl Iterator<Item = String> {
        self.project.ignored.iter().map(|said| self.placed(said))
    }

    /// A sentence about a key of one of its services, with its place; of a key that is not written the service's.
    #[must_use]
    pub fn said_of(&self, label: &str, key: &str, message: &str) -> String {
        let is_package = self.path.file_name().is_some_and(|name| name == PACKAGE);
        let mut keys: Vec<&str> = is_package.then_some(KEY).into_iter().collect();
        keys.extend(["services", label, key]);
        // As it is on the disk: of a package.json only a part is at hand.
        let text = read(&self.path).ok().flatten().unwrap_or_default();
        let shown = self.path.display();
        match place_of(&text, &keys) {
            Some(((line, column), found)) => {
                format!("{shown}:{line}:{column}: {}: {message}", keys[..found].join("."))
            }
            None => format!("{shown}: {}: {message}", keys.join(".")),
        }
    }

    /// A sentence about it, with its place.
    #[must_use]
    pub fn placed(&self, said: &ConfigError) -> String {
        let ConfigError { line, column, message, hint } = said;
        let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{line}:{column}: {message}{hint}", self.path.display())
    }
}

/// The nearest project's file, from `dir` up to `root`, both included; without a `root` in `dir` alone.
///
/// In one folder `.styxy.json` wins over `package.json`. Takes a few microseconds a folder.
///
/// # Errors
/// The nearest file cannot be read, or has a mistake.
pub(crate) fn find(dir: &Path, root: Option<&Path>) -> Result<Option<ProjectFile>, ProjectError> {
    // A folder above the checkout is not the project's.
    let root = root.filter(|root| dir.starts_with(root)).unwrap_or(dir);
    for folder in dir.ancestors().take_while(|folder| folder.starts_with(root)) {
        for name in [FILE, PACKAGE] {
            if let Some(file) = ProjectFile::at(&folder.join(name))? {
                return Ok(Some(file));
            }
        }
    }
    Ok(None)
}

/// As [`find`], with the package of each service that is started in a certain folder.
///
/// # Errors
/// As [`find`].
pub(crate) fn settled(dir: &Path, root: Option<&Path>) -> Result<Option<ProjectFile>, ProjectError> {
    let mut found = find(dir, root)?;
    if let Some(ProjectFile { path, project, .. }) = &mut found
        && let Some(beside) = path.parent()
    {
        let root = root.unwrap_or(beside);
        project.settle(|cwd| checkout::package(&beside.join(cwd), root, &Disk));
    }
    Ok(found)
}

/// The text of `path`; nothing if there is no such file.
fn read(path: &Path) -> Result<Option<String>, ProjectError> {
    let text = || -> io::Result<String> {
        // Opening a pipe would wait for a writer.
        let found = fs::metadata(path)?;
        if !found.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        // It is read in one go, and a byte more shows that this was all.
        let mut text = String::with_capacity(usize::try_from(found.len().min(MOST)).unwrap_or(0) + 1);
        File::open(path)?.take(MOST).read_to_string(&mut text)?;
        Ok(text)
    };
    match text() {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            match fs::read_link(path) {
                // Whoever has put it there means that it counts.
                Ok(to) if path.file_name().is_some_and(|name| name == FILE) => {
                    let said = format!("it is a link to {}, which does not exist", to.display());
                    let source = io::Error::new(io::ErrorKind::NotFound, said);
                    Err(ProjectError::Unreadable { path: path.to_owned(), source })
                }
                Ok(_) | Err(_) => Ok(None),
            }
        }
        Err(source) => Err(ProjectError::Unreadable { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let top = tempfile::tempdir().unwrap();
        let root = styxy_os::disk::canonical(top.path()).unwrap().join("app");
        let deep = root.join("packages/web");
        fs::create_dir_all(&deep).unwrap();
        (top, root, deep)
    }

    fn port(found: Option<ProjectFile>) -> Option<u16> {
        found.map(|file| file.project.services[0].port.port().unwrap().get())
    }

    fn write(path: &Path, port: u16) {
        let project = format!("{{\"services\": {{\"dev\": {{\"port\": {port}}}}}}}");
        let text = if path.ends_with(PACKAGE) { format!("{{\"styxy\": {project}}}") } else { project };
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_nearest_file_wins_and_in_one_folder_the_file_over_the_key() {
        let (_top, root, deep) = tree();
        let seen = || port(find(&deep, Some(&root)).unwrap());
        assert_eq!(seen(), None);
        write(&root.join(PACKAGE), 3001);
        assert_eq!(seen(), Some(3001));
        write(&root.join(FILE), 3002);
        assert_eq!(seen(), Some(3002));
        write(&root.join("packages").join(PACKAGE), 3003);
        assert_eq!(seen(), Some(3003));
        fs::write(deep.join(PACKAGE), "{\"name\": \"web\"}").unwrap();
        assert_eq!(seen(), Some(3003));
        write(&deep.join(FILE), 3004);
        assert_eq!(seen(), Some(3004));
    }

    #[test]
    fn nothing_above_the_checkout_is_looked_at() {
        let (_top, root, deep) = tree();
        write(&root.parent().unwrap().join(FILE), 3001);
        assert_eq!(find(&deep, Some(&root)).unwrap(), None);
        write(&root.join(FILE), 3002);
        assert_eq!(find(&deep, None).unwrap(), None, "without a checkout the folder itself is all there is");
        assert_eq!(port(find(&root, None).unwrap()), Some(3002));
    }

    #[test]
    fn a_mistake_is_refused_with_its_place_even_if_a_farther_file_is_good() {
        let (_top, root, deep) = tree();
        write(&root.join(FILE), 3001);
        fs::write(deep.join(FILE), "{\n  \"services\": {\"dev\": 1}\n}").unwrap();
        let refusal = find(&deep, Some(&root)).unwrap_err().refusal();
        assert!(
            refusal.error.starts_with(&format!("{}:2:23: ", deep.join(FILE).display())),
            "{}",
            refusal.error
        );
        assert_eq!((refusal.code, refusal.details["line"].as_u64()), (Code::InvalidRequest, Some(2)));
    }

    #[test]
    fn unknown_keys_are_one_warning_with_the_place_of_each() {
        let (_top, root, _) = tree();
        fs::write(root.join(FILE), "{\n  \"service\": {}, \"up\": {}}").unwrap();
        let file = find(&root, None).unwrap().unwrap();
        let path = root.join(FILE).display().to_string();
        let said = format!(
            "{path}:2:3: service is not a known key; did you mean services? (it is ignored)\n\
             {path}:2:18: up is not a known key; allowed: name, services (it is ignored)"
        );
        assert_eq!(file.warning(), Some(said));
        let many: Vec<String> = (0..7).map(|number| format!("\"k{number}\": 1")).collect();
        fs::write(root.join(FILE), format!("{{{}}}", many.join(", "))).unwrap();
        let warning = find(&root, None).unwrap().unwrap().warning().unwrap();
        assert!(warning.contains("k4 is") && warning.ends_with("\n2 more keys are ignored"), "{warning}");
        fs::write(root.join(FILE), "{}").unwrap();
        assert_eq!(find(&root, None).unwrap().unwrap().warning(), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_leads_nowhere_is_refused_as_a_file() {
        let (_top, root, _) = tree();
        std::os::unix::fs::symlink("gone.json", root.join(PACKAGE)).unwrap();
        assert_eq!(find(&root, None).unwrap(), None, "that one is npm's");
        std::os::unix::fs::symlink("../gone.json", root.join(FILE)).unwrap();
        let refusal = find(&root, None).unwrap_err().refusal();
        assert!(refusal.error.ends_with("it is a link to ../gone.json, which does not exist"), "{refusal}");
    }

    #[test]
    fn what_is_not_a_file_is_refused_and_never_waited_for() {
        let (_top, root, _) = tree();
        fs::create_dir(root.join(FILE)).unwrap();
        let refusal = find(&root, None).unwrap_err().refusal();
        assert!(refusal.error.ends_with("it is not a file"), "{}", refusal.error);
    }
}
