//! A server that runs in the folder of a service under another name, as `styxy run -- …` without `-s` starts it: it may be the same server,
//! which nobody but a person can know, so that it is said and the service starts all the same.

use styxy_client::leases::is_up;
use styxy_core::api::Lease;

use crate::process::table;
use crate::say::output::{self, one_line};
use crate::up::kept;
use crate::up::stack::{Definition, Stack};

/// The type of a server that nobody has given another one.
const UNNAMED: &str = "dev";

/// Says which of the `live` leases are of servers in the folders of the services `new`, which nobody has started yet.
pub(super) fn say(stack: &Stack, live: &[Lease], new: &[usize]) {
    let others = live.iter().filter(|lease| is_up(lease) && lease.service_type.as_str() == UNNAMED);
    let others = others.filter(|lease| !stack.all().any(|service| has_key(service, lease)));
    // What was called otherwise in the file before is `up`'s own.
    for lease in kept::by_hand(others.collect()) {
        let Some(pid) = pid(lease) else { continue };
        let folder = table::folder(pid);
        let is_beside =
            |at: &&usize| stack.services.get(**at).is_some_and(|one| Some(&one.cwd) == folder.as_ref());
        let Some(service) = new.iter().find(is_beside).and_then(|at| stack.services.get(*at)) else {
            continue;
        };
        output::note(&sentence(&service.label, lease, pid));
    }
}

fn has_key(service: &Definition, lease: &Lease) -> bool {
    service.kind == lease.service_type && service.name == lease.service_name
}

fn pid(lease: &Lease) -> Option<u32> {
    let listener = lease.listener.as_ref().and_then(|listener| listener.pid);
    listener.or(lease.owner.pid).map(styxy_core::Pid::get)
}

fn sentence(service: &str, lease: &Lease, pid: u32) -> String {
    let port = lease.port;
    let name = lease.service_name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let said = format!(
        "{}{name} (port {port}, pid {pid}) runs in the folder of {service} already, and was started without styxy up; styxy who {port} \
         shows it, and styxy kill {port} ends it",
        lease.service_type
    );
    one_line(&said).into_owned()
}
