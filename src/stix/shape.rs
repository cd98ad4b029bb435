//! The shapes of the objects STIX 2.1 defines: which properties each type has, of what kind, which
//! are required, and which instants have an order. Data only; `property` reads it. Where the
//! Markdown edition and the `.adoc` of the same errata differ, the `.adoc` is followed.

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
    Texts,
    Flag,
    /// Whole number within bounds.
    Int(i64, i64),
    /// Number within bounds.
    Float(f64, f64),
    Time,
    /// With milliseconds at least (STIX §3.2).
    TimeMillis,
    Hashes,
    Dictionary,
    Hex,
    Bin,
    Url,
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
    /// Checked elsewhere.
    Free,
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
    Bin, Cpe, Dictionary, Flag, Float, Free, Hashes, Hex, Hyphened, Int, Lang, Langs, Part, Parts,
    Ref, Refs, Text, Texts, Time, TimeMillis, Url, Word, Words,
};
use Target::{Any, Sco, ScoOrSro, Sdo, SdoOrSco, Types};

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
const KILL_CHAIN: Property = opt(
    "kill_chain_phases",
    Parts(&[req("kill_chain_name", Text), req("phase_name", Text)]),
);
const DESCRIPTION: Property = opt("description", Text);
const ALIASES: Property = opt("aliases", Texts);
const FIRST_SEEN: Property = opt("first_seen", Time);
const LAST_SEEN: Property = opt("last_seen", Time);
const OBJECT_REFS: Property = req("object_refs", Refs(Any));
const SEEN: &[Order] = &[("last_seen", "first_seen", false)];
const EXTENSION_TYPES: &[&str] = &[
    "new-sdo",
    "new-sco",
    "new-sro",
    "property-extension",
    "toplevel-property-extension",
];
const OPINIONS: &[&str] = &[
    "strongly-disagree",
    "disagree",
    "neutral",
    "agree",
    "strongly-agree",
];
const ENCRYPTION: &[&str] = &["AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"];
const REGISTRY_DATA: &[&str] = &[
    "REG_NONE",
    "REG_SZ",
    "REG_EXPAND_SZ",
    "REG_BINARY",
    "REG_DWORD",
    "REG_DWORD_BIG_ENDIAN",
    "REG_DWORD_LITTLE_ENDIAN",
    "REG_LINK",
    "REG_MULTI_SZ",
    "REG_RESOURCE_LIST",
    "REG_FULL_RESOURCE_DESCRIPTION",
    "REG_RESOURCE_REQUIREMENTS_LIST",
    "REG_QWORD",
    "REG_INVALID_TYPE",
];
/// The kind of `extension_type` inside an extension.
pub(super) const EXTENSION_TYPE: Kind = Word(EXTENSION_TYPES);

const SOFTWARE: Target = Types(&["software"]);
const MAIL: Target = Types(&["email-addr"]);
const ARTIFACT: Target = Types(&["artifact"]);
const ACCOUNT: Target = Types(&["user-account"]);
const ENDPOINT: Target = Types(&["ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"]);
const TRAFFIC: Target = Types(&["network-traffic"]);

/// An external reference (§2.5).
pub(super) const EXTERNAL_REFERENCE: &[Property] = &[
    req("source_name", Text),
    DESCRIPTION,
    opt("url", Url),
    opt("hashes", Hashes),
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
        /// The shape of a type; `None` for a type the standard does not define.
        pub(super) fn shape(object_type: &str) -> Option<&'static Shape> {
            match object_type {
                $($kind => {
                    const SHAPE: &Shape = &Shape { clause: $clause, properties: &[$($property),*], order: $order };
                    Some(SHAPE)
                })*
                _ => None,
            }
        }
        /// Every type that has a shape.
        pub(super) const TYPES: &[&str] = &[$($kind),*];
    };
}

