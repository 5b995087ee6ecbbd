//! No service has a terminal of its own here.

/// There is none.
pub(in crate::up) enum Terminal {}

impl Terminal {
    pub(in crate::up) const fn type_in(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(in crate::up) const fn resize(&self, _: u16, _: u16) {
        match *self {}
    }
}
