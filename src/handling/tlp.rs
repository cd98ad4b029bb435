//! The Traffic Light Protocol 2.0: how far an item may travel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A TLP 2.0 label, ordered from loose to strict.
///
/// ```
/// use sekisho::handling::Tlp;
/// assert!(Tlp::AmberStrict > Tlp::Amber);
/// assert_eq!("tlp:white".parse(), Ok(Tlp::Clear)); // TLP 1 word, read and never written
/// assert_eq!(Tlp::AmberStrict.label(), "TLP:AMBER+STRICT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlp {
    /// The world.
    #[serde(rename = "CLEAR")]
    Clear,
    /// The community, never a public channel.
    #[serde(rename = "GREEN")]
    Green,
    /// The recipient's organisation and its clients, need to know.
    #[serde(rename = "AMBER")]
    Amber,
    /// The recipient's organisation only.
    #[serde(rename = "AMBER+STRICT")]
    AmberStrict,
    /// Named individual recipients.
    #[serde(rename = "RED")]
    Red,
}

impl Tlp {
    /// All labels, loose to strict.
    pub const ALL: [Self; 5] = [
        Self::Clear,
        Self::Green,
        Self::Amber,
        Self::AmberStrict,
        Self::Red,
    ];

    /// The word without its prefix, as the common rule writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clear => "CLEAR",
            Self::Green => "GREEN",
            Self::Amber => "AMBER",
            Self::AmberStrict => "AMBER+STRICT",
            Self::Red => "RED",
        }
    }

    /// Whether an item of this label may stand in a mail: RED and AMBER+STRICT never do, since a mail
    /// is stored and passed on in the clear by whoever runs the servers on its way.
    #[must_use]
    pub const fn in_mail(self) -> bool {
        match self {
            Self::Clear | Self::Green | Self::Amber => true,
            Self::AmberStrict | Self::Red => false,
        }
    }

    /// The label as FIRST writes it: Latin capitals in every language.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The text is no TLP label.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no TLP 2.0 label")]
pub struct UnknownTlp(pub String);

impl FromStr for Tlp {
    type Err = UnknownTlp;

    /// Reads a label in any case, with or without `TLP:`; TLP 1's WHITE is CLEAR.
    fn from_str(text: &str) -> Result<Self, UnknownTlp> {
        let upper = text.trim().to_ascii_uppercase();
        match upper.strip_prefix("TLP:").unwrap_or(&upper) {
            "CLEAR" | "WHITE" => Ok(Self::Clear),
            "GREEN" => Ok(Self::Green),
            "AMBER" => Ok(Self::Amber),
            "AMBER+STRICT" => Ok(Self::AmberStrict),
            "RED" => Ok(Self::Red),
            _ => Err(UnknownTlp(text.to_owned())),
        }
    }
}
