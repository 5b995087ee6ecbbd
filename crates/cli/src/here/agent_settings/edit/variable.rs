//! `BASH_ENV` among the variables of the agent's shell: the guard's file, which bash reads before each script (R94).

use serde_json::{Value, json};
use styxy_core::json::{Kind, Mistake, Node};

use super::super::recognised::is_shell_file;
use super::super::text::{find, parse};
use super::{put, take};

/// The member that has the variables, and the variable.
const VARIABLES: &str = "env";
const NAME: &str = "BASH_ENV";

/// The next change towards `wanted`; none if nothing needs to change. A file of the user's own stays.
pub(super) fn next(text: &str, wanted: &str) -> Result<Option<String>, Mistake> {
    let root = parse(text)?;
    let Some(variables) = root.get(VARIABLES) else {
        return put::member(text, &root, VARIABLES, &json!({ NAME: wanted })).map(Some);
    };
    if !matches!(variables.kind, Kind::Object(_)) {
        return Ok(None);
    }
    let Some(found) = variables.get(NAME) else {
        return put::member(text, variables, NAME, &wanted.into()).map(Some);
    };
    let is_older = is_own(found) && found.as_text() != Some(wanted);
    Ok(is_older.then(|| format!("{}{}{}", &text[..found.at], Value::from(wanted), &text[found.end()..])))
}

/// `text` without the variable, if it is ours, and without what was created for it.
pub(super) fn taken(text: &str, root: &Node) -> Option<String> {
    let variables = root.get(VARIABLES)?;
    variables.get(NAME).filter(|found| is_own(found))?;
    if take::was_made(text, variables) {
        Some(take::removed(text, root, find(root, VARIABLES)?))
    } else {
        Some(take::removed(text, variables, find(variables, NAME)?))
    }
}

/// Whether a member of the variables is ours.
pub(super) fn is_ours(key: &str, value: &Node) -> bool {
    key == NAME && is_own(value)
}

/// Whether a member of the settings has the variables.
pub(super) fn has(key: &str) -> bool {
    key == VARIABLES
}

fn is_own(value: &Node) -> bool {
    value.as_text().is_some_and(is_shell_file)
}
