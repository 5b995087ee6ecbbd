//! How many connections there are, and which one has to leave when there are too many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Connections at once, if there are descriptors for them.
const MOST: usize = 512;
/// Readers of `/events` at once: each event is written to all of them.
const READERS: usize = 64;

/// Everybody who is connected.
#[derive(Debug)]
pub(crate) struct Crowd {
    seats: Mutex<Seats>,
    readers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: BTreeMap<u64, Arc<Occupant>>,
    /// Numbers the seats, and counts what happens on them.
    clock: u64,
}

/// What is known of a connection. Whoever is worth least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    /// It has not sent a whole head of a request so far.
    New,
    /// It sends a body.
    Sends,
    /// It had an answer, and may ask again.
    Idle,
    /// It gets an answer. Such a connection is never closed for another one.
    Asks,
}

#[derive(Debug)]
struct Occupant {
    /// The stage in the lowest two bits; above them when it began.
    state: AtomicU64,
    leave: Notify,
}

/// One connection's seat; it is free again when this is dropped.
#[derive(Debug, Clone)]
pub(super) struct Seat(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    crowd: Arc<Crowd>,
    number: u64,
    occupant: Arc<Occupant>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { seats: Mutex::default(), readers: Arc::new(Semaphore::new(READERS)) }
    }
}

impl Crowd {
    /// A seat, of `most` and never more than [`MOST`]. If all are taken, whoever is worth least has to leave: one that
    /// never asked anything, then one that is slow, then one that did not ask for the longest time. None if all get an
    /// answer just now.
    pub(super) fn admit(self: &Arc<Self>, most: usize) -> Option<Seat> {
        let mut seats = self.seats();
        if seats.taken.len() >= most.clamp(1, MOST) {
            let states = seats
                .taken
                .iter()
                .map(|(number, occupant)| (occupant.state.load(Ordering::Relaxed), *number));
            let (least, number) = states.min_by_key(|(state, number)| (state & 3, state >> 2, *number))?;
            if least & 3 == Stage::Asks as u64 {
                return None;
            }
            if let Some(occupant) = seats.taken.remove(&number) {
                occupant.leave.notify_one();
            }
        }
        let number = seats.tick();
        let occupant = Arc::new(Occupant { state: AtomicU64::new(number << 2), leave: Notify::new() });
        seats.taken.insert(number, Arc::clone(&occupant));
        drop(seats);
        Some(Seat(Arc::new(Taken { crowd: Arc::clone(self), number, occupant })))
    }

    /// A permit to read events; none if too many do.
    pub(super) fn read_events(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.readers).try_acquire_owned().ok()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

impl Seat {
    pub(super) fn set(&self, stage: Stage) {
        let now = self.0.crowd.seats().tick();
        self.0.occupant.state.store(now << 2 | stage as u64, Ordering::Relaxed);
    }

    pub(super) fn is_new(&self) -> bool {
        self.0.occupant.state.load(Ordering::Relaxed) & 3 == Stage::New as u64
    }

    /// Resolves when the seat is somebody else's.
    pub(super) async fn left(&self) {
        self.0.occupant.leave.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.crowd.seats().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_to_leave(seat: &Seat) -> bool {
        // Cancelled at once: the notification, if there is one, was stored.
        let mut left = std::pin::pin!(seat.left());
        let waker = std::task::Waker::noop();
        left.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready()
    }

    #[test]
    fn whoever_never_asked_leaves_first_and_whoever_gets_an_answer_stays() {
        let crowd = Arc::new(Crowd::default());
        let seats: Vec<Seat> = (0..4).map(|_| crowd.admit(4).unwrap()).collect();
        seats[0].set(Stage::Idle);
        seats[1].set(Stage::Asks);
        seats[2].set(Stage::Sends);
        let order = [3, 2, 0];
        let mut later = Vec::new();
        for victim in order {
            let new = crowd.admit(4).unwrap();
            assert!(has_to_leave(&seats[victim]), "{victim}");
            new.set(Stage::Asks);
            later.push(new);
        }
        assert!(crowd.admit(4).is_none(), "all get an answer");
        assert!(!has_to_leave(&seats[1]) && later.iter().all(|seat| !has_to_leave(seat)));
        drop(later.pop());
        assert!(crowd.admit(4).is_some(), "a seat is free again");
    }

    #[test]
    fn of_those_who_asked_the_one_that_did_not_for_the_longest_time_leaves() {
        let crowd = Arc::new(Crowd::default());
        let (one, other) = (crowd.admit(2).unwrap(), crowd.admit(2).unwrap());
        other.set(Stage::Idle);
        one.set(Stage::Asks);
        one.set(Stage::Idle);
        let _new = crowd.admit(2).unwrap();
        assert!(has_to_leave(&other) && !has_to_leave(&one));
    }

    #[test]
    fn a_seat_is_taken_until_the_last_of_its_owner_is_gone() {
        let crowd = Arc::new(Crowd::default());
        let seat = crowd.admit(1).unwrap();
        seat.set(Stage::Asks);
        let body = seat.clone();
        drop(seat);
        assert!(crowd.admit(1).is_none());
        drop(body);
        assert!(crowd.admit(1).is_some());
    }

    #[test]
    fn readers_of_events_have_a_bound_of_their_own() {
        let crowd = Crowd::default();
        let permits: Vec<_> = (0..READERS).map(|_| crowd.read_events().unwrap()).collect();
        assert!(crowd.read_events().is_none());
        drop(permits);
        assert!(crowd.read_events().is_some());
    }
}
