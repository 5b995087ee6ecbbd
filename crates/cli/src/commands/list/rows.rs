//! What is shown of leases, apart from how it is drawn: a row for each, and the table of them.

use std::path::Path;

use styxy_core::WallTime;
use styxy_core::api::{Lease, ListenerView, ServiceState, ServiceView};
use styxy_core::view::of_lease;

use crate::here::worktrees::{self, Worktrees};
use crate::say::age::ago;
use crate::say::facts;
use crate::say::output::{GOOD, PENDING, WRONG, one_line};
use crate::say::table::{Cell, Column, Table, UNKNOWN};
use crate::up::kept::{self, Kept};

const COLUMNS: [Column; 11] = {
    let [project, branch, folder] = worktrees::COLUMNS;
    [
        Column::new("PORT"),
        Column::new("SERVICE").at_least(7).better(12).leaves(7),
        Column::new("STATE").leaves(6),
        Column::new("WHO").at_least(11).better(16).leaves(5),
        project,
        branch,
        folder,
        Column::new("SESSION").at_least(12).leaves(3).if_known(),
        Column::new("UP").leaves(1).if_known(),
        Column::new("SINCE").leaves(2),
        Column::new("NAME").leaves(0).if_known(),
    ]
};

/// The leases, one a row.
pub(super) fn table(
    leases: &[Lease],
    worktrees: &Worktrees,
    now: WallTime,
    home: Option<&Path>,
    kept: &[Kept],
) -> Table<11> {
    let mut table = Table::new(COLUMNS);
    for lease in leases {
        let service = of_lease(lease);
        let [project, branch, folder] = worktrees.cells(lease.project_path.as_ref(), home);
        table.row([
            lease.port.to_string().into(),
            facts::service(lease).into(),
            state(&service),
            who(&service),
            project,
            branch,
            folder,
            lease.instance_id.as_ref().map_or_else(|| UNKNOWN.to_owned(), ToString::to_string).into(),
            kept::with_lease(kept, lease)
                .map_or_else(|| UNKNOWN.to_owned(), |one| one.service.clone())
                .into(),
            ago(lease.allocated_at, now).into(),
            lease.host.clone().unwrap_or_else(|| UNKNOWN.to_owned()).into(),
        ]);
    }
    table
}

/// How a service is, in its colour.
pub(super) fn state(service: &ServiceView) -> Cell {
    let cell = Cell::from(service.state.as_str());
    match service.state {
        ServiceState::Conflict => cell.styled(WRONG),
        ServiceState::Active => cell.styled(GOOD),
        ServiceState::Granted => cell.styled(PENDING),
        ServiceState::Unleased => cell,
    }
}

/// Who listens on the port, strangers too. While nobody does, the process that the lease is for.
pub(super) fn who(service: &ServiceView) -> Cell {
    let server = service.process.as_ref().and_then(server);
    let stranger = service.stranger.as_ref().map(|conflict| {
        let name = facts::process(conflict.process.as_deref(), conflict.pid.map(styxy_core::Pid::get));
        name.unwrap_or_else(|| "a stranger".to_owned())
    });
    match (service.state, server, stranger) {
        (_, Some(server), Some(stranger)) => Cell::from(format!("{stranger}, {server}")).styled(WRONG),
        (_, None, Some(stranger)) if service.process.is_some() => {
            Cell::from(format!("{stranger}, {UNKNOWN}")).styled(WRONG)
        }
        (_, None, Some(stranger)) => Cell::process(stranger).styled(WRONG),
        (_, Some(server), None) => match &service.user {
            Some(user) => Cell::from(format!("{server} of {user}")),
            None => Cell::process(server),
        },
        (ServiceState::Granted, None, None) => "nobody yet".into(),
        (_, None, None) => match &service.user {
            Some(user) => Cell::from(format!("a process of {user}")),
            None => UNKNOWN.into(),
        },
    }
}

