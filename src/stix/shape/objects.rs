//! The tables of domain objects (STIX §4), relationship objects (§5) and meta objects (§7), one entry a
//! type: its name, its section, its own properties and the instants that have an order. Common
//! properties are in `shape`.

use super::Kind::{
    Container, Dictionary, Flag, Float, Hyphened, Int, Part, Parts, Ref, Refs, Text, Texts, Time,
    Word, Words,
};
use super::Target::{Any, Sco, ScoOrSro, Sdo, SdoOrSco, Types};
use super::words::{EXTENSION_TYPES, OPINIONS};
use super::{ANY_FLOAT, DESCRIPTION, Order, Property, Shape, Target, opt, req};

const KILL_CHAIN: Property = opt(
    "kill_chain_phases",
    Parts(&[req("kill_chain_name", Text), req("phase_name", Text)]),
);
const ALIASES: Property = opt("aliases", Texts);
const FIRST_SEEN: Property = opt("first_seen", Time);
const LAST_SEEN: Property = opt("last_seen", Time);
const OBJECT_REFS: Property = req("object_refs", Refs(Any));
const SEEN: &[Order] = &[("last_seen", "first_seen", false)];
const SOFTWARE: Target = Types(&["software"]);

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
        opt("longitude", Float(-180.0, 180.0)), opt("precision", ANY_FLOAT), opt("region", Text),
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
        opt("analysis_sco_refs", Refs(Sco)), opt("sample_ref", Ref(Types(&["artifact", "file", "network-traffic"])))] &[];
    "note" "4.13" [opt("abstract", Text), req("content", Text), opt("authors", Texts), OBJECT_REFS] &[];
    "observed-data" "4.14" [req("first_observed", Time), req("last_observed", Time),
        req("number_observed", Int(1, 999_999_999)), opt("objects", Container),
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
    "language-content" "7.1" [req("object_ref", Ref(Any)), opt("object_modified", Time), req("contents", Dictionary)] &[];
    "marking-definition" "7.2.1" [opt("name", Text), opt("definition_type", Text), opt("definition", Part(&[]))] &[];
    "extension-definition" "7.3" [req("name", Text), DESCRIPTION, req("schema", Text), req("version", Text),
        req("extension_types", Words(EXTENSION_TYPES)), opt("extension_properties", Texts)] &[];
}
