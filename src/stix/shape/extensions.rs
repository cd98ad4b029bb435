//! The tables of the extensions that the standard itself defines for observables (STIX §6), by their
//! key. `SomePart` is one that must have at least one of its optional properties.

use super::Entries::{self, ExifTags, Ints, Startup, TextLists};
use super::Kind::{
    self, Flag, Hashes, Hex, Map, Part, Parts, Ref, Refs, SomePart, Text, Texts, TimeSeconds, Word,
};
use super::Target::Types;
use super::words::{FAMILIES, LEVELS, SERVICES, SOCKETS, STARTS, STATES};
use super::{ANY_FLOAT, ARTIFACT, COUNT, Property, WHOLE, opt, req};

/// Windows PE optional header (§6.7.6).
const OPTIONAL_HEADER: &[Property] = &[
    opt("magic_hex", Hex),
    opt("major_linker_version", WHOLE),
    opt("minor_linker_version", WHOLE),
    opt("size_of_code", COUNT),
    opt("size_of_initialized_data", COUNT),
    opt("size_of_uninitialized_data", COUNT),
    opt("address_of_entry_point", WHOLE),
    opt("base_of_code", WHOLE),
    opt("base_of_data", WHOLE),
    opt("image_base", WHOLE),
    opt("section_alignment", WHOLE),
    opt("file_alignment", WHOLE),
    opt("major_os_version", WHOLE),
    opt("minor_os_version", WHOLE),
    opt("major_image_version", WHOLE),
    opt("minor_image_version", WHOLE),
    opt("major_subsystem_version", WHOLE),
    opt("minor_subsystem_version", WHOLE),
    opt("win32_version_value_hex", Hex),
    opt("size_of_image", COUNT),
    opt("size_of_headers", COUNT),
    opt("checksum_hex", Hex),
    opt("subsystem_hex", Hex),
    opt("dll_characteristics_hex", Hex),
    opt("size_of_stack_reserve", COUNT),
    opt("size_of_stack_commit", COUNT),
    opt("size_of_heap_reserve", COUNT),
    opt("size_of_heap_commit", COUNT),
    opt("loader_flags_hex", Hex),
    opt("number_of_rva_and_sizes", WHOLE),
    opt("hashes", Hashes),
];

macro_rules! extensions {
    ($($key:literal $clause:literal $kind:ident [$($property:expr),* $(,)?];)*) => {
        /// The section and the kind of an extension the standard itself defines, by its key.
        pub(in crate::stix) fn predefined_extension(key: &str) -> Option<(&'static str, Kind)> {
            match key {
                $($key => {
                    const KIND: Kind = $kind(&[$($property),*]);
                    Some(($clause, KIND))
                })*
                _ => None,
            }
        }
        /// The keys of those extensions.
        pub(super) const KEYS: &[&str] = &[$($key),*];
    };
}

extensions! {
    "archive-ext" "6.7.2" Part [req("contains_refs", Refs(Types(&["file", "directory"]))), opt("comment", Text)];
    "ntfs-ext" "6.7.3" SomePart [opt("sid", Text), opt("alternate_data_streams",
        Parts(&[req("name", Text), opt("hashes", Hashes), opt("size", COUNT)]))];
    "pdf-ext" "6.7.4" SomePart [opt("version", Text), opt("is_optimized", Flag), opt("document_info_dict", Map(Entries::Texts)),
        opt("pdfid0", Text), opt("pdfid1", Text)];
    "raster-image-ext" "6.7.5" SomePart [opt("image_height", WHOLE), opt("image_width", WHOLE), opt("bits_per_pixel", WHOLE),
        opt("exif_tags", Map(ExifTags))];
    "windows-pebinary-ext" "6.7.6" SomePart [req("pe_type", Text), opt("imphash", Text), opt("machine_hex", Hex),
        opt("number_of_sections", COUNT), opt("time_date_stamp", TimeSeconds), opt("pointer_to_symbol_table_hex", Hex),
        opt("number_of_symbols", COUNT), opt("size_of_optional_header", COUNT), opt("characteristics_hex", Hex),
        opt("file_header_hashes", Hashes), opt("optional_header", SomePart(OPTIONAL_HEADER)),
        opt("sections", Parts(&[req("name", Text), opt("size", COUNT), opt("entropy", ANY_FLOAT),
            opt("hashes", Hashes)]))];
    "http-request-ext" "6.12.2" Part [req("request_method", Text), req("request_value", Text), opt("request_version", Text),
        opt("request_header", Map(TextLists)), opt("message_body_length", WHOLE),
        opt("message_body_data_ref", Ref(ARTIFACT))];
    "icmp-ext" "6.12.3" Part [req("icmp_type_hex", Hex), req("icmp_code_hex", Hex)];
    "socket-ext" "6.12.4" Part [req("address_family", Word(FAMILIES)), opt("is_blocking", Flag), opt("is_listening", Flag),
        opt("options", Map(Ints)), opt("socket_type", Word(SOCKETS)), opt("socket_descriptor", COUNT),
        opt("socket_handle", WHOLE)];
    "tcp-ext" "6.12.5" SomePart [opt("src_flags_hex", Hex), opt("dst_flags_hex", Hex)];
    "windows-process-ext" "6.13.2" SomePart [opt("aslr_enabled", Flag), opt("dep_enabled", Flag), opt("priority", Text),
        opt("owner_sid", Text), opt("window_title", Text), opt("startup_info", Map(Startup)),
        opt("integrity_level", Word(LEVELS))];
    "windows-service-ext" "6.13.3" SomePart [opt("service_name", Text), opt("descriptions", Texts), opt("display_name", Text),
        opt("group_name", Text), opt("start_type", Word(STARTS)), opt("service_dll_refs", Refs(Types(&["file"]))),
        opt("service_type", Word(SERVICES)), opt("service_status", Word(STATES))];
    "unix-account-ext" "6.16.2" SomePart [opt("gid", WHOLE), opt("groups", Texts), opt("home_dir", Text), opt("shell", Text)];
}
