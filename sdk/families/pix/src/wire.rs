//! The central bank's shapes (schemas `CobSolicitada`, `CobCompleta`, `Devolucao`, `Problema`).

use quittance::{Authorize, Fault};
use serde::{Deserialize, Serialize};

use crate::Account;

pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const REMOVED_BY_RECEIVER: &str = "REMOVIDA_PELO_USUARIO_RECEBEDOR";
/// The name of the additional information that holds the merchant's reference.
pub(crate) const REFERENCE: &str = "Referência";
/// An hour.
const EXPIRES_SECONDS: u32 = 3600;

#[derive(Serialize)]
pub(crate) struct Grant {
    pub(crate) grant_type: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Order<'a> {
    calendario: Expiry,
    #[serde(skip_serializing_if = "Option::is_none")]
    devedor: Option<Debtor>,
    valor: Original,
    chave: &'a str,
    #[serde(rename = "solicitacaoPagador", skip_serializing_if = "Option::is_none")]
    request_to_payer: Option<&'a str>,
    #[serde(rename = "infoAdicionais")]
    information: [Information; 1],
}

impl<'a> Order<'a> {
    pub(crate) fn new(account: &'a Account, request: &'a Authorize, original: String) -> Order<'a> {
        Order {
            calendario: Expiry { expiracao: account.expires_seconds.unwrap_or(EXPIRES_SECONDS) },
            devedor: debtor(request),
            valor: Original { original },
            chave: &account.chave,
            request_to_payer: request.order.description.as_deref(),
            information: [Information { nome: REFERENCE.to_owned(), valor: request.reference.clone() }],
        }
    }
}

/// The payer, if name and tax number are known: the API takes them together only.
fn debtor(request: &Authorize) -> Option<Debtor> {
    let number: String = request.customer.tax_id.as_deref()?.chars().filter(char::is_ascii_digit).collect();
    let nome = request.customer.full_name()?;
    match number.len() {
        11 => Some(Debtor { cpf: Some(number), cnpj: None, nome }),
        14 => Some(Debtor { cpf: None, cnpj: Some(number), nome }),
        _ => None,
    }
}

#[derive(Serialize)]
struct Expiry {
    expiracao: u32,
}

#[derive(Serialize)]
struct Debtor {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpf: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnpj: Option<String>,
    nome: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Original {
    pub(crate) original: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Information {
    pub(crate) nome: String,
    pub(crate) valor: String,
}

#[derive(Serialize)]
pub(crate) struct Removal {
    pub(crate) status: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Return<'a> {
    pub(crate) valor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) descricao: Option<&'a str>,
}

#[derive(Deserialize)]
pub(crate) struct Charge {
    pub(crate) txid: String,
    pub(crate) status: String,
    pub(crate) calendario: Calendar,
    pub(crate) valor: Original,
    #[serde(rename = "pixCopiaECola")]
    pub(crate) code: Option<String>,
    #[serde(rename = "infoAdicionais", default)]
    pub(crate) information: Vec<Information>,
    #[serde(default)]
    pub(crate) pix: Vec<Paid>,
}

#[derive(Deserialize)]
pub(crate) struct Calendar {
    pub(crate) criacao: Option<String>,
    pub(crate) expiracao: Option<Seconds>,
}

/// An integer by the schema, a text in its example and in some answers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Seconds {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
pub(crate) struct Paid {
    #[serde(rename = "endToEndId")]
    pub(crate) e2e: String,
    pub(crate) valor: String,
    pub(crate) horario: Option<String>,
    #[serde(default)]
    pub(crate) devolucoes: Vec<Returned>,
}

#[derive(Deserialize)]
pub(crate) struct Returned {
    pub(crate) id: String,
    #[serde(rename = "rtrId")]
    pub(crate) return_id: Option<String>,
    pub(crate) valor: String,
    pub(crate) status: String,
    pub(crate) motivo: Option<String>,
}

/// A delivery. Of what it says, only which objects are meant is read.
#[derive(Deserialize)]
pub(crate) struct Notice {
    pub(crate) pix: Vec<Told>,
}

#[derive(Deserialize)]
pub(crate) struct Told {
    #[serde(rename = "endToEndId")]
    pub(crate) e2e: String,
    pub(crate) txid: Option<String>,
    #[serde(default)]
    pub(crate) devolucoes: Vec<ToldReturn>,
}

#[derive(Deserialize)]
pub(crate) struct ToldReturn {
    pub(crate) id: String,
}

/// An error: the central bank's form (RFC 7807), the shorter one that institutions had before it, and that of token endpoints.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    violacoes: Vec<Violation>,
    nome: Option<String>,
    mensagem: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Violation {
    razao: Option<String>,
    propriedade: Option<String>,
}

impl Problem {
    pub(crate) fn into_fault(self) -> Fault {
        let violation = self.violacoes.into_iter().next().unwrap_or_default();
        // The last segment of the type names the error: https://pix.bcb.gov.br/api/v2/error/CobNaoEncontrado.
        let named = self.kind.as_deref().and_then(|kind| kind.rsplit('/').next()).map(str::to_owned);
        let message = violation.razao.or(self.detail).or(self.title).or(self.mensagem).or(self.error_description);
        Fault { code: named.or(self.nome).or(self.error), message, field: violation.propriedade }
    }
}
