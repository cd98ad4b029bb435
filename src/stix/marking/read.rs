//! What a marking of the world says: labels in any spelling, and the bodies of marking definitions
//! that a source made itself (statements, OpenCTI's statements that stand for TLP or PAP, IEP 2.0).
//! Reading is all it does: what cannot be read is said to be so, and never guessed. Whether the
//! source may say it, and what follows, is decided by the caller.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::handling::{Attribution, Automated, Downgrade, Onward, Pap, Rule, Tlp};

/// The property extension of such a hub as this for what neither TLP nor IEP can say.
pub const HANDLING_EXTENSION: &str = "extension-definition--a3c5be0e-58a1-4a0f-8f5e-0e2c4a1f9d37";

/// The extension of IEP 2.0 (OASIS common objects, draft of 2022-12-19).
pub const IEP_EXTENSION: &str = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a";
/// OpenCTI writes its own ids into this one; it says nothing on handling.
const OPENCTI_EXTENSION: &str = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

/// One of the two protocols whose words stand in labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// How far.
    Tlp(Tlp),
    /// What others may notice.
    Pap(Pap),
    /// It begins as a handling label and cannot be read as one.
    Unreadable,
}

/// An IEP 2.0 policy, in the dimensions of the common rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iep {
    /// Its TLP 1 colour.
    pub tlp: Tlp,
    /// Its permitted actions, as the PAP word that allows no more.
    pub pap: Pap,
    /// Whether the provider may be named.
    pub attribution: Attribution,
    /// What it forbids beside.
    pub prohibited: BTreeSet<String>,
    /// From when on it is in force.
    pub start: DateTime<Utc>,
    /// Until when; after that it is unknown, not free.
    pub end: Option<DateTime<Utc>>,
}

/// What a marking definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A TLP level in a dialect of its own.
    Tlp(Tlp),
    /// A PAP level in a dialect of its own.
    Pap(Pap),
    /// Words to carry along.
    Statement,
    /// An IEP 2.0 policy.
    Iep(Box<Iep>),
    /// What such a hub as this asks of its readers; it only ever narrows.
    Obligations(Box<Rule>),
    /// Nothing the hub can read.
    Unknown,
}

