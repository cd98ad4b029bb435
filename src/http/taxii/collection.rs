//! The collections, as data: each is one view of the release log, narrowed to some kinds of items.
//! Their ids are constants, since clients store them.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::error::Failure;
use super::media;
use super::session::{Root, Session};
use crate::council::body::role;
use crate::exchange::Caller;

/// A collection of one API root.
#[derive(Debug)]
pub struct Collection {
    /// UUID version 4.
    pub id: &'static str,
    /// May stand in a path instead of the id.
    pub alias: &'static str,
    title: &'static str,
    description: &'static str,
    /// Kinds of items it shows; empty is all.
    pub kinds: &'static [&'static str],
    writable: bool,
    /// Whether anybody reads it.
    readable: bool,
}

/// Ascending by id, as interoperability tests expect.
const COUNCIL: &[Collection] = &[
    Collection {
        id: "09495259-0b2a-4498-bb00-34a57d687f47",
        alias: "exchange",
        title: "Exchange",
        description: "Everything in STIX that the caller may see; publishers post here",
        kinds: &[],
        writable: true,
        readable: true,
    },
    Collection {
        id: "57fdc56b-b476-4f50-9320-5cc976e208fe",
        alias: "incidents",
        title: "Incidents",
        description: "Causes of and responses to incidents",
        kinds: &["incident_cause"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "5a9c614c-cf23-4063-a4c8-882554b45503",
        alias: "practices",
        title: "Practices",
        description: "Practices that worked",
        kinds: &["best_practice"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "7dd734ad-8545-4f99-97dd-bee22f312792",
        alias: "advisories",
        title: "Advisories",
        description: "Early warnings and advisories",
        kinds: &["advisory"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "8fb9a8b4-5aec-45b3-aa5d-4375a818030e",
        alias: "newsletters",
        title: "Newsletters",
        description: "Issues of the newsletter",
        kinds: &["newsletter"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "b3a6f4d2-5c1e-4b7a-9f08-2d6e8c417a35",
        alias: "dropbox",
        title: "Drop box",
        description: "Publishers post here as to the exchange, with a program that is to read nothing",
        kinds: &[],
        writable: true,
        readable: false,
    },
];

/// The same views for everybody. Titles differ, since clients may know a collection by title alone.
const PUBLIC: &[Collection] = &[
    Collection {
        id: "c87050e0-ace4-4f25-aa42-faabd8f14192",
        alias: "exchange",
        title: "Public exchange",
        description: "Everything in STIX that is free for everybody",
        kinds: &[],
        writable: false,
        readable: true,
    },
    Collection {
        id: "ce09adf9-1ff4-480f-ae97-cfd674823f88",
        alias: "incidents",
        title: "Public incidents",
        description: "Causes of and responses to incidents",
        kinds: &["incident_cause"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "ce4df055-2880-420a-ae99-6961816d626a",
        alias: "practices",
        title: "Public practices",
        description: "Practices that worked",
        kinds: &["best_practice"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "eb3e7386-1631-4031-9c0d-b128152aa801",
        alias: "advisories",
        title: "Public advisories",
        description: "Early warnings and advisories",
        kinds: &["advisory"],
        writable: false,
        readable: true,
    },
    Collection {
        id: "ff87334f-a7bf-4969-a6ea-701826a54ade",
        alias: "newsletters",
        title: "Public newsletters",
        description: "Issues of the newsletter",
        kinds: &["newsletter"],
        writable: false,
        readable: true,
    },
];

const fn all(root: Root) -> &'static [Collection] {
    match root {
        Root::Council => COUNCIL,
        Root::Public => PUBLIC,
    }
}

/// A root's collection by id or alias.
pub fn find(root: Root, name: &str) -> Option<&'static Collection> {
    all(root)
        .iter()
        .find(|collection| collection.id == name || collection.alias == name)
}

impl Collection {
    /// Whether it can be read; then by everybody who may use its root, each as far as the gate lets.
    pub const fn can_read(&self) -> bool {
        self.readable
    }

    /// Whether this caller may post to it.
    pub fn can_write(&self, caller: Option<&Caller>) -> bool {
        self.writable
            && caller.is_some_and(|caller| caller.has(role::PUBLISHER) || caller.has(role::ADVISOR))
    }

    fn resource(&self, caller: Option<&Caller>) -> Value {
        json!({
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "alias": self.alias,
            "can_read": self.can_read(),
            "can_write": self.can_write(caller),
            "media_types": [media::STIX],
        })
    }
}

/// TAXII 5.1.
pub async fn list(session: Session) -> Response {
    let caller = session.caller.as_deref();
    let collections: Vec<Value> = all(session.root)
        .iter()
        .map(|collection| collection.resource(caller))
        .collect();
    let body = json!({ "collections": collections });
    media::answer(StatusCode::OK, body.to_string())
}

/// TAXII 5.2.
pub async fn one(session: Session) -> Result<Response, Failure> {
    let body = session.collection()?.resource(session.caller.as_deref());
    Ok(media::answer(StatusCode::OK, body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_stand_in_the_order_of_their_ids_and_no_name_is_used_twice() {
        let mut titles = std::collections::BTreeSet::new();
        for root in [Root::Council, Root::Public] {
            let ids: Vec<&str> = all(root).iter().map(|collection| collection.id).collect();
            assert!(ids.is_sorted());
            for collection in all(root) {
                let id = uuid::Uuid::parse_str(collection.id).unwrap();
                assert_eq!(id.get_version_num(), 4);
                assert!(titles.insert(collection.title) && !collection.title.contains('.'));
            }
        }
        assert_eq!(titles.len(), 11);
    }

    #[test]
    fn a_collection_is_found_by_id_or_alias_in_its_own_root_only() {
        let exchange = find(Root::Council, "exchange").unwrap();
        assert_eq!(find(Root::Council, exchange.id).unwrap().alias, "exchange");
        assert!(find(Root::Public, exchange.id).is_none());
        assert!(find(Root::Council, "Exchange").is_none());
    }
}
