//! What a sandbox does with a request: finds its exchange, moves the payment, gives the answer, and says what would be delivered.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use quittance::Op;

use super::book::{self, Number, Object};
use super::choice::{Choice, Chooses, Target, asked};
use super::give::{Given, Giving, Means, Own};
use super::known::{Account, Class, Delivered, Kind, Known, Moment};
use super::leaves::{self, Value};
use super::routes::{Fit, Ground, Route};
use super::shown::{Answered, Due, Seen};
use super::understand::begins;
use super::{Sandbox, State, fill, tell};

/// Longest text that is kept of a request for later answers, in bytes.
const MAX_KEPT: usize = 1_024;

/// A request on its way through the sandbox.
struct Asking<'a> {
    request: &'a Request<Bytes>,
    sent: &'a [Value],
    now_unix_seconds: i64,
}

impl Sandbox {
    /// The provider's answer to a request, whatever it is. Scheme and host of its url are not looked at.
    pub fn answer(&self, request: &Request<Bytes>, now_unix_seconds: i64) -> Answered {
        let path = request.uri().path();
        let mut sent = leaves::sent(request, self.knowledge.open);
        let state = &mut *self.state();
        let Some(route) = self.routes.find(request.method(), path).or_else(|| self.routes.akin(request.method(), path, &state.book)) else {
            let asking = Asking { request, sent: &sent, now_unix_seconds };
            let misses = tell::other_paths(&self.knowledge, &self.routes, request.method(), path);
            let response = self.refuse(state, &asking, &[], Class::Missing, None, None);
            let response = with_status(response, StatusCode::NOT_FOUND);
            return Answered { response, due: Vec::new(), seen: Seen { misses, ..Seen::default() } };
        };
        let segments = path.split('/').skip(1).enumerate();
        sent.extend(segments.map(|(index, segment)| {
            let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
            Value::new(format!("path {index}"), decoded)
        }));
        let asking = Asking { request, sent: &sent, now_unix_seconds };
        self.on_route(state, &asking, route)
    }

    fn on_route(&self, state: &mut State, asking: &Asking<'_>, route: &Route) -> Answered {
        let known = &self.knowledge.known;
        let ground = Ground { known, book: &state.book, credentials: &self.credentials, secrets: &self.secrets };
        let fits = route.fits(ground, asking.sent);
        let chooses = Chooses { spec: self.spec, known, cards: &self.cards, book: &state.book };
        let choice = chooses.choose(&fits);
        let (at, class) = match choice {
            Some(Choice::Answer(at)) => (at, Class::Done),
            Some(Choice::Unproven(at)) => (at, Class::Credentials),
            Some(Choice::Absent(at)) => (at, Class::Missing),
            Some(Choice::Invalid(at)) => (at, Class::Invalid),
            Some(Choice::Refused(at)) => (at, Class::Refused),
            None => (0, Class::Missing),
        };
        let Some((fit, one)) = fits.get(at).and_then(|fit| Some((fit, known.get(fit.index)?))) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let memory = self.key(asking, fit, one).filter(|_| class != Class::Credentials);
        let mark = mark(asking.request);
        if let Some(given) = memory.as_ref().and_then(|key| state.book.given(key)).cloned() {
            if given.asked == mark {
                return again(given);
            }
            let misses = tell::nearest(&self.knowledge, &fits, asking.sent);
            let response = self.refuse(state, asking, &route.candidates, Class::Refused, Some(one.op), None);
            return Answered { response, due: Vec::new(), seen: Seen { misses, operation: Some(one.op.to_string()), ..Seen::default() } };
        }
        let answered = if class == Class::Done {
            let card = chooses.card(fit).unwrap_or_default().to_owned();
            let target = chooses.target(fit);
            self.give(state, asking, one, fit, target, card)
        } else {
            let misses = tell::nearest(&self.knowledge, &fits, asking.sent);
            let target = chooses.target(fit);
            let response = self.refuse(state, asking, &route.candidates, class, Some(one.op), Some((fit, target)));
            let payment = target.root.and_then(|root| state.book.get(root)).map(|object| object.id.clone());
            let seen = Seen { matched: class != Class::Missing, operation: Some(one.op.to_string()), payment, misses, ..Seen::default() };
            Answered { response, due: Vec::new(), seen }
        };
        if let Some(key) = memory {
            let seen = &answered.seen;
            let (payment, operation) = (seen.payment.clone(), seen.operation.clone().unwrap_or_default());
            let case = seen.case.clone().unwrap_or_default();
            let response = answered.response.clone();
            state.book.give(key, book::Given { asked: mark, response, payment, case, operation });
        }
        answered
    }

