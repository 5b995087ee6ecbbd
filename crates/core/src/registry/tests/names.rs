use super::*;
use crate::door_rules::{DoorRules, HostHeader};
use crate::label::Label;
use crate::lease::Naming;
use crate::registry::AtHost;

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

/// A dev server of the checkout at `path`, which its client calls `name`.
fn called(path: &str, name: &str) -> Ask {
    Ask { label: Some(label(name)), ..dev(path) }
}

fn host(grant: &Grant) -> &str {
    grant.host.as_deref().unwrap()
}

/// Which port a name leads to.
fn at_host(machine: &Machine, host: &str) -> Option<u16> {
    match machine.registry.at_host(host) {
        AtHost::Server(lease) => Some(lease.port.get()),
        AtHost::Worktree { .. } | AtHost::NoServer { .. } | AtHost::Nobody => None,
    }
}

fn restarted(machine: Machine) -> Machine {
    let written = serde_json::to_string(&machine.registry.snapshot()).unwrap();
    let registry = Registry::restore(policy(), serde_json::from_str(&written).unwrap());
    Machine { registry, ..machine }
}

fn found(machine: &mut Machine, id: &str, at: &str) {
    machine.happens(&Command::Found { id: ProjectId::new(id).unwrap(), at: project(at) });
}

#[test]
fn an_answer_names_the_server_and_its_address() {
    let mut machine = Machine::new();
    let web = machine.grant(called("/w/login", "login-shop"));
    assert_eq!(host(&web), "dev.login-shop.localhost");
    assert_eq!(web.named_url.as_deref(), Some("http://dev.login-shop.localhost:9876"));
    assert_eq!(at_host(&machine, "Dev.Login-Shop.localhost."), Some(web.port.get()));
    let view = machine.registry.view(machine.lease(&web));
    assert_eq!((view.host, view.named_url), (web.host, web.named_url));
    let nobodys = machine.grant(ask("dev"));
    assert_eq!((nobodys.host, nobodys.named_url), (None, None));
}

#[test]
fn what_the_last_request_says_of_the_door_counts_and_outlives_a_restart() {
    let mut machine = Machine::new();
    let open = DoorRules { open: true, host: HostHeader::Local };
    let asked = |door| Ask { door, reuse: Reuse::IfLive, ..called("/w/shop", "shop") };
    let web = machine.grant(asked(open));
    let mut machine = restarted(machine);
    assert_eq!(machine.lease(&web).door, open);
    assert_eq!(machine.grant(asked(DoorRules::default())).lock_id, web.lock_id);
    assert!(machine.lease(&web).door.is_usual());
    machine.grant(asked(open));
    machine.happens(&Command::Release(web.lock_id.unwrap()));
    let AtHost::NoServer { ended: Some((lease, _)), .. } = machine.registry.at_host(host(&web)) else {
        panic!()
    };
    assert_eq!(lease.door, open);
}

#[test]
fn without_a_door_there_is_a_name_and_no_address() {
    let mut machine = Machine::with(Policy { door: None, ..policy() });
    let web = machine.grant(called("/w/shop", "shop"));
    assert_eq!((host(&web), &web.named_url), ("dev.shop.localhost", &None));
}

#[test]
fn at_port_80_an_address_needs_no_port() {
    let mut machine = Machine::with(Policy { door: Some(port(80)), ..policy() });
    let web = machine.grant(called("/w/shop", "shop"));
    assert_eq!(web.named_url.as_deref(), Some("http://dev.shop.localhost"));
}

#[test]
fn services_that_would_be_called_alike_keep_their_names_whoever_starts_first() {
    let named = |name: &str| Ask { name: ServiceName::new(name).ok(), ..called("/w/shop", "shop") };
    let typed =
        |service: &str| Ask { label: Some(label("shop")), project: Some(project("/w/shop")), ..ask(service) };
    for (one, other, plain) in [
        (typed("api"), named("api"), "api"),
        (named("api"), typed("api"), "api"),
        (named("a.b"), named("a-b"), "a-b"),
    ] {
        let mut machine = Machine::new();
        let first = machine.grant(one.clone());
        assert_eq!(host(&first), format!("{plain}.shop.localhost"));
        machine.release(&first);
        let second = machine.grant(other.clone());
        let apart = host(&second).to_owned();
        let end = apart.strip_prefix(&format!("{plain}-")).unwrap();
        assert_eq!(end.len(), "abcd.shop.localhost".len(), "{apart}");
        // A second server of one and the same service has a number.
        assert_eq!(host(&machine.grant(other.clone())), apart.replacen('.', "-2.", 1));
        let mut machine = restarted(machine);
        machine.release(&second);
        assert_eq!(host(&machine.grant(other.clone())), apart);
        assert_eq!(host(&machine.grant(one.clone())), host(&first));

        // Both at once.
        let mut machine = Machine::new();
        let grants = machine.allocate(group(vec![one.clone(), other.clone()])).unwrap();
        assert_eq!([host(&grants[0]), host(&grants[1])], [host(&first), &apart]);
        for grant in &grants {
            machine.release(grant);
        }
        assert_eq!(host(&machine.grant(other)), apart);
    }
}

