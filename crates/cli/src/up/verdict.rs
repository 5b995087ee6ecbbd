//! Which services an agent session may end: one verdict for `styxy down`, with `-C` or after a `cd`, for `styxy kill` of a service and for
//! the MCP server (R147). A person may end any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::living::{self, Living};
use styxy_client::{Caller, Client, Session};
use styxy_core::api::{self, AllocationsQuery, Code, InstanceView, Lease, Refusal, Rule};
use styxy_core::checkout::Kinship;
use styxy_core::{InstanceId, Pid, Port, session};

use crate::here::context::{self, Autostart};
use crate::process::table;
use crate::say::failure::Failure;
use crate::say::output::one_line;
use crate::up::wire::{State, View};
use crate::up::{ask, kept};

/// A daemon answers in less than a millisecond. Without it less is known, and nobody is hindered for that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether `caller` may end these services of the worktree at `root`; those that do not run are nobody's.
///
/// # Errors
/// It is a session, and one of them is another's. The hint is `insist`.
pub(crate) async fn may_end<'v>(
    caller: &Caller,
    root: &Path,
    services: impl Iterator<Item = &'v View>,
    insist: &str,
) -> Result<(), Failure> {
    let Some(session) = caller.session()? else { return Ok(()) };
    let facts = Facts::of(caller, &session, root).await;
    let objections: Vec<(&View, Objection)> =
        services.filter_map(|view| Some((view, facts.objection(view)?))).collect();
    let Some((_, first)) = objections.first() else { return Ok(()) };
    let same = objections.iter().filter(|(_, why)| why == first);
    let labels: Vec<&str> = same.map(|(view, _)| view.service.as_str()).collect();
    let error = one_line(&first.said(&labels, root)).into_owned();
    Err(Refusal::new(Code::Forbidden, error).rule(Rule::Owner).hint(insist).detail("services", labels).into())
}

/// Whether `caller` may take its lease from what listens on the port of `lease`: as for its end, if it is a service of `styxy up`, which
/// would go on without its port and its name.
///
/// # Errors
/// Those of [`may_end`].
pub(crate) async fn may_release(client: &Client, caller: &Caller, lease: &Lease) -> Result<(), Failure> {
    // Who listens there is asked for sessions only.
    if lease.state == api::State::Granted || caller.session()?.is_none() {
        return Ok(());
    }
    let found = client.check(lease.port).await?;
    let Some(service) = kept::on_port(&found, caller) else { return Ok(()) };
    let root = Path::new(&service.root);
    let Ok(views) = ask::now(&ask::place(root)?).await else { return Ok(()) };
    let its = views.iter().filter(|view| view.service == service.service);
    may_end(caller, root, its, &format!("styxy release {} --force", lease.port)).await
}

/// Why a service is not this session's to end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Objection {
    /// It ends with the terminal in which a person has started it.
    OfTerminal,
    /// Another session, which lives, has started it.
    OfSession(String),
    /// It is another worktree's than the session's, and the session has not started it.
    Elsewhere(PathBuf),
}

impl Objection {
    fn said(&self, labels: &[&str], root: &Path) -> String {
        let (is, belongs, it) =
            if labels.len() == 1 { ("is", "belongs", "it") } else { ("are", "belong", "them") };
        let named = labels.join(", ");
        match self {
            Self::OfTerminal => {
                format!("{named} {belongs} to a terminal in which a person runs styxy up: ask the person")
            }
            Self::OfSession(session) => {
                format!("{named} {is} of the agent session {session}, which has started {it} and is at work")
            }
            Self::Elsewhere(own) => format!(
                "{named} {is} of another worktree, {}: this session began in {}, and has not started {it}",
                root.display(),
                own.display()
            ),
        }
    }
}

/// What is known of the session and of the others.
struct Facts {
    session: InstanceId,
    /// The worktree that it began in, if that is not the one in question.
    elsewhere: Option<PathBuf>,
    living: Living,
    /// Whose server has which port, by the daemon: a keeper does not know who has started a server by hand, and has forgotten it if its
    /// state was damaged.
    servers: BTreeMap<Port, InstanceId>,
}

impl Facts {
    async fn of(caller: &Caller, session: &Session, root: &Path) -> Self {
        let (instances, leases) = registered().await;
        let own = instances.iter().find(|instance| instance.instance_id == session.instance);
        let began = own.and_then(|own| own.working_directory.as_ref()).map(|folder| folder.as_str().into());
        // Whoever has no hooks is known by the folder of the agent's process.
        let began = began.or_else(|| session.pid.and_then(|pid| table::folder(pid.get())));
        Self {
            session: session.instance.clone(),
            elsewhere: elsewhere(caller, began, root),
            living: Living::known(
                instances.into_iter().map(|instance| instance.instance_id),
                Vec::new(),
                living::stands,
            ),
            servers: servers(leases),
        }
    }

    fn objection(&self, view: &View) -> Option<Objection> {
        // The keeper has started no server that runs outside of it.
        let started = view.session.as_deref().filter(|_| view.state != State::Outside);
        let owner = started.and_then(|owner| InstanceId::new(owner).ok());
        let owner = owner.or_else(|| view.port.and_then(|port| self.servers.get(&port).cloned()));
        if !may_run(view) || owner.as_ref() == Some(&self.session) {
            return None;
        }
        let other = owner.filter(|other| session::lives(other, None::<Pid>, &self.living));
        match (other, view.anothers) {
            (Some(other), _) => Some(Objection::OfSession(other.to_string())),
            (None, true) => Some(Objection::OfTerminal),
            (None, false) => self.elsewhere.clone().map(Objection::Elsewhere),
        }
    }
}