    /// What an answer is remembered by: the idempotency key, for what moves something.
    fn key(&self, asking: &Asking<'_>, fit: &Fit<'_>, known: &Known) -> Option<String> {
        let key = fit.key.as_ref().filter(|key| !key.is_empty() && self.spec.idempotency.replays())?;
        let moves = known.acts || known.creates.is_some_and(|kind| kind != Kind::Token);
        moves.then(|| format!("{} {} {key}", asking.request.method(), asking.request.uri().path()))
    }

    fn means<'m>(&'m self, asking_now: i64) -> Means<'m> {
        Means { credentials: &self.credentials, recipes: &self.recipes, seed: self.seed, now_unix_seconds: asking_now }
    }

    /// The answer of an exchange, with what it moves.
    fn give(&self, state: &mut State, asking: &Asking<'_>, known: &Known, fit: &Fit<'_>, target: Target, card: String) -> Answered {
        let own = Own::of(fit);
        let number = state.book.number();
        let before = self.standing(state, target);
        let mut moment = moved(known, before, fit.asked);
        let named = target.object.and_then(|number| state.book.get(number));
        if let Some(object) = named.filter(|object| !known.acts && matches!(object.kind, Kind::Refund | Kind::Payout)) {
            moment.asked = Some(object.end.amount);
        }
        let giving = Giving {
            means: self.means(asking.now_unix_seconds),
            book: &state.book,
            lineage: &known.lineage,
            step: known.step,
            target,
            own: &own,
            sent: asking.sent,
            moment,
            number,
        };
        let Some(given) = giving.answer(known) else { return plain(StatusCode::INTERNAL_SERVER_ERROR) };
        let Given { response, minted, fresh, id } = given;
        let root = self.book_keeping(state, known, Made { number, target, own, minted, fresh, id, card, moment }, asking.sent);
        let payment = root.and_then(|root| state.book.get(root)).map(|object| object.id.clone()).filter(|id| !id.is_empty());
        let due = self.due(state, known, Target { object: Some(number).filter(|number| state.book.get(*number).is_some()).or(target.object), root }, before, asking);
        let seen = Seen {
            matched: true,
            operation: Some(known.op.to_string()),
            payment,
            case: Some(known.lineage.case.clone()),
            replayed: false,
            misses: tell::forgiven(known, asking.sent),
        };
        Answered { response, due, seen }
    }

    fn standing(&self, state: &State, target: Target) -> Account {
        let number = target.root.or(target.object);
        number.and_then(|number| state.book.get(number)).map_or(Account::NONE, |object| object.end)
    }

    /// Notes what a request made and how the payment stands after it; the payment, if there is one.
    fn book_keeping(&self, state: &mut State, known: &Known, made: Made, sent: &[Value]) -> Option<Number> {
        let Made { number, target, own, minted, fresh, id, card, moment } = made;
        let told = if known.acts && known.due.is_empty() && known.moment.after.state == known.moment.end.state { moment.end } else { moment.after };
        let mut root = target.root;
        let begins_own = known.creates.filter(|kind| matches!(kind, Kind::Payment | Kind::Mandate | Kind::Payout));
        if begins_own.is_none() && let Some(object) = root.and_then(|root| state.book.get_mut(root)) {
            object.requests += 1;
            if known.acts || known.moment.after == known.moment.end {
                let shows_end = !known.acts && known.moment.after.state == object.end.state;
                if known.acts {
                    (object.account, object.end) = (told, moment.end);
                } else if shows_end {
                    object.account = object.end;
                }
            }
        }
        let values = minted.iter().chain(&own.caught);
        let parts: std::collections::BTreeMap<String, (Kind, String)> = values
            .filter_map(|(name, value)| {
                let (kind, part) = known.lineage.parts.get(name)?;
                Some((part.clone(), (*kind, value.clone())))
            })
            .collect();
        let parts_of = |wanted: Kind| -> std::collections::BTreeMap<String, String> {
            let own = parts.iter().filter(|(_, (kind, _))| *kind == wanted);
            own.map(|(part, (_, value))| (part.clone(), value.clone())).collect()
        };
        for number in [target.root, target.object].into_iter().flatten().filter(|_| begins_own.is_none()) {
            if let Some(object) = state.book.get_mut(number) {
                let new = parts_of(object.kind);
                object.parts.extend(new);
            }
        }
        let newly = || fresh.iter().filter_map(|name| Some((name.clone(), minted.get(name)?.clone()))).collect();
        match known.creates {
            Some(kind) => {
                let parent = target.object;
                let inherited = parent.and_then(|parent| state.book.get(parent));
                let samples = inherited.map(|object| (*object.samples).clone()).unwrap_or_default();
                let samples = if own.samples.is_empty() { samples } else { own.samples };
                let card = if card.is_empty() { inherited.map(|object| object.card.clone()).unwrap_or_default() } else { card };
                let currency = own.currency.or(inherited.and_then(|object| object.currency)).or(known.lineage.currency);
                let requests = 1 + inherited.map_or(0, |object| if kind == Kind::Payment { object.requests } else { 0 });
                let (account, end) = match kind {
                    Kind::Payment | Kind::Mandate | Kind::Payout => (told, moment.end),
                    Kind::Refund => {
                        let state = known.shows;
                        let amount = moment.asked.unwrap_or_default();
                        let refund = Account { state, amount, captured: 0, refunded: 0 };
                        (refund, Account { state: "succeeded", ..refund })
                    }
                    _ => {
                        let account = Account { state: "", amount: moment.asked.unwrap_or_default(), captured: 0, refunded: 0 };
                        (account, account)
                    }
                };
                let object = Object {
                    kind,
                    id,
                    parent,
                    children: Vec::new(),
                    minted: newly(),
                    parts: parts_of(kind),
                    caught: own.caught,
                    reference: own.reference,
                    key: own.key,
                    digest: own.digest,
                    samples: Arc::new(samples),
                    sent: self.kept(sent),
                    account,
                    end,
                    currency,
                    case: known.lineage.case.clone(),
                    method: known.lineage.method.clone(),
                    card,
                    requests,
                };
                state.book.add(number, object);
                if begins_own.is_some() {
                    root = Some(number);
                }
            }
            None => {
                if let Some(object) = target.object {
                    fresh.iter().filter_map(|name| Some((name, minted.get(name)?))).for_each(|(name, value)| {
                        state.book.mint(object, name, value);
                    });
                }
            }
        }
        root
    }

    /// What was sent and is repeated in later answers.
    fn kept(&self, sent: &[Value]) -> std::collections::BTreeMap<String, String> {
        let is_kept = |value: &&Value| self.knowledge.kept.contains(&value.path) && value.text.len() <= MAX_KEPT;
        let mut kept: std::collections::BTreeMap<String, String> =
            sent.iter().filter(is_kept).map(|value| (value.path.clone(), value.text.clone())).collect();
        let objects = self.knowledge.prefixes.iter().filter_map(|prefix| Some((format!("o:{prefix}"), fill::object(prefix, sent)?)));
        kept.extend(objects);
        kept
    }

    /// The provider's own refusal: of the route where its tapes have one, else the nearest that they have.
    fn refuse(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        candidates: &[usize],
        class: Class,
        op: Option<Op>,
        fit: Option<(&Fit<'_>, Target)>,
    ) -> Response<Bytes> {
        let status = match class {
            Class::Credentials => StatusCode::UNAUTHORIZED,
            Class::Missing => StatusCode::NOT_FOUND,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let Some((_, known)) = tell::refusal(&self.knowledge.known, candidates, class, op) else { return plain(status).response };
        let (own, target) = fit.map(|(fit, target)| (Own::of(fit), target)).unwrap_or_default();
        let before = self.standing(state, target);
        let asked = fit.and_then(|(fit, _)| fit.asked).or(known.moment.asked);
        let giving = Giving {
            means: self.means(asking.now_unix_seconds),
            book: &state.book,
            lineage: &known.lineage,
            step: known.step,
            target,
            own: &own,
            sent: asking.sent,
            moment: Moment { before, after: before, end: before, asked },
            number: state.book.number_ahead(),
        };
        giving.answer(known).map_or_else(|| plain(status).response, |given| given.response)
    }

    /// What the provider delivers after an answer: what the tapes have for the step, else what reports the state that was reached.
    fn due(&self, state: &mut State, known: &Known, target: Target, before: Account, asking: &Asking<'_>) -> Vec<Due> {
        if !known.acts {
            return Vec::new();
        }
        let all = &self.knowledge.delivered;
        let mut wanted: Vec<&Delivered> = known.due.iter().filter_map(|index| all.get(*index)).collect();
        if wanted.is_empty() && known.class != Class::Refused {
            let end = target.root.and_then(|root| state.book.get(root)).map_or(Account::NONE, |object| object.end);
            let reached = |delivered: &&Delivered| {
                delivered.alone
                    && match delivered.kind {
                        Kind::Refund => known.op == Op::Refund && delivered.state == "succeeded",
                        Kind::Payment | Kind::Mandate | Kind::Payout => {
                            let kind = target.root.and_then(|root| state.book.get(root)).map(|object| object.kind);
                            kind == Some(delivered.kind) && delivered.state == end.state && end.state != before.state
                        }
                        _ => false,
                    }
            };
            wanted.extend(all.iter().find(reached));
        }
        let due: Vec<Due> = wanted.into_iter().filter_map(|delivered| self.made(state, delivered, target, asking.now_unix_seconds)).collect();
        if !due.is_empty()
            && let Some(object) = target.root.and_then(|root| state.book.get_mut(root))
        {
            object.account = object.end;
        }
        due
    }

    /// A delivery for a payment.
    fn made(&self, state: &mut State, delivered: &Delivered, target: Target, now_unix_seconds: i64) -> Option<Due> {
        let number = state.book.number();
        let account = self.standing(state, target);
        let object = target.object.and_then(|object| state.book.get(object));
        let asked = object.map(|object| object.end.amount).filter(|amount| *amount > 0).or(delivered.moment.asked);
        let asked = if object.is_some_and(|object| object.kind == Kind::Payment) && delivered.kind == Kind::Payment { Some(account.amount) } else { asked };
        let own = Own::default();
        let credentials = state.webhook.as_ref().map_or(&self.credentials, |(_, credentials)| credentials);
        let giving = Giving {
            means: Means { credentials, recipes: &self.recipes, seed: self.seed, now_unix_seconds },
            book: &state.book,
            lineage: &delivered.lineage,
            step: delivered.step,
            target,
            own: &own,
            sent: &[],
            moment: Moment { before: account, after: account, end: account, asked },
            number,
        };
        let (delivery, minted) = match &state.webhook {
            Some((url, _)) if delivered.webhook.url.is_some() => giving.delivery_to(delivered, url)?,
            _ => giving.delivery(delivered)?,
        };
        let payment = target.root.and_then(|root| state.book.get(root)).map(|object| object.id.clone());
        if let (Kind::Payment | Kind::Refund, Some(object)) = (delivered.kind, target.object) {
            let of_object = minted.iter().filter(|(name, _)| delivered.lineage.names.get(*name) == Some(&delivered.kind));
            of_object.for_each(|(name, value)| state.book.mint(object, name, value));
        }
        if delivered.kind == Kind::Dispute {
            let own = minted.into_iter().filter(|(name, _)| delivered.lineage.names.get(name) == Some(&Kind::Dispute)).collect();
            state.book.add(number, dispute(target, own, delivered, account));
        }
        Some(Due { event: delivered.event.clone(), payment, delivery })
    }

    /// The names of the deliveries that can be made for a payment now.
    pub fn events(&self, payment: &str) -> Vec<String> {
        let state = self.state();
        let Some(target) = target_of(&state, payment) else { return Vec::new() };
        let mut names: Vec<String> = self.deliverable(&state, target).map(named).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Makes a delivery for a payment, by a name out of [`Sandbox::events`]. The payment then stands as it says. `None` for a payment or
    /// an event that there is not.
    pub fn deliver(&self, payment: &str, event: &str, now_unix_seconds: i64) -> Option<Due> {
        let state = &mut *self.state();
        let target = target_of(state, payment)?;
        let delivered = self.deliverable(state, target).find(|delivered| named(delivered) == event)?;
        let newest = |kind: Kind| {
            let root = state.book.get(target.root?)?;
            let is = |number: &&Number| state.book.get(**number).is_some_and(|object| object.kind == kind);
            root.children.iter().rev().find(is).copied()
        };
        let object = if delivered.kind == Kind::Refund { newest(Kind::Refund) } else { target.object };
        if delivered.kind == Kind::Payment && let Some(object) = target.root.and_then(|root| state.book.get_mut(root)) {
            let captured = match delivered.state {
                "captured" if object.end.captured == 0 => object.end.amount,
                "declined" | "voided" | "expired" => 0,
                _ => object.end.captured,
            };
            object.end = Account { state: delivered.state, captured, ..object.end };
            object.account = object.end;
        }
        self.made(state, delivered, Target { object, ..target }, now_unix_seconds)
    }

    fn deliverable<'s>(&'s self, state: &State, target: Target) -> impl Iterator<Item = &'s Delivered> {
        let object = target.root.and_then(|root| state.book.get(root));
        let kind = object.map_or(Kind::Other, |object| object.kind);
        let refunded = object.is_some_and(|object| object.end.refunded > 0);
        let fits = move |delivered: &&Delivered| match delivered.kind {
            Kind::Refund => refunded,
            Kind::Dispute => kind == Kind::Payment,
            other => other == kind && delivered.state != "refusal",
        };
        let (alone, with): (Vec<&Delivered>, Vec<&Delivered>) = self.knowledge.delivered.iter().filter(fits).partition(|one| one.alone);
        alone.into_iter().chain(with)
    }
}

