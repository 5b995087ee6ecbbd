use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Component;

use super::*;

mod places;
mod repositories;

/// A disk in memory: what is at each path, and what a file holds. It has no symbolic links.
#[derive(Default)]
struct Disk {
    at: BTreeMap<PathBuf, (Kind, String)>,
    opened: RefCell<Vec<PathBuf>>,
}

impl Disk {
    /// `app`, a repository with nothing in it yet.
    fn with_app() -> Self {
        let mut disk = Self::default();
        disk.folder("/w/app/.git/worktrees");
        disk
    }
    fn put(&mut self, path: &str, kind: Kind, text: &str) {
        for folder in Path::new(path).ancestors().skip(1) {
            self.at.insert(folder.to_owned(), (Kind::Folder, String::new()));
        }
        self.at.insert(path.into(), (kind, text.to_owned()));
    }
    fn folder(&mut self, path: &str) {
        self.put(path, Kind::Folder, "");
    }
    fn file(&mut self, path: &str, text: &str) {
        self.put(path, Kind::File, text);
    }
    fn remove(&mut self, path: &str) {
        self.at.retain(|at, _| !at.starts_with(path));
    }
    /// As `git worktree add` leaves it.
    fn worktree(&mut self, root: &str, name: &str) {
        let own = format!("/w/app/.git/worktrees/{name}");
        self.file(&format!("{root}/.git"), &format!("gitdir: {own}\n"));
        self.file(&format!("{own}/commondir"), "../..\n");
        self.file(&format!("{own}/gitdir"), &format!("{root}/.git\n"));
    }
    fn submodule(&mut self, root: &str) {
        self.folder("/w/app/.git/modules/sub");
        self.file(&format!("{root}/.git"), "gitdir: /w/app/.git/modules/sub\n");
    }
    fn root(&self, folder: &str, home: Option<&str>) -> Option<String> {
        let root = root(Path::new(folder), home.map(Path::new), self);
        root.map(|root| root.to_str().unwrap().to_owned())
    }
    fn branch(&self, root: &str) -> Option<String> {
        branch(Path::new(root), self)
    }
    fn is_recorded(&self, ours: &str, folder: &str) -> bool {
        is_recorded(Path::new(ours), Path::new(folder), self)
    }
    #[track_caller]
    fn both_ways(&self, one: &str, other: &str, expected: Kinship) {
        let kinship = |ours: &str, theirs: &str| kinship(Path::new(ours), Path::new(theirs), None, self);
        assert_eq!(kinship(one, other), expected, "{one} {other}");
        assert_eq!(kinship(other, one), expected, "{other} {one}");
    }
}

impl Files for Disk {
    fn kind(&self, path: &Path) -> Option<Kind> {
        Some(self.at[&self.canonical(path).ok()?].0)
    }
    fn open(&self, path: &Path) -> io::Result<impl Read> {
        let path = self.canonical(path)?;
        self.opened.borrow_mut().push(path.clone());
        Ok(self.at[&path].1.as_bytes())
    }
    fn entries(&self, folder: &Path) -> Vec<PathBuf> {
        self.at.keys().filter(|path| path.parent() == Some(folder)).cloned().collect()
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::ParentDir => drop(plain.pop()),
                Component::CurDir => {}
                Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
            }
        }
        if self.at.contains_key(&plain) { Ok(plain) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

#[test]
fn the_nearest_folder_with_a_git_folder_is_the_root() {
    let mut disk = Disk::with_app();
    disk.folder("/w/app/packages/web");
    disk.folder("/w/app/vendor/lib/.git");
    for (folder, expected) in [
        ("/w/app", Some("/w/app")),
        ("/w/app/packages/web", Some("/w/app")),
        ("/w/app/vendor/lib", Some("/w/app/vendor/lib")),
        ("/w", None),
    ] {
        assert_eq!(disk.root(folder, None).as_deref(), expected, "{folder}");
    }
}

#[test]
fn a_linked_worktree_is_a_checkout_of_its_own_and_a_pipe_marks_none() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app/.worktrees/fix", "fix");
    assert_eq!(disk.root("/w/app/.worktrees/fix", None).as_deref(), Some("/w/app/.worktrees/fix"));
    disk.put("/w/app/pipes/.git", Kind::Other, "");
    assert_eq!(disk.root("/w/app/pipes", None).as_deref(), Some("/w/app"));
}

