//! Whose a server is, in a sentence.

use styxy_core::api::{WhoAnswer, Whose};

use crate::say::output::one_line;

/// `Port 3000 is mine: …`
pub(crate) fn headline(answer: &WhoAnswer) -> String {
    let whose = match answer.whose {
        Whose::Mine => "mine",
        Whose::Nobody => "nobody's",
        Whose::Sibling => "a sibling worktree's",
        Whose::Foreign => "somebody else's",
        Whose::Orphan => "an orphan's",
    };
    format!("Port {} is {whose}: {}", answer.port, one_line(&answer.reason))
}
