//! What happens to the entries of a folder, to itself and to those above it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::system::{Entry, FolderWatch, Happened};

/// What was reported: the entries, and none for anything.
fn drained(watch: &FolderWatch) -> Vec<Option<(OsString, Entry)>> {
    let mut all = Vec::new();
    watch.drain(|happened| {
        all.push(match happened {
            Happened::To { name, entry } => Some((name.to_owned(), entry)),
            Happened::Anything => None,
        });
    });
    all
}

fn watching(folder: &Path) -> FolderWatch {
    let mut watch = FolderWatch::open().unwrap();
    watch.watch(&[folder]).unwrap();
    assert_eq!(drained(&watch), [], "nothing happened yet");
    watch
}

#[tokio::test]
async fn what_happens_to_an_entry_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let watch = watching(folder.path());
    let path = folder.path().join("a");
    let seen = |what| Some((OsString::from("a"), what));
    fs::File::create(&path).unwrap();
    assert_eq!(drained(&watch), [seen(Entry::New)]);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(7).unwrap();
    assert_eq!(drained(&watch), [seen(Entry::Changed)]);
    fs::rename(&path, folder.path().join("b")).unwrap();
    assert_eq!(drained(&watch), [seen(Entry::Gone), Some(("b".into(), Entry::New))]);
    fs::remove_file(folder.path().join("b")).unwrap();
    assert_eq!(drained(&watch), [Some(("b".into(), Entry::Gone))]);
    assert_eq!(drained(&watch), []);
}

#[tokio::test]
async fn a_folder_that_is_moved_with_one_above_it_or_removed_is_reported() {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join("above/folder");
    fs::create_dir_all(&folder).unwrap();
    let mut watch = watching(&folder);
    fs::rename(top.path().join("above"), top.path().join("moved")).unwrap();
    assert_eq!(drained(&watch), [None]);
    let folder = top.path().join("moved/folder");
    watch.watch(&[&folder]).unwrap();
    // The watches of before have ended, and say so.
    drained(&watch);
    fs::remove_dir(&folder).unwrap();
    assert!(drained(&watch).contains(&None));
    assert!(watch.watch(&[&folder]).is_err(), "it is not there");
}

#[tokio::test]
async fn the_bell_rings_for_what_happens_after_it_was_drained() {
    let folder = tempfile::tempdir().unwrap();
    let watch = watching(folder.path());
    for name in ["a", "b"] {
        fs::File::create(folder.path().join(name)).unwrap();
        let mut seen = Vec::new();
        watch.bell().rung(|| seen = drained(&watch)).await.unwrap();
        assert_eq!(seen, [Some((name.into(), Entry::New))]);
    }
}
