//! What a TCP client shows to prove that it is the user's, where the system cannot name its user.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write};
use std::path::Path;

use uuid::Uuid;

use crate::files;

/// 64 hexadecimal digits, never shown in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Whether `given` is this token; takes equally long wherever the two differ.
    pub(crate) fn is(&self, given: &str) -> bool {
        let differing =
            self.0.bytes().zip(given.bytes()).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        self.0.len() == given.len() && differing == 0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let well_formed =
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// 244 random bits from the system's generator.
    fn random() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

/// The token in the file at `path`. It is replaced, 0600, if it is not well formed or others could read it.
///
/// Only the lock's holder may call it.
pub(crate) fn token(path: &Path) -> io::Result<Token> {
    match keep(path) {
        Some(token) => Ok(token),
        None => files::remove(path).and_then(|()| make(path)),
    }
}

/// The token in the file, if the file is ours and only we could read it.
fn keep(path: &Path) -> Option<Token> {
    let file = files::open_ours(path, OpenOptions::new().read(true)).ok()?;
    let was_open = files::close_to_others(path, &file.metadata().ok()?).ok()?;
    let mut text = String::new();
    // Longer than a token is not a token.
    file.take(128).read_to_string(&mut text).ok()?;
    if was_open { None } else { Token::parse(&text) }
}

fn make(path: &Path) -> io::Result<Token> {
    let token = Token::random();
    let mut file = files::create(path)?;
    writeln!(file, "{}", token.0)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        let first = token(&path).unwrap();
        assert_eq!(token(&path).unwrap(), first);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", first.0));
        assert!(Token::parse(&first.0).is_some(), "it has the form it is checked for");
        assert_ne!(token(&home.path().join("other")).unwrap(), first);
    }

    #[test]
    fn a_token_that_is_not_well_formed_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        for torn in ["", "0123", &"g".repeat(64), &"a".repeat(65)] {
            fs::write(&path, torn).unwrap();
            assert_ne!(token(&path).unwrap().0, torn);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_token_is_ours_alone_and_replaced_if_others_could_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        let first = token(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(token(&path).unwrap(), first);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token::random();
        assert!(token.is(&token.0.clone()));
        assert!(!token.is("") && !token.is(&token.0[..63]) && !token.is(&format!("{}0", token.0)));
        assert!(!token.is(&"x".repeat(64)));
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
