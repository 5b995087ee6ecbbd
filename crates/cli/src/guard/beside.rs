//! What already runs in the checkout of a session that begins: a server that an earlier session left, or a person's, does as well as
//! another one (R99).

use styxy_client::living::Living;
use styxy_client::{Caller, Client, Error, Session};
use styxy_core::api::{CheckAnswer, InstanceView, PortInUse, ScanQuery, Whose};
use styxy_core::{Pid, PortRange, ProjectPath};

use crate::here::ownership::{self, Here};
use crate::say::facts;
use crate::say::voice::{By, Server};

/// The servers of the checkout `project`, in the order of their ports; one that listens on several ports is one server.
pub(super) async fn servers(
    client: &Client,
    caller: &Caller,
    project: &ProjectPath,
    session: Option<&Session>,
) -> Result<Vec<Server>, Error> {
    let query = ScanQuery { start: Some(PortRange::ALL.first()), end: Some(PortRange::ALL.last()) };
    let here = Here::new(caller.clone(), session.map(|session| session.instance.clone()));
    let agent = session.and_then(|session| session.pid);
    let mut found = client.scan(&query).await?.ports_in_use;
    // Cheap to know, unlike whose a server is.
    found.retain(|used| {
        is_near(used, project) && used.system_usage.as_ref().is_none_or(|usage| usage.pid != agent)
    });
    let found: Vec<CheckAnswer> = found.into_iter().filter_map(|used| mine(used, &here)).collect();
    let of_others = |answer: &CheckAnswer| {
        let theirs = answer.allocated_to.as_ref().and_then(|lease| lease.instance_id.as_ref());
        theirs.is_some() && theirs != here.instance.as_ref()
    };
    let sessions = if found.iter().any(of_others) { client.instances().await?.instances } else { Vec::new() };
    let mut servers: Vec<(Option<Pid>, Server)> = Vec::new();
    for answer in &found {
        let by = if of_others(answer) { by(answer, &sessions) } else { By::Here };
        let pid = answer.system_usage.as_ref().and_then(|usage| usage.pid);
        let label = answer.allocated_to.as_ref().map(facts::service);
        let same = |known: &(Option<Pid>, Server)| pid.is_some() && known.0 == pid && known.1.by == by;
        if let Some((_, server)) = servers.iter_mut().find(|known| same(known)) {
            server.ports.push(answer.port);
            server.label = server.label.take().or(label);
        } else {
            let process = answer.system_usage.as_ref().and_then(facts::server);
            servers.push((pid, Server { label, ports: vec![answer.port], process, by }));
        }
    }
    Ok(servers.into_iter().map(|(_, server)| server).collect())
}

/// Whether the checkout's name is on the port at all.
fn is_near(used: &PortInUse, project: &ProjectPath) -> bool {
    let is_it = |path: Option<&ProjectPath>| path == Some(project);
    let listeners = used.listeners();
    used.system_usage.is_some()
        && (is_it(used.allocated_to.as_ref().and_then(|lease| lease.project_path.as_ref()))
            || listeners.map(|usage| usage.project_path.as_ref()).any(is_it))
}

fn mine(used: PortInUse, here: &Here) -> Option<CheckAnswer> {
    let answer = CheckAnswer::from(used);
    (ownership::judge(answer.clone(), here).whose == Whose::Mine).then_some(answer)
}

/// Which session's it is, if that lives (R63).
fn by(answer: &CheckAnswer, sessions: &[InstanceView]) -> By {
    let Some(lease) = &answer.allocated_to else { return By::Here };
    let names = sessions.iter().map(|session| session.instance_id.clone());
    Living::of(names, answer).session(lease).map_or(By::EndedSession, |session| By::Session(session.clone()))
}
