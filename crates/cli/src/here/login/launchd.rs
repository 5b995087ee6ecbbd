//! launchd: an agent of the user's.

use super::{Login, MARK, Wanted, commands};

const LABEL: &str = "dev.styxy.daemon";

pub(super) fn login(wanted: &Wanted<'_>) -> Login {
    let Wanted { program, daemon_home, home, user, .. } = wanted;
    let file = home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"));
    let environment = daemon_home.map(|home| {
        let home = escaped(home);
        format!(
            "\t<key>EnvironmentVariables</key>\n\t<dict><key>STYXY_HOME</key><string>{home}</string></dict>\n"
        )
    });
    let environment = environment.unwrap_or_default();
    let program = escaped(program);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- {MARK}; styxy daemon uninstall removes it. -->\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \t<key>Label</key>\n\t<string>{LABEL}</string>\n\
         \t<key>ProgramArguments</key>\n\
         \t<array><string>{program}</string><string>daemon</string><string>start</string></array>\n\
         {environment}\
         \t<key>RunAtLoad</key>\n\t<true/>\n\
         \t<key>AbandonProcessGroup</key>\n\t<true/>\n\
         </dict>\n\
         </plist>\n"
    );
    let domain = format!("gui/{user}");
    let path = file.display().to_string();
    let service = format!("{domain}/{LABEL}");
    Login {
        text,
        install: commands(&[&["launchctl", "bootstrap", &domain, &path]]),
        uninstall: commands(&[&["launchctl", "bootout", &service]]),
        after: Vec::new(),
        links: Vec::new(),
        top: home.join("Library"),
        file,
    }
}

/// Text in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
