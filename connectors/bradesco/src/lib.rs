//! Bradesco: Pix over the central bank's API (<https://api.bradesco>). The bank's manual of it is for its customers; what could not be
//! confirmed is listed in the profile.

use quittance::{Entry, Spec};
use quittance_pix::{Grant, Institution, Pix, Site, spec};

/// Bradesco's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Pix<Bradesco>>();

/// What Bradesco has of its own.
#[derive(Debug)]
pub enum Bradesco {}

impl Institution for Bradesco {
    const SPEC: Spec =
        spec("bradesco", "Bradesco", "https://api.bradesco", &["qrpix-h.bradesco.com.br", "qrpix.bradesco.com.br"]);
    const SANDBOX: Site = Site {
        api: "https://qrpix-h.bradesco.com.br/v2",
        token: "https://qrpix-h.bradesco.com.br/oauth/token",
        sending: None,
    };
    const LIVE: Site = Site {
        api: "https://qrpix.bradesco.com.br/v2",
        token: "https://qrpix.bradesco.com.br/oauth/token",
        sending: None,
    };
    const GRANT: Grant = Grant::Form;
}
