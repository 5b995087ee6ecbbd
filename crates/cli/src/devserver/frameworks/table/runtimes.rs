//! Runtimes that start a program of the project's own: its server reads `PORT`, and their inspector is a further port.

use super::{INSPECT, INSPECTOR, ROW, VALUE};
use crate::devserver::frameworks::row::Twice::Wrong;
use crate::devserver::frameworks::row::Way::{Flag, InFlag, Joined};
use crate::devserver::frameworks::row::When::{self, Sub};
use crate::devserver::frameworks::row::{Framework, Place, Second};

pub(super) const ROWS: &[Framework] = &[
    Framework {
        name: "Node.js",
        commands: &["node", "nodejs", "tsx", "ts-node", "ts-node-dev", "tsnd"],
        when: When::Flag(INSPECT),
        more: &[INSPECTOR],
        note: "without an inspector it needs nothing but PORT",
        tried: "20.20.2",
        ..ROW
    },
    Framework {
        name: "Deno's serve",
        commands: &["deno"],
        when: Sub(&["serve"]),
        port: Flag { write: "--port", value: VALUE, also: &[], twice: Wrong },
        place: Place::AfterFirst,
        more: &[DENO_INSPECTOR],
        tried: "2.9.6",
        ..ROW
    },
    Framework {
        name: "Deno",
        commands: &["deno"],
        when: Sub(&["run"]),
        more: &[DENO_INSPECTOR],
        note: "a program that does not read PORT gets it with `DENO_SERVE_ADDRESS=tcp:127.0.0.1:$PORT`",
        ..ROW
    },
    Framework {
        name: "Bun",
        commands: &["bun"],
        when: When::Flag(INSPECT),
        more: &[Second { default: 6499, port: Joined(INSPECT), env: &[], ..INSPECTOR }],
        tried: "1.4.5",
        ..ROW
    },
    Framework {
        name: "debugpy",
        commands: &["debugpy"],
        when: When::Flag(&["--listen"]),
        more: &[Second {
            service: "inspector",
            default: 5678,
            when: When::Always,
            port: InFlag(&["--listen"]),
            env: &[],
        }],
        note: "the server behind it gets its port as without it",
        tried: "1.8.22",
        ..ROW
    },
];

/// The inspector of Deno, which no variable moves.
const DENO_INSPECTOR: Second = Second { port: Joined(INSPECT), env: &[], ..INSPECTOR };
