//! The detached CMS signature over a token (RFC 5652).

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, ContextSpecific, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode, Reader, SliceReader, TagNumber};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::chain::{self, ECDSA_SHA256};
use super::{Keys, Material, Token, WINDOW_SECONDS, ber};
use crate::Error;
use crate::keys::sha256;

/// RFC 5652, sections 4 and 5.1.
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// RFC 5652, section 11.
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// RFC 6211.
const ALGORITHM_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");
/// RFC 5754, sections 2.2 and 3.2.
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// The most certificates that a signature may bring; Apple sends two.
const CERTIFICATES_MAX: usize = 8;

/// Checks who signed the token, what, and when. Gives the signing time.
pub(super) fn verify(token: &Token, keys: &Keys, now: Timestamp) -> Result<Timestamp, Error> {
    let signed = signed_data(&token.signature)?;
    let [signer] = signed.signer_infos.0.as_slice() else { return Err(Error::MalformedSignature) };
    let certificates = certificates(&signed)?;
    let leaf = leaf(signer, &certificates)?;
    let attributes = signer.signed_attrs.as_ref().ok_or(Error::MissingSigningTime)?;
    let signed_at = signing_time(attributes)?;
    chain::verify(leaf, &certificates, &keys.root, signed_at, &keys.checked)?;
    check_algorithms(signer, attributes, &token.material)?;
    check_signature(signer, attributes, leaf, &token.material)?;
    check_digest(attributes, &token.signed_bytes())?;
    let seconds = i64::try_from(signed_at.as_secs()).map_err(|_| Error::SigningTimeOutsideWindow)?;
    if (now.as_second() - seconds).abs() > WINDOW_SECONDS {
        return Err(Error::SigningTimeOutsideWindow);
    }
    Timestamp::from_second(seconds).map_err(|_| Error::SigningTimeOutsideWindow)
}

fn signed_data(signature: &[u8]) -> Result<SignedData, Error> {
    let malformed = |_| Error::MalformedSignature;
    let definite = ber::to_definite(signature).ok_or(Error::MalformedSignature)?;
    let content = ContentInfo::from_der(&definite).map_err(malformed)?;
    if content.content_type != SIGNED_DATA {
        return Err(Error::MalformedSignature);
    }
    let signed = SignedData::from_der(&content.content.to_der().map_err(malformed)?).map_err(malformed)?;
    // The signed bytes are the token's: content inside the signature would be other bytes. Nor is anything else there that Apple does not
    // write, since no signature covers it.
    let detached = signed.encap_content_info.econtent_type == DATA && signed.encap_content_info.econtent.is_none();
    let digests = signed.digest_algorithms.iter().all(|digest| digest.oid == SHA256 && is_plain(digest));
    match detached && digests && signed.version == CmsVersion::V1 && signed.crls.is_none() {
        true => Ok(signed),
        false => Err(Error::MalformedSignature),
    }
}

/// Whether an algorithm has no parameters: none at all, or NULL (Apple wrote NULL until 2021).
fn is_plain(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_none_or(|parameters| parameters.is_null())
}

fn certificates(signed: &SignedData) -> Result<Vec<Certificate>, Error> {
    let choices = signed.certificates.iter().flat_map(|set| set.0.iter());
    let certificates: Vec<Certificate> = choices
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
            CertificateChoices::Other(_) => None,
        })
        .take(CERTIFICATES_MAX + 1)
        .collect();
    if certificates.len() > CERTIFICATES_MAX { Err(Error::MalformedSignature) } else { Ok(certificates) }
}

/// The certificate that the signer names; it must be one that signs payment tokens.
fn leaf<'c>(signer: &SignerInfo, certificates: &'c [Certificate]) -> Result<&'c Certificate, Error> {
    let SignerIdentifier::IssuerAndSerialNumber(named) = &signer.sid else { return Err(Error::MalformedSignature) };
    let is_named = |certificate: &&Certificate| {
        let body = certificate.tbs_certificate();
        *body.issuer() == named.issuer && *body.serial_number() == named.serial_number
    };
    let mut leaves = certificates.iter().filter(is_named).filter(|named| chain::marked(named, chain::LEAF));
    leaves.next().ok_or(Error::MissingLeafCertificate)
}

