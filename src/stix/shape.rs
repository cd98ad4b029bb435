//! How the tables of STIX 2.1 are written here, and the table of common properties (§3.2). The tables
//! of the types are in `objects` (domain objects, relationships, meta objects), `observables` and
//! `extensions`, the words of closed enumerations in `words`. Data only; `property` reads it. Where
//! the Markdown edition and the `.adoc` of the same errata differ, the `.adoc` is followed.

/// What a reference may point at.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Exactly these types.
    Types(&'static [&'static str]),
    /// Domain objects, custom ones too.
    Sdo,
    /// Observables, custom ones too.
    Sco,
    /// Domain objects and observables, custom ones too.
    SdoOrSco,
    /// Observables and relationships, custom ones too.
    ScoOrSro,
    /// Any STIX Object; a bundle is none.
    Any,
}

/// The kind of a value.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A list of texts.
    Texts,
    Flag,
    /// Whole number within bounds.
    Int(i64, i64),
    /// Number within bounds.
    Float(f64, f64),
    Time,
    /// With milliseconds at least (STIX §3.2).
    TimeMillis,
    /// To the second, without a fraction (STIX §6.7.6).
    TimeSeconds,
    Hashes,
    /// Under names of the vocabulary only (STIX §2.5.1).
    ListedHashes,
    /// With any values.
    Dictionary,
    /// A dictionary whose values or keys have a form.
    Map(Entries),
    /// The deprecated container of observables (STIX §2.13).
    Container,
    Hex,
    Bin,
    Url,
    Email,
    Domain,
    Ipv4,
    Ipv6,
    Mac,
    /// Of the IANA register.
    Charset,
    RegistryKey,
    /// BCP 47.
    Lang,
    Langs,
    Cpe,
    /// Lower case letters, digits, hyphens.
    Hyphened,
    /// One of a closed enumeration (STIX §10).
    Word(&'static [&'static str]),
    Words(&'static [&'static str]),
    Ref(Target),
    Refs(Target),
    Part(&'static [Property]),
    Parts(&'static [Property]),
    /// With at least one of those that are optional.
    SomePart(&'static [Property]),
    SomeParts(&'static [Property]),
    /// Checked elsewhere.
    Free,
}

/// What the entries of a dictionary must be.
#[derive(Clone, Copy)]
pub(super) enum Entries {
    Texts,
    Ints,
    TextsOrInts,
    /// Under names that begin with a capital, as those of EXIF tags do.
    ExifTags,
    TextLists,
    TextsOrTextLists,
    /// Members of STARTUPINFO.
    Startup,
}

/// One property of a type or of a part.
#[derive(Clone, Copy)]
pub(super) struct Property {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

/// An order between two instants: `(later, earlier, strictly)`.
pub(super) type Order = (&'static str, &'static str, bool);

/// A type of the standard.
pub(super) struct Shape {
    /// Section of STIX 2.1.
    pub clause: &'static str,
    pub properties: &'static [Property],
    pub order: &'static [Order],
}

use Kind::{
    Flag, Float, Free, Int, Lang, ListedHashes, Part, Parts, Ref, Refs, SomePart, SomeParts, Text,
    Texts, TimeMillis, Url, Word, Words,
};
use Target::Types;

const fn req(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        required: true,
    }
}

const fn opt(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        required: false,
    }
}

/// RFC 7493's safe integers; STIX §2.9 names the same bounds.
const SAFE: i64 = (1 << 53) - 1;
const WHOLE: Kind = Int(-SAFE, SAFE);
const COUNT: Kind = Int(0, SAFE);
const PORT: Kind = Int(0, 65_535);
const ANY_FLOAT: Kind = Float(f64::MIN, f64::MAX);
const ARTIFACT: Target = Types(&["artifact"]);
const DESCRIPTION: Property = opt("description", Text);
/// The kind of `extension_type` inside an extension.
pub(super) const EXTENSION_TYPE: Kind = Word(words::EXTENSION_TYPES);

/// An external reference (§2.5).
pub(super) const EXTERNAL_REFERENCE: &[Property] = &[
    req("source_name", Text),
    DESCRIPTION,
    opt("url", Url),
    opt("hashes", ListedHashes),
    opt("external_id", Text),
];

/// Which column of the table of common properties (§3.2) an object reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Sdo,
    Sro,
    Sco,
    Extension,
    Language,
    Marking,
    /// A custom type that does not say of which class it is: nothing but type and id is required.
    Unclassed,
}

/// Whether a common property is required, optional or not applicable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    Never,
}

