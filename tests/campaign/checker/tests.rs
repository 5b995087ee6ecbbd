//! The checker against histories that are broken on purpose: each is one promise broken in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::{Findings, Tolerates, check};
use crate::clients::Transport;
use crate::history::{At, Event, Found, Lock, Named, Owner, Refusal, What};
use crate::report::say;

/// A test's name is a claim.
const TESTS: &[(&str, fn())] = &[
    ("a_history_that_keeps_every_promise_passes", a_history_that_keeps_every_promise_passes),
    ("two_leases_of_one_port_at_once_are_found", two_leases_of_one_port_at_once_are_found),
    (
        "a_port_may_go_to_the_next_once_its_release_is_sent",
        a_port_may_go_to_the_next_once_its_release_is_sent,
    ),
    ("a_lease_of_a_dead_owner_may_go_to_the_next", a_lease_of_a_dead_owner_may_go_to_the_next),
    ("one_lease_given_to_two_clients_is_found", one_lease_given_to_two_clients_is_found),
    ("a_short_lease_within_a_long_one_is_found", a_short_lease_within_a_long_one_is_found),
    (
        "an_acknowledged_lease_that_no_listing_shows_is_lost",
        an_acknowledged_lease_that_no_listing_shows_is_lost,
    ),
    ("a_lease_listed_with_another_port_is_lost", a_lease_listed_with_another_port_is_lost),
    ("a_listing_that_was_under_way_proves_nothing", a_listing_that_was_under_way_proves_nothing),
    (
        "a_release_of_a_lease_that_is_unknown_means_it_was_lost",
        a_release_of_a_lease_that_is_unknown_means_it_was_lost,
    ),
    ("a_released_lease_that_is_still_listed_is_stale", a_released_lease_that_is_still_listed_is_stale),
    ("a_lease_released_twice_is_stale", a_lease_released_twice_is_stale),
    ("a_repeat_that_finds_the_lease_released_is_fine", a_repeat_that_finds_the_lease_released_is_fine),
    ("a_refusal_without_a_reason_is_found", a_refusal_without_a_reason_is_found),
    (
        "an_exact_port_is_refused_only_while_somebody_has_it",
        an_exact_port_is_refused_only_while_somebody_has_it,
    ),
    ("storage_may_fail_only_while_it_fails", storage_may_fail_only_while_it_fails),
    ("a_quota_is_a_reason_only_where_one_is_tested", a_quota_is_a_reason_only_where_one_is_tested),
    (
        "a_grant_of_a_port_that_another_program_has_is_found",
        a_grant_of_a_port_that_another_program_has_is_found,
    ),
    ("a_client_without_an_answer_is_found", a_client_without_an_answer_is_found),
];

/// Runs them all, and says how many failed.
pub(crate) fn run() -> usize {
    let failed = TESTS.iter().filter(|(name, test)| {
        let result = std::panic::catch_unwind(test);
        say(&format!("test checker::{name} ... {}", if result.is_ok() { "ok" } else { "FAILED" }));
        result.is_err()
    });
    failed.count()
}

fn at(millis: u64) -> At {
    Duration::from_millis(millis)
}

fn lock(number: u8) -> Lock {
    Uuid::from_u128(number.into())
}

const BY: Transport = Transport::Socket;

fn granted(millis: u64, number: u8, port: u16) -> Event {
    owned(millis, number, port, Owner::Listener)
}

fn owned(millis: u64, number: u8, port: u16, owner: Owner) -> Event {
    let (who, lock) = (number.into(), lock(number));
    let what = What::Granted { who, by: BY, sent: at(millis - 1), lock, port, owner, daemon: None };
    Event { at: at(millis), what }
}

fn release_sent(millis: u64, number: u8) -> Event {
    Event { at: at(millis), what: What::ReleaseSent { lock: lock(number) } }
}

fn released(millis: u64, number: u8, found: Found) -> Event {
    let what = What::Released { who: 0, by: BY, sent: at(millis - 1), lock: lock(number), found };
    Event { at: at(millis), what }
}

fn listed(sent: u64, answered: u64, leases: &[(u8, u16)]) -> Event {
    let leases: BTreeMap<Lock, u16> = leases.iter().map(|(number, port)| (lock(*number), *port)).collect();
    Event { at: at(answered), what: What::Listed { sent: at(sent), leases } }
}

