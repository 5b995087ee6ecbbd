//! What starts a server again when it ends: the manager, the watcher or the loop of a shell above its process, its systemd
//! unit, or its container.
//!
//! Only Linux is asked. Elsewhere nobody is known to.
#![cfg_attr(
    not(any(target_os = "linux", test)),
    expect(dead_code, reason = "the terminal and the control group of a process are known on Linux only")
)]

use styxy_core::api::{Again, Manager, SystemUsage};

/// What starts this server again, as far as that is known.
pub(crate) fn of(usage: &SystemUsage) -> Option<Manager> {
    let pid = usage.pid?.get();
    // In a container or a sandbox the number may be another process'. The kernel cuts names.
    let is_it =
        usage.process.as_deref().zip(native::name(pid)).is_some_and(|(name, cut)| name.starts_with(&cut));
    if is_it && usage.container.is_none() { native::of(pid) } else { None }
}

/// The process above this server's, if it is the one of a program that runs: its pid and its name.
pub(crate) fn parent(usage: &SystemUsage) -> Option<(u32, String)> {
    let parent = native::parent(usage.pid?.get())?;
    Some((parent, native::name(parent)?))
}

/// A manager that is known by its program: the first words of its command line.
struct Known {
    /// The program, or the script that an interpreter runs.
    program: &'static str,
    /// A word that must follow.
    word: Option<&'static str>,
    again: Again,
}

const KNOWN: &[Known] = &[
    Known { program: "nodemon", word: None, again: Again::OnChange },
    Known { program: "node", word: Some("--watch"), again: Again::OnChange },
    Known { program: "tsx", word: Some("watch"), again: Again::OnChange },
    Known { program: "ts-node-dev", word: None, again: Again::OnChange },
    Known { program: "node-dev", word: None, again: Again::OnChange },
    Known { program: "watchexec", word: None, again: Again::OnChange },
    Known { program: "cargo-watch", word: None, again: Again::OnChange },
    Known { program: "reflex", word: None, again: Again::OnChange },
    Known { program: "entr", word: None, again: Again::OnChange },
    Known { program: "air", word: None, again: Again::OnChange },
    Known { program: "watchmedo", word: None, again: Again::OnChange },
    Known { program: "dotnet", word: Some("watch"), again: Again::OnChange },
    Known { program: "PM2", word: None, again: Again::AtOnce },
    Known { program: "pm2", word: None, again: Again::AtOnce },
    Known { program: "pm2-runtime", word: None, again: Again::AtOnce },
    Known { program: "supervisord", word: None, again: Again::AtOnce },
    Known { program: "forever", word: None, again: Again::AtOnce },
    Known { program: "runsv", word: None, again: Again::AtOnce },
    Known { program: "s6-supervise", word: None, again: Again::AtOnce },
];

/// The programs that run a script, which then is the program that counts.
const INTERPRETERS: [&str; 9] = ["node", "nodejs", "bun", "deno", "python", "python3", "ruby", "sh", "bash"];