shapes! {
    "attack-pattern" "4.1" [req("name", Text), DESCRIPTION, ALIASES, KILL_CHAIN] &[];
    "campaign" "4.2" [req("name", Text), DESCRIPTION, ALIASES, FIRST_SEEN, LAST_SEEN, opt("objective", Text)] SEEN;
    "course-of-action" "4.3" [req("name", Text), DESCRIPTION] &[];
    "grouping" "4.4" [opt("name", Text), DESCRIPTION, req("context", Text), OBJECT_REFS] &[];
    "identity" "4.5" [req("name", Text), DESCRIPTION, opt("roles", Texts), opt("identity_class", Text),
        opt("sectors", Texts), opt("contact_information", Text)] &[];
    "incident" "4.6" [req("name", Text), DESCRIPTION] &[];
    "indicator" "4.7" [opt("name", Text), DESCRIPTION, opt("indicator_types", Texts), req("pattern", Text),
        req("pattern_type", Text), opt("pattern_version", Text), req("valid_from", Time),
        opt("valid_until", Time), KILL_CHAIN] &[("valid_until", "valid_from", true)];
    "infrastructure" "4.8" [req("name", Text), DESCRIPTION, opt("infrastructure_types", Texts), ALIASES,
        KILL_CHAIN, FIRST_SEEN, LAST_SEEN] SEEN;
    "intrusion-set" "4.9" [req("name", Text), DESCRIPTION, ALIASES, FIRST_SEEN, LAST_SEEN, opt("goals", Texts),
        opt("resource_level", Text), opt("primary_motivation", Text), opt("secondary_motivations", Texts)] SEEN;
    "location" "4.10" [opt("name", Text), DESCRIPTION, opt("latitude", Float(-90.0, 90.0)),
        opt("longitude", Float(-180.0, 180.0)), opt("precision", Float(0.0, f64::MAX)), opt("region", Text),
        opt("country", Text), opt("administrative_area", Text), opt("city", Text),
        opt("street_address", Text), opt("postal_code", Text)] &[];
    "malware" "4.11" [opt("name", Text), DESCRIPTION, opt("malware_types", Texts), req("is_family", Flag), ALIASES,
        KILL_CHAIN, FIRST_SEEN, LAST_SEEN, opt("operating_system_refs", Refs(SOFTWARE)),
        opt("architecture_execution_envs", Texts), opt("implementation_languages", Texts),
        opt("capabilities", Texts), opt("sample_refs", Refs(Types(&["artifact", "file"])))] SEEN;
    "malware-analysis" "4.12" [req("product", Text), opt("version", Text), opt("host_vm_ref", Ref(SOFTWARE)),
        opt("operating_system_ref", Ref(SOFTWARE)), opt("installed_software_refs", Refs(SOFTWARE)),
        opt("configuration_version", Text), opt("modules", Texts), opt("analysis_engine_version", Text),
        opt("analysis_definition_version", Text), opt("submitted", Time), opt("analysis_started", Time),
        opt("analysis_ended", Time), opt("result_name", Text), opt("result", Text),
        opt("analysis_sco_refs", Refs(Sco)), opt("sample_ref", Ref(Sco))] &[];
    "note" "4.13" [opt("abstract", Text), req("content", Text), opt("authors", Texts), OBJECT_REFS] &[];
    "observed-data" "4.14" [req("first_observed", Time), req("last_observed", Time),
        req("number_observed", Int(1, 999_999_999)), opt("objects", Dictionary),
        opt("object_refs", Refs(ScoOrSro))] &[("last_observed", "first_observed", false)];
    "opinion" "4.15" [opt("explanation", Text), opt("authors", Texts), req("opinion", Word(OPINIONS)), OBJECT_REFS] &[];
    "report" "4.16" [req("name", Text), DESCRIPTION, opt("report_types", Texts), req("published", Time), OBJECT_REFS] &[];
    "threat-actor" "4.17" [req("name", Text), DESCRIPTION, opt("threat_actor_types", Texts), ALIASES, FIRST_SEEN,
        LAST_SEEN, opt("roles", Texts), opt("goals", Texts), opt("sophistication", Text),
        opt("resource_level", Text), opt("primary_motivation", Text), opt("secondary_motivations", Texts),
        opt("personal_motivations", Texts)] SEEN;
    "tool" "4.18" [req("name", Text), DESCRIPTION, opt("tool_types", Texts), ALIASES, KILL_CHAIN,
        opt("tool_version", Text)] &[];
    "vulnerability" "4.19" [req("name", Text), DESCRIPTION] &[];
    "relationship" "5.1" [req("relationship_type", Hyphened), DESCRIPTION, req("source_ref", Ref(SdoOrSco)),
        req("target_ref", Ref(SdoOrSco)), opt("start_time", Time), opt("stop_time", Time)]
        &[("stop_time", "start_time", true)];
    "sighting" "5.2" [DESCRIPTION, FIRST_SEEN, LAST_SEEN, opt("count", Int(0, 999_999_999)),
        req("sighting_of_ref", Ref(Sdo)), opt("observed_data_refs", Refs(Types(&["observed-data"]))),
        opt("where_sighted_refs", Refs(Types(&["identity", "location"]))), opt("summary", Flag)] SEEN;
    "artifact" "6.1" [opt("mime_type", Text), opt("payload_bin", Bin), opt("url", Url), opt("hashes", Hashes),
        opt("encryption_algorithm", Word(ENCRYPTION)), opt("decryption_key", Text)] &[];
    "autonomous-system" "6.2" [req("number", WHOLE), opt("name", Text), opt("rir", Text)] &[];
    "directory" "6.3" [req("path", Text), opt("path_enc", Text), opt("ctime", Time), opt("mtime", Time),
        opt("atime", Time), opt("contains_refs", Refs(Types(&["file", "directory"])))] &[];
    "domain-name" "6.4" [req("value", Text),
        opt("resolves_to_refs", Refs(Types(&["ipv4-addr", "ipv6-addr", "domain-name"])))] &[];
    "email-addr" "6.5" [req("value", Text), opt("display_name", Text), opt("belongs_to_ref", Ref(ACCOUNT))] &[];
    "email-message" "6.6" [req("is_multipart", Flag), opt("date", Time), opt("content_type", Text),
        opt("from_ref", Ref(MAIL)), opt("sender_ref", Ref(MAIL)), opt("to_refs", Refs(MAIL)),
        opt("cc_refs", Refs(MAIL)), opt("bcc_refs", Refs(MAIL)), opt("message_id", Text), opt("subject", Text),
        opt("received_lines", Texts), opt("additional_header_fields", Dictionary), opt("body", Text),
        opt("body_multipart", Parts(&[opt("body", Text), opt("body_raw_ref", Ref(Types(&["artifact", "file"]))),
            opt("content_type", Text), opt("content_disposition", Text)])),
        opt("raw_email_ref", Ref(ARTIFACT))] &[];
    "file" "6.7" [opt("hashes", Hashes), opt("size", COUNT), opt("name", Text), opt("name_enc", Text),
        opt("magic_number_hex", Hex), opt("mime_type", Text), opt("ctime", Time), opt("mtime", Time),
        opt("atime", Time), opt("parent_directory_ref", Ref(Types(&["directory"]))),
        opt("contains_refs", Refs(Sco)), opt("content_ref", Ref(ARTIFACT))] &[];
    "ipv4-addr" "6.8" [req("value", Text), opt("resolves_to_refs", Refs(Types(&["mac-addr"]))),
        opt("belongs_to_refs", Refs(Types(&["autonomous-system"])))] &[];
    "ipv6-addr" "6.9" [req("value", Text), opt("resolves_to_refs", Refs(Types(&["mac-addr"]))),
        opt("belongs_to_refs", Refs(Types(&["autonomous-system"])))] &[];
    "mac-addr" "6.10" [req("value", Text)] &[];
    "mutex" "6.11" [req("name", Text)] &[];
    "network-traffic" "6.12" [opt("start", Time), opt("end", Time), opt("is_active", Flag),
        opt("src_ref", Ref(ENDPOINT)), opt("dst_ref", Ref(ENDPOINT)), opt("src_port", PORT), opt("dst_port", PORT),
        req("protocols", Texts), opt("src_byte_count", COUNT), opt("dst_byte_count", COUNT),
        opt("src_packets", COUNT), opt("dst_packets", COUNT), opt("ipfix", Dictionary),
        opt("src_payload_ref", Ref(ARTIFACT)), opt("dst_payload_ref", Ref(ARTIFACT)),
        opt("encapsulates_refs", Refs(TRAFFIC)), opt("encapsulated_by_ref", Ref(TRAFFIC))]
        &[("end", "start", false)];
    "process" "6.13" [opt("is_hidden", Flag), opt("pid", WHOLE), opt("created_time", Time), opt("cwd", Text),
        opt("command_line", Text), opt("environment_variables", Dictionary),
        opt("opened_connection_refs", Refs(TRAFFIC)), opt("creator_user_ref", Ref(ACCOUNT)),
        opt("image_ref", Ref(Types(&["file"]))), opt("parent_ref", Ref(Types(&["process"]))),
        opt("child_refs", Refs(Types(&["process"])))] &[];
    "software" "6.14" [req("name", Text), opt("cpe", Cpe), opt("swid", Text), opt("languages", Langs),
        opt("vendor", Text), opt("version", Text)] &[];
    "url" "6.15" [req("value", Text)] &[];
    "user-account" "6.16" [opt("user_id", Text), opt("credential", Text), opt("account_login", Text),
        opt("account_type", Text), opt("display_name", Text), opt("is_service_account", Flag),
        opt("is_privileged", Flag), opt("can_escalate_privs", Flag), opt("is_disabled", Flag),
        opt("account_created", Time), opt("account_expires", Time), opt("credential_last_changed", Time),
        opt("account_first_login", Time), opt("account_last_login", Time)] &[];
    "windows-registry-key" "6.17" [opt("key", Text),
        opt("values", Parts(&[opt("name", Text), opt("data", Text), opt("data_type", Word(REGISTRY_DATA))])),
        opt("modified_time", Time), opt("creator_user_ref", Ref(ACCOUNT)), opt("number_of_subkeys", COUNT)] &[];
    "x509-certificate" "6.18" [opt("is_self_signed", Flag), opt("hashes", Hashes), opt("version", Text),
        opt("serial_number", Text), opt("signature_algorithm", Text), opt("issuer", Text),
        opt("validity_not_before", Time), opt("validity_not_after", Time), opt("subject", Text),
        opt("subject_public_key_algorithm", Text), opt("subject_public_key_modulus", Text),
        opt("subject_public_key_exponent", WHOLE),
        opt("x509_v3_extensions", Part(&[opt("private_key_usage_period_not_before", Time),
            opt("private_key_usage_period_not_after", Time)]))] &[];
    "language-content" "7.1" [req("object_ref", Ref(Any)), opt("object_modified", Time), req("contents", Dictionary)] &[];
    "marking-definition" "7.2.1" [opt("name", Text), opt("definition_type", Text), opt("definition", Part(&[]))] &[];
    "extension-definition" "7.3" [req("name", Text), DESCRIPTION, req("schema", Text), req("version", Text),
        req("extension_types", Words(EXTENSION_TYPES)), opt("extension_properties", Texts)] &[];
}

