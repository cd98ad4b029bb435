//! Why an item does not go further for now, in words: which dimension, whose clause, and what would
//! release it (law 9). What is decided about a hold is decided elsewhere.

use serde::{Deserialize, Serialize};

use crate::handling::Approver;

/// One thing that holds an item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// `APPROVAL`, `UNMARKED`, `UNKNOWN_MARKING`, `EMBARGO`, or a conflict's code.
    pub code: String,
    /// In words: why.
    pub message: String,
    /// The dimension of the rule that holds it; empty where it is no single one.
    #[serde(default)]
    pub dimension: String,
    /// Whose clauses decided that dimension: body, scheme, version, level.
    #[serde(default)]
    pub decided_by: Vec<String>,
    /// What would end the hold.
    #[serde(default)]
    pub released_by: String,
    /// Whether it also keeps the item from the rest of its own CEPTOAR.
    pub inside_too: bool,
    /// Whether the point of contact's confirmation ends it.
    pub confirmable: bool,
}

impl Hold {
    /// A hold that also keeps the item from its own CEPTOAR, until it is mended.
    pub fn whole(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            inside_too: true,
            ..Self::default()
        }
    }

    /// Names the dimension and whose clauses decided it.
    #[must_use]
    pub fn by(mut self, dimension: &str, decided_by: Vec<String>) -> Self {
        dimension.clone_into(&mut self.dimension);
        self.decided_by = decided_by;
        self
    }

    /// Says what would end it.
    #[must_use]
    pub fn until(mut self, released_by: impl Into<String>) -> Self {
        self.released_by = released_by.into();
        self
    }

    /// Lets the point of contact's confirmation end it.
    #[must_use]
    pub const fn confirmable(mut self) -> Self {
        self.confirmable = true;
        self
    }

    /// A consent that is still needed before the item leaves its CEPTOAR. `own` are the bodies whose
    /// item it is; of any other approver they learn that there is one, and not who (law 4).
    pub fn consent(approver: &Approver, mode: &str, decided_by: Vec<String>, own: &[&str]) -> Self {
        let known = approver
            .parts()
            .is_some_and(|(body, _)| own.contains(&body));
        let who = if known {
            approver.to_string()
        } else {
            "the point of contact of a part's source".to_owned()
        };
        Self {
            code: Self::APPROVAL.to_owned(),
            message: format!("approvals: {who} has not agreed yet ({mode})"),
            dimension: "approvals".to_owned(),
            decided_by,
            released_by: format!("the consent of {who}"),
            inside_too: false,
            confirmable: true,
        }
    }

    /// The code of a missing consent.
    pub const APPROVAL: &str = "APPROVAL";
    /// The code of an embargo.
    pub const EMBARGO: &str = "EMBARGO";
}
