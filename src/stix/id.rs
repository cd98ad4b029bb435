//! STIX identifiers (§2.9), the class of a type, and the deterministic ids of cyber observables.
//! Nothing random is made here: what has no deterministic id is minted by the caller.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::{Uuid, Variant, uuid};

/// The namespace of deterministic observable ids (STIX §2.9).
pub const SCO_NAMESPACE: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// An identifier `type--uuid`, kept as it was written.
///
/// ```
/// use sekisho::stix::StixId;
/// let id: StixId = "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4".parse().unwrap();
/// assert_eq!(id.object_type(), "ipv4-addr");
/// assert_eq!(id.uuid().get_version_num(), 5);
/// assert!("ipv4-addr--28bb3599".parse::<StixId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StixId {
    text: String,
    uuid: Uuid,
}

/// The text is no STIX identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no STIX identifier")]
pub struct NoStixId(pub String);

/// Characters of a UUID in its hyphenated form.
const UUID_CHARS: usize = 36;

impl StixId {
    /// Joins a type and a UUID; `None` if the type is not spelled as STIX §3.1 asks.
    #[must_use]
    pub fn new(object_type: &str, uuid: Uuid) -> Option<Self> {
        is_type_name(object_type).then(|| Self {
            text: format!("{object_type}--{uuid}"),
            uuid,
        })
    }

    /// Reads an identifier: a type name, two hyphens, a hyphenated RFC 4122 (or 9562) UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The UUID is cut off by length, since a type never ends in a hyphen.
        let at = text.len().checked_sub(UUID_CHARS)?;
        let (head, tail) = text.split_at_checked(at)?;
        if !is_type_name(head.strip_suffix("--")?) {
            return None;
        }
        let uuid = Uuid::try_parse(tail).ok()?;
        let known_version = (1..=8).contains(&uuid.get_version_num());
        (uuid.get_variant() == Variant::RFC4122 && known_version).then(|| Self {
            text: text.to_owned(),
            uuid,
        })
    }

    /// The identifier as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The type in front.
    #[must_use]
    pub fn object_type(&self) -> &str {
        let end = self.text.len().saturating_sub(UUID_CHARS + 2);
        self.text.get(..end).unwrap_or_default()
    }

    /// The UUID behind.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The class of the type.
    #[must_use]
    pub fn class(&self) -> Class {
        class(self.object_type())
    }
}

impl fmt::Display for StixId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for StixId {
    type Err = NoStixId;

    fn from_str(text: &str) -> Result<Self, NoStixId> {
        Self::parse(text).ok_or_else(|| NoStixId(text.to_owned()))
    }
}

impl TryFrom<String> for StixId {
    type Error = NoStixId;

    fn try_from(text: String) -> Result<Self, NoStixId> {
        Self::parse(&text).ok_or(NoStixId(text))
    }
}

impl From<StixId> for String {
    fn from(id: StixId) -> Self {
        id.text
    }
}

/// Tells whether a text may name an object type (STIX §3.1, §11.2): 3 to 250 of `a-z0-9-`, a letter
/// first, no two hyphens together, none last (it would run into the identifier's separator).
#[must_use]
pub fn is_type_name(text: &str) -> bool {
    (3..=250).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.contains("--")
        && !text.ends_with('-')
}

/// The classes of STIX Objects (STIX §1.2, §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Domain object.
    Sdo,
    /// Relationship object.
    Sro,
    /// Cyber observable.
    Sco,
    /// Meta object: marking-definition, language-content, extension-definition.
    Meta,
    /// A type the standard does not define.
    Custom,
}

