//! What commands, hooks and the MCP server ask the keeper of a worktree.

use std::path::{Path, PathBuf};

use styxy_client::{Caller, Client};
use styxy_core::api::{Code, Refusal};

use crate::here::{config_file, context};
use crate::say::failure::Failure;
use crate::up::by_hand;
use crate::up::client::Keeper;
use crate::up::heard;
use crate::up::orders;
use crate::up::place::Place;
use crate::up::sources::{self, no_project};
use crate::up::stack::Stack;
use crate::up::wire::{
    Attachment, Down, Ends, Expects, Extent, Fate, Foreseen, Hurry, Order, Outside, Picture, Request, Said,
    Session, State, Up, View,
};

/// The files of the keeper of this worktree.
///
/// # Errors
/// It is unknown where Styxy's folder is.
pub(crate) fn place(root: &Path) -> Result<Place, Failure> {
    Ok(Place::of(&context::layout()?, root))
}

/// The root of the worktree that `here` is in, and the files of its keeper.
///
/// # Errors
/// Nothing is shared there.
pub(crate) fn at(here: &Caller) -> Result<(PathBuf, Place), Failure> {
    let root = here.root().ok_or_else(|| no_project(here))?;
    Ok((root.to_owned(), place(root)?))
}

/// What `up` has asked for.
pub(crate) struct Asked {
    pub(crate) keeper: Keeper,
    pub(crate) orders: Vec<Order>,
}

/// Asks the keeper, which is started if none runs, to have the services of `stack` run.
///
/// # Errors
/// The daemon or the keeper cannot be asked, or there is no port left.
pub(crate) async fn up(
    client: &Client,
    here: &Caller,
    stack: &Stack,
    extent: Extent,
    attachment: Attachment,
) -> Result<Asked, Failure> {
    let terms = orders::terms(here)?;
    let settings = config_file::settings(&context::layout()?)?;
    let ends = Ends { with: settings.end_with, grace_ms: settings.session_grace.millis() };
    let program = styxy_client::own_program()?;
    let place = place(&stack.root)?;
    let orders = orders::orders(client, (stack, &place), &terms, &program).await?;
    let mut keeper = Keeper::find_or_start(&place, &stack.root).await?;
    let session = here.session().ok().flatten();
    let instance = session.as_ref().map(|session| session.instance.to_string());
    let environment = orders::environment(instance.as_deref());
    let session = session.map(|session| Session {
        instance: session.instance.to_string(),
        pid: session.pid.map(styxy_core::Pid::get),
        started: session.pid.and_then(crate::process::started),
    });
    let source = stack.source.shown(&stack.root);
    let up = Up { orders: orders.clone(), extent, attachment, session, ends, source, environment };
    keeper.ask(&Request::Up(Box::new(up))).await.map_err(|_| gone())?;
    Ok(Asked { keeper, orders })
}

/// The next picture that the keeper shows; what else it says goes to `note`.
///
/// # Errors
/// It refuses, or has gone.
pub(crate) async fn picture(keeper: &mut Keeper, mut note: impl FnMut(String)) -> Result<Picture, Failure> {
    loop {
        match keeper.said().await {
            Some(Said::Now(picture)) => return Ok(picture),
            Some(Said::Note { text }) => note(text),
            Some(Said::Hello { .. } | Said::Foreseen { .. }) => {}
            Some(Said::Refused { why }) => {
                return Err(Failure::usage(why, "styxy ps"));
            }
            None => return Err(gone()),
        }
    }
}

/// The keeper ended in the middle of it.
pub(crate) fn gone() -> Failure {
    let error = "the process that keeps the services has ended; the services go on";
    Refusal::new(Code::NotRunning, error).hint("styxy up").into()
}

/// What there is now: as the keeper says, or without one as the last one has written down.
///
/// # Errors
/// The keeper's socket cannot be used.
pub(crate) async fn now(place: &Place) -> Result<Vec<View>, Failure> {
    let Some(mut keeper) = find(place).await? else {
        let (views, problem) = crate::up::keeper::last_seen(place);
        if let Some(problem) = &problem {
            crate::say::output::warning(problem);
        }
        return Ok(views);
    };
    keeper.ask(&Request::Show).await.map_err(|_| gone())?;
    Ok(picture(&mut keeper, |_| {}).await?.services)
}

/// The same with the servers that were started by hand.
///
/// # Errors
/// Those of [`now`].
pub(crate) async fn seen(here: &Caller, place: &Place) -> Result<Vec<View>, Failure> {
    let mut views = now(place).await?;
    if let Some(leases) = heard::leases(here, place).await {
        by_hand::add(here, place, &mut views, &leases);
        heard::correct(&mut views, &leases);
        heard::count(&mut views, &leases);
    }
    forget(here, &mut views);
    Ok(views)
}

/// Which of the services with these labels there are still: those of the worktree, and what runs. If that is unknown, all.
pub(crate) async fn still(here: &Caller, place: &Place, mut labels: Vec<String>) -> Vec<String> {
    let (Some(known), Ok(mut views)) = (sources::labels(here), now(place).await) else { return labels };
    forget(here, &mut views);
    labels.retain(|label| known.contains(label) || views.iter().any(|view| view.service == *label));
    labels
}

