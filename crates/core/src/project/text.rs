//! Text with places: `{api.url}/v1`. It reads no environment, runs nothing and cannot refer to another variable.

use std::fmt;

use crate::names::ServiceName;
use crate::nearest;

/// Text in which the addresses of services are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As it is written.
    written: Box<str>,
    parts: Vec<Part>,
    /// The byte that each place begins at.
    starts: Vec<usize>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// It stands for itself.
    Plain(String),
    /// Something is filled in here.
    Place(Place),
}

/// What is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `{api.url}`: a fact about a service of the same file.
    Of(ServiceName, Fact),
    /// `{slug}`: what the worktree is called in host names.
    Slug,
    /// `{slug_}`: the same with `_` for `-`, for the names of databases.
    SlugUnderscored,
}

/// A fact about a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// `3000`
    Port,
    /// `http://localhost:3000`
    Url,
    /// `http://web.shop.localhost:9876`, or [`Fact::Url`] for a server without a name.
    NamedUrl,
    /// `http://localhost:3000`, as a browser's `Origin` has it.
    Origin,
    /// The origin of [`Fact::NamedUrl`].
    NamedOrigin,
    /// `web.shop.localhost`, or `localhost` for a server without a name.
    Host,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Port, Self::Url, Self::NamedUrl, Self::Origin, Self::NamedOrigin, Self::Host];

    /// As it is written in a place.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Url => "url",
            Self::NamedUrl => "named_url",
            Self::Origin => "origin",
            Self::NamedOrigin => "named_origin",
            Self::Host => "host",
        }
    }
}

/// What is wrong with a text, and the byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextMistake {
    /// The byte of the text that the mistake begins at.
    pub at: usize,
    /// What was found and what is allowed.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl TextMistake {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }
}

impl Text {
    /// Reads the places in `text`.
    ///
    /// # Errors
    /// A brace is not part of a place, or a character is a control character: another program would read it as something else.
    pub fn parse(text: &str) -> Result<Self, TextMistake> {
        let (mut parts, mut starts) = (Vec::new(), Vec::new());
        let mut plain = String::new();
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter.is_control() => {
                    return Err(TextMistake::new(at, "a control character; allowed: printable text"));
                }
                '{' | '}' if letters.next_if(|(_, next)| *next == letter).is_some() => plain.push(letter),
                '}' => return Err(TextMistake::new(at, "} without {; write }} for a brace itself")),
                '{' => {
                    let rest = &text[at + 1..];
                    let Some(length) = rest.find(['{', '}']).filter(|end| rest[*end..].starts_with('}'))
                    else {
                        return Err(TextMistake::new(at, "{ without }; write {{ for a brace itself"));
                    };
                    let place = place(at, &rest[..length])?;
                    parts.extend((!plain.is_empty()).then(|| Part::Plain(std::mem::take(&mut plain))));
                    parts.push(Part::Place(place));
                    starts.push(at);
                    while letters.next_if(|(next, _)| *next <= at + 1 + length).is_some() {}
                }
                _ => plain.push(letter),
            }
        }
        parts.extend((!plain.is_empty()).then_some(Part::Plain(plain)));
        Ok(Self { written: text.into(), parts, starts })
    }

    /// Text without places, as a file would say it: with doubled braces. None if no file can have it.
    #[must_use]
    pub fn literal(text: &str) -> Option<Self> {
        Self::parse(&text.replace('{', "{{").replace('}', "}}")).ok()
    }

    /// As it is written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The places in it, in order, each with the byte that it begins at.
    pub fn places(&self) -> impl Iterator<Item = (usize, &Place)> {
        let places = self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Plain(_) => None,
        });
        self.starts.iter().copied().zip(places)
    }

    /// The text with its places filled in; none if one of them has nothing to fill in.
    #[must_use]
    pub fn filled(&self, mut fill: impl FnMut(&Place) -> Option<String>) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Place(place) => text.push_str(&fill(place)?),
            }
        }
        Some(text)
    }
}

