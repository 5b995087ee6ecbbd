//! A server that goes on listening although its lease was released: which one it is, and what ends it.

use std::process;

use styxy_client::living::Living;
use styxy_client::{Client, Error};
use styxy_core::Port;

use crate::here::may_end::{self, Protected};
use crate::here::ownership::{self, Here};
use crate::say::facts;

/// What to say about the server that still listens on `port`, if one does. Without its lease it may be a stranger's to
/// `styxy kill`; then the command that ends it nevertheless is named.
///
/// # Errors
/// The daemon cannot be asked.
pub(super) async fn said(client: &Client, port: Port, here: &Here) -> Result<Option<String>, Error> {
    let found = client.check(port).await?;
    let Some(usage) = &found.system_usage else { return Ok(None) };
    let server = facts::server(usage).unwrap_or_else(|| "a process that cannot be identified".to_owned());
    let living = Living::around(client, &found).await?;
    let protected = Protected { own: process::id(), daemon: client.status().await?.pid.get() };
    let refused = ownership::each(found, here).into_iter().find_map(|one| {
        may_end::pid(&one, &protected).and_then(|_| may_end::ours(&one, here, &living)).err()
    });
    let command = refused.and_then(|refusal| refusal.hint).unwrap_or_else(|| format!("styxy kill {port}"));
    Ok(Some(format!("{server} still listens on port {port}; to end it: {command}")))
}
