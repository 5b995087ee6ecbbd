//! The invariants of docs/DESIGN.md (all but I3) in random runs of everything that can happen.

use proptest::prelude::*;

use super::steps::step;
use super::world::World;
use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_whatever_happens(
        steps in proptest::collection::vec(step(), 1..80),
        middle in any::<usize>(),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.check_replay(middle);
    }

    /// Whatever the kernel gives to connections, whatever is leased, and whoever had what before.
    #[test]
    fn a_request_fails_only_if_no_port_of_its_ranges_is_free(
        last in any::<u16>(),
        never in any::<u8>(),
        busy in any::<u8>(),
        before in proptest::collection::vec((0..3_usize, any::<bool>()), 0..10),
    ) {
        let ports: Vec<u16> = (6006..=6010).chain(10_000..=10_002).collect();
        let of = |bits: u16| ports.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1);
        let set = |bits| of(bits).map(|(_, number)| port(*number)).collect::<PortSet>();
        let mut policy = policy();
        policy.config.overflow_range = Some(range(10_000, 10_002));
        // All ports in a quarter of the runs, as some machines have it.
        policy.last = if last.is_multiple_of(4) { range(1024, 65_535).ports().collect() } else { set(last >> 8) };
        // Rarely more than a few.
        policy.never = set(u16::from(never & never.rotate_left(3)));
        let busy = set(u16::from(busy & busy.rotate_left(1)));
        let open: Vec<u16> = ports
            .iter()
            .copied()
            .filter(|number| !policy.never.contains(port(*number)) && !busy.contains(port(*number)))
            .collect();
        let mut machine =
            Machine::with(policy).busy(ports.iter().copied().filter(|number| busy.contains(port(*number))));
        let mut live = Vec::new();
        for (name, stays) in before {
            let ask = Ask { project: Some(project(["/w/a", "/w/b", "/w/c"][name])), ..ask("storybook") };
            let Ok(grants) = machine.allocate(one(ask)) else { continue };
            if stays { live.extend(grants) } else { machine.release(&grants[0]) }
        }
        while live.len() < open.len() {
            let granted = machine.grant(ask("storybook"));
            prop_assert!(open.contains(&granted.port.get()));
            live.push(granted);
        }
        let refused = machine.refused(ask("storybook"));
        prop_assert!(matches!(refused, Refusal::NoFreePort { .. }), "{:?}", refused);
    }
}
