//! What a peer hands over becomes posts of the service that stands for it: read, handled and released
//! as any post is, under a level that bounds it. What the hub gave the peer, has already, or took
//! back, is no news. One object that is refused does not stop the others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::access::Caller;
use super::gate::View;
use super::intake::{ceiling_of, own_scheme};
use super::objects::ENVELOPE_BYTES_MAX;
use super::peers::{PUSH, PeerRefused};
use super::read::PAGE_MAX;
use super::refusal::{Fault, Refusal};
use super::release::new_object;
use super::supports::id_of;
use super::withdraw::is_gone;
use super::{Exchange, Tx};
use crate::handling::{Channel, Form};
use crate::stix::{Class, StixId};
use crate::store::NewObject;
use crate::store::feed::{Query, Versions};

/// One post carries at most so many bytes of objects and so many objects: a page of a peer may be
/// larger than the hub takes at once.
const POST_BYTES_MAX: usize = ENVELOPE_BYTES_MAX / 4;
const POST_OBJECTS_MAX: usize = 200;

/// Where something comes from, and as whose it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The peer, by its name in the settings.
    pub peer: &'a str,
    /// The directory's service in whose name it is published.
    pub principal: &'a str,
    /// The level of that service's scheme that bounds everything.
    pub ceiling: Option<&'a str>,
}

/// What became of a page.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// STIX ids and digests of what was taken, or was no news.
    pub passed: Vec<(String, Vec<u8>)>,
    /// How many were posted and taken.
    pub news: usize,
    /// What was not taken, and why.
    pub refused: Vec<PeerRefused>,
}

/// What to do with one object.
enum Told {
    News,
    /// The service posted it before: it is posted again, since what it asks now may be stricter.
    Again,
    NoNews,
    Refused(&'static str),
}

impl Exchange {
    /// Takes what a peer served, each object as the peer wrote it.
    ///
    /// # Errors
    /// When the service may not publish, has no such level, or the database fails; then nothing is
    /// said of any object, and the page is to be asked for again.
    pub async fn arrive(
        &self,
        from: &Arrival<'_>,
        objects: Vec<String>,
    ) -> Result<Arrived, Refusal> {
        let Some(mut caller) = self.caller(from.principal).await? else {
            return Err(Refusal::Forbidden(format!(
                "`{}` is not in the directory",
                from.principal
            )));
        };
        caller.ceiling = from.ceiling.map(str::to_owned);
        self.can_arrive(&caller)?;
        let mut arrived = Arrived::default();
        let mut news = Vec::new();
        let mut again = BTreeSet::new();
        let view = self.view(Some(&caller), Channel::Taxii).await?;
        let mut tx = self.db().read().await?;
        for raw in objects {
            let value: Value = serde_json::from_str(&raw).unwrap_or_default();
            let object = new_object(Form::Identified, &value, raw);
            if object.bytes.len() > POST_BYTES_MAX {
                arrived.refuse(&object, "it is larger than the hub takes");
                continue;
            }
            match told(&mut tx, &caller, &view, from.peer, &value, &object).await? {
                Told::News => news.push(object),
                Told::Again => {
                    again.insert(object.digest.clone());
                    news.push(object);
                }
                Told::NoNews => arrived.passed.push((object.stix_id, object.digest)),
                Told::Refused(why) => arrived.refuse(&object, why),
            }
        }
        drop(tx);
        // Definitions first, as they may be cut off from what they mark.
        news.sort_by_key(|object| object.object_type != "marking-definition");
        for post in posts(news) {
            self.post_arrived(&caller, post, &again, &mut arrived)
                .await?;
        }
        Ok(arrived)
    }

    /// What would refuse every object alike is the settings' fault, and no object's.
    fn can_arrive(&self, caller: &Caller) -> Result<(), Refusal> {
        let ceptoar = caller.directory.ceptoar_of(&caller.body);
        let source = (ceptoar, &caller.body.id);
        let checked = own_scheme(&caller.directory, source, "", self.clock().now())
            .and_then(|scheme| ceiling_of(caller, scheme, "").map(|_| ()));
        checked.map_err(|refusal| match refusal {
            Refusal::Invalid(faults) => Refusal::Conflict(worded(&faults)),
            other => other,
        })
    }

