//! TLS with an authority of the server's own, made anew at each start: its key never leaves the process.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use quittance::Entry;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TlsPlan;

/// How many days a certificate holds: clients refuse those that hold for longer than some 13 months.
const DAYS: i64 = 30;

/// What connections are accepted with.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// Where the authority's certificate stands, as PEM.
    pub(super) authority: PathBuf,
}

impl Tls {
    /// Makes authority and certificate, and writes that of the authority for clients to trust.
    ///
    /// # Errors
    /// In a sentence: when the file cannot be written, or the system has no randomness.
    pub(super) fn make(plan: &TlsPlan, address: SocketAddr, entries: &[&'static Entry]) -> Result<Tls, String> {
        let cannot = |what: &str, why: String| format!("TLS: {what}: {why}");
        let made = |error: rcgen::Error| cannot("a certificate cannot be made", error.to_string());
        let authority_key = KeyPair::generate().map_err(made)?;
        let params = authority().map_err(made)?;
        let certificate = params.self_signed(&authority_key).map_err(made)?;
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().map_err(made)?;
        let leaf = leaf(address.ip(), entries).and_then(|leaf| leaf.signed_by(&key, &issuer)).map_err(made)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .map_err(|error| cannot("the certificate is refused", error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let path = plan.authority.clone();
        let path =
            path.unwrap_or_else(|| std::env::temp_dir().join(format!("quittance-authority-{}.pem", address.port())));
        crate::files::refresh(&path, &certificate.pem()).map_err(|error| {
            format!("{} cannot be written: {error}; give another place with --tls-authority FILE", path.display())
        })?;
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), authority: path })
    }
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Quittance sandbox authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    hold(&mut params);
    Ok(params)
}

/// The server's own certificate: for this machine, the address it listens on, and every host of its providers.
fn leaf(address: IpAddr, entries: &[&'static Entry]) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.push(address.to_string());
    names.extend(entries.iter().flat_map(|entry| entry.spec.hosts).map(|host| (*host).to_owned()));
    names.sort();
    names.dedup();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Quittance sandbox");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    hold(&mut params);
    Ok(params)
}

/// From yesterday, for clocks that go slow.
fn hold(params: &mut CertificateParams) {
    let day = |days: i64| {
        let date =
            (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_zoned(jiff::tz::TimeZone::UTC);
        let unsigned = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(date.year()), unsigned(date.month()), unsigned(date.day()))
    };
    params.not_before = day(-1);
    params.not_after = day(DAYS);
}
