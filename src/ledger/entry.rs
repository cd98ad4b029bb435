//! Records: a decision as JSON text under a salt, with the members that not every party may know
//! sealed one by one inside it.
//!
//! A sealed member is a commitment in the member's place. The record opens for every party alike;
//! what was sealed is opened to each by itself, or not at all, and both can be checked against the
//! same leaf. Who may open what is not decided here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::commitment;
use super::merkle::{Hash, leaf_hash};

/// Members that name a person: known to the person's own body and its CEPTOAR, to no other party.
pub const PERSONAL: [&str; 3] = ["by", "person", "principal"];

/// The member that lists the bodies that took part: each knows of itself, not of the others.
pub const PARTIES: &str = "parties";

/// The member that lists who had an item, as far as the one who decided may know: it is for the
/// body of that one.
pub const TOLD: &str = "told";

/// A member that was sealed, with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// JSON pointer to its place in the record.
    pub at: String,
    /// Base64 of the 32 bytes before the text in the commitment.
    pub salt: String,
    /// The member's value, as JSON text.
    pub text: String,
}

impl Member {
    /// The name of the member, the last step of its place.
    #[must_use]
    pub fn name(&self) -> &str {
        self.at.rsplit('/').next().unwrap_or_default()
    }
}

/// A decision, ready for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The leaf's hash in the tree.
    pub leaf: Hash,
    /// Opens the leaf, with the record.
    pub salt: [u8; 32],
    /// JSON text.
    pub record: String,
    /// What was sealed in it.
    pub members: Vec<Member>,
}

impl Entry {
    /// Seals what is personal in a decision, and commits to the rest. `fresh` gives random salts.
    ///
    /// # Errors
    /// When there is no randomness, or the decision is no JSON that can be written.
    pub fn seal<E: From<serde_json::Error>>(
        mut decision: Value,
        mut fresh: impl FnMut() -> Result<[u8; 32], E>,
    ) -> Result<Self, E> {
        let mut members = Vec::new();
        seal_members(&mut decision, "", &mut members, &mut fresh)?;
        let record = serde_json::to_string(&decision)?;
        let salt = fresh()?;
        Ok(Self {
            leaf: leaf_hash(&commitment(&salt, record.as_bytes())),
            salt,
            record,
            members,
        })
    }
}

/// Whether a record shows a person's name to whoever opens it; those written before members were
/// sealed may.
#[must_use]
pub fn names_a_person(record: &Value) -> bool {
    match record {
        Value::Object(members) => members.iter().any(|(name, value)| {
            PERSONAL.contains(&name.as_str()) && value.is_string() || names_a_person(value)
        }),
        Value::Array(items) => items.iter().any(names_a_person),
        _ => false,
    }
}

fn seal_members<E: From<serde_json::Error>>(
    value: &mut Value,
    place: &str,
    members: &mut Vec<Member>,
    fresh: &mut impl FnMut() -> Result<[u8; 32], E>,
) -> Result<(), E> {
    match value {
        Value::Object(object) => {
            for (name, inner) in object.iter_mut() {
                let at = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                let sealed =
                    PERSONAL.contains(&name.as_str()) || [PARTIES, TOLD].contains(&name.as_str());
                if !sealed || inner.is_null() {
                    seal_members(inner, &at, members, fresh)?;
                    continue;
                }
                let salt = fresh()?;
                let text = serde_json::to_string(inner)?;
                let hash = commitment(&salt, text.as_bytes());
                *inner = json!({"sealed": STANDARD.encode(hash)});
                members.push(Member {
                    at,
                    salt: STANDARD.encode(salt),
                    text,
                });
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter_mut().enumerate() {
                seal_members(inner, &format!("{place}/{at}"), members, fresh)?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(decision: Value) -> Entry {
        let mut count = 0;
        Entry::seal::<serde_json::Error>(decision, || {
            count += 1;
            Ok([count; 32])
        })
        .unwrap()
    }

    #[test]
    fn a_person_s_name_is_sealed_wherever_it_stands_and_nothing_else_is() {
        let entry = seal(json!({
            "decision": "override", "by": "finance-poc", "parties": ["demo-finance"],
            "safety": {"person": "power-poc", "reason": "fire"}, "approver": "demo-finance.poc",
            "told": ["finance-op3"],
        }));
        for hidden in [
            "finance-poc",
            "power-poc",
            "\"demo-finance\"",
            "finance-op3",
        ] {
            assert!(!entry.record.contains(hidden), "{}", entry.record);
        }
        for shown in ["override", "fire", "demo-finance.poc"] {
            assert!(entry.record.contains(shown), "{}", entry.record);
        }
        let places: Vec<&str> = entry.members.iter().map(|m| m.at.as_str()).collect();
        assert_eq!(places, ["/by", "/parties", "/safety/person", "/told"]);
    }

    #[test]
    fn a_sealed_member_opens_its_place_and_each_has_a_salt_of_its_own() {
        let entry = seal(json!({"by": "a", "principal": "a"}));
        let record: Value = serde_json::from_str(&entry.record).unwrap();
        let mut hashes = Vec::new();
        for member in &entry.members {
            let salt: [u8; 32] = STANDARD.decode(&member.salt).unwrap().try_into().unwrap();
            let hash = STANDARD.encode(commitment(&salt, member.text.as_bytes()));
            assert_eq!(record.pointer(&member.at).unwrap()["sealed"], hash);
            hashes.push(hash);
        }
        assert_ne!(hashes[0], hashes[1]);
        assert_eq!(
            entry.leaf,
            leaf_hash(&commitment(&entry.salt, entry.record.as_bytes()))
        );
    }

    #[test]
    fn an_old_record_that_names_a_person_is_known_as_such() {
        assert!(names_a_person(&json!({"by": "finance-poc"})));
        assert!(names_a_person(&json!({"a": [{"principal": "x"}]})));
        assert!(!names_a_person(
            &json!({"by": {"sealed": "…"}, "item": "x"})
        ));
    }
}
