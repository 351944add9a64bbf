//! Efí, formerly Gerencianet: Pix over the central bank's API (<https://dev.efipay.com.br/docs/api-pix/>).
//!
//! Efí answers most errors with a code of its own under 400 (`nome`, `mensagem`), also where the central bank prescribes 404. Money is sent to a
//! Pix key by Efí's own interface, for which the account needs the scopes `pix.send` and `gn.pix.send.read`, and its key a webhook
//! (<https://dev.efipay.com.br/docs/api-pix/envio-pagamento-pix/>). Not offered: sending by bank details, for want of a place for the agency.

use quittance::{Entry, Kind, Spec};
use quittance_pix::{Grant, Institution, Pix, Sending, Site, spec, with_payouts};

/// Efí's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Pix<Efi>>();

/// What Efí has of its own.
#[derive(Debug)]
pub enum Efi {}

impl Institution for Efi {
    const SPEC: Spec = with_payouts(spec(
        "pix-efi",
        "Efí",
        "https://dev.efipay.com.br/docs/api-pix/",
        &["pix-h.api.efipay.com.br", "pix.api.efipay.com.br"],
    ));
    const SANDBOX: Site = Site {
        api: "https://pix-h.api.efipay.com.br/v2",
        token: "https://pix-h.api.efipay.com.br/oauth/token",
        sending: Some(Sending {
            send: "https://pix-h.api.efipay.com.br/v3/gn/pix",
            sent: "https://pix-h.api.efipay.com.br/v2/gn/pix/enviados/id-envio",
        }),
    };
    const LIVE: Site = Site {
        api: "https://pix.api.efipay.com.br/v2",
        token: "https://pix.api.efipay.com.br/oauth/token",
        sending: Some(Sending {
            send: "https://pix.api.efipay.com.br/v3/gn/pix",
            sent: "https://pix.api.efipay.com.br/v2/gn/pix/enviados/id-envio",
        }),
    };
    const GRANT: Grant = Grant::Json;

    fn kind(code: &str) -> Option<Kind> {
        match code {
            "cobranca_nao_encontrada" | "pix_nao_encontrado" | "devolucao_nao_encontrada" => Some(Kind::NotFound),
            "status_cobranca_invalido" | "txid_duplicado" | "devolucao_id_duplicado" | "id_envio_duplicado" => {
                Some(Kind::Conflict)
            }
            _ => None,
        }
    }
}
