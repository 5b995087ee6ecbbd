//! `styxy list --watch`: the list again whenever it changes.
//!
//! On a terminal it is drawn on the whole screen. Elsewhere it is printed again, without control sequences; with `--json`
//! one line for each change.

use std::io;

use super::lines;
use super::live::{Live, Update};
#[cfg(unix)]
use super::seen::WantedView;
use super::wanted::{Found, Wanted};
use crate::here::context::{self, Autostart, Context};
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};

pub(super) fn run(context: &Context, wanted: &Wanted) -> Result<Exit, Failure> {
    let later = Context::new(context.output.format(), Autostart::Never);
    let live = Live::new(wanted.clone(), context.client()?, later.client()?);
    let shown = match context.output.format() {
        Format::Json => context::block_on(print(live, |update| match update {
            Update::Found(found) => output::next_value(&found.answer),
            Update::Gone => {
                gone();
                Ok(())
            }
        }))?,
        #[cfg(unix)]
        Format::Human if crate::say::screen::Screen::is_there() => {
            let wanted = WantedView(wanted.clone());
            context::block_on(super::top::show(Live::new(wanted, context.client()?, later.client()?)))?
        }
        Format::Human => {
            let mut is_first = true;
            context::block_on(print(live, move |update| match update {
                Update::Found(found) => {
                    let between = if std::mem::take(&mut is_first) { "" } else { "\n" };
                    let lines = lines(found, output::width());
                    output::next_text(format!("{between}{}\n", lines.join("\n")).as_bytes())
                }
                Update::Gone => {
                    gone();
                    Ok(())
                }
            }))?
        }
    };
    match shown {
        // Whoever read it has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        shown => shown.map(|()| Exit::Done),
    }
}

fn gone() {
    output::note(GONE);
}

/// What is said when the daemon has gone.
pub(super) const GONE: &str = "the daemon was stopped; waiting until one runs again";

/// Prints each update, until nobody reads any more.
async fn print(
    mut live: Live<Wanted>,
    mut out: impl FnMut(&Update<Found>) -> io::Result<()>,
) -> Result<(), Failure> {
    loop {
        out(&live.next().await?)?;
    }
}