#[test]
fn another_server_of_a_name_has_the_first_number_that_is_free() {
    // With a name that is as long as can be, a number takes the place of its last letters.
    for name in ["web".to_owned(), "x".repeat(63)] {
        let asked = || Ask { name: ServiceName::new(&name).ok(), ..called("/w/shop", "shop") };
        let mut machine = Machine::configured(|config| {
            (config.quotas.leases_per_checkout, config.quotas.waiting_per_owner) = (200, 200);
        });
        let grants: Vec<Grant> = (0..120).map(|_| machine.grant(asked())).collect();
        let plain = label(&name);
        let expected = |number: usize| format!("{}.shop.localhost", plain.numbered(number));
        for (index, grant) in grants.iter().enumerate().skip(1) {
            assert_eq!(host(grant), expected(index + 1));
        }
        // Whichever end, the lowest number comes back first; also in a daemon that was restarted, and to a group.
        for number in [2, 57, 9, 10, 100, 99] {
            machine.release(&grants[number - 1]);
        }
        let restored = Registry::restore(machine.registry.policy().clone(), machine.registry.snapshot());
        machine.registry = restored;
        for number in [2, 9] {
            assert_eq!(host(&machine.grant(asked())), expected(number));
        }
        let group = machine.allocate(group(vec![asked(); 5])).unwrap();
        let hosts: Vec<&str> = group.iter().map(host).collect();
        assert_eq!(hosts, [10, 57, 99, 100, 121].map(expected));
    }
}

#[test]
fn a_number_is_not_another_services_name() {
    let mut machine = Machine::new();
    let named = |name: &str| Ask { name: ServiceName::new(name).ok(), ..called("/w/shop", "shop") };
    let web2 = machine.grant(named("web-2"));
    machine.release(&web2);
    assert_eq!(host(&machine.grant(named("web"))), "web.shop.localhost");
    assert_eq!(host(&machine.grant(named("web"))), "web-3.shop.localhost");
    assert_eq!(host(&machine.grant(named("web-2"))), host(&web2));
}

#[test]
fn names_that_were_alike_stay_as_they_are_when_the_folder_moves() {
    let mut machine = Machine::new();
    let of = |path: &str, service: &str, name: Option<&str>| Ask {
        name: name.and_then(|name| ServiceName::new(name).ok()),
        service: ServiceType::new(service).unwrap(),
        project_id: Some(ProjectId::new("1").unwrap()),
        ..called(path, "shop")
    };
    let first = machine.grant(of("/w/shop", "api", None));
    let second = machine.grant(of("/w/shop", "dev", Some("api")));
    // Used last, so that it would be first by use.
    machine.release(&first);
    machine.grant(of("/w/shop", "api", None));
    found(&mut machine, "1", "/w/moved");
    for (service, name, before) in [("dev", Some("api"), &second), ("api", None, &first)] {
        let lease = machine.registry.leases().find(|lease| lease.key.service.as_str() == service);
        assert_eq!(machine.registry.view(lease.unwrap()).host.as_deref(), Some(host(before)), "{name:?}");
    }
}

#[test]
fn a_dry_run_answers_the_name_and_remembers_nothing() {
    let mut machine = Machine::new();
    let dry = Allocation { mode: AllocationMode::DryRun, ..one(called("/w/one", "shop")) };
    assert_eq!(host(&machine.allocate(dry).unwrap()[0]), "dev.shop.localhost");
    assert_eq!(host(&machine.grant(called("/w/two", "shop"))), "dev.shop.localhost");
}

#[test]
fn of_two_clones_with_one_name_the_first_has_it_for_as_long_as_it_is_remembered() {
    let mut machine = Machine::new();
    let first = machine.grant(called("/w/one/shop", "shop"));
    let second = machine.grant(called("/w/two/shop", "shop"));
    let apart = host(&second).to_owned();
    assert_eq!(host(&first), "dev.shop.localhost");
    assert!(apart.starts_with("dev.shop-") && apart.len() == "dev.shop-abcd.localhost".len(), "{apart}");
    machine.release(&first);
    machine.release(&second);
    let mut machine = restarted(machine);
    assert_eq!(host(&machine.grant(called("/w/two/shop", "shop"))), apart);
    assert_eq!(host(&machine.grant(called("/w/one/shop", "shop"))), "dev.shop.localhost");
}