    async fn post_arrived(
        &self,
        caller: &Caller,
        post: Vec<NewObject>,
        again: &BTreeSet<Vec<u8>>,
        arrived: &mut Arrived,
    ) -> Result<(), Refusal> {
        let texts: Vec<&str> = post.iter().map(|object| object.bytes.as_str()).collect();
        let envelope = format!("{{\"objects\":[{}]}}", texts.join(","));
        let outcomes = self.publish_objects(caller, envelope.as_bytes()).await?;
        for (object, outcome) in post.into_iter().zip(outcomes) {
            if outcome.faults.is_empty() {
                arrived.news += usize::from(!again.contains(&object.digest));
                arrived.passed.push((object.stix_id, object.digest));
            } else {
                arrived.refuse(&object, &worded(&outcome.faults));
            }
        }
        Ok(())
    }
}

impl Arrived {
    fn refuse(&mut self, object: &NewObject, reason: &str) {
        self.refused.push(PeerRefused {
            object: object.stix_id.clone(),
            version: object.version.clone(),
            reason: reason.to_owned(),
        });
    }
}

/// Whether an object of a peer is news. It depends on what passed between the two, on what the
/// service posted and on what it may see: on nothing that is hidden from it (law 4).
async fn told(
    tx: &mut Tx,
    caller: &Caller,
    view: &View,
    peer: &str,
    value: &Value,
    object: &NewObject,
) -> Result<Told, Refusal> {
    let Some(id) = id_of(value).and_then(StixId::parse) else {
        return Ok(Told::News); // it is refused with the reason
    };
    let name = format!("{} {id}", caller.body.id);
    let versions = tx.versions_of(&name).await?;
    for key in &versions {
        let objects = tx.objects_of(*key).await?;
        if objects.iter().any(|(_, own)| own.digest == object.digest) {
            // What was taken back here does not come back because a peer still has it.
            let gone = tx.item_version(*key).await?.is_some_and(|it| is_gone(&it));
            return Ok(if gone { Told::NoNews } else { Told::Again });
        }
    }
    if !versions.is_empty() {
        return Ok(Told::News);
    }
    let sent = tx.passed((peer, PUSH), id.as_str()).await?;
    if sent.contains(&object.digest) {
        return Ok(Told::NoNews);
    }
    if !sent.is_empty() && !matches!(id.class(), Class::Sco) {
        return Ok(Told::Refused(
            "the hub gave this object to the peer; only its creator makes versions of it (STIX 3.5)",
        ));
    }
    let query = Query {
        limit: PAGE_MAX,
        ids: vec![id.to_string()],
        versions: Versions::All,
        ..Query::default()
    };
    let (seen, _) = tx.page(&view.scope, &query).await?;
    for entry in seen {
        let there: Value = serde_json::from_str(&entry.bytes)?;
        if new_object(Form::Identified, &there, String::new()).digest == object.digest {
            return Ok(Told::NoNews);
        }
    }
    Ok(Told::News)
}

/// Cuts a page into posts; an object comes once in one, and any further time in the next.
fn posts(objects: Vec<NewObject>) -> Vec<Vec<NewObject>> {
    let mut posts: Vec<Vec<NewObject>> = Vec::new();
    let (mut bytes, mut ids) = (0, BTreeSet::new());
    for object in objects {
        let length = object.bytes.len();
        let fits = posts
            .last()
            .is_some_and(|post| post.len() < POST_OBJECTS_MAX && bytes + length <= POST_BYTES_MAX)
            && !ids.contains(&object.stix_id);
        if !fits {
            posts.push(Vec::new());
            bytes = 0;
            ids.clear();
        }
        bytes += length + 1;
        ids.insert(object.stix_id.clone());
        if let Some(post) = posts.last_mut() {
            post.push(object);
        }
    }
    posts
}

fn worded(faults: &[Fault]) -> String {
    let words = faults
        .iter()
        .map(|fault| format!("{}: {} ({})", fault.pointer, fault.message, fault.rule));
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(n: usize, bytes: usize) -> NewObject {
        let value = serde_json::json!({ "id": format!("note--{n}") });
        new_object(Form::Identified, &value, "x".repeat(bytes))
    }

    #[test]
    fn a_page_larger_than_the_hub_takes_at_once_is_taken_apart() {
        let large = posts((0..12).map(|n| object(n, 1_000_000)).collect());
        assert_eq!(large.iter().map(Vec::len).sum::<usize>(), 12);
        for post in &large {
            let bytes: usize = post.iter().map(|object| object.bytes.len() + 1).sum();
            assert!(bytes <= POST_BYTES_MAX + 1, "{bytes}");
        }
        let many = posts((0..POST_OBJECTS_MAX + 1).map(|n| object(n, 1)).collect());
        assert_eq!(
            many.iter().map(Vec::len).collect::<Vec<_>>(),
            [POST_OBJECTS_MAX, 1]
        );
    }

    #[test]
    fn two_versions_of_an_object_go_one_after_the_other() {
        let posts = posts(vec![object(1, 1), object(2, 1), object(1, 1)]);
        assert_eq!(posts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}
