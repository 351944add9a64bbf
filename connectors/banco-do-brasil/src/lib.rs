//! Banco do Brasil: Pix over the central bank's API (<https://apoio.developers.bb.com.br>). Every call names the application by its
//! key in the query. What could not be confirmed is listed in the profile.

use quittance::{Entry, Spec};
use quittance_pix::{Grant, Institution, Pix, Site, spec};

/// Banco do Brasil's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Pix<BancoDoBrasil>>();

/// What Banco do Brasil has of its own.
#[derive(Debug)]
pub enum BancoDoBrasil {}

impl Institution for BancoDoBrasil {
    const SPEC: Spec = spec(
        "banco-do-brasil",
        "Banco do Brasil",
        "https://apoio.developers.bb.com.br",
        &["api-pix.bb.com.br", "api-pix.hm.bb.com.br", "oauth.bb.com.br", "oauth.hm.bb.com.br"],
    );
    const SANDBOX: Site = Site {
        api: "https://api-pix.hm.bb.com.br/pix/v2",
        token: "https://oauth.hm.bb.com.br/oauth/token",
        sending: None,
    };
    const LIVE: Site =
        Site { api: "https://api-pix.bb.com.br/pix/v2", token: "https://oauth.bb.com.br/oauth/token", sending: None };
    const GRANT: Grant = Grant::Form;
    const APPLICATION_KEY: Option<&'static str> = Some("gw-dev-app-key");
}
