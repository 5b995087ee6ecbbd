//! The rule with scripted answers, so that it is tested on systems that do not need it.

use std::cell::Cell;
use std::io::{self, ErrorKind};

use styxy_core::Occupancy;

use crate::system::lingering::{Looks, occupancy};

type Bind = Option<Result<(), ErrorKind>>;
type Answer = Option<Result<bool, ErrorKind>>;

/// The answer of each look; a look that is not expected has none.
#[derive(Default)]
struct Script {
    alone: Bind,
    like_a_server: Bind,
    reserved: Answer,
    answered: Answer,
    listener: Answer,
    looks: Cell<usize>,
}

impl Script {
    fn answer<T: Copy>(&self, look: &str, answer: Option<Result<T, ErrorKind>>) -> io::Result<T> {
        self.looks.set(self.looks.get() + 1);
        answer.unwrap_or_else(|| panic!("nobody had to ask: {look}")).map_err(io::Error::from)
    }
}

impl Looks for Script {
    fn bind_alone(&self) -> io::Result<()> {
        self.answer("bind_alone", self.alone)
    }
    fn bind_like_a_server(&self) -> io::Result<()> {
        self.answer("bind_like_a_server", self.like_a_server)
    }
    fn is_reserved(&self) -> io::Result<bool> {
        self.answer("is_reserved", self.reserved)
    }
    fn is_answered(&self) -> io::Result<bool> {
        self.answer("is_answered", self.answered)
    }
    fn has_listener(&self) -> io::Result<bool> {
        self.answer("has_listener", self.listener)
    }
}

const IN_USE: Bind = Some(Err(ErrorKind::AddrInUse));
const BOUND: Bind = Some(Ok(()));
const NO: Answer = Some(Ok(false));
const YES: Answer = Some(Ok(true));
const UNKNOWN: Answer = Some(Err(ErrorKind::Other));

fn script((alone, like_a_server): (Bind, Bind)) -> Script {
    Script { alone, like_a_server, ..Script::default() }
}

#[test]
fn a_port_with_nothing_but_ended_connections_is_free() {
    let port = Script { answered: NO, listener: NO, ..script((IN_USE, BOUND)) };
    assert_eq!((occupancy(&port), port.looks.get()), (Occupancy::Free, 4));
}

#[test]
fn a_port_that_nothing_has_is_free_without_a_look_at_the_table() {
    let port = Script { answered: NO, ..script((BOUND, None)) };
    assert_eq!((occupancy(&port), port.looks.get()), (Occupancy::Free, 2));
}

#[test]
fn a_listener_on_one_of_the_four_addresses_is_found_without_a_look_at_the_table() {
    let port = Script { reserved: NO, ..script((IN_USE, IN_USE)) };
    assert_eq!((occupancy(&port), port.looks.get()), (Occupancy::Busy, 3));
}

#[test]
fn a_port_that_the_system_keeps_is_reserved_and_not_in_use() {
    let port = Script { reserved: YES, ..script((IN_USE, IN_USE)) };
    assert_eq!((occupancy(&port), port.looks.get()), (Occupancy::Reserved, 3));
}

#[test]
fn a_listener_on_another_address_makes_the_port_busy() {
    let answers = Script { answered: YES, ..script((IN_USE, BOUND)) };
    assert_eq!(occupancy(&answers), Occupancy::Busy, "as 0.0.0.0 beside 127.0.0.2");
    let only_in_the_table = Script { answered: NO, listener: YES, ..script((IN_USE, BOUND)) };
    assert_eq!(occupancy(&only_in_the_table), Occupancy::Busy, "as on the address of the network card");
}

#[test]
fn what_takes_connections_though_every_bind_succeeds_makes_the_port_busy() {
    assert_eq!(occupancy(&Script { answered: YES, ..script((BOUND, None)) }), Occupancy::Busy);
}

#[test]
fn a_port_that_may_not_be_had_is_denied_and_asked_about_no_further() {
    let port = script((Some(Err(ErrorKind::PermissionDenied)), None));
    assert_eq!((occupancy(&port), port.looks.get()), (Occupancy::Denied, 1));
}

#[test]
fn whatever_is_unknown_makes_the_port_busy() {
    for port in [
        script((Some(Err(ErrorKind::Other)), None)),
        Script { reserved: NO, ..script((IN_USE, Some(Err(ErrorKind::Other)))) },
        Script { reserved: UNKNOWN, ..script((IN_USE, Some(Err(ErrorKind::PermissionDenied)))) },
        Script { answered: UNKNOWN, ..script((BOUND, None)) },
        Script { answered: UNKNOWN, ..script((IN_USE, BOUND)) },
        Script { answered: NO, listener: UNKNOWN, ..script((IN_USE, BOUND)) },
    ] {
        assert_eq!(occupancy(&port), Occupancy::Busy);
    }
}