/// Reads a label such as `tlp:amber+strict`, `PAP:WHITE` or `ＴＬＰ：ＲＥＤ`; `None` where the text
/// is about something else.
///
/// ```
/// use sekisho::{handling::Tlp, stix::marking::{Label, label}};
/// assert_eq!(label("TLP: amber_strict"), Some(Label::Tlp(Tlp::AmberStrict)));
/// assert_eq!(label("tlp:black"), Some(Label::Unreadable));
/// assert_eq!(label("paper"), None);
/// ```
#[must_use]
pub fn label(text: &str) -> Option<Label> {
    let folded: String = text
        .nfkc()
        .filter(|char| !char.is_control() && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect();
    let folded = folded.trim();
    // Whole policies in a label: MISP's taxonomies of IEP.
    if ["iep:", "iep2-policy:", "iep2-reference:"]
        .iter()
        .any(|prefix| folded.starts_with(prefix))
    {
        return Some(Label::Unreadable);
    }
    let (rest, tlp) = match (folded.strip_prefix("tlp"), folded.strip_prefix("pap")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return None,
    };
    if rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    let word: String = rest
        .chars()
        .map(|char| if char.is_alphanumeric() { char } else { ' ' })
        .collect();
    let words: Vec<&str> = word.split_whitespace().collect();
    Some(match (tlp, words.as_slice()) {
        (true, ["amber", "strict"]) => Label::Tlp(Tlp::AmberStrict),
        (true, [one]) => one.parse().map_or(Label::Unreadable, Label::Tlp),
        (false, [one]) => pap(one).map_or(Label::Unreadable, Label::Pap),
        _ => Label::Unreadable,
    })
}

/// The PAP level of a word; WHITE is the former CLEAR.
#[must_use]
pub fn pap(word: &str) -> Option<Pap> {
    match word.to_ascii_uppercase().as_str() {
        "CLEAR" | "WHITE" => Some(Pap::Clear),
        "GREEN" => Some(Pap::Green),
        "AMBER" => Some(Pap::Amber),
        "RED" => Some(Pap::Red),
        _ => None,
    }
}

/// Reads a marking definition of a source's own. One that says several things says the strictest;
/// one that says anything unreadable says nothing.
#[must_use]
pub fn meaning(definition: &Value) -> Meaning {
    let text = |name: &str| definition.get(name).and_then(Value::as_str);
    let statement = definition
        .get("definition")
        .and_then(|body| body.get("statement"))
        .and_then(Value::as_str);
    let (mut iep, mut obligations) = (None, None);
    for (key, body) in definition
        .get("extensions")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match key.as_str() {
            OPENCTI_EXTENSION => {}
            IEP_EXTENSION => match read_iep(body) {
                Some(policy) => iep = Some(policy),
                None => return Meaning::Unknown,
            },
            HANDLING_EXTENSION => match read_obligations(body) {
                Some(rule) => obligations = Some(rule),
                None => return Meaning::Unknown,
            },
            _ => return Meaning::Unknown,
        }
    }
    let opencti = text("x_opencti_definition_type");
    let known = |kind: &str| ["tlp", "pap", "statement"].contains(&kind.to_lowercase().as_str());
    if opencti.is_some_and(|kind| !known(kind)) {
        return Meaning::Unknown;
    }
    let mut labels: Vec<Label> = [text("name"), text("x_opencti_definition"), statement]
        .into_iter()
        .flatten()
        .filter_map(label)
        .collect();
    if opencti.is_some_and(|kind| !kind.eq_ignore_ascii_case("statement")) && labels.is_empty() {
        return Meaning::Unknown;
    }
    // A sentence about TLP or PAP that is no label might say anything.
    if statement.is_some_and(|words| label(words).is_none() && mentions(words)) {
        labels.push(Label::Unreadable);
    }
    let (mut tlp, mut pap) = (None, None);
    for label in labels {
        match label {
            Label::Unreadable => return Meaning::Unknown,
            Label::Tlp(found) => tlp = tlp.max(Some(found)),
            Label::Pap(found) => pap = pap.max(Some(found)),
        }
    }
    if let Some(rule) = obligations {
        let alone = iep.is_none() && tlp.is_none() && pap.is_none() && statement.is_none();
        return match alone && opencti.is_none() {
            true => Meaning::Obligations(Box::new(rule)),
            false => Meaning::Unknown, // no hub writes it so
        };
    }
    match (iep, tlp, pap) {
        (Some(mut policy), tlp, pap) => {
            policy.tlp = tlp.map_or(policy.tlp, |tlp| policy.tlp.max(tlp));
            policy.pap = pap.map_or(policy.pap, |pap| policy.pap.max(pap));
            Meaning::Iep(Box::new(policy))
        }
        (None, Some(tlp), None) => Meaning::Tlp(tlp),
        (None, None, Some(pap)) => Meaning::Pap(pap),
        (None, None, None) if text("definition_type") == Some("statement") => {
            statement.map_or(Meaning::Unknown, |_| Meaning::Statement)
        }
        _ => Meaning::Unknown,
    }
}

fn mentions(words: &str) -> bool {
    let folded: String = words.nfkc().flat_map(char::to_lowercase).collect();
    folded
        .split(|char: char| !char.is_ascii_alphanumeric())
        .any(|word| word == "tlp" || word == "pap")
}

/// What `exchange/supports.rs` writes. A member that is not known might ask anything, so then the
/// whole is unreadable; one that is not there asks nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Obligations {
    onward: Option<Onward>,
    purposes_allowed: Option<BTreeSet<String>>,
    #[serde(default)]
    purposes_prohibited: BTreeSet<String>,
    automated: Option<Automated>,
    pap: Option<Pap>,
    retention_max_days: Option<u32>,
    #[serde(default)]
    retention_min_days: u32,
    #[serde(default)]
    storage_jp_only: bool,
    #[serde(default)]
    k: u32,
    ack_hours: Option<u32>,
}

fn read_obligations(body: &Value) -> Option<Rule> {
    let members = body.as_object()?;
    if !members
        .keys()
        .all(|key| ["extension_type", "handling"].contains(&key.as_str()))
    {
        return None;
    }
    let asked = Obligations::deserialize(members.get("handling")?).ok()?;
    let mut rule = Rule::unrestricted();
    rule.onward = asked.onward.unwrap_or(rule.onward);
    rule.purposes_allowed = asked.purposes_allowed;
    rule.purposes_prohibited = asked.purposes_prohibited;
    rule.automated = asked.automated.unwrap_or(rule.automated);
    rule.pap = asked.pap.unwrap_or(rule.pap);
    rule.retention_max_days = asked.retention_max_days;
    rule.access.retention_min_days = asked.retention_min_days;
    rule.access.storage_jp_only = asked.storage_jp_only;
    rule.k = asked.k;
    rule.ack_hours = asked.ack_hours;
    rule.downgrade = Downgrade::Never; // when it becomes looser, its own hub says so
    Some(rule)
}

