//! WeChat Pay: JSON over HTTPS, every request and answer signed with RSA, notifications sealed by AES-256-GCM.
//!
//! A payment is an order under the merchant's own number, and that number is its handle from the first to the last, with
//! the ordered amount as a part, which refunds must repeat. The products are brands of one method: `wechat_pay` shows a QR
//! code (Native), `wechat_pay_jsapi` opens inside WeChat for the customer whose openid is the customer's id,
//! `wechat_pay_h5` sends a mobile browser to a page and needs the payer's IP address, `wechat_pay_app` hands a signed call to the app's SDK.
//!
//! An answer with a 2xx status is read only when its signature holds. What vouches for it is the WeChat Pay public key of
//! the credentials, or a platform certificate, which is fetched, opened with the APIv3 key and kept for twelve hours.
//!
//! A payout is a transfer to the wallet of a user of the app, by openid, under the scene that WeChat Pay has granted. Some are taken only once
//! the user has said so: the package of the answer goes to the client. From 2,000 yuan the user's name would be asked for, and is not sent.
//!
//! A second refund under one number is answered as the first was, not refused (`out_refund_no`: many requests, one refund). That number is the
//! refund's reference, not the key, so it is looked up like the others rather than repeated.
//!
//! Sources: <https://pay.weixin.qq.com/doc/v3/merchant/4012791877>, <https://pay.weixin.qq.com/doc/v3/merchant/4012711988> and the vendor's SDK for Java
//! (<https://github.com/wechatpay-apiv3/wechatpay-java>).

mod account;
mod wire;

use std::collections::BTreeMap;

use quittance::*;
use quittance_crypto::{Aes256Key, RsaPrivateKey, RsaPublicKey};
use schemars::JsonSchema;
use serde::Deserialize;

/// WeChat Pay's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<WechatPay>();

/// How far the signed time of a notification may be from now; the vendor's SDKs allow five minutes.
const TOLERANCE_SECONDS: u32 = 300;

/// One merchant with one app.
#[derive(Debug)]
pub struct WechatPay {
    merchant_id: String,
    app_id: String,
    certificate_serial: String,
    notify_url: String,
    transfer_scene_id: Option<String>,
    transfer_reports: BTreeMap<String, String>,
    key: RsaPrivateKey,
    api_key: Aes256Key,
    public: Option<(String, RsaPublicKey)>,
}

/// The account as the merchant platform shows it under "API security".
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Merchant number (`mchid`).
    merchant_id: String,
    /// App id (`appid`) that is bound to the merchant number.
    app_id: String,
    /// Serial number of the merchant's API certificate, in hexadecimal.
    certificate_serial: String,
    /// Private key of the merchant's API certificate, as PEM (`apiclient_key.pem`).
    private_key: Secret,
    /// APIv3 key, 32 characters; opens notifications and platform certificates.
    api_v3_key: Secret,
    /// Id of the WeChat Pay public key (`PUB_KEY_ID_…`), for merchants that have one; else platform certificates vouch.
    public_key_id: Option<String>,
    /// The WeChat Pay public key of that id, as PEM.
    public_key: Option<String>,
    /// Where notifications go: https, without a query.
    notify_url: String,
    /// The scene under which transfers to wallets are made (`transfer_scene_id`), where WeChat Pay has granted one.
    transfer_scene_id: Option<String>,
    /// What the scene asks to be reported of each transfer: content by type, in WeChat Pay's words (`活动名称`).
    #[serde(default)]
    transfer_reports: BTreeMap<String, String>,
}

