//! The key `env` of a service: a list of variables for its port, or texts with places.

use super::{Mention, Mentioned, Read};
use crate::json::fields::{Field, fields};
use crate::json::{Kind, Mistake, Node};
use crate::names::ServiceName;
use crate::project::text::{Place, Text};
use crate::project::{Env, EnvName, fence};

/// How many variables for its port a service may have.
pub(in crate::project) const MAX_ENV: usize = 16;
/// How many variables with texts.
pub(in crate::project) const MAX_TEXTS: usize = 64;
/// The longest text, in bytes.
const LONGEST: usize = 4096;

pub(super) fn env(text: &str, field: &Field<'_>, of: &ServiceName, read: &mut Read) -> Result<Env, Mistake> {
    match &field.node.kind {
        Kind::List(items) => ports(field, items, read).map(Env::Ports),
        Kind::Object(members) if members.len() > MAX_TEXTS => Err(too_many(field, members.len(), MAX_TEXTS)),
        Kind::Object(_) => {
            let each = fields(text, &field.path, field.node)?;
            each.map(|entry| texts(&entry?, of, read)).collect::<Result<_, _>>().map(Env::Texts)
        }
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) => Err(field.wrong(
            "is not a list of variables; allowed: [\"WEB_PORT\", …], or {\"API_URL\": \"{api.url}\", …}",
        )),
    }
}

fn too_many(field: &Field<'_>, found: usize, most: usize) -> Mistake {
    field.mistake(&format!("{found} variables"), &format!("are too many; allowed: {most}"))
}

/// One variable with a text.
fn texts(entry: &Field<'_>, of: &ServiceName, read: &mut Read) -> Result<(String, Text), Mistake> {
    fence::check(entry.key).map_err(|error| Mistake::new(entry.at, format!("{}: {error}", entry.path)))?;
    let text = entry.text()?;
    if text.len() > LONGEST {
        return Err(
            entry.mistake(&format!("{} bytes", text.len()), &format!("are too many; allowed: {LONGEST}"))
        );
    }
    let text = Text::parse(text).map_err(|mistake| Mistake {
        at: written_at(entry.node, mistake.at),
        message: format!("{}: {}", entry.path, mistake.message),
        hint: mistake.hint,
    })?;
    for (at, place) in text.places() {
        match place {
            Place::Of(label, _) => read.mentions.push(Mention {
                at: written_at(entry.node, at),
                path: entry.path.clone(),
                of: of.clone(),
                label: label.clone(),
                what: Mentioned::Address,
            }),
            Place::Slug | Place::SlugUnderscored => {}
        }
    }
    Ok((entry.key.to_owned(), text))
}

/// The byte of the file at which the byte `at` of the text `node` is written, whose letters may be escapes there.
fn written_at(node: &Node<'_>, at: usize) -> usize {
    let mut read = 0;
    let mut letters = node.text.char_indices().skip(1);
    while let Some((written, letter)) = letters.next() {
        if read >= at {
            return node.at + written;
        }
        if letter != '\\' {
            read += letter.len_utf8();
            continue;
        }
        match letters.next() {
            Some((from, 'u')) => {
                let code =
                    node.text.get(from + 1..from + 5).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                letters.nth(3);
                read += match code {
                    // One half of a pair, of four bytes together.
                    Some(0xd800..=0xdfff) => 2,
                    Some(code) => char::from_u32(code).map_or(1, char::len_utf8),
                    None => 1,
                };
            }
            Some(_) | None => read += 1,
        }
    }
    node.at
}

/// Names of variables, each for one service.
fn ports(field: &Field<'_>, items: &[Node<'_>], read: &Read) -> Result<Vec<EnvName>, Mistake> {
    if items.len() > MAX_ENV {
        return Err(too_many(field, items.len(), MAX_ENV));
    }
    let mut names = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let wrong = |why: String| Mistake::new(item.at, format!("{}[{index}]: {why}", field.path));
        let Kind::Text(text) = &item.kind else {
            return Err(wrong(format!(
                "{} is not the name of a variable; allowed: \"WEB_PORT\", …",
                item.found()
            )));
        };
        let name = EnvName::for_project(text).map_err(|error| wrong(error.to_string()))?;
        if text == "PORT" {
            return Err(wrong(
                "\"PORT\" is always the port of the first service asked for; name another one".into(),
            ));
        }
        let others = read.services.iter().flat_map(|service| service.env.ports());
        if others.chain(&names).any(|other| *other == name) {
            return Err(wrong(format!("{text:?} is there twice; allowed: each variable once")));
        }
        names.push(name);
    }
    Ok(names)
}
