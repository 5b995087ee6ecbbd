//! That every command which takes a server finds the same one by what is typed.

use styxy_core::api::{CheckAnswer, OpenAnswer, WaitAnswer, WhoAnswer, Whose};

use super::home::Home;

/// Asks for this worktree's server by `form` in every way; it must be the one on `port`. What `open` would open.
#[track_caller]
pub(crate) fn finds(home: &Home, form: &str, port: u16) -> OpenAnswer {
    let checked: CheckAnswer = home.styxy(&["check", form, "--json"]).done().wire();
    assert_eq!(checked.port.get(), port, "{form}");
    for command in ["who", "verify"] {
        let answer: WhoAnswer = home.styxy(&[command, form, "--json"]).done().wire();
        assert_eq!((answer.port.get(), answer.whose), (port, Whose::Mine), "{form}");
    }
    let waited: WaitAnswer = home.styxy(&["wait", form, "--json"]).done().wire();
    assert_eq!(waited.port.get(), port, "{form}");
    let opened: OpenAnswer = home.styxy(&["open", form, "--print", "--json"]).done().wire();
    assert_eq!(
        (opened.port.get(), opened.url.as_str()),
        (port, format!("http://localhost:{port}").as_str()),
        "{form}"
    );
    opened
}
