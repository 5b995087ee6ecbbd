//! A [`Node`] as any type that serde knows. What does not fit is told in facts, from what serde and the types say to the
//! error's constructors, and from the node itself: nobody reads a sentence.

use std::fmt;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::{Kind, Member, Node};

/// What does not fit its type.
#[derive(Debug)]
pub enum Misfit {
    /// A field that the type does not have.
    Unknown { field: String, known: &'static [&'static str] },
    /// A value, or fields that are missing or there twice.
    Wrong {
        /// `services[1].port`; empty for the whole.
        path: String,
        /// What came: as written, or the problem where it is not about one value.
        found: Option<String>,
        /// What is wrong with it; none if it is of another type than it should.
        problem: Option<String>,
        /// What is allowed.
        allowed: Option<String>,
    },
}

impl Misfit {
    fn wrong(found: Option<String>, problem: Option<String>, allowed: Option<String>) -> Self {
        Self::Wrong { path: String::new(), found, problem, allowed }
    }

    /// Not about one value.
    fn fields(problem: String) -> Self {
        Self::wrong(Some(problem.clone()), Some(problem), None)
    }

    /// The value that it is about, unless it is about one inside of that.
    pub(crate) fn of(mut self, node: &Node<'_>) -> Self {
        if let Self::Wrong { found, .. } = &mut self {
            found.get_or_insert_with(|| node.found());
        }
        self
    }

    /// One step farther out.
    fn inside(mut self, step: &str) -> Self {
        if let Self::Wrong { path, .. } = &mut self {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            path.insert_str(0, &format!("{step}{dot}"));
        }
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

impl std::error::Error for Misfit {}

impl Error for Misfit {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::wrong(None, Some(problem.to_string()), None)
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(None, None, Some(expected.to_string()))
    }
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // As `Invalid::serde` puts it.
        let problem =
            if let Unexpected::Other(problem) = unexpected { Some(problem.to_owned()) } else { None };
        Self::wrong(None, problem, Some(expected.to_string()))
    }
    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::wrong(None, None, Some(expected.to_string()))
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::wrong(None, None, Some(expected.join(", ")))
    }
    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::Unknown { field: field.to_owned(), known }
    }
    fn missing_field(field: &'static str) -> Self {
        Self::fields(format!("{field} is missing"))
    }
    fn duplicate_field(field: &'static str) -> Self {
        let problem = "it is there twice".to_owned();
        Self::wrong(Some(problem.clone()), Some(problem), Some("once".to_owned())).inside(field)
    }
}

impl<'de> Deserializer<'de> for &'de Node<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(on) => visitor.visit_bool(*on),
            Kind::Number => match serde_json::from_str::<serde_json::Number>(self.text) {
                Ok(number) if number.is_u64() => visitor.visit_u64(number.as_u64().unwrap_or_default()),
                Ok(number) if number.is_i64() => visitor.visit_i64(number.as_i64().unwrap_or_default()),
                number => {
                    visitor.visit_f64(number.ok().and_then(|number| number.as_f64()).unwrap_or(f64::INFINITY))
                }
            },
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => visitor.visit_seq(Items { rest: items.iter(), index: 0 }),
            Kind::Object(members) => visitor.visit_map(Members { rest: members.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.kind == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Items<'de> {
    rest: slice::Iter<'de, Node<'de>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|misfit| misfit.of(item).inside(&format!("[{index}]")))
    }
}

struct Members<'de> {
    rest: slice::Iter<'de, Member<'de>>,
    value: Option<&'de Member<'de>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.value = self.rest.next();
        self.value.map(|member| seed.deserialize(StrDeserializer::new(&member.key))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let member = self.value.take().ok_or_else(|| Misfit::custom("a value without its key"))?;
        seed.deserialize(&member.value).map_err(|misfit| misfit.of(&member.value).inside(&member.key))
    }
}
