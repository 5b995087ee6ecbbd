//! Bundlers, site generators and file servers of JavaScript.

use super::{MOVES, PORT, PORT_ONCE, PORT_P, PORT_P_ONCE, ROW, VALUE};
use crate::devserver::frameworks::row::Twice::Wrong;
use crate::devserver::frameworks::row::Way::{Flag, InFlag, Joined};
use crate::devserver::frameworks::row::When::{self, Sub, Unless};
use crate::devserver::frameworks::row::{Framework, Second};

pub(super) const ROWS: &[Framework] = &[
    Framework {
        name: "webpack-dev-server",
        commands: &["webpack", "webpack-cli"],
        when: Sub(&["serve", "server", "s"]),
        port: PORT,
        tried: "5.112.2",
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
        tried: "2.3.2",
        ..ROW
    },
    Framework {
        name: "Rspack",
        commands: &["rspack", "@rspack/cli"],
        when: Sub(&["serve", "server", "s", "dev", "preview"]),
        port: PORT,
        tried: "2.3.3",
        ..ROW
    },
    Framework {
        name: "Vue CLI",
        commands: &["vue-cli-service"],
        when: Sub(&["serve"]),
        port: PORT_ONCE,
        note: MOVES,
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
        more: &[Second {
            service: "reload",
            default: 24678,
            when: When::Flag(&["--hmr-port"]),
            port: InFlag(&["--hmr-port"]),
            env: &[],
        }],
        tried: "2.16.4",
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
        tried: "3.1.8",
        ..ROW
    },
    Framework {
        name: "VitePress",
        commands: &["vitepress"],
        when: Unless(&["build", "init"]),
        valued: &["--base", "--outDir", "--host", "--port", "--open"],
        port: PORT_ONCE,
        strict: &["--strictPort"],
        tried: "1.6.4",
        ..ROW
    },
    Framework {
        name: "Wrangler",
        commands: &["wrangler"],
        when: Sub(&["dev", "pages dev"]),
        port: PORT_ONCE,
        more: &[Second {
            service: "inspector",
            default: 9229,
            when: When::Always,
            port: Flag { write: "--inspector-port", value: VALUE, also: &[], twice: Wrong },
            env: &[],
        }],
        tried: "4.86.0",
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
        port: Flag { write: "-p", value: VALUE, also: &["--port"], twice: Wrong },
        tried: "14.1.1",
        ..ROW
    },
    Framework {
        name: "serve",
        commands: &["serve"],
        port: Flag { write: "-l", value: VALUE, also: &["--listen", "-p"], twice: Wrong },
        strict: &["--no-port-switching"],
        tried: "14.2.7",
        ..ROW
    },
    Framework { name: "json-server", commands: &["json-server"], port: PORT_P_ONCE, tried: "0.17.4", ..ROW },
    Framework {
        name: "Browsersync",
        commands: &["browser-sync"],
        when: Unless(&["init", "reload", "recipe"]),
        valued: &["-p", "--proxy", "-f", "--files", "--port", "-b", "--browser", "-c", "--config", "--cwd"],
        port: PORT_ONCE,
        more: &[Second {
            service: "ui",
            default: 3001,
            when: When::NoFlag(&["--no-ui"]),
            port: Flag { write: "--ui-port", value: VALUE, also: &[], twice: Wrong },
            env: &[],
        }],
        note: MOVES,
        tried: "3.0.4",
        ..ROW
    },
    Framework {
        name: "live-server",
        commands: &["live-server"],
        port: Joined(&["--port"]),
        note: MOVES,
        tried: "1.2.2",
        ..ROW
    },
    Framework {
        name: "Web Dev Server",
        commands: &["web-dev-server", "wds", "@web/dev-server"],
        port: PORT_P_ONCE,
        tried: "0.4.6",
        ..ROW
    },
    Framework {
        name: "Rspress",
        commands: &["rspress"],
        when: Sub(&["dev", "preview"]),
        port: PORT,
        note: MOVES,
        tried: "1.47.2",
        ..ROW
    },
];
