//! One request to an API root: which root, who calls, which collection and object the path names.
//! Logging in comes before everything else, so that a stranger learns nothing from any path.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;

use super::collection::{Collection, find};
use super::error::Failure;
use super::media;
use crate::council::TaxiiProfile;
use crate::exchange::{Caller, Exchange, View};
use crate::handling::Channel;
use crate::http::Hub;
use crate::http::auth::{Identified, identify};

/// An API root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// For whom the council's directory knows.
    Council,
    /// For anybody, without login; read only.
    Public,
}

impl Root {
    fn named(name: &str) -> Option<Self> {
        match name {
            "council" => Some(Self::Council),
            "public" => Some(Self::Public),
            _ => None,
        }
    }

    /// Where it lies: one leading slash, so that a client resolves it against the address it
    /// reached the hub under, which the hub behind a proxy does not know.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Council => "/taxii2/council/",
            Self::Public => "/taxii2/public/",
        }
    }

    /// Its title; without a dot, since one client splits `root.collection` there.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Council => "Sekisho council",
            Self::Public => "Sekisho public",
        }
    }

    /// What it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Council => "What the council shares with the caller",
            Self::Public => "What is free for everybody (TLP:CLEAR); read only, without login",
        }
    }
}

/// A request that may go on.
#[derive(Debug)]
pub struct Session {
    /// The use cases.
    pub exchange: Exchange,
    /// Through which root.
    pub root: Root,
    /// Who calls; nobody on the public root, whatever the headers say.
    pub caller: Option<Box<Caller>>,
    /// The address, for its query part.
    pub uri: Uri,
    parameters: Vec<(String, String)>,
}

impl FromRequestParts<Hub> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failure> {
        let parameters: Vec<(String, String)> = RawPathParams::from_request_parts(parts, hub)
            .await
            .map_err(|_| Failure::not_found())?
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let root = parameters
            .iter()
            .find(|(name, _)| name == "root")
            .and_then(|(_, value)| Root::named(value))
            .ok_or_else(Failure::not_found)?;
        let caller = match root {
            Root::Public => None,
            Root::Council => match identify(hub, &parts.headers).await? {
                Identified::As(caller) => Some(caller),
                Identified::Nobody | Identified::Unknown => return Err(Failure::unauthorised()),
            },
        };
        media::acceptable(&parts.headers)?;
        Ok(Self {
            exchange: hub.exchange.clone(),
            root,
            caller,
            uri: parts.uri.clone(),
            parameters,
        })
    }
}

impl Session {
    /// A parameter of the path.
    pub fn parameter(&self, name: &str) -> Result<&str, Failure> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .ok_or_else(Failure::not_found)
    }

    /// The collection that the path names by id or alias.
    pub fn collection(&self) -> Result<&'static Collection, Failure> {
        find(self.root, self.parameter("collection")?).ok_or_else(Failure::not_found)
    }

    /// How the caller is to be answered.
    pub fn profile(&self) -> TaxiiProfile {
        self.caller
            .as_deref()
            .map_or(TaxiiProfile::Standard, |caller| caller.principal.taxii)
    }

    /// What the caller may see.
    pub async fn view(&self) -> Result<View, Failure> {
        Ok(self
            .exchange
            .view(self.caller.as_deref(), Channel::Taxii)
            .await?)
    }
}
