//! A port without a daemon: what a probe finds free now. Nobody keeps it, and another program may take it.

use styxy_client::PortRequest;
use styxy_core::config::Config;
use styxy_core::{Occupancy, Policy, Port, ServiceType};
use styxy_daemon::system::Prober;

use crate::here::config_file;
use crate::here::context;

/// A free port for each request, all different; none if one has none.
///
/// A preferred port is tried first, then what `given` says of its service (an outer `styxy run` told it), then the
/// service type's ports from a place that `seed` decides, so that programs that start together seldom meet.
pub(crate) fn ports(
    requests: &[PortRequest],
    given: impl Fn(&ServiceType) -> Option<Port>,
    seed: u32,
) -> Option<Vec<Port>> {
    let prober = Prober::new();
    choose(&policy(), requests, given, seed, |port| prober.occupancy(port) == Occupancy::Free)
}

/// The user's settings, or what holds without any: this is no time to complain about a file.
fn policy() -> Policy {
    let config =
        context::layout().ok().and_then(|layout| config_file::read_or_default(&layout.config()).ok());
    styxy_daemon::policy(config.map_or_else(Config::default, |parsed| parsed.config), [])
}

fn choose(
    policy: &Policy,
    requests: &[PortRequest],
    given: impl Fn(&ServiceType) -> Option<Port>,
    seed: u32,
    is_free: impl Fn(Port) -> bool,
) -> Option<Vec<Port>> {
    let mut chosen: Vec<Port> = Vec::with_capacity(requests.len());
    for request in requests {
        let kind = policy.config.service_types.get(&request.service);
        let ranges = kind.map(|kind| kind.range).into_iter().chain(policy.config.overflow_range);
        let asked = request.port.into_iter().chain(given(&request.service));
        let unasked = ranges.flat_map(|range| {
            let start = seed as usize % range.len();
            range.ports().skip(start).chain(range.ports().take(start))
        });
        let unasked = unasked.filter(|port| !policy.never.contains(*port));
        let port = asked.chain(unasked).find(|port| !chosen.contains(port) && is_free(*port))?;
        chosen.push(port);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(service: &str, port: Option<u16>) -> PortRequest {
        let port = port.map(|port| Port::new(port).unwrap());
        PortRequest { port, ..PortRequest::new(service.parse().unwrap()) }
    }

    fn chosen(requests: &[PortRequest], given: Option<u16>, seed: u32, busy: &[u16]) -> Option<Vec<u16>> {
        let policy = styxy_daemon::policy(Config::default(), []);
        let given = |_: &ServiceType| given.map(|port| Port::new(port).unwrap());
        let ports = choose(&policy, requests, given, seed, |port| !busy.contains(&port.get()))?;
        Some(ports.into_iter().map(Port::get).collect())
    }

    #[test]
    fn the_port_wished_for_comes_first_then_the_one_that_was_told() {
        let all = [request("dev", Some(3000))];
        assert_eq!(chosen(&all, Some(8050), 0, &[]), Some(vec![3000]));
        assert_eq!(chosen(&all, Some(8050), 0, &[3000]), Some(vec![8050]));
        assert_eq!(chosen(&all, None, 0, &[3000]), Some(vec![8000]));
    }

    #[test]
    fn every_service_gets_a_port_of_its_own_and_the_seed_says_where_to_begin() {
        let all = [request("dev", None), request("api", None)];
        assert_eq!(chosen(&all, None, 4242, &[]), Some(vec![8042, 8043]));
        assert_eq!(chosen(&all, None, 4299, &[]), Some(vec![8099, 8000]));
        assert_eq!(
            chosen(&[request("tool", None)], None, 80, &[]),
            Some(vec![10081]),
            "browsers refuse 10080"
        );
    }
}
