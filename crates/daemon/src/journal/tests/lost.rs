//! The file is deleted, moved, replaced or shortened while records are appended to it.

use std::{fs::OpenOptions, process::Command};

use super::{super::*, *};

fn small() -> Options {
    Options::with_capacity(16 * 1024)
}

/// A journal with the records 1 to `last`.
fn with(folder: &Path, last: u64) -> Journal {
    let mut journal = open::<Latest>(folder, small()).0.journal;
    (1..=last).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    journal
}

fn cut(path: &Path, to: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(to).unwrap();
}

/// Why the journal says that it is lost.
fn why(lost: Result<(), JournalError>) -> WhyLost {
    match lost {
        Err(JournalError::Lost { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

/// Begins again with the state after `last` records, and sees that one more is appended and all of them come back.
fn goes_on(mut journal: Journal, folder: &Path, last: u64) -> Renewed {
    let renewed = journal.begin_again(|| Latest::of(last).to_snapshot()).unwrap();
    journal.check_place().unwrap();
    let enough = |health: &Health| health.compactions > 2;
    let mut last = last;
    while !enough(&journal.health()) {
        last += 1;
        journal.append(&Latest::payload(last)).unwrap();
    }
    journal.check_place().unwrap();
    drop(journal);
    assert_eq!(open::<Latest>(folder, small()).1, Latest::of(last));
    renewed
}

#[test]
fn a_file_that_was_cut_ends_no_process_and_loses_no_record() {
    for to in [0, 10, 64, 100, 4096, 8191] {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = with(folder.path(), 40);
        let path = journal.health().path;
        cut(&path, to);
        // The store itself may fail, or only the next look at the file shows it.
        let mut last = 40;
        let refused = loop {
            match journal.append(&Latest::payload(last + 1)) {
                Ok(()) if last < 60 => last += 1,
                Ok(()) => break journal.check_place(),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(why(refused), WhyLost::Cut { to }, "cut to {to}");
        assert_eq!(why(journal.append(b"more")), WhyLost::Cut { to });
        let renewed = goes_on(journal, folder.path(), last);
        assert_eq!((renewed.from, renewed.why), (path.clone(), WhyLost::Cut { to }));
        assert_eq!(fs::metadata(renewed.aside.unwrap()).unwrap().len(), to);
    }
}

#[test]
fn a_file_that_is_gone_or_another_is_noticed_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = with(folder.path(), 40);
    let path = journal.health().path;
    let copy = elsewhere.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    let (mut journal, mut last) = (journal, 40);
    for (do_it, expected) in [
        (Box::new(|path: &Path| fs::remove_file(path).unwrap()) as Box<dyn Fn(&Path)>, WhyLost::Gone),
        (Box::new(|path: &Path| fs::rename(path, elsewhere.path().join("moved")).unwrap()), WhyLost::Gone),
        (Box::new(|path: &Path| fs::rename(&copy, path).unwrap()), WhyLost::Replaced),
        (
            Box::new(|path: &Path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }),
            WhyLost::Replaced,
        ),
    ] {
        journal.check_place().unwrap();
        do_it(&journal.health().path);
        assert_eq!(why(journal.check_place()), expected);
        assert_eq!(
            why(journal.append(b"more")),
            expected,
            "nothing is appended to a file that nobody will read"
        );
        let renewed = journal.begin_again(|| Latest::of(last).to_snapshot()).unwrap();
        assert_eq!((renewed.why, renewed.aside.is_some()), (expected, expected == WhyLost::Replaced));
        last += 1;
        journal.append(&Latest::payload(last)).unwrap();
    }
    goes_on(journal, folder.path(), last);
}

#[test]
fn a_file_that_is_cut_during_compaction_becomes_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, has_begun, gate) = super::compaction::gated(folder.path(), small());
    let last = super::compaction::append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    cut(&journal.health().path, 4096);
    drop(gate);
    // Not even a record that would still fit is appended: the fold has read zeros where records were.
    let refused = loop {
        if let Err(refused) = journal.append(&[]) {
            break refused;
        }
    };
    assert_eq!(why(Err(refused)), WhyLost::Cut { to: 4096 });
    journal.begin_again(|| Latest::of(last).to_snapshot()).unwrap();
    drop(journal);
    assert_eq!(open::<Latest>(folder.path(), small()).1, Latest::of(last));
}

#[test]
fn while_a_lost_file_cannot_be_replaced_records_are_refused_and_it_is_not_tried_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = with(folder.path(), 40);
    fs::remove_file(journal.health().path).unwrap();
    assert_eq!(why(journal.check_place()), WhyLost::Gone);
    journal.options.preallocate = super::places::full;
    let refused = journal.begin_again(|| Latest::of(40).to_snapshot()).unwrap_err();
    let JournalError::Lost { source: Some(cause), .. } = refused else { panic!("{refused:?}") };
    assert!(matches!(*cause, JournalError::Reserve { .. }), "{cause:?}");
    assert!(journal.health().compaction_error.is_some());
    journal.append(b"more").unwrap_err();
    journal.begin_again(|| panic!("the state is written down again at once")).unwrap_err();

    journal.options.preallocate = os::preallocate;
    journal.failed = journal.failed.map(|(at, error)| (at.checked_sub(AGAIN).unwrap(), error));
    goes_on(journal, folder.path(), 40);
}

#[test]
fn a_file_that_is_written_to_is_checked_as_one_that_is_mapped() {
    for (cut_to, expected) in [(None, WhyLost::Gone), (Some(100), WhyLost::Cut { to: 100 })] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { preallocate: super::places::unsupported, ..small() };
        let mut journal = open::<Latest>(folder.path(), options).0.journal;
        (1..=40).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
        journal.check_place().unwrap();
        match cut_to {
            Some(to) => cut(&journal.health().path, to),
            None => fs::remove_file(journal.health().path).unwrap(),
        }
        assert_eq!(why(journal.check_place()), expected);
        assert_eq!(why(journal.append(b"more")), expected);
        goes_on(journal, folder.path(), 40);
    }
}

#[test]
fn a_file_that_is_given_up_is_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let renewed = goes_on(with(folder.path(), 40), folder.path(), 40);
    assert_eq!((renewed.why, renewed.aside.is_some()), (WhyLost::Doubtful, true));
}

const CHILD: &str = "STYXY_TEST_BUS_ERROR";

/// Reads a map of its own behind the end of its file, which no journal knows of.
#[test]
#[ignore = "the child of the test below"]
#[expect(unsafe_code, reason = "the access has to fail")]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let journal = with(Path::new(&folder), 1);
    let file = File::options().read(true).write(true).create_new(true).open(Path::new(&folder).join("other"));
    let file = file.unwrap();
    file.set_len(8192).unwrap();
    let map = memmap2::MmapOptions::new().map_raw(&file).unwrap();
    file.set_len(0).unwrap();
    // SAFETY: inside the map; that the file ends before it is the point.
    let byte = unsafe { map.as_ptr().add(4096).read_volatile() };
    panic!("{byte} was read, {:?}", journal.health());
}

#[test]
fn a_bus_error_elsewhere_still_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let (_, name) = module_path!().split_once("::").unwrap();
    let ended = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{name}::child"), "--exact", "--ignored", "--quiet"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    assert_eq!(ended.status.signal(), Some(libc::SIGBUS), "{ended:?}");
}
