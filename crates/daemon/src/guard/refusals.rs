//! What the guard has refused lately, for each session: a program may have swallowed the line (R93).

use std::collections::VecDeque;

use styxy_core::{InstanceId, ProjectPath, WallTime};

/// How many are kept for each session, and for all programs in none together.
const KEPT: usize = 64;
/// For how many sessions.
const SESSIONS: usize = 64;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) at: WallTime,
    /// Where the program worked that asked.
    pub(crate) project: Option<ProjectPath>,
    /// What the program was to say on stderr.
    pub(crate) words: String,
}

/// The latest refusals, by the session of who asked.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_session: VecDeque<(Option<InstanceId>, VecDeque<Refused>)>,
}

impl Refusals {
    /// Keeps one. The session that was refused nothing for longest makes room.
    pub(crate) fn keep(&mut self, session: Option<&InstanceId>, refused: Refused) {
        let known = self.by_session.iter().position(|(known, _)| known.as_ref() == session);
        let entry = known.and_then(|at| self.by_session.remove(at));
        let (session, mut all) = entry.unwrap_or_else(|| (session.cloned(), VecDeque::new()));
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back(refused);
        if self.by_session.len() == SESSIONS {
            self.by_session.pop_front();
        }
        self.by_session.push_back((session, all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: u64) -> Refused {
        Refused { at: WallTime(number), project: None, words: String::new() }
    }

    #[test]
    fn the_latest_64_of_the_latest_64_sessions_are_kept() {
        let mut refusals = Refusals::default();
        let session = |number: usize| InstanceId::new(&format!("s{number}")).unwrap();
        for number in 0..100 {
            refusals.keep(Some(&session(0)), refused(number));
        }
        for number in 1..=SESSIONS {
            refusals.keep(Some(&session(number)), refused(0));
        }
        refusals.keep(None, refused(0));
        assert_eq!(refusals.by_session.len(), SESSIONS);
        assert!(refusals.by_session.iter().all(|(known, _)| *known != Some(session(0))), "it made room");
        for number in 0..100 {
            refusals.keep(Some(&session(9)), refused(number));
        }
        let (_, latest) = refusals.by_session.back().unwrap();
        assert_eq!((latest.len(), latest.front().unwrap().at), (KEPT, WallTime(36)));
    }
}
