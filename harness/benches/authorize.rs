//! A card authorization in process: its request is built and its answer read. To hold: at most 20 µs for each connector.
//! The baselines of the same run are plain serde code that writes the same request body and reads the same members of the answer,
//! without key, header, host, size, integrity or secrecy checks.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod common;

use std::collections::BTreeMap;
use std::hint::black_box;

use common::{Call, Setup, alone, counted, instructions, is_measured, load, medians, micros, ratio};
use divan::Bencher;
use divan::counter::BytesCount;
use quittance::{Authorize, Card, MemoryTokens, Method};
use quittance_harness::invoke::Request;
use quittance_harness::view::Outcome;
use serde::{Deserialize, Serialize};

const CASE: &str = "authorize.captured";
const CONNECTORS: [&str; 4] = ["adyen", "authorize-net", "paypal", "stripe"];

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    if let Some((subject, times)) = counted() {
        return count(&subject, times);
    }
    divan::main();
    if is_measured() {
        figures();
    }
}

/// The baseline of a connector: adyen has its own; the others, whose requests have more members, are held against stripe's.
fn baseline(id: &str) -> &'static str {
    if id == "adyen" { "adyen" } else { "stripe" }
}

/// Writes and reads as the connector `id` does, by plain serde.
fn plainly(id: &str, call: &Call) {
    match id {
        "adyen" => drop(black_box(adyen_plainly(authorize(call), answer(call)))),
        _ => drop(black_box(stripe_plainly(authorize(call), answer(call)))),
    }
}

fn figures() {
    println!();
    for id in CONNECTORS {
        let warm = Warm::new(load(id, CASE));
        let name = baseline(id);
        let plain = load(name, CASE);
        let [time, base] = medians([&mut || drop(black_box(warm.run())), &mut || plainly(name, &plain.calls[0])]);
        let counts = instructions(id).zip(instructions(&format!("{name} plainly")));
        let counts = counts.map(|(count, base)| format!("; {count} instructions, {base} by plain serde"));
        println!(
            "{id} card authorization: {}; {} of {name} by plain serde ({}){}",
            micros(time),
            ratio(time, base),
            micros(base),
            counts.unwrap_or_default()
        );
    }
}

/// What [`instructions`] counts: `times` authorizations by a connector, or by its baseline.
fn count(subject: &str, times: u32) {
    let (id, plain) = subject.split_once(' ').map_or((subject, false), |(id, _)| (id, true));
    let warm = Warm::new(load(id, CASE));
    for _ in 0..times {
        match plain {
            true => plainly(id, &warm.setup.calls[0]),
            false => drop(black_box(warm.run())),
        }
    }
}

/// A connector whose access token, where it needs one, is in the cache.
struct Warm {
    setup: Setup,
    tokens: MemoryTokens,
}

impl Warm {
    fn new(setup: Setup) -> Warm {
        let warm = Warm { setup, tokens: MemoryTokens::default() };
        let first = warm.run();
        assert_eq!(first.state(), "captured");
        warm
    }

    fn run(&self) -> Outcome {
        alone(self.setup.subject.connector.as_ref(), &self.setup.calls[0], &self.tokens)
    }
}

#[divan::bench(args = CONNECTORS)]
fn connector(bencher: Bencher<'_, '_>, id: &str) {
    let warm = Warm::new(load(id, CASE));
    let call = &warm.setup.calls[0];
    let bytes = call.sent.last().unwrap().body().len() + answer(call).len();
    bencher.counter(BytesCount::from(bytes)).bench_local(|| black_box(&warm).run());
}

#[divan::bench(args = ["adyen", "stripe"])]
fn baseline_by_plain_serde(bencher: Bencher<'_, '_>, id: &str) {
    let setup = load(id, CASE);
    let call = &setup.calls[0];
    let sent = call.sent[0].body();
    // The baseline must write the same body and read the same answer, or there is nothing to compare.
    match id {
        "adyen" => {
            let (body, read) = adyen_plainly(authorize(call), answer(call));
            let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
            assert_eq!(json(&body), json(sent));
            assert_eq!((read.result_code, read.amount.value), ("Authorised".to_owned(), 6000));
        }
        _ => {
            let (body, read) = stripe_plainly(authorize(call), answer(call));
            let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<BTreeMap<String, String>>();
            assert_eq!(pairs(body.as_bytes()), pairs(sent));
            assert_eq!((read.status.as_str(), read.amount), ("succeeded", 6000));
        }
    }
    bencher.bench_local(|| plainly(black_box(id), black_box(call)));
}

fn authorize(call: &Call) -> &Authorize {
    match &call.request {
        Request::Authorize(request) => request,
        _ => unreachable!("the first call of the case is an authorization"),
    }
}

fn answer(call: &Call) -> &[u8] {
    call.answers.last().unwrap().body()
}

fn card(request: &Authorize) -> &Card {
    match &request.method {
        Method::Card(card) => card,
        _ => unreachable!("the case pays with a card"),
    }
}

