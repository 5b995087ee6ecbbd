//! Servers of a text that run in the background, but never at the same time: in the branches of an `if` or a `case`, and before and
//! after a `wait` or a `kill` that ends them. The largest number of them that run together counts.

use super::census::Server;
use super::ends::Ends;

/// The phases that are open, outermost first: the text itself, and each `if` and `case`.
pub(super) struct Phases {
    open: Vec<Phase>,
}

#[derive(Default)]
struct Phase {
    /// How many servers there were before it.
    from: usize,
    /// Those of the branch or of the time before, if these were more.
    most: Vec<Server>,
}

impl Default for Phases {
    fn default() -> Self {
        Self { open: vec![Phase::default()] }
    }
}

impl Phases {
    /// Opens one for branches of which only one runs, after the servers `together`.
    pub(super) fn open(&mut self, together: &[Server]) {
        self.open.push(Phase { from: together.len(), most: Vec::new() });
    }

    /// Those servers of this phase do not run any more that `ends` says.
    pub(super) fn turn(&mut self, ends: &Ends, together: &mut Vec<Server>) {
        let Some(phase) = self.open.last_mut() else { return };
        let found = together.split_off(phase.from.min(together.len()));
        together.extend(found.iter().filter(|server| !ends.has(server)).cloned());
        if count(&found) > count(&phase.most) {
            phase.most = found;
        }
    }

    pub(super) fn close(&mut self, together: &mut Vec<Server>) {
        together.extend(self.open.pop().map(|phase| phase.most).unwrap_or_default());
    }

    /// Those that ran together at some time, if they were more than the `servers` that run in the end.
    pub(super) fn end(mut self, together: &[Server], last: &[Server]) -> Option<Vec<Server>> {
        let most = self.open.pop().map(|phase| phase.most).unwrap_or_default();
        (count(&most) > count(together) + count(last)).then_some(most)
    }
}

fn count(servers: &[Server]) -> usize {
    servers.iter().map(|one| if one.repeated { 2 } else { 1 }).sum()
}
