//! Checks as any agent tells them: one that is odd does not hide the others. There may be ten thousands, so nothing is
//! made of them but what is kept.

use std::fmt;
use std::sync::Arc;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::check::Check;
use crate::model::check::{HealthCheck, Status};

/// A check of an answer. Consul takes any text for a status; one that nobody knows is a warning here, and the output
/// says what it was.
#[derive(Debug)]
pub struct LenientCheck(pub Arc<Check>);

impl<'de> Deserialize<'de> for LenientCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = deserializer.deserialize_any(Told::default())?;
        Ok(Self(Check::of(told.check())))
    }
}

/// The fields that are kept.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "PascalCase")]
enum Field {
    Node,
    #[serde(rename = "CheckID")]
    CheckId,
    Name,
    #[serde(rename = "ServiceID")]
    ServiceId,
    ServiceName,
    Type,
    Status,
    Output,
    Notes,
    ModifyIndex,
    #[serde(other)]
    Other,
}

/// What was read so far.
#[derive(Default)]
struct Told {
    check: HealthCheck,
    status: String,
    /// A field that cannot be read.
    odd: Option<&'static str>,
}

impl Told {
    fn check(self) -> HealthCheck {
        let Self {
            mut check,
            status,
            odd,
        } = self;
        match (odd, Status::parse(&status)) {
            (Some(what), _) => {
                check.status = Status::Warning;
                check.output = format!("unreadable check: {what}");
            }
            (None, Some(known)) => check.status = known,
            (None, None) if status.is_empty() => check.status = Status::default(),
            (None, None) => {
                check.status = Status::Warning;
                check.output = format!("unknown status {status:?}: {}", check.output);
            }
        }
        check
    }

    fn text(&mut self, value: Plain, what: &'static str) -> String {
        match value {
            Plain::Text(text) => text,
            Plain::Nothing => String::new(),
            Plain::Number(_) | Plain::Other => {
                self.odd.get_or_insert(what);
                String::new()
            }
        }
    }

    fn number(&mut self, value: &Plain, what: &'static str) -> u64 {
        match value {
            Plain::Number(number) => *number,
            Plain::Nothing => 0,
            Plain::Text(_) | Plain::Other => {
                self.odd.get_or_insert(what);
                0
            }
        }
    }
}

impl<'de> Visitor<'de> for Told {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(field) = map.next_key()? {
            if let Field::Other = field {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: Plain = map.next_value()?;
            match field {
                Field::Node => self.check.node = self.text(value, "Node is no text"),
                Field::CheckId => self.check.check_id = self.text(value, "CheckID is no text"),
                Field::Name => self.check.name = self.text(value, "Name is no text"),
                Field::ServiceId => {
                    self.check.service_id = self.text(value, "ServiceID is no text");
                }
                Field::ServiceName => {
                    self.check.service_name = self.text(value, "ServiceName is no text");
                }
                Field::Type => self.check.kind = self.text(value, "Type is no text"),
                Field::Status => self.status = self.text(value, "Status is no text"),
                Field::Output => self.check.output = self.text(value, "Output is no text"),
                Field::Notes => self.check.notes = self.text(value, "Notes is no text"),
                Field::ModifyIndex => {
                    self.check.modify_index = self.number(&value, "ModifyIndex is no number");
                }
                Field::Other => {}
            }
        }
        Ok(self)
    }

    fn visit_u64<E>(mut self, _: u64) -> Result<Self, E> {
        self.odd = Some("a number");
        Ok(self)
    }

    fn visit_str<E>(mut self, _: &str) -> Result<Self, E> {
        self.odd = Some("a text");
        Ok(self)
    }

    fn visit_unit<E>(mut self) -> Result<Self, E> {
        self.odd = Some("nothing");
        Ok(self)
    }
}

/// A value as far as it matters here.
enum Plain {
    Nothing,
    Text(String),
    Number(u64),
    Other,
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Plain, E> {
        Ok(Plain::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Plain, E> {
        Ok(Plain::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Nothing)
    }

    fn visit_none<E>(self) -> Result<Plain, E> {
        Ok(Plain::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Plain, D::Error> {
        Plain::deserialize(value)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Plain, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Plain::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Plain::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_check_hides_no_other() {
        let body = serde_json::json!([
            {"Node": "a", "CheckID": "1", "Status": "unknown", "Output": "x"},
            {"Node": "b", "CheckID": "2", "Status": "passing", "ServiceTags": null, "NewField": 1},
            {"Node": "c", "CheckID": "3", "Status": "critical", "ModifyIndex": "many"},
            {"Node": "d", "CheckID": "4", "Status": ""},
            7,
            {"Node": "e", "Output": ["x", {"y": 1}], "Status": "passing"},
            null,
            "text",
        ]);
        let found: Vec<LenientCheck> = serde_json::from_value(body).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|LenientCheck(one)| (&*one.node, one.status, &*one.output))
            .collect();
        assert_eq!(
            told[0],
            ("a", Status::Warning, "unknown status \"unknown\": x")
        );
        assert_eq!(told[1], ("b", Status::Passing, ""));
        assert_eq!((told[2].0, told[2].1), ("c", Status::Warning));
        assert!(told[2].2.starts_with("unreadable check: "), "{}", told[2].2);
        assert_eq!(told[3], ("d", Status::Critical, ""));
        assert!(told[4].2.starts_with("unreadable check: "), "{}", told[4].2);
        assert_eq!(
            told[5],
            ("e", Status::Warning, "unreadable check: Output is no text")
        );
        assert_eq!(told[6].2, "unreadable check: nothing");
        assert_eq!(told[7].2, "unreadable check: a text");
    }
}
