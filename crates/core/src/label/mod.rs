//! What a worktree and its servers are called in a host name: `web.login-shop.localhost`.
//!
//! The worktree and its repository are one label, directly below `.localhost`. Browsers take `localhost` for a public suffix,
//! so this label is what keeps the cookies of two worktrees apart.

mod host;
mod slug;

use std::fmt;

use crate::checkout::Standing;
use crate::lease::Key;
use crate::names::{ServiceName, ServiceType};

pub use host::HostName;
pub use slug::{Loss, Slug, slug};

/// The most characters of one label of a host name.
const MOST: usize = 63;
/// The service type whose servers are called by their name alone.
const DEV: &str = "dev";
/// What is called so had a name of which nothing was left.
const NAMELESS: &str = "w";

/// One label of a host name: 1 to 63 of `a-z`, `0-9` and `-`, with no hyphen at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The label of a worktree (R111): its repository's name; in a linked worktree that worktree's own name in front of it.
    ///
    /// The branch is no part of it, nor is the path: it stays the same when a branch is changed and when the worktree is moved.
    #[must_use]
    pub fn of_worktree(standing: &Standing) -> Self {
        let repository = slug(&standing.repository);
        let Some(linked) = &standing.linked else { return Self::new(&repository, &standing.repository) };
        let own = slug(linked);
        let is_named_already = !repository.text.is_empty()
            && own.text != repository.text
            && (own.text.starts_with(&format!("{}-", repository.text))
                || own.text.ends_with(&format!("-{}", repository.text)));
        let whole = if is_named_already { own } else { own.before(&repository) };
        Self::new(&whole, &format!("{linked}\0{}", standing.repository))
    }

    /// The label of a service (R112): its name for `dev`, else type and name, else the type.
    #[must_use]
    pub fn of_service(key: &Key) -> Self {
        let Key { service, name, .. } = key;
        let text = match name.as_ref().map(ServiceName::as_str) {
            Some(name) if service.as_str().eq_ignore_ascii_case(DEV) => name.to_owned(),
            Some(name) => format!("{service}-{name}"),
            None => ServiceType::as_str(service).to_owned(),
        };
        Self::new(&slug(&text), &text)
    }

    /// The same label with a number behind it, for the second of two servers that would have the same name: `web-2`.
    #[must_use]
    pub fn numbered(&self, number: usize) -> Self {
        self.with_end(&format!("-{number}"))
    }

    /// What is in front of the number at its end, and that: of each label that [`Self::numbered`] makes.
    #[must_use]
    pub(crate) fn split(&self) -> Option<(&str, usize)> {
        let (stem, digits) = self.0.rsplit_once('-')?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        is_number.then(|| digits.parse().ok()).flatten().map(|number| (stem, number))
    }

    /// The same label with a hash behind it, for the second of two `owner`s that would have the same name.
    #[must_use]
    pub fn apart(&self, owner: &str) -> Self {
        self.with_end(&hashed(owner))
    }

    /// The slug itself, if nothing of `text` is lost in it; else what is left of it and a hash of `text`.
    fn new(slug: &Slug, text: &str) -> Self {
        match (slug.text.is_empty(), slug.loss) {
            (false, Loss::Nothing) if slug.text.len() <= MOST => Self(slug.text.as_str().into()),
            (false, _) => Self(slug.text.as_str().into()).with_end(&hashed(text)),
            (true, _) => Self(NAMELESS.into()).with_end(&hashed(text)),
        }
    }

    fn with_end(&self, end: &str) -> Self {
        let kept = &self.0[..self.0.len().min(MOST - end.len())];
        Self(format!("{}{end}", kept.trim_end_matches('-')).into())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// `-` and 20 bits of a hash as four characters of base32: FNV-1a, the same in every version.
fn hashed(text: &str) -> String {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = hash ^ (hash >> 40) ^ (hash >> 20);
    let letter = |at: u32| char::from(BASE32[(folded >> (5 * at) & 31) as usize]);
    std::iter::once('-').chain((0..4).map(letter)).collect()
}

#[cfg(test)]
mod tests;
