//! Why a request is not carried out, in terms a caller can act on.

use crate::report;
use crate::stix::Violation;
use crate::stix::json::JsonFault;
use crate::store::StoreError;

/// One thing wrong with what was sent: where, and which rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// JSON pointer into what was sent.
    pub pointer: String,
    /// The rule's short name.
    pub rule: String,
    /// In words.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn at(
        pointer: impl Into<String>,
        rule: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            rule: rule.into(),
            message: message.into(),
        }
    }
}

impl From<report::Fault> for Fault {
    fn from(fault: report::Fault) -> Self {
        Self::at(fault.pointer, fault.rule, fault.message)
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::at(violation.pointer, violation.rule, violation.message)
    }
}

impl From<JsonFault> for Fault {
    fn from(fault: JsonFault) -> Self {
        Self::at(fault.pointer, fault.rule, fault.message)
    }
}

/// A request that was not carried out; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not even JSON of the right kind.
    #[error("the body cannot be read")]
    Malformed(Vec<Fault>),
    /// It is larger than the hub takes.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It can be read but breaks a rule.
    #[error("what was sent breaks a rule")]
    Invalid(Vec<Fault>),
    /// The caller has not the right, whatever is asked about.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing for this caller.
    #[error("there is no such thing")]
    NotFound,
    /// It does not fit the present state of a thing the caller sees.
    #[error("{0}")]
    Conflict(String),
    /// The thing is at another version than the caller expects.
    #[error("it is at another version")]
    Stale,
    /// The hub failed.
    #[error("the hub failed")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<crate::clock::NoRandomness> for Refusal {
    fn from(error: crate::clock::NoRandomness) -> Self {
        Self::Internal(error.into())
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl Refusal {
    /// One fault that breaks a rule.
    pub fn fault(
        pointer: impl Into<String>,
        rule: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![Fault::at(pointer, rule, message)])
    }
}