const FAMILIES: &[&str] = &[
    "AF_UNSPEC",
    "AF_INET",
    "AF_IPX",
    "AF_APPLETALK",
    "AF_NETBIOS",
    "AF_INET6",
    "AF_IRDA",
    "AF_BTH",
];
// The summary in §10.27 prints a misspelled datagram value; the table's own is right.
const SOCKETS: &[&str] = &[
    "SOCK_STREAM",
    "SOCK_DGRAM",
    "SOCK_RAW",
    "SOCK_RDM",
    "SOCK_SEQPACKET",
];
const STARTS: &[&str] = &[
    "SERVICE_AUTO_START",
    "SERVICE_BOOT_START",
    "SERVICE_DEMAND_START",
    "SERVICE_DISABLED",
    "SERVICE_SYSTEM_ALERT",
];
const SERVICES: &[&str] = &[
    "SERVICE_KERNEL_DRIVER",
    "SERVICE_FILE_SYSTEM_DRIVER",
    "SERVICE_WIN32_OWN_PROCESS",
    "SERVICE_WIN32_SHARE_PROCESS",
];
const STATES: &[&str] = &[
    "SERVICE_CONTINUE_PENDING",
    "SERVICE_PAUSE_PENDING",
    "SERVICE_PAUSED",
    "SERVICE_RUNNING",
    "SERVICE_START_PENDING",
    "SERVICE_STOP_PENDING",
    "SERVICE_STOPPED",
];

