//! What a CSAF provider publishes about its TLP:CLEAR documents: its metadata (section 7.1.8), a
//! ROLIE feed (7.1.15, RFC 8322), the documents below a folder of their year (7.1.11) and their hashes
//! (7.1.18). It is made from what anybody may read, so it says nothing of anything else.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use serde_json::{Value, json};

use super::Document;

/// Where the metadata is (section 7.1.9).
pub const METADATA_PATH: &str = "/.well-known/csaf/provider-metadata.json";
/// Where the feed of TLP:CLEAR documents is.
pub const FEED_PATH: &str = "/csaf/feed-tlp-clear.json";
/// Below which folder the documents are.
pub const FOLDER: &str = "/csaf/clear";
/// The time that a feed of nothing names.
const NEVER: &str = "1970-01-01T00:00:00Z";

/// Who publishes.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// What it is called.
    pub name: String,
    /// Its own address, such as `https://nco.example`.
    pub namespace: String,
}

/// One document of the feed.
#[derive(Clone, Debug)]
pub struct Published {
    /// The document.
    pub document: Document,
    /// When it was released to everybody, RFC 3339.
    pub released_at: String,
}

impl Published {
    /// Its address below the hub's.
    #[must_use]
    pub fn path(&self) -> String {
        let first = self
            .document
            .string("/document/tracking/initial_release_date")
            .unwrap_or_default();
        let year = first.get(..4).unwrap_or("0000");
        format!("{FOLDER}/{year}/{}", self.document.file_name())
    }

    fn updated(&self) -> &str {
        self.document
            .string("/document/tracking/current_release_date")
            .unwrap_or(&self.released_at)
    }
}

/// The two hashes that may stand beside a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// `.sha256`
    Sha256,
    /// `.sha512`
    Sha512,
}

impl Hash {
    /// Both, with the ends of their files' names.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Sha256, "sha256"), (Self::Sha512, "sha512")];

    /// The file of a document's hash: hexadecimal digits, two blanks, the document's name.
    #[must_use]
    pub fn file(self, document: &Document) -> String {
        let algorithm = match self {
            Self::Sha256 => &SHA256,
            Self::Sha512 => &SHA512,
        };
        let digest = digest(algorithm, document.text().as_bytes());
        let digits: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{digits}  {}\n", document.file_name())
    }
}

fn last(documents: &[Published]) -> &str {
    let all = documents.iter().map(|one| one.released_at.as_str());
    all.max().unwrap_or(NEVER)
}

/// The provider's metadata; `base` is the hub's own address without a slash at its end.
///
/// The role is that of a provider and not of a trusted one: that would sign its documents with
/// OpenPGP too (section 7.2.3), and the hub has no such key.
#[must_use]
pub fn metadata(base: &str, publisher: &Publisher, documents: &[Published]) -> Value {
    json!({
        "canonical_url": format!("{base}{METADATA_PATH}"),
        "distributions": [{"rolie": {"feeds": [{
            "summary": "TLP:CLEAR advisories",
            "tlp_label": "WHITE",
            "url": format!("{base}{FEED_PATH}"),
        }]}}],
        "last_updated": last(documents),
        "list_on_CSAF_aggregators": true,
        "metadata_version": "2.0",
        "mirror_on_CSAF_aggregators": true,
        "public_openpgp_keys": [],
        "publisher": {
            "category": "coordinator",
            "name": publisher.name,
            "namespace": publisher.namespace,
        },
        "role": "csaf_provider",
    })
}

/// The ROLIE feed of all documents, the newest first.
#[must_use]
pub fn feed(base: &str, documents: &[Published]) -> Value {
    let entries: Vec<Value> = documents.iter().map(|one| entry(base, one)).collect();
    json!({"feed": {
        "id": "sekisho-csaf-feed-tlp-clear",
        "title": "TLP:CLEAR advisories",
        "link": [{"rel": "self", "href": format!("{base}{FEED_PATH}")}],
        "category": [{"scheme": "urn:ietf:params:rolie:category:information-type", "term": "csaf"}],
        "updated": last(documents),
        "entry": entries,
    }})
}

fn entry(base: &str, one: &Published) -> Value {
    let document = &one.document;
    let address = format!("{base}{}", one.path());
    let schema = match document.string("/document/csaf_version") {
        Some("2.1") => "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json",
        _ => "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
    };
    let hashes =
        Hash::ALL.map(|(_, end)| json!({"rel": "hash", "href": format!("{address}.{end}")}));
    let mut links = vec![json!({"rel": "self", "href": address})];
    links.extend(hashes);
    json!({
        "id": document.tracking_id(),
        "title": document.string("/document/title").unwrap_or_default(),
        "link": links,
        "published": document.string("/document/tracking/initial_release_date").unwrap_or(&one.released_at),
        "updated": one.updated(),
        "content": {"type": "application/json", "src": address},
        "format": {"schema": schema, "version": document.string("/document/csaf_version").unwrap_or("2.0")},
    })
}