fn adyen_plainly(request: &Authorize, answer: &[u8]) -> (Vec<u8>, AdyenAnswer) {
    let (card, month) = (card(request), card(request).expiry.month2());
    let body = AdyenPayment {
        merchant_account: "QuittanceTest",
        reference: &request.reference,
        amount: AdyenAmount { currency: request.amount.currency().code().into(), value: request.amount.minor() },
        payment_method: AdyenCard {
            r#type: "scheme",
            number: card.number.expose(),
            expiry_month: &month,
            expiry_year: card.expiry.year().to_string(),
            cvc: card.cvc.as_ref().map(|cvc| cvc.expose()),
            holder_name: card.holder.as_deref(),
        },
        return_url: request.return_url.as_deref(),
        shopper_interaction: "Ecommerce",
        shopper_reference: request.customer.id.as_deref(),
        shopper_email: request.customer.email.as_deref(),
        capture_delay_hours: 0,
    };
    (serde_json::to_vec(&body).unwrap(), serde_json::from_slice(answer).unwrap())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdyenPayment<'a> {
    merchant_account: &'a str,
    reference: &'a str,
    amount: AdyenAmount,
    payment_method: AdyenCard<'a>,
    return_url: Option<&'a str>,
    shopper_interaction: &'a str,
    shopper_reference: Option<&'a str>,
    shopper_email: Option<&'a str>,
    capture_delay_hours: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdyenCard<'a> {
    r#type: &'a str,
    number: &'a str,
    expiry_month: &'a str,
    expiry_year: String,
    cvc: Option<&'a str>,
    holder_name: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct AdyenAmount {
    currency: String,
    value: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read as the connector reads them")]
struct AdyenAnswer {
    psp_reference: String,
    result_code: String,
    merchant_reference: String,
    amount: AdyenAmount,
    additional_data: BTreeMap<String, String>,
}

fn stripe_plainly(request: &Authorize, answer: &[u8]) -> (String, StripeAnswer) {
    let (card, order, customer) = (card(request), &request.order, &request.customer);
    let (billing, shipping) = (&request.billing, order.shipping.as_ref().unwrap());
    let body = StripePayment {
        expand: "latest_charge",
        confirm: true,
        method_type: "card",
        reference: &request.reference,
        amount: request.amount.minor(),
        currency: request.amount.currency().code().to_ascii_lowercase(),
        capture_method: "automatic",
        description: order.description.as_deref(),
        statement_descriptor_suffix: order.descriptor.as_deref(),
        cart: order.metadata.first().map(|(_, value)| value.as_str()),
        shipping_name: customer.full_name(),
        shipping_line1: shipping.line1.as_deref(),
        shipping_city: shipping.city.as_deref(),
        shipping_state: shipping.state.as_deref(),
        shipping_postal_code: shipping.postal_code.as_deref(),
        shipping_country: shipping.country.as_deref(),
        return_url: request.return_url.as_deref(),
        data_type: "card",
        number: card.number.expose(),
        exp_month: card.expiry.month(),
        exp_year: card.expiry.year(),
        cvc: card.cvc.as_ref().map(|cvc| cvc.expose()),
        billing_name: card.holder.as_deref(),
        billing_email: customer.email.as_deref(),
        billing_phone: customer.phone.as_deref(),
        billing_line1: billing.line1.as_deref(),
        billing_city: billing.city.as_deref(),
        billing_state: billing.state.as_deref(),
        billing_postal_code: billing.postal_code.as_deref(),
        billing_country: billing.country.as_deref(),
    };
    (serde_urlencoded::to_string(&body).unwrap(), serde_json::from_slice(answer).unwrap())
}

#[derive(Serialize)]
struct StripePayment<'a> {
    #[serde(rename = "expand[0]")]
    expand: &'a str,
    confirm: bool,
    #[serde(rename = "payment_method_types[0]")]
    method_type: &'a str,
    #[serde(rename = "metadata[reference]")]
    reference: &'a str,
    amount: i64,
    currency: String,
    capture_method: &'a str,
    description: Option<&'a str>,
    statement_descriptor_suffix: Option<&'a str>,
    #[serde(rename = "metadata[cart]")]
    cart: Option<&'a str>,
    #[serde(rename = "shipping[name]")]
    shipping_name: Option<String>,
    #[serde(rename = "shipping[address][line1]")]
    shipping_line1: Option<&'a str>,
    #[serde(rename = "shipping[address][city]")]
    shipping_city: Option<&'a str>,
    #[serde(rename = "shipping[address][state]")]
    shipping_state: Option<&'a str>,
    #[serde(rename = "shipping[address][postal_code]")]
    shipping_postal_code: Option<&'a str>,
    #[serde(rename = "shipping[address][country]")]
    shipping_country: Option<&'a str>,
    return_url: Option<&'a str>,
    #[serde(rename = "payment_method_data[type]")]
    data_type: &'a str,
    #[serde(rename = "payment_method_data[card][number]")]
    number: &'a str,
    #[serde(rename = "payment_method_data[card][exp_month]")]
    exp_month: u8,
    #[serde(rename = "payment_method_data[card][exp_year]")]
    exp_year: u16,
    #[serde(rename = "payment_method_data[card][cvc]")]
    cvc: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][name]")]
    billing_name: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][email]")]
    billing_email: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][phone]")]
    billing_phone: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][address][line1]")]
    billing_line1: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][address][city]")]
    billing_city: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][address][state]")]
    billing_state: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][address][postal_code]")]
    billing_postal_code: Option<&'a str>,
    #[serde(rename = "payment_method_data[billing_details][address][country]")]
    billing_country: Option<&'a str>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read as the connector reads them")]
struct StripeAnswer {
    id: String,
    status: String,
    amount: i64,
    amount_received: i64,
    currency: String,
    latest_charge: StripeCharge,
    metadata: BTreeMap<String, String>,
    payment_method: String,
    payment_method_types: Vec<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read as the connector reads them")]
struct StripeCharge {
    amount_refunded: i64,
    outcome: StripeOutcome,
    payment_method_details: StripeDetails,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read as the connector reads them")]
struct StripeOutcome {
    r#type: String,
    network_advice_code: Option<String>,
    network_decline_code: Option<String>,
}

#[derive(Deserialize)]
struct StripeDetails {
    #[allow(dead_code, reason = "read as the connector reads it")]
    card: StripeCard,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read as the connector reads them")]
struct StripeCard {
    authorization_code: String,
    checks: BTreeMap<String, String>,
    network_transaction_id: String,
}
