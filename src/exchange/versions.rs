//! A posted object against what was posted before under its id: whose versions are whose, and what may
//! follow what (STIX 3.5, 3.6). What becomes of it is decided where it is taken (`objects`).

use serde_json::{Value, json};

use super::gate::View;
use super::read::PAGE_MAX;
use super::refusal::Refusal;
use super::{Exchange, Tx};
use crate::handling::Form;
use crate::stix::{Class, StixId};
use crate::store::feed::{Query, Versions};
use crate::store::{ItemVersion, NewObject};

/// The version of an object, as it is written. An observable has none of its own; the hub gives all the
/// same one (TAXII 5.3.1). Nor has a marking: whatever `created` another body claims under one id is
/// no newer version of it.
pub(super) fn version_of(object: &Value) -> &str {
    let written = object.get("modified").or_else(|| object.get("created"));
    written
        .and_then(Value::as_str)
        .unwrap_or("1970-01-01T00:00:00.000Z")
}

pub(super) fn created_of(bytes: &str) -> Option<String> {
    let object: Value = serde_json::from_str(bytes).ok()?;
    object
        .get("created")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// How a posted object stands to what its source posted before under its id.
pub(super) enum Against {
    /// The same was posted before.
    Duplicate,
    /// A later version than any.
    Newer,
    /// An earlier version than one that was posted.
    Late,
}

impl Exchange {
    /// STIX 3.6 against what the same source posted before under this id.
    pub(super) async fn against_own(
        &self,
        tx: &mut Tx,
        previous: &ItemVersion,
        value: &Value,
        object: &NewObject,
    ) -> Result<Against, Refusal> {
        let mut newest = i64::MIN;
        for key in tx.versions_of(&previous.value.item).await? {
            let version = tx.item_version(key).await?;
            // What was taken back and is posted again is a new release.
            let gone = version.is_some_and(|version| super::withdraw::is_gone(&version));
            for (_, earlier) in tx.objects_of(key).await? {
                if earlier.form != "identified" {
                    continue;
                }
                if earlier.digest == object.digest && gone {
                    continue;
                }
                if earlier.digest == object.digest {
                    return Ok(Against::Duplicate);
                }
                let observable = value.get("created").is_none();
                if earlier.version_at == object.version_at && !observable {
                    return Err(Refusal::fault(
                        "/modified",
                        "STIX 3.6",
                        format!(
                            "version {} was posted before with other content",
                            object.version
                        ),
                    ));
                }
                // One whose retention is over has no content left to look into.
                let revoked: Value = serde_json::from_str(&earlier.bytes).unwrap_or_default();
                if revoked.get("revoked") == Some(&json!(true))
                    && object.version_at > earlier.version_at
                {
                    return Err(Refusal::fault(
                        "/modified",
                        "STIX 3.6",
                        "the object was revoked; it has no later version",
                    ));
                }
                newest = newest.max(earlier.version_at);
            }
        }
        Ok(if object.version_at < newest {
            Against::Late
        } else {
            Against::Newer
        })
    }

    /// STIX 3.5 against another source's object of this id, as far as the caller sees it. One that
    /// is hidden from the caller changes nothing (law 4).
    pub(super) async fn against_visible(
        &self,
        tx: &mut Tx,
        view: &View,
        id: &StixId,
        object: &NewObject,
    ) -> Result<(), Refusal> {
        if matches!(id.class(), Class::Sco) {
            return Ok(());
        }
        let query = Query {
            limit: PAGE_MAX,
            ids: vec![id.to_string()],
            versions: Versions::All,
            ..Query::default()
        };
        let (seen, _) = tx.page(&view.scope, &query).await?;
        // What the hub minted, or serves beside others' items, is the hub's, whichever version.
        let minted = seen
            .iter()
            .any(|entry| entry.form != Form::Identified.word() || entry.side == "support");
        let same = seen
            .iter()
            .any(|entry| entry.version_at == object.version_at);
        if seen.is_empty() || same && !minted {
            return Ok(());
        }
        Err(Refusal::fault(
            "/id",
            "STIX 3.5",
            "the object is another body's; only its creator makes versions of it",
        ))
    }
}
