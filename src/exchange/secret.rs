//! Everything that depends on the hub's secret: minted ids, hashes of keys, sealed cursors.
//!
//! Law 4: an id comes from the secret and the act, never from a counter, so it tells nothing of
//! what else happened; law 6: a rendition's id is stable and cannot be computed without the secret.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::stix::StixId;

/// The hub's secret. Its `Debug` prints nothing.
#[derive(Clone)]
pub struct Secret {
    key: hmac::Key,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

const SEAL_BYTES: usize = 16;

impl Secret {
    /// Wraps key material of at least 32 bytes.
    #[must_use]
    pub fn new(material: &[u8]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, material),
        }
    }

    /// A keyed hash of labelled parts; lengths go in, so that no two lists of parts are confused.
    fn tag(&self, label: &str, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }

    /// A UUID from the secret and the act. It has the shape of a random one (version 4), since
    /// STIX and TAXII ask for that and nothing may show that it is not random.
    #[must_use]
    pub fn uuid(&self, label: &str, parts: &[&str]) -> Uuid {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let tag = self.tag(label, &parts);
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// One of `places` places, from the secret and the act.
    #[must_use]
    pub fn place(&self, label: &str, parts: &[&str], places: i64) -> i64 {
        let (high, _) = self.uuid(label, parts).as_u64_pair();
        let high = i64::try_from(high >> 1).unwrap_or_default();
        high.checked_rem(places).unwrap_or_default()
    }

    /// A STIX id from the secret and the act.
    #[must_use]
    pub fn stix_id(&self, object_type: &str, label: &str, parts: &[&str]) -> String {
        format!("{object_type}--{}", self.uuid(label, parts))
    }

    /// The id of the rendition of `owner`'s object.
    #[must_use]
    pub fn rendition_id(&self, owner: &str, original: &StixId) -> StixId {
        let uuid = self.uuid("rendition", &[owner, original.as_str()]);
        StixId::new(original.object_type(), uuid).unwrap_or_else(|| original.clone())
    }

    /// What is stored of a key or password.
    #[must_use]
    pub fn credential_hash(&self, secret: &str) -> Vec<u8> {
        self.tag("credential", &[secret.as_bytes()])
            .as_ref()
            .to_vec()
    }

    /// A key for one purpose, from which nothing else of the secret follows.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        let tag = self.tag("key", &[purpose.as_bytes()]);
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        key
    }

    /// Seals a cursor so that only this hub can have made it.
    #[must_use]
    pub fn seal(&self, purpose: &str, content: &[u8]) -> String {
        let tag = self.tag("cursor", &[purpose.as_bytes(), content]);
        let mut sealed: Vec<u8> = tag.as_ref().iter().take(SEAL_BYTES).copied().collect();
        sealed.extend_from_slice(content);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a sealed cursor; `None` for anything this hub did not make for this purpose.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (seal, content) = bytes.split_at_checked(SEAL_BYTES)?;
        let tag = self.tag("cursor", &[purpose.as_bytes(), content]);
        let expected = tag.as_ref().get(..SEAL_BYTES)?;
        constant_time::verify_slices_are_equal(expected, seal).ok()?;
        Some(content.to_vec())
    }
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_the_secret_and_on_every_part() {
        let (one, two) = (Secret::new(&[1; 32]), Secret::new(&[2; 32]));
        let id = one.uuid("rendition", &["a", "b"]);
        assert_eq!(id, one.uuid("rendition", &["a", "b"]));
        assert_ne!(id, two.uuid("rendition", &["a", "b"]));
        assert_ne!(id, one.uuid("rendition", &["ab", ""]));
        assert_ne!(id, one.uuid("item", &["a", "b"]));
        assert_eq!(id.get_version_num(), 4);
    }

    #[test]
    fn a_cursor_opens_only_for_its_purpose_and_unchanged() {
        let secret = Secret::new(&[1; 32]);
        let sealed = secret.seal("reports", b"17");
        assert_eq!(secret.open("reports", &sealed).as_deref(), Some(&b"17"[..]));
        assert_eq!(secret.open("objects", &sealed), None);
        assert_eq!(Secret::new(&[2; 32]).open("reports", &sealed), None);
        let mut other = sealed.into_bytes();
        other[0] ^= 1;
        assert_eq!(
            secret.open("reports", std::str::from_utf8(&other).unwrap()),
            None
        );
    }
}
