//! The provider's JSON as trees. It is XML underneath (`AnetApiSchema.xsd`): members must come in the schema's order, or the
//! gateway answers E00003, and a list comes as an array, as a single member, or wrapped as in the XML.

use quittance::{Decline, Effect, Error, Handle, Kind, Network, Result, State, Tree};

use crate::codes;

/// An answer, read by path.
pub(crate) trait Answer {
    fn tree(&self) -> &Tree;

    /// The entries of the list under `name`, whose entries are called `entry` in the schema.
    fn list(&self, name: &str, entry: &str) -> &[Tree] {
        match self.tree().member(name).map(|list| list.member(entry).unwrap_or(list)) {
            Some(Tree::List(entries)) => entries,
            Some(Tree::Node(members)) if members.is_empty() => &[],
            Some(single @ (Tree::Text(_) | Tree::Node(_))) => std::slice::from_ref(single),
            _ => &[],
        }
    }

    /// The value at `path` (`order/invoiceNumber`); `messages:message` is the first entry of a list.
    fn at(&self, path: &str) -> Option<&Tree> {
        path.split('/').try_fold(self.tree(), |tree, step| match step.split_once(':') {
            Some((name, entry)) => tree.list(name, entry).first(),
            None => tree.member(step),
        })
    }

    /// The text at `path`. What does not apply comes empty, and counts as absent.
    fn text(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Tree::Text(text) if !text.as_str().is_empty() => Some(text.as_str()),
            _ => None,
        }
    }

    /// A text that the schema demands.
    fn need(&self, path: &str) -> Result<&str> {
        self.text(path).ok_or_else(|| Error::protocol(format!("the answer has no {path}")))
    }

    /// The id of a transaction; what was not kept has `0`.
    fn id(&self, path: &str) -> Option<&str> {
        self.text(path).filter(|id| *id != "0")
    }

    /// What the network said, out of a response to a transaction or out of its details.
    fn network(&self) -> Network {
        let said = self.at("transactionResponse").or(self.at("transaction")).unwrap_or(self.tree());
        let text = |name: &str| said.text(name).map(str::to_owned);
        Network {
            transaction_id: text("networkTransId"),
            authorization_code: text("authCode"),
            response_code: text("rawResponseCode"),
            avs: text("avsResultCode").or(text("AVSResponse")),
            cvc: text("cvvResultCode").or(text("cardCodeResponse")),
            ..Network::default()
        }
    }

    /// The stored way to pay: the payment profile's id, with the customer profile's.
    fn mandate(&self) -> Option<Handle> {
        let id = self.text("customerPaymentProfileIdList:numericString")?;
        Some(Handle::new(id).with("customer", self.text("customerProfileId")?))
    }

    /// The error, if the request was refused as a whole.
    fn check(&self) -> Result<()> {
        let messages = self.at("messages").ok_or_else(|| Error::protocol("the answer has no messages"))?;
        match messages.need("resultCode")? {
            "Ok" => Ok(()),
            "Error" => {
                let text = messages.text("message:message/text").unwrap_or_default();
                Err(codes::request_error(messages.need("message:message/code")?, text))
            }
            _ => Err(Error::protocol("the answer has an unknown result code")),
        }
    }

    /// What became of a transaction, of a `live` account or one of the sandbox.
    fn verdict(&self, live: bool) -> Result<Verdict> {
        let said = self.at("transactionResponse");
        let Some((said, response)) = said.and_then(|said| Some((said, said.text("responseCode")?))) else {
            self.check()?;
            return Err(Error::protocol("the answer has no transaction response"));
        };
        let fault = said.text("errors:error/errorCode");
        let message = said.text("errors:error/errorText");
        let note = said.text("messages:message/code");
        let id = said.id("transId");
        Ok(match (response, fault) {
            ("1", None) if note == Some("310") => Verdict::Other(State::Voided),
            ("1", None) if note == Some("311") => Verdict::Captured,
            ("1", None) if said.text("transId").is_none() => return Err(Error::protocol("the answer has no transId")),
            ("1", None) if id.is_none() || (live && said.text("testRequest") == Some("1")) => {
                let message = "the account is in test mode: nothing was kept; leave it in the merchant interface";
                return Err(Error::new(Kind::Credentials, Effect::None, message));
            }
            ("1", None) if matches!(note, None | Some("1")) => self.check().map(|()| Verdict::Approved)?,
            ("3", Some("11" | "318")) => Verdict::Duplicate,
            ("3", Some(code)) if codes::reason(code).is_none() => {
                return Err(codes::transaction_error(code, message.unwrap_or_default()));
            }
            ("2", _) | ("3", Some(_)) => {
                Verdict::Other(State::Declined(codes::decline(fault, message, said.text("rawResponseCode"))))
            }
            ("4", _) if id.is_some() => Verdict::Other(State::Pending),
            _ => Verdict::Other(State::Unrecognised(response.to_owned())),
        })
    }

    /// The decline of a card's trial when it was stored, out of a comma-separated line of the older AIM interface: response
    /// code, subcode, reason code, reason text. Of errors (3) only those whose reason is a decline.
    fn trial(&self) -> Option<Decline> {
        let line = self.text("validationDirectResponseList:string")?;
        let mut parts = line.split(',').map(|part| part.trim_matches(['"', '|']));
        let (response, code, message) = (parts.next()?, parts.nth(1), parts.next());
        let declined = response == "2" || (response == "3" && code.is_some_and(|code| codes::reason(code).is_some()));
        declined.then(|| codes::decline(code, message, None))
    }
}

impl Answer for Tree {
    fn tree(&self) -> &Tree {
        self
    }
}

/// What the gateway said about a transaction.
pub(crate) enum Verdict {
    Approved,
    /// Held, declined, voided before, or a code that is not known.
    Other(State),
    /// An equal transaction was sent before; `transId` is the first one's.
    Duplicate,
    /// Captured before.
    Captured,
    /// One of these two, and the answer that tells how the transaction stands now.
    Before(Tree),
}
