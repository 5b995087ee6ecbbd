//! Questions to the system that may take for ever: a list of users in the network, a folder that a person must open first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// How many questions may be without an answer at a time. Beyond it none is asked: no answer comes soon.
const MOST: usize = 8;

/// The questions that have no answer yet.
struct Open(AtomicUsize);

static OPEN: Open = Open(AtomicUsize::new(0));

/// What `ask` answers, on a thread of its own, if it does so by `deadline`. Takes some 30 µs beside the question.
///
/// None, too, if eight questions are without an answer. A late answer is dropped, and its thread ends then.
pub(crate) fn within<T: Send + 'static>(
    deadline: Instant,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    // Nothing is asked if no answer would be in time, however fast it is.
    (Instant::now() < deadline).then(|| OPEN.within(deadline, ask))?
}

impl Open {
    fn within<T: Send + 'static>(
        &'static self,
        deadline: Instant,
        ask: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let place = self.place()?;
        let (answer, answered) = mpsc::sync_channel(1);
        let question = move || {
            let _until_answered = place;
            let _ = answer.send(ask());
        };
        thread::Builder::new().name("question".to_owned()).spawn(question).ok()?;
        answered.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    fn place(&'static self) -> Option<Place> {
        let place = Place(self);
        (self.0.fetch_add(1, Ordering::Relaxed) < MOST).then_some(place)
    }
}

/// One question's place among those without an answer.
struct Place(&'static Open);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_question_without_an_answer_keeps_nobody_waiting() {
        static ALONE: Open = Open(AtomicUsize::new(0));
        let soon = || Instant::now() + Duration::from_secs(5);
        assert_eq!(ALONE.within(soon(), || 42), Some(42));
        let mut unanswered = Vec::new();
        for _ in 0..MOST {
            let (end, ended) = mpsc::channel::<()>();
            assert_eq!(ALONE.within(Instant::now(), move || ended.recv().is_ok()), None);
            unanswered.push(end);
        }
        // All places are taken, so nothing is asked, and nobody waits.
        assert_eq!(ALONE.within(Instant::now() + Duration::from_secs(1000), || 42), None);
        drop(unanswered);
        // Their threads end, one after the other.
        while ALONE.within(soon(), || 42).is_none() {
            thread::yield_now();
        }
    }
}