#[test]
fn a_git_in_the_home_folder_or_in_the_first_folder_does_not_count() {
    let mut disk = Disk::default();
    disk.folder("/.git");
    disk.folder("/home/ada/.git");
    disk.folder("/home/ada/app/.git");
    let home = Some("/home/ada");
    assert_eq!(disk.root("/home", home), None);
    assert_eq!(disk.root("/home/ada", home), None);
    assert_eq!(disk.root("/home/ada/notes", home), None);
    assert_eq!(disk.root("/home/ada/app", home).as_deref(), Some("/home/ada/app"));
    assert_eq!(disk.root("/home/ada/notes", None).as_deref(), Some("/home/ada"));
    assert_eq!(disk.root("/home/ada/notes", Some("/home/../home/ada/")), None, "the home is made canonical");
}

#[test]
fn a_home_folder_inside_of_a_checkout_belongs_to_that_with_and_without_dotfiles() {
    let mut disk = Disk::with_app();
    disk.folder("/w/app/home/notes");
    let root = |disk: &Disk| disk.root("/w/app/home/notes", Some("/w/app/home"));
    assert_eq!(root(&disk).as_deref(), Some("/w/app"));
    disk.folder("/w/app/home/.git");
    assert_eq!(root(&disk).as_deref(), Some("/w/app"));
}

#[test]
fn a_folder_that_is_gone_lies_in_the_checkout_it_lay_in() {
    assert_eq!(Disk::with_app().root("/w/app/gone/deep", None).as_deref(), Some("/w/app"));
}

#[test]
fn the_branch_is_read_where_the_worktrees_own_head_is() {
    let mut disk = Disk::with_app();
    disk.file("/w/app/.git/HEAD", "ref: refs/heads/feature/login\n");
    disk.file("/w/app/.git/worktrees/fix/HEAD", "ref: refs/heads/fix\n");
    disk.file("/w/absolute/.git", "gitdir: /w/app/.git/worktrees/fix\n");
    disk.file("/w/relative/.git", "gitdir: ../app/.git/worktrees/fix\n");
    assert_eq!(disk.branch("/w/app").as_deref(), Some("feature/login"));
    assert_eq!(disk.branch("/w/absolute").as_deref(), Some("fix"));
    assert_eq!(disk.branch("/w/relative").as_deref(), Some("fix"));
}

#[test]
fn a_detached_or_strange_head_has_no_branch() {
    let long = format!("ref: refs/heads/{}", "x".repeat(5000));
    let heads = ["3f786850e387550fdab836ed7e6dc881de23001b\n", "ref: refs/remotes/origin/main\n"];
    for head in heads.into_iter().chain(["ref: refs/heads/.invalid\n", "", "\u{0}\u{1}", &long]) {
        let mut disk = Disk::default();
        disk.file("/w/app/.git/HEAD", head);
        assert_eq!(disk.branch("/w/app"), None, "{head}");
    }
    assert_eq!(Disk::default().branch("/w/app"), None);
}

#[test]
fn only_regular_files_are_opened() {
    let mut disk = Disk::with_app();
    disk.put("/w/app/.git/HEAD", Kind::Other, "");
    disk.folder("/w/app/.git/worktrees/fix/gitdir");
    assert_eq!(disk.branch("/w/app"), None);
    assert!(!disk.is_recorded("/w/app", "/w/fix"));
    assert!(disk.opened.borrow().is_empty());
}

#[test]
fn worktrees_of_one_repository_are_siblings_wherever_they_lie() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app-fix", "fix");
    disk.worktree("/w/app/.worktrees/feature", "feature");
    disk.both_ways("/w/app", "/w/app", Kinship::Same);
    disk.both_ways("/w/app", "/w/app-fix", Kinship::Sibling);
    disk.both_ways("/w/app", "/w/app/.worktrees/feature", Kinship::Sibling);
    disk.both_ways("/w/app-fix", "/w/app/.worktrees/feature", Kinship::Sibling);
}