fn refused(sent: u64, answered: u64, named: Named, code: &str, rule: Option<&str>) -> Event {
    let refusal = Refusal {
        asked: "allocate",
        named,
        code: code.to_owned(),
        rule: rule.map(str::to_owned),
        reason: None,
        text: String::new(),
    };
    Event { at: at(answered), what: What::Refused { who: 0, by: BY, sent: at(sent), refusal } }
}

fn event(millis: u64, what: What) -> Event {
    Event { at: at(millis), what }
}

/// How many findings there are of each kind: double, lost, stale, refused, failed.
fn counts(events: &[Event]) -> [usize; 5] {
    let Findings { double, lost, stale, refused, failed } = check(events, Tolerates::Nothing);
    [double.len(), lost.len(), stale.len(), refused.len(), failed.len()]
}

fn a_history_that_keeps_every_promise_passes() {
    let events = [
        granted(10, 1, 3000),
        granted(11, 2, 3001),
        listed(12, 13, &[(1, 3000), (2, 3001)]),
        release_sent(20, 1),
        released(22, 1, Found::Live),
        granted(23, 3, 3000),
        listed(30, 31, &[(2, 3001), (3, 3000)]),
    ];
    assert_eq!(counts(&events), [0; 5]);
}

fn two_leases_of_one_port_at_once_are_found() {
    assert_eq!(counts(&[granted(10, 1, 3000), granted(20, 2, 3000)]), [1, 0, 0, 0, 0]);
}

fn a_port_may_go_to_the_next_once_its_release_is_sent() {
    let events =
        [granted(10, 1, 3000), release_sent(20, 1), granted(21, 2, 3000), released(22, 1, Found::Live)];
    assert_eq!(counts(&events), [0; 5]);
}

fn a_lease_of_a_dead_owner_may_go_to_the_next() {
    let dies = event(20, What::OwnerDies { owner: 7 });
    let before = [
        owned(10, 1, 3000, Owner::Process(7)),
        dies.clone(),
        granted(30, 2, 3000),
        listed(31, 32, &[(2, 3000)]),
    ];
    assert_eq!(counts(&before), [0; 5]);
    let another = [owned(10, 1, 3000, Owner::Process(8)), dies, granted(30, 2, 3000)];
    assert_eq!(counts(&another), [1, 0, 0, 0, 0]);
}

fn one_lease_given_to_two_clients_is_found() {
    assert_eq!(counts(&[granted(10, 1, 3000), release_sent(11, 1), granted(20, 1, 3001)]), [1, 0, 0, 0, 0]);
}

fn a_short_lease_within_a_long_one_is_found() {
    // The second ends before the third begins; the first does not.
    let events = [granted(10, 1, 3000), granted(20, 2, 3000), release_sent(21, 2), granted(30, 3, 3000)];
    assert_eq!(counts(&events), [2, 0, 0, 0, 0]);
}

fn an_acknowledged_lease_that_no_listing_shows_is_lost() {
    assert_eq!(counts(&[granted(10, 1, 3000), listed(11, 12, &[]), listed(13, 14, &[])]), [0, 1, 0, 0, 0]);
}

fn a_lease_listed_with_another_port_is_lost() {
    assert_eq!(counts(&[granted(10, 1, 3000), listed(11, 12, &[(1, 3001)])]), [0, 1, 0, 0, 0]);
}

fn a_listing_that_was_under_way_proves_nothing() {
    let during_grant = [granted(10, 1, 3000), listed(9, 12, &[])];
    assert_eq!(counts(&during_grant), [0; 5]);
    let during_release =
        [granted(10, 1, 3000), release_sent(12, 1), listed(11, 13, &[]), released(14, 1, Found::Live)];
    assert_eq!(counts(&during_release), [0; 5]);
}

fn a_release_of_a_lease_that_is_unknown_means_it_was_lost() {
    let events = [
        granted(10, 1, 3000),
        release_sent(20, 1),
        refused(20, 21, Named::Lease(lock(1)), "unknown_lease", None),
    ];
    assert_eq!(counts(&events), [0, 1, 0, 0, 0]);
}

fn a_released_lease_that_is_still_listed_is_stale() {
    let events = [
        granted(10, 1, 3000),
        release_sent(20, 1),
        released(21, 1, Found::Live),
        listed(22, 23, &[(1, 3000)]),
    ];
    assert_eq!(counts(&events), [0, 0, 1, 0, 0]);
}

