//! What somebody wants to be told, over which channel, and when. Pure: the exchange finds what there
//! is to tell, `delivery` sends it.
//!
//! [`filter`] looks only at what the subscriber has, so it tells nothing of what is hidden; [`hours`]
//! is when; [`retry`] is how often; [`receivers`] is where webhooks may go, [`mail`] where mail may.

pub mod filter;
pub mod hours;
pub mod mail;
pub mod receivers;
pub mod retry;

use serde::{Deserialize, Serialize};

pub use filter::Filter;
pub use hours::{Urgency, When};
pub use mail::{Language, Mailing};
pub use receivers::Receivers;

/// Longest address of a webhook, in bytes.
const URL_MAX: usize = 2000;
/// Longest name of a subscription, in bytes.
const NAME_MAX: usize = 200;

/// A subscription as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Which items; all where nothing is said.
    #[serde(default)]
    pub filter: Filter,
    /// Where to.
    pub channel: Channel,
    /// When; at once where nothing is said.
    #[serde(default)]
    pub when: When,
}

/// Where a subscription delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Channel {
    /// A POST in the form of Standard Webhooks.
    Webhook {
        /// `https://…`; `http://` only where the hub's settings allow it.
        url: String,
        /// What is in the body.
        #[serde(default)]
        content: Content,
        /// How it is signed.
        #[serde(default)]
        signature: Signature,
    },
    /// A mail in plain text, to an address that has agreed.
    Mail {
        /// `name@domain`, plain.
        address: String,
        /// The language of the hub's own words in it.
        #[serde(default)]
        language: Language,
        /// What is in the body.
        #[serde(default)]
        content: Content,
    },
}

impl Channel {
    /// The mail address, as it is known.
    #[must_use]
    pub fn mail_address(&self) -> Option<String> {
        match self {
            Self::Webhook { .. } => None,
            Self::Mail { address, .. } => Some(mail::known_as(address)),
        }
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// That there is something, and where to fetch it.
    #[default]
    Thin,
    /// The item, where its rule lets it leave by this channel; else as thin.
    Full,
}

/// How a webhook is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// HMAC-SHA256 with a secret that both have (`v1`).
    #[default]
    Hmac,
    /// Ed25519, of which the receiver has the public key (`v1a`).
    Ed25519,
}

/// Something wrong with a definition: JSON pointer and what.
pub type Wrong = (String, String);

impl Definition {
    /// Everything wrong with it but the address's host, which only a look-up can tell. `mailing` is
    /// absent where the hub sends no mail.
    ///
    /// # Errors
    /// Each fault with its JSON pointer.
    pub fn check(
        &self,
        receivers: &Receivers,
        mailing: Option<&Mailing>,
    ) -> Result<(), Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut fault = |pointer: &str, message: &str| {
            wrong.push((pointer.to_owned(), message.to_owned()));
        };
        if self.name.len() > NAME_MAX {
            fault("/name", "is at most 200 bytes long");
        }
        match &self.channel {
            Channel::Webhook { url, .. } => {
                let scheme = url.split_once("://").map(|(scheme, _)| scheme);
                match scheme {
                    Some("https") => {}
                    Some("http") if receivers.http => {}
                    _ => fault("/channel/url", "is an https address"),
                }
                let after = url.split_once("://").map_or("", |(_, rest)| rest);
                let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
                if url.len() > URL_MAX || fluent_uri::Uri::parse(url.as_str()).is_err() {
                    fault("/channel/url", "is an address of at most 2000 bytes");
                } else if authority.is_empty() {
                    fault("/channel/url", "names a host");
                } else if authority.contains('@') {
                    fault("/channel/url", "holds no user name or password");
                } else if url.contains('#') {
                    fault("/channel/url", "has no fragment");
                }
            }
            Channel::Mail { address, .. } => match mailing {
                None => fault(
                    "/channel/type",
                    "this hub sends no mail: its operator has named no mail server",
                ),
                Some(_) if !mail::is_address(address) => {
                    fault("/channel/address", "is a plain mail address, `name@domain`");
                }
                Some(mailing) if !mailing.allows(address) => fault(
                    "/channel/address",
                    "is in no domain to which this hub's operator lets mail go",
                ),
                Some(_) => {}
            },
        }
        wrong.extend(self.filter.check());
        wrong.extend(self.when.check());
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
