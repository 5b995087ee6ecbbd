//! What a command does about a daemon that is older than itself (R70): it puts one of its own version in its place, and says so.

use styxy_client::{Client, OURS, Older};
use styxy_core::layout::Layout;

use crate::here::config_file;
use crate::say::output;

/// Replaces an older daemon, before the command asks it anything.
pub(crate) async fn replace(client: &Client, layout: &Layout) {
    let Some(older) = client.older().await else { return };
    // The new daemon would not start, and an older one is better than none.
    if config_file::read_or_default(&layout.config()).is_err() {
        output::warning(&kept(&older));
        return;
    }
    // What goes wrong here goes wrong for the command's own request too, which then says it.
    if let Ok(Some(status)) = client.replace(&older).await {
        output::note(&replaced(&older, &status.version));
    }
}

/// That the daemon was replaced by one of version `now`.
pub(crate) fn replaced(older: &Older, now: &str) -> String {
    format!("styxy: restarted the daemon: {now} in place of {}; leases are kept", older.version)
}

fn kept(older: &Older) -> String {
    format!(
        "the daemon is still {}, and this command is {OURS}: config.json has a mistake, so a new one would not start; \
         styxy config validate says where",
        older.version
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use styxy_core::Pid;

    #[test]
    fn what_happens_to_an_older_daemon_is_one_line() {
        let older = Older { pid: Pid::new(42).unwrap(), version: "0.0.9".to_owned() };
        let said = [("replaced", replaced(&older, OURS)), ("kept", kept(&older))];
        snapshot!("older_daemon", each(said).replace(OURS, "OURS"));
    }
}
