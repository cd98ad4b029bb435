//! The tables of cyber observables (STIX §6), one entry a type: its name, its section, its own
//! properties and the instants that have an order. Their predefined extensions are in `extensions`.

use super::Entries::{self, TextsOrInts, TextsOrTextLists};
use super::Kind::{
    Bin, Charset, Cpe, Domain, Email, Flag, Hashes, Hex, Ipv4, Ipv6, Langs, Mac, Map, Parts, Ref,
    Refs, RegistryKey, SomePart, SomeParts, Text, Texts, Time, Url, Word,
};
use super::Target::{Sco, Types};
use super::words::{ENCRYPTION, REGISTRY_DATA};
use super::{ARTIFACT, COUNT, PORT, Shape, Target, WHOLE, opt, req};

const MAIL: Target = Types(&["email-addr"]);
const ACCOUNT: Target = Types(&["user-account"]);
const ENDPOINT: Target = Types(&["ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"]);
const TRAFFIC: Target = Types(&["network-traffic"]);

shapes! {
    "artifact" "6.1" [opt("mime_type", Text), opt("payload_bin", Bin), opt("url", Url), opt("hashes", Hashes),
        opt("encryption_algorithm", Word(ENCRYPTION)), opt("decryption_key", Text)] &[];
    "autonomous-system" "6.2" [req("number", WHOLE), opt("name", Text), opt("rir", Text)] &[];
    "directory" "6.3" [req("path", Text), opt("path_enc", Charset), opt("ctime", Time), opt("mtime", Time),
        opt("atime", Time), opt("contains_refs", Refs(Types(&["file", "directory"])))] &[];
    "domain-name" "6.4" [req("value", Domain),
        opt("resolves_to_refs", Refs(Types(&["ipv4-addr", "ipv6-addr", "domain-name"])))] &[];
    "email-addr" "6.5" [req("value", Email), opt("display_name", Text), opt("belongs_to_ref", Ref(ACCOUNT))] &[];
    "email-message" "6.6" [req("is_multipart", Flag), opt("date", Time), opt("content_type", Text),
        opt("from_ref", Ref(MAIL)), opt("sender_ref", Ref(MAIL)), opt("to_refs", Refs(MAIL)),
        opt("cc_refs", Refs(MAIL)), opt("bcc_refs", Refs(MAIL)), opt("message_id", Text), opt("subject", Text),
        opt("received_lines", Texts), opt("additional_header_fields", Map(TextsOrTextLists)), opt("body", Text),
        opt("body_multipart", Parts(&[opt("body", Text), opt("body_raw_ref", Ref(Types(&["artifact", "file"]))),
            opt("content_type", Text), opt("content_disposition", Text)])),
        opt("raw_email_ref", Ref(ARTIFACT))] &[];
    "file" "6.7" [opt("hashes", Hashes), opt("size", COUNT), opt("name", Text), opt("name_enc", Charset),
        opt("magic_number_hex", Hex), opt("mime_type", Text), opt("ctime", Time), opt("mtime", Time),
        opt("atime", Time), opt("parent_directory_ref", Ref(Types(&["directory"]))),
        opt("contains_refs", Refs(Sco)), opt("content_ref", Ref(ARTIFACT))] &[];
    "ipv4-addr" "6.8" [req("value", Ipv4), opt("resolves_to_refs", Refs(Types(&["mac-addr"]))),
        opt("belongs_to_refs", Refs(Types(&["autonomous-system"])))] &[];
    "ipv6-addr" "6.9" [req("value", Ipv6), opt("resolves_to_refs", Refs(Types(&["mac-addr"]))),
        opt("belongs_to_refs", Refs(Types(&["autonomous-system"])))] &[];
    "mac-addr" "6.10" [req("value", Mac)] &[];
    "mutex" "6.11" [req("name", Text)] &[];
    "network-traffic" "6.12" [opt("start", Time), opt("end", Time), opt("is_active", Flag),
        opt("src_ref", Ref(ENDPOINT)), opt("dst_ref", Ref(ENDPOINT)), opt("src_port", PORT), opt("dst_port", PORT),
        req("protocols", Texts), opt("src_byte_count", COUNT), opt("dst_byte_count", COUNT),
        opt("src_packets", COUNT), opt("dst_packets", COUNT), opt("ipfix", Map(TextsOrInts)),
        opt("src_payload_ref", Ref(ARTIFACT)), opt("dst_payload_ref", Ref(ARTIFACT)),
        opt("encapsulates_refs", Refs(TRAFFIC)), opt("encapsulated_by_ref", Ref(TRAFFIC))]
        &[("end", "start", false)];
    "process" "6.13" [opt("is_hidden", Flag), opt("pid", WHOLE), opt("created_time", Time), opt("cwd", Text),
        opt("command_line", Text), opt("environment_variables", Map(Entries::Texts)),
        opt("opened_connection_refs", Refs(TRAFFIC)), opt("creator_user_ref", Ref(ACCOUNT)),
        opt("image_ref", Ref(Types(&["file"]))), opt("parent_ref", Ref(Types(&["process"]))),
        opt("child_refs", Refs(Types(&["process"])))] &[];
    "software" "6.14" [req("name", Text), opt("cpe", Cpe), opt("swid", Text), opt("languages", Langs),
        opt("vendor", Text), opt("version", Text)] &[];
    "url" "6.15" [req("value", Url)] &[];
    "user-account" "6.16" [opt("user_id", Text), opt("credential", Text), opt("account_login", Text),
        opt("account_type", Text), opt("display_name", Text), opt("is_service_account", Flag),
        opt("is_privileged", Flag), opt("can_escalate_privs", Flag), opt("is_disabled", Flag),
        opt("account_created", Time), opt("account_expires", Time), opt("credential_last_changed", Time),
        opt("account_first_login", Time), opt("account_last_login", Time)] &[];
    "windows-registry-key" "6.17" [opt("key", RegistryKey),
        opt("values", SomeParts(&[opt("name", Text), opt("data", Text), opt("data_type", Word(REGISTRY_DATA))])),
        opt("modified_time", Time), opt("creator_user_ref", Ref(ACCOUNT)), opt("number_of_subkeys", WHOLE)] &[];
    "x509-certificate" "6.18" [opt("is_self_signed", Flag), opt("hashes", Hashes), opt("version", Text),
        opt("serial_number", Text), opt("signature_algorithm", Text), opt("issuer", Text),
        opt("validity_not_before", Time), opt("validity_not_after", Time), opt("subject", Text),
        opt("subject_public_key_algorithm", Text), opt("subject_public_key_modulus", Text),
        opt("subject_public_key_exponent", WHOLE),
        opt("x509_v3_extensions", SomePart(&[opt("basic_constraints", Text), opt("name_constraints", Text),
            opt("policy_constraints", Text), opt("key_usage", Text), opt("extended_key_usage", Text),
            opt("subject_key_identifier", Text), opt("authority_key_identifier", Text),
            opt("subject_alternative_name", Text), opt("issuer_alternative_name", Text),
            opt("subject_directory_attributes", Text), opt("crl_distribution_points", Text),
            opt("inhibit_any_policy", Text), opt("private_key_usage_period_not_before", Time),
            opt("private_key_usage_period_not_after", Time), opt("certificate_policies", Text),
            opt("policy_mappings", Text)]))] &[];
}
