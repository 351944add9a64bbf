//! The central bank's shapes (schemas `CobSolicitada`, `CobCompleta`, `Devolucao`, `Problema`).

use quittance::{Authorize, Error, Fault, PayOut, Recipient, Result};
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
    let (cpf, cnpj) = tax_numbers(request.customer.tax_id.as_deref()?);
    let nome = request.customer.full_name().filter(|_| cpf.is_some() || cnpj.is_some())?;
    Some(Debtor { cpf, cnpj, nome })
}

/// A person's number, or a company's.
fn tax_numbers(text: &str) -> (Option<String>, Option<String>) {
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    match number.len() {
        11 => (Some(number), None),
        14 => (None, Some(number)),
        _ => (None, None),
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

/// A Pix that is to be sent to a key. The holder's tax number, if it is known, must be that of the key.
#[derive(Serialize)]
pub(crate) struct Send<'a> {
    valor: String,
    pagador: Sender<'a>,
    favorecido: Favoured<'a>,
}

#[derive(Serialize)]
struct Sender<'a> {
    chave: &'a str,
    #[serde(rename = "infoPagador")]
    information: &'a str,
}

#[derive(Serialize)]
struct Favoured<'a> {
    chave: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpf: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnpj: Option<String>,
}

impl<'a> Send<'a> {
    pub(crate) fn new(account: &'a Account, request: &'a PayOut, valor: String) -> Result<Send<'a>> {
        let Recipient::Wallet { brand, account: key } = &request.recipient else {
            return Err(Error::unsupported_variant("payouts to other than a pix key"));
        };
        if brand != "pix" {
            return Err(Error::unsupported_variant(brand));
        }
        let (cpf, cnpj) = request.customer.tax_id.as_deref().map(tax_numbers).unwrap_or_default();
        let information = request.description.as_deref().unwrap_or(&request.reference);
        Ok(Send {
            valor,
            pagador: Sender { chave: &account.chave, information },
            favorecido: Favoured { chave: key.expose(), cpf, cnpj },
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(rename = "idEnvio")]
    pub(crate) id: String,
    /// `e2eId` once it is sent, `endToEndId` where it is looked at.
    #[serde(rename = "endToEndId", alias = "e2eId")]
    pub(crate) e2e: Option<String>,
    pub(crate) valor: String,
    pub(crate) status: String,
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
    /// What Efí adds.
    #[serde(rename = "gnExtras")]
    extras: Option<Extras>,
}

impl Told {
    /// The merchant's id of a Pix that was sent.
    pub(crate) fn sent(&self) -> Option<&str> {
        let id = self.extras.as_ref()?.id.as_deref()?;
        ((1..=35).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
    }
}

#[derive(Deserialize)]
struct Extras {
    #[serde(rename = "idEnvio")]
    id: Option<String>,
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
