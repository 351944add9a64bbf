//! X.509 certificates out of PEM files (RFC 5280, RFC 7468).

use crate::{Error, RsaPublicKey};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, DecodePem, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// The largest file that is read, in bytes. A chain of four certificates takes about 8 KiB.
pub const PEM_BYTES_MAX: usize = 64 * 1024;

/// The most certificates that one file may hold.
pub const CERTIFICATES_MAX: usize = 10;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// One certificate: for whom, for how long, and with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    key: RsaPublicKey,
    common_name: Option<String>,
    dns_names: Vec<String>,
    not_before: u64,
    not_after: u64,
}

impl Certificate {
    /// Reads every certificate of a PEM file, in the order of the file: the leaf comes first, its issuers follow.
    ///
    /// Text outside the `BEGIN CERTIFICATE` blocks is skipped, as RFC 7468 allows.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`PEM_BYTES_MAX`], [`Error::TooMany`] over [`CERTIFICATES_MAX`], [`Error::Empty`]
    /// without a block, [`Error::Malformed`] when one block is not a certificate, [`Error::KeyType`] when one of the
    /// keys is not RSA.
    pub fn read_pem(pem: &[u8]) -> Result<Vec<Self>, Error> {
        if pem.len() > PEM_BYTES_MAX {
            return Err(Error::TooLarge { what: "certificate file", limit_bytes: PEM_BYTES_MAX });
        }
        let malformed = Error::Malformed { what: "certificate" };
        let mut rest = std::str::from_utf8(pem).map_err(|_| malformed)?;
        let mut certificates = Vec::new();
        while let Some((_, block)) = rest.split_once(BEGIN) {
            let (body, after) = block.split_once(END).ok_or(malformed)?;
            if certificates.len() == CERTIFICATES_MAX {
                return Err(Error::TooMany { limit: CERTIFICATES_MAX });
            }
            certificates.push(Self::read(&format!("{BEGIN}{body}{END}\n"))?);
            rest = after;
        }
        if certificates.is_empty() { Err(Error::Empty) } else { Ok(certificates) }
    }

    fn read(block: &str) -> Result<Self, Error> {
        let malformed = |_| Error::Malformed { what: "certificate" };
        let certificate = x509_cert::Certificate::from_pem(block).map_err(malformed)?;
        let body = certificate.tbs_certificate();
        let alternative = body.get_extension::<SubjectAltName>().map_err(malformed)?;
        let names = alternative.into_iter().flat_map(|(_, names)| names.0);
        Ok(Self {
            key: rsa_key(body.subject_public_key_info())?,
            common_name: body.subject().common_name().map_err(malformed)?.map(|name| name.value().into_owned()),
            dns_names: names.filter_map(dns_name).collect(),
            not_before: body.validity().not_before.to_unix_duration().as_secs(),
            not_after: body.validity().not_after.to_unix_duration().as_secs(),
        })
    }

    /// The key that the certificate vouches for.
    pub fn public_key(&self) -> &RsaPublicKey {
        &self.key
    }

    /// The first common name (CN) of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The DNS names of the subject alternative name extension, as they stand there, wildcards included.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Whether the certificate names exactly this host, in any letter case. The common name counts only where no
    /// DNS name stands (RFC 6125, section 6.4.4). A wildcard matches nothing.
    pub fn is_for(&self, host: &str) -> bool {
        match self.dns_names.as_slice() {
            [] => self.common_name().is_some_and(|name| name.eq_ignore_ascii_case(host)),
            names => names.iter().any(|name| name.eq_ignore_ascii_case(host)),
        }
    }

    /// Whether the validity window holds this instant (seconds since 1970), both ends included
    /// (RFC 5280, section 4.1.2.5).
    pub fn valid_at(&self, unix_seconds: i64) -> bool {
        u64::try_from(unix_seconds).is_ok_and(|at| (self.not_before..=self.not_after).contains(&at))
    }
}

/// The key inside the DER of a `SubjectPublicKeyInfo`.
pub(crate) fn key_from_der(spki: &[u8]) -> Result<RsaPublicKey, Error> {
    let key = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| Error::Malformed { what: "public key" })?;
    rsa_key(&key)
}

fn rsa_key(key: &SubjectPublicKeyInfoOwned) -> Result<RsaPublicKey, Error> {
    const MALFORMED: Error = Error::Malformed { what: "public key" };
    if key.algorithm.oid != RSA_ENCRYPTION {
        return Err(Error::KeyType);
    }
    let pkcs1 = key.subject_public_key.as_bytes().ok_or(MALFORMED)?.to_vec();
    Ok(RsaPublicKey { pkcs1, spki: key.to_der().map_err(|_| MALFORMED)? })
}

fn dns_name(name: GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    }
}
