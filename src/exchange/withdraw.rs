//! Taking back: the source withdraws or recalls what it published. The hub stops serving it at once,
//! every version and every rendition, tells those who had it, and records both (law 8).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Caller;
use super::anonymity;
use super::once::Said;
use super::portions::{self, Had};
use super::publish::stored_rule;
use super::refusal::{Fault, Refusal};
use super::secret::sha256;
use super::settle::stored_origin;
use super::stamps::SPREAD;
use super::{Exchange, Tx, record};
use crate::council::BodyKind;
use crate::council::body::role;
use crate::handling::Form;
use crate::report::Report;
use crate::report::identity_check::Finding;
use crate::store::{ItemVersion, NewObject};

/// How something is taken back.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Withdrawal {
    /// Only this version; none is every one there is.
    pub version: Option<i64>,
    /// Whether readers are asked to delete their copies and acknowledge it.
    pub recall: bool,
    /// What readers are told.
    pub reason: String,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakenBack {
    /// The report's id, or the posted object's STIX id.
    pub id: String,
    /// `withdrawn` or `recalled`.
    pub state: String,
    /// The versions that are no longer served.
    pub versions: Vec<i64>,
    /// The bodies that had it and were told: of another CEPTOAR only the CEPTOAR, never its members.
    pub told: BTreeSet<String>,
}

/// Longest reason, in characters: it goes to every reader who had the item.
const REASON_MAX: usize = 2000;

/// What readers of a whole are told whose part was taken back. It is the hub's own word: what the
/// whole lists to be stripped must not keep a part's source from taking it back.
const PART_GONE: &str = "A part of it was taken back by its source.";

/// Whether a version was taken back, or its content is no more.
pub(super) fn is_gone(version: &ItemVersion) -> bool {
    ["withdrawn", "recalled", "erased"].contains(&version.value.state.as_str())
}

impl Exchange {
    /// Takes back an item of the caller's body: a report by its id, a posted object by its STIX id.
    ///
    /// # Errors
    /// When the caller's body has no such item, or it is taken back already.
    pub async fn withdraw(
        &self,
        caller: &Caller,
        id: &str,
        withdrawal: Withdrawal,
    ) -> Result<TakenBack, Refusal> {
        self.withdraw_once(caller, id, withdrawal, Said::default())
            .await
    }

    /// The same, with what the client says of the act.
    ///
    /// # Errors
    /// As [`Exchange::withdraw`]; and where the item is at another version than expected.
    pub async fn withdraw_once(
        &self,
        caller: &Caller,
        id: &str,
        withdrawal: Withdrawal,
        said: Said,
    ) -> Result<TakenBack, Refusal> {
        if withdrawal.reason.chars().count() > REASON_MAX {
            let message = format!("a reason has at most {REASON_MAX} characters");
            return Err(Refusal::fault("/reason", "withdraw.reason", message));
        }
        let item = self.own_item(caller, id).await?;
        let (exchange, by, of) = (self.clone(), caller.clone(), item.clone());
        let act = ("withdraw", withdrawal.clone());
        self.once(caller, &item, (&act, said), move |tx| {
            Box::pin(async move { exchange.withdraw_in(tx, &by, &of, &withdrawal).await })
        })
        .await
    }

    /// The name under which an item of the caller's is stored. Its source alone can change it: a
    /// publisher of the body that sent it, or of the operator it came from.
    pub(super) async fn own_item(&self, caller: &Caller, id: &str) -> Result<String, Refusal> {
        let mut tx = self.db().read().await?;
        let posted = format!("{} {id}", caller.body.id);
        for name in [id, &posted] {
            let Some(version) = tx.latest_version(name).await? else {
                continue;
            };
            let body = caller.body.id.as_str();
            let own = version.value.submitter_body == body
                || version.value.operator.as_deref() == Some(body);
            let sends = caller.has(role::PUBLISHER) || caller.has(role::ADVISOR);
            if own && sends {
                return Ok(name.to_owned());
            }
        }
        Err(Refusal::NotFound)
    }

