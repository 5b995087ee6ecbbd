//! A `styxy up` that leaves the services running, and ends when they are ready.

use styxy_client::Caller;

use super::shown::{Shown, Waiting, was_ended};
use super::system::Interrupts;
use crate::here::context::Context;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};
use crate::up::ask::{self, Asked};
use crate::up::heard;
use crate::up::lines::failure;
use crate::up::place::Place;
use crate::up::wire::{State, View};

/// Waits until all have settled, or one has failed.
pub(super) async fn detached(
    context: &Context,
    (here, place): (&Caller, &Place),
    asked: Asked,
) -> Result<Exit, Failure> {
    let Asked { mut keeper, orders } = asked;
    let mut told = Shown::default();
    let mut wait = Waiting::new();
    let mut interrupts = Interrupts::new()?;
    let is_wanted = |view: &&View| orders.iter().any(|order| order.label == view.service);
    let overtaken = loop {
        let picture = tokio::select! {
            picture = ask::picture(&mut keeper, |text| output::note(&text)) => picture?,
            () = wait.is_long() => {
                told.waits();
                continue;
            }
            () = interrupts.next() => {
                told.left_alone();
                return Ok(Exit::Child(130));
            }
        };
        let views: Vec<View> = picture.services.iter().filter(is_wanted).cloned().collect();
        let has_failed = views.iter().any(View::has_given_up);
        told.views = views;
        // The others stay as they are, and are shown so: nobody waits for their ends or starts any more.
        if picture.settled || has_failed {
            break picture.overtaken;
        }
    };
    // What ran before may have closed its port since the keeper has heard of it.
    if let Some(leases) = heard::leases(here, place).await {
        heard::correct(&mut told.views, &leases);
        heard::count(&mut told.views, &leases);
    }
    told.answer(context)?;
    for label in &overtaken {
        was_ended(label);
    }
    let failed = told.views.iter().filter(|view| view.state == State::Failed);
    let failed: Vec<&View> = failed.collect();
    if failed.is_empty() {
        return Ok(if overtaken.is_empty() { Exit::Done } else { Exit::Refused });
    }
    if context.output.format() == Format::Human {
        for view in failed {
            output::note(&failure(view).join("\n"));
        }
    }
    Ok(Exit::Refused)
}