/// The value of an attribute that must stand there once, with one value; `None` when it is absent.
fn attribute(attributes: &SignedAttributes, identifier: ObjectIdentifier) -> Result<Option<&Any>, Error> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == identifier);
    let Some(attribute) = found.next() else { return Ok(None) };
    match (attribute.values.as_slice(), found.next()) {
        ([value], None) => Ok(Some(value)),
        _ => Err(Error::MalformedSignature),
    }
}

fn signing_time(attributes: &SignedAttributes) -> Result<Duration, Error> {
    let value = attribute(attributes, SIGNING_TIME)?.ok_or(Error::MissingSigningTime)?;
    let time = value.decode_as::<Time>().map_err(|_| Error::MalformedSignature)?;
    Ok(time.to_unix_duration())
}

fn check_algorithms(signer: &SignerInfo, attributes: &SignedAttributes, material: &Material) -> Result<(), Error> {
    let expected = match material {
        Material::Ec(_) => ECDSA_SHA256,
        Material::Rsa(_) => RSA_SHA256,
    };
    if signer.digest_alg.oid != SHA256 || signer.signature_algorithm.oid != expected {
        return Err(Error::UnsupportedAlgorithm);
    }
    let plain = is_plain(&signer.digest_alg) && is_plain(&signer.signature_algorithm);
    if !plain || signer.version != CmsVersion::V1 || signer.unsigned_attrs.is_some() {
        return Err(Error::MalformedSignature);
    }
    let Some(value) = attribute(attributes, ALGORITHM_PROTECTION)? else { return Ok(()) };
    let (digest, signature) = protected(value).map_err(|_| Error::MalformedSignature)?;
    match digest.oid == SHA256 && signature.is_some_and(|signature| signature.oid == expected) {
        true => Ok(()),
        false => Err(Error::UnsupportedAlgorithm),
    }
}

/// The algorithms that `CMSAlgorithmProtection` names: of the digest, and `[1]` of the signature.
fn protected(value: &Any) -> x509_cert::der::Result<(AlgorithmIdentifierOwned, Option<AlgorithmIdentifierOwned>)> {
    let mut reader = SliceReader::new(value.value())?;
    let digest = AlgorithmIdentifierOwned::decode(&mut reader)?;
    let signature = ContextSpecific::decode_implicit(&mut reader, TagNumber(1))?.map(|field| field.value);
    reader.finish()?;
    Ok((digest, signature))
}

fn check_signature(
    signer: &SignerInfo,
    attributes: &SignedAttributes,
    leaf: &Certificate,
    material: &Material,
) -> Result<(), Error> {
    let algorithm: &'static dyn VerificationAlgorithm = match material {
        Material::Ec(_) => &ECDSA_P256_SHA256_ASN1,
        Material::Rsa(_) => &RSA_PKCS1_2048_8192_SHA256,
    };
    // What is signed are the attributes with the tag of a SET, not the [0] that stands in the message.
    let signed = attributes.to_der().map_err(|_| Error::MalformedSignature)?;
    let key = leaf.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    let verified = UnparsedPublicKey::new(algorithm, key).verify(&signed, signer.signature.as_bytes());
    verified.map_err(|_| Error::InvalidSignature)
}

fn check_digest(attributes: &SignedAttributes, signed_bytes: &[u8]) -> Result<(), Error> {
    let content_type = attribute(attributes, CONTENT_TYPE)?.map(Any::decode_as::<ObjectIdentifier>);
    if !matches!(content_type, Some(Ok(DATA))) {
        return Err(Error::MalformedSignature);
    }
    let value = attribute(attributes, MESSAGE_DIGEST)?.ok_or(Error::MessageDigestMismatch)?;
    let digest = value.decode_as::<OctetString>().map_err(|_| Error::MalformedSignature)?;
    match bool::from(digest.as_bytes().ct_eq(&sha256(&[signed_bytes]))) {
        true => Ok(()),
        false => Err(Error::MessageDigestMismatch),
    }
}