#[test]
fn a_repository_that_is_really_called_so_comes_after_the_worktree_that_was_there_first() {
    let mut machine = Machine::new();
    let worktree = machine.grant(called("/w/login", "login-shop"));
    let clone = machine.grant(called("/w/login-shop", "login-shop"));
    assert_eq!(host(&worktree), "dev.login-shop.localhost");
    assert!(host(&clone).starts_with("dev.login-shop-"), "{}", host(&clone));
}

#[test]
fn two_new_clones_in_one_group_get_two_names() {
    let mut machine = Machine::new();
    let grants = machine.allocate(group(vec![called("/w/a", "shop"), called("/w/b", "shop")])).unwrap();
    assert_eq!(host(&grants[0]), "dev.shop.localhost");
    assert!(host(&grants[1]).starts_with("dev.shop-"));
    for grant in &grants {
        assert_eq!(at_host(&machine, host(grant)), Some(grant.port.get()));
    }
}

#[test]
fn a_worktree_that_was_moved_keeps_its_name_whether_its_server_runs_or_not() {
    for runs in [true, false] {
        let mut machine = Machine::new();
        let id = ProjectId::new("1:2:3").ok();
        let before = machine.grant(Ask { project_id: id.clone(), ..called("/w/login", "login-shop") });
        if runs {
            found(&mut machine, "1:2:3", "/moved/login");
            assert_eq!(at_host(&machine, host(&before)), Some(before.port.get()));
        } else {
            machine.release(&before);
        }
        let mut machine = restarted(machine);
        let after =
            machine.grant(Ask { project_id: id, ..named(called("/moved/login", "login-shop"), "web") });
        assert_eq!(host(&after), "web.login-shop.localhost", "{runs}");
        // The name is not left at the place where it was.
        assert!(machine.registry.labels.of(&project("/w/login")).is_none());
    }
}

#[test]
fn a_worktree_whose_folder_is_gone_needs_its_name_no_more() {
    let mut machine = Machine::new();
    let old = machine.grant(called("/w/one/shop", "shop"));
    let gone = |path| Ask { gone: Some(project("/w/one/shop")), ..called(path, "shop") };
    assert_eq!(machine.registry.rival(&project("/w/two"), &label("shop")), Some(&project("/w/one/shop")));
    assert!(host(&machine.grant(gone("/w/two"))).starts_with("dev.shop-"), "its server lives");
    machine.release(&old);
    assert_eq!(host(&machine.grant(gone("/w/three"))), "dev.shop.localhost");
    // One that has another name is not asked about again.
    assert_eq!(machine.registry.rival(&project("/w/two"), &label("shop")), None);
}

#[test]
fn a_client_that_says_nothing_changes_nothing_and_first_names_a_worktree_as_its_folder() {
    let mut machine = Machine::new();
    let old = machine.grant(dev("/w/My Shop"));
    assert_eq!(host(&old), "dev.my-shop.localhost");
    machine.grant(named(called("/w/My Shop", "shop"), "web"));
    // All of it has one name.
    let view = machine.registry.view(machine.lease(&old));
    assert_eq!(view.host.as_deref(), Some("dev.shop.localhost"));
    let later = machine.grant(named(dev("/w/My Shop"), "api"));
    assert_eq!(host(&later), "api.shop.localhost");
    assert_eq!(at_host(&machine, "dev.my-shop.localhost"), None);
}

#[test]
fn another_name_in_the_projects_file_counts_from_the_next_request_on_also_for_a_lease_that_is_reused() {
    let mut machine = Machine::new();
    machine.grant(again(called("/w/shop", "shop")));
    let reused = machine.grant(again(called("/w/shop", "store")));
    assert!(reused.reused);
    assert_eq!(host(&reused), "dev.store.localhost");
    assert_eq!(at_host(&machine, "dev.store.localhost"), Some(reused.port.get()));
    assert_eq!(at_host(&machine, "dev.shop.localhost"), None);
    let machine = restarted(machine);
    assert_eq!(at_host(&machine, "dev.store.localhost"), Some(reused.port.get()));
}

#[test]
fn the_second_server_of_a_key_has_a_number_and_keeps_it_when_the_first_one_ends() {
    let mut machine = Machine::new();
    let first = machine.grant(called("/w/shop", "shop"));
    let second = machine.grant(called("/w/shop", "shop"));
    let third = machine.grant(called("/w/shop", "shop"));
    let hosts = [&first, &second, &third].map(|grant| host(grant).to_owned());
    assert_eq!(hosts, ["dev", "dev-2", "dev-3"].map(|name| format!("{name}.shop.localhost")));
    machine.release(&first);
    let mut machine = restarted(machine);
    assert_eq!(at_host(&machine, "dev.shop.localhost"), None);
    assert_eq!(at_host(&machine, "dev-2.shop.localhost"), Some(second.port.get()));
    assert_eq!(host(&machine.grant(called("/w/shop", "shop"))), "dev.shop.localhost");
    machine.release(&second);
    assert_eq!(host(&machine.grant(called("/w/shop", "shop"))), "dev-2.shop.localhost");
}

