//! What is in the folder at the start, and which of it counts.
//!
//! First all files are inspected and none is touched. Then the newest generation that counts is replayed and made
//! ready, or a new one is written from what could be read. Only then are damaged files moved and old ones removed.
//! So a kill at any point leaves at least what was there.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::{
    Fold, Found, JournalError, MovedAside, Options, Origin, TornTail, WhyMoved,
    files::{self, Candidate, Contents},
    frame::{Ends, Frames, Kind, Tail},
    generation::{self, Backing, Generation, MAX_CAPACITY},
    header::{self, Header, Sealed},
    os,
    plain::PlainFile,
};

/// Where records go from now on.
#[derive(Debug)]
pub(super) enum Store {
    Mapped(Generation),
    Plain { file: PlainFile, source: io::Error },
}

/// What has the name of a generation.
#[derive(Debug)]
enum Standing {
    Foreign(WhyMoved),
    Journal { file: File, header: Header, contents: Contents },
}

/// The generation whose records count.
#[derive(Debug)]
struct Chosen {
    candidate: Candidate,
    file: File,
    contents: Contents,
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    /// It can be appended to from `used` on, once a torn tail is cut.
    Good { used: usize, tail: Tail },
    /// What could be read is written to a new generation.
    Broken,
}

/// What becomes of the files in the folder.
#[derive(Debug, Default)]
struct Plan {
    chosen: Option<Chosen>,
    aside: Vec<(Candidate, WhyMoved)>,
    remove: Vec<Candidate>,
}

/// Inspects everything that [`recover`] would inspect, and changes nothing.
pub(super) fn inspect(folder: &Path) -> Result<(), JournalError> {
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match os::check_folder(folder) {
        Err(error) if missing(&error) => return Ok(()),
        checked => checked.map_err(|source| JournalError::Folder { path: folder.to_owned(), source })?,
    }
    for candidate in files::list(folder)? {
        match look_at(&candidate) {
            // The caller does not hold the lock, so a daemon that was just started may have removed it.
            Err(JournalError::Open { source, .. }) if missing(&source) => {}
            looked_at => drop(looked_at?),
        }
    }
    Ok(())
}

/// Replays the newest generation in `folder` that counts, cleans up, and returns where to append.
pub(super) fn recover(
    folder: &Path,
    options: &Options,
    replay: &mut dyn Fold,
) -> Result<(Store, Found), JournalError> {
    os::check_folder(folder).map_err(|source| JournalError::Folder { path: folder.to_owned(), source })?;
    let candidates = files::list(folder)?;
    let next = candidates.first().map_or(1, |newest| newest.generation + 1);
    let standings = candidates
        .into_iter()
        .map(|candidate| look_at(&candidate).map(|standing| (candidate, standing)))
        .collect::<Result<Vec<_>, _>>()?;
    let Plan { chosen, aside, mut remove } = plan(standings, generation::capacity_for(options, 0, 0));

    let mut found = Found::default();
    let store = match chosen {
        Some(chosen) => {
            let Chosen { candidate, file, contents, condition } = chosen;
            found.records = replay_into(&contents, replay);
            match condition {
                Condition::Good { used, tail } => {
                    found.origin = Origin::Resumed;
                    found.torn_tail = cut(&candidate, &file, tail)?;
                    let length = contents.bytes().len();
                    let resumed = resume(&candidate, file, length, used, options)?;
                    if matches!(resumed, Store::Plain { .. }) && length > used {
                        // A file that is written to has to end with the last write. This one was mapped.
                        drop(resumed);
                        remove.push(candidate);
                        start(folder, next, &replay.to_snapshot(), options)?
                    } else {
                        resumed
                    }
                }
                Condition::Broken => {
                    // Windows does not move a file that is open.
                    drop(file);
                    found.origin = Origin::Rebuilt { from: candidate.generation };
                    start(folder, next, &replay.to_snapshot(), options)?
                }
            }
        }
        None => start(folder, next, &replay.to_snapshot(), options)?,
    };

    for (candidate, why) in aside {
        let to = files::move_aside(&candidate.path)?;
        found.moved_aside.push(MovedAside { from: candidate.path, to, why });
    }
    for candidate in remove {
        files::remove(&candidate.path);
    }
    Ok((store, found))
}