/// The table of §3.2, columns SDO, SRO, SCO, extension-definition, language-content,
/// marking-definition; `R` required, `o` optional, `-` not applicable.
pub(super) const COMMON: &[(&str, Kind, &str)] = &[
    ("type", Free, "RRRRRR"),
    ("id", Free, "RRRRRR"),
    ("spec_version", Word(&["2.1"]), "RRoRRR"),
    ("created", TimeMillis, "RR-RRR"),
    ("modified", TimeMillis, "RR-RR-"),
    ("created_by_ref", Ref(Types(&["identity"])), "oo-Roo"),
    ("revoked", Flag, "oo-oo-"),
    ("labels", Texts, "oo-oo-"),
    ("confidence", Int(0, 100), "oo--o-"),
    ("lang", Lang, "oo----"),
    ("external_references", Parts(EXTERNAL_REFERENCE), "oo-ooo"),
    (
        "object_marking_refs",
        Refs(Types(&["marking-definition"])),
        "oooooo",
    ),
    ("granular_markings", Free, "oooooo"),
    ("defanged", Flag, "--o---"),
    ("extensions", Free, "ooo-oo"),
];

/// Reads one cell of [`COMMON`].
pub(super) fn presence(cells: &str, column: Column) -> Presence {
    let at = match column {
        Column::Unclassed => return Presence::Optional,
        Column::Sdo => 0,
        Column::Sro => 1,
        Column::Sco => 2,
        Column::Extension => 3,
        Column::Language => 4,
        Column::Marking => 5,
    };
    match cells.as_bytes().get(at) {
        Some(b'R') => Presence::Required,
        Some(b'o') => Presence::Optional,
        _ => Presence::Never,
    }
}

macro_rules! shapes {
    ($($kind:literal $clause:literal [$($property:expr),* $(,)?] $order:expr;)*) => {
        /// The shape of a type of this table.
        pub(super) fn shape(object_type: &str) -> Option<&'static Shape> {
            match object_type {
                $($kind => {
                    const SHAPE: &Shape = &Shape { clause: $clause, properties: &[$($property),*], order: $order };
                    Some(SHAPE)
                })*
                _ => None,
            }
        }
        /// The types of this table.
        pub(super) const TYPES: &[&str] = &[$($kind),*];
    };
}

mod extensions;
mod objects;
mod observables;
pub(super) mod words;

pub(super) use extensions::predefined_extension;

/// The shape of a type; `None` for a type the standard does not define.
pub(super) fn shape(object_type: &str) -> Option<&'static Shape> {
    objects::shape(object_type).or_else(|| observables::shape(object_type))
}

/// Every type that has a shape.
pub(super) fn types() -> impl Iterator<Item = &'static str> {
    objects::TYPES.iter().chain(observables::TYPES).copied()
}

/// Every table of properties, those of parts not opened.
fn tables() -> impl Iterator<Item = &'static [Property]> {
    let types = types().filter_map(shape).map(|shape| shape.properties);
    let extensions = extensions::KEYS
        .iter()
        .filter_map(|key| predefined_extension(key))
        .filter_map(|(_, kind)| part_of(kind));
    types.chain(extensions).chain([EXTERNAL_REFERENCE])
}

/// The table of a part, or of each part of a list.
fn part_of(kind: Kind) -> Option<&'static [Property]> {
    match kind {
        Part(inner) | Parts(inner) | SomePart(inner) | SomeParts(inner) => Some(inner),
        _ => None,
    }
}

fn any_property(properties: &[Property], wanted: &dyn Fn(&Property) -> bool) -> bool {
    properties.iter().any(|property| {
        wanted(property) || part_of(property.kind).is_some_and(|inner| any_property(inner, wanted))
    })
}

/// Tells whether a member name is the standard's own, wherever it may stand.
pub(super) fn is_standard_name(name: &str) -> bool {
    COMMON.iter().any(|(common, ..)| *common == name)
        || matches!(name, "extension_type" | "selectors" | "marking_ref")
        || extensions::KEYS.contains(&name)
        || words::HASHES.contains(&name)
        || words::STARTUP.contains(&name)
        || tables().any(|table| any_property(table, &|property| property.name == name))
}

/// Tells whether a text under this name is a word of a closed enumeration.
pub(super) fn is_word(name: &str, text: &str) -> bool {
    let in_kind = |kind: Kind| match kind {
        Word(words) | Words(words) => words.contains(&text),
        _ => false,
    };
    (name == "extension_type" && in_kind(EXTENSION_TYPE))
        || tables().any(|table| {
            any_property(table, &|property| {
                property.name == name && in_kind(property.kind)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stix::id::{Class, class};

    #[test]
    fn every_type_of_the_standard_has_a_shape_and_no_other_has() {
        let count = |wanted: Class| types().filter(|kind| class(kind) == wanted).count();
        assert_eq!(count(Class::Sdo), 19);
        assert_eq!(count(Class::Sro), 2);
        assert_eq!(count(Class::Sco), 18);
        assert_eq!(count(Class::Meta), 3);
        assert_eq!(count(Class::Custom), 0);
        assert!(shape("bundle").is_none());
        assert!(shape("x-thing").is_none());
    }

    #[test]
    fn no_type_redefines_a_common_property() {
        for kind in types() {
            for property in shape(kind).unwrap().properties {
                let common = COMMON.iter().any(|(name, ..)| *name == property.name);
                assert!(!common, "{kind} {}", property.name);
            }
        }
    }

    #[test]
    fn the_common_table_has_six_columns() {
        assert!(COMMON.iter().all(|(_, _, cells)| cells.len() == 6));
    }
}
