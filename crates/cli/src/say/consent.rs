//! How a command that shows what it will do may go on: asked at the terminal, agreed to before, or not at all.

use crate::say::failure::Failure;
use crate::say::output;

/// What was typed about it.
#[derive(Debug, clap::Args)]
pub(crate) struct Consent {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done, without changing anything
    #[arg(long)]
    dry_run: bool,
}

impl Consent {
    /// Whether nothing is to be done, whatever else was typed.
    pub(crate) const fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// How the plan is told: nothing is done where nobody can agree to it.
    pub(crate) fn will(&self) -> &'static str {
        if !self.dry_run && (self.yes || output::can_ask()) { "will" } else { "would" }
    }

    /// Whether the person at the terminal agrees, or has done so before; `typed` is for those who have no terminal.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub(crate) fn is_given(&self, question: &str, typed: &str) -> Result<bool, Failure> {
        if !self.yes && !output::can_ask() {
            let sentence = "there is no terminal to ask for confirmation; nothing was changed";
            return Err(Failure::usage(sentence, typed));
        }
        let is_given = self.yes || output::confirmed(question)?;
        if !is_given {
            nothing_was_changed();
        }
        Ok(is_given)
    }
}

/// Says so.
pub(crate) fn nothing_was_changed() {
    output::note("Nothing was changed.");
}