impl Provider for WechatPay {
    const SPEC: Spec = Spec {
        hosts: &["api.mch.weixin.qq.com"],
        operations: &[
            Op::Authorize,
            Op::Void,
            Op::Refund,
            Op::Retrieve,
            Op::RetrieveRefund,
            Op::PayOut,
            Op::RetrievePayout,
            Op::Webhook,
        ],
        methods: &[
            MethodKind::branded(Family::WalletRedirect, "wechat_pay"),
            MethodKind::branded(Family::WalletRedirect, "wechat_pay_app"),
            MethodKind::branded(Family::WalletRedirect, "wechat_pay_h5"),
            MethodKind::branded(Family::WalletRedirect, "wechat_pay_jsapi"),
        ],
        currencies: Currencies::Only(&[Currency::CNY]),
        countries: &["CN"],
        refund: RefundRules { partial: true, multiple: true },
        lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency: Idempotency::Unique(&["out_trade_no", "out_refund_no", "out_bill_no"]),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::Signature,
            tolerance_seconds: Some(TOLERANCE_SECONDS),
            acknowledgement: "",
        }),
        ..Spec::new("wechat-pay", "WeChat Pay", "https://pay.weixin.qq.com/doc/v3/merchant/4012791877")
    };
    type Credentials = Credentials;

    fn new(given: Credentials) -> Result<WechatPay> {
        let unusable = |field: &str, what: &str| Error::new(Kind::Credentials, Effect::None, what).in_field(field);
        let key = RsaPrivateKey::from_pem(given.private_key.expose());
        let api_key = Aes256Key::new(given.api_v3_key.expose().as_bytes());
        let public = match (given.public_key_id, given.public_key) {
            (None, None) => None,
            (Some(id), Some(pem)) => {
                let key = RsaPublicKey::from_pem(&pem);
                Some((id, key.map_err(|why| unusable("public_key", &why.to_string()))?))
            }
            (Some(_), None) => return Err(unusable("public_key", "the id needs its key")),
            (None, Some(_)) => return Err(unusable("public_key_id", "the key needs its id")),
        };
        Ok(WechatPay {
            merchant_id: given.merchant_id,
            app_id: given.app_id,
            certificate_serial: given.certificate_serial,
            notify_url: given.notify_url,
            transfer_scene_id: given.transfer_scene_id,
            transfer_reports: given.transfer_reports,
            key: key.map_err(|why| unusable("private_key", &why.to_string()))?,
            api_key: api_key.map_err(|_| unusable("api_v3_key", "the APIv3 key has 32 characters"))?,
            public,
        })
    }
}

