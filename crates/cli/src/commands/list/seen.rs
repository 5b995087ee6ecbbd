//! The live view's model, as far as it is wanted: the daemon's, or that of its lists if it is too old to have one.

use std::time::Duration;

use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Code, RepositoryView, ServiceView, ViewAnswer, WorktreeView};
use styxy_core::order::set;
use styxy_core::view;

use super::live::Ask;
use super::wanted::{Wanted, none_of, nothing};
use crate::here::worktrees::Worktrees;
use crate::say::age::now;

/// What was typed, asked of the live view.
#[derive(Debug, Clone)]
pub(super) struct WantedView(pub(super) Wanted);

/// What there is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundView {
    pub(super) view: ViewAnswer,
    /// What to say if no lease is in it.
    pub(super) empty: String,
}

impl Ask for WantedView {
    type Found = FoundView;
    /// Memory, and what listens without a lease, have no events.
    const EVERY: Option<Duration> = Some(Duration::from_secs(10));

    async fn ask(&self, client: &Client) -> Result<FoundView, Error> {
        let view = match client.view().await {
            Err(Error::Refused(refusal)) if refusal.code == Code::UnknownRoute => of_lists(client).await?,
            view => view?,
        };
        Ok(self.0.of(view))
    }

    fn is_same(one: &FoundView, other: &FoundView) -> bool {
        let at = one.view.at;
        *one == FoundView { view: ViewAnswer { at, ..other.view.clone() }, empty: other.empty.clone() }
    }
}

/// What a daemon of 0.1.0 knows.
async fn of_lists(client: &Client) -> Result<ViewAnswer, Error> {
    let leases = client.allocations(&AllocationsQuery::default()).await?.allocations;
    let places = Worktrees::at(leases.iter().flat_map(|lease| &lease.project_path)).places();
    let instances = client.instances().await?.instances;
    let seen = view::Seen { leases, places, instances, ..view::Seen::default() };
    Ok(seen.view(now(), env!("CARGO_PKG_VERSION")))
}

impl Wanted {
    /// What of `view` is wanted.
    pub(super) fn of(&self, view: ViewAnswer) -> FoundView {
        if self.query == AllocationsQuery::default() {
            return FoundView { view, empty: nothing(&self.query).to_owned() };
        }
        let AllocationsQuery { project_path, service_type, instance_id, port } = &self.query;
        let is_wanted = |service: &ServiceView| {
            service_type.as_ref().is_none_or(|wanted| service.service_type.as_ref() == Some(wanted))
                && instance_id.as_ref().is_none_or(|wanted| service.instance_id.as_ref() == Some(wanted))
                && port.is_none_or(|wanted| service.port == wanted)
        };
        let by_path = |_: &RepositoryView, worktree: &WorktreeView| {
            project_path.as_ref().is_none_or(|path| worktree.path.as_ref() == Some(path))
        };
        let found = only(&view, by_path, is_wanted);
        let Some(name) = self.name.as_deref().filter(|_| !has_lease(&found)) else {
            return FoundView { view: found, empty: nothing(&self.query).to_owned() };
        };
        // The project was typed as the list calls it.
        let by_name =
            |repository: &RepositoryView, _: &WorktreeView| repository.name.as_deref() == Some(name);
        let leased = only(&view, |_, _| true, |service| service.lock_id.is_some()).repositories;
        let all = set(leased.into_iter().filter_map(|repository| repository.name));
        let empty = if all.contains(name) { nothing(&self.query).to_owned() } else { none_of(name, &all) };
        FoundView { view: only(&view, by_name, is_wanted), empty }
    }
}

/// Whether a lease is in it.
pub(super) fn has_lease(view: &ViewAnswer) -> bool {
    let worktrees = view.repositories.iter().flat_map(|repository| &repository.worktrees);
    worktrees.flat_map(|worktree| &worktree.services).any(|service| service.lock_id.is_some())
}

