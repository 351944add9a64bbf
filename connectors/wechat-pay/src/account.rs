//! Signing requests, and vouching for answers and notifications
//! (<https://pay.weixin.qq.com/docs/merchant/development/interface-rules/build-verify-sign-src.html>).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::*;
use quittance_crypto::{Certificate, RsaPublicKey, rsa_sha256_verify};
use serde::{Serialize, de::DeserializeOwned};

use crate::{TOLERANCE_SECONDS, WechatPay, wire};

const HOST: &str = "https://api.mch.weixin.qq.com";
const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// How long platform certificates are kept: the vendor asks to look for new ones twice a day.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(43_200);

/// The headers that vouch for an answer or a notification.
struct Proof<'h> {
    serial: &'h str,
    timestamp: &'h str,
    nonce: &'h str,
    signature: Vec<u8>,
}

impl<'h> Proof<'h> {
    fn read(header: impl Fn(&str) -> Option<&'h str>) -> Option<Proof<'h>> {
        let scheme = header("wechatpay-signature-type").unwrap_or(SCHEME);
        if scheme != SCHEME {
            return None;
        }
        Some(Proof {
            serial: header("wechatpay-serial")?,
            timestamp: header("wechatpay-timestamp")?,
            nonce: header("wechatpay-nonce")?,
            signature: STANDARD.decode(header("wechatpay-signature")?).ok()?,
        })
    }

    fn holds(&self, key: &RsaPublicKey, body: &[u8]) -> bool {
        let mut message = format!("{}\n{}\n", self.timestamp, self.nonce).into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        rsa_sha256_verify(key, &message, &self.signature).is_ok()
    }
}

impl WechatPay {
    pub(crate) fn get<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        cx.get(format!("{HOST}{path}"))
    }

    pub(crate) fn post<'a>(&self, cx: &'a Context<'_>, path: &str, body: &impl Serialize) -> Call<'a> {
        cx.post(format!("{HOST}{path}")).json(body)
    }

    /// The order under a number.
    pub(crate) async fn order(&self, cx: &Context<'_>, payment: &Handle) -> Result<wire::OrderView> {
        let path = format!("/v3/pay/transactions/out-trade-no/{}?mchid={}", payment.segment()?, self.merchant_id);
        self.read(cx, self.get(cx, &path)).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        self.send(cx, call).await?.json()
    }

    /// The one funnel: a reply with a 2xx status whose signature holds.
    pub(crate) async fn send(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let reply = self.exchange(cx, call).await?;
        let unproven = || Error::protocol("the answer is not signed as it should be");
        let body = reply.text()?.as_bytes();
        let proof = Proof::read(|name| reply.header(name)).ok_or_else(unproven)?;
        let key = self.platform_key(cx, proof.serial).await?.ok_or_else(unproven)?;
        if proof.holds(&key, body) { Ok(reply) } else { Err(unproven()) }
    }

    async fn exchange(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let call = call.header("accept", "application/json");
        let call = call.header_some("wechatpay-serial", self.public.as_ref().map(|(id, _)| id.as_str()));
        let reply = call.sign(|draft| Ok(vec![("authorization", self.authorization(cx, draft)?)])).send().await?;
        if reply.is_success() { Ok(reply) } else { Err(fault(&reply)) }
    }

    /// Method, path with query, time, nonce and body, each ended by a line feed.
    fn authorization(&self, cx: &Context<'_>, draft: &Draft<'_>) -> Result<String> {
        let (timestamp, nonce) = (cx.now().as_second(), nonce(cx));
        let body = String::from_utf8_lossy(draft.body);
        let message = format!("{}\n{}\n{timestamp}\n{nonce}\n{body}\n", draft.method, draft.path);
        let signature = self.signature(&message)?;
        let WechatPay { merchant_id, certificate_serial, .. } = self;
        Ok(format!(
            "{SCHEME} mchid=\"{merchant_id}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",serial_no=\"{certificate_serial}\",signature=\"{signature}\""
        ))
    }

    fn signature(&self, message: &str) -> Result<String> {
        let signature = self.key.sign_sha256(message.as_bytes());
        let unusable = |_| Error::new(Kind::Credentials, Effect::None, "the key cannot sign").in_field("private_key");
        signature.map(|signature| STANDARD.encode(signature)).map_err(unusable)
    }

    /// The signed call of the client's SDK (`JsapiServiceExtension` and `AppServiceExtension` of the vendor's SDK).
    pub(crate) fn client_call(&self, cx: &Context<'_>, product: &str, prepay_id: &str) -> Result<NextAction> {
        let (timestamp, nonce) = (cx.now().as_second().to_string(), nonce(cx));
        let package = format!("prepay_id={prepay_id}");
        let last = if product == "jsapi" { package.as_str() } else { prepay_id };
        let signature = self.signature(&format!("{}\n{timestamp}\n{nonce}\n{last}\n", self.app_id))?;
        let call = match product {
            "jsapi" => wire::ClientCall::Bridge {
                app_id: &self.app_id,
                time_stamp: &timestamp,
                nonce_str: &nonce,
                package: &package,
                sign_type: "RSA",
                pay_sign: &signature,
            },
            _ => wire::ClientCall::App {
                appid: &self.app_id,
                partnerid: &self.merchant_id,
                prepayid: prepay_id,
                package: "Sign=WXPay",
                noncestr: &nonce,
                timestamp: &timestamp,
                sign: &signature,
            },
        };
        let text = serde_json::to_string(&call).map_err(|_| Error::protocol("the client's call cannot be written"))?;
        Ok(NextAction::ClientSdk { token: Secret::new(text) })
    }

