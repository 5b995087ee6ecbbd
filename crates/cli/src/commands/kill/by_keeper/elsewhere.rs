//! Where there is no keeper.

use styxy_core::api::{KillAnswer, UpService};

use super::super::server::{Judged, Server};
use crate::say::failure::Failure;

#[expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "the same signatures as where there are keepers"
)]
impl Server<'_> {
    /// No server is of a service.
    pub(in crate::commands::kill) const fn service(&self, _: &Judged) -> Option<UpService> {
        None
    }

    /// Nobody ends it.
    pub(in crate::commands::kill) const fn by_keeper(
        &self,
        _: &Judged,
        _: &UpService,
    ) -> Result<Option<KillAnswer>, Failure> {
        Ok(None)
    }
}
