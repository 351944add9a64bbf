//! Ed25519 keys (RFC 8032): the file of a private key, the text of a public one, and lists of trusted keys.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::bad_input::display;
use crate::pem;

/// The label of a private key in PEM (RFC 5958, section 5).
const LABEL: &str = "PRIVATE KEY";
/// What stands before the base64 of a public key.
const PREFIX: &str = "ed25519:";
/// Length of a public key, in bytes.
const PUBLIC_BYTES: usize = 32;
/// The largest key file that is read, in bytes; one is about 120 bytes long.
const FILE_BYTES: u64 = 16 * 1024;

/// A private key that signs certificates. `Debug` shows its public half only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// A public key. Its text is `ed25519:` and the base64 of its 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; PUBLIC_BYTES]);

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// A system without randomness.
    pub fn generate() -> Result<SigningKey, String> {
        let pair = Ed25519KeyPair::generate().map_err(|_| "the system gives no randomness for a key")?;
        Ok(SigningKey { pair })
    }

    /// Makes a key and writes it to a new file as PKCS#8 in PEM (RFC 5958), which its owner alone can read (mode 0600 from the start).
    ///
    /// # Errors
    /// A file of that name, which is never overwritten, or one that cannot be written.
    pub fn create(path: &Path) -> Result<SigningKey, String> {
        let name = display(path);
        let unmade = |_| format!("{name}: the key cannot be written");
        let pair = SigningKey::generate().map_err(|why| format!("{name}: {why}"))?.pair;
        let pkcs8 = pair.to_pkcs8v1().map_err(unmade)?;
        let text = Zeroizing::new(pem::write(LABEL, pkcs8.as_ref()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!("{name}: there is a file already; a key is never overwritten"),
            _ => format!("{name}: the key cannot be written: {error}"),
        })?;
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
            let _half_a_key = std::fs::remove_file(path);
            return Err(format!("{name}: the key cannot be written: {error}"));
        }
        Ok(SigningKey { pair })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// A file that cannot be read, that others than its owner can read, or that holds no Ed25519 key.
    pub fn read(path: &Path) -> Result<SigningKey, String> {
        let name = display(path);
        let unread = |error: std::io::Error| format!("{name}: the key cannot be read: {error}");
        let file = File::open(path).map_err(unread)?;
        own(&file, &name)?;
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_BYTES).read_to_string(&mut text).map_err(unread)?;
        let refused = format!("{name}: expected an Ed25519 private key in PEM; `quittance key new FILE` makes one");
        let block = pem::block(&text, LABEL).and_then(Result::ok).map(Zeroizing::new).ok_or(refused.clone())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&block).map_err(|_| refused)?;
        Ok(SigningKey { pair })
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_BYTES];
        // An Ed25519 public key has 32 bytes (RFC 8032, section 5.1.5).
        bytes.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        PublicKey(bytes)
    }

    /// The signature over `message`, in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(message))
    }
}

/// Refuses a key that others can read.
#[cfg(unix)]
fn own(file: &File, name: &str) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode =
        file.metadata().map_err(|error| format!("{name}: the key cannot be read: {error}"))?.permissions().mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("{name}: others than its owner can read this key (mode {:03o}); chmod 600 it", mode & 0o777)),
    }
}

#[cfg(not(unix))]
fn own(_: &File, _: &str) -> Result<(), String> {
    Ok(())
}

impl PublicKey {
    /// Whether `signature`, in base64, is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let bytes = STANDARD.decode(signature).unwrap_or_default();
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &bytes).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<PublicKey, String> {
        let bytes = text.strip_prefix(PREFIX).and_then(|letters| STANDARD.decode(letters).ok());
        let bytes = bytes.and_then(|bytes| <[u8; PUBLIC_BYTES]>::try_from(bytes).ok());
        bytes.map(PublicKey).ok_or_else(|| {
            format!("expected a public key as `{PREFIX}…` with the base64 of {PUBLIC_BYTES} bytes; `quittance key show FILE` prints one")
        })
    }
}

/// The keys that somebody trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The keys, in the order of the list.
    pub keys: Vec<PublicKey>,
}

impl Trust {
    /// Reads a list: a key a line, whatever stands after it names its owner; empty lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// The first line that holds no key, or a list without one.
    pub fn parse(name: &str, text: &str) -> Result<Trust, String> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let Some(word) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else { continue };
            keys.push(word.parse().map_err(|why| format!("{name}:{}: {why}", index + 1))?);
        }
        match keys.is_empty() {
            true => Err(format!("{name}: expected a public key a line, found none")),
            false => Ok(Trust { keys }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("quittance-key-{}-{name}", std::process::id()));
        let _of_an_earlier_run = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn a_key_is_written_for_its_owner_alone_and_never_overwritten() {
        let path = file("new.pem");
        let key = SigningKey::create(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let before = std::fs::read(&path).unwrap();
        assert!(SigningKey::create(&path).unwrap_err().contains("never overwritten"));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let again = SigningKey::read(&path).unwrap();
        assert_eq!(again.public(), key.public());
        let signature = again.sign(b"text");
        assert!(key.public().verifies(b"text", &signature));
        assert!(!key.public().verifies(b"texu", &signature));
        assert!(!format!("{key:?}").contains(String::from_utf8(before).unwrap().lines().nth(1).unwrap()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(SigningKey::read(&path).unwrap_err().contains("(mode 640); chmod 600"));
        }
        std::fs::remove_file(&path).unwrap();
    }

    /// RFC 8032, section 7.1, test 2, as `openssl genpkey` would write it.
    #[test]
    fn a_published_key_and_its_signature() {
        let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
        let der = [hex::decode("302e020100300506032b657004220420").unwrap(), seed].concat();
        let path = file("rfc.pem");
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap()
            .write_all(pem::write(LABEL, &der).as_bytes())
            .unwrap();
        let key = SigningKey::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(hex::encode(key.public().0), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = hex::encode(STANDARD.decode(key.sign(&[0x72])).unwrap());
        assert!(signature.starts_with("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"));
    }

    #[test]
    fn public_keys_and_lists_of_them() {
        let text = format!("{PREFIX}{}", STANDARD.encode([7; 32]));
        let key: PublicKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        for wrong in ["", "ed25519:", "ed25519:AAAA", &text[PREFIX.len()..], &format!("{text}A")] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
        let list = format!("# ours\n\n{text}  the laboratory\n");
        assert_eq!(Trust::parse("keys", &list).unwrap().keys, [key]);
        assert!(Trust::parse("keys", "# none\n").unwrap_err().contains("found none"));
        assert!(Trust::parse("keys", &format!("{text}\nnonsense\n")).unwrap_err().starts_with("keys:2: expected"));
    }
}
