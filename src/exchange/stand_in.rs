//! Two sources, one id and version, two contents: a reader of both has one as posted and the other as
//! a rendition that stands in for it. Whichever is released later gets one, also where it was posted
//! first.

use serde_json::Value;

use super::refusal::Refusal;
use super::release::{Clash, STANDIN, new_object, row_number};
use super::renditions::{Renditions, stand_in};
use super::settle::stored_origin;
use super::supports::supports;
use super::versions::created_of;
use super::{Exchange, Tx};
use crate::council::Directory;
use crate::handling::{Form, Rule};
use crate::stix::StixId;
use crate::store::{ItemVersion, NewObject};

impl Exchange {
    /// How the objects of an item stand to others' under the same ids, when it is released later.
    pub(super) async fn clash_of(
        &self,
        tx: &mut Tx,
        item: &str,
        keyed: &[(i64, NewObject)],
    ) -> Result<Clash, Refusal> {
        for (_, object) in keyed
            .iter()
            .filter(|(_, object)| object.form == "identified")
        {
            let same = tx
                .same_version(&object.stix_id, object.version_at, item)
                .await?;
            if !same.is_empty() {
                return Ok(Clash::Same);
            }
        }
        Ok(Clash::Free)
    }

    /// What stands in for an object that is released now, where others posted another content under
    /// its id and version since; nothing where it would tell of its source.
    pub(super) async fn late_stand_in(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        rule: &Rule,
        keyed: &[(i64, NewObject)],
    ) -> Result<Option<(i64, NewObject)>, Refusal> {
        let posted = |(_, object): &&(i64, NewObject)| object.form == Form::Identified.word();
        let Some((_, posted)) = keyed.iter().find(posted) else {
            return Ok(None);
        };
        let there = keyed.iter().any(|(_, object)| object.form == STANDIN);
        if there || version.value.kind != "stix" {
            return Ok(None);
        }
        let same = tx
            .same_version(&posted.stix_id, posted.version_at, &version.value.item)
            .await?;
        let other = same.iter().any(|(digest, _)| *digest != posted.digest);
        let (Some(id), true) = (StixId::parse(&posted.stix_id), other) else {
            return Ok(None);
        };
        let origin = stored_origin(version, rule);
        let owner = version.value.submitter_body.as_str();
        let place = (0, usize::MAX);
        let value: Value = serde_json::from_str(&posted.bytes)?;
        let objects = vec![(place, value)];
        let batch = Renditions::make(self, tx, (owner, directory), &origin, objects).await?;
        let goes_with = supports(self.secret(), directory, &origin, rule, Form::Anonymised);
        let minted = self.secret().rendition_id(owner, &id);
        let created = match tx.first_bytes(minted.as_str()).await? {
            Some(first) => created_of(&first),
            None => None,
        };
        let (creator, markings) = (&goes_with.creator_id, &goes_with.marking_refs);
        let Some(rendition) = batch.get(place, creator, markings, created) else {
            return Ok(None);
        };
        if !batch.check(&rendition).is_empty() {
            return Ok(None);
        }
        let object = stand_in(self.secret(), owner, &id, &rendition);
        let mut stored = new_object(Form::Anonymised, &object, object.to_string());
        stored.form = STANDIN.to_owned();
        stored.version_at = posted.version_at; // found by the version it stands in for
        let number = row_number(tx).await?;
        tx.add_object(number, Some(version.key), &stored).await?;
        Ok(Some((number, stored)))
    }
}
