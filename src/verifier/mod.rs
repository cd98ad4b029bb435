//! Checks the ledger from outside: an export, an entry's proof, two checkpoints. Pure.
//!
//! INVARIANT: it uses nothing of the hub's, not even its cryptographic library, so that one fault
//! cannot write a wrong log and call it right. It knows RFC 9162's algorithms, C2SP notes and
//! `docs/ledger.md`; whether a decision itself was right is not for it to say.

pub mod export;
pub mod note;
pub mod proof;
pub mod tree;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use tree::{Hash, commitment};

/// Why something does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

fn fault<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(what.into()))
}

/// 32 bytes from base64, in its one right spelling.
fn hash(text: &str, what: &str) -> Result<Hash, Fault> {
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Fault(format!("{what} is not base64 of 32 bytes")))
}

/// A member that was sealed inside a record, opened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// JSON pointer into the record.
    pub at: String,
    /// Base64 of 32 bytes.
    pub salt: String,
    /// JSON text.
    pub text: String,
}

/// Checks that a record opens a leaf, and members their places in it.
fn check_opening(
    leaf: &Hash,
    salt: &str,
    record: &str,
    members: &[Member],
) -> Result<serde_json::Value, Fault> {
    let salt = hash(salt, "the salt")?;
    if tree::leaf(&commitment(&salt, record.as_bytes())) != *leaf {
        return fault("the record does not open its leaf");
    }
    let Ok(parsed @ serde_json::Value::Object(_)) = serde_json::from_str(record) else {
        return fault("the record is no JSON object");
    };
    for member in members {
        let salt = hash(&member.salt, "a member's salt")?;
        let sealed = parsed
            .pointer(&member.at)
            .and_then(|place| place.get("sealed")?.as_str());
        let opens = STANDARD.encode(commitment(&salt, member.text.as_bytes()));
        if sealed != Some(opens.as_str()) {
            return fault(format!(
                "the member does not open `{}` of the record",
                member.at
            ));
        }
    }
    Ok(parsed)
}