/// Names the class of a type; a bundle is no STIX Object and counts as custom.
#[must_use]
pub fn class(object_type: &str) -> Class {
    match object_type {
        "attack-pattern" | "campaign" | "course-of-action" | "grouping" | "identity"
        | "incident" | "indicator" | "infrastructure" | "intrusion-set" | "location"
        | "malware" | "malware-analysis" | "note" | "observed-data" | "opinion" | "report"
        | "threat-actor" | "tool" | "vulnerability" => Class::Sdo,
        "relationship" | "sighting" => Class::Sro,
        "marking-definition" | "language-content" | "extension-definition" => Class::Meta,
        other if contributing(other).is_some() => Class::Sco,
        _ => Class::Custom,
    }
}

/// The id-contributing properties of an observable type (STIX §6.x); `None` for other types.
fn contributing(object_type: &str) -> Option<&'static [&'static str]> {
    Some(match object_type {
        "artifact" => &["hashes", "payload_bin"],
        "autonomous-system" => &["number"],
        "directory" => &["path"],
        "domain-name" | "email-addr" | "ipv4-addr" | "ipv6-addr" | "mac-addr" | "url" => &["value"],
        "email-message" => &["from_ref", "subject", "body"],
        "file" => &["hashes", "name", "extensions", "parent_directory_ref"],
        "mutex" => &["name"],
        "network-traffic" => &[
            "start",
            "end",
            "src_ref",
            "dst_ref",
            "src_port",
            "dst_port",
            "protocols",
            "extensions",
        ],
        // A process is an event of one machine; the standard gives it no content to hash.
        "process" => &[],
        "software" => &["name", "cpe", "swid", "vendor", "version"],
        "user-account" => &["account_type", "user_id", "account_login"],
        "windows-registry-key" => &["key", "values"],
        "x509-certificate" => &["hashes", "serial_number"],
        _ => return None,
    })
}

/// Picks the parts of an observable that make its id; `None` if it is no observable or has none.
#[must_use]
pub fn contributing_content(object: &Value) -> Option<Value> {
    let members = object.as_object()?;
    let names = contributing(members.get("type")?.as_str()?)?;
    let mut content = Map::new();
    for &name in names {
        let Some(value) = members.get(name) else {
            continue;
        };
        let value = match (name, value.as_object()) {
            ("hashes", Some(hashes)) => one_hash(hashes)?,
            _ => value.clone(),
        };
        content.insert(name.to_owned(), value);
    }
    (!content.is_empty()).then_some(Value::Object(content))
}

/// The one hash that counts: the first of STIX's four, or whatever stands first.
fn one_hash(hashes: &Map<String, Value>) -> Option<Value> {
    let (name, hash) = ["MD5", "SHA-1", "SHA-256", "SHA-512"]
        .iter()
        .find_map(|&name| hashes.get_key_value(name))
        .or_else(|| hashes.iter().next())?;
    Some(Value::Object(Map::from_iter([(
        name.clone(),
        hash.clone(),
    )])))
}

/// Computes the deterministic id of an observable from its content (STIX §2.9); `None` where the
/// standard has none: other classes, `process`, and observables with no contributing property.
///
/// ```
/// let object = serde_json::json!({"type": "ipv4-addr", "value": "198.51.100.3"});
/// let id = sekisho::stix::id::deterministic_id(&object).unwrap();
/// assert_eq!(id.as_str(), "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4");
/// ```
#[must_use]
pub fn deterministic_id(object: &Value) -> Option<StixId> {
    let content = contributing_content(object)?;
    id_of_content(object.get("type")?.as_str()?, &content)
}