/// What is between the braces of the place whose brace is at `at`.
fn place(at: usize, inside: &str) -> Result<Place, TextMistake> {
    let facts = Fact::ALL.map(Fact::as_str);
    let wrong = |why: String| TextMistake::new(at, format!("{:?} {why}", format!("{{{inside}}}")));
    match inside {
        "slug" => return Ok(Place::Slug),
        "slug_" => return Ok(Place::SlugUnderscored),
        _ => {}
    }
    // A label may have dots in it, a fact has none.
    let Some((service, fact)) = inside.rsplit_once('.') else {
        let allowed = "{SERVICE.url}, {SERVICE.port} and so on, {slug}, {slug_}";
        return Err(wrong(format!("is not a place; allowed: {allowed}; write {{{{ for a brace itself")));
    };
    let Some(fact) = Fact::ALL.into_iter().find(|known| known.as_str() == fact) else {
        let mistake = wrong(format!(
            "is not a place: {fact:?} is not known of a service; allowed: {}",
            facts.join(", ")
        ));
        let hint = nearest(fact, facts).map(|fact| format!("did you mean {{{service}.{fact}}}?"));
        return Err(TextMistake { hint, ..mistake });
    };
    let service =
        ServiceName::new(service).map_err(|_| wrong("is not a place: no service can be called so".into()))?;
    Ok(Place::Of(service, fact))
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(service, fact) => write!(out, "{{{service}.{}}}", fact.as_str()),
            Self::Slug => out.write_str("{slug}"),
            Self::SlugUnderscored => out.write_str("{slug_}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let fill = |place: &Place| Some(place.to_string().to_uppercase());
        Text::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).filled(fill).unwrap()
    }

    #[test]
    fn places_are_filled_in_and_all_else_stands_for_itself() {
        assert_eq!(filled("{api.url}/v1?x={web.port}"), "{API.URL}/v1?x={WEB.PORT}");
        assert_eq!(filled("shop_{slug_}-{slug}"), "shop_{SLUG_}-{SLUG}");
        assert_eq!(filled("{a.b.named_origin}{x.host}"), "{A.B.NAMED_ORIGIN}{X.HOST}");
        assert_eq!(filled("{{api.url}} $HOME `id` $(id) ü"), "{api.url} $HOME `id` $(id) ü");
        assert_eq!(filled("{{{api.port}}}"), "{{API.PORT}}");
        assert_eq!(filled(""), "");
        assert_eq!(Text::parse("{{x}}").unwrap().written(), "{{x}}");
    }

    #[test]
    fn a_place_that_has_nothing_leaves_nothing_of_the_text() {
        let text = Text::parse("a{slug}").unwrap();
        assert_eq!(text.filled(|_| None), None);
        let literal = Text::literal("{x}").unwrap();
        assert_eq!((literal.written(), literal.filled(|_| None).as_deref()), ("{{x}}", Some("{x}")));
        assert_eq!(Text::literal("a\nb"), None);
    }

    #[test]
    fn what_is_not_a_place_is_refused_with_its_byte() {
        let refused = [
            ("ü{api}", 2, "is not a place; allowed"),
            ("{}", 0, "is not a place"),
            ("{api.ur}", 0, "\"ur\" is not known of a service"),
            ("{a b.url}", 0, "no service can be called so"),
            ("{.url}", 0, "no service can be called so"),
            ("x{HOME", 1, "{ without }"),
            ("{a{b.url}", 0, "{ without }"),
            ("{a.url}}", 7, "} without {"),
            ("a\nb", 1, "control character"),
            ("a\u{1b}[2J", 1, "control character"),
            ("a\u{9b}", 1, "control character"),
        ];
        for (text, at, says) in refused {
            let error = Text::parse(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error:?}");
            assert!(error.message.contains(says), "{text}: {error:?}");
        }
        let hint = Text::parse("{api.ur}").unwrap_err().hint;
        assert_eq!(hint.as_deref(), Some("did you mean {api.url}?"));
    }
}
