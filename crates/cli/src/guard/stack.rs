//! What a session learns of the worktree's services: their names, and which of them run (R158).

use styxy_client::Caller;

use crate::say::voice::ServiceOf;
use crate::up::sources;

/// The services of the worktree that `caller` is in; empty where nothing surely says what they are.
pub(super) fn services(caller: &Caller) -> Vec<ServiceOf> {
    let Ok(stack) = sources::find_silently(caller) else { return Vec::new() };
    let running = running(caller, &stack.root);
    let address = |label: &str| running.iter().find(|(name, _)| name == label).map(|(_, url)| url.clone());
    let each = stack.services.into_iter();
    each.map(|service| ServiceOf { runs: address(&service.label), label: service.label }).collect()
}

/// Those that run, with their addresses: empty ones for services that do not serve.
fn running(caller: &Caller, root: &std::path::Path) -> Vec<(String, String)> {
    use crate::here::context::block_on;
    use crate::up::ask;
    use std::time::Duration;
    /// The keeper answers in less than a millisecond; a session does not wait for one that does not.
    const PATIENCE: Duration = Duration::from_millis(100);
    let Ok(place) = ask::place(root) else { return Vec::new() };
    let views = block_on(async { tokio::time::timeout(PATIENCE, ask::seen(caller, &place)).await });
    let Ok(Ok(Ok(views))) = views else { return Vec::new() };
    let running = views.into_iter().filter(|view| view.state.is_good());
    running.map(|view| (view.service, view.named_url.or(view.url).unwrap_or_default())).collect()
}
