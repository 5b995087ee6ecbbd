//! The processes above a process. What the system says of each of them comes in as an argument.

use crate::process::Pid;

/// No line of ancestors is followed further: no agent's shell is so deep. It also ends a walk whose processes change during it.
const MOST: usize = 32;

/// What the system says of a process' place among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The process that it names as its parent, whether that still runs or not; none for the first process of all.
    pub parent: Option<Pid>,
    /// When it started, in a unit that its parent has too; none where the system names a parent only as long as that runs.
    pub started: Option<u64>,
}

/// The ancestors of the process with this pid, nearest first, the first process of all included: in a container that is often a
/// person's program. None if there is no such process.
///
/// A parent that started after its child is another process with the pid of the real one, which has ended.
pub fn ancestors<T>(pid: Pid, mut look: impl FnMut(Pid) -> Option<(T, Link)>) -> impl Iterator<Item = T> {
    let mut lowest = look(pid).map(|(_, link)| link);
    let line = std::iter::from_fn(move || {
        let below = lowest.take()?;
        let (found, above) = look(below.parent?)?;
        let is_another = below.started.zip(above.started).is_some_and(|(below, above)| above > below);
        lowest = Some(above).filter(|_| !is_another);
        lowest.map(|_| found)
    });
    line.take(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ancestors of 9 among processes with these pids, parents and times of their starts.
    fn above_9(processes: &[(u32, u32, Option<u64>)]) -> Vec<u32> {
        let look = |pid: Pid| {
            let (_, parent, started) = processes.iter().find(|(number, ..)| *number == pid.get())?;
            Some((pid.get(), Link { parent: Pid::new(*parent), started: *started }))
        };
        ancestors(Pid::new(9).unwrap(), look).collect()
    }

    #[test]
    fn the_nearest_comes_first_and_the_first_process_last() {
        assert_eq!(above_9(&[(1, 0, Some(0)), (5, 1, Some(3)), (9, 5, Some(3))]), [5, 1]);
        assert_eq!(above_9(&[(9, 0, None)]), [0_u32; 0]);
        assert_eq!(above_9(&[(5, 1, None)]), [0_u32; 0], "there is no such process");
    }

    #[test]
    fn a_process_that_has_the_pid_of_an_ended_parent_is_not_an_ancestor() {
        assert_eq!(above_9(&[(1, 0, Some(0)), (5, 1, Some(4)), (9, 5, Some(3))]), [0_u32; 0]);
        assert_eq!(above_9(&[(1, 0, Some(9)), (5, 1, Some(2)), (9, 5, Some(3))]), [5]);
        assert_eq!(above_9(&[(7, 0, Some(1)), (9, 5, Some(3))]), [0_u32; 0], "it has ended");
    }

    #[test]
    fn where_starts_are_unknown_the_system_is_believed() {
        assert_eq!(above_9(&[(1, 0, None), (5, 1, Some(4)), (9, 5, None)]), [5, 1]);
    }

    #[test]
    fn a_circle_ends() {
        assert_eq!(above_9(&[(5, 9, Some(3)), (9, 5, Some(3))]).len(), MOST);
    }
}
