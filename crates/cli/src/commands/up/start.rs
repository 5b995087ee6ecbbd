//! What `styxy up` does once it is known what is to run: it asks the keeper, and shows what becomes of each service.

use std::io::{self, IsTerminal as _};

use styxy_client::{Caller, Client};

use super::attached::Attached;
use super::detached::detached;
use crate::here::context::Context;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::ask;
use crate::up::follow::{Follow, Form};
use crate::up::stack::Stack;
use crate::up::wire::{Attachment, Extent};

/// What becomes of the services when this command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They end with it, and it shows their logs.
    Attached,
    /// They stay, and it ends when they are ready.
    Detached,
}

/// Has the services of `stack` run.
pub(super) fn up(
    context: &Context,
    here: &Caller,
    stack: &Stack,
    extent: Extent,
    mode: Mode,
) -> Result<Exit, Failure> {
    context.try_ask(async |client| Ok(run(context, client, here, stack, extent, mode).await))??
}

async fn run(
    context: &Context,
    client: &Client,
    here: &Caller,
    stack: &Stack,
    extent: Extent,
    mode: Mode,
) -> Result<Exit, Failure> {
    let place = ask::place(&stack.root)?;
    let form = if io::stdout().is_terminal() { Form::AsWritten } else { Form::Plain };
    let logs = stack.services.iter().map(|service| (service.label.clone(), place.log(&service.label)));
    let follow = Follow::new(logs, form);
    let attachment = match mode {
        Mode::Attached => Attachment::Owns,
        Mode::Detached => Attachment::Detached,
    };
    let asked = ask::up(client, here, stack, extent, attachment).await?;
    if place.is_news(&stack.reasons) {
        stack.reasons.iter().for_each(|reason| output::note(reason));
    }
    match mode {
        Mode::Detached => detached(context, (here, &place), asked).await,
        Mode::Attached => Attached::new(asked, follow, extent)?.follow().await,
    }
}