/// Whether anything of the service may run. A container has no process here.
const fn may_run(view: &View) -> bool {
    match view.state {
        State::Waiting | State::Starting | State::Ready | State::Running | State::Outside | State::Ending => {
            true
        }
        State::Failed => view.pid.is_some() || view.may_be_left,
        State::Ended => false,
    }
}

/// The worktree that a session began in, if it is another one than that at `root`. Where that is no project, as in a folder with several
/// worktrees below it, or is unknown, the folder that the session is in now counts.
fn elsewhere(caller: &Caller, began: Option<PathBuf>, root: &Path) -> Option<PathBuf> {
    let began = began.map(|folder| caller.at(&folder));
    let own = began.as_ref().filter(|began| began.known_root().is_some()).unwrap_or(caller);
    let here = own.root()?;
    let is_around = own.checkout().is_none() && root.starts_with(here);
    (own.kinship(root) != Kinship::Same && !is_around).then(|| here.to_owned())
}

/// The sessions that are registered, and the leases; none without a daemon, which is not started for that.
async fn registered() -> (Vec<InstanceView>, Vec<Lease>) {
    let Ok(client) = context::client(Autostart::Never) else { return (Vec::new(), Vec::new()) };
    let asked = async |client: &Client| {
        let instances = client.instances().await?.instances;
        Ok::<_, styxy_client::Error>((
            instances,
            client.allocations(&AllocationsQuery::default()).await?.allocations,
        ))
    };
    let answer = tokio::time::timeout(PATIENCE, asked(&client)).await;
    answer.ok().and_then(Result::ok).unwrap_or_default()
}

/// The sessions that have a server, by its port.
fn servers(leases: Vec<Lease>) -> BTreeMap<Port, InstanceId> {
    let serve = leases.into_iter().filter(|lease| lease.state == api::State::Active);
    serve.filter_map(|lease| Some((lease.port, lease.instance_id?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(session: Option<&str>, anothers: bool) -> View {
        serde_json::from_value(serde_json::json!({
            "service": "web", "state": "ready", "pid": 42, "started": false, "log": "/l", "tty": false,
            "session": session, "anothers": anothers,
        }))
        .unwrap()
    }

    fn facts(elsewhere: Option<&str>) -> Facts {
        let living = InstanceId::new("reviewer").unwrap();
        Facts {
            session: InstanceId::new("claude-1").unwrap(),
            elsewhere: elsewhere.map(PathBuf::from),
            living: Living::known([living.clone()], Vec::new(), |_, _| true),
            servers: BTreeMap::from([(Port::new(3001).unwrap(), living)]),
        }
    }

    #[test]
    fn a_session_ends_its_own_and_what_is_detached_in_its_worktree() {
        let (here, there) = (facts(None), facts(Some("/w/a")));
        let own = view(Some("claude-1"), true);
        assert_eq!((here.objection(&own), there.objection(&own)), (None, None), "its own, wherever it is");
        let detached = view(None, false);
        assert_eq!(here.objection(&detached), None);
        assert_eq!(there.objection(&detached), Some(Objection::Elsewhere("/w/a".into())));
        assert_eq!(here.objection(&view(None, true)), Some(Objection::OfTerminal));
        let other = Some(Objection::OfSession("reviewer".to_owned()));
        assert_eq!(here.objection(&view(Some("reviewer"), false)), other);
        assert_eq!(here.objection(&view(Some("claude-2147483000"), false)), None, "it has ended");
        let by_lease = View { port: Some(Port::new(3001).unwrap()), ..view(None, false) };
        assert_eq!(
            here.objection(&by_lease),
            other,
            "the keeper does not know it any more, and the daemon does"
        );
        assert_eq!(there.objection(&View { state: State::Ended, ..detached }), None, "nothing of it runs");
    }

    #[test]
    fn the_worktree_of_a_session_is_the_one_that_it_began_in() {
        let top = tempfile::tempdir().unwrap();
        let root = crate::here::caller::canonical(top.path());
        let folder = |name: &str, has: &str| {
            let folder = root.join(name);
            std::fs::create_dir_all(folder.join(has)).unwrap();
            folder
        };
        let (one, two, around) = (folder("one", ".git"), folder("two", ".git"), root.clone());
        let in_two = Caller::new(Some(&two), None, |_| None, || None);
        let elsewhere = |began: Option<&PathBuf>, root: &PathBuf| elsewhere(&in_two, began.cloned(), root);
        assert_eq!(elsewhere(Some(&one), &two), Some(one.clone()), "a cd makes no other session of it");
        assert_eq!(elsewhere(Some(&one), &one), None);
        assert_eq!(elsewhere(None, &two), None);
        assert_eq!(elsewhere(None, &one), Some(two.clone()));
        assert_eq!(elsewhere(Some(&around), &two), None, "the folder of all worktrees is none");
    }

    #[test]
    fn what_is_refused_is_said_with_whose_it_is() {
        let said = |objection: Objection, labels: &[&str]| objection.said(labels, Path::new("/w/b"));
        assert_eq!(
            said(Objection::OfTerminal, &["web"]),
            "web belongs to a terminal in which a person runs styxy up: ask the person"
        );
        assert_eq!(
            said(Objection::OfSession("claude-7".to_owned()), &["web", "api"]),
            "web, api are of the agent session claude-7, which has started them and is at work"
        );
        assert_eq!(
            said(Objection::Elsewhere("/w/a".into()), &["web"]),
            "web is of another worktree, /w/b: this session began in /w/a, and has not started it"
        );
    }
}
