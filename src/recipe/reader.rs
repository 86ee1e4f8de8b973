//! TOML values as a serde data format of our own: its errors keep the path and the right names apart, so that they can be told well, and it
//! takes a bare name for a table (`optimizer = "adam"`).

use std::fmt::{self, Display};

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::{Table, Value};

/// Why a value could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Keys from the root.
    pub path: Vec<String>,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FaultKind {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownChoice { name: String, known: &'static [&'static str] },
    Missing { key: &'static str },
    Other(String),
}

impl FaultKind {
    fn here(self) -> Fault {
        Fault { path: Vec::new(), kind: self }
    }
}

impl Fault {
    fn under(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        FaultKind::Other(message.to_string()).here()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        FaultKind::Other(format!("is {}, expected {}", plain_found(found), plain_expected(expected))).here()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        FaultKind::UnknownChoice { name: name.to_owned(), known }.here()
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        FaultKind::UnknownKey { key: key.to_owned(), known }.here()
    }

    fn missing_field(key: &'static str) -> Self {
        FaultKind::Missing { key }.here()
    }
}

fn plain_found(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("the string {text:?}"),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

/// serde speaks of Rust's types; people write TOML.
fn plain_expected(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "i64" => "a whole number".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "path string" => "a string".to_owned(),
        types if types.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// A value to be read.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Value(&'a Value),
    Table(&'a Table),
    /// The table behind a bare name.
    Empty,
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let table = match self {
            Node::Value(Value::Table(table)) | Node::Table(table) => Some(table),
            Node::Empty => None,
            Node::Value(Value::String(text)) => return visitor.visit_borrowed_str(text),
            Node::Value(Value::Integer(number)) => return visitor.visit_i64(*number),
            Node::Value(Value::Float(number)) => return visitor.visit_f64(*number),
            Node::Value(Value::Boolean(flag)) => return visitor.visit_bool(*flag),
            Node::Value(Value::Datetime(time)) => return visitor.visit_string(time.to_string()),
            Node::Value(Value::Array(list)) => return visitor.visit_seq(SeqDeserializer::new(list.iter().map(Node::Value))),
        };
        visitor.visit_map(Entries { rest: table.map(Table::iter), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (name, content) = match self {
            Node::Value(Value::String(name)) => (name, Node::Empty),
            Node::Value(Value::Table(table)) | Node::Table(table) => {
                let mut entries = table.iter();
                match (entries.next(), entries.next()) {
                    (Some((name, content)), None) => (name, Node::Value(content)),
                    (None, _) => return Err(Fault::custom(format!("is empty, expected one of {}", list(known)))),
                    (Some((first, _)), Some((second, _))) => {
                        return Err(Fault::custom(format!(
                            "has both `{first}` and `{second}`, expected exactly one of {}",
                            list(known)
                        )));
                    }
                }
            }
            Node::Value(other) => {
                return Err(Fault::custom(format!("is {other}, expected one of {}", list(known))));
            }
            Node::Empty => return Err(Fault::custom(format!("is empty, expected one of {}", list(known)))),
        };
        visitor.visit_enum(Choice { name, content })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Entries<'de> {
    rest: Option<toml::map::Iter<'de, String, Value>>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.rest.as_mut().and_then(Iterator::next) else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.value.take().expect("serde asks for a key before its value");
        seed.deserialize(Node::Value(value)).map_err(|fault| fault.under(key))
    }
}

/// One variant of an enum.
struct Choice<'de> {
    name: &'de str,
    content: Node<'de>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            Node::Empty => Ok(()),
            Node::Value(Value::Table(table)) if table.is_empty() => Ok(()),
            _ => Err(Fault::custom("has no settings").under(self.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.content).map_err(|fault| fault.under(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content.deserialize_any(visitor).map_err(|fault| fault.under(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.content.deserialize_any(visitor).map_err(|fault| fault.under(self.name))
    }
}

/// `a`, `b`, `c`.
pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
