//! Windows' Task Scheduler: a task of the user's, which needs no administrator because it starts at this user's login only.
//!
//! The task has the user's own variables, `STYXY_HOME` included, as `setx` sets them.

use super::launchd::escaped;
use super::{Login, MARK, Wanted, commands};

const NAME: &str = "Styxy";

pub(super) fn login(wanted: &Wanted<'_>) -> Login {
    let Wanted { program, root, user, .. } = wanted;
    let file = root.join("login.xml");
    let (program, user) = (escaped(program), escaped(user));
    let text = format!(
        "<?xml version=\"1.0\"?>\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n  \
           <RegistrationInfo><Description>{MARK}; styxy daemon uninstall removes it.</Description></RegistrationInfo>\n  \
           <Triggers><LogonTrigger><UserId>{user}</UserId></LogonTrigger></Triggers>\n  \
           <Principals><Principal id=\"user\"><UserId>{user}</UserId><LogonType>InteractiveToken</LogonType>\
             <RunLevel>LeastPrivilege</RunLevel></Principal></Principals>\n  \
           <Settings><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\
             <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries></Settings>\n  \
           <Actions Context=\"user\"><Exec><Command>{program}</Command><Arguments>daemon start</Arguments></Exec></Actions>\n\
         </Task>\n"
    );
    let path = file.display().to_string();
    Login {
        text,
        install: commands(&[&["schtasks", "/Create", "/F", "/TN", NAME, "/XML", &path]]),
        uninstall: commands(&[&["schtasks", "/Delete", "/F", "/TN", NAME]]),
        after: Vec::new(),
        links: Vec::new(),
        top: root.to_path_buf(),
        file,
    }
}
