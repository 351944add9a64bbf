//! A shop that takes card payments: reserve, let the customer pass a challenge, take, give back, and hear of it by webhook.
//!
//! It talks to the sandbox that the harness makes of a provider's tapes, so it needs no account. In one terminal:
//!
//! ```sh
//! cargo run -- serve stripe --webhooks http://127.0.0.1:4243/webhooks
//! ```
//!
//! and in another: `cargo run -p quittance --example checkout`. Two addresses may follow: where the sandbox is, and where webhooks come in.
//! Against the provider itself only `Sandbox` goes: `ReqwestTransport` alone is the transport then, and the credentials are the account's.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what happens")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use quittance::http::uri::{PathAndQuery, Scheme};
use quittance::http::{Request, Response, Uri};
use quittance::*;
use quittance_reqwest::{ReqwestTransport, SystemRandom, TokioSleep};
use tokio::sync::mpsc;

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Where customers come back to from a challenge.
const RETURN: &str = "https://shop.example/return";

/// What the shop keeps for as long as it runs: one client, one transport with its connections, one cache of access tokens.
struct Shop {
    client: Client,
    transport: Sandbox,
    tokens: MemoryTokens,
}

impl Shop {
    fn open(sandbox: Uri) -> Outcome<Shop> {
        // The credentials of the sandbox; `quittance docs stripe` says what each is. Real ones come from a secret store.
        let credentials = serde_json::json!({
            "api_key": "sk_test_quittance", "webhook_secret": "whsec_quittance",
        });
        let client = Client::new(quittance_stripe::ENTRY.connect(credentials)?, TokioSleep);
        let transport = Sandbox { inner: ReqwestTransport::new()?, at: sandbox };
        Ok(Shop { client, transport, tokens: MemoryTokens::default() })
    }

    /// What a call may use. It costs nothing, so each call has its own.
    fn context(&self) -> Context<'_> {
        Context::new(&self.transport, &SystemClock, &SystemRandom, &self.tokens)
    }

    /// Takes money at once, after a challenge by the card's bank if `three_ds` asks for one.
    async fn buy(&self, order: &str, amount: Money, card: Card, three_ds: ThreeDs) -> Result<Payment> {
        let purchase = Authorize {
            three_ds,
            return_url: Some(RETURN.to_owned()),
            ..Authorize::new(key("authorize"), order, amount, Method::Card(card))
        };
        self.client.authorize(&self.context(), &purchase).await
    }

    /// Reserves money on a card. The key is the shop's own: the same one again asks for the same payment, never for a second.
    async fn reserve(&self, order: &str, amount: Money, card: Card) -> Result<Payment> {
        let purchase = Authorize {
            capture: CaptureMode::Manual,
            return_url: Some(RETURN.to_owned()),
            ..Authorize::new(key("authorize"), order, amount, Method::Card(card))
        };
        self.client.authorize(&self.context(), &purchase).await
    }

    /// Goes on after the customer came back, with what stood in the query of the return URL.
    async fn returned(&self, order: &str, payment: &Payment, amount: Money) -> Result<Payment> {
        let complete = Complete {
            key: key("complete"),
            reference: order.to_owned(),
            payment: payment.handle.clone(),
            amount,
            capture: CaptureMode::Automatic,
            method: None,
            customer: Customer::default(),
            billing: Address::default(),
            returned: Vec::new(),
        };
        self.client.complete(&self.context(), &complete).await
    }

    async fn take(&self, order: &str, payment: &Payment, amount: Money) -> Result<Payment> {
        let payment = payment.handle.clone();
        let capture = Capture { key: key("capture"), reference: order.to_owned(), payment, amount, last: true };
        self.client.capture(&self.context(), &capture).await
    }

    async fn give_back(&self, order: &str, payment: &Payment, amount: Money) -> Result<Refund> {
        let payment = payment.handle.clone();
        let reference = format!("{order}-r1");
        let refund = RefundRequest { key: key("refund"), reference, payment, amount, reason: None };
        self.client.refund(&self.context(), &refund).await
    }

    async fn look_at(&self, payment: &Payment) -> Result<Payment> {
        self.client.retrieve(&self.context(), &Retrieve { by: Lookup::Handle(payment.handle.clone()) }).await
    }
}

/// A key that no other order has: here of the time, in a shop of the order's row in its database.
fn key(what: &str) -> Key {
    Key::new(format!("{what}-{}", Timestamp::now().as_nanosecond()))
}

/// Sends to the sandbox what is meant for the provider: another address, everything else as it is.
struct Sandbox {
    inner: ReqwestTransport,
    at: Uri,
}

