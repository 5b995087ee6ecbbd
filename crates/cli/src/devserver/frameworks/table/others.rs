//! Ruby, PHP, Go, Rust, the JVM and .NET.

use super::{MOVES, P_PORT, PORT, PORT_ONCE, PORT_P, PORT_P_ONCE, ROW, VALUE};
use crate::devserver::frameworks::row::Twice::{LastWins, Wrong};
use crate::devserver::frameworks::row::Way::{Env, Flag, InFlag};
use crate::devserver::frameworks::row::When::{self, Sub, Task};
use crate::devserver::frameworks::row::{Framework, Second};

pub(super) const ROWS: &[Framework] = &[
    Framework {
        name: "Rails",
        commands: &["rails"],
        when: Sub(&["server", "s"]),
        port: P_PORT,
        note: "`bin/dev` reads PORT and hands it on",
        ..ROW
    },
    Framework {
        name: "Puma",
        commands: &["puma"],
        port: Flag { write: "-p", value: VALUE, also: &["--port", "-b", "--bind"], twice: Wrong },
        tried: "5.6.5",
        ..ROW
    },
    Framework { name: "rackup", commands: &["rackup"], port: P_PORT, tried: "2.2.22", ..ROW },
    Framework {
        name: "PHP",
        commands: &["php"],
        when: When::Flag(&["-S"]),
        port: InFlag(&["-S"]),
        note: "an address in your command is kept: `-S localhost:8000`",
        tried: "8.2.36",
        ..ROW
    },
    Framework { name: "Laravel", commands: &["artisan"], when: Sub(&["serve"]), port: PORT, ..ROW },
    Framework {
        name: "Hugo",
        commands: &["hugo"],
        when: Sub(&["server", "serve"]),
        port: PORT_P,
        note: MOVES,
        tried: "0.168.0",
        ..ROW
    },
    Framework {
        name: "Jekyll",
        commands: &["jekyll"],
        when: Sub(&["serve", "server", "s"]),
        port: Flag { write: "--port", value: VALUE, also: &["-P"], twice: LastWins },
        more: &[Second {
            service: "reload",
            default: 35729,
            when: When::Flag(&["--livereload", "-l"]),
            port: Flag { write: "--livereload-port", value: VALUE, also: &[], twice: LastWins },
            env: &[],
        }],
        tried: "4.3.1",
        ..ROW
    },
    Framework {
        name: "cargo-leptos",
        commands: &["cargo-leptos"],
        when: Sub(&["watch", "serve", "end-to-end"]),
        env: &[("LEPTOS_SITE_ADDR", "127.0.0.1:{port}")],
        more: &[Second {
            service: "reload",
            default: 3001,
            when: When::Always,
            port: Env,
            env: &[("LEPTOS_RELOAD_PORT", "{port}")],
        }],
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
    Framework {
        name: "Zola",
        commands: &["zola"],
        when: Sub(&["serve"]),
        port: PORT_P_ONCE,
        note: "its live reload has another port, which it chooses by itself",
        ..ROW
    },
    Framework {
        name: "Caddy",
        commands: &["caddy"],
        when: Sub(&["run"]),
        more: &[CADDY_ADMIN],
        note: "a Caddyfile names the port: `:{$PORT}`; `caddy reload` needs `--address localhost:$STYXY_ADMIN_PORT`",
        tried: "2.11.7",
        ..ROW
    },
    Framework {
        name: "Caddy's file server",
        commands: &["caddy"],
        when: Sub(&["file-server", "respond"]),
        port: Flag { write: "--listen", value: ":{port}", also: &["-l"], twice: LastWins },
        tried: "2.11.7",
        ..ROW
    },
    Framework {
        name: "Phoenix",
        commands: &["mix"],
        when: Sub(&["phx.server"]),
        note: "the config of projects before Phoenix 1.8 names 4000: write `port: String.to_integer(System.get_env(\"PORT\") || \"4000\")` there",
        ..ROW
    },
    Framework {
        name: "Spring Boot",
        commands: &["mvn", "mvnw", "gradle", "gradlew"],
        when: Task(&["spring-boot:run", "spring-boot-maven-plugin:run", "bootRun", "bootTestRun"]),
        port: InFlag(&["--args=--server.port", "-Dspring-boot.run.arguments=--server.port"]),
        env: &[("SERVER_PORT", "{port}")],
        note: "the debugger of `bootRun --debug-jvm` has port 5005, which only the build file can change",
        ..ROW
    },
    Framework {
        name: "Quarkus",
        commands: &["mvn", "mvnw", "gradle", "gradlew"],
        when: Task(&["quarkus:dev", "quarkusDev"]),
        port: InFlag(&["-Dquarkus.http.port"]),
        env: &[("QUARKUS_HTTP_PORT", "{port}")],
        note: "its debugger has another port; `-Ddebug=PORT` sets it",
        ..ROW
    },
    Framework {
        name: ".NET",
        commands: &["dotnet"],
        when: Sub(&["run", "watch"]),
        port: Flag { write: "--urls", value: "http://localhost:{port}", also: &[], twice: LastWins },
        env: &[("ASPNETCORE_URLS", "http://localhost:{port}")],
        note: "the addresses in launchSettings.json count for more than the variable, and `--urls` for more than they",
        ..ROW
    },
];

/// The administration interface of Caddy.
const CADDY_ADMIN: Second = Second {
    service: "admin",
    default: 2019,
    when: When::Always,
    port: Env,
    env: &[("CADDY_ADMIN", "localhost:{port}")],
};
