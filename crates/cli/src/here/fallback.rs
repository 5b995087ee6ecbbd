//! Ports without a daemon: those that a probe finds free now. They are not leased; another program may take them.

use std::net::{Ipv4Addr, TcpListener};

use styxy_core::config::Config;
use styxy_core::{Occupancy, Policy, Port, PortRange, ServiceType};
use styxy_daemon::system::Prober;

use crate::here::config_file;
use crate::here::context;

/// Where a free port for a service is looked for, besides the ports of its type.
pub(crate) struct Candidates {
    pub(crate) service: ServiceType,
    /// Tried first, in this order; no port is excluded.
    pub(crate) preferred: Vec<Port>,
    /// Tried next, from the lowest up.
    pub(crate) near: Option<PortRange>,
}

/// A free port for each of `services`, all different and none of `leased`; none if there are not enough.
///
/// After those come the ports of the service type, from a position that `seed` decides, so that programs that start
/// together rarely meet, and then any port that the system has.
pub(crate) fn ports(services: &[Candidates], seed: u32, leased: &[Port]) -> Option<Vec<Port>> {
    let prober = Prober::new();
    let is_free = |port: Port| !leased.contains(&port) && prober.occupancy(port) == Occupancy::Free;
    choose(&policy(), services, seed, is_free, of_the_system)
}

/// As [`ports`], but also those that this process may not bind: a sandbox may allow nobody to.
pub(crate) fn not_busy(services: &[Candidates], seed: u32) -> Option<Vec<Port>> {
    let prober = Prober::new();
    let may_be_free = |port| matches!(prober.occupancy(port), Occupancy::Free | Occupancy::Denied);
    choose(&policy(), services, seed, may_be_free, Vec::new)
}

/// Some ports that the system gives to whoever names none.
fn of_the_system() -> Vec<Port> {
    const TRIES: usize = 16;
    // All are held until the last one is there: a port that was let go would come again.
    let held: Vec<TcpListener> =
        (0..TRIES).map_while(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()).collect();
    let port = |held: &TcpListener| Port::new(held.local_addr().ok()?.port()).ok();
    held.iter().filter_map(port).collect()
}

/// The user's settings, or the defaults: this is not the time to complain about a file.
fn policy() -> Policy {
    let config =
        context::layout().ok().and_then(|layout| config_file::read_or_default(&layout.config()).ok());
    styxy_daemon::policy(config.map_or_else(Config::default, |parsed| parsed.config), [])
}

fn choose(
    policy: &Policy,
    services: &[Candidates],
    seed: u32,
    is_free: impl Fn(Port) -> bool,
    others: impl Fn() -> Vec<Port>,
) -> Option<Vec<Port>> {
    let mut chosen: Vec<Port> = Vec::with_capacity(services.len());
    for Candidates { service, preferred, near } in services {
        let kind = policy.config.service_types.get(service);
        let ranges = kind.map(|kind| kind.range).into_iter().chain(policy.config.overflow_range);
        let of_its_type = ranges.flat_map(|range| {
            let start = seed as usize % range.len();
            range.ports().skip(start).chain(range.ports().take(start))
        });
        let near = near.iter().flat_map(|range| range.ports());
        let unnamed = near.chain(of_its_type).filter(|port| !policy.never.contains(*port));
        let is_good = |port: &Port| !chosen.contains(port) && is_free(*port);
        let found = preferred.iter().copied().chain(unnamed).find(is_good);
        let last = || others().into_iter().filter(|port| !policy.never.contains(*port)).find(is_good);
        chosen.push(found.or_else(last)?);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(service: &str, preferred: &[u16], near: Option<(u16, u16)>) -> Candidates {
        let port = |port: u16| Port::new(port).unwrap();
        let near = near.and_then(|(first, last)| PortRange::new(port(first), port(last)));
        Candidates {
            service: service.parse().unwrap(),
            preferred: preferred.iter().copied().map(port).collect(),
            near,
        }
    }

    fn chosen(services: &[Candidates], seed: u32, busy: &[u16]) -> Option<Vec<u16>> {
        let policy = styxy_daemon::policy(Config::default(), []);
        let others = || vec![Port::new(40_000).unwrap()];
        let ports = choose(&policy, services, seed, |port| !busy.contains(&port.get()), others)?;
        Some(ports.into_iter().map(Port::get).collect())
    }

    #[test]
    fn preferred_ports_come_first_then_those_near_them() {
        let dev = |near| [candidates("dev", &[3000, 8050], near)];
        assert_eq!(chosen(&dev(None), 0, &[]), Some(vec![3000]));
        assert_eq!(chosen(&dev(None), 0, &[3000]), Some(vec![8050]));
        assert_eq!(chosen(&dev(Some((3000, 3002))), 0, &[3000, 8050, 3001]), Some(vec![3002]));
        assert_eq!(chosen(&dev(Some((3000, 3001))), 0, &[3000, 8050, 3001]), Some(vec![8000]));
    }

    #[test]
    fn where_every_port_of_the_type_is_busy_any_other_is_chosen() {
        let all: Vec<u16> = (1..=20_000).collect();
        assert_eq!(chosen(&[candidates("dev", &[3000], None)], 0, &all), Some(vec![40_000]));
        let two = [candidates("dev", &[], None), candidates("api", &[], None)];
        assert_eq!(chosen(&two, 0, &all), None, "there are not enough");
    }

    #[test]
    fn every_service_gets_its_own_port_and_the_seed_says_where_to_begin() {
        let all = [candidates("dev", &[], None), candidates("api", &[], None)];
        assert_eq!(chosen(&all, 4242, &[]), Some(vec![8042, 8043]));
        assert_eq!(chosen(&all, 4299, &[]), Some(vec![8099, 8000]));
        let same = || candidates("dev", &[3000], Some((3000, 3100)));
        assert_eq!(chosen(&[same(), same(), same()], 0, &[3000]), Some(vec![3001, 3002, 3003]));
    }

    #[test]
    fn a_port_that_browsers_refuse_is_chosen_only_if_it_is_preferred() {
        assert_eq!(chosen(&[candidates("tool", &[], None)], 80, &[]), Some(vec![10081]), "10080 is refused");
        assert_eq!(chosen(&[candidates("tool", &[], Some((10_080, 10_090)))], 0, &[]), Some(vec![10081]));
        assert_eq!(chosen(&[candidates("tool", &[10_080], None)], 0, &[]), Some(vec![10080]));
    }
}