#[async_trait]
impl Transport for Sandbox {
    async fn send(&self, mut request: Request<Bytes>, limits: Limits) -> std::result::Result<Response<Bytes>, Failure> {
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = self.at.scheme().cloned().or(Some(Scheme::HTTP));
        parts.authority = self.at.authority().cloned();
        parts.path_and_query = parts.path_and_query.or_else(|| Some(PathAndQuery::from_static("/")));
        *request.uri_mut() = Uri::from_parts(parts).map_err(|cause| Failure::Refused(cause.to_string()))?;
        self.inner.send(request, limits).await
    }
}

/// Where the provider sends its webhooks. Nothing in a delivery is believed before the connector has vouched for it; an answer of another
/// status than 2xx makes the provider send it again.
async fn webhook(
    Shared((shop, told)): Shared<(Arc<Shop>, mpsc::Sender<Event>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Ok(events) = shop.client.webhook(&shop.context(), &Delivery::new(headers, body)).await else {
        return StatusCode::BAD_REQUEST;
    };
    for event in events {
        let _nobody_listens_any_more = told.send(event).await;
    }
    StatusCode::OK
}

/// What the shop does with each state; whatever it does not know stays open and is looked at later.
fn show(what: &str, payment: &Payment) {
    let words = match &payment.state {
        State::ActionRequired(NextAction::Redirect { url } | NextAction::ThreeDs { url, .. }) => {
            format!("send the customer to {url}")
        }
        State::Declined(decline) => format!("declined: {}", decline.reason.as_str()),
        other => other.as_str().to_owned(),
    };
    println!("{what:12} {:28} {words}", payment.handle.id());
}

async fn checkout(shop: &Shop) -> Outcome<()> {
    let card = |number: &str| -> Outcome<Card> {
        let cvc = Some(Cvc::parse("123")?);
        Ok(Card {
            number: Pan::parse(number)?,
            expiry: Expiry::new(12, 2030)?,
            cvc,
            holder: Some("Ada Example".to_owned()),
        })
    };
    let usd = |minor: i64| Money::new(minor, Currency::USD);
    let order = |name: &str| format!("order-{name}-{}", Timestamp::now().as_second());

    let first = order("a");
    let payment = shop.reserve(&first, usd(6000), card("4242 4242 4242 4242")?).await?;
    show("reserved", &payment);
    let taken = shop.take(&first, &payment, usd(6000)).await?;
    show("taken", &taken);
    let refund = shop.give_back(&first, &payment, usd(1203)).await?;
    println!("{:12} {:28} {}", "given back", refund.handle.id(), refund.state.as_str());
    let found = shop.look_at(&payment).await?;
    show("looked at", &found);
    let in_all = found.refunded.map_or("unknown".to_owned(), |amount| amount.to_string());
    println!("{:12} {:28} {in_all}", "", "given back in all");

    let second = order("b");
    let challenged = shop.buy(&second, usd(6000), card("4000 0000 0000 3220")?, ThreeDs::Challenge).await?;
    show("challenged", &challenged);
    if matches!(challenged.state, State::ActionRequired(_)) {
        let payment = shop.returned(&second, &challenged, usd(6000)).await?;
        match payment.state {
            State::ActionRequired(_) => {
                println!("{:12} {:28} nobody has confirmed it on that page yet", "open", payment.handle.id())
            }
            _ => show("came back", &payment),
        }
    }
    match shop.buy(&order("c"), usd(6000), card("4000 0000 0000 9995")?, ThreeDs::default()).await {
        Ok(declined) => show("no money", &declined),
        // An error says whether the provider may have acted; a decline is an answer, and no error.
        Err(error) => println!("{:12} {error} (effect: {})", "failed", error.effect().as_str()),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let mut given = std::env::args().skip(1);
    let sandbox: Uri = given.next().unwrap_or_else(|| "http://127.0.0.1:4242".to_owned()).parse()?;
    let inbox: SocketAddr = given.next().unwrap_or_else(|| "127.0.0.1:4243".to_owned()).parse()?;

    let shop = Arc::new(Shop::open(sandbox.clone())?);
    let (told, mut events) = mpsc::channel(16);
    let server = Router::new().route("/webhooks", post(webhook)).with_state((Arc::clone(&shop), told));
    let listener = tokio::net::TcpListener::bind(inbox).await;
    let listener =
        listener.map_err(|error| format!("no webhooks at {inbox}: {error}; give another address as second"))?;
    let serving = tokio::spawn(async move { axum::serve(listener, server).await });

    let done = checkout(&shop).await;
    done.map_err(|error| format!("{error}\nIs `quittance serve stripe` running at {sandbox}?"))?;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(2), events.recv()).await {
        println!("{:12} {}", "webhook", event.name);
    }
    serving.abort();
    Ok(())
}
