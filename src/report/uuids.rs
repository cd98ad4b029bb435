//! UUIDs in running text, and those that anybody can compute from a name: version 5 of what
//! identifies the source, in the namespaces everybody knows.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::fold::Glyph;

/// The namespace of STIX observables (STIX 2.9).
const STIX: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// Every UUID in a text folded as a host, with or without hyphens.
pub(super) fn in_glyphs(glyphs: &[Glyph]) -> Vec<Uuid> {
    let mut found = Vec::new();
    let mut run: Vec<char> = Vec::new();
    for glyph in glyphs {
        let hyphen = matches!(glyph.ch, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
        if hyphen && !glyph.gap {
            continue;
        }
        if glyph.gap || !glyph.ch.is_ascii_hexdigit() {
            collect(&run, &mut found);
            run.clear();
        }
        if glyph.ch.is_ascii_hexdigit() {
            run.push(glyph.ch);
        }
    }
    collect(&run, &mut found);
    found
}

fn collect(run: &[char], found: &mut Vec<Uuid>) {
    // A type in front (`file--`) ends in letters that may be digits too, so every window counts.
    for window in run.windows(32) {
        let text: String = window.iter().collect();
        found.extend(Uuid::try_parse(&text).ok());
    }
}

/// UUIDs that anybody can compute, with what they were computed from.
#[derive(Debug, Clone, Default)]
pub(super) struct Guessable {
    by_uuid: HashMap<Uuid, String>,
}

impl Guessable {
    pub(super) fn add(&mut self, uuid: Uuid, what: &str) {
        self.by_uuid.entry(uuid).or_insert_with(|| what.to_owned());
    }

    /// Every version 5 that can be computed from a text that identifies the source.
    pub(super) fn add_text(&mut self, text: &str, namespaces: &[Uuid]) {
        let (text, lower) = (text.trim(), text.trim().to_lowercase());
        let host = text.contains('.') && text.is_ascii() && !text.contains(' ');
        let mut spellings = vec![text.to_owned(), lower.clone(), text.to_uppercase()];
        if host {
            for scheme in ["https://", "http://"] {
                for end in ["", "/"] {
                    spellings.push(format!("{scheme}{lower}{end}"));
                }
            }
            spellings.push(format!("www.{lower}"));
        }
        let known = [
            STIX,
            Uuid::NAMESPACE_DNS,
            Uuid::NAMESPACE_URL,
            Uuid::NAMESPACE_OID,
            Uuid::NAMESPACE_X500,
        ];
        for namespace in known.iter().chain(namespaces) {
            for spelling in &spellings {
                self.add(Uuid::new_v5(namespace, spelling.as_bytes()), text);
            }
        }
        for spelling in &spellings {
            for content in contents(spelling) {
                if let Ok(bytes) = serde_json_canonicalizer::to_vec(&content) {
                    self.add(Uuid::new_v5(&STIX, &bytes), text);
                }
            }
        }
    }

    pub(super) fn get(&self, uuid: &Uuid) -> Option<&str> {
        self.by_uuid.get(uuid).map(String::as_str)
    }
}

/// The contributing content of the observables a text alone can make (STIX 6).
fn contents(text: &str) -> [Value; 6] {
    [
        json!({ "value": text }),
        json!({ "name": text }),
        json!({ "path": text }),
        json!({ "user_id": text }),
        json!({ "account_login": text }),
        json!({ "key": text }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fold::{Depth, Folded};

    fn in_text(text: &str) -> Vec<Uuid> {
        in_glyphs(Folded::deep(text, Depth::Host).glyphs())
    }

    #[test]
    fn a_uuid_is_found_however_it_is_written() {
        let wanted = uuid!("7f5b1c1e-3f0c-5c5e-9d0b-6d8f5a1c2e47");
        for text in [
            "7f5b1c1e-3f0c-5c5e-9d0b-6d8f5a1c2e47",
            "see domain-name--7F5B1C1E-3F0C-5C5E-9D0B-6D8F5A1C2E47.",
            "urn:uuid:7f5b1c1e3f0c5c5e9d0b6d8f5a1c2e47",
            "{7f5b1c1e-3f0c-5c5e-9d0b-6d8f5a1c2e47}",
            "file--7f5b1c1e-3f0c-5c5e-9d0b-6d8f5a1c2e47",
            "識別子７ｆ５ｂ１ｃ１ｅ-3f0c-5c5e-9d0b-6d8f5a1c2e47は",
        ] {
            assert!(in_text(text).contains(&wanted), "{text}");
        }
        for text in [
            "7f5b1c1e-3f0c-5c5e-9d0b-6d8f5a1c2e4",
            "7f5b1c1e 3f0c 5c5e 9d0b 6d8f5a1c2e47",
        ] {
            assert!(!in_text(text).contains(&wanted), "{text}");
        }
    }

    #[test]
    fn what_anybody_can_compute_from_a_domain_is_known() {
        let mut known = Guessable::default();
        let council = uuid!("6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d46");
        known.add_text("mail.bank.example", &[council]);
        for uuid in [
            Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"mail.bank.example"),
            Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://mail.bank.example/"),
            Uuid::new_v5(&council, b"mail.bank.example"),
            Uuid::new_v5(&STIX, br#"{"value":"mail.bank.example"}"#),
        ] {
            assert_eq!(known.get(&uuid), Some("mail.bank.example"));
        }
        assert_eq!(
            known.get(&Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"bank.example")),
            None
        );
    }
}
