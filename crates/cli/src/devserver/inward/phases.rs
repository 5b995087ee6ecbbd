//! Servers of a text that run in the background, but never at the same time: in the branches of an `if`, and before and after a
//! `wait` or a `kill` that ends them. The largest number of them that run together counts.

use super::census::Server;
use super::ends::{Ends, Jobs};
use crate::devserver::shell::{Simple, is_keyword};

/// The phases that are open, outermost first: the text itself, and each `if`.
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
    /// What the reserved words and the name of `command` mean for the servers `together` so far.
    pub(super) fn follow(&mut self, command: &Simple, jobs: &Jobs, together: &mut Vec<Server>) {
        for (at, word) in command.words.iter().enumerate() {
            match word.text.as_str() {
                "if" => self.open.push(Phase { from: together.len(), most: Vec::new() }),
                "elif" | "else" => self.turn(&Ends::All, together),
                "fi" if self.open.len() > 1 => self.close(together),
                word if is_keyword(word) => {}
                _ => {
                    if let Some(ends) = jobs.ended_by(&command.words[at..]) {
                        self.turn(&ends, together);
                    }
                    return;
                }
            }
        }
    }

    /// Those servers of this phase do not run any more that `ends` says.
    fn turn(&mut self, ends: &Ends, together: &mut Vec<Server>) {
        let Some(phase) = self.open.last_mut() else { return };
        let found = together.split_off(phase.from.min(together.len()));
        together.extend(found.iter().filter(|server| !ends.has(server)).cloned());
        if count(&found) > count(&phase.most) {
            phase.most = found;
        }
    }

    fn close(&mut self, together: &mut Vec<Server>) {
        self.turn(&Ends::All, together);
        together.extend(self.open.pop().map(|phase| phase.most).unwrap_or_default());
    }

    /// Those that ran together at some time, if they were more than the `servers` that run in the end.
    pub(super) fn end(mut self, together: &mut Vec<Server>, last: &[Server]) -> Option<Vec<Server>> {
        while self.open.len() > 1 {
            self.close(together);
        }
        let most = self.open.pop().map(|phase| phase.most).unwrap_or_default();
        (count(&most) > count(together) + count(last)).then_some(most)
    }
}

fn count(servers: &[Server]) -> usize {
    servers.iter().map(|one| if one.repeated { 2 } else { 1 }).sum()
}
