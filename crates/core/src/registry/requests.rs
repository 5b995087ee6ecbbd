//! Answers given under a request id, so that a repeat gets the first one again: R18.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::api::{AllocateAnswer, Grant};
use crate::names::{LockId, RequestId};
use crate::refusal::Refusal;
use crate::time::{Millis, Timestamp};

use super::Registry;

/// How long an answer is remembered after its last lease ended, in milliseconds.
const AFTER_END: Millis = 10 * 60_000;
/// How many answers without a live lease are remembered.
const ENDED: usize = 4096;
/// How much they may weigh together, and how much the others may: at least the bytes of their JSON.
const WEIGHT: [usize; 2] = [6 << 20, 8 << 20];
/// What an answer weighs without its grants, and a grant without its sentences.
const ANSWER: usize = 256;
const GRANT: usize = 768;
/// How many answers that name one lease are remembered: the one that granted it, and the latest that gave it again.
const PER_LEASE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Requests {
    by_id: HashMap<RequestId, Numbered>,
    /// What names each live lease, in the order it was answered.
    by_lease: HashMap<LockId, Vec<RequestId>>,
    /// Those without a live lease, oldest first, and what they weigh.
    ended: VecDeque<RequestId>,
    ended_weight: usize,
    /// The others by their place in the order of answers, and what they weigh.
    live: BTreeMap<u64, RequestId>,
    live_weight: usize,
    next: u64,
}

/// A request and its place in the order of answers.
#[derive(Debug)]
struct Numbered {
    nth: u64,
    past: Past,
}

/// One remembered request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// Of the request's body.
    pub(super) hash: u64,
    /// What was answered.
    pub(super) answer: AllocateAnswer,
    /// How many of the answer's leases live.
    live: usize,
    /// When the last of them ended, on the awake clock.
    ended_at: Millis,
}

/// What a snapshot keeps: the answers without a live lease in the order they ended, then the others in the order
/// they were given.
pub(super) type Remembered = Vec<(RequestId, Past)>;

impl Requests {
    /// The first answer given under `id`, if it still counts at `now`.
    pub(super) fn get(&self, id: &RequestId, now: Millis) -> Option<&Past> {
        let past = self.by_id.get(id).map(|numbered| &numbered.past);
        past.filter(|past| past.live > 0 || now <= past.ended_at.saturating_add(AFTER_END))
    }

    pub(super) fn remember(
        &mut self,
        id: &RequestId,
        hash: u64,
        answer: &AllocateAnswer,
        lives: impl Fn(LockId) -> bool,
        at: Millis,
    ) {
        self.forget(id);
        let mut live = 0;
        for lock_id in leases(answer).filter(|lock_id| lives(*lock_id)) {
            live += 1;
            let ids = self.by_lease.entry(lock_id).or_default();
            ids.push(id.clone());
            let dropped = (ids.len() > PER_LEASE).then(|| ids[1].clone());
            if let Some(dropped) = dropped {
                self.forget(&dropped);
            }
        }
        self.insert(id.clone(), Past { hash, answer: answer.clone(), live, ended_at: at });
        self.trim();
    }

    pub(super) fn lease_ended(&mut self, lock_id: LockId, at: Millis) {
        for id in self.by_lease.remove(&lock_id).unwrap_or_default() {
            let Some(Numbered { past, nth }) = self.by_id.get_mut(&id) else { continue };
            past.live = past.live.saturating_sub(1);
            past.ended_at = at;
            if past.live == 0 {
                self.live.remove(nth);
                self.live_weight -= weight(&past.answer);
                self.ended_weight += weight(&past.answer);
                self.ended.push_back(id);
            }
        }
        self.trim();
    }

    /// The machine was restarted: its awake clock begins again.
    pub(super) fn forget_times(&mut self) {
        for numbered in self.by_id.values_mut() {
            numbered.past.ended_at = 0;
        }
    }