    /// Vouches for a notification; everything that needs no key is checked before one is fetched.
    pub(crate) async fn vouch<'d>(&self, cx: &Context<'_>, delivery: &'d Delivery) -> Result<Authentic<'d>> {
        let unproven = || Error::signature("the notification is not signed as it should be");
        let proof = Proof::read(|name| delivery.header(name).ok()).ok_or_else(unproven)?;
        let sent = proof.timestamp.parse().map_err(|_| Error::signature("wechatpay-timestamp is no time"))?;
        check_age(cx, sent, TOLERANCE_SECONDS)?;
        let key = self.platform_key(cx, proof.serial).await?.ok_or_else(unproven)?;
        delivery.vouch(|body| if proof.holds(&key, body) { Ok(()) } else { Err(unproven()) })
    }

    /// What is sealed in a notification.
    pub(crate) fn open<T: DeserializeOwned>(&self, sealed: &wire::Sealed) -> Result<T> {
        let text = self.opened(sealed).ok_or_else(|| Error::protocol("the resource cannot be opened"))?;
        serde_json::from_slice(&text).map_err(|_| Error::protocol("the resource cannot be read"))
    }

    fn opened(&self, sealed: &wire::Sealed) -> Option<Vec<u8>> {
        let ciphertext = STANDARD.decode(&sealed.ciphertext).ok().filter(|_| sealed.algorithm == "AEAD_AES_256_GCM")?;
        self.api_key.open_gcm(sealed.nonce.as_bytes(), sealed.associated_data.as_bytes(), &ciphertext).ok()
    }

    /// The key under a serial number: the configured one, or that of a platform certificate. `None` when WeChat Pay has no such.
    async fn platform_key(&self, cx: &Context<'_>, serial: &str) -> Result<Option<RsaPublicKey>> {
        if let Some((_, key)) = self.public.as_ref().filter(|(id, _)| id == serial) {
            return Ok(Some(key.clone()));
        }
        if serial.is_empty() || serial.len() > 64 || !serial.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let name = format!("wechat-pay certificate {} {serial}", self.merchant_id);
        let pem = match cx.token(&name, self.fetch_certificate(cx, serial)).await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            pem => pem?,
        };
        let now = cx.now().as_second();
        Ok(certificate(pem.expose()).filter(|found| found.valid_at(now)).map(|found| found.public_key().clone()))
    }

    /// The platform certificates come sealed under the APIv3 key, in an answer that one of them vouches for.
    async fn fetch_certificate(&self, cx: &Context<'_>, serial: &str) -> Result<(Secret, Duration)> {
        let reply = self.exchange(cx, self.get(cx, "/v3/certificates")).await?;
        let listed: wire::Certificates = reply.json()?;
        let find = |serial: &str| {
            let found = listed.data.iter().find(|one| one.serial_no.eq_ignore_ascii_case(serial))?;
            String::from_utf8(self.opened(&found.encrypt_certificate)?).ok()
        };
        let unproven = || Error::protocol("the platform certificates are not vouched for");
        let proof = Proof::read(|name| reply.header(name)).ok_or_else(unproven)?;
        let own = match &self.public {
            Some((id, key)) if id == proof.serial => Some(key.clone()),
            _ => find(proof.serial).and_then(|pem| certificate(&pem)).map(|found| found.public_key().clone()),
        };
        if !own.is_some_and(|key| proof.holds(&key, reply.text().unwrap_or_default().as_bytes())) {
            return Err(unproven());
        }
        let missing = || Error::new(Kind::NotFound, Effect::None, "no platform certificate has this serial number");
        Ok((Secret::new(find(serial).ok_or_else(missing)?), CERTIFICATE_LIFE))
    }
}

fn certificate(pem: &str) -> Option<Certificate> {
    Certificate::read_pem(pem.as_bytes()).ok()?.into_iter().next()
}

/// 32 hexadecimal digits.
fn nonce(cx: &Context<'_>) -> String {
    hex::encode_upper(cx.random::<16>())
}

/// The error that an answer stands for. WeChat Pay sends some refusals of the business under 403, which elsewhere stands
/// for refused credentials (<https://pay.weixin.qq.com/doc/v3/merchant/4012791877>, error codes).
fn fault(reply: &Reply) -> Error {
    let error = reply.fault(|fault: wire::Fault| Fault {
        code: fault.code,
        message: fault.message,
        field: fault.detail.and_then(|detail| detail.field),
    });
    let kind = match error.code() {
        Some("OUT_TRADE_NO_USED" | "ORDER_CLOSED") => Kind::Conflict,
        // The account is the payer's.
        Some("ACCOUNT_ERROR" | "NOT_ENOUGH" | "RULE_LIMIT" | "TRADE_ERROR" | "USER_ACCOUNT_ABNORMAL") => Kind::Invalid,
        _ => return error,
    };
    if (400..500).contains(&reply.status()) { error.of_kind(kind) } else { error }
}
