//! `styxy ps`: the services of this worktree.

use crate::here::context::Context;
use crate::here::worktree::Worktree;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// List the services that `styxy up` has started in this worktree
///
/// A service whose server was started without `styxy up` is listed too, as `runs outside of up`. For all ports of all worktrees: `styxy list`.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy ps
  styxy ps --json
  styxy ps -C ../shop-fix"))]
pub(crate) struct Args {
    #[command(flatten)]
    worktree: Worktree,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        use crate::here::context::block_on;
        use crate::say::output;
        use crate::up::ask;
        let here = self.worktree.caller()?;
        let (root, place) = ask::at(&here)?;
        let services = block_on(async {
            let mut services = ask::seen(&here, &place).await?;
            crate::up::further::add(&root, &mut services).await;
            Ok::<_, Failure>(services)
        })??;
        context.output.answer(&serde_json::json!({ "services": services }), |out| {
            if services.is_empty() {
                return std::io::Write::write_all(out, NOTHING.as_bytes());
            }
            shown::table(&services, crate::say::age::now()).print(output::width(), out)
        })?;
        Ok(Exit::Done)
    }
}

const NOTHING: &str = "styxy up has started nothing in this worktree. To see all ports: styxy list\n";

mod shown {
    use styxy_core::WallTime;

    use crate::say::age::span;
    use crate::say::output::{GOOD, PENDING, WRONG};
    use crate::say::table::{Cell, Column, Table, UNKNOWN};
    use crate::up::wire::{State, View};

    const COLUMNS: [Column; 6] = [
        Column::new("SERVICE").at_least(8),
        Column::new("STATE").at_least(8).better(18),
        Column::new("PORT"),
        Column::new("PID").leaves(6),
        Column::new("FOR").leaves(4),
        Column::new("URL").at_least(20).better(24).leaves(5),
    ];

    pub(super) fn table(services: &[View], now: WallTime) -> Table<6> {
        let mut table = Table::new(COLUMNS);
        for view in services {
            let known = |text: Option<String>| text.map_or_else(|| Cell::from(UNKNOWN), Cell::from);
            let age = view.since.map(|since| span(now.0.saturating_sub(since.0) / 1000));
            let state = match &view.why {
                Some(why) => format!("{} ({why})", view.state.as_str()),
                None => view.state.as_str().to_owned(),
            };
            let style = match view.state {
                State::Ready | State::Outside => GOOD,
                State::Waiting | State::Starting | State::Running | State::Ending => PENDING,
                State::Failed => WRONG,
                State::Ended => anstyle::Style::new(),
            };
            table.row([
                view.service.clone().into(),
                Cell::from(state).styled(style),
                known(ports(view)),
                known(view.pid.map(|pid| pid.to_string())),
                known(age),
                known(view.named_url.clone().or_else(|| view.url.clone())),
            ]);
        }
        table
    }

    /// `3001, 9229`: its own port, and the others.
    fn ports(view: &View) -> Option<String> {
        let ports: Vec<String> =
            view.port.iter().chain(&view.further_ports).map(ToString::to_string).collect();
        (!ports.is_empty()).then(|| ports.join(", "))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::say::shown::{each, plain, snapshot};

        #[test]
        fn where_there_is_little_room_name_state_and_port_stay() {
            let view = |service: &str, state, why: Option<&str>| -> View {
                serde_json::from_value(serde_json::json!({
                    "service": service, "state": state, "pid": 12345, "port": 3001, "why": why, "since": "1970-01-01T00:00:00Z",
                    "url": "http://localhost:3001", "named_url": "http://web.login-shop.localhost:9876",
                    "started": true, "log": "/l", "tty": false,
                }))
                .unwrap()
            };
            let services = [
                view("web", "ready", None),
                view("admin-console", "failed", Some("it ended with code 3 after 0.8 s")),
            ];
            let rooms = [100, 60, 50, 40, 34, 30];
            let shown = rooms.map(|room| {
                let table = table(&services, WallTime(60_000));
                (format!("{room} columns"), plain(|out| table.print(Some(room), out)))
            });
            for (room, text) in &shown {
                let is_whole = ["web", "ready", "failed", "3001"].iter().all(|word| text.contains(word));
                assert!(is_whole, "{room}: {text}");
            }
            snapshot!("ps", each(shown));
        }
    }
}
