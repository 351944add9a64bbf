//! WeChat Pay's JSON (<https://pay.weixin.qq.com/doc/v3/merchant/4012791877>). Amounts are integers of fen.

use std::collections::BTreeMap;

use quittance::*;
use serde::{Deserialize, Serialize};

use crate::{WechatPay, handle, refund_state, state, transfer_state};

#[derive(Serialize)]
pub(crate) struct Order<'a> {
    pub(crate) appid: &'a str,
    pub(crate) mchid: &'a str,
    pub(crate) description: &'a str,
    pub(crate) out_trade_no: &'a str,
    pub(crate) notify_url: &'a str,
    pub(crate) amount: Amount<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<Payer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scene_info: Option<Scene<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Amount<'a> {
    pub(crate) total: i64,
    pub(crate) currency: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Payer<'a> {
    pub(crate) openid: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Scene<'a> {
    pub(crate) payer_client_ip: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) h5_info: Option<H5>,
}

#[derive(Serialize)]
pub(crate) struct H5 {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Close<'a> {
    pub(crate) mchid: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Return<'a> {
    pub(crate) out_trade_no: &'a str,
    pub(crate) out_refund_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    pub(crate) notify_url: &'a str,
    pub(crate) amount: ReturnAmount<'a>,
}

#[derive(Serialize)]
pub(crate) struct ReturnAmount<'a> {
    pub(crate) refund: i64,
    pub(crate) total: i64,
    pub(crate) currency: &'a str,
}

/// A transfer to a user's wallet.
#[derive(Serialize)]
pub(crate) struct NewTransfer<'a> {
    pub(crate) appid: &'a str,
    pub(crate) out_bill_no: &'a str,
    pub(crate) transfer_scene_id: &'a str,
    pub(crate) openid: &'a str,
    pub(crate) transfer_amount: i64,
    pub(crate) transfer_remark: &'a str,
    pub(crate) notify_url: &'a str,
    pub(crate) transfer_scene_report_infos: Vec<ReportInfo<'a>>,
}

#[derive(Serialize)]
pub(crate) struct ReportInfo<'a> {
    info_type: &'a str,
    info_content: &'a str,
}

pub(crate) fn reports(reports: &BTreeMap<String, String>) -> Vec<ReportInfo<'_>> {
    reports.iter().map(|(info_type, info_content)| ReportInfo { info_type, info_content }).collect()
}

/// What a new order is answered with; each product fills another member.
#[derive(Deserialize)]
pub(crate) struct Prepaid {
    pub(crate) code_url: Option<String>,
    pub(crate) h5_url: Option<String>,
    pub(crate) prepay_id: Option<String>,
}

/// An order as a look-up and a notification show it.
#[derive(Deserialize)]
pub(crate) struct OrderView {
    out_trade_no: String,
    trade_state: String,
    trade_state_desc: Option<String>,
    /// Once the order is paid.
    pub(crate) amount: Option<OrderAmount>,
}

#[derive(Deserialize)]
pub(crate) struct OrderAmount {
    pub(crate) total: i64,
    currency: Option<String>,
}

impl OrderView {
    pub(crate) fn into_payment(self) -> Result<Payment> {
        let total = self.amount.as_ref().map(|amount| amount.total);
        let money = |amount: OrderAmount| money(amount.total, amount.currency.as_deref());
        let amount = self.amount.map(money).transpose()?;
        let state = state(&self.trade_state, self.trade_state_desc);
        let captured = amount.filter(|_| state == State::Captured);
        let handle = handle(&self.out_trade_no, total);
        Ok(Payment { amount, captured, reference: Some(self.out_trade_no), ..Payment::new(handle, state) })
    }
}

/// A refund as its making, a look-up and a notification show it; the last names the status otherwise.
#[derive(Deserialize)]
pub(crate) struct Refund {
    out_refund_no: String,
    out_trade_no: String,
    #[serde(alias = "refund_status")]
    status: String,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: Option<String>,
}

impl Refund {
    pub(crate) fn into_refund(self) -> Result<quittance::Refund> {
        let amount = money(self.amount.refund, self.amount.currency.as_deref())?;
        Ok(quittance::Refund {
            amount: Some(amount),
            payment: Some(handle(&self.out_trade_no, Some(self.amount.total))),
            reference: Some(self.out_refund_no.clone()),
            ..quittance::Refund::new(Handle::new(self.out_refund_no), refund_state(&self.status))
        })
    }
}

/// A transfer as its making, a look-up and a notification show it; the first states no amount.
#[derive(Deserialize)]
pub(crate) struct Transfer {
    pub(crate) out_bill_no: String,
    state: String,
    fail_reason: Option<String>,
    package_info: Option<String>,
    transfer_amount: Option<i64>,
}

impl Transfer {
    pub(crate) fn into_payout(self) -> Result<Payout> {
        let amount = self.transfer_amount.map(|amount| money(amount, None)).transpose()?;
        let reason = self.fail_reason.filter(|reason| !reason.is_empty());
        let state = transfer_state(self.state, reason, self.package_info);
        Ok(Payout { amount, ..Payout::new(Handle::new(self.out_bill_no), state) })
    }
}

/// Notifications of refunds name no currency: there is only one.
fn money(minor: i64, currency: Option<&str>) -> Result<Money> {
    WechatPay::SPEC.money(minor, currency.unwrap_or("CNY"))
}

/// A notification, with its resource sealed.
#[derive(Deserialize)]
pub(crate) struct Notice {
    pub(crate) id: String,
    pub(crate) create_time: String,
    pub(crate) event_type: String,
    pub(crate) resource: Sealed,
}

/// A text sealed by AES-256-GCM under the APIv3 key.
#[derive(Deserialize)]
pub(crate) struct Sealed {
    pub(crate) algorithm: String,
    pub(crate) nonce: String,
    #[serde(default)]
    pub(crate) associated_data: String,
    pub(crate) ciphertext: String,
}

#[derive(Deserialize)]
pub(crate) struct Certificates {
    pub(crate) data: Vec<Listed>,
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) serial_no: String,
    pub(crate) encrypt_certificate: Sealed,
}

/// What goes to the client: the call of `WeixinJSBridge` or of the app's SDK.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ClientCall<'a> {
    #[serde(rename_all = "camelCase")]
    Bridge {
        app_id: &'a str,
        time_stamp: &'a str,
        nonce_str: &'a str,
        package: &'a str,
        sign_type: &'a str,
        pay_sign: &'a str,
    },
    App {
        appid: &'a str,
        partnerid: &'a str,
        prepayid: &'a str,
        package: &'a str,
        noncestr: &'a str,
        timestamp: &'a str,
        sign: &'a str,
    },
}

#[derive(Default, Deserialize)]
pub(crate) struct Fault {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) detail: Option<Detail>,
}

#[derive(Deserialize)]
pub(crate) struct Detail {
    pub(crate) field: Option<String>,
}
