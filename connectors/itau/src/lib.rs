//! Itaú: Pix over the central bank's API (<https://devportal.itau.com.br>). What could not be confirmed is listed in the profile.

use quittance::{Entry, Spec};
use quittance_pix::{Grant, Institution, Pix, Site, spec};

/// Itaú's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Pix<Itau>>();

/// What Itaú has of its own.
#[derive(Debug)]
pub enum Itau {}

impl Institution for Itau {
    const SPEC: Spec = spec(
        "itau",
        "Itaú",
        "https://devportal.itau.com.br",
        &["devportal.itau.com.br", "secure.api.itau", "sts.itau.com.br"],
    );
    const SANDBOX: Site = Site {
        api: "https://devportal.itau.com.br/sandboxapi/pix_recebimentos_ext_v2/v2",
        token: "https://devportal.itau.com.br/api/jwt",
        sending: None,
    };
    const LIVE: Site = Site {
        api: "https://secure.api.itau/pix_recebimentos/v2",
        token: "https://sts.itau.com.br/api/oauth/token",
        sending: None,
    };
    const GRANT: Grant = Grant::FormWithSecret;
}
