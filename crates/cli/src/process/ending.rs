//! Ends a tree of processes: asks all, waits, then freezes and kills what is left until a look finds nothing (R97).
//!
//! The tree is found again and again, since programs start others while they end. What starts after the others were asked
//! is not asked, because it may be cleaning up; it has the rest of the time.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use styxy_core::Pid;
use styxy_core::api::Ending;

#[cfg(target_os = "linux")]
use super::cgroup::Cgroup;
use super::table::Entry;
use super::{Act, Handle};

/// How long killing may take.
pub(crate) const SETTLE: Duration = Duration::from_secs(5);
/// How often the tree is looked for while it ends.
const SLICE: Duration = Duration::from_millis(50);
/// How many looks in a row must find nothing.
const EMPTY: usize = 2;
/// How many looks count although processes came and went that they could not read: a busy machine always has some.
const MOST_VAGUE: usize = 200;
/// How often new ones are looked for before what is frozen is killed.
const MOST_FREEZES: usize = 5;

/// A tree at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) members: Vec<Entry>,
    /// The pids of those that belong to it and live on.
    pub(crate) spared: Vec<u32>,
    /// Whether a process of it cannot have been missed.
    pub(crate) is_whole: bool,
}

/// Finds the tree, with these processes that were found before and still run.
pub(crate) type Find<'a> = dyn FnMut(&[u32]) -> io::Result<Found> + 'a;

/// What has become of a tree.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) ended: Vec<(Entry, Ending)>,
    /// Those that still run, and what the system said to the signal if it refused it.
    pub(crate) left: Vec<(Entry, Option<io::Error>)>,
}

/// Ends the tree of `owner` that `find` finds. Each process has `grace` to end by itself; Windows asks nobody.
///
/// If one of them cannot be held, none is asked, and all are left.
///
/// # Errors
/// The system cannot be looked at.
pub(crate) fn end(find: &mut Find, owner: Option<u32>, grace: Duration) -> io::Result<Outcome> {
    end_in_time(find, owner, grace, &|| false)
}

/// As [`end`], for somebody who may lose patience before `grace` is over.
pub(crate) fn end_in_time(
    find: &mut Find,
    owner: Option<u32>,
    grace: Duration,
    is_out_of_patience: &dyn Fn() -> bool,
) -> io::Result<Outcome> {
    let mut held = Held::default();
    held.add(find(&[])?);
    // Again, so that hardly any is missed by what comes next.
    held.add(find(&held.running()?)?);
    if !held.unheld.is_empty() {
        return Ok(held.outcome());
    }
    let whole = Whole::around(owner, &held);
    if cfg!(unix) && !grace.is_zero() {
        held.ask();
        wait(&mut held, find, Instant::now() + grace, is_out_of_patience)?;
    }
    let done = kill(&mut held, find, &whole);
    if done.is_err() {
        // Nothing stays frozen.
        held.kill();
    }
    done.map(|()| held.outcome())
}

/// Waits until all have ended, or `deadline` is over, or patience.
fn wait(
    held: &mut Held,
    find: &mut Find,
    deadline: Instant,
    is_out_of_patience: &dyn Fn() -> bool,
) -> io::Result<()> {
    loop {
        let have_ended = held.have_ended_by(deadline.min(Instant::now() + SLICE))?;
        let new = held.add(find(&held.running()?)?);
        if have_ended && new.held == 0 || Instant::now() >= deadline || is_out_of_patience() {
            return Ok(());
        }
    }
}

/// Freezes and kills until nothing is found.
fn kill(held: &mut Held, find: &mut Find, whole: &Whole) -> io::Result<()> {
    let until = Instant::now() + SETTLE;
    let (mut empty, mut vague) = (0, 0);
    while empty < EMPTY && Instant::now() < until {
        let round = freeze(held, find)?;
        if held.running()?.is_empty() {
            (empty, vague) = match round {
                Round::Nothing => (empty + 1, vague),
                Round::Unsure if vague == MOST_VAGUE => (empty + 1, vague),
                Round::Unsure => (empty, vague + 1),
                // It has ended by itself, and may have started another one before.
                Round::Some => (0, vague),
            };
            continue;
        }
        empty = 0;
        held.doom();
        whole.kill(held);
        held.kill();
        if held.are_refused()? {
            return Ok(());
        }
        held.have_ended_by(until.min(Instant::now() + Duration::from_secs(1)))?;
    }
    Ok(())
}

