//! Which projects' files may set more than harmless variables where nobody asked for it (R143): those that a person has allowed,
//! as they are now.
//!
//! The texts themselves are kept, not their hashes: who may write a repository may look for another text of the same hash.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use styxy_client::ProjectFile;
use styxy_core::layout::Layout;

/// How many files are remembered. The one that was allowed first is dropped.
const MOST: usize = 256;
/// The longest text of a file that may be allowed, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What may be set unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// All that the file says.
    Everything,
    /// Ports and addresses of its own services (R142).
    Harmless,
}

/// What has become of a file that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Still {
    /// It is as it was, and is allowed.
    Counts,
    /// It has another text, and is not allowed any more.
    Changed,
    /// It is not there.
    Gone,
}

/// The files that a person has allowed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Allowed {
    /// In the order in which they were allowed.
    allowed: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    text: String,
}

impl Allowed {
    /// What is in the file of `layout`; nothing if there is none, or if it is not readable.
    pub(crate) fn read(layout: &Layout) -> Self {
        let text = fs::read_to_string(layout.allowed()).ok();
        text.and_then(|text| serde_json::from_slice(text.as_bytes()).ok()).unwrap_or_default()
    }

    /// What `file` may set.
    pub(crate) fn leave(&self, file: &ProjectFile) -> Leave {
        let is_it = |entry: &Entry| entry.path == file.path && entry.text == file.text;
        if self.allowed.iter().any(is_it) { Leave::Everything } else { Leave::Harmless }
    }

    /// Allows `file` as it is now, and not as it was.
    pub(crate) fn add(&mut self, file: &ProjectFile) {
        self.remove(&file.path);
        self.allowed.push(Entry { path: file.path.clone(), text: file.text.clone() });
        let surplus = self.allowed.len().saturating_sub(MOST);
        self.allowed.drain(..surplus);
    }

    /// Forgets the file at `path`. Whether it was allowed, in whatever form.
    pub(crate) fn remove(&mut self, path: &Path) -> bool {
        let before = self.allowed.len();
        self.allowed.retain(|entry| entry.path != path);
        self.allowed.len() < before
    }

    /// The paths, in order, and whether each file is still as it was allowed.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, Still)> {
        self.allowed.iter().map(|entry| {
            let still = match ProjectFile::at(&entry.path) {
                Ok(Some(file)) if file.text == entry.text => Still::Counts,
                Ok(None) => Still::Gone,
                // One with a mistake was never allowed.
                Ok(Some(_)) | Err(_) => Still::Changed,
            };
            (entry.path.as_path(), still)
        })
    }

    /// Writes the file of `layout`: all of it or nothing.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(&self, layout: &Layout) -> io::Result<()> {
        let path = layout.allowed();
        make_private(layout.root())?;
        let new = layout.root().join(format!("allowed.json.{}.new", std::process::id()));
        let written = || -> io::Result<()> {
            let mut file = create_private(&new)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            fs::rename(&new, &path)
        };
        written().inspect_err(|_| drop(fs::remove_file(&new)))
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// The daemon's folder is private; whoever creates it sets its mode.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> ProjectFile {
        let project = styxy_core::project::parse(text).unwrap();
        ProjectFile { path: path.into(), text: text.to_owned(), project }
    }

    #[test]
    fn a_file_is_allowed_at_its_place_and_as_it_is() {
        let top = tempfile::tempdir().unwrap();
        let layout = Layout::new(top.path().join("home"));
        let ours = file("/w/app/.styxy.json", r#"{"services": {}}"#);
        assert_eq!(Allowed::read(&layout).leave(&ours), Leave::Harmless);
        let mut allowed = Allowed::default();
        allowed.add(&ours);
        allowed.write(&layout).unwrap();
        let mut read = Allowed::read(&layout);
        assert_eq!(read.leave(&ours), Leave::Everything);
        assert_eq!(read.leave(&file("/w/app/.styxy.json", r#"{"services": { }}"#)), Leave::Harmless);
        assert_eq!(read.leave(&file("/w/other/.styxy.json", r#"{"services": {}}"#)), Leave::Harmless);
        assert!(read.remove(&ours.path) && !read.remove(&ours.path));
        assert_eq!(fs::read_dir(layout.root()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_allows_nothing_and_only_so_many_are_remembered() {
        let top = tempfile::tempdir().unwrap();
        let layout = Layout::new(top.path().to_owned());
        fs::write(layout.allowed(), "{").unwrap();
        let mut allowed = Allowed::read(&layout);
        assert_eq!(allowed.files().count(), 0);
        for number in 0..=MOST {
            allowed.add(&file(&format!("/w/{number}/.styxy.json"), "{}"));
        }
        assert_eq!(allowed.files().count(), MOST);
        assert_eq!(allowed.files().next(), Some((Path::new("/w/1/.styxy.json"), Still::Gone)));
    }
}
