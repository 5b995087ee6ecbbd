//! The ports that a service's processes listen on beside its own: a second server that it starts, a debugger, a socket for reloads.

use std::path::Path;
use std::time::Duration;

use styxy_core::api::ScanQuery;

use crate::here::context::{self, Autostart};
use crate::up::kept;
use crate::up::wire::View;

/// Without an answer in this time only the services' own ports are shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Adds them to the services of the worktree at `root`. The daemon knows who listens; none is started for that.
pub(crate) async fn add(root: &Path, views: &mut [View]) {
    if views.iter().all(|view| view.pid.is_none()) {
        return;
    }
    let Ok(client) = context::client(Autostart::Never) else { return };
    let query = ScanQuery::default();
    let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, client.scan(&query)).await else { return };
    let found = kept::ports(root, &answer.ports_in_use);
    for view in views {
        let ports = found.iter().filter(|(label, port)| *label == view.service && Some(*port) != view.port);
        view.further_ports = ports.map(|(_, port)| *port).collect();
    }
}