#[test]
fn a_submodule_is_part_of_its_worktree_and_of_no_other() {
    let mut disk = Disk::with_app();
    disk.submodule("/w/app/vendor/sub");
    disk.worktree("/w/app/.worktrees/feature", "feature");
    disk.submodule("/w/app/.worktrees/feature/vendor/sub");
    disk.both_ways("/w/app", "/w/app/vendor/sub", Kinship::Same);
    disk.both_ways("/w/app/.worktrees/feature", "/w/app/.worktrees/feature/vendor/sub", Kinship::Same);
    disk.both_ways("/w/app", "/w/app/.worktrees/feature/vendor/sub", Kinship::Sibling);
}

#[test]
fn other_repositories_and_folders_without_one_are_unrelated() {
    let mut disk = Disk::with_app();
    disk.folder("/w/other/.git");
    disk.folder("/w/plain");
    disk.both_ways("/w/app", "/w/other", Kinship::Unrelated);
    disk.both_ways("/w/app", "/w/plain", Kinship::Unrelated);
    disk.both_ways("/w/plain", "/w/plain", Kinship::Same);
}

#[test]
fn a_deleted_worktree_is_known_by_gits_record_of_it() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app-fix", "fix");
    disk.worktree("/w/app/.worktrees/old", "old");
    disk.folder("/w/other/.git");
    disk.file("/w/app/.git/worktrees/old/gitdir", "../../../.worktrees/old/.git\n");
    for gone in ["/w/app-fix", "/w/app/.worktrees/old"] {
        disk.remove(gone);
        assert!(disk.is_recorded("/w/app", &format!("{gone}/web")), "{gone}");
        assert!(!disk.is_recorded("/w/other", &format!("{gone}/web")), "{gone}");
    }
    assert!(!disk.is_recorded("/w/app", "/w/app-fixed"));
}

#[test]
fn a_worktree_that_git_has_pruned_is_still_a_sibling() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app-old", "old");
    disk.remove("/w/app/.git/worktrees/old");
    disk.folder("/w/app/.git/worktrees");
    disk.both_ways("/w/app", "/w/app-old", Kinship::Sibling);
}

#[test]
fn a_path_of_windows_is_written_without_its_verbatim_prefix() {
    let plain = |path: &str| super::plain(path).map(|path| path.to_str().unwrap().to_owned());
    assert_eq!(plain(r"\\?\C:\w\app").as_deref(), Some(r"C:\w\app"));
    assert_eq!(plain(r"\\?\UNC\wsl.localhost\Debian\w").as_deref(), Some(r"\\wsl.localhost\Debian\w"));
    for other in [r"C:\w\app", r"\\server\share", r"\\?\Volume{9f1b}\w", "/w/app"] {
        assert_eq!(plain(other), None);
    }
}

#[test]
fn a_drive_that_git_bash_or_an_editor_says_is_one_of_windows() {
    let drive = |path: &str| super::on_a_drive(path).map(|path| path.to_str().unwrap().to_owned());
    assert_eq!(drive("/c/Users/ada/my api").as_deref(), Some(r"C:\Users\ada\my api"));
    assert_eq!(drive("/c:/Users/ada").as_deref(), Some(r"C:\Users\ada"));
    for root in ["/d", "/d/", "/d:/"] {
        assert_eq!(drive(root).as_deref(), Some(r"D:\"), "{root}");
    }
    for other in ["", "/", "//c/x", "/usr/bin", "/é/x", "c/x", r"C:\x", "C:/x", "../c/x", "/1/x", r"\c\x"] {
        assert_eq!(drive(other), None, "{other}");
    }
    let path = Path::new("/c/Users");
    assert_eq!(super::said(path), Path::new(if cfg!(windows) { r"C:\Users" } else { "/c/Users" }));
}
