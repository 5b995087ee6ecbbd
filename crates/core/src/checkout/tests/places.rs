//! Where a folder belongs, and how packages are called.

use super::*;

/// Where a folder belongs, with the home folder `/home/ada`: its root and by what that is one.
fn place_of(disk: &Disk, folder: &str) -> Option<(String, Ground)> {
    let place = place(Path::new(folder), Some(Path::new("/home/ada")), disk)?;
    Some((place.root.to_str().unwrap().to_owned(), place.ground))
}

#[track_caller]
fn is_at(disk: &Disk, folder: &str, root: &str, ground: Ground) {
    assert_eq!(place_of(disk, folder), Some((root.to_owned(), ground)), "{folder}");
}

#[test]
fn every_version_control_system_marks_the_root_of_its_checkouts() {
    for (marker, kind) in [
        (".git", Kind::File),
        (".git", Kind::Folder),
        (".jj", Kind::Folder),
        (".sl", Kind::Folder),
        (".hg", Kind::Folder),
        (".svn", Kind::Folder),
        (".pijul", Kind::Folder),
        (".fslckout", Kind::File),
        ("_FOSSIL_", Kind::File),
        ("_darcs", Kind::Folder),
        (".bzr", Kind::Folder),
        (".got", Kind::Folder),
        (".plastic", Kind::Folder),
        ("CVS/Root", Kind::File),
    ] {
        let mut disk = Disk::default();
        disk.put(&format!("/w/app/{marker}"), kind, "");
        disk.folder("/w/app/packages/web");
        is_at(&disk, "/w/app/packages/web", "/w/app", Ground::Checkout);
        disk.put(&format!("/home/ada/{marker}"), kind, "");
        disk.folder("/home/ada/notes");
        is_at(&disk, "/home/ada/notes", "/home/ada/notes", Ground::Folder);
        assert_eq!(place_of(&disk, "/home/ada"), None, "{marker}");
    }
    let mut disk = Disk::default();
    disk.put("/w/app/.jj", Kind::File, "");
    disk.put("/w/app/.fslckout", Kind::Folder, "");
    is_at(&disk, "/w/app", "/w/app", Ground::Folder);
}

#[test]
fn the_topmost_folder_counts_where_old_versions_mark_every_one() {
    let mut disk = Disk::default();
    for folder in ["/w/app", "/w/app/src", "/w/app/src/web"] {
        disk.folder(&format!("{folder}/.svn"));
    }
    is_at(&disk, "/w/app/src/web", "/w/app", Ground::Checkout);
    disk.folder("/w/app/vendor/lib/.svn");
    is_at(&disk, "/w/app/vendor/lib", "/w/app/vendor/lib", Ground::Checkout);
    disk.folder("/w/app/src/web/.git");
    is_at(&disk, "/w/app/src/web", "/w/app/src/web", Ground::Checkout);
}

#[test]
fn outside_of_checkouts_the_topmost_workspace_counts_then_the_nearest_manifest_then_the_folder() {
    let mut disk = Disk::default();
    disk.file("/home/ada/shop/web/package.json", "{}");
    disk.folder("/home/ada/shop/web/src");
    disk.folder("/home/ada/plain/css");
    is_at(&disk, "/home/ada/shop/web/src", "/home/ada/shop/web", Ground::Manifest);
    is_at(&disk, "/home/ada/shop", "/home/ada/shop", Ground::Folder);
    is_at(&disk, "/home/ada/plain/css", "/home/ada/plain/css", Ground::Folder);
    disk.file("/home/ada/shop/package.json", "{\"name\": \"shop\"}");
    is_at(&disk, "/home/ada/shop/web/src", "/home/ada/shop/web", Ground::Manifest);
    for (file, text) in [
        ("package.json", "\u{feff}{\"workspaces\": [\"web\"]}"),
        ("pnpm-workspace.yaml", ""),
        ("Cargo.toml", "[package]\nname = \"a\"\n\n[workspace]\n"),
        ("deno.jsonc", "{ // packages\n \"workspace\": [\"web\"], }"),
        ("pyproject.toml", "[tool.uv.workspace]\n"),
        ("go.work", ""),
    ] {
        let mut disk = Disk::default();
        disk.file("/home/ada/shop/web/package.json", "{}");
        disk.file(&format!("/home/ada/shop/{file}"), text);
        is_at(&disk, "/home/ada/shop/web", "/home/ada/shop", Ground::Manifest);
    }
}

#[test]
fn a_manifest_in_a_home_above_it_or_in_a_folder_of_everybody_joins_nothing() {
    let mut disk = Disk::default();
    for folder in ["/", "/home", "/home/ada", "/tmp"] {
        disk.file(&format!("{folder}/package.json").replace("//", "/"), "{\"workspaces\": []}");
    }
    disk.folder("/home/ada/notes");
    disk.folder("/tmp/a");
    is_at(&disk, "/home/ada/notes", "/home/ada/notes", Ground::Folder);
    is_at(&disk, "/tmp/a", "/tmp/a", Ground::Folder);
    assert_eq!((place_of(&disk, "/home/ada"), place_of(&disk, "/")), (None, None));
}

#[test]
fn a_package_is_called_by_its_folder_below_the_root() {
    let mut disk = Disk::with_app();
    let called = |disk: &Disk, folder: &str| {
        let name = package(Path::new(folder), Path::new("/w/app"), disk);
        name.map(|name| name.as_str().to_owned())
    };
    for folder in ["packages/web", "apps/@acme/shop", "a/b", "a.b", "docs"] {
        disk.folder(&format!("/w/app/{folder}/src"));
    }
    disk.file("/w/app/package.json", "{}");
    assert_eq!(called(&disk, "/w/app/packages/web/src"), None, "the root's manifest is no package below it");
    disk.file("/w/app/packages/web/package.json", "");
    disk.file("/w/app/docs/.styxy.json", "");
    for folder in ["/w/app/packages/web", "/w/app/packages/web/src"] {
        assert_eq!(called(&disk, folder).as_deref(), Some("packages.web"));
    }
    assert_eq!(called(&disk, "/w/app/docs").as_deref(), Some("docs"));
    assert_eq!((called(&disk, "/w/app"), called(&disk, "/w/app/packages")), (None, None));
    for folder in ["apps/@acme/shop", "a/b", "a.b"] {
        disk.file(&format!("/w/app/{folder}/go.mod"), "");
    }
    assert_eq!(called(&disk, "/w/app/a/b").as_deref(), Some("a.b"));
    let [scoped, dotted] =
        ["apps/@acme/shop", "a.b"].map(|folder| called(&disk, &format!("/w/app/{folder}")).unwrap());
    assert!(
        scoped.starts_with("apps.-acme.shop-") && scoped.len() == "apps.-acme.shop-".len() + 6,
        "{scoped}"
    );
    assert!(dotted.starts_with("a.b-"), "{dotted}");
}

#[test]
fn a_long_package_keeps_the_end_of_its_path() {
    let mut disk = Disk::with_app();
    let deep = |last: char| format!("/w/app/{}/{last}", vec!["deep"; 30].join("/"));
    for last in ['a', 'b'] {
        disk.file(&format!("{}/mix.exs", deep(last)), "");
    }
    let name = |last: char| package(Path::new(&deep(last)), Path::new("/w/app"), &disk).unwrap();
    assert!(name('a') != name('b') && name('a').as_str().len() <= 100, "{}", name('a'));
}
