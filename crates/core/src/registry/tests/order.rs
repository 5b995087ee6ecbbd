//! Which port is granted: the one asked for, the key's own, the type's, and what others would miss last.

use super::*;

/// Storybooks have five ports and three more to overflow into.
fn five_ports() -> Machine {
    Machine::configured(|config| config.overflow_range = Some(range(10_000, 10_002)))
}

fn storybook(path: &str) -> Ask {
    Ask { project: Some(project(path)), ..ask("storybook") }
}

#[test]
fn preferred_ports_come_first_then_every_tenth_of_the_range_then_the_rest_then_the_overflow_range() {
    let mut machine = five_ports().busy([6007, 10_001]);
    let granted: Vec<u16> = (0..6).map(|_| machine.grant(ask("storybook")).port.get()).collect();
    assert_eq!(granted, [6006, 6008, 6009, 6010, 10_000, 10_002]);
    let mut machine = Machine::new().busy([3000]);
    let granted: Vec<u16> = (0..3).map(|_| machine.grant(ask("dev")).port.get()).collect();
    assert_eq!(granted, [8000, 8010, 8020], "with room behind each");
}

#[test]
fn the_port_asked_for_comes_before_all_others() {
    let mut machine = Machine::new();
    let grant = machine.grant(Ask { wish: preferred(4321), ..dev("/w/a") });
    assert_eq!((grant.port.get(), grant.reason), (4321, None));
    assert_eq!(machine.probed, [4321]);
}

#[test]
fn a_preferred_port_that_is_taken_falls_back_and_says_why() {
    let mut machine = Machine::new().busy([4000]);
    machine.grant(Ask { wish: exact(3000), ..dev_for("/w/other", "claude-2") });
    let mut reason = |number| {
        let grant = machine.grant(Ask { wish: preferred(number), ..dev_of("/w/a", 1) });
        assert_ne!(grant.port.get(), number);
        grant.reason.unwrap()
    };
    assert_eq!(reason(3000), "preferred port 3000 is leased by claude-2 (/w/other)");
    assert_eq!(reason(4000), "preferred port 4000 is in use by a program that has no lease for it");
    machine.ports.insert(port(81), Occupancy::Denied);
    let grant = machine.grant(Ask { wish: preferred(81), ..dev_of("/w/a", 1) });
    assert_eq!(grant.reason.unwrap(), "preferred port 81 may not be bound by this user");
    machine.ports.insert(port(3018), Occupancy::Reserved);
    let grant = machine.grant(Ask { wish: preferred(3018), ..dev_of("/w/a", 1) });
    assert_eq!(
        grant.reason.unwrap(),
        "preferred port 3018 is reserved by Windows (netsh int ipv4 show excludedportrange tcp)"
    );
}

#[test]
fn a_default_port_comes_after_the_keys_own_and_before_the_service_types() {
    let mut machine = Machine::new();
    let vite = |path| Ask { wish: Wish::Default(port(5173)), ..dev(path) };
    let first = machine.grant(vite("/w/a"));
    assert_eq!(first.port.get(), 5173);
    let second = machine.grant(vite("/w/b"));
    assert_eq!((second.port.get(), &second.reason), (3000, &None));
    // Both end, and the second comes back first: nobody takes the port that another one had.
    machine.release(&first);
    machine.release(&second);
    assert_eq!(machine.grant(vite("/w/b")).port.get(), 3000);
    assert_eq!(machine.grant(vite("/w/a")).port.get(), 5173);
}

#[test]
fn a_default_port_serves_an_unknown_service_type_too() {
    let mut machine = five_ports();
    let preview = || Ask { wish: Wish::Default(port(4173)), ..ask("preview") };
    let granted: Vec<u16> = (0..3).map(|_| machine.grant(preview()).port.get()).collect();
    assert_eq!(granted, [4173, 10_000, 10_001]);
}

#[test]
fn no_port_is_probed_twice_for_one_grant() {
    let all_busy = range(6006, 6010).ports().chain(range(10_000, 10_002).ports()).map(Port::get);
    let mut machine = five_ports().busy(all_busy);
    machine.refused(Ask { wish: preferred(6008), ..storybook("/w/a") });
    assert_eq!(machine.probed, [6008, 6006, 6007, 6009, 6010, 10_000, 10_001, 10_002]);
}

#[test]
fn a_key_gets_the_ports_it_had_before_in_their_order() {
    let mut machine = Machine::new();
    let first = machine.grant(Ask { wish: exact(8044), ..dev("/w/a") });
    let second = machine.grant(Ask { wish: exact(8011), ..dev("/w/a") });
    machine.release(&second);
    machine.release(&first);
    machine.pass(24 * 60 * MINUTE);
    assert_eq!(machine.grant(dev("/w/a")).port.get(), 8044);
    assert_eq!(machine.grant(dev("/w/a")).port.get(), 8011);
    assert_eq!(machine.grant(dev("/w/a")).port.get(), 3000);
}

#[test]
fn a_port_that_others_have_affinity_to_comes_last_but_before_overflow() {
    let mut machine = five_ports();
    let other = machine.grant(Ask { wish: exact(6006), ..storybook("/w/other") });
    machine.release(&other);
    machine.pass(60 * MINUTE);
    let own = machine.grant(Ask { wish: exact(6009), ..storybook("/w/a") });
    machine.release(&own);
    machine.probed.clear();
    let granted: Vec<u16> = (0..6).map(|_| machine.grant(storybook("/w/a")).port.get()).collect();
    assert_eq!(granted, [6009, 6007, 6008, 6010, 6006, 10_000]);
    assert_eq!(machine.probed, granted);
}

