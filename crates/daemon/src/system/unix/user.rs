//! The system's list of users: names and home folders.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use uzers::os::unix::UserExt as _;

use crate::system::patience;

/// A list of users in the network (LDAP, Active Directory) that does not answer costs no more than this.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the system's list of users says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::system) struct User {
    /// Its name, else its number.
    pub(in crate::system) name: String,
    pub(in crate::system) home: Option<PathBuf>,
}

impl User {
    /// Asks the system, which may ask the network. Takes some 50 µs, and 0.1 s at most: then only the number is known.
    pub(in crate::system) fn look_up(uid: u32) -> Self {
        Self::by(uid, ask)
    }

    fn by(uid: u32, ask: impl FnOnce(u32) -> Option<Self> + Send + 'static) -> Self {
        let known = patience::within(Instant::now() + PATIENCE, move || ask(uid));
        known.flatten().unwrap_or_else(|| Self { name: uid.to_string(), home: None })
    }
}

fn ask(uid: u32) -> Option<User> {
    let found = uzers::get_user_by_uid(uid)?;
    let home = Some(found.home_dir().to_owned()).filter(|home| home.is_absolute());
    Some(User { name: found.name().to_string_lossy().into_owned(), home })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_superuser_has_a_name_and_a_home() {
        let root = User::look_up(0);
        assert_eq!(root.name, "root");
        assert!(root.home.is_some());
    }

    #[test]
    fn a_user_that_is_not_in_the_list_is_a_number() {
        let nobody = 4_294_900_001;
        assert_eq!(User::look_up(nobody), User { name: nobody.to_string(), home: None });
    }

    #[test]
    fn a_list_that_does_not_answer_leaves_the_number() {
        let (end, ended) = mpsc::channel::<()>();
        let silent = User::by(7, move |_| {
            let _ = ended.recv();
            None
        });
        assert_eq!(silent.name, "7");
        drop(end);
    }
}