    fn insert(&mut self, id: RequestId, past: Past) {
        self.next += 1;
        if past.live == 0 {
            self.ended.push_back(id.clone());
            self.ended_weight += weight(&past.answer);
        } else {
            self.live.insert(self.next, id.clone());
            self.live_weight += weight(&past.answer);
        }
        self.by_id.insert(id, Numbered { nth: self.next, past });
    }

    /// Drops the oldest answers beyond the bounds. A repeat comes within seconds, if one comes.
    fn trim(&mut self) {
        let [ended, live] = WEIGHT;
        while (self.ended.len() > ENDED || self.ended_weight > ended)
            && let Some(oldest) = self.ended.pop_front()
        {
            if let Some(dropped) = self.by_id.remove(&oldest) {
                self.ended_weight -= weight(&dropped.past.answer);
            }
        }
        while self.live_weight > live
            && let Some(oldest) = self.live.values().next().cloned()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, id: &RequestId) {
        let Some(Numbered { past, nth }) = self.by_id.remove(id) else { return };
        for lock_id in leases(&past.answer) {
            if let Some(ids) = self.by_lease.get_mut(&lock_id) {
                ids.retain(|other| other != id);
            }
        }
        if past.live == 0 {
            self.ended.retain(|other| other != id);
            self.ended_weight -= weight(&past.answer);
        } else {
            self.live.remove(&nth);
            self.live_weight -= weight(&past.answer);
        }
    }

    pub(super) fn snapshot(&self) -> Remembered {
        let entry = |id: &RequestId| self.by_id.get(id).map(|known| (id.clone(), known.past.clone()));
        let mut remembered: Remembered = self.ended.iter().filter_map(entry).collect();
        remembered.extend(self.live.values().filter_map(entry));
        remembered
    }

    pub(super) fn restore(remembered: Remembered, lives: impl Fn(LockId) -> bool) -> Self {
        let mut requests = Self::default();
        for (id, past) in remembered {
            if past.live > 0 {
                for lock_id in leases(&past.answer).filter(|lock_id| lives(*lock_id)) {
                    requests.by_lease.entry(lock_id).or_default().push(id.clone());
                }
            }
            requests.insert(id, past);
        }
        requests.trim();
        requests
    }
}

impl Registry {
    /// The answer that a request with this id and body hash was given before, if it still counts (R18).
    ///
    /// [`Registry::apply`] adds answers; the oldest are dropped beyond a bound. Time only removes: an answer counts for
    /// 10 minutes after its last lease ended.
    ///
    /// To be asked before anything of a request is looked up: its process may have ended since the first time.
    ///
    /// # Errors
    /// The id was used for another body.
    #[must_use]
    pub fn past_answer(
        &self,
        id: &RequestId,
        hash: u64,
        now: Timestamp,
    ) -> Option<Result<AllocateAnswer, Refusal>> {
        let past = self.requests.get(id, now.awake)?;
        let same = past.hash == hash;
        Some(if same { Ok(past.answer.clone()) } else { Err(Refusal::RequestIdReused(id.clone())) })
    }
}

/// At least the bytes of an answer's JSON. A character of a text takes six at most.
fn weight(answer: &AllocateAnswer) -> usize {
    let texts = |grant: &Grant| {
        let (reason, process) = (grant.reason.as_ref(), grant.owner.process.as_ref());
        grant.message.len() + reason.map_or(0, String::len) + process.map_or(0, String::len)
    };
    ANSWER + answer.grants().iter().map(|grant| GRANT + 6 * texts(grant)).sum::<usize>()
}

/// The leases an answer names, each once: two members of a group may have been given the same singleton.
fn leases(answer: &AllocateAnswer) -> impl Iterator<Item = LockId> {
    let grants = answer.grants();
    grants.iter().enumerate().filter_map(|(index, grant)| {
        let again = grants[..index].iter().any(|earlier| earlier.lock_id == grant.lock_id);
        grant.lock_id.filter(|_| !again)
    })
}
