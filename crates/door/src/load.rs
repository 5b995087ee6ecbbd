//! How much may be going on at once, for all and for one server: nobody's load keeps the others out.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much may be going on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients. Each takes a descriptor, and its server's connection another one.
    pub connections: usize,
    /// Requests and tunnels to one server.
    pub per_server: usize,
    /// Requests that wait for one server.
    pub waiting_per_server: usize,
    /// Requests that wait.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, per_server: 1024, waiting_per_server: 64, waiting: 512 }
    }
}

/// Counts what is going on, for all and for each key.
#[derive(Debug)]
pub(crate) struct Count<K> {
    inner: Arc<Mutex<Counted<K>>>,
    most: usize,
    most_each: usize,
}

#[derive(Debug)]
struct Counted<K> {
    all: usize,
    each: HashMap<K, usize>,
}

/// One of what is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<K: Eq + Hash> {
    inner: Arc<Mutex<Counted<K>>>,
    key: K,
}

/// One connection of a client: taken until the last of its owners is gone, a tunnel for example.
pub(crate) type Seat = Arc<Permit<()>>;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Of this key.
    Key,
    /// Of all together.
    All,
}

impl<K: Eq + Hash + Clone> Count<K> {
    pub(crate) fn new(most: usize, most_each: usize) -> Self {
        let counted = Counted { all: 0, each: HashMap::new() };
        Self { inner: Arc::new(Mutex::new(counted)), most, most_each }
    }

    /// A permit for one more.
    ///
    /// # Errors
    /// There are too many, of these or of all.
    pub(crate) fn one_more(&self, key: &K) -> Result<Permit<K>, Full> {
        let mut counted = lock(&self.inner);
        let of_key = counted.each.get(key).copied().unwrap_or_default();
        if of_key >= self.most_each {
            return Err(Full::Key);
        }
        if counted.all >= self.most {
            return Err(Full::All);
        }
        counted.all += 1;
        counted.each.insert(key.clone(), of_key + 1);
        Ok(Permit { inner: Arc::clone(&self.inner), key: key.clone() })
    }

    /// How many there are.
    pub(crate) fn all(&self) -> usize {
        lock(&self.inner).all
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut counted = lock(&self.inner);
        counted.all -= 1;
        if let Some(of_key) = counted.each.get_mut(&self.key) {
            *of_key -= 1;
            if *of_key == 0 {
                counted.each.remove(&self.key);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No lock is ever poisoned: a panic ends the daemon.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_does_not_take_what_the_others_may_have() {
        let count = Count::new(3, 2);
        let first = count.one_more(&1).unwrap();
        let _second = count.one_more(&1).unwrap();
        assert_eq!(count.one_more(&1).unwrap_err(), Full::Key, "two of one key");
        let _third = count.one_more(&2).unwrap();
        assert_eq!(count.one_more(&3).unwrap_err(), Full::All, "three in all");
        drop(first);
        assert!(count.one_more(&3).is_ok());
    }

    #[test]
    fn what_has_ended_leaves_nothing_behind() {
        let count = Count::new(2, 2);
        drop(count.one_more(&1));
        let counted = lock(&count.inner);
        assert!(counted.all == 0 && counted.each.is_empty());
    }
}
