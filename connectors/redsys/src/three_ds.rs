//! EMV 3-D Secure by REST (<https://pagosonline.redsys.es/funcionalidades-autenticacion3DS.html>): a first request asks for the version of the
//! card, the second goes with the browser's data, and a third, after a challenge, with the bank's answer.

use quittance::body::{Member, flag, node, optional, text};
use quittance::*;

use crate::wire::{Emv3ds, Parameters};

/// The member that holds the data of authentication.
const EMV3DS: &str = "DS_MERCHANT_EMV3DS";

/// The part of a handle that says under which version the customer is challenged.
pub(crate) const CHALLENGED: &str = "three_ds";

/// Whether the customer is authenticated: where it is asked for, and else where the browser is described.
pub(crate) fn is_wanted(request: &Authorize) -> Result<bool> {
    let browser = &request.browser;
    let wanted = match request.three_ds {
        ThreeDs::Challenge => true,
        ThreeDs::Auto => request.return_url.is_some() && browser.user_agent.is_some() && browser.accept.is_some(),
        ThreeDs::Never | ThreeDs::External(_) => false,
    };
    if !wanted || !matches!(request.method, Method::Card(_)) || request.initiator != Initiator::Customer {
        return Ok(false);
    }
    let missing = |field| Err(Error::invalid(field, "3-D Secure needs it"));
    match (&request.return_url, &browser.user_agent, &browser.accept) {
        (None, _, _) => missing("return_url"),
        (_, None, _) => missing("browser.user_agent"),
        (_, _, None) => missing("browser.accept"),
        _ => Ok(true),
    }
}

/// Asks for the version that the card takes.
pub(crate) fn question() -> Member<'static> {
    node(EMV3DS, [text("threeDSInfo", "CardData")])
}

/// The browser's data; none where the card takes no version 2, and version 1 is closed. The page by which a bank looks at the browser
/// beforehand is left out: it would be a step of its own, before the first answer.
pub(crate) fn authentication<'a>(request: &'a Authorize, card: &'a Parameters) -> Result<Member<'a>> {
    let Some(Emv3ds { version: Some(version), transaction_id, method_url, .. }) = &card.emv3ds else {
        return Err(Error::protocol("the answer does not say how the card is authenticated"));
    };
    if !version.starts_with("2.") {
        return Ok(None);
    }
    let missing = || Error::protocol("the answer has no id of the authentication");
    let transaction_id = transaction_id.as_deref().ok_or_else(missing)?;
    let browser = &request.browser;
    let whole = |number: Option<u32>, without: &str| number.map_or(without.to_owned(), |number| number.to_string());
    let zone = browser.time_zone_offset_minutes.unwrap_or(0).to_string();
    Ok(node(
        EMV3DS,
        [
            text("threeDSInfo", "AuthenticationData"),
            text("protocolVersion", version),
            optional("browserAcceptHeader", browser.accept.as_deref()),
            optional("browserUserAgent", browser.user_agent.as_deref()),
            // What a browser says of its screen, it says by script.
            flag("browserJavascriptEnabled", browser.screen_width.is_some()),
            flag("browserJavaEnabled", browser.java.unwrap_or(false)),
            text("browserLanguage", browser.language.as_deref().unwrap_or("es-ES")),
            text("browserColorDepth", whole(browser.color_depth, "1")),
            text("browserScreenHeight", whole(browser.screen_height, "0")),
            text("browserScreenWidth", whole(browser.screen_width, "0")),
            text("browserTZ", zone),
            optional("browserIP", browser.ip.as_deref()),
            text("threeDSServerTransID", transaction_id),
            optional("notificationURL", request.return_url.as_deref()),
            text("threeDSCompInd", if method_url.is_some() { "N" } else { "U" }),
        ],
    ))
}

/// The challenge that an answer asks for: its page, and the version that the answer to it must name.
pub(crate) fn challenge(answer: &Parameters) -> Result<Option<(NextAction, &str)>> {
    let Some(emv3ds) = answer.emv3ds.as_ref().filter(|emv3ds| emv3ds.info.as_deref() == Some("ChallengeRequest"))
    else {
        return Ok(None);
    };
    let (Some(version), Some(url), Some(creq)) = (&emv3ds.version, &emv3ds.acs_url, &emv3ds.creq) else {
        return Err(Error::protocol("the challenge lacks its version, page or request"));
    };
    let fields = vec![("creq".to_owned(), creq.clone())];
    Ok(Some((NextAction::ThreeDs { url: url.clone(), fields }, version)))
}

/// The bank's answer to the challenge, as the customer's browser brought it.
pub(crate) fn answered<'a>(version: &'a str, cres: &'a str) -> Member<'a> {
    node(EMV3DS, [text("threeDSInfo", "ChallengeResponse"), text("protocolVersion", version), text("cres", cres)])
}
