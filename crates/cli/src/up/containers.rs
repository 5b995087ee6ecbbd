//! The services of a stack that Docker Compose starts, and ends: `compose up` and `compose stop` for those that are named (R144).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use styxy_client::{Client, ProjectFile, Terms};
use styxy_core::api::Refusal;
use styxy_core::layout::{Layout, fnv};
use styxy_core::order::map;

use crate::here::compose::{Compose, ComposeError, Placed, Told};
use crate::here::context;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::stack::{Definition, Source, Stack};
use crate::up::wire::{Expects, LeaseKey, Order, Refused};

/// How long compose may take to say what its files mean.
const PATIENCE: Duration = Duration::from_secs(30);

/// The compose files of a stack that has services in them.
pub(crate) struct Containers {
    /// What they mean, or why that is unknown.
    compose: Result<Compose, ComposeError>,
    file: ProjectFile,
    layout: Layout,
    placed: Vec<Placed>,
}

impl Containers {
    /// Those of `stack`; none if it has no such service. A compose that is not here, or refuses its files, harms its services alone.
    ///
    /// # Errors
    /// The project's file is gone.
    pub(crate) fn of(stack: &Stack) -> Result<Option<Self>, Failure> {
        let Source::File(path) = &stack.source else { return Ok(None) };
        if stack.all().all(|service| service.compose.is_none()) {
            return Ok(None);
        }
        let file = ProjectFile::at(path)?.ok_or_else(|| {
            Failure::usage(format!("{} is gone", path.display()), "styxy up, once it is there again")
        })?;
        let layout = context::layout()?;
        let compose = Compose::beside(&file, &layout, Instant::now() + PATIENCE);
        Ok(Some(Self { compose, file, layout, placed: Vec::new() }))
    }

    /// Leases a port for each one that they publish.
    ///
    /// # Errors
    /// The daemon refuses, or cannot be asked.
    pub(crate) async fn lease(&mut self, client: &Client, terms: &Terms) -> Result<(), Failure> {
        if let Ok(compose) = &self.compose {
            self.placed = compose.lease(client, terms, &self.file).await?;
        }
        Ok(())
    }

    /// The lease of a service's first port, if it publishes one.
    pub(crate) fn key(&self, service: &Definition) -> Option<LeaseKey> {
        // The first one of its ports, as R144 says.
        let is_its = |placed: &&Placed| Some(&placed.spot.service) == service.compose.as_ref();
        self.placed.iter().find(is_its).map(|placed| LeaseKey {
            kind: service.kind.clone(),
            name: placed.leased.name.clone(),
            port: placed.leased.port,
            lock_id: None,
            named_url: placed.leased.named_url.clone(),
        })
    }

    /// Whether a port of this machine leads to the service.
    pub(crate) fn publishes(&self, service: &Definition) -> bool {
        self.compose
            .as_ref()
            .ok()
            .zip(service.compose.as_ref())
            .is_some_and(|(compose, name)| compose.publishes(name))
    }

    /// What compose has to be told, or why it is told nothing. `slug` is what the worktree is called.
    pub(crate) fn told(&self, slug: Option<&str>) -> Result<Told, Refusal> {
        let compose = self.compose.as_ref().map_err(ComposeError::refusal)?;
        let told = compose.told(&self.placed, &self.layout, slug).map_err(|error| error.refusal())?;
        told.shared.iter().for_each(|shared| output::note(&format!("styxy: {shared}")));
        Ok(told)
    }

    /// Why compose cannot start the service, so far as its files say that.
    fn refused(&self, service: &Definition, name: &str) -> Option<Refused> {
        let error = match &self.compose {
            Ok(compose) => compose.lacks(name).map(|error| error.refusal()),
            Err(error) => Some(error.refusal()),
        };
        error.map(|error| self.said(service, error))
    }

    fn said(&self, service: &Definition, Refusal { error, hint, .. }: Refusal) -> Refused {
        Refused { why: self.file.said_of(&service.label, "compose", &error), advice: hint }
    }

    /// The order for one of them. `turn` is the one that compose is asked for first.
    pub(crate) fn order(
        &self,
        service: &Definition,
        name: &str,
        key: Option<&LeaseKey>,
        told: &Result<Told, Refusal>,
        turn: Option<&str>,
    ) -> Order {
        let plain = self.foretold(service, name);
        let plain = Order { lease: key.cloned(), turn: turn.map(str::to_owned), ..plain };
        let told = match told {
            Ok(told) if plain.refused.is_none() => told,
            Ok(_) => return plain,
            Err(error) => {
                let refused = plain.refused.or_else(|| Some(self.said(service, error.clone())));
                return Order { refused, ..plain };
            }
        };
        let words = |words: &[&str]| -> Vec<String> {
            told.program.iter().chain(words).chain([&name]).map(|word| (*word).to_owned()).collect()
        };
        let up = words(&["up", "-d", "--wait"]);
        Order {
            shown: up.join(" "),
            words: up,
            env: told.variables.clone(),
            timeout_ms: u64::try_from(service.timeout.as_millis()).unwrap_or(u64::MAX),
            stop: Some(words(&["stop"])),
            ..plain
        }
    }

    /// As much of it as a keeper decides by.
    pub(crate) fn foretold(&self, service: &Definition, name: &str) -> Order {
        let folder = self.file.path.parent().map(PathBuf::from).unwrap_or_default();
        Order {
            definition: definition(name),
            expects: Expects::End,
            after: service.after.clone(),
            refused: self.refused(service, name),
            ..crate::up::keeper::unknown(&service.label, &folder, None)
        }
    }
}

fn definition(name: &str) -> String {
    format!("{:016x}", fnv(format!("{name:?}").as_bytes()))
}

/// The container before each one that compose starts, so that they come one after the other. None has its turn after one that waits for it.
pub(crate) fn in_turn(stack: &Stack) -> BTreeMap<&str, &str> {
    let mut done: Vec<&Definition> = Vec::new();
    let mut open: Vec<&Definition> = stack.services.iter().collect();
    // In an order in which they can be started at all; the file has no circle.
    while let Some(at) = open
        .iter()
        .position(|service| service.after.iter().all(|label| !open.iter().any(|other| other.label == *label)))
    {
        done.push(open.remove(at));
    }
    let containers: Vec<&str> = done
        .iter()
        .filter(|service| service.compose.is_some())
        .map(|service| service.label.as_str())
        .collect();
    map(containers.windows(2).map(|pair| (pair[1], pair[0])))
}
