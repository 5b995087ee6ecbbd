//! The containers of the project's file, for plain `docker compose`.

use std::time::{Duration, Instant};

use styxy_client::{Client, Error, PortRequest, ProjectFile, Terms};
use styxy_core::api::Refusal;
use styxy_core::layout::Layout;
use styxy_core::project::Service;

use crate::here::compose::{Compose, ComposeError, Placed};
use crate::here::context;
use crate::here::places::Places;
use crate::here::variables::Served;
use crate::say::output;

/// How long compose may take: whoever asks for variables waits, often a shell that has just been opened.
const PATIENCE: Duration = Duration::from_secs(2);

/// The compose files of a project whose file names services in them.
pub(super) struct Containers {
    compose: Compose,
    layout: Layout,
    /// The services that compose starts.
    services: Vec<Service>,
}

impl Containers {
    /// Those of `file`, if a request is for one. If compose cannot be asked that is a warning: the other services have their ports.
    pub(super) fn of(file: &ProjectFile, requests: &[PortRequest]) -> Option<Self> {
        let is_asked = |service: &&Service| {
            service.compose.is_some()
                && requests.iter().any(|request| request.label.as_ref() == Some(&service.label))
        };
        let services: Vec<Service> = file.project.services.iter().filter(is_asked).cloned().collect();
        let layout = context::layout().ok().filter(|_| !services.is_empty())?;
        let compose =
            Compose::beside(file, &layout, Instant::now() + PATIENCE).map_err(|error| warn(&error)).ok()?;
        for service in &services {
            if let Some(error) = service.compose.as_ref().and_then(|name| compose.lacks(name)) {
                let Refusal { error, hint, .. } = error.refusal();
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                output::warning(&(file.said_of(service.label.as_str(), "compose", &error) + &hint));
            }
        }
        Some(Self { compose, layout, services })
    }

    /// Whether the request is for a server that has a port: a container need not have one.
    pub(super) fn keeps(&self, request: &PortRequest) -> bool {
        let service = self.services.iter().find(|service| request.label.as_ref() == Some(&service.label));
        let container = service.and_then(|service| service.compose.as_ref());
        container.is_none_or(|container| self.compose.publishes(container))
    }

    pub(super) async fn lease(
        &self,
        client: &Client,
        terms: &Terms,
        file: &ProjectFile,
    ) -> Result<Vec<Placed>, Error> {
        self.compose.lease(client, terms, file).await
    }

    /// The variables of plain `docker compose`; none if that does not work.
    pub(super) fn told(
        &self,
        placed: &[Placed],
        file: &ProjectFile,
        served: &[Served],
    ) -> Vec<(String, String)> {
        let slug = || styxy_client::worktree_label(file.path.parent()?);
        let addresses = Places::new(served, slug);
        match self.compose.told(placed, &self.layout, addresses.slug()) {
            Ok(told) => {
                told.shared.iter().for_each(|shared| output::note(&format!("styxy: {shared}")));
                told.variables
            }
            Err(error) => {
                warn(&error);
                Vec::new()
            }
        }
    }
}

fn warn(error: &ComposeError) {
    let refusal = error.refusal();
    let hint = refusal.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    output::warning(&format!("{}; docker compose is not told anything{hint}", refusal.error));
}