#[test]
fn no_two_servers_of_one_group_are_called_alike() {
    let mut machine = Machine::new();
    let asks = [ask("api"), named(ask("dev"), "api"), named(ask("dev"), "api-2"), ask("api")];
    let asks = asks.map(|ask| Ask { project: Some(project("/w/shop")), ..ask });
    let grants = machine.allocate(group(asks.into())).unwrap();
    let hosts: Vec<&str> = grants.iter().map(|grant| host(grant).split('.').next().unwrap()).collect();
    assert_eq!(hosts, ["api", "api-wxjo", "api-2", "api-3"]);
}

#[test]
fn a_server_whose_port_was_taken_by_a_stranger_has_its_name_at_the_next_one() {
    let mut machine = Machine::new();
    let grant = machine.grant(called("/w/shop", "shop"));
    machine.hear(&grant, stranger(9));
    let next = machine.grant(again(called("/w/shop", "shop")));
    assert_eq!((next.displaced_from, host(&next)), (Some(grant.port), "dev.shop.localhost"));
    assert_eq!(at_host(&machine, "dev.shop.localhost"), Some(next.port.get()));
}

#[test]
fn a_name_without_a_server_says_what_there_is_and_what_ended() {
    let mut machine = Machine::new();
    let web = machine.grant(named(called("/w/shop", "shop"), "web"));
    let api = machine.grant(named(called("/w/shop", "shop"), "api"));
    let AtHost::Worktree { root, leases } = machine.registry.at_host("shop.localhost") else { panic!() };
    assert_eq!((root, leases.len(), leases[0].port), (&project("/w/shop"), 2, web.port));
    machine.pass(SECOND);
    machine.release(&web);
    let AtHost::NoServer { leases, ended, .. } = machine.registry.at_host("web.shop.localhost") else {
        panic!()
    };
    let (lease, left) = ended.unwrap();
    assert_eq!((leases.len(), leases[0].port), (1, api.port));
    assert_eq!((lease.port, left.reason, left.at), (web.port, EndReason::Released, MINUTE + SECOND));
    let AtHost::NoServer { ended: None, .. } = machine.registry.at_host("docs.shop.localhost") else {
        panic!()
    };
    // A server that ended counts, and not the end of the wait for the next one.
    let docs = machine.grant(Ask { reuse: Reuse::IfLive, ..named(called("/w/shop", "shop"), "docs") });
    machine.hear(&docs, server(7));
    machine.exit(7, Vec::new());
    machine.tick_after(16 * MINUTE);
    assert_eq!(machine.ended(&docs), Some(EndReason::BindTtl));
    let AtHost::NoServer { ended: Some((_, left)), .. } = machine.registry.at_host(host(&docs)) else {
        panic!()
    };
    assert_eq!((left.reason, left.at), (EndReason::ListenerExited, MINUTE + SECOND));
    assert!(matches!(machine.registry.at_host("web.store.localhost"), AtHost::Nobody));
}

#[test]
fn the_leases_of_a_journal_without_names_get_theirs_the_oldest_first() {
    let mut machine = Machine::new();
    let first = machine.grant(Ask { wish: exact(4000), ..dev("/w/one/shop") });
    machine.pass(SECOND);
    let second = machine.grant(Ask { wish: exact(3500), ..dev("/w/one/shop") });
    machine.pass(SECOND);
    let clone = machine.grant(Ask { wish: exact(3400), ..dev("/w/two/shop") });
    let mut written = serde_json::to_value(machine.registry.snapshot()).unwrap();
    written.as_object_mut().unwrap().remove("labels");
    for lease in written["leases"].as_array_mut().unwrap() {
        lease.as_object_mut().unwrap().remove("label");
    }
    machine.registry = Registry::restore(policy(), serde_json::from_value(written).unwrap());
    assert_eq!(at_host(&machine, "dev.shop.localhost"), Some(first.port.get()));
    assert_eq!(at_host(&machine, "dev-2.shop.localhost"), Some(second.port.get()));
    assert_eq!(at_host(&machine, clone.host.as_deref().unwrap()), Some(clone.port.get()));
}

#[test]
fn what_is_written_of_a_grant_is_all_that_a_replay_needs() {
    let mut machine = Machine::new();
    let grant = machine.grant(called("/w/shop", "shop"));
    let fact = machine.registry.lease(grant.lock_id.unwrap()).unwrap();
    assert_eq!((fact.label.clone(), fact.worktree.clone()), (Some(label("dev")), None));
    let naming = Naming { label: label("shop"), wish: Some(label("shop")) };
    assert_eq!(machine.registry.labels.of(&project("/w/shop")), Some(&naming));
}