macro_rules! extensions {
    ($($key:literal [$($property:expr),* $(,)?];)*) => {
        /// The properties of an extension the standard itself defines, by its key.
        pub(super) fn predefined_extension(key: &str) -> Option<&'static [Property]> {
            match key {
                $($key => {
                    const PROPERTIES: &[Property] = &[$($property),*];
                    Some(PROPERTIES)
                })*
                _ => None,
            }
        }
        /// The keys of those extensions.
        const EXTENSIONS: &[&str] = &[$($key),*];
    };
}

extensions! {
    "archive-ext" [req("contains_refs", Refs(Types(&["file", "directory"]))), opt("comment", Text)];
    "ntfs-ext" [opt("sid", Text), opt("alternate_data_streams",
        Parts(&[req("name", Text), opt("hashes", Hashes), opt("size", COUNT)]))];
    "pdf-ext" [opt("version", Text), opt("is_optimized", Flag), opt("document_info_dict", Dictionary),
        opt("pdfid0", Text), opt("pdfid1", Text)];
    "raster-image-ext" [opt("image_height", WHOLE), opt("image_width", WHOLE), opt("bits_per_pixel", WHOLE),
        opt("exif_tags", Dictionary)];
    "windows-pebinary-ext" [req("pe_type", Text), opt("imphash", Text), opt("machine_hex", Hex),
        opt("number_of_sections", COUNT), opt("time_date_stamp", Time), opt("pointer_to_symbol_table_hex", Hex),
        opt("number_of_symbols", COUNT), opt("size_of_optional_header", COUNT), opt("characteristics_hex", Hex),
        opt("file_header_hashes", Hashes), opt("optional_header", Part(&[opt("hashes", Hashes)])),
        opt("sections", Parts(&[req("name", Text), opt("size", COUNT), opt("entropy", ANY_FLOAT),
            opt("hashes", Hashes)]))];
    "http-request-ext" [req("request_method", Text), req("request_value", Text), opt("request_version", Text),
        opt("request_header", Dictionary), opt("message_body_length", WHOLE),
        opt("message_body_data_ref", Ref(ARTIFACT))];
    "icmp-ext" [req("icmp_type_hex", Hex), req("icmp_code_hex", Hex)];
    "socket-ext" [req("address_family", Word(FAMILIES)), opt("is_blocking", Flag), opt("is_listening", Flag),
        opt("options", Dictionary), opt("socket_type", Word(SOCKETS)), opt("socket_descriptor", COUNT),
        opt("socket_handle", WHOLE)];
    "tcp-ext" [opt("src_flags_hex", Hex), opt("dst_flags_hex", Hex)];
    "windows-process-ext" [opt("aslr_enabled", Flag), opt("dep_enabled", Flag), opt("priority", Text),
        opt("owner_sid", Text), opt("window_title", Text), opt("startup_info", Dictionary),
        opt("integrity_level", Word(&["low", "medium", "high", "system"]))];
    "windows-service-ext" [opt("service_name", Text), opt("descriptions", Texts), opt("display_name", Text),
        opt("group_name", Text), opt("start_type", Word(STARTS)), opt("service_dll_refs", Refs(Types(&["file"]))),
        opt("service_type", Word(SERVICES)), opt("service_status", Word(STATES))];
    "unix-account-ext" [opt("gid", WHOLE), opt("groups", Texts), opt("home_dir", Text), opt("shell", Text)];
}

/// Every table of properties, those of parts not opened.
fn tables() -> impl Iterator<Item = &'static [Property]> {
    let types = TYPES
        .iter()
        .filter_map(|kind| shape(kind))
        .map(|shape| shape.properties);
    let extensions = EXTENSIONS
        .iter()
        .filter_map(|key| predefined_extension(key));
    types.chain(extensions).chain([EXTERNAL_REFERENCE])
}

fn any_property(properties: &[Property], wanted: &dyn Fn(&Property) -> bool) -> bool {
    properties.iter().any(|property| {
        wanted(property)
            || match property.kind {
                Part(inner) | Parts(inner) => any_property(inner, wanted),
                _ => false,
            }
    })
}

/// Tells whether a member name is the standard's own, wherever it may stand.
pub(super) fn is_standard_name(name: &str) -> bool {
    COMMON.iter().any(|(common, ..)| *common == name)
        || matches!(name, "extension_type" | "selectors" | "marking_ref")
        || EXTENSIONS.contains(&name)
        || [
            "MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH",
        ]
        .contains(&name)
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
        let count = |wanted: Class| TYPES.iter().filter(|kind| class(kind) == wanted).count();
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
        for kind in TYPES {
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
