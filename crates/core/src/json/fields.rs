//! Objects key by key: the forms values must have, and how a mistake in one is put.

use std::collections::BTreeMap;

use super::{Kind, Member, Mistake, Node};
use crate::config::Seconds;
use crate::nearest;
use crate::port::{Port, PortRange};

/// A key of an object, its value, and its path from the top.
pub(crate) struct Field<'n> {
    pub(crate) key: &'n str,
    pub(crate) path: String,
    pub(crate) at: usize,
    pub(crate) node: &'n Node<'n>,
}

/// The members of the object `node`, in order, a mistake for a key that was there before.
pub(crate) fn fields<'n>(
    text: &str,
    path: &str,
    node: &'n Node<'n>,
) -> Result<impl Iterator<Item = Result<Field<'n>, Mistake>>, Mistake> {
    let Kind::Object(members) = &node.kind else {
        let (found, of) = (node.found(), if path.is_empty() { "the file" } else { path });
        return Err(Mistake::new(node.at, format!("{of}: {found} is not an object; allowed: {{ … }}")));
    };
    let mut seen: BTreeMap<&str, &Member<'_>> = BTreeMap::new();
    let field = move |member: &'n Member<'n>| {
        let Member { key, at, value } = member;
        let name = if key == "port_range" { "range" } else { &**key };
        let shown = super::shortened(&key.escape_debug().to_string());
        let path = if path.is_empty() { shown } else { format!("{path}.{shown}") };
        if let Some(first) = seen.insert(name, member) {
            let line = super::place(text, first.at).0;
            let first = if first.key == *key { "the first".to_owned() } else { format!("as {}", first.key) };
            return Err(Mistake::new(
                *at,
                format!("{path} is there twice, {first} on line {line}; allowed: once"),
            ));
        }
        Ok(Field { key, path, at: *at, node: value })
    };
    Ok(members.iter().map(field))
}

impl Field<'_> {
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.node.kind, Kind::Null)
    }

    pub(crate) fn mistake(&self, found: &str, rule: &str) -> Mistake {
        Mistake::new(self.node.at, format!("{}: {found} {rule}", self.path))
    }

    pub(crate) fn wrong(&self, rule: &str) -> Mistake {
        self.mistake(&self.node.found(), rule)
    }

    /// A value that has not the form of its type.
    pub(crate) fn invalid(&self, error: &impl std::fmt::Display) -> Mistake {
        Mistake::new(self.node.at, format!("{}: {error}", self.path))
    }

    pub(crate) fn unknown(&self, keys: &[&str]) -> Mistake {
        if let Some(near) = nearest(self.key, keys.iter().copied()) {
            return self.meant(near);
        }
        let allowed: Vec<&str> = keys.iter().copied().filter(|key| *key != "$schema").collect();
        Mistake::new(self.at, format!("{} is not a known key; allowed: {}", self.path, allowed.join(", ")))
    }

    /// A key that is not known, where the key `key` was meant.
    pub(crate) fn meant(&self, key: &str) -> Mistake {
        did_you_mean(Mistake::new(self.at, format!("{} is not a known key", self.path)), Some(key))
    }

    pub(crate) fn port(&self) -> Result<Port, Mistake> {
        port(&self.path, self.node)
    }

    pub(crate) fn switch(&self) -> Result<bool, Mistake> {
        match self.node.kind {
            Kind::Bool(on) => Ok(on),
            _ => Err(self.wrong("is not a switch; allowed: true or false")),
        }
    }

    pub(crate) fn text(&self) -> Result<&str, Mistake> {
        self.node.as_text().ok_or_else(|| self.wrong("is not a text; allowed: \"…\""))
    }

    /// A whole number in this range, digits only.
    pub(crate) fn count(&self, least: u32, most: u32) -> Result<u32, Mistake> {
        let number = if matches!(self.node.kind, Kind::Number) { self.node.text.parse().ok() } else { None };
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            self.wrong(&format!(
                "is not a number of this kind; allowed: a whole number from {least} to {most}"
            ))
        })
    }

    pub(crate) fn seconds(&self, least: Seconds) -> Result<Seconds, Mistake> {
        let number = if matches!(self.node.kind, Kind::Number) { self.node.text.parse().ok() } else { None };
        number.and_then(Seconds::from_f64).filter(|seconds| *seconds >= least).ok_or_else(|| {
            let (least, most) = (least.as_f64(), Seconds::MAX.as_f64());
            self.wrong(&format!("is not a duration; allowed: a number of seconds from {least} to {most}"))
        })
    }

    pub(crate) fn one_of<T: Copy, const N: usize>(
        &self,
        what: &str,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Result<T, Mistake> {
        let names = all.map(name);
        let found = self.node.as_text().unwrap_or_default();
        all.into_iter().find(|one| name(*one) == found).ok_or_else(|| {
            let mistake = self.wrong(&format!("is not {what}; allowed: {}", names.join(", ")));
            did_you_mean(mistake, nearest(&found.to_lowercase(), names))
        })
    }

    pub(crate) fn range(&self) -> Result<PortRange, Mistake> {
        const ALLOWED: &str = "is not a range; allowed: [first, last]";
        let Kind::List(ends) = &self.node.kind else { return Err(self.wrong(ALLOWED)) };
        let [first, last] = ends.as_slice() else { return Err(self.wrong(ALLOWED)) };
        let first = port(&format!("{}[0]", self.path), first)?;
        let last = port(&format!("{}[1]", self.path), last)?;
        PortRange::new(first, last).ok_or_else(|| {
            let found = format!("[{first}, {last}]");
            let mistake = self.mistake(&found, "is reversed; allowed: [first, last] with first <= last");
            mistake.hint(format!("write [{last}, {first}]"))
        })
    }

    /// A list of ports, each once, at most `most`.
    pub(crate) fn ports(&self, most: usize) -> Result<Vec<Port>, Mistake> {
        let Kind::List(items) = &self.node.kind else {
            return Err(self.wrong("is not a list of ports; allowed: [3000, …]"));
        };
        if items.len() > most {
            let found = items.len();
            return Err(self.mistake(&format!("{found} ports"), &format!("are too many; allowed: {most}")));
        }
        let mut ports: Vec<Port> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.path);
            let port = port(&path, item)?;
            if ports.contains(&port) {
                return Err(Mistake::new(
                    item.at,
                    format!("{path}: {port} is there twice; allowed: each port once"),
                ));
            }
            ports.push(port);
        }
        Ok(ports)
    }
}

fn port(path: &str, node: &Node<'_>) -> Result<Port, Mistake> {
    let wrong = || Mistake::new(node.at, format!("{path}: {}", Port::invalid(node.found())));
    match &node.kind {
        Kind::Number => node.text.parse().map_err(|_| wrong()),
        Kind::Text(text) if text.parse::<Port>().is_ok() => {
            Err(wrong().hint(format!("write {text} without quotes")))
        }
        Kind::Null | Kind::Bool(_) | Kind::Text(_) | Kind::List(_) | Kind::Object(_) => Err(wrong()),
    }
}

pub(crate) fn did_you_mean(mistake: Mistake, nearest: Option<&str>) -> Mistake {
    match nearest {
        Some(name) => mistake.hint(format!("did you mean {name}?")),
        None => mistake,
    }
}
