//! The council: bodies, people, sectors, schemes and charter, from one declarative file. Pure.
//!
//! [`mod@file`] reads and checks `council.toml`; [`directory`] is the indexed snapshot everything else
//! asks; [`charter`] is what the council requires of every item; [`mod@resolve`] turns a level,
//! which speaks relative to its source, into a rule over concrete bodies, [`rejoin`] follows a body
//! whose place changes; [`contact`] says whom to turn to in a body; [`combine`] answers `policy combine`.

pub mod body;
pub mod charter;
pub mod combine;
pub mod contact;
pub mod directory;
pub mod file;
pub mod plan;
pub mod question;
pub mod rejoin;
pub mod resolve;
pub mod standing_answers;

pub use body::{
    Body, BodyKind, Dated, Localised, Principal, PrincipalKind, Role, Sector, Standing,
    TaxiiProfile,
};
pub use charter::{Facts, Subject};
pub use directory::Directory;
pub use file::{CouncilFile, Fault};
pub use resolve::{Origin, Resolved, Whole, resolve, resolve_level};
