//! Systems on which nothing puts an agent's shell under the guard.

use std::path::Path;

use styxy_client::agents::Agent;

/// There is none.
pub(in crate::guard) enum Cover {}

pub(in crate::guard) const fn of(_: Agent, _: Option<&Path>) -> Option<Cover> {
    None
}

impl Cover {
    pub(in crate::guard) fn put(self, _: Vec<(String, String)>) -> Vec<(String, String)> {
        match self {}
    }
}