/// What a request made.
struct Made {
    number: Number,
    target: Target,
    own: Own,
    minted: std::collections::BTreeMap<String, String>,
    fresh: Vec<String>,
    id: String,
    card: String,
    moment: Moment,
}

fn named(delivered: &Delivered) -> String {
    match delivered.state {
        "" => delivered.event.clone(),
        state => format!("{} ({state})", delivered.event),
    }
}

fn target_of(state: &State, payment: &str) -> Option<Target> {
    let number = state.book.find(&format!("i:{payment}"))?;
    Some(Target { object: Some(number), root: state.book.root(number) })
}

fn dispute(target: Target, minted: std::collections::BTreeMap<String, String>, delivered: &Delivered, account: Account) -> Object {
    Object {
        kind: Kind::Dispute,
        id: String::new(),
        parent: target.object,
        children: Vec::new(),
        minted,
        parts: std::collections::BTreeMap::new(),
        caught: std::collections::BTreeMap::new(),
        reference: None,
        key: None,
        digest: None,
        samples: Arc::default(),
        sent: std::collections::BTreeMap::new(),
        account,
        end: account,
        currency: delivered.lineage.currency,
        case: String::new(),
        method: String::new(),
        card: String::new(),
        requests: 0,
    }
}

/// How a payment stands after an exchange.
fn moved(known: &Known, before: Account, sent: Option<i64>) -> Moment {
    let tape = known.moment;
    let asked = asked(known.op, sent, &before);
    let sum = asked.unwrap_or(0);
    let still = Moment { before, after: before, end: before, asked };
    if begins(known.op) {
        let sum = if sum == 0 { before.amount } else { sum };
        if !known.acts && known.creates.is_none_or(|kind| kind == Kind::Other) && !known.settles {
            return Moment { asked: Some(sum), ..still };
        }
        if known.settles || (known.acts && known.creates.is_none()) {
            let state = if known.settles { tape.after.state } else { tape.end.state };
            let captured = if state == "captured" && before.captured == 0 { before.amount } else { before.captured };
            let after = if known.settles && !known.acts && before.state == state { before } else { Account { state, captured, ..before } };
            let after = if known.settles && !known.acts { before } else { after };
            return Moment { before, after, end: after, asked: Some(sum) };
        }
        let stands = |state: &'static str| Account { state, amount: sum, captured: if state == "captured" { sum } else { 0 }, refunded: 0 };
        return Moment { before: Account::NONE, after: stands(tape.after.state), end: stands(tape.end.state), asked: Some(sum) };
    }
    if !known.acts || known.class == Class::Refused {
        return still;
    }
    let end = match known.op {
        Op::Capture => Account { state: "captured", captured: before.captured.saturating_add(sum), ..before },
        Op::Void => Account { state: "voided", ..before },
        Op::Refund => Account { refunded: before.refunded.saturating_add(sum), ..before },
        Op::Adjust => Account { amount: if sum == 0 { before.amount } else { sum }, ..before },
        Op::Complete => {
            let state = tape.end.state;
            let captured = if state == "captured" && before.captured == 0 { before.amount } else { before.captured };
            Account { state, captured, ..before }
        }
        _ => before,
    };
    let settled = tape.after.state == tape.end.state && tape.after.captured == tape.end.captured;
    let after = if settled || known.op == Op::Refund { end } else { before };
    Moment { before, after, end, asked }
}

/// What tells two requests under one key apart.
fn mark(request: &Request<Bytes>) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.body().hash(&mut hasher);
    request.uri().query().hash(&mut hasher);
    hasher.finish()
}

fn again(given: book::Given) -> Answered {
    let seen = Seen {
        matched: true,
        operation: Some(given.operation),
        payment: given.payment,
        case: Some(given.case).filter(|case| !case.is_empty()),
        replayed: true,
        misses: Vec::new(),
    };
    Answered { response: given.response, due: Vec::new(), seen }
}

fn with_status(mut response: Response<Bytes>, status: StatusCode) -> Response<Bytes> {
    *response.status_mut() = status;
    response
}

/// An answer where the tapes have none.
fn plain(status: StatusCode) -> Answered {
    let reason = status.canonical_reason().unwrap_or("refused");
    let mut response = Response::new(Bytes::from(format!("{{\"error\":\"{reason}\"}}")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Answered { response, due: Vec::new(), seen: Seen::default() }
}
