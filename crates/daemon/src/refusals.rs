//! What the guard has refused lately, for each session: a program may have swallowed the line (R93).

use std::collections::VecDeque;

use styxy_core::InstanceId;
use styxy_core::api::Refused;
use styxy_core::order::Order as _;

/// How many are kept for each session, and for all programs in none together.
#[cfg(any(target_os = "linux", test))]
const KEPT: usize = 64;
/// For how many sessions.
#[cfg(any(target_os = "linux", test))]
const SESSIONS: usize = 64;

/// The latest refusals, by the session of who asked.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_session: VecDeque<Session>,
}

/// Those of one session, or of the programs in none.
#[derive(Debug)]
struct Session {
    id: Option<InstanceId>,
    latest: VecDeque<Refused>,
    /// How many of them, from the end, were not reported yet.
    new: usize,
}

impl Refusals {
    /// Keeps one. The session that was refused nothing for longest makes room.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn keep(&mut self, refused: Refused) {
        let id = refused.instance_id.as_ref();
        let known = self.by_session.iter().position(|session| session.id.as_ref() == id);
        let session = known.and_then(|at| self.by_session.remove(at));
        let mut session =
            session.unwrap_or_else(|| Session { id: id.cloned(), latest: VecDeque::new(), new: 0 });
        if session.latest.len() == KEPT {
            session.latest.pop_front();
        }
        session.latest.push_back(refused);
        session.new = KEPT.min(session.new + 1);
        if self.by_session.len() == SESSIONS {
            self.by_session.pop_front();
        }
        self.by_session.push_back(session);
    }

    /// Those of a session, or all.
    pub(crate) fn of(&self, session: Option<&InstanceId>) -> Vec<Refused> {
        let wanted = self.by_session.iter().filter(|known| session.is_none() || known.id.as_ref() == session);
        let mut all: Vec<Refused> = wanted.flat_map(|known| known.latest.iter().cloned()).collect();
        all.order_by_key(|refused| refused.at);
        all
    }

    /// Those of a session that were not reported yet; they are from now on.
    pub(crate) fn report(&mut self, session: &InstanceId) -> Vec<Refused> {
        let known = self.by_session.iter_mut().find(|known| known.id.as_ref() == Some(session));
        let Some(known) = known else { return Vec::new() };
        let new = std::mem::take(&mut known.new);
        known.latest.iter().skip(known.latest.len() - new).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::WallTime;
    use styxy_core::api::Wanted;

    fn session(number: usize) -> InstanceId {
        InstanceId::new(&format!("s{number}")).unwrap()
    }

    fn refused(session: Option<InstanceId>, number: u64) -> Refused {
        Refused {
            at: WallTime(number),
            wanted: Wanted::Signal,
            instance_id: session,
            project_path: None,
            message: String::new(),
        }
    }

    #[test]
    fn the_latest_64_of_the_latest_64_sessions_are_kept() {
        let mut refusals = Refusals::default();
        for number in 0..100 {
            refusals.keep(refused(Some(session(0)), number));
        }
        for number in 1..=SESSIONS {
            refusals.keep(refused(Some(session(number)), 0));
        }
        refusals.keep(refused(None, 0));
        assert_eq!(refusals.by_session.len(), SESSIONS);
        assert!(refusals.of(Some(&session(0))).is_empty(), "it made room");
        for number in 0..100 {
            refusals.keep(refused(Some(session(9)), number));
        }
        let latest = refusals.of(Some(&session(9)));
        assert_eq!((latest.len(), latest[0].at), (KEPT, WallTime(36)));
        assert_eq!(refusals.of(None).len(), KEPT + SESSIONS - 1);
    }

    #[test]
    fn each_is_reported_once_and_to_its_own_session() {
        let mut refusals = Refusals::default();
        for number in 0..70 {
            refusals.keep(refused(Some(session(1)), number));
        }
        refusals.keep(refused(None, 1));
        assert!(refusals.report(&session(2)).is_empty());
        assert_eq!(refusals.report(&session(1)).len(), KEPT);
        assert!(refusals.report(&session(1)).is_empty());
        refusals.keep(refused(Some(session(1)), 99));
        let at: Vec<WallTime> = refusals.report(&session(1)).iter().map(|refused| refused.at).collect();
        assert_eq!(at, [WallTime(99)]);
        assert_eq!(refusals.of(Some(&session(1))).len(), KEPT, "they are kept all the same");
    }
}
