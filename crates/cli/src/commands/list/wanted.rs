//! Which leases are listed: those that match a query. If none does, and a project was typed, those of the projects that the table
//! calls so.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsAnswer, AllocationsQuery, Lease};
use styxy_core::nearest;
use styxy_core::order::set;

use super::live::Ask;
use crate::here::worktrees::Worktrees;
use crate::say::output;

/// What was typed.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) query: AllocationsQuery,
    /// The project as it was typed: it may be a name.
    pub(super) name: Option<String>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) answer: AllocationsAnswer,
    /// What to say if that is nothing.
    pub(super) empty: String,
}

impl Ask for Wanted {
    type Found = Found;
    const EVERY: Option<Duration> = None;

    async fn ask(&self, client: &Client) -> Result<Found, Error> {
        self.find(client).await
    }

    /// When something was last seen listening is no news.
    fn is_same(one: &Found, other: &Found) -> bool {
        let timeless = |lease: &Lease| Lease { last_seen_listening: None, ..lease.clone() };
        one.answer.allocations.iter().map(timeless).eq(other.answer.allocations.iter().map(timeless))
    }
}

impl Wanted {
    pub(super) fn new(query: AllocationsQuery, project: Option<&Path>) -> Self {
        Self { query, name: project.and_then(Path::to_str).map(str::to_owned) }
    }

    /// # Errors
    /// The daemon cannot be asked, or refuses.
    pub(super) async fn find(&self, client: &Client) -> Result<Found, Error> {
        let answer = client.allocations(&self.query).await?;
        match &self.name {
            Some(name) if answer.allocations.is_empty() => {
                let all = AllocationsQuery { project_path: None, ..self.query.clone() };
                let found = of_project(client.allocations(&all).await?, name);
                if all == AllocationsQuery::default() || !found.answer.allocations.is_empty() {
                    return Ok(found);
                }
                // The project may be there, without such a lease.
                let everything = of_project(client.allocations(&AllocationsQuery::default()).await?, name);
                let is_there = !everything.answer.allocations.is_empty();
                let empty = if is_there { nothing(&self.query).to_owned() } else { everything.empty };
                Ok(Found { empty, ..found })
            }
            Some(_) | None => Ok(Found { answer, empty: nothing(&self.query).to_owned() }),
        }
    }
}

/// The leases whose project is called `name` in the table.
fn of_project(mut answer: AllocationsAnswer, name: &str) -> Found {
    let worktrees = Worktrees::at(answer.allocations.iter().flat_map(|lease| &lease.project_path));
    let project = |lease: &Lease| lease.project_path.as_ref().map(|path| worktrees.project(path));
    let names = set(answer.allocations.iter().filter_map(project));
    answer.allocations.retain(|lease| project(lease).as_deref() == Some(name));
    Found { answer, empty: none_of(name, &names) }
}

/// What to say if no project is called `name`, and these are.
pub(super) fn none_of(name: &str, names: &BTreeSet<String>) -> String {
    let near = nearest(name, names.iter().map(String::as_str));
    let near = near.map(|near| format!(" Did you mean {}?", output::one_line(near))).unwrap_or_default();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let known = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let (name, known) = (output::one_line(name), output::one_line(&known));
    format!(
        "No lease of a project {name}.{near} Projects with a lease: {known}. To see all leases: styxy list"
    )
}

pub(super) fn nothing(query: &AllocationsQuery) -> &'static str {
    if *query == AllocationsQuery::default() {
        "No port is leased. To get one: styxy allocate --service dev"
    } else {
        "No lease matches. To see all leases: styxy list"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, snapshot};
    use serde_json::json;
    use styxy_core::Port;

    #[test]
    fn what_is_shown_decides_whether_it_is_another_list() {
        let list = |change: fn(&mut serde_json::Value)| Found {
            answer: AllocationsAnswer { allocations: vec![lease(3000, change)] },
            empty: String::new(),
        };
        let seen = list(|wire| wire["last_seen_listening"] = json!("2026-11-22T17:41:00Z"));
        assert!(Wanted::is_same(&list(|_| {}), &seen));
        assert!(!Wanted::is_same(&list(|_| {}), &list(|wire| wire["state"] = json!("active"))));
        let none = Found { answer: AllocationsAnswer { allocations: Vec::new() }, empty: String::new() };
        assert!(!Wanted::is_same(&list(|_| {}), &none));
    }

    #[test]
    fn an_empty_list_says_what_to_type_next() {
        let filtered = AllocationsQuery { port: Port::new(3000).ok(), ..AllocationsQuery::default() };
        let names = ["api", "shop"].map(str::to_owned).into();
        snapshot!(
            "list_empty",
            each([
                ("no lease", nothing(&AllocationsQuery::default()).to_owned()),
                ("no lease matches", nothing(&filtered).to_owned()),
                ("a project that is nearly called so", none_of("shpo", &names)),
                ("no project is nearly called so", none_of("nonsense", &names)),
                ("no project", none_of("shop", &BTreeSet::new())),
            ])
        );
    }
}