/// The manager with this command line, and how it is called.
fn known(words: &[String]) -> Option<(&'static Known, String)> {
    let program = stem(words.first()?);
    let rest = &words[1..];
    let row = |name: &str, rest: &[String]| {
        // A flag of the program's own comes before its script, and a subcommand is the first word.
        let own = rest.iter().position(|arg| !arg.starts_with('-'));
        let follows = |word: &str| match own {
            _ if word.starts_with('-') => {
                rest[..own.unwrap_or(rest.len())].iter().any(|arg| arg.starts_with(word))
            }
            Some(at) => rest[at] == word,
            None => false,
        };
        let fits = |known: &&Known| known.program == name && known.word.is_none_or(follows);
        KNOWN.iter().find(fits)
    };
    let interpreter = program.split('.').next().unwrap_or(program);
    let of_script = || {
        let at = rest
            .iter()
            .position(|word| !word.starts_with('-'))
            .filter(|_| INTERPRETERS.contains(&interpreter))?;
        let script = &rest[at];
        // `node_modules/nodemon/bin/nodemon.js`, `node_modules/tsx/dist/cli.mjs`
        let package = script.rsplit_once("node_modules/").and_then(|(_, path)| path.split('/').next());
        let name = stem(script);
        let name = name.strip_suffix(".js").unwrap_or(name);
        row(name, &rest[at + 1..]).or_else(|| row(package?, &rest[at + 1..]))
    };
    let found = row(program, rest).or_else(of_script)?;
    let called = match found.word {
        Some(word) => format!("{} {word}", found.program),
        None => found.program.to_ascii_lowercase(),
    };
    Some((found, called))
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What people log in by, and the applications of a desktop, start what people type.
const BY_HAND: [&str; 12] = [
    "user@",
    "app-",
    "ssh",
    "cron",
    "atd",
    "getty@",
    "serial-getty@",
    "gdm",
    "sddm",
    "lightdm",
    "gnome-terminal",
    "tmux",
];

/// The systemd unit or the container that a process is in, by its line in /proc.
fn of_cgroup(text: &str) -> Option<Manager> {
    // The line of systemd's own hierarchy, or of the only one.
    let path = text.lines().find_map(|line| match line.splitn(3, ':').collect::<Vec<_>>()[..] {
        ["0", "", path] | [_, "name=systemd", path] if path.len() > 1 => Some(path),
        _ => None,
    })?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.last()?;
    let as_set = |name: &str, unit: String, stop: String| {
        Some(Manager {
            name: name.to_owned(),
            pid: None,
            unit: Some(unit),
            again: Again::AsSet,
            stop: Some(stop),
        })
    };
    let id = last.strip_suffix(".scope").unwrap_or(last);
    for (engine, prefix) in [("docker", "docker-"), ("podman", "libpod-")] {
        let id = id.strip_prefix(prefix).or((parts.iter().rev().nth(1) == Some(&engine)).then_some(id));
        if let Some(short) = id.filter(|id| id.len() == 64).and_then(|id| id.get(..12)) {
            return as_set(engine, short.to_owned(), format!("{engine} stop {short}"));
        }
    }
    let unit = parts.iter().rev().find(|part| part.ends_with(".service"))?;
    if BY_HAND.iter().any(|prefix| unit.starts_with(prefix)) || *last != *unit {
        return None;
    }
    let user = parts.iter().any(|part| part.starts_with("user@"));
    as_set(
        "systemd",
        (*unit).to_owned(),
        format!("systemctl {}stop {unit}", if user { "--user " } else { "" }),
    )
}

/// What the manager calls the server, and what to type so that it is not started again. `variable` reads the server's
/// environment.
fn manager(
    known: &Known,
    called: String,
    pid: u32,
    words: &[String],
    variable: impl Fn(&str) -> Option<String>,
) -> Manager {
    let (unit, stop) = match known.program {
        "PM2" | "pm2" => {
            let id = variable("pm_id");
            (id.clone(), id.map(|id| format!("pm2 stop {id}")))
        }
        "supervisord" => {
            let name = variable("SUPERVISOR_PROCESS_NAME");
            let group = variable("SUPERVISOR_GROUP_NAME").filter(|group| Some(group) != name.as_ref());
            let unit = name.map(|name| group.map_or_else(|| name.clone(), |group| format!("{group}:{name}")));
            (unit.clone(), unit.map(|unit| format!("supervisorctl stop {unit}")))
        }
        "runsv" => {
            let name = words.get(1).cloned();
            (name.clone(), name.map(|name| format!("sv down {name}")))
        }
        // It would be started by its own parent again.
        "s6-supervise" => (words.get(1).cloned(), None),
        _ => (None, Some(format!("kill {pid}"))),
    };
    let is_plain = |text: &String| {
        text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.:@ ".contains(letter))
    };
    Manager {
        name: called,
        pid: styxy_core::Pid::new(pid),
        unit: unit.filter(is_plain),
        again: known.again,
        // What another program calls itself must not become a command of another kind.
        stop: stop.filter(is_plain),
    }
}

#[cfg(target_os = "linux")]
mod native {
    use std::fs;
    use std::io::Read;
    use std::path::Path;

    use styxy_client::agents::Agent;
    use styxy_client::process::{self, Stat};
    use styxy_core::Pid;
    use styxy_core::api::Again;

    use super::{Manager, known, manager, of_cgroup};
    use crate::devserver::repeats::{self, Text};

    /// How much of a script is read.
    const LONG: u64 = 64 * 1024;

    /// Deeper than any server below its manager. It also ends the walk if the process tree changes during it.
    const FAR: usize = 16;

    pub(super) fn of(pid: u32) -> Option<Manager> {
        let variable = |name: &str| {
            let all = fs::read(format!("/proc/{pid}/environ")).ok()?;
            let all = String::from_utf8_lossy(&all);
            all.split('\0').find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
        };
        // A terminal between the two: whoever types there starts the server, and not what is above.
        let terminal = Stat::of(pid).ok()?.terminal;
        let above = std::iter::successors(parent(pid), |pid| parent(*pid)).take(FAR);
        let mut child = pid;
        let is_there = |above: &u32| Stat::of(*above).is_ok_and(|stat| stat.terminal == terminal);
        for above in above.take_while(is_there) {
            let words = words(above);
            // So does an agent.
            if Agent::of(words.iter().map(String::as_str)).is_some() {
                return None;
            }
            if let Some((row, called)) = known(&words) {
                return Some(manager(row, called, above, &words, variable));
            }
            if repeats(above, &words, child) {
                return Some(Manager {
                    name: "shell loop".to_owned(),
                    pid: styxy_core::Pid::new(above),
                    unit: None,
                    again: Again::NextRound,
                    stop: Some(format!("kill {above}")),
                });
            }
            child = above;
        }
        of_cgroup(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?).filter(|_| terminal == 0)
    }

    fn words(pid: u32) -> Vec<String> {
        process::words(pid).unwrap_or_default()
    }

    /// Whether this is a shell in whose text a loop starts `child` again.
    fn repeats(shell: u32, words: &[String], child: u32) -> bool {
        let child = self::words(child);
        match repeats::text(words) {
            Some(Text::Typed(text)) => repeats::repeats(text, &child),
            Some(Text::File(path)) => script(shell, path).is_some_and(|text| repeats::repeats(&text, &child)),
            None => false,
        }
    }

    /// The beginning of a script, by its path as the shell sees it.
    fn script(shell: u32, path: &str) -> Option<String> {
        let path = Path::new("/proc").join(shell.to_string()).join("cwd").join(path);
        // Nothing waits for whoever writes to a pipe.
        let file =
            path.metadata().ok().filter(fs::Metadata::is_file).and_then(|_| fs::File::open(path).ok())?;
        let mut text = Vec::new();
        file.take(LONG).read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn parent(pid: u32) -> Option<u32> {
        Stat::of(pid).ok()?.parent.map(Pid::get).filter(|parent| *parent > 1)
    }

    pub(super) fn name(pid: u32) -> Option<String> {
        Stat::of(pid).ok().map(|stat| stat.name)
    }
}

/// No other system tells it cheaply.
#[cfg(not(target_os = "linux"))]
mod native {
    use super::Manager;

    pub(super) const fn of(_: u32) -> Option<Manager> {
        None
    }
    pub(super) const fn parent(_: u32) -> Option<u32> {
        None
    }
    pub(super) const fn name(_: u32) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_manager_is_known_by_its_program_or_its_script() {
        for (line, expected) in [
            ("node /usr/bin/nodemon server.js", Some("nodemon")),
            ("/usr/bin/node /w/app/node_modules/.bin/nodemon server.js", Some("nodemon")),
            ("node /w/app/node_modules/nodemon/bin/nodemon.js --exec x", Some("nodemon")),
            ("node --watch server.js", Some("node --watch")),
            ("node --inspect --watch-path=src server.js", Some("node --watch")),
            ("node server.js --watch", None),
            ("node /w/node_modules/tsx/dist/cli.mjs watch server.ts", Some("tsx watch")),
            ("node /w/node_modules/tsx/dist/cli.mjs server.ts", None),
            ("PM2 v6.0.8: God Daemon (/home/ada/.pm2)", Some("pm2")),
            ("/usr/bin/python3 /usr/bin/supervisord -n", Some("supervisord")),
            ("python3.12 /usr/bin/supervisord", Some("supervisord")),
            ("runsv shop", Some("runsv")),
            ("air", Some("air")),
            ("dotnet watch run", Some("dotnet watch")),
            ("bash", None),
            ("vim nodemon", None),
            ("node server.js nodemon", None),
            ("npm run dev", None),
        ] {
            let found = known(&words(line)).map(|(_, called)| called);
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_unit_and_a_container_are_known_by_the_control_group() {
        let id = "0123456789ab".to_owned() + &"c".repeat(52);
        for (path, expected) in [
            ("/system.slice/shop.service", Some("systemctl stop shop.service")),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service",
                Some("systemctl --user stop shop.service"),
            ),
            ("/user.slice/user-1000.slice/session-3.scope", None),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.kde.konsole@1.service", None),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope", None),
            ("/system.slice/ssh.service", None),
            ("/system.slice/cron.service", None),
            ("/system.slice/docker.service/sub", None),
            (&format!("/system.slice/docker-{id}.scope"), Some("docker stop 0123456789ab")),
            (&format!("/docker/{id}"), Some("docker stop 0123456789ab")),
            (&format!("/machine.slice/libpod-{id}.scope"), Some("podman stop 0123456789ab")),
            ("/", None),
        ] {
            let found = of_cgroup(&format!("0::{path}\n")).and_then(|manager| manager.stop);
            assert_eq!(found.as_deref(), expected, "{path}");
        }
        let mixed = "12:cpu:/x.service\n1:name=systemd:/system.slice/shop.service\n0::/\n";
        assert_eq!(of_cgroup(mixed).and_then(|manager| manager.unit).as_deref(), Some("shop.service"));
    }

    #[test]
    fn what_a_server_is_called_by_its_manager_is_what_stops_it() {
        let of = |line: &str, variables: &'static [(&str, &str)]| {
            let words = words(line);
            let (row, called) = known(&words).unwrap();
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            manager(row, called, 7, &words, variable).stop
        };
        let god = "PM2 v6.0.8: God Daemon";
        assert_eq!(of(god, &[("pm_id", "0")]).as_deref(), Some("pm2 stop 0"));
        assert_eq!(of(god, &[]), None);
        assert_eq!(of(god, &[("pm_id", "0; rm -r x")]), None);
        let both = &[("SUPERVISOR_PROCESS_NAME", "web"), ("SUPERVISOR_GROUP_NAME", "shop")];
        assert_eq!(of("supervisord", both).as_deref(), Some("supervisorctl stop shop:web"));
        assert_eq!(of("runsv shop", &[]).as_deref(), Some("sv down shop"));
        assert_eq!(of("nodemon", &[]).as_deref(), Some("kill 7"));
    }
}