/// What was found of the tree while it was frozen, beside what was known.
enum Round {
    Nothing,
    /// Nothing, but the last look may have missed a process.
    Unsure,
    Some,
}

/// Freezes what is found, until a look finds nothing more.
fn freeze(held: &mut Held, find: &mut Find) -> io::Result<Round> {
    let mut round = Round::Nothing;
    for _ in 0..=MOST_FREEZES {
        let found = find(&held.running()?)?;
        let is_whole = found.is_whole;
        let Added { held: new, gone } = held.add(found);
        held.freeze();
        if new + gone > 0 {
            round = Round::Some;
        } else if let Round::Nothing = round
            && !is_whole
        {
            round = Round::Unsure;
        }
        if new == 0 {
            break;
        }
    }
    Ok(round)
}

/// The control group that has nothing but the tree in it, if there is one.
struct Whole {
    #[cfg(target_os = "linux")]
    cgroup: Option<Cgroup>,
}

#[cfg(target_os = "linux")]
impl Whole {
    fn around(owner: Option<u32>, held: &Held) -> Self {
        let cgroup = owner.filter(|owner| held.has(*owner)).and_then(Cgroup::around);
        Self { cgroup: cgroup.filter(|cgroup| holds_only(cgroup, &|pid| held.has(pid))) }
    }

    /// Whatever is in it by now was started there, unless it is known to live on.
    fn kill(&self, held: &Held) {
        let others = |pid: u32| pid != std::process::id() && !held.spared.contains(&pid);
        if let Some(cgroup) = self.cgroup.as_ref().filter(|cgroup| holds_only(cgroup, &others)) {
            // If the kernel refuses it, each is killed by itself.
            let _ = cgroup.kill();
        }
    }
}

#[cfg(target_os = "linux")]
fn holds_only(cgroup: &Cgroup, are_such: &dyn Fn(u32) -> bool) -> bool {
    cgroup.processes().is_ok_and(|all| all.into_iter().all(are_such))
}

#[cfg(not(target_os = "linux"))]
impl Whole {
    const fn around(_: Option<u32>, _: &Held) -> Self {
        Self {}
    }

    #[expect(clippy::unused_self, reason = "the same signature as on Linux")]
    const fn kill(&self, _: &Held) {}
}

/// The processes of the tree that were found so far, each with a handle: running or ended.
#[derive(Default)]
struct Held {
    all: BTreeMap<(u32, u64), One>,
    spared: Vec<u32>,
    /// No handle could be opened on these.
    unheld: Vec<(Entry, io::Error)>,
}

struct One {
    entry: Entry,
    handle: Handle,
    is_frozen: bool,
    was_killed: bool,
    refused: Option<io::Error>,
}

/// What was new in a look.
#[derive(Default)]
struct Added {
    /// How many are held now.
    held: usize,
    /// How many had ended before.
    gone: usize,
}

impl Held {
    /// Holds those that are new.
    fn add(&mut self, found: Found) -> Added {
        let mut added = Added::default();
        self.spared = found.spared;
        self.unheld.clear();
        for entry in found.members {
            let key = (entry.pid, entry.started);
            let Some(pid) = Pid::new(entry.pid).filter(|_| !self.all.contains_key(&key)) else { continue };
            let handle = match Handle::open(pid) {
                Ok(Some(handle)) => handle,
                Ok(None) => {
                    added.gone += 1;
                    continue;
                }
                Err(error) => {
                    self.unheld.push((entry, error));
                    continue;
                }
            };
            // Between the look and the handle the pid may have passed to another process.
            if super::table::is_still(&entry) {
                let one = One { entry, handle, is_frozen: false, was_killed: false, refused: None };
                self.all.insert(key, one);
                added.held += 1;
            } else {
                added.gone += 1;
            }
        }
        added
    }

    #[cfg(target_os = "linux")]
    fn has(&self, pid: u32) -> bool {
        self.all.keys().any(|(known, _)| *known == pid)
    }

    fn running(&self) -> io::Result<Vec<u32>> {
        let mut running = Vec::new();
        for one in self.all.values() {
            if !one.handle.ended_within(Duration::ZERO)? {
                running.push(one.entry.pid);
            }
        }
        Ok(running)
    }

