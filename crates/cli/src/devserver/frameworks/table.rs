//! The table: data only. A row is a tool, or several that get their port in the same way. `docs/FRAMEWORKS.md` is
//! generated from it.

use super::row::Framework;
use super::row::Twice::{LastWins, Wrong};
use super::row::Way::{self, Env, Flag, InFlag, Word};
use super::row::When::{self, Always, Sub, Unless};

/// What most rows share.
const ROW: Framework = Framework {
    name: "",
    commands: &[],
    when: Always,
    valued: &[],
    port: Env,
    strict: &[],
    env: &[],
    service: "dev",
    note: "",
};
const PORT: Way = Flag { write: "--port", also: &[], twice: LastWins };
const PORT_P: Way = Flag { write: "--port", also: &["-p"], twice: LastWins };
const PORT_P_ONCE: Way = Flag { write: "--port", also: &["-p"], twice: Wrong };
const PORT_ONCE: Way = Flag { write: "--port", also: &[], twice: Wrong };

pub(super) const TABLE: &[Framework] = &[
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
        note: "also SvelteKit, SolidStart, Qwik and others that are started with `vite dev`",
        ..ROW
    },
    Framework {
        name: "Vitest UI",
        commands: &["vitest"],
        when: When::Flag(&["--ui", "--api", "--api.port"]),
        port: Flag { write: "--api.port", also: &["--api"], twice: LastWins },
        strict: &["--api.strictPort"],
        note: "without `--ui` nothing is added: a test run needs no port",
        ..ROW
    },
    Framework {
        name: "Astro",
        commands: &["astro"],
        when: Sub(&["dev", "preview", "start"]),
        port: PORT,
        note: "moves to another port by itself if a program that does not use Styxy has it",
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
        port: Flag { write: "-p", also: &["--port"], twice: LastWins },
        note: "also reads PORT, but then moves to another port if it is taken; with `-p` it fails instead",
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
        port: Flag { write: "-p", also: &["--port"], twice: LastWins },
        strict: &["--exact-port", "--ci"],
        service: "storybook",
        note: "without `--ci` it asks before it takes another port; with `--ci` it does not open a browser",
        ..ROW
    },
    Framework {
        name: "Storybook 6",
        commands: &["start-storybook"],
        port: Flag { write: "-p", also: &["--port"], twice: LastWins },
        strict: &["--ci"],
        service: "storybook",
        ..ROW
    },
    Framework {
        name: "webpack-dev-server",
        commands: &["webpack", "webpack-cli"],
        when: Sub(&["serve", "server", "s"]),
        port: PORT,
        ..ROW
    },
    Framework { name: "webpack-dev-server, by itself", commands: &["webpack-dev-server"], port: PORT, ..ROW },
    Framework {
        name: "Rsbuild",
        commands: &["rsbuild"],
        when: Unless(&["build", "inspect"]),
        valued: &[
            "-c",
            "--config",
            "--config-loader",
            "-r",
            "--root",
            "-m",
            "--mode",
            "--env-mode",
            "--env-dir",
            "--environment",
            "--base",
            "--host",
            "--port",
            "--open",
            "-o",
            "--log-level",
        ],
        port: PORT,
        ..ROW
    },
    Framework {
        name: "Rspack",
        commands: &["rspack", "@rspack/cli"],
        when: Sub(&["serve", "server", "s", "dev", "preview"]),
        port: PORT,
        ..ROW
    },
    Framework {
        name: "Vue CLI",
        commands: &["vue-cli-service"],
        when: Sub(&["serve"]),
        port: PORT_ONCE,
        note: "moves to another port by itself if a program that does not use Styxy has it",
        ..ROW
    },
    Framework {
        name: "Parcel",
        commands: &["parcel"],
        when: Unless(&["build", "watch", "help"]),
        valued: &[
            "--target",
            "--config",
            "--dist-dir",
            "--public-url",
            "--cache-dir",
            "--watch-dir",
            "--log-level",
            "--reporter",
            "--host",
            "-p",
            "--port",
            "--hmr-port",
            "--hmr-host",
            "--cert",
            "--key",
            "--open",
        ],
        port: PORT_P,
        ..ROW
    },
    Framework {
        name: "Gatsby",
        commands: &["gatsby"],
        when: Sub(&["develop", "serve"]),
        port: PORT_P_ONCE,
        ..ROW
    },
    Framework {
        name: "Docusaurus",
        commands: &["docusaurus"],
        when: Sub(&["start", "serve"]),
        port: PORT_P,
        ..ROW
    },
    Framework {
        name: "Eleventy",
        commands: &["eleventy", "@11ty/eleventy"],
        when: When::Flag(&["--serve"]),
        port: PORT_ONCE,
        ..ROW
    },
    Framework {
        name: "VitePress",
        commands: &["vitepress"],
        when: Unless(&["build", "init"]),
        valued: &["--base", "--outDir", "--host", "--port", "--open"],
        port: PORT_ONCE,
        strict: &["--strictPort"],
        ..ROW
    },
    Framework {
        name: "Wrangler",
        commands: &["wrangler"],
        when: Sub(&["dev", "pages dev"]),
        port: PORT_ONCE,
        note: "its inspector listens on another port, which it chooses by itself; `--inspector-port` sets it",
        ..ROW
    },
    Framework {
        name: "Expo",
        commands: &["expo"],
        when: Sub(&["start"]),
        port: PORT_P_ONCE,
        env: &[("RCT_METRO_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "React Native",
        commands: &["react-native"],
        when: Sub(&["start"]),
        port: PORT,
        env: &[("RCT_METRO_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "http-server",
        commands: &["http-server"],
        port: Flag { write: "-p", also: &["--port"], twice: Wrong },
        ..ROW
    },
    Framework {
        name: "serve",
        commands: &["serve"],
        port: Flag { write: "-l", also: &["--listen", "-p"], twice: Wrong },
        strict: &["--no-port-switching"],
        ..ROW
    },
    Framework { name: "json-server", commands: &["json-server"], port: PORT_P_ONCE, ..ROW },
    Framework {
        name: "Django",
        commands: &["manage.py", "django-admin", "django"],
        when: Sub(&["runserver"]),
        valued: &["-v", "--verbosity", "--settings", "--pythonpath"],
        port: Word,
        note: "an address in your command is kept: `runserver 0.0.0.0:8000`",
        ..ROW
    },
    Framework {
        name: "Flask",
        commands: &["flask"],
        when: Sub(&["run"]),
        port: PORT_P,
        env: &[("FLASK_RUN_PORT", "{port}")],
        ..ROW
    },
    Framework { name: "FastAPI", commands: &["fastapi"], when: Sub(&["dev", "run"]), port: PORT, ..ROW },
    Framework {
        name: "Uvicorn",
        commands: &["uvicorn"],
        port: PORT,
        env: &[("UVICORN_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "Rails",
        commands: &["rails"],
        when: Sub(&["server", "s"]),
        port: Flag { write: "-p", also: &["--port"], twice: LastWins },
        ..ROW
    },
    Framework {
        name: "PHP",
        commands: &["php"],
        when: When::Flag(&["-S"]),
        port: InFlag("-S"),
        note: "an address in your command is kept: `-S localhost:8000`",
        ..ROW
    },
    Framework { name: "Laravel", commands: &["artisan"], when: Sub(&["serve"]), port: PORT, ..ROW },
    Framework {
        name: "Hugo",
        commands: &["hugo"],
        when: Sub(&["server", "serve"]),
        port: PORT_P,
        note: "moves to another port by itself if a program that does not use Styxy has it",
        ..ROW
    },
    Framework {
        name: "Jekyll",
        commands: &["jekyll"],
        when: Sub(&["serve", "server", "s"]),
        port: Flag { write: "--port", also: &["-P"], twice: LastWins },
        ..ROW
    },
    Framework {
        name: "Python's http.server",
        commands: &["http.server"],
        valued: &["-b", "--bind", "-d", "--directory", "-p", "--protocol"],
        port: Word,
        ..ROW
    },
    Framework {
        name: "cargo-leptos",
        commands: &["cargo-leptos"],
        when: Sub(&["watch", "serve", "end-to-end"]),
        env: &[("LEPTOS_SITE_ADDR", "127.0.0.1:{port}")],
        note: "its live reload listens on another port: LEPTOS_RELOAD_PORT",
        ..ROW
    },
    Framework {
        name: "Trunk",
        commands: &["trunk"],
        when: Sub(&["serve"]),
        port: PORT_ONCE,
        env: &[("TRUNK_SERVE_PORT", "{port}")],
        ..ROW
    },
];