    pub(super) async fn withdraw_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        item: &str,
        withdrawal: &Withdrawal,
    ) -> Result<TakenBack, Refusal> {
        let state = if withdrawal.recall {
            "recalled"
        } else {
            "withdrawn"
        };
        let mut taken = Vec::new();
        let mut told = BTreeSet::new();
        let mut left = Vec::new();
        let mut derived = Vec::new();
        let now = self.clock().now_micros();
        let mut had = Had::ready(tx, now, SPREAD).await?;
        for key in tx.versions_of(item).await? {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            // What was withdrawn can still be recalled: those who have it are asked to delete it.
            let recalled = withdrawal.recall && version.value.state == "withdrawn";
            let gone = is_gone(&version) && !recalled;
            if gone
                || withdrawal
                    .version
                    .is_some_and(|only| only != version.value.version)
            {
                left.extend((!gone).then_some(key));
                continue;
            }
            portions::note_version(tx, &mut had, key).await?;
            told.extend(
                self.take_back(tx, &version, state, withdrawal, caller)
                    .await?,
            );
            derived.extend(tx.made_of(key).await?);
            taken.push(version.value.version);
        }
        if taken.is_empty() {
            return Err(Refusal::Conflict("it is taken back already".to_owned()));
        }
        // Of a version that was taken back alone, the newest that is left takes its place, on each
        // side the newest that went there. The desk keeps its own: it is told what became of it.
        for side in ["inside", "outside"] {
            for key in left.iter().rev() {
                if tx.sides_of(*key).await?.iter().any(|of| of == side) {
                    self.enter_again(tx, *key, side, &mut had, now).await?;
                    break;
                }
            }
        }
        // What was made of it carries its rule (law 7): without the part there is no whole.
        while let Some(key) = derived.pop() {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            let recalled = withdrawal.recall && version.value.state == "withdrawn";
            if is_gone(&version) && !recalled {
                continue;
            }
            let why = Withdrawal {
                reason: PART_GONE.to_owned(),
                ..withdrawal.clone()
            };
            portions::note_version(tx, &mut had, key).await?;
            self.take_back(tx, &version, state, &why, caller).await?;
            derived.extend(tx.made_of(key).await?);
        }
        self.arrived(tx, &caller.directory, had, now).await?;
        Ok(TakenBack {
            id: item.split(' ').next_back().unwrap_or_default().to_owned(),
            state: state.to_owned(),
            versions: taken,
            told,
        })
    }

    /// Stops serving one version; the bodies that had it.
    async fn take_back(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        state: &str,
        withdrawal: &Withdrawal,
        caller: &Caller,
    ) -> Result<BTreeSet<String>, Refusal> {
        let now = self.clock().now_micros();
        let mut ids: BTreeMap<i64, String> = BTreeMap::new();
        for (stamp, stix_id) in tx.entries_of(version.key).await? {
            ids.insert(stamp, stix_id);
        }
        let stamps: Vec<i64> = ids.keys().copied().collect();
        let mut had: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (who, _, entries) in tx.who_had(&stamps).await? {
            let of = entries.iter().filter_map(|stamp| ids.get(stamp).cloned());
            had.entry(who).or_default().extend(of);
        }
        self.stop_serving(tx, version).await?;
        tx.cancel_due(version.key).await?;
        tx.set_state(version.key, state, "[]").await?;
        let reason = self
            .reason_for(tx, caller, version, &withdrawal.reason)
            .await?;
        self.notify(tx, version, state, reason, &had, now).await?;
        let told: BTreeSet<String> = had
            .keys()
            .filter_map(|who| self.told_as(caller, who))
            .collect();
        record(
            tx,
            now,
            &version.value.parties(),
            &json!({
                "decision": state, "item": version.value.item, "version": version.value.version,
                "by": caller.principal.id, "told": told,
                // The words themselves are content, which is erased in its time; this is not.
                "reason_sha256": super::hex(&sha256(withdrawal.reason.as_bytes())),
            }),
        )
        .await?;
        Ok(told)
    }

    /// Takes a version from everybody but its desk, with the identity that only it named.
    pub(super) async fn stop_serving(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
    ) -> Result<(), Refusal> {
        tx.take_back(version.key).await?;
        let source = version.value.operator.as_deref();
        let source = source.unwrap_or(&version.value.submitter_body);
        let mut creators = BTreeSet::new();
        for (_, object) in tx.objects_of(version.key).await? {
            // What the hub made in the source's name; a posted object names whom its source said.
            let posted = version.value.kind == "stix" && object.form == Form::Identified.word();
            if !posted && object.form.starts_with(Form::Identified.word()) {
                let object: Value = serde_json::from_str(&object.bytes).unwrap_or_default();
                let creator = object.get("created_by_ref").and_then(Value::as_str);
                creators.extend(creator.map(str::to_owned));
            }
        }
        for creator in creators {
            tx.retire_creator(&creator, source).await?;
        }
        Ok(())
    }

    /// What readers are told. Most of them have a rendition: a reason that names its source, or says
    /// what the source listed to be stripped, does not go to them.
    async fn reason_for<'a>(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        version: &ItemVersion,
        reason: &'a str,
    ) -> Result<&'a str, Refusal> {
        if reason.is_empty() || reason == PART_GONE {
            return Ok(reason);
        }
        let origin = stored_origin(version, &stored_rule(version)?);
        let mut marks = anonymity::body_marks(&caller.directory, &origin);
        let objects = tx.objects_of(version.key).await?;
        let own = |object: &NewObject| object.form == Form::Identified.word();
        let submitted = objects
            .into_iter()
            .find_map(|(_, object)| object.report.clone().filter(|_| own(&object)));
        if let Some(Ok(report)) = submitted.map(|text| Report::parse(text.as_bytes())) {
            marks.extend(anonymity::report_marks(&report, report.to_value()));
            // A figure by itself is no mark of its source, yet it was to be stripped.
            if !report.strips_nothing_of(reason) {
                return Err(Refusal::fault(
                    "/reason",
                    "anonymity",
                    "it says what the report lists to be stripped",
                ));
            }
        }
        let check = anonymity::check(&caller.directory, &origin, marks);
        let found = check.find(&json!({ "reason": reason }));
        if found.is_empty() {
            return Ok(reason);
        }
        let fault = |found: Finding| Fault::at(found.pointer, "anonymity", found.what);
        Err(Refusal::Invalid(found.into_iter().map(fault).collect()))
    }

    /// Under which name a source is told of a reader: its own CEPTOAR's people see their members,
    /// of all others only the body that sits in the council (law 4).
    pub(super) fn told_as(&self, caller: &Caller, reader: &str) -> Option<String> {
        let directory = &caller.directory;
        let reader = directory.principal(&reader.into())?;
        let body = directory.body(&reader.body)?;
        if body.kind != BodyKind::Operator {
            return Some(body.id.to_string());
        }
        let ceptoar = directory.ceptoar_of(body);
        let own = caller.body.id == *ceptoar || caller.body.id == body.id;
        Some(if own { &body.id } else { ceptoar }.to_string())
    }
}
