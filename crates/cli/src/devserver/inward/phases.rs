//! Servers of a text that run in the background, but never at the same time: in the branches of an `if`, and before and after a
//! `wait` or a `kill`. The largest number of them that run together counts.

use super::census::Server;
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
    pub(super) fn follow(&mut self, command: &Simple, together: &mut Vec<Server>) {
        for (at, word) in command.words.iter().enumerate() {
            match word.text.as_str() {
                "if" => self.open.push(Phase { from: together.len(), most: Vec::new() }),
                "elif" | "else" => self.turn(together),
                "fi" if self.open.len() > 1 => {
                    self.turn(together);
                    together.extend(self.open.pop().map(|phase| phase.most).unwrap_or_default());
                }
                // `kill -0` only asks.
                "kill" if command.words.get(at + 1).is_some_and(|next| next.text == "-0") => return,
                "wait" | "kill" | "pkill" | "killall" => return self.turn(together),
                word if is_keyword(word) => {}
                _ => return,
            }
        }
    }

    /// The servers of this phase do not run any more.
    fn turn(&mut self, together: &mut Vec<Server>) {
        let Some(phase) = self.open.last_mut() else { return };
        let found = together.split_off(phase.from.min(together.len()));
        let count =
            |servers: &[Server]| servers.iter().map(|one| if one.repeated { 2 } else { 1 }).sum::<usize>();
        if count(&found) > count(&phase.most) {
            phase.most = found;
        }
    }

    pub(super) fn end(mut self, together: &mut Vec<Server>) {
        while !self.open.is_empty() {
            self.turn(together);
            together.extend(self.open.pop().map(|phase| phase.most).unwrap_or_default());
        }
    }
}
