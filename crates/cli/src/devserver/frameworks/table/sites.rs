//! Frameworks for pages, mostly on Node.js.

use super::{MOVES, P_PORT, PORT, PORT_P, ROW, VALUE};
use crate::devserver::frameworks::row::Framework;
use crate::devserver::frameworks::row::Twice::LastWins;
use crate::devserver::frameworks::row::Way::Flag;
use crate::devserver::frameworks::row::When::{self, Sub, Unless};

pub(super) const ROWS: &[Framework] = &[
    Framework {
        name: "Vite",
        commands: &["vite", "vp"],
        when: Unless(&["build", "optimize", "check", "lint", "test", "fmt", "lib"]),
        valued: &[
            "-m",
            "--mode",
            "-c",
            "--config",
            "--configLoader",
            "-l",
            "--logLevel",
            "-d",
            "--debug",
            "-f",
            "--filter",
            "--base",
            "--host",
            "--open",
            "--port",
        ],
        port: PORT,
        strict: &["--strictPort"],
        note: "also SvelteKit, SolidStart, TanStack Start, Qwik and others that are started with `vite dev`; a port of its own for HMR is set in its config",
        tried: "8.3.8",
        ..ROW
    },
    Framework {
        name: "Vitest UI",
        commands: &["vitest"],
        when: When::Flag(&["--ui", "--api", "--api.port"]),
        port: Flag { write: "--api.port", value: VALUE, also: &["--api"], twice: LastWins },
        strict: &["--api.strictPort"],
        note: "without `--ui` nothing is added: a test run needs no port",
        tried: "3.2.7",
        ..ROW
    },
    Framework {
        name: "Astro",
        commands: &["astro"],
        when: Sub(&["dev", "preview", "start"]),
        port: PORT,
        note: MOVES,
        tried: "5.18.2",
        ..ROW
    },
    Framework {
        name: "Angular",
        commands: &["ng", "@angular/cli"],
        when: Sub(&["serve", "s", "dev"]),
        port: PORT,
        ..ROW
    },
    Framework {
        name: "Nuxt",
        commands: &["nuxt", "nuxi"],
        when: Sub(&["dev", "preview", "start"]),
        port: PORT_P,
        env: &[("NUXT_PORT", "{port}"), ("NITRO_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "Next.js",
        commands: &["next"],
        when: Unless(&["build", "export", "info", "lint", "telemetry", "typegen", "upgrade"]),
        valued: &[
            "-p",
            "--port",
            "-H",
            "--hostname",
            "--keepAliveTimeout",
            "--experimental-https-key",
            "--experimental-https-cert",
            "--experimental-https-ca",
        ],
        port: P_PORT,
        more: &[super::INSPECTOR],
        note: "also reads PORT, but then moves to another port if it is taken; with `-p` it fails instead",
        tried: "16.4.6",
        ..ROW
    },
    Framework {
        name: "React Router, Remix",
        commands: &["react-router", "remix"],
        when: Sub(&["dev", "vite:dev"]),
        port: PORT,
        strict: &["--strictPort"],
        note: "`react-router-serve` and `remix-serve` read PORT",
        ..ROW
    },
    Framework {
        name: "SvelteKit",
        commands: &["svelte-kit"],
        when: Sub(&["dev", "preview"]),
        port: PORT_P,
        note: "before 1.0; later versions are started with `vite dev`",
        ..ROW
    },
    Framework {
        name: "Storybook",
        commands: &["storybook"],
        when: Sub(&["dev"]),
        port: P_PORT,
        strict: &["--exact-port", "--ci"],
        service: "storybook",
        note: "without `--ci` it asks before it takes another port; with `--ci` it does not open a browser",
        tried: "10.6.7",
        ..ROW
    },
    Framework {
        name: "Storybook 6",
        commands: &["start-storybook"],
        port: P_PORT,
        strict: &["--ci"],
        service: "storybook",
        ..ROW
    },
    Framework {
        name: "Storybook, by styxy-storybook",
        commands: &["styxy-storybook"],
        when: Sub(&["dev"]),
        service: "storybook",
        note: "it asks for the lease itself and gets the one of `styxy run`",
        ..ROW
    },
    Framework {
        name: "Ladle",
        commands: &["ladle", "@ladle/react"],
        when: Sub(&["serve", "dev", "preview"]),
        port: PORT_P,
        service: "storybook",
        note: "its HMR has another port, which it chooses by itself; `hmrPort` in its config sets it",
        tried: "5.1.1",
        ..ROW
    },
    Framework {
        name: "Vinxi",
        commands: &["vinxi"],
        when: Sub(&["dev", "start"]),
        port: PORT,
        note: "SolidStart and TanStack Start before they were started with `vite dev`",
        ..ROW
    },
    Framework {
        name: "Slidev",
        commands: &["slidev", "@slidev/cli"],
        when: Unless(&["build", "export", "export-notes", "format", "mcp", "theme"]),
        valued: &["-t", "--theme", "-p", "--port", "--log", "--bind", "--base"],
        port: PORT_P,
        tried: "52.20.1",
        ..ROW
    },
];
