//! A strict JSON reader for bytes from outside. It refuses what RFC 7493 (I-JSON) warns of, because
//! two readers may understand it differently: repeated member names, lone surrogates, invalid
//! UTF-8, integers beyond 2^53 − 1. It also bounds size and nesting, so that no input can exhaust
//! the stack. It knows nothing of STIX beyond the envelope around the objects.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The largest integer that every JSON reader keeps exactly (RFC 7493 §2.2, STIX §2.9, TAXII §2).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Bounds on one JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text, in bytes.
    pub bytes_max: usize,
    /// Deepest nesting of arrays and objects; a bare array is one level. Never above
    /// [`Limits::DEPTH_CEILING`], whatever is set here.
    pub depth_max: usize,
    /// Most objects in one envelope or bundle.
    pub objects_max: usize,
}

impl Limits {
    /// The reader recurses once per level; this many levels fit any thread's stack.
    pub const DEPTH_CEILING: usize = 64;
}

impl Default for Limits {
    /// 10 MiB, 64 levels, 10 000 objects.
    fn default() -> Self {
        Self {
            bytes_max: 10 << 20,
            depth_max: Self::DEPTH_CEILING,
            objects_max: 10_000,
        }
    }
}

/// Why a text was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at `{pointer}` ({rule})")]
pub struct JsonFault {
    /// JSON pointer (RFC 6901) of the value at fault; empty for the text as a whole.
    pub pointer: String,
    /// The clause or the limit that refuses it.
    pub rule: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

impl JsonFault {
    fn whole(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            rule,
            message: message.into(),
        }
    }
}

/// Reads one JSON text.
///
/// # Errors
/// The first fault met, with its place.
///
/// ```
/// use sekisho::stix::json::{Limits, parse};
/// assert!(parse(br#"{"a":1}"#, &Limits::default()).is_ok());
/// let fault = parse(br#"{"a":{"b":1,"b":1}}"#, &Limits::default()).unwrap_err();
/// assert_eq!(fault.pointer, "/a/b");
/// ```
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonFault> {
    read(text(bytes, limits)?, limits)
}

/// The objects of a posted TAXII envelope or STIX bundle.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// Whether they came in a bundle.
    pub bundle: bool,
    /// The objects in order; may be empty, which is the caller's to judge.
    pub objects: Vec<Enveloped<'a>>,
}

/// One object, as sent and as read.
#[derive(Debug)]
pub struct Enveloped<'a> {
    /// The exact text of the object in the request.
    pub raw: &'a str,
    /// The strict reading of that text; a fault in one object does not touch the others.
    pub value: Result<Value, JsonFault>,
}

/// Takes an envelope (`{"objects": […]}`) or a bundle apart; its other members are ignored.
///
/// # Errors
/// A text that is neither, that is no JSON, or that is beyond the limits.
pub fn split_envelope<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Envelope<'a>, JsonFault> {
    let text = text(bytes, limits)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = MembersSeed
        .deserialize(&mut reader)
        .map_err(|error| JsonFault::whole("RFC 8259", error.to_string()))?;
    reader
        .end()
        .map_err(|error| JsonFault::whole("RFC 8259", error.to_string()))?;
    if members.repeated {
        return Err(JsonFault {
            pointer: "/objects".to_owned(),
            rule: "RFC 7493 2.3",
            message: "`objects` or `type` is given more than once".to_owned(),
        });
    }
    let bundle = match members.kind {
        None => false,
        Some(raw) => match serde_json::from_str::<&str>(raw.get()) {
            Ok("bundle") => true,
            _ => {
                return Err(JsonFault {
                    pointer: "/type".to_owned(),
                    rule: "TAXII 3.7",
                    message: "neither an envelope nor a bundle".to_owned(),
                });
            }
        },
    };
    let list: Vec<&RawValue> = match members.objects {
        None => Vec::new(),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| JsonFault {
            pointer: "/objects".to_owned(),
            rule: "TAXII 3.7",
            message: "`objects` is not a list".to_owned(),
        })?,
    };
    if list.len() > limits.objects_max {
        return Err(JsonFault {
            pointer: "/objects".to_owned(),
            rule: "limit objects",
            message: format!("more than {} objects", limits.objects_max),
        });
    }
    let objects = list
        .into_iter()
        .map(|raw| Enveloped {
            raw: raw.get(),
            value: read(raw.get(), limits),
        })
        .collect();
    Ok(Envelope { bundle, objects })
}

fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, JsonFault> {
    if bytes.len() > limits.bytes_max {
        let message = format!("longer than {} bytes", limits.bytes_max);
        return Err(JsonFault::whole("limit bytes", message));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("invalid UTF-8 after byte {}", error.valid_up_to());
        JsonFault::whole("RFC 8259 8.1", message)
    })
}