/// The services that are wanted, of the worktrees that are.
fn only(
    view: &ViewAnswer,
    is_here: impl Fn(&RepositoryView, &WorktreeView) -> bool,
    is_wanted: impl Fn(&ServiceView) -> bool,
) -> ViewAnswer {
    let mut view = view.clone();
    for repository in &mut view.repositories {
        let whole = repository.clone();
        repository.worktrees.retain(|worktree| is_here(&whole, worktree));
        for worktree in &mut repository.worktrees {
            worktree.services.retain(&is_wanted);
        }
        repository.worktrees.retain(|worktree| !worktree.services.is_empty());
    }
    view.repositories.retain(|repository| !repository.worktrees.is_empty());
    view.sessions.clear();
    view.refusals.clear();
    view
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::json;
    use styxy_core::api::SystemUsage;
    use styxy_core::{Pid, Port, ProjectPath, WallTime};

    /// Leases and listeners of every sort, as a daemon shows them.
    pub(in crate::commands::list) fn some() -> ViewAnswer {
        let in_shop = |wire: &mut serde_json::Value| wire["project_path"] = json!("/home/ada/code/shop");
        let leases = vec![
            lease(3000, |wire| {
                in_shop(wire);
                wire["service_name"] = json!("web");
                wire["state"] = json!("active");
                wire["instance_id"] = json!("claude-51204");
                wire["listener"] = json!({"pid": 1456, "process": "node"});
            }),
            lease(3001, |wire| {
                in_shop(wire);
                wire["conflict"] = json!({"pid": 9, "process": "a\nb\u{1b}[2J"});
            }),
            lease(3010, |wire| {
                wire["project_path"] = json!("/home/ada/code/shop-login");
                wire["service_type"] = json!("storybook");
                wire["owner"] = json!({"kind": "process", "pid": 42, "process": "npm run storybook"});
            }),
            lease(8000, |wire| {
                wire["project_path"] = json!("/srv/店舗/🦀🦀/cafe\u{301}");
                wire["service_type"] = json!("api");
                wire["state"] = json!("active");
                wire["listener"] = json!({"pid": 77, "process": null, "container": "shop-api-1"});
            }),
        ];
        let usage = |pid: u32, process: &str, project: Option<&str>| SystemUsage {
            pid: Pid::new(pid),
            process: Some(process.to_owned()),
            project_path: project.map(|path| ProjectPath::new(path).unwrap()),
            started_at: "2026-11-22T10:00:00Z".parse().ok(),
            ..SystemUsage::default()
        };
        let listeners =
            [(5173, usage(300, "vite", Some("/home/ada/code/shop"))), (5432, usage(301, "postgres", None))];
        let places =
            [("/home/ada/code/shop", "shop", "main"), ("/home/ada/code/shop-login", "shop", "feature/login")];
        let place = |(path, name, branch): (&str, &str, &str)| {
            let repository = "/home/ada/code/shop".to_owned();
            let place = view::Place { repository, name: name.to_owned(), branch: Some(branch.to_owned()) };
            (ProjectPath::new(path).unwrap(), place)
        };
        let refused = json!({"at": "2026-11-22T17:42:00Z", "wanted": "signal", "message": "styxy: not signalled: node (1456)\nx"});
        let seen = view::Seen {
            leases,
            listeners: listeners
                .into_iter()
                .map(|(port, usage)| (Port::new(port).unwrap(), vec![usage]))
                .collect(),
            memory: [(Pid::new(1456).unwrap(), 84 << 20), (Pid::new(301).unwrap(), 3 << 30)].into(),
            places: places.into_iter().map(place).collect(),
            refusals: vec![serde_json::from_value(refused).unwrap()],
            ..view::Seen::default()
        };
        seen.view(WallTime(0), "0.1.0")
    }

    fn ports(query: &AllocationsQuery, name: Option<&str>) -> Vec<u16> {
        let wanted = Wanted { query: query.clone(), name: name.map(str::to_owned) };
        let view = wanted.of(some()).view;
        let worktrees = view.repositories.iter().flat_map(|one| &one.worktrees);
        let mut ports: Vec<u16> =
            worktrees.flat_map(|one| &one.services).map(|service| service.port.get()).collect();
        ports.sort_unstable();
        ports
    }

    #[test]
    fn the_filters_of_list_count() {
        let all = AllocationsQuery::default();
        assert_eq!(ports(&all, None), [3000, 3001, 3010, 5173, 5432, 8000]);
        let of = |change: fn(&mut AllocationsQuery)| {
            let mut query = AllocationsQuery::default();
            change(&mut query);
            query
        };
        assert_eq!(ports(&of(|query| query.service_type = "api".parse().ok()), None), [8000]);
        assert_eq!(ports(&of(|query| query.instance_id = "claude-51204".parse().ok()), None), [3000]);
        assert_eq!(ports(&of(|query| query.port = Port::new(3010).ok()), None), [3010]);
        let here = of(|query| query.project_path = ProjectPath::new("/home/ada/code/shop").ok());
        assert_eq!(ports(&here, Some(".")), [3000, 3001, 5173]);
        let named = of(|query| query.project_path = ProjectPath::new("/somewhere/shop").ok());
        assert_eq!(ports(&named, Some("shop")), [3000, 3001, 3010, 5173]);
        let wanted = Wanted { query: named, name: Some("shpo".to_owned()) };
        let found = wanted.of(some());
        assert!(found.empty.contains("Did you mean shop?") && !has_lease(&found.view), "{}", found.empty);
    }
}
