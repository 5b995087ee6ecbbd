//! Looks that several threads share: each gets one that began after it asked, and those that ask together get the same one.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Look, Processes, Table};

/// The processes, for all who hold a copy of this.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks(Arc<Mutex<Taken>>);

/// The last look.
#[derive(Debug, Default)]
struct Taken {
    processes: Processes,
    number: u64,
    /// The number of the last one that may have missed a process.
    vague: u64,
    last: Option<(Instant, Arc<Table>)>,
}

/// What somebody has seen of the looks.
#[derive(Debug, Default)]
pub(crate) struct Seen(u64);

impl Looks {
    /// A look that begins after this call, or that another thread has begun since then, and whether no process that was new since the one
    /// before, which `seen` knows, can have been missed.
    ///
    /// # Errors
    /// The system does not show its processes.
    pub(crate) fn look(&self, seen: &mut Seen) -> io::Result<(Arc<Table>, bool)> {
        let asked = Instant::now();
        // What a thread that has panicked leaves is a look like any other.
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = taken.last.clone().filter(|(began, _)| *began >= asked);
        let table = match last {
            Some((_, table)) => table,
            None => taken.take()?,
        };
        let is_whole = taken.vague <= seen.0;
        *seen = Seen(taken.number);
        Ok((table, is_whole))
    }
}

impl Taken {
    fn take(&mut self) -> io::Result<Arc<Table>> {
        let began = Instant::now();
        let Look { table, is_whole } = self.processes.look()?;
        self.number += 1;
        if !is_whole {
            self.vague = self.number;
        }
        let table = Arc::new(table);
        self.last = Some((began, Arc::clone(&table)));
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn each_thread_sees_what_ran_when_it_asked_and_those_that_wait_together_see_the_same() {
        let looks = Looks::default();
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| {
                    let (table, _) = looks.look(&mut Seen::default()).unwrap();
                    assert!(table.contains_key(&child.id()));
                });
            }
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let (table, _) = looks.look(&mut Seen::default()).unwrap();
        assert!(!table.contains_key(&child.id()), "it is a new look");
        let number = looks.0.lock().unwrap().number;
        assert!(number <= 17, "{number}");
    }

    #[test]
    fn a_look_that_missed_something_counts_for_whoever_has_not_seen_it() {
        let looks = Looks::default();
        let (mut one, mut other) = (Seen::default(), Seen::default());
        looks.look(&mut one).unwrap();
        looks.look(&mut other).unwrap();
        {
            let mut taken = looks.0.lock().unwrap();
            taken.number += 1;
            taken.vague = taken.number;
        }
        for seen in [&mut one, &mut other] {
            assert!(!looks.look(seen).unwrap().1);
        }
    }
}