#[async_trait]
impl Connector for WechatPay {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        check_number("reference", &request.reference, ORDER_CHARACTERS)?;
        let total = Self::SPEC.minor(&request.amount)?;
        let brand = request.method.brand().unwrap_or_default();
        let product = brand.strip_prefix("wechat_pay_").unwrap_or("native");
        let payer = match (product, request.customer.id.as_deref()) {
            ("jsapi", None) => return Err(Error::invalid("customer.id", "the customer's openid is needed")),
            ("jsapi", Some(openid)) => Some(wire::Payer { openid }),
            _ => None,
        };
        let scene = match (product, request.browser.ip.as_deref()) {
            ("h5", None) => return Err(Error::invalid("browser.ip", "the payer's ip address is needed")),
            (_, ip) => ip.map(|payer_client_ip| wire::Scene {
                payer_client_ip,
                h5_info: (product == "h5").then_some(wire::H5 { kind: "Wap" }),
            }),
        };
        let order = wire::Order {
            appid: &self.app_id,
            mchid: &self.merchant_id,
            description: request.order.description.as_deref().unwrap_or(&request.reference),
            out_trade_no: &request.reference,
            notify_url: &self.notify_url,
            amount: wire::Amount { total, currency: request.amount.currency().code() },
            payer,
            scene_info: scene,
        };
        let call = self.post(cx, &format!("/v3/pay/transactions/{product}"), &order);
        let prepaid: wire::Prepaid = self.read(cx, call).await?;
        let missing = || Error::protocol("the answer lacks what the customer needs");
        let action = match product {
            "native" => NextAction::Qr { text: prepaid.code_url.ok_or_else(missing)?, expires: None },
            "h5" => NextAction::Redirect { url: prepaid.h5_url.ok_or_else(missing)? },
            _ => self.client_call(cx, product, &prepaid.prepay_id.ok_or_else(missing)?)?,
        };
        Ok(Payment::new(handle(&request.reference, Some(total)), State::ActionRequired(action)))
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = format!("/v3/pay/transactions/out-trade-no/{}/close", request.payment.segment()?);
        let reply = self.send(cx, self.post(cx, &path, &wire::Close { mchid: &self.merchant_id })).await?;
        match reply.status() {
            204 => Ok(Payment::new(request.payment.clone(), State::Voided)),
            _ => Err(Error::protocol("a closed order is answered with 204")),
        }
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        check_number("reference", &request.reference, REFUND_CHARACTERS)?;
        let total = match request.payment.part("total").and_then(|total| total.parse().ok()) {
            Some(total) => total,
            None => {
                let amount = self.order(cx, &request.payment).await?.amount;
                let amount = amount.ok_or_else(|| Error::invalid("payment", "the order is not paid"))?;
                amount.total
            }
        };
        let body = wire::Return {
            out_trade_no: request.payment.id(),
            out_refund_no: &request.reference,
            reason: request.reason.as_deref(),
            notify_url: &self.notify_url,
            amount: wire::ReturnAmount {
                refund: Self::SPEC.minor(&request.amount)?,
                total,
                currency: request.amount.currency().code(),
            },
        };
        let made: Result<wire::Refund> = self.read(cx, self.post(cx, "/v3/refund/domestic/refunds", &body)).await;
        made.map_err(|error| error.about(&Handle::new(&request.reference)))?.into_refund()
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let order = match &request.by {
            Lookup::Handle(handle) => self.order(cx, handle).await?,
            Lookup::Reference(reference) => self.order(cx, &Handle::new(reference)).await?,
        };
        order.into_payment()
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let path = format!("/v3/refund/domestic/refunds/{}", request.refund.segment()?);
        let refund: wire::Refund = self.read(cx, self.get(cx, &path)).await?;
        refund.into_refund()
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Wallet { brand, account } = &request.recipient else {
            return Err(Error::unsupported_variant("payouts to other than a wallet"));
        };
        if brand != "wechat_pay" {
            return Err(Error::unsupported_variant(brand));
        }
        let unset = || Error::new(Kind::Credentials, Effect::None, "transfers need it").in_field("transfer_scene_id");
        let number = transfer_number(&request.reference);
        let body = wire::NewTransfer {
            appid: &self.app_id,
            out_bill_no: &number,
            transfer_scene_id: self.transfer_scene_id.as_deref().ok_or_else(unset)?,
            openid: account.expose(),
            transfer_amount: Self::SPEC.minor(&request.amount)?,
            transfer_remark: request.description.as_deref().unwrap_or(&request.reference),
            notify_url: &self.notify_url,
            transfer_scene_report_infos: wire::reports(&self.transfer_reports),
        };
        if body.transfer_remark.chars().count() > REMARK_CHARACTERS {
            return Err(Error::invalid("description", "the remark of a transfer has 32 characters at most"));
        }
        let call = self.post(cx, "/v3/fund-app/mch-transfer/transfer-bills", &body);
        let handle = Handle::new(&number);
        let made: wire::Transfer = self.read(cx, call).await.map_err(|error| error.about(&handle))?;
        agree_part(&handle, Some(&number), Some(&made.out_bill_no))?;
        made.into_payout()
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        let path = format!("/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{}", request.payout.segment()?);
        let found: wire::Transfer = self.read(cx, self.get(cx, &path)).await?;
        found.into_payout()
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let notice: wire::Notice = self.vouch(cx, delivery).await?.json()?;
        let body = match notice.event_type.as_str() {
            "TRANSACTION.SUCCESS" => {
                EventBody::Payment(self.open::<wire::OrderView>(&notice.resource)?.into_payment()?)
            }
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => {
                EventBody::Refund(self.open::<wire::Refund>(&notice.resource)?.into_refund()?)
            }
            "MCHTRANSFER.BILL.FINISHED" => {
                EventBody::Payout(self.open::<wire::Transfer>(&notice.resource)?.into_payout()?)
            }
            _ => EventBody::Ignored,
        };
        let at = notice.create_time.parse().ok();
        Ok(vec![Event { id: Some(notice.id), at, name: notice.event_type, body }])
    }
}

/// What the numbers of orders and refunds are made of, beside letters and digits, and how long they may be.
const ORDER_CHARACTERS: (&str, std::ops::RangeInclusive<usize>) = ("_-|*", 6..=32);
const REFUND_CHARACTERS: (&str, std::ops::RangeInclusive<usize>) = ("_-|*@", 1..=64);

