//! Checkpoints as signed notes: C2SP `signed-note` and `tlog-checkpoint`, signature type Ed25519.
//!
//! The same files are read by the tools of the Go checksum database and by witnesses. Reading them
//! back is the verifier's, which shares nothing with this module.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;

/// C2SP signed-note: the type byte of an Ed25519 signature.
const ED25519: u8 = 1;

/// The seed is no key.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("32 bytes are needed to make the ledger's signing key")]
pub struct BadSeed;

/// Signs checkpoints of one log. Its `Debug` prints the name alone.
pub struct Signer {
    name: String,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// Makes the signer of the log called `name`, which holds no space and no plus.
    ///
    /// # Errors
    /// When the seed is not 32 bytes.
    pub fn new(name: &str, seed: &[u8]) -> Result<Self, BadSeed> {
        Ok(Self {
            name: name.to_owned(),
            pair: Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadSeed)?,
        })
    }

    /// The log's origin, which is the key's name too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type byte and the public key.
    fn encoded(&self) -> Vec<u8> {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.pair.public_key().as_ref());
        key
    }

    /// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.
    fn id(&self) -> Vec<u8> {
        let mut input = self.name.as_bytes().to_vec();
        input.push(b'\n');
        input.extend(self.encoded());
        digest(&SHA256, &input)
            .as_ref()
            .iter()
            .take(4)
            .copied()
            .collect()
    }

    /// What a verifier is configured with: `<name>+<key id>+<base64 of type and public key>`.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{id}+{}", self.name, STANDARD.encode(self.encoded()))
    }

    /// The signed checkpoint of the log at `size` leaves. It has no extension lines: nobody could
    /// audit them.
    #[must_use]
    pub fn checkpoint(&self, size: u64, root: &Hash) -> String {
        let text = format!("{}\n{size}\n{}\n", self.name, STANDARD.encode(root));
        let mut signature = self.id();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n— {} {}\n", self.name, STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the published example of a note: `Ognuno sta solo …`, and of Go's `sumdb/note`.
    #[test]
    fn the_key_id_is_the_one_others_compute() {
        // From the documentation of golang.org/x/mod/sumdb/note: a signer key and its verifier key.
        let seed = STANDARD
            .decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
            .unwrap();
        let signer = Signer::new("PeterNeumann", &seed[1..]).unwrap();
        assert_eq!(
            signer.verifier_key(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
    }

    #[test]
    fn a_checkpoint_is_three_lines_a_blank_one_and_a_signature() {
        let signer = Signer::new("sekisho/test", &[7; 32]).unwrap();
        let note = signer.checkpoint(4096, &[0; 32]);
        let lines: Vec<&str> = note.split('\n').collect();
        assert_eq!(lines[0], "sekisho/test");
        assert_eq!(lines[1], "4096");
        assert_eq!(lines[2], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(lines[3], "");
        assert!(lines[4].starts_with("— sekisho/test "), "{}", lines[4]);
        assert_eq!(lines[5], "");
        assert_eq!(lines.len(), 6);
        assert!(!format!("{signer:?}").contains('7'));
        assert!(Signer::new("x", &[7; 31]).is_err());
    }
}