/// IEP 2.0 in STIX: every statement is required but the end; a value that is none of the
/// framework's, or another version, makes the whole unreadable.
fn read_iep(body: &Value) -> Option<Iep> {
    let text = |name: &str| {
        let value = body.get(name)?.as_str()?;
        Some(value.to_ascii_lowercase().replace('_', "-"))
    };
    let instant = |name: &str| {
        let text = body.get(name)?.as_str()?;
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Some(at.with_timezone(&Utc))
    };
    if body.get("iep_version").and_then(Value::as_f64) != Some(2.0) {
        return None;
    }
    let mut prohibited = BTreeSet::new();
    let mut forbids = |name: &str, purpose: &str| match text(name)?.as_str() {
        "may" => Some(()),
        "must-not" => {
            prohibited.insert(purpose.to_owned());
            Some(())
        }
        _ => None,
    };
    forbids(
        "affected_party_notifications",
        "affected_party_notification",
    )?;
    forbids("unmodified_resale", "unmodified_resale")?;
    // The hub hands nothing over in the clear, so both are kept.
    if !matches!(text("encrypt_in_transit")?.as_str(), "must" | "may") {
        return None;
    }
    Some(Iep {
        tlp: text("tlp")?.parse().ok()?,
        pap: match text("permitted_actions")?.as_str() {
            // What is visible inside the recipient's own network only is passive seen from outside.
            "none" | "contact-for-instruction" | "internally-visible-actions" => Pap::Red,
            "externally-visible-indirect-actions" => Pap::Amber,
            "externally-visible-direct-actions" => Pap::Clear,
            _ => return None,
        },
        attribution: match text("provider_attribution")
            .or_else(|| text("attribution"))?
            .as_str()
        {
            "may" => Attribution::NameOk,
            "must-not" => Attribution::Withheld,
            // `must` forbids what the anonymised form is for; no dimension says so.
            _ => return None,
        },
        prohibited,
        start: instant("start_date")?,
        end: match body.get("end_date") {
            None | Some(Value::Null) => None,
            Some(_) => Some(instant("end_date")?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_read_in_every_spelling_and_a_near_miss_is_unreadable() {
        for (text, tlp) in [
            ("tlp:white", Tlp::Clear),
            ("TLP:CLEAR", Tlp::Clear),
            ("tlp:green", Tlp::Green),
            ("TLP:Amber", Tlp::Amber),
            ("tlp:amber+strict", Tlp::AmberStrict),
            ("TLP: AMBER STRICT", Tlp::AmberStrict),
            ("ＴＬＰ：ＲＥＤ", Tlp::Red),
            (" tlp=\"red\" ", Tlp::Red),
        ] {
            assert_eq!(label(text), Some(Label::Tlp(tlp)), "{text}");
        }
        for text in [
            "tlp:black",
            "tlp",
            "tlp:amber+lax",
            "tlp:ex:chr",
            "PAP:PINK",
            "iep2-policy:tlp=\"red\"",
        ] {
            assert_eq!(label(text), Some(Label::Unreadable), "{text}");
        }
        for text in ["tlprelated", "paper", "malware", "", "the tlp"] {
            assert_eq!(label(text), None, "{text}");
        }
        assert_eq!(label("pap:white"), Some(Label::Pap(Pap::Clear)));
        assert_eq!(label("PAP:RED"), Some(Label::Pap(Pap::Red)));
    }

    fn statement(words: &str) -> Value {
        json!({"definition_type": "statement", "definition": {"statement": words}})
    }

    #[test]
    fn a_statement_is_words_a_label_or_unreadable() {
        assert_eq!(meaning(&statement("© example")), Meaning::Statement);
        assert_eq!(meaning(&statement("TLP:AMBER")), Meaning::Tlp(Tlp::Amber));
        assert_eq!(meaning(&statement("pap:red")), Meaning::Pap(Pap::Red));
        assert_eq!(meaning(&statement("Treat as TLP:RED")), Meaning::Unknown);
        assert_eq!(
            meaning(&json!({"definition_type": "acs", "definition": {}})),
            Meaning::Unknown
        );
        let mut extended = statement("© example");
        extended["extensions"] =
            json!({"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce": {}});
        assert_eq!(meaning(&extended), Meaning::Unknown);
    }

    #[test]
    fn opencti_writes_tlp_and_pap_as_statements() {
        let mut body = statement("custom");
        body["x_opencti_definition_type"] = json!("TLP");
        assert_eq!(meaning(&body), Meaning::Unknown, "without its word");
        body["x_opencti_definition"] = json!("TLP:AMBER+STRICT");
        assert_eq!(meaning(&body), Meaning::Tlp(Tlp::AmberStrict));
        body["name"] = json!("TLP:RED");
        assert_eq!(
            meaning(&body),
            Meaning::Tlp(Tlp::Red),
            "the stricter of two"
        );
        body["x_opencti_definition"] = json!("TLP:BLACK");
        assert_eq!(meaning(&body), Meaning::Unknown);
        body["x_opencti_definition_type"] = json!("CLASSIFICATION");
        body["x_opencti_definition"] = json!("SECRET");
        assert_eq!(meaning(&body), Meaning::Unknown, "another scale");
    }

    #[test]
    fn obligations_are_read_whole_or_not_at_all() {
        let read = |handling: Value| {
            let body = json!({"extension_type": "property-extension", "handling": handling});
            let name = "Handling obligations";
            meaning(&json!({"name": name, "extensions": {HANDLING_EXTENSION: body}}))
        };
        let Meaning::Obligations(rule) = read(json!({
            "onward": {"group": "deny", "vendor": "deny", "client": "deny", "overseas": "deny"},
            "purposes_allowed": ["defence"], "automated": "human_only", "pap": "RED",
            "retention_max_days": 30, "retention_min_days": 3, "storage_jp_only": true, "k": 5,
        })) else {
            panic!("unread")
        };
        assert_eq!((rule.pap, rule.k), (Pap::Red, 5));
        assert_eq!(rule.automated, Automated::HumanOnly);
        assert!(rule.access.storage_jp_only && rule.access.retention_min_days == 3);
        assert_eq!(rule.retention_max_days, Some(30));
        assert!(
            rule.purposes_allowed
                .is_some_and(|allowed| allowed.contains("defence"))
        );
        for strange in [
            json!({"pap": "PINK"}),
            json!({"k": -1}),
            json!({"readers": ["everybody"]}),
            json!("free"),
        ] {
            assert_eq!(read(strange.clone()), Meaning::Unknown, "{strange}");
        }
    }

    fn policy() -> Value {
        json!({
            "extension_type": "property-extension", "encrypt_in_transit": "may",
            "permitted_actions": "externally-visible-direct-actions",
            "affected_party_notifications": "may", "tlp": "amber", "provider_attribution": "must-not",
            "unmodified_resale": "must-not", "iep_id": "01bc4353-4829-4d55-8d52-0ab7e0790df9",
            "iep_version": 2.0, "description": "d", "start_date": "2017-01-01T00:00:00Z",
        })
    }

    #[test]
    fn an_iep_policy_is_read_whole_or_not_at_all() {
        let read =
            |body: &Value| meaning(&json!({"name": "n", "extensions": {IEP_EXTENSION: body}}));
        let Meaning::Iep(iep) = read(&policy()) else {
            panic!("unread")
        };
        assert_eq!(
            (iep.tlp, iep.pap, iep.attribution),
            (Tlp::Amber, Pap::Clear, Attribution::Withheld)
        );
        assert!(iep.prohibited.contains("unmodified_resale") && iep.end.is_none());
        for (name, value) in [
            ("tlp", json!("pink")),
            ("permitted_actions", json!("anything")),
            ("provider_attribution", json!("must")),
            ("iep_version", json!(1.0)),
            ("end_date", json!("soon")),
            ("start_date", json!(null)),
            ("encrypt_in_transit", json!("never")),
            ("unmodified_resale", json!("perhaps")),
        ] {
            let mut body = policy();
            body[name] = value;
            assert_eq!(read(&body), Meaning::Unknown, "{name}");
        }
    }
}