fn read(text: &str, limits: &Limits) -> Result<Value, JsonFault> {
    let fault = RefCell::new(None);
    let seed = Strict {
        depth_left: limits.depth_max.min(Limits::DEPTH_CEILING),
        place: Place::Root,
        fault: &fault,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = seed
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let found = fault.into_inner();
        found.unwrap_or_else(|| JsonFault::whole("RFC 8259", error.to_string()))
    })
}

/// Where the reader stands: a list through the stack frames, so that no path is built unless a
/// fault needs one.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    pub(super) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => format!("{}/{}", parent.pointer(), escape(name)),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// Escapes one reference token of a JSON pointer (RFC 6901 §3).
#[must_use]
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

struct Strict<'p> {
    depth_left: usize,
    place: Place<'p>,
    fault: &'p RefCell<Option<JsonFault>>,
}

impl Strict<'_> {
    /// Records the fault once: the innermost frame sees it first.
    fn refuse<E: serde::de::Error>(&self, rule: &'static str, message: String) -> E {
        let error = E::custom(&message);
        let mut fault = self.fault.borrow_mut();
        if fault.is_none() {
            *fault = Some(JsonFault {
                pointer: self.place.pointer(),
                rule,
                message,
            });
        }
        error
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| {
            let message = "nested more deeply than the limit".to_owned();
            self.refuse("limit depth", message)
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let (place, fault) = (self.place, self.fault);
        deserializer.deserialize_any(self).inspect_err(|error| {
            let mut seen = fault.borrow_mut();
            if seen.is_none() {
                *seen = Some(JsonFault {
                    pointer: place.pointer(),
                    rule: "RFC 8259",
                    message: error.to_string(),
                });
            }
        })
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > INTEGER_MAX {
            return Err(self.refuse("RFC 7493 2.2", format!("integer `{value}` out of range")));
        }
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > INTEGER_MAX {
            return Err(self.refuse("RFC 7493 2.2", format!("integer `{value}` out of range")));
        }
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.refuse("RFC 7493 2.2", "number out of range".to_owned()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut list = Vec::new();
        loop {
            let seed = Strict {
                depth_left,
                place: Place::Item(&self.place, list.len()),
                fault: self.fault,
            };
            match items.next_element_seed(seed)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let inner = Strict {
                depth_left,
                place: Place::Member(&self.place, &name),
                fault: self.fault,
            };
            if map.contains_key(&name) {
                let message = format!("member `{name}` is given more than once");
                return Err(inner.refuse("RFC 7493 2.3", message));
            }
            let value = members.next_value_seed(inner)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// The two members of an envelope that matter, unread.
#[derive(Default)]
struct Members<'a> {
    objects: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    repeated: bool,
}

struct MembersSeed;

impl<'de> DeserializeSeed<'de> for MembersSeed {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MembersSeed {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope or a bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = access.next_key::<String>()? {
            // RawValue is skipped without recursion, so depth is no danger before `read`.
            let raw: &'de RawValue = access.next_value()?;
            let slot = match name.as_str() {
                "objects" => &mut members.objects,
                "type" => &mut members.kind,
                _ => continue,
            };
            members.repeated |= slot.replace(raw).is_some();
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> JsonFault {
        parse(text.as_bytes(), &Limits::default()).unwrap_err()
    }

    #[test]
    fn values_and_member_order_are_kept() {
        let text = r#"{"z":[1,-2,0.5,true,null],"a":{"x~/y":"é\ud83d\ude00"}}"#;
        let value = parse(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"z":[1,-2,0.5,true,null],"a":{"x~/y":"é😀"}}"#
        );
    }

    #[test]
    fn a_repeated_member_is_refused_where_it_stands_and_equal_names_in_siblings_are_not() {
        let found = fault(r#"{"a":[{"b":1},{"x/~":{"c":1,"c":2}}]}"#);
        assert_eq!(
            (found.pointer.as_str(), found.rule),
            ("/a/1/x~1~0/c", "RFC 7493 2.3")
        );
        // the escaped spelling is the same name
        assert_eq!(fault(r#"{"a":1,"\u0061":1}"#).pointer, "/a");
        assert!(parse(br#"[{"b":1},{"b":1}]"#, &Limits::default()).is_ok());
    }

    #[test]
    fn sixty_four_levels_are_read_and_sixty_five_are_not() {
        let nest = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nest(64).as_bytes(), &Limits::default()).is_ok());
        assert_eq!(fault(&nest(65)).rule, "limit depth");
        assert_eq!(fault(&nest(65)).pointer, "/0".repeat(64));
        let wide = Limits {
            depth_max: 10_000,
            ..Limits::default()
        };
        assert!(
            parse(nest(65).as_bytes(), &wide).is_err(),
            "the ceiling holds"
        );
        let mixed = format!("{}1{}", r#"{"a":["#.repeat(33), "]}".repeat(33));
        assert_eq!(fault(&mixed).rule, "limit depth");
    }

    #[test]
    fn hundreds_of_thousands_of_brackets_do_not_overflow_the_stack() {
        assert_eq!(fault(&"[".repeat(300_000)).rule, "limit depth");
        assert_eq!(fault(&r#"{"a":"#.repeat(300_000)).rule, "limit depth");
        let envelope = format!(
            r#"{{"objects":[{}1{}]}}"#,
            "[".repeat(300_000),
            "]".repeat(300_000)
        );
        let split = split_envelope(envelope.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            split.objects[0].value.as_ref().unwrap_err().rule,
            "limit depth"
        );
        let ignored = format!(r#"{{"x":{},"objects":[]}}"#, "[".repeat(300_000));
        assert!(split_envelope(ignored.as_bytes(), &Limits::default()).is_err());
    }

    #[test]
    fn bytes_utf8_surrogates_and_big_integers_are_bounded() {
        let small = Limits {
            bytes_max: 4,
            ..Limits::default()
        };
        assert!(parse(b"1234", &small).is_ok());
        assert_eq!(parse(b"12345", &small).unwrap_err().rule, "limit bytes");
        assert_eq!(
            parse(b"\"\xff\"", &Limits::default()).unwrap_err().rule,
            "RFC 8259 8.1"
        );
        assert_eq!(fault(r#"{"a":["\ud800"]}"#).pointer, "/a/0");
        assert!(parse(b"9007199254740991", &Limits::default()).is_ok());
        assert_eq!(fault("9007199254740992").rule, "RFC 7493 2.2");
        assert_eq!(fault("[-9007199254740992]").pointer, "/0");
        assert!(parse(b"1e400", &Limits::default()).is_err());
    }

    #[test]
    fn broken_or_trailing_text_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":}",
            "1 2",
            "{}x",
            "nul",
            "\"\u{1}\"",
            "NaN",
        ] {
            assert_eq!(fault(text).rule, "RFC 8259", "{text:?}");
        }
    }

    #[test]
    fn an_envelope_gives_each_object_byte_for_byte() {
        let text = br#"{"more":false, "objects": [ {"b" : 1.50,"a":"\u00e9"} ,{"a":1,"a":2}]}"#;
        let split = split_envelope(text, &Limits::default()).unwrap();
        assert!(!split.bundle);
        assert_eq!(split.objects[0].raw, r#"{"b" : 1.50,"a":"\u00e9"}"#);
        assert_eq!(split.objects[0].value.as_ref().unwrap()["a"], "é");
        assert_eq!(split.objects[1].value.as_ref().unwrap_err().pointer, "/a");
    }

    #[test]
    fn a_bundle_is_taken_and_a_lone_object_is_not() {
        let bundle = br#"{"type":"bundle","id":"bundle--x","objects":[{}]}"#;
        let split = split_envelope(bundle, &Limits::default()).unwrap();
        assert!(split.bundle && split.objects.len() == 1);
        let lone = br#"{"type":"indicator","id":"indicator--x"}"#;
        assert_eq!(
            split_envelope(lone, &Limits::default()).unwrap_err().rule,
            "TAXII 3.7"
        );
    }

    #[test]
    fn an_empty_envelope_is_empty_and_a_malformed_one_is_refused() {
        let split = |text: &'static str| split_envelope(text.as_bytes(), &Limits::default());
        assert!(split("{}").unwrap().objects.is_empty());
        assert!(split(r#"{"objects":[]}"#).unwrap().objects.is_empty());
        for text in [
            "[]",
            "1",
            r#"{"objects":{}}"#,
            r#"{"objects":null}"#,
            r#"{"objects":[1}"#,
            r#"{"objects":[],"objects":[]}"#,
            r#"{"objects":[]} x"#,
            r#"{"type":1,"objects":[]}"#,
        ] {
            assert!(split(text).is_err(), "{text}");
        }
        let two = Limits {
            objects_max: 2,
            ..Limits::default()
        };
        assert!(split_envelope(br#"{"objects":[1,2]}"#, &two).is_ok());
        let many = split_envelope(br#"{"objects":[1,2,3]}"#, &two).unwrap_err();
        assert_eq!(many.rule, "limit objects");
    }
}
