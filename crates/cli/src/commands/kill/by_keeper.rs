//! The server of a service that `styxy up` has started: its keeper ends it, so that it has ended and not failed (R138).

use styxy_core::api::{Ended, Ending, KillAnswer, UpService};

use super::again::Above;
use super::left::{self, Left};
use super::server::{Judged, Server, answer};
use super::taken;
use crate::here::context::block_on;
use crate::say::failure::Failure;
use crate::up::ask;
use crate::up::verdict;
use crate::up::wire::{Hurry, State};

impl Server<'_> {
    /// The service that listens on the port.
    pub(in crate::commands::kill) fn service(&self, judged: &Judged) -> Option<UpService> {
        crate::up::kept::on_port(&judged.found, &self.here.caller)
    }

    /// # Errors
    /// This is an agent session, and the service is another's (R147).
    pub(in crate::commands::kill) fn may_end_service(&self, service: &UpService) -> Result<(), Failure> {
        if self.args.force {
            return Ok(());
        }
        let root = std::path::Path::new(&service.root);
        let place = ask::place(root)?;
        let yes = if self.args.yes { " --yes" } else { "" };
        let insist = format!("styxy kill {} --force{yes}", self.port);
        block_on(async {
            let views = ask::now(&place).await?;
            let its = views.iter().filter(|view| view.service == service.service);
            verdict::may_end(&self.here.caller, root, its, &insist).await
        })?
    }

    /// Has the keeper end it, with everything that it has started; none if no keeper could.
    pub(in crate::commands::kill) fn by_keeper(
        &self,
        judged: &Judged,
        service: &UpService,
    ) -> Result<Option<KillAnswer>, Failure> {
        let root = std::path::Path::new(&service.root);
        let place = ask::place(root)?;
        let hurry = if self.args.grace.is_zero() { Hurry::Most } else { Hurry::None };
        let named = [service.service.clone()];
        let Some(views) = block_on(ask::end(&place, root, &named, hurry))?? else { return Ok(None) };
        let Some(view) = views.into_iter().find(|view| view.service == service.service) else {
            return Ok(None);
        };
        if view.state == State::Failed {
            let why = view.why.unwrap_or_default();
            return Err(left::taken(self.port, format!("{} of styxy up has not ended: {why}", view.service)));
        }
        let ending = if view.killed { Ending::Killed } else { Ending::Asked };
        let gone = judged
            .found
            .listeners()
            .filter_map(|usage| Some(Ended { pid: usage.pid?, process: usage.process.clone(), ending }));
        let ended: Vec<Ended> = gone.collect();
        let pids: Vec<_> = ended.iter().map(|one| one.pid).collect();
        match left::freed(self.context, self.port, &pids)? {
            Left::Free(lease) => {
                let first = pids.first().map(|pid| pid.get());
                let done = answer(self.port, ended, first, Vec::new(), lease.as_deref(), None);
                Ok(done.map(|done| KillAnswer { message: message(service, &done.message), ..done }))
            }
            Left::Taken(now) => {
                Err(taken(self.port, &now, &format!("{} has ended", service.service), &Above::default()))
            }
        }
    }
}

fn message(service: &UpService, done: &str) -> String {
    format!("The service {} of styxy up has ended: {done}", service.service)
}