fn a_lease_released_twice_is_stale() {
    let events = [
        granted(10, 1, 3000),
        release_sent(20, 1),
        released(21, 1, Found::Live),
        release_sent(30, 1),
        released(31, 1, Found::Live),
    ];
    assert_eq!(counts(&events), [0, 0, 1, 0, 0]);
}

fn a_repeat_that_finds_the_lease_released_is_fine() {
    let events = [granted(10, 1, 3000), release_sent(20, 1), released(21, 1, Found::ReleasedBefore)];
    assert_eq!(counts(&events), [0; 5]);
}

fn a_refusal_without_a_reason_is_found() {
    for code in ["no_free_port", "port_unavailable", "storage_unavailable", "invalid_request", "forbidden"] {
        assert_eq!(counts(&[refused(1, 2, Named::Nothing, code, None)]), [0, 0, 0, 1, 0], "{code}");
    }
}

fn an_exact_port_is_refused_only_while_somebody_has_it() {
    let asked = |sent, answered| refused(sent, answered, Named::Port(3000), "port_unavailable", None);
    let leased = [granted(10, 1, 3000), release_sent(20, 1), released(22, 1, Found::Live)];
    let with = |refusal: Event| counts(&[&leased[..], &[refusal]].concat());
    assert_eq!(with(asked(11, 12)), [0; 5]);
    // It may have been granted before the client knew, and given back before the client knew that.
    assert_eq!(with(asked(8, 9)), [0; 5]);
    assert_eq!(with(asked(21, 23)), [0; 5]);
    assert_eq!(with(asked(23, 24)), [0, 0, 0, 1, 0]);
    let bound = event(10, What::ForeignBound { port: 3000, socket: 1 });
    assert_eq!(counts(&[bound, asked(11, 12)]), [0; 5]);
}

fn storage_may_fail_only_while_it_fails() {
    let (fails, works) = (event(100, What::StorageFails), event(200, What::StorageWorks));
    let asked = |sent, answered| refused(sent, answered, Named::Nothing, "storage_unavailable", None);
    assert_eq!(counts(&[asked(10, 20), fails.clone(), works.clone()]), [0, 0, 0, 1, 0]);
    assert_eq!(counts(&[fails.clone(), asked(110, 120), works.clone()]), [0; 5]);
    // It has a second to recover.
    assert_eq!(counts(&[fails.clone(), works.clone(), asked(1199, 1210)]), [0; 5]);
    assert_eq!(counts(&[fails, works, asked(1201, 1210)]), [0, 0, 0, 1, 0]);
}

fn a_quota_is_a_reason_only_where_one_is_tested() {
    let quota = [refused(1, 2, Named::Nothing, "no_free_port", Some("quota"))];
    assert_eq!(check(&quota, Tolerates::Quota).count(), 0);
    assert_eq!(check(&quota, Tolerates::Nothing).refused.len(), 1);
    let full = [refused(1, 2, Named::Nothing, "no_free_port", None)];
    assert_eq!(check(&full, Tolerates::Quota).refused.len(), 1);
}

fn a_grant_of_a_port_that_another_program_has_is_found() {
    let (bound, free) = (
        event(5, What::ForeignBound { port: 3000, socket: 1 }),
        event(20, What::ForeignLetsGo { socket: 1 }),
    );
    assert_eq!(counts(&[bound.clone(), granted(10, 1, 3000), free.clone()]), [1, 0, 0, 0, 0]);
    // Asked for before it was bound, or answered after it was free again.
    assert_eq!(counts(&[event(9, What::ForeignBound { port: 3000, socket: 1 }), granted(10, 1, 3000)])[0], 1);
    assert_eq!(
        counts(&[event(10, What::ForeignBound { port: 3000, socket: 1 }), granted(10, 1, 3000)])[0],
        0
    );
    assert_eq!(counts(&[bound.clone(), free.clone(), granted(22, 1, 3000)])[0], 0);
    // Another one has it on another address, and for longer.
    let other = event(6, What::ForeignBound { port: 3000, socket: 2 });
    assert_eq!(counts(&[bound, other, free, granted(22, 1, 3000)])[0], 1);
}

fn a_client_without_an_answer_is_found() {
    let failed = What::Failed { who: 0, by: BY, sent: at(1), asked: "allocate", error: "reset".to_owned() };
    assert_eq!(counts(&[event(2, failed)]), [0, 0, 0, 0, 1]);
}
