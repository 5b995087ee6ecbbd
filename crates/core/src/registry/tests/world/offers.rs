//! What the daemon offers to the registry without a request.

use super::*;

impl World {
    /// Whoever listens where no lease is, is offered to the registry.
    pub(super) fn adopt(&mut self) {
        for (port, listeners) in self.listeners.clone() {
            let [listener] = listeners.as_slice() else { continue };
            if self.registry.is_adoptable(port) {
                self.ids += 1;
                let fresh_id = LockId::new(uuid::Uuid::from_u128(self.ids));
                let listener = listener.clone();
                let line = listener.key().into_iter().collect();
                self.tell(&Command::Adopt { port, listener, project_id: None, line, fresh_id });
            }
        }
    }

    /// Each owner of a port where nobody ever listened is said to listen where no lease is.
    pub(super) fn stray(&mut self) {
        let mut silent: Vec<_> = self.registry.never_heard().collect();
        silent.sort_unstable_by_key(|(lock_id, _)| *lock_id);
        for (port, listeners) in self.listeners.clone() {
            let ([listener], Some((lock_id, _))) = (listeners.as_slice(), silent.pop()) else { continue };
            self.ids += 1;
            let fresh_id = LockId::new(uuid::Uuid::from_u128(self.ids));
            self.tell(&Command::Strayed { lock_id, port, listener: listener.clone(), fresh_id });
        }
    }
}