/// `node (4242)`, or `container shop-web-1`; none if the system does not say.
fn server(listener: &ListenerView) -> Option<String> {
    match &listener.container {
        Some(name) => Some(one_line(&format!("container {name}")).into_owned()),
        None => facts::process(listener.process.as_deref(), listener.pid.map(styxy_core::Pid::get)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{at_widths, snapshot};
    use serde_json::{Value, json};

    fn who_of(change: impl FnOnce(&mut Value)) -> String {
        who(&of_lease(&lease(3000, change))).at_width(99).into_owned()
    }

    #[test]
    fn who_is_the_process_that_listens_not_the_one_that_leased() {
        let npm = json!({"kind": "process", "pid": 7, "process": "npm run dev"});
        let node = json!({"pid": 9, "process": "node"});
        let shown = who_of(|wire| {
            wire["owner"] = npm.clone();
            wire["state"] = json!("active");
            wire["listener"] = node.clone();
        });
        assert_eq!(shown, "node (9)");
        assert_eq!(who_of(|wire| wire["owner"] = npm.clone()), "npm run dev (7)", "nobody listens yet");
        let older = who_of(|wire| {
            wire["owner"] = npm;
            wire["state"] = json!("active");
        });
        assert_eq!(older, "npm run dev (7)", "a daemon of 0.1.0");
        assert_eq!(who_of(|_| {}), "nobody yet");
        let container = json!({"pid": null, "process": null, "container": "shop-web-1"});
        let active = |wire: &mut Value| wire["state"] = json!("active");
        let by_container = who_of(|wire| {
            active(wire);
            wire["listener"] = container;
        });
        assert_eq!(by_container, "container shop-web-1");
        let unknown = who_of(|wire| {
            active(wire);
            wire["listener"] = json!({"pid": null, "process": null});
        });
        assert_eq!(unknown, UNKNOWN);
        let both = who_of(|wire| {
            active(wire);
            wire["listener"] = node;
            wire["conflict"] = json!({"pid": 5, "process": "python3"});
        });
        assert_eq!(both, "python3 (5), node (9)");
        assert_eq!(who_of(|wire| wire["conflict"] = json!({"pid": null, "process": null})), "a stranger");
    }

    /// Leases of every sort, and what their worktrees are called.
    pub(in crate::commands::list) fn some() -> (Vec<Lease>, Worktrees) {
        let leases = vec![
            lease(80, |wire| wire["project_path"] = json!("/srv/店舗/🦀🦀/cafe\u{301}/frontend")),
            lease(3000, |wire| {
                wire["service_name"] = json!("web");
                wire["host"] = json!("web.shop.localhost");
                wire["state"] = json!("active");
                wire["instance_id"] = json!("claude-51204");
                wire["owner"] = json!({"kind": "process", "pid": 1450, "process": "npm run dev"});
                wire["listener"] = json!({"pid": 1456, "process": "node"});
                wire["project_path"] = json!("/home/ada/code/shop");
            }),
            lease(3001, |wire| wire["conflict"] = json!({"pid": 9, "process": "a\nb\u{1b}[2J"})),
            lease(3010, |wire| {
                wire["service_name"] = json!("packages.storefront");
                wire["state"] = json!("active");
                wire["listener"] = json!({"pid": 104_513, "process": "next-server (v1"});
                wire["project_path"] = json!("/home/ada/code/shop/.claude/worktrees/checkout-redesign");
            }),
            lease(10000, |wire| {
                wire["owner"] = json!({"kind": "process", "pid": 42, "process": "bash"});
                wire["project_path"] = json!(null);
            }),
        ];
        let worktrees = Worktrees::known(&[
            ("/home/ada/code/shop", "shop", Some("main")),
            ("/home/ada/code/shop/.claude/worktrees/checkout-redesign", "shop", Some("checkout-redesign-2")),
            ("/w/app", "app", None),
        ]);
        (leases, worktrees)
    }

    #[test]
    fn a_list_shows_who_has_which_port_where_at_every_width() {
        let (leases, worktrees) = some();
        let now = "2026-11-22T17:43:10Z".parse().unwrap();
        snapshot!("list", at_widths(&table(&leases, &worktrees, now, Some(Path::new("/home/ada")), &[])));
    }

    #[test]
    fn states_have_colours_and_a_conflict_is_red() {
        let (leases, worktrees) = some();
        let now = "2026-11-22T17:43:10Z".parse().unwrap();
        let lines = table(&leases, &worktrees, now, None, &[]).lines(Some(80)).join("\n");
        snapshot!("list_in_colours", lines.replace('\u{1b}', "ESC"));
    }
}
