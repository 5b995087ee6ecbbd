//! Linux: no emulator outlives `styxy firebase`. Firebase starts them in sessions of their own, where no Ctrl-C reaches them.

use std::time::Duration;

use crate::here::caller::caller;
use crate::here::context::{Autostart, Context};
use crate::here::ownership::Here;
use crate::here::tree::{Facts, LeftBehind};
use crate::process::ending;
use crate::say::facts;
use crate::say::output;

/// How long an emulator is given to end by itself after its firebase has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Ends what the command has left running, and says what that was.
pub(super) fn end(context: &Context) {
    let Ok(here) = Here::of(caller()) else { return };
    // The leases of the emulators name this process; a daemon that does not run knows of no others.
    let as_it_is = Context::new(context.output.format(), Autostart::Never);
    let facts = as_it_is.try_ask(Facts::ask).ok().and_then(Result::ok);
    let mut left = LeftBehind::new(facts.as_ref(), &here);
    match ending::end(&mut |kept| left.find(kept), None, GRACE) {
        Ok(outcome) => {
            let shown = |name: &str, pid: u32| facts::process(Some(name), Some(pid)).unwrap_or_default();
            let names: Vec<String> =
                outcome.ended.iter().map(|(entry, _)| shown(&entry.name, entry.pid)).collect();
            if !names.is_empty() {
                let was = if names.len() == 1 { "was" } else { "were" };
                output::note(&format!(
                    "styxy: {} {was} left running by the command, and ended",
                    facts::names(&names)
                ));
            }
            for (entry, _) in &outcome.left {
                output::warning(&format!("{} still runs", shown(&entry.name, entry.pid)));
            }
        }
        Err(error) => {
            output::warning(&format!("could not look for what the command has left running: {error}"));
        }
    }
}