#[test]
fn a_port_given_up_by_another_key_comes_last_for_15_seconds() {
    let mut machine = Machine::new();
    // More ports than a key remembers, so that its affinity is out of the way.
    for number in 5000..5015 {
        machine.grant(Ask { wish: exact(number), ..dev("/w/other") });
    }
    let forgotten = machine.grant(Ask { wish: exact(9000), ..dev("/w/other") });
    machine.grant(Ask { wish: exact(5016), ..dev("/w/other") });
    machine.release(&forgotten);
    let test = |path| Ask { project: Some(project(path)), ..ask("test") };
    machine.pass(15 * SECOND - 1);
    assert_eq!(machine.grant(test("/w/a")).port.get(), 9010);
    machine.pass(1);
    assert_eq!(machine.grant(test("/w/b")).port.get(), 9000);
}

#[test]
fn a_key_gets_its_own_port_back_at_once() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.release(&first);
    assert_eq!(machine.grant(dev("/w/a")).port, first.port);
}

#[test]
fn of_the_ports_that_others_would_miss_the_least_recently_used_comes_first() {
    let mut machine = five_ports();
    let others: Vec<Grant> =
        ["/w/a", "/w/b", "/w/c", "/w/d", "/w/e"].map(|path| machine.grant(storybook(path))).into();
    for index in [2, 0, 1, 3, 4] {
        machine.pass(MINUTE);
        machine.release(&others[index]);
    }
    let granted: Vec<u16> = (0..5).map(|_| machine.grant(storybook("/w/new")).port.get()).collect();
    assert_eq!(granted, [6008, 6006, 6007, 6009, 6010]);
}

#[test]
fn ports_that_are_never_offered_are_tried_if_asked_for_by_number() {
    let mut machine = Machine::configured(|config| {
        let dev = config.service_types.get_mut(&service("dev")).unwrap();
        dev.preferred_ports = vec![port(6000), port(900), port(40_000), port(3000)];
    });
    assert_eq!(machine.grant(dev("/w/a")).port.get(), 3000);
    assert_eq!(machine.probed, [3000]);
    let asked = [machine.grant(Ask { wish: exact(6000), ..dev("/w/b") })];
    assert_eq!(ports(&asked), [6000]);
    assert_eq!(machine.grant(Ask { wish: preferred(40_000), ..dev("/w/b") }).port.get(), 40_000);
    machine.release(&asked[0]);
    assert_eq!(machine.grant(dev("/w/b")).port.get(), 8000, "not even to the key that had it");
}

#[test]
fn an_exact_port_is_granted_or_refused_and_nothing_else_is_probed() {
    let mut machine = Machine::new().busy([4000]);
    assert_eq!(machine.grant(Ask { wish: exact(4321), ..dev("/w/a") }).port.get(), 4321);
    machine.refused(Ask { wish: exact(4000), ..dev("/w/a") });
    assert_eq!(machine.probed, [4321, 4000]);
}

#[test]
fn an_unknown_type_gets_a_port_of_the_overflow_range_and_the_same_one_the_next_time() {
    let mut machine = Machine::new();
    let of = |service: &str| Ask { project: Some(project("/w/a")), ..ask(service) };
    machine.grant(of("queue"));
    let grant = machine.grant(of("mailer"));
    assert_eq!(grant.port.get(), 10_010);
    machine.release(&grant);
    assert_eq!(machine.grant(of("mailer")).port.get(), 10_010);
}

#[test]
fn suggest_names_what_allocate_would_grant_in_order_and_reserves_nothing() {
    let mut machine = five_ports().busy([6008]);
    machine.grant(storybook("/w/a"));
    let before = machine.registry.snapshot();
    let occupancy = |port: Port| machine.ports.get(&port).copied().unwrap_or(Occupancy::Free);
    let suggest =
        |count| machine.registry.suggest(&service("storybook"), count, machine.now, occupancy).unwrap();
    assert_eq!(suggest(3), [port(6007), port(6009), port(6010)]);
    assert_eq!(suggest(100).len(), 6);
    assert_eq!(machine.registry.snapshot(), before);
}

#[test]
fn ports_that_the_kernel_gives_to_connections_come_last_and_are_no_ban() {
    let ephemeral = |first, last| {
        let mut policy = policy();
        policy.last = range(first, last).ports().collect();
        policy.config.overflow_range = Some(range(10_000, 10_001));
        Machine::with(policy)
    };
    // All of them are.
    let mut machine = ephemeral(1024, 65_535);
    let granted: Vec<u16> = (0..7).map(|_| machine.grant(ask("storybook")).port.get()).collect();
    assert_eq!(granted, [6006, 6007, 6008, 6009, 6010, 10_000, 10_001]);
    // Some of them are: the others come first, also those of the overflow range and those that others had.
    let mut machine = ephemeral(6007, 6009);
    let had = machine.grant(storybook("/w/had"));
    machine.release(&had);
    let granted: Vec<u16> = (0..7).map(|_| machine.grant(ask("storybook")).port.get()).collect();
    assert_eq!(granted, [6010, 6006, 10_000, 10_001, 6007, 6008, 6009]);
    // A key keeps its port among them.
    let mut machine = ephemeral(1024, 65_535);
    let [_, second] = ["/w/a", "/w/b"].map(|path| machine.grant(storybook(path)));
    machine.release(&second);
    machine.pass(MINUTE);
    assert_eq!(machine.grant(storybook("/w/b")).port, second.port);
}