/// Leaves out what has ended and is no longer among the worktree's services. If these are unknown, all stay.
fn forget(here: &Caller, views: &mut Vec<View>) {
    let Some(labels) = sources::labels(here) else { return };
    let is_over = |view: &View| match view.state {
        State::Failed => view.pid.is_none() && !view.may_be_left,
        State::Ended => true,
        State::Waiting | State::Starting | State::Ready | State::Running | State::Outside | State::Ending => {
            false
        }
    };
    views.retain(|view| labels.contains(&view.service) || !is_over(view));
}

/// What an `up` of `stack` would do now. Nothing is started, leased or changed for that, not even a daemon.
///
/// # Errors
/// The keeper cannot be asked, or the daemon would refuse.
pub(crate) async fn foreseen(here: &Caller, stack: &Stack, extent: Extent) -> Result<Vec<Foreseen>, Failure> {
    let (place, terms) = (place(&stack.root)?, orders::terms(here)?);
    let client = context::client(context::Autostart::Never)?;
    let orders = orders::foretold(&client, (stack, &place), &terms).await?;
    let mut foreseen = match find(&place).await? {
        None => crate::up::keeper::foreseen(&place, &orders, extent),
        Some(mut keeper) => {
            keeper.ask(&Request::Foresee { orders: orders.clone(), extent }).await.map_err(|_| gone())?;
            loop {
                match keeper.said().await {
                    Some(Said::Foreseen { services }) => break services,
                    Some(Said::Hello { .. } | Said::Now(_) | Said::Note { .. } | Said::Refused { .. }) => {}
                    None => return Err(gone()),
                }
            }
        }
    };
    // The server of one that was renamed ends, and is not the new one's.
    let ends: Vec<Option<u32>> =
        foreseen.iter().filter(|one| one.fate == Fate::Ends).map(|one| one.pid).collect();
    for (one, order) in foreseen.iter_mut().zip(&orders) {
        match one.fate {
            Fate::Starts => one.port = order.lease.as_ref().map(|key| key.port),
            // Of another type or name it is another server. A container's port is compose's.
            Fate::Again => {
                one.port = if order.expects == Expects::End {
                    one.port
                } else {
                    order.lease.as_ref().map(|key| key.port)
                };
                continue;
            }
            Fate::Stays | Fate::Outside | Fate::Ends | Fate::Fails => continue,
        }
        if let Some(server) = crate::up::keeper::runs_already(&client, terms.project.as_ref(), order).await
            && !ends.contains(&server.pid)
        {
            (one.fate, one.port, one.pid) = (Fate::Outside, server.port, server.pid);
        }
    }
    Ok(foreseen)
}

/// Asks the keeper to end these services; none if nothing runs that it could end.
///
/// # Errors
/// The keeper cannot be asked.
pub(crate) async fn down(place: &Place, root: &Path, mut down: Down) -> Result<Option<Keeper>, Failure> {
    let mut keeper = match find(place).await? {
        Some(keeper) => keeper,
        // A keeper that was killed has left its services: the next one adopts them, and ends them.
        None if crate::up::keeper::has_left(place)
            || !down.by_hand.is_empty()
            || down.outside == Outside::Ends && !crate::up::keeper::last_seen(place).0.is_empty() =>
        {
            Keeper::find_or_start(place, root).await?
        }
        None => {
            give_back(place, &down.services).await;
            return Ok(None);
        }
    };
    down.environment = orders::environment(None);
    keeper.ask(&Request::Down(Box::new(down))).await.map_err(|_| gone())?;
    Ok(Some(keeper))
}

/// Gives the leases of services back that have ended by themselves, and whose keeper has ended with them.
async fn give_back(place: &Place, services: &[String]) {
    let locks = crate::up::keeper::locks(place, services);
    let Ok(client) = context::client(context::Autostart::Never) else { return };
    for lock in locks {
        // Without an answer it ends in its own time.
        let _ = client.release_waiting(lock).await;
    }
}

/// The same, and waits until they have ended: what became of all services; none if nothing ran.
///
/// # Errors
/// The keeper cannot be asked.
pub(crate) async fn end(
    place: &Place,
    root: &Path,
    services: &[String],
    hurry: Hurry,
) -> Result<Option<Vec<View>>, Failure> {
    let request = Down::of(services.to_vec(), hurry, Outside::Stays);
    let Some(mut keeper) = down(place, root, request).await? else { return Ok(None) };
    loop {
        let picture = picture(&mut keeper, |_| {}).await?;
        if let [label, ..] = &*picture.overtaken {
            let error =
                format!("{label} was started again by another command while this one waited for its end");
            return Err(Refusal::new(Code::NotRunning, error).hint("styxy ps").into());
        }
        if picture.settled {
            return Ok(Some(picture.services));
        }
    }
}

async fn find(place: &Place) -> Result<Option<Keeper>, Failure> {
    let cannot = |error: std::io::Error| {
        let error = format!("the process that keeps the services cannot be asked: {error}");
        Refusal::new(Code::NotRunning, error).hint("styxy doctor").into()
    };
    Keeper::find(place).await.map_err(cannot)
}
