//! Names of the parties a rule speaks of. They are data: the council file defines them, and
//! nothing here knows any particular one except [`BodyId::anybody`].

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(
    /// A body of the directory: CEPTOAR, operator, ministry, national centre, agency, council.
    BodyId
);
name!(
    /// A person or service of exactly one body.
    PrincipalId
);
name!(
    /// A sector's code, such as `finance`.
    SectorCode
);
name!(
    /// Who must agree before an item leaves its CEPTOAR: `<body>.<role>` (`demo-finance.poc`),
    /// `source`, or in a scheme's own text `<scheme>.<role>` (`S1.poc`).
    Approver
);

impl BodyId {
    /// The reserved name for whoever reads without logging in. Only CLEAR ever reaches it, in the
    /// form of the observers' column.
    #[must_use]
    pub fn anybody() -> Self {
        Self::from("anybody")
    }
}

impl Approver {
    /// The approver who is another person of the operator the item came from.
    pub const SOURCE: &'static str = "source";

    /// The holder of `role` at `body`.
    #[must_use]
    pub fn of(body: &BodyId, role: &str) -> Self {
        Self::from(format!("{body}.{role}"))
    }

    /// Splits `<body>.<role>`; `None` where there is no dot, as in `source`.
    #[must_use]
    pub fn parts(&self) -> Option<(&str, &str)> {
        self.as_str().rsplit_once('.')
    }
}