fn check_number(field: &str, text: &str, (more, length): (&str, std::ops::RangeInclusive<usize>)) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
    match length.contains(&text.len()) && text.chars().all(fits) {
        true => Ok(()),
        false => Err(Error::invalid(
            field,
            format!("{} to {} letters, digits and {more} are taken", length.start(), length.end()),
        )),
    }
}

/// The longest remark of a transfer.
const REMARK_CHARACTERS: usize = 32;

/// The number of a transfer has up to 32 letters and digits. A reference of that form is the number; of any other, it is made from its SHA-256.
fn transfer_number(reference: &str) -> String {
    if reference.len() <= 32 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return reference.to_owned();
    }
    let hash = digest::sha256(reference.as_bytes());
    hash.iter().filter_map(|byte| char::from_digit(u32::from(byte % 16), 16)).collect()
}

/// An order under the merchant's number, with the amount that was ordered, which a refund must repeat.
fn handle(number: &str, total: Option<i64>) -> Handle {
    Handle::new(number).with_some("total", total.map(|total| total.to_string()))
}

/// The state of an order by its `trade_state`
/// (<https://pay.weixin.qq.com/doc/v3/merchant/4013070356>, and `Transaction.TradeStateEnum` of the vendor's SDK).
fn state(trade_state: &str, description: Option<String>) -> State {
    match trade_state {
        // A refunded order was captured; how much went back, the refunds tell.
        "SUCCESS" | "REFUND" => State::Captured,
        "NOTPAY" | "USERPAYING" | "ACCEPT" => State::Pending,
        "CLOSED" | "REVOKED" => State::Voided,
        "PAYERROR" => {
            State::Declined(Decline { message: description, ..Decline::with_code(Reason::Generic, "PAYERROR") })
        }
        other => State::Unrecognised(other.to_owned()),
    }
}

/// The state of a refund (`refund.model.Status` of the vendor's SDK).
fn refund_state(status: &str) -> TransferState {
    match status {
        "SUCCESS" => TransferState::Succeeded,
        "PROCESSING" => TransferState::Pending,
        // The card behind the wallet is void or frozen: the money stays with the merchant until it is sent elsewhere.
        "ABNORMAL" => TransferState::Failed(Decline::with_code(Reason::InvalidAccount, "ABNORMAL")),
        "CLOSED" => TransferState::Failed(Decline::with_code(Reason::Generic, "CLOSED")),
        other => TransferState::Unrecognised(other.to_owned()),
    }
}

/// The state of a transfer by its `state` (<https://pay.weixin.qq.com/doc/v3/merchant/4012711988>); `package` is what the client shows the user.
fn transfer_state(state: String, reason: Option<String>, package: Option<String>) -> TransferState {
    match state.as_str() {
        "SUCCESS" => TransferState::Succeeded,
        "WAIT_USER_CONFIRM" => package.map_or(TransferState::Pending, |package| {
            TransferState::ActionRequired(NextAction::ClientSdk { token: Secret::new(package) })
        }),
        "ACCEPTED" | "PROCESSING" | "TRANSFERING" | "CANCELING" => TransferState::Pending,
        "FAIL" => TransferState::Failed(refused_transfer(reason)),
        "CANCELLED" => TransferState::Cancelled,
        _ => TransferState::Unrecognised(state),
    }
}

/// The class of a `fail_reason` (`transferbatch.model.FailReasonType` of the vendor's SDK).
fn refused_transfer(code: Option<String>) -> Decline {
    let reason = match code.as_deref() {
        Some("ACCOUNT_FROZEN" | "ACCOUNT_NOT_EXIST" | "OPENID_INVALID" | "PAYEE_ACCOUNT_ABNORMAL") => {
            Reason::InvalidAccount
        }
        Some("TRANSFER_QUOTA_EXCEED" | "DAY_RECEIVED_QUOTA_EXCEED" | "MONTH_RECEIVED_QUOTA_EXCEED") => {
            Reason::AmountLimit
        }
        Some("DAY_RECEIVED_COUNT_EXCEED") => Reason::VelocityLimit,
        Some("TRANSFER_RISK") => Reason::RiskRules,
        Some("OVERDUE_CLOSE") => Reason::Expired,
        _ => Reason::Unmapped,
    };
    Decline { code, ..Decline::new(reason) }
}
