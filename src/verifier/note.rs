//! C2SP signed notes: verifier keys, signatures of type Ed25519, checkpoints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::tree::Hash;
use super::{Fault, fault, hash};

const ED25519: u8 = 1;

/// A key that notes are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Key {
    /// Reads `<name>+<key id>+<base64 of type and public key>`.
    ///
    /// # Errors
    /// When it is not written exactly so, or the id is not the one of name and key.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return fault("the key is not `name+id+key`");
        };
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return fault("the key's name is empty or has a space in it");
        }
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        let public: [u8; 32] = match bytes.split_first() {
            Some((&ED25519, public)) => public.try_into().ok(),
            _ => None,
        }
        .ok_or_else(|| Fault("the key is no Ed25519 key".to_owned()))?;
        let mut hasher = Sha256::new();
        hasher.update(name);
        hasher.update(b"\n");
        hasher.update(&bytes);
        let digest: Hash = hasher.finalize().into();
        let right = digest.first_chunk::<4>().copied().unwrap_or_default();
        let written: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
        if written != id {
            return fault("the key's id is not that of its name and key");
        }
        let key = VerifyingKey::from_bytes(&public)
            .map_err(|_| Fault("the key is no point of its curve".to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            id: right,
            key,
        })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key signed, and how many other signatures it carries.
    ///
    /// # Errors
    /// When the note is none, or this key did not sign it.
    pub fn open<'a>(&self, note: &'a str) -> Result<(&'a str, usize), Fault> {
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return fault("the note holds a control character");
        }
        let Some((text, signatures)) = note.rsplit_once("\n\n") else {
            return fault("the note has no signatures");
        };
        // The text has its last newline; the blank line is not part of it.
        let text = note.get(..=text.len()).unwrap_or_default();
        let Some(signatures) = signatures.strip_suffix('\n') else {
            return fault("the note breaks off");
        };
        let (mut signed, mut others) = (false, 0);
        for line in signatures.split('\n') {
            let parts = line
                .strip_prefix("— ")
                .and_then(|rest| rest.split_once(' '));
            let Some((name, encoded)) = parts else {
                return fault("a signature is not `— name signature`");
            };
            let bytes = STANDARD.decode(encoded).unwrap_or_default();
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else {
                return fault("a signature is not base64 of an id and a signature");
            };
            if name != self.name || *id != self.id {
                others += 1;
                continue;
            }
            let signature = Signature::from_slice(signature)
                .map_err(|_| Fault("the signature has not 64 bytes".to_owned()))?;
            // Strict: of the signatures that some verifiers take and others do not, none.
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| Fault("the signature is not by this key over this text".to_owned()))?;
            signed = true;
        }
        if signed {
            Ok((text, others))
        } else {
            fault("the note is not signed by this key")
        }
    }
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Reads a checkpoint that `key` signed and that is of the log of the key's name.
///
/// # Errors
/// When it is not.
pub fn checkpoint(note: &str, key: &Key) -> Result<Checkpoint, Fault> {
    let (text, others) = key.open(note)?;
    if others > 0 {
        return fault("the checkpoint carries a signature by an unknown key");
    }
    let mut lines = text.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return fault("the checkpoint has not three lines");
    };
    if lines.next() != Some("") || lines.next().is_some() {
        return fault("the checkpoint has more than three lines");
    }
    if origin != key.name {
        return fault("the checkpoint is of another log");
    }
    let number: u64 = size
        .parse()
        .map_err(|_| Fault("the checkpoint's size is no number".to_owned()))?;
    if number.to_string() != size {
        return fault("the checkpoint's size is not written plainly");
    }
    Ok(Checkpoint {
        size: number,
        root: hash(root, "the checkpoint's root")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of golang.org/x/mod/sumdb/note.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_note_opens_and_no_note_with_one_bit_changed_does() {
        let key = Key::parse(KEY).unwrap();
        let (text, others) = key.open(NOTE).unwrap();
        assert!(text.ends_with("problem is.\n"));
        assert_eq!(others, 0);
        for at in 0..NOTE.len() {
            for bit in [1, 2, 0x20, 0x80] {
                let mut bytes = NOTE.as_bytes().to_vec();
                bytes[at] ^= bit;
                let Ok(changed) = String::from_utf8(bytes) else {
                    continue;
                };
                assert!(key.open(&changed).is_err(), "byte {at}: {changed}");
            }
        }
    }

    #[test]
    fn a_key_is_read_in_its_one_spelling() {
        assert_eq!(Key::parse(KEY).unwrap().name(), "PeterNeumann");
        for bad in [
            KEY.replace("c74f", "C74F"),
            KEY.replace("Peter", "Pater"),
            KEY.replace("ARpc", "ARpd"),
            KEY.replace("ARpc", "AhpC"),
            KEY.replace("PeterNeumann", ""),
            KEY.replace('+', " "),
            String::new(),
        ] {
            assert!(Key::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_note_that_only_others_signed_is_not_ours_and_their_lines_are_passed_over() {
        let key = Key::parse(KEY).unwrap();
        let other = "— somebody x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert_eq!(key.open(&format!("{NOTE}{other}")).unwrap().1, 1);
        let (text, _) = NOTE.rsplit_once("\n\n").unwrap();
        assert!(key.open(&format!("{text}\n\n{other}")).is_err());
        assert!(key.open(text).is_err());
    }
}
