//! The services of a stack that Docker Compose starts, and ends: `compose up` and `compose stop` for those that are named (R144).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use styxy_client::{Client, ProjectFile, Terms};
use styxy_core::layout::{Layout, fnv};
use styxy_core::order::map;

use crate::here::compose::{Compose, Placed, Told};
use crate::here::context;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::stack::{Definition, Source, Stack};
use crate::up::wire::{Expects, LeaseKey, Order};

/// How long compose may take to say what its files mean.
const PATIENCE: Duration = Duration::from_secs(30);

/// The compose files of a stack that has services in them.
pub(crate) struct Containers {
    compose: Compose,
    file: ProjectFile,
    layout: Layout,
    placed: Vec<Placed>,
}

impl Containers {
    /// Those of `stack`, with a lease for each port that they publish; none if it has no such service.
    ///
    /// # Errors
    /// Compose is not here, or refuses its files; or the daemon refuses.
    pub(crate) async fn of(client: &Client, stack: &Stack, terms: &Terms) -> Result<Option<Self>, Failure> {
        let Source::File(path) = &stack.source else { return Ok(None) };
        if stack.all().all(|service| service.compose.is_none()) {
            return Ok(None);
        }
        let file = ProjectFile::at(path)?.ok_or_else(|| {
            Failure::usage(format!("{} is gone", path.display()), "styxy up, once it is there again")
        })?;
        let layout = context::layout()?;
        let compose =
            Compose::read(&file, &layout, Instant::now() + PATIENCE).map_err(|error| error.refusal())?;
        let placed = compose.lease(client, terms, &file).await?;
        Ok(Some(Self { compose, file, layout, placed }))
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

    /// What compose has to be told. `slug` is what the worktree is called.
    ///
    /// # Errors
    /// Compose refuses the ports.
    pub(crate) fn told(&self, slug: Option<&str>) -> Result<Told, Failure> {
        let told = self.compose.told(&self.placed, &self.layout, slug).map_err(|error| error.refusal())?;
        told.shared.iter().for_each(|shared| output::note(&format!("styxy: {shared}")));
        Ok(told)
    }

    fn folder(&self) -> PathBuf {
        self.file.path.parent().map(PathBuf::from).unwrap_or_default()
    }

    /// The order for one of them. `before` is the one that compose is asked for first: two at once would both make the network.
    pub(crate) fn order(
        &self,
        service: &Definition,
        name: &str,
        key: Option<&LeaseKey>,
        told: &Told,
        before: Option<&str>,
    ) -> Order {
        let words = |words: &[&str]| -> Vec<String> {
            told.program.iter().chain(words).chain([&name]).map(|word| (*word).to_owned()).collect()
        };
        let up = words(&["up", "-d", "--wait"]);
        let mut after = service.after.clone();
        after.extend(before.filter(|before| !after.iter().any(|known| known == before)).map(str::to_owned));
        Order {
            label: service.label.clone(),
            definition: definition(name),
            keys: Vec::new(),
            shown: up.join(" "),
            words: up,
            cwd: self.folder(),
            env: told.variables.clone(),
            lease: key.cloned(),
            expects: Expects::End,
            ready: None,
            after,
            tty: false,
            timeout_ms: u64::try_from(service.timeout.as_millis()).unwrap_or(u64::MAX),
            lock: None,
            stop: Some(words(&["stop"])),
        }
    }
}

fn definition(name: &str) -> String {
    format!("{:016x}", fnv(format!("{name:?}").as_bytes()))
}

/// As much of the order for a service of the compose file as a keeper decides by; compose is not asked.
pub(crate) fn foretold(service: &Definition, name: &str) -> Order {
    let unknown = crate::up::keeper::unknown(&service.label, &service.cwd, None);
    Order { definition: definition(name), expects: Expects::End, ..unknown }
}

/// The container before each one that compose starts, so that they come one after the other. None waits for one that waits for it.
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