/// Inspects one file and changes nothing.
fn look_at(candidate: &Candidate) -> Result<Standing, JournalError> {
    let path = &candidate.path;
    let cannot_open = |source| JournalError::Open { path: path.clone(), source };
    let cannot_read = |source| JournalError::Read { path: path.clone(), source };

    let link = fs::symlink_metadata(path).map_err(cannot_open)?;
    if !link.is_file() {
        return Ok(Standing::Foreign(WhyMoved::NotAFile));
    }
    let file = os::open(path).map_err(cannot_open)?;
    let length = usize::try_from(file.metadata().map_err(cannot_read)?.len()).unwrap_or(usize::MAX);
    if length > MAX_CAPACITY {
        return Ok(Standing::Foreign(WhyMoved::TooLong));
    }
    let contents = files::contents(&file, length).map_err(cannot_read)?;
    let header = header::read(contents.bytes(), candidate.generation);
    if let Header::Newer { version } = header {
        return Err(JournalError::NewerFormat { path: path.clone(), found: version, known: header::VERSION });
    }
    Ok(Standing::Journal { file, header, contents })
}

/// Decides what becomes of each file; `standings` has the newest first, and a new one has `capacity` bytes.
fn plan(standings: Vec<(Candidate, Standing)>, capacity: usize) -> Plan {
    let mut plan = Plan::default();
    let mut unfinished = Vec::new();
    let oldest_complete = standings
        .iter()
        .filter(|(_, standing)| matches!(standing, Standing::Journal { header: Header::Complete, .. }))
        .map(|(candidate, _)| candidate.generation)
        .min();
    for (candidate, standing) in standings {
        let (file, header, contents) = match standing {
            Standing::Foreign(why) => {
                plan.aside.push((candidate, why));
                continue;
            }
            Standing::Journal { file, header, contents } => (file, header, contents),
        };
        let Judgement { counts, damage, used, tail } =
            judge(candidate.generation, header, &contents, oldest_complete);
        let keep = counts && plan.chosen.is_none();
        let copy = || Candidate { generation: candidate.generation, path: candidate.path.clone() };
        match damage {
            Some(why) => {
                plan.aside.push((copy(), why));
                if keep {
                    plan.chosen = Some(Chosen { candidate, file, contents, condition: Condition::Broken });
                }
            }
            None if keep => {
                let condition = Condition::Good { used, tail };
                plan.chosen = Some(Chosen { candidate, file, contents, condition });
            }
            None if header == Header::Complete => plan.remove.push(candidate),
            None if is_of_first_start(&candidate, header, &contents, capacity) => plan.remove.push(candidate),
            None => unfinished.push(candidate),
        }
    }
    // A file that was never finished can be removed if its predecessor counts. Any other may have been whole once.
    let predecessor = plan.chosen.as_ref().map(|chosen| chosen.candidate.generation);
    for candidate in unfinished {
        if predecessor.is_some_and(|predecessor| predecessor < candidate.generation) {
            plan.remove.push(candidate);
        } else {
            plan.aside.push((candidate, WhyMoved::NeverFinished));
        }
    }
    plan
}

/// What the content of one file is worth.
struct Judgement {
    /// Whether its state can be used.
    counts: bool,
    /// Why it has to be moved aside, if it is damaged.
    damage: Option<WhyMoved>,
    /// The bytes of the header and of all whole frames.
    used: usize,
    /// What follows them.
    tail: Tail,
}