    fn ask(&mut self) {
        for one in self.all.values_mut() {
            let asked = one.handle.act(Act::Ask);
            // Only a process that goes on receives what it was sent.
            one.refused = asked
                .and_then(|()| if one.entry.is_stopped { one.handle.act(Act::Resume) } else { Ok(()) })
                .err();
        }
    }

    fn freeze(&mut self) {
        for one in self.all.values_mut().filter(|one| !one.is_frozen) {
            one.is_frozen = true;
            one.refused = one.handle.act(Act::Freeze).err();
        }
    }

    /// Those that still run do not end by themselves.
    fn doom(&mut self) {
        for one in self.all.values_mut() {
            one.was_killed |= !one.handle.ended_within(Duration::ZERO).unwrap_or(false);
        }
    }

    fn kill(&mut self) {
        for one in self.all.values_mut().filter(|one| one.was_killed || one.is_frozen) {
            one.refused = one.handle.act(Act::Kill).err();
        }
    }

    /// Whether the system refuses to signal all that still run.
    fn are_refused(&self) -> io::Result<bool> {
        for one in self.all.values().filter(|one| one.refused.is_none()) {
            if !one.handle.ended_within(Duration::ZERO)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Nobody waits for those that the system refuses to signal.
    fn have_ended_by(&self, deadline: Instant) -> io::Result<bool> {
        for one in self.all.values().filter(|one| one.refused.is_none()) {
            if !one.handle.ended_within(deadline.saturating_duration_since(Instant::now()))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn outcome(self) -> Outcome {
        let unheld = self.unheld.into_iter().map(|(entry, error)| (entry, Some(error)));
        let mut outcome = Outcome { left: unheld.collect(), ..Outcome::default() };
        for one in self.all.into_values() {
            if one.handle.ended_within(Duration::ZERO).unwrap_or(false) {
                let ending = if one.was_killed { Ending::Killed } else { Ending::Asked };
                outcome.ended.push((one.entry, ending));
            } else {
                outcome.left.push((one.entry, one.refused));
            }
        }
        outcome
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::super::table::{Processes, User};
    use super::*;

    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_process_that_ended_before_it_was_held_may_have_started_another_one() {
        let mut last = cat();
        let entry = Processes::default().look().unwrap().table[&last.id()].clone();
        let mut gone = cat();
        let (pid, name) = (gone.id(), "gone".to_owned());
        let first = Entry { pid, name, parent: None, user: User::Own, ..entry.clone() };
        gone.kill().unwrap();
        gone.wait().unwrap();
        // As many looks as would be enough if all of them had found nothing, and then its child.
        let mut looks = 0;
        let mut find = |_: &[u32]| {
            looks += 1;
            let members = match looks {
                3 | 4 => vec![first.clone()],
                5 => vec![entry.clone()],
                _ => Vec::new(),
            };
            Ok(Found { members, spared: Vec::new(), is_whole: true })
        };
        let outcome = end(&mut find, None, Duration::ZERO).unwrap();
        let ended: Vec<u32> = outcome.ended.iter().map(|(entry, _)| entry.pid).collect();
        assert_eq!(ended, [last.id()]);
        assert!(outcome.left.is_empty() && !last.wait().unwrap().success());
    }

    #[cfg(unix)]
    #[test]
    fn who_has_no_patience_left_does_not_wait_for_the_rest_of_the_grace() {
        use std::io::Read as _;
        let mut deaf = Command::new("sh");
        deaf.args(["-c", "trap '' TERM; echo deaf; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut deaf = deaf.spawn().unwrap();
        deaf.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        let entry = Processes::default().look().unwrap().table[&deaf.id()].clone();
        let mut find = |_: &[u32]| {
            let runs = deaf.try_wait().unwrap().is_none();
            Ok(Found {
                members: runs.then(|| entry.clone()).into_iter().collect(),
                is_whole: true,
                ..Found::default()
            })
        };
        let outcome = end_in_time(&mut find, None, Duration::from_hours(1), &|| true).unwrap();
        assert!(matches!(outcome.ended[..], [(_, Ending::Killed)]), "{outcome:?}");
    }
}