/// The deterministic id of contributing content already picked out.
pub(super) fn id_of_content(object_type: &str, content: &Value) -> Option<StixId> {
    let name = serde_json_canonicalizer::to_vec(content).ok()?;
    StixId::new(object_type, Uuid::new_v5(&SCO_NAMESPACE, &name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Made with PyPI `stix2` 3.0.2; the IPv4 address is also the standard's own example.
    #[test]
    fn observable_ids_agree_with_the_reference_library() {
        let vectors = [
            (
                "artifact--30db9816-3444-5ab6-8e93-f9262c146d34",
                json!({"mime_type": "image/jpeg", "payload_bin": "VBORw0KGgoAAAANSUhEUgAAADI=="}),
            ),
            (
                "artifact--b188c565-67a9-5a0c-81a4-d9e57074246a",
                json!({"url": "https://x.example/a", "hashes": {"SHA-512": "a".repeat(128), "SHA-256": "b".repeat(64)}}),
            ),
            (
                "autonomous-system--3aa27478-50b5-5ab8-9da9-cdc12b657fff",
                json!({"number": 15139, "name": "x"}),
            ),
            (
                "directory--0a58d0c1-59e6-5afd-8252-dcd3f13e5622",
                json!({"path": "C:\\Windows\\System32"}),
            ),
            (
                "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7",
                json!({"value": "example.com"}),
            ),
            (
                "domain-name--4cbe4ad2-21ff-5d88-860c-1f4584ab89b5",
                json!({"value": "日本語.example"}),
            ),
            (
                "email-addr--7165e2a9-671f-585d-b1e1-ca59c671d934",
                json!({"value": "john@example.com", "display_name": "J"}),
            ),
            (
                "email-message--3f759ba0-07d9-53e4-bb52-b08a42ac9042",
                json!({"is_multipart": false, "from_ref": "email-addr--89f52ea8-d6ef-51e9-8fce-6a29236436ed", "subject": "Check \"this\"\n out €", "body": "hi"}),
            ),
            (
                "file--acc3845f-0943-5f07-b33e-e25dc0fc2816",
                json!({"hashes": {"SHA-256": "ceafbfd424be2ca4a5f0402cae090dda2fb0526cf521b60b60077c0f622b285a", "MD5": "66e2ea40dc71d5ba701574ea215a81f1"}, "name": "foo.dll", "parent_directory_ref": "directory--93c0a9b0-520d-545d-9094-1a08ddf46b05"}),
            ),
            (
                "file--e7ea0278-06b4-5286-b178-84a77e5963ff",
                json!({"name": "a.png", "extensions": {"raster-image-ext": {"bits_per_pixel": 8, "exif_tags": {"Make": "N", "XResolution": 4928}}}}),
            ),
            (
                "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
                json!({"value": "198.51.100.3"}),
            ),
            (
                "ipv6-addr--85a85a8c-ee99-5722-946d-3c3a3270fc6f",
                json!({"value": "2001:0db8:85a3:0000:0000:8a2e:0370:7334"}),
            ),
            (
                "mac-addr--757b1725-9903-54f5-a855-1240691d7659",
                json!({"value": "d2:fb:49:24:37:18"}),
            ),
            (
                "mutex--f93fe911-e545-5239-b9b0-597840d0c871",
                json!({"name": "__CLEANSWEEP__"}),
            ),
            (
                "network-traffic--de81f011-622d-5958-b07b-c003a69f8653",
                json!({"start": "2020-01-01T00:00:00Z", "src_ref": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4", "src_port": 1024, "dst_port": 443, "protocols": ["ipv4", "tcp"], "src_byte_count": 3}),
            ),
            (
                "software--710b0b41-d4d0-5d6c-a400-fc9254554ffc",
                json!({"name": "Word", "cpe": "cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*", "vendor": "Microsoft", "version": "2002"}),
            ),
            (
                "url--224dd146-117d-55cf-b344-16b652b5be03",
                json!({"value": "https://example.com/research/index.html?a=<b>&c=\u{2028}"}),
            ),
            (
                "user-account--f94d689e-707d-58c3-b803-c720bb6ed096",
                json!({"user_id": "1001", "account_login": "jdoe", "account_type": "unix", "display_name": "J"}),
            ),
            (
                "windows-registry-key--5f15b061-9c3d-5ea8-93b8-72468f206c1a",
                json!({"key": "hkey_local_machine\\system\\bar\\foo", "values": [{"name": "Foo", "data": "qwerty", "data_type": "REG_SZ"}]}),
            ),
            (
                "x509-certificate--bf86f034-2390-54d7-8426-d08433db3fbe",
                json!({"serial_number": "36:f7:d4:32:f4:ab:70:ea:d3:ce:98:6e:ea:99:93:49:32:0a:b7:06", "issuer": "C=ZA"}),
            ),
        ];
        for (expected, mut object) in vectors {
            let (object_type, _) = expected.split_once("--").unwrap();
            object["type"] = json!(object_type);
            assert_eq!(deterministic_id(&object).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_has_no_contributing_content_has_no_deterministic_id() {
        for object in [
            json!({"type": "process", "pid": 1}),
            json!({"type": "x509-certificate", "issuer": "C=JP"}),
            json!({"type": "identity", "name": "a"}),
            json!({"type": "x-thing", "value": "a"}),
            json!({"value": "a"}),
            json!([]),
        ] {
            assert_eq!(deterministic_id(&object), None, "{object}");
        }
    }

    #[test]
    fn ids_have_a_type_and_an_rfc_uuid() {
        const UUID: &str = "28bb3599-77cd-4a82-a950-b5bc3caf07c4";
        for kind in ["ipv4-addr", "x-a", "abc", "x-jp-hub-1"] {
            let id = StixId::parse(&format!("{kind}--{UUID}")).unwrap();
            assert_eq!(id.object_type(), kind);
            assert_eq!(StixId::new(kind, id.uuid()).unwrap(), id);
        }
        for kind in [
            "",
            "ab",
            "Abc",
            "1abc",
            "-abc",
            "a--b",
            "abc-",
            "a_b",
            "a b",
            "日本語",
        ] {
            assert!(
                StixId::parse(&format!("{kind}--{UUID}")).is_none(),
                "{kind}"
            );
            assert!(StixId::new(kind, SCO_NAMESPACE).is_none(), "{kind}");
        }
        assert!(StixId::parse(&format!("{}--{UUID}", "a".repeat(250))).is_some());
        assert!(StixId::parse(&format!("{}--{UUID}", "a".repeat(251))).is_none());
        for bad in [
            "28bb359977cd4a82a950b5bc3caf07c4",
            "28bb3599-77cd-0a82-a950-b5bc3caf07c4",
            "28bb3599-77cd-9a82-a950-b5bc3caf07c4",
            "28bb3599-77cd-4a82-c950-b5bc3caf07c4",
            "00000000-0000-0000-0000-000000000000",
            "{8bb3599-77cd-4a82-a950-b5bc3caf07c}",
            "28bb3599-77cd-4a82-a950-b5bc3caf07c",
            "28bb3599-77cd-4a82-a950-b5bc3caf07c4 ",
        ] {
            assert!(StixId::parse(&format!("tool--{bad}")).is_none(), "{bad}");
        }
        assert!(StixId::parse("tool-28bb3599-77cd-4a82-a950-b5bc3caf07c4").is_none());
        assert!(StixId::parse("日28bb3599-77cd-4a82-a950-b5bc3caf07c4").is_none());
    }

    #[test]
    fn classes_are_the_standards() {
        assert_eq!(class("incident"), Class::Sdo);
        assert_eq!(class("sighting"), Class::Sro);
        assert_eq!(class("process"), Class::Sco);
        assert_eq!(class("marking-definition"), Class::Meta);
        assert_eq!(class("bundle"), Class::Custom);
        assert_eq!(class("x-ipv4-addr"), Class::Custom);
    }

    #[test]
    fn serde_refuses_what_parse_refuses() {
        let id = "tool--28bb3599-77cd-4a82-a950-b5bc3caf07c4";
        let read: StixId = serde_json::from_value(json!(id)).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json!(id));
        assert!(serde_json::from_value::<StixId>(json!("tool--1")).is_err());
    }
}