fn judge(generation: u64, header: Header, contents: &Contents, oldest_complete: Option<u64>) -> Judgement {
    let mut frames = Frames::new(contents.bytes(), header::LEN);
    let has_state = frames.next().is_some_and(|frame| frame.kind == Kind::Snapshot);
    frames.by_ref().for_each(drop);
    let (length, reserved) = (contents.bytes().len(), header::reserved(contents.bytes()));
    let ends = if reserved.is_some() { Ends::AsReserved } else { Ends::WithTheLastWrite };
    let (used, tail) = (frames.at(), frames.tail(contents.zero_from(), ends));

    let counts = match header {
        Header::Incomplete => false,
        Header::Blank if contents.is_zero() => false,
        Header::Complete | Header::Damaged { sealed: Sealed::Yes } => has_state,
        // Perhaps it was never complete; then an older one that was has more.
        Header::Blank | Header::Damaged { sealed: Sealed::Unknown } | Header::Newer { .. } => {
            has_state && oldest_complete.is_none_or(|oldest| oldest > generation)
        }
    };
    let damage = match (header, &tail) {
        (Header::Incomplete, _) => None,
        (Header::Blank, _) if contents.is_zero() => None,
        (Header::Complete, Tail::Damaged { at }) => Some(WhyMoved::Damaged { at: *at }),
        (Header::Complete, _) if reserved.is_some_and(|reserved| length < reserved) => {
            Some(WhyMoved::Cut { at: length, of: reserved.unwrap_or_default() })
        }
        (Header::Complete, Tail::Clean | Tail::Torn { .. }) if has_state => None,
        (Header::Complete, Tail::Clean | Tail::Torn { .. }) => Some(WhyMoved::Damaged { at: header::LEN }),
        (Header::Blank | Header::Damaged { .. } | Header::Newer { .. }, _) => {
            Some(WhyMoved::Damaged { at: 0 })
        }
    };
    Judgement { counts, damage, used, tail }
}

/// Whether a generation that does not count is what a kill of the very first start leaves, when nothing had been
/// acknowledged: a whole header that was never sealed, or all `capacity` bytes reserved and none written.
fn is_of_first_start(candidate: &Candidate, header: Header, contents: &Contents, capacity: usize) -> bool {
    let length = contents.bytes().len();
    candidate.generation == 1
        && match header {
            Header::Incomplete => length >= header::LEN,
            Header::Blank => length >= capacity,
            Header::Complete | Header::Newer { .. } | Header::Damaged { .. } => false,
        }
}

/// Folds every whole record into `replay`, in the order they were appended, and counts them.
fn replay_into(contents: &Contents, replay: &mut dyn Fold) -> u64 {
    let mut records = 0;
    for frame in Frames::new(contents.bytes(), header::LEN) {
        match frame.kind {
            Kind::Snapshot => replay.snapshot(frame.payload),
            Kind::Record => {
                replay.record(frame.payload);
                records += 1;
            }
        }
    }
    records
}

/// Zeroes a torn tail. The file stays as long as it is: what lies behind the last frame must be zero, and
/// keep its blocks.
fn cut(candidate: &Candidate, file: &File, tail: Tail) -> Result<Option<TornTail>, JournalError> {
    let Tail::Torn { bytes } = tail else { return Ok(None) };
    let (path, offset) = (candidate.path.clone(), bytes.start as u64);
    match os::write_at(file, &vec![0; bytes.len()], offset) {
        Ok(()) => Ok(Some(TornTail { path, at: bytes.start, bytes: bytes.len() })),
        Err(source) => Err(JournalError::Write { path, offset, source }),
    }
}

/// Continues in a file of `length` bytes, the first `used` of which are header and whole frames.
fn resume(
    candidate: &Candidate,
    file: File,
    length: usize,
    used: usize,
    options: &Options,
) -> Result<Store, JournalError> {
    let (number, path) = (candidate.generation, candidate.path.clone());
    let capacity = generation::capacity_for(options, 0, 0).max(length.next_multiple_of(8));
    Ok(match generation::back(file, &path, capacity, used, options)? {
        Backing::Mapped { writer, identity } => Store::Mapped(Generation { number, path, identity, writer }),
        Backing::Unmapped { file, source } => {
            Store::Plain { file: PlainFile::resume(file, path, number, used), source }
        }
    })
}

/// Begins generation `number` with nothing but `snapshot`.
fn start(folder: &Path, number: u64, snapshot: &[u8], options: &Options) -> Result<Store, JournalError> {
    let path = files::path(folder, number);
    Ok(match generation::create(&path, number, snapshot, 0, options)? {
        Backing::Mapped { mut writer, identity } => {
            writer.seal();
            Store::Mapped(Generation { number, path, identity, writer })
        }
        Backing::Unmapped { file, source } => {
            Store::Plain { file: PlainFile::begin(file, path, number, snapshot)?, source }
        }
    })
}
