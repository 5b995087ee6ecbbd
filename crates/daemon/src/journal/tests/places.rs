//! Other things in the journal's place, and file systems that lack a feature or refuse.

use super::{super::*, *};

const FIRST: &str = "journal.0000000001";

#[test]
fn a_newer_format_is_left_alone_and_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Options::default(), &[vec![1]]);
    let path = folder.path().join("journal.0000000002");
    let mut newer = header::encode(2, 0);
    newer[8] = 7;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&newer[..12]), &newer[16..header::COMPLETE_AT]);
    newer[12..16].copy_from_slice(&sum.to_le_bytes());
    fs::write(&path, newer).unwrap();
    let before = names(folder.path());

    let refused = try_open::<Every>(folder.path(), Options::default()).unwrap_err();
    let JournalError::NewerFormat { path: named, found: 7, known: 1 } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(named, path);
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (newer.to_vec(), before));
}

#[cfg(unix)]
#[test]
fn a_symlink_is_moved_aside_and_its_target_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), Options::default(), &[vec![1]]);
    let target = only_file(elsewhere.path());
    let before = fs::read(&target).unwrap();
    std::os::unix::fs::symlink(&target, folder.path().join(FIRST)).unwrap();

    let (Opened { mut journal, found }, state) = open::<Every>(folder.path(), Options::default());
    journal.append(&[2]).unwrap();
    assert_eq!((state, found.moved_aside[0].why), (Every::default(), WhyMoved::NotAFile));
    assert_eq!(names(folder.path()), ["journal.0000000001.damaged-1", "journal.0000000002"]);
    assert_eq!(fs::read(&target).unwrap(), before);
}

#[test]
fn a_folder_is_moved_aside_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(FIRST)).unwrap();
    fs::write(folder.path().join(FIRST).join("inside"), "x").unwrap();
    let (opened, _) = open::<Every>(folder.path(), Options::default());
    assert_eq!(opened.found.moved_aside[0].why, WhyMoved::NotAFile);
    assert!(opened.found.moved_aside[0].to.join("inside").exists());
}

#[test]
fn files_with_other_names_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let others = ["journal", "journal.1", "journal.00000000001", "journal.0000000001.damaged-1", "journal.x"];
    for name in others {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    open::<Every>(folder.path(), Options::default());
    assert!(others.iter().all(|name| fs::read(folder.path().join(name)).unwrap() == b"x"));
    assert_eq!(names(folder.path()).len(), others.len() + 1);
}

#[test]
fn a_folder_that_takes_no_files_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [&missing, &file] {
        let refused = try_open::<Every>(path, Options::default()).unwrap_err();
        assert!(matches!(&refused, JournalError::Folder { path: named, .. } if named == path), "{refused:?}");
    }
    #[cfg(target_os = "linux")]
    {
        // Not even root can make files there.
        let refused = try_open::<Every>(Path::new("/proc"), Options::default()).unwrap_err();
        assert!(refused.to_string().contains("/proc"), "{refused}");
    }
}

#[cfg(unix)]
pub(super) fn unsupported(_: &File, _: u64) -> io::Result<()> {
    Err(rustix::io::Errno::OPNOTSUPP.into())
}

#[cfg(not(unix))]
pub(super) fn unsupported(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[test]
fn where_nothing_can_be_reserved_records_are_written_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Options { preallocate: unsupported, ..Options::with_capacity(8192) };
    let (Opened { mut journal, .. }, _) = open::<Latest>(folder.path(), plain);
    (1..=1000).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    let health = journal.health();
    assert!(matches!(&health.mode, Mode::Plain { why } if why.contains("supported")), "{health:?}");
    assert!(health.compactions > 3 && health.used < 16 * 1024, "{health:?}");
    assert_eq!(only_file(folder.path()), health.path);
    journal.close().unwrap();

    // The next start goes on in the same file, whether it can be mapped by then or not.
    let (Opened { mut journal, .. }, state) = open::<Latest>(folder.path(), plain);
    assert_eq!(state, Latest::of(1000));
    journal.append(&Latest::payload(1001)).unwrap();
    drop(journal);
    let (Opened { mut journal, .. }, state) = open::<Latest>(folder.path(), Options::with_capacity(8192));
    assert_eq!((journal.health().mode, state), (Mode::Mapped, Latest::of(1001)));
    (1002..=2000).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    drop(journal);
    let (Opened { mut journal, .. }, state) = open::<Latest>(folder.path(), plain);
    assert_eq!(state, Latest::of(2000));
    journal.append(&Latest::payload(2001)).unwrap();
    drop(journal);
    assert_eq!(open::<Latest>(folder.path(), plain).1, Latest::of(2001));
}

pub(super) fn full(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::StorageFull.into())
}
