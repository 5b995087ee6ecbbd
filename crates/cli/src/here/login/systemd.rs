//! systemd: a unit of the user's.

use super::{Login, MARK, Wanted, commands};

const NAME: &str = "styxy.service";

/// The daemon leaves the command that starts it, so the unit is one that has run, and not one that is supervised: systemd
/// starts the daemon, and at the end of the session stops it.
pub(super) fn login(wanted: &Wanted<'_>) -> Login {
    let Wanted { program, daemon_home, config, .. } = wanted;
    let folder = config.join("systemd/user");
    // In the first word of a command, and in Environment, `$` stands for itself.
    let program = quoted(program);
    let environment = daemon_home
        .map(|home| format!("Environment={}\n", quoted(&format!("STYXY_HOME={home}"))))
        .unwrap_or_default();
    let text = format!(
        "# {MARK}; styxy daemon uninstall removes it.\n\
         [Unit]\n\
         Description=Styxy, a port for every dev server\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         {environment}\
         ExecStart={program} daemon start\n\
         ExecStop={program} daemon stop\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    );
    Login {
        file: folder.join(NAME),
        text,
        install: commands(&[
            &["systemctl", "--user", "daemon-reload"],
            &["systemctl", "--user", "enable", NAME],
        ]),
        uninstall: commands(&[&["systemctl", "--user", "disable", NAME]]),
        after: commands(&[&["systemctl", "--user", "daemon-reload"]]),
        links: vec![folder.join("default.target.wants").join(NAME)],
        top: config.clone(),
    }
}

/// A word in quotes, in which `%` stands for itself.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}
