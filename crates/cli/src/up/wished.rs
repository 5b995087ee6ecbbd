//! Which port a service wishes for, and when another wish than before starts it again (R149).

use serde::{Deserialize, Serialize};
use styxy_core::Port;

/// What says on which port a service is to be. Where it is, is another matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wished {
    pub(crate) written: Written,
    /// `PORT` of the `styxy up` that asks. It is for that one, and nobody remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) now: Option<Port>,
}

/// What files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Written {
    Any,
    /// A script that all checkouts have: the ports that this one had come first.
    Usual(Port),
    Wish(Port),
}

impl Written {
    const fn port(self) -> Option<Port> {
        match self {
            Self::Any => None,
            Self::Usual(port) | Self::Wish(port) => Some(port),
        }
    }
}

impl Wished {
    /// The port for which a service on `port` is to leave that one. A wish that is still the one that it was started with has had its
    /// answer then, and one that is gone wishes for nothing. `before` is unknown where an older version has started it.
    pub(crate) fn instead_of(self, port: Port, before: Option<Self>) -> Option<Port> {
        let is_new = |wish: &Port| before.is_some_and(|before| before.written.port() != Some(*wish));
        let written = match self.written {
            Written::Wish(wish) => Some(wish).filter(is_new),
            Written::Any | Written::Usual(_) => None,
        };
        self.now.or(written).filter(|wish| *wish != port)
    }

    /// What is to be remembered of it.
    pub(crate) const fn lasting(self) -> Self {
        Self { now: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn written(written: Written) -> Wished {
        Wished { written, now: None }
    }

    #[test]
    fn a_service_leaves_its_port_for_a_wish_of_now_and_for_one_that_is_new_in_a_file() {
        let (old, new, at) = (port(3456), port(3999), port(8010));
        let wish = |number| written(Written::Wish(number));
        for before in [written(Written::Any), wish(old), written(Written::Usual(old))] {
            assert_eq!(wish(new).instead_of(at, Some(before)), Some(new), "{before:?}");
            assert_eq!(wish(new).instead_of(new, Some(before)), None, "it is there already");
        }
        assert_eq!(wish(new).instead_of(at, Some(wish(new))), None, "it was taken when it was started");
        assert_eq!(
            wish(new).instead_of(at, Some(written(Written::Usual(new)))),
            None,
            "styxy init writes it"
        );
        assert_eq!(wish(new).instead_of(at, None), None, "an older version has not said");
        for gone in [Written::Any, Written::Usual(new)] {
            assert_eq!(written(gone).instead_of(at, Some(wish(old))), None, "{gone:?}");
        }
        let now = Wished { now: Some(new), ..wish(old) };
        assert_eq!(now.instead_of(at, Some(wish(old))), Some(new));
        assert_eq!(now.instead_of(at, None), Some(new));
        assert_eq!(wish(old).instead_of(new, Some(now.lasting())), None, "it stays where it was wished to");
    }
}
