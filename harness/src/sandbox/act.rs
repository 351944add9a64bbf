//! What a sandbox does with a request: finds its exchange, moves the payment, gives the answer, and says what would be delivered.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use quittance::Op;

use super::book;
use super::choice::{Choice, Chooses, Target};
use super::give::{Given, Giving, Means, Own};
use super::keep::{Made, moved};
use super::known::{Account, Class, Kind, Known, Moment};
use super::leaves::{self, Value};
use super::routes::{Fit, Ground, Route};
use super::shown::{Answered, Seen};
use super::{Sandbox, State, tell};

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
        let Some(route) =
            self.routes.find(request.method(), path).or_else(|| self.routes.akin(request.method(), path, &state.book))
        else {
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
        let unreadable = !route.has("body") && asking.sent.iter().any(|value| value.path == "body");
        let choice = match chooses.choose(&fits) {
            Some(Choice::Answer(at) | Choice::Absent(at) | Choice::Refused(at)) if unreadable => {
                Some(Choice::Invalid(at))
            }
            choice => choice,
        };
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
            let response = self.refuse(state, asking, &route.candidates, Class::Refused, Some(one.at.op), None);
            return Answered {
                response,
                due: Vec::new(),
                seen: Seen { misses, operation: Some(one.at.op.to_string()), ..Seen::default() },
            };
        }
        let answered = if class == Class::Done {
            let card = chooses.card(fit).unwrap_or_default().to_owned();
            let target = chooses.target(fit);
            self.give(state, asking, one, fit, target, card)
        } else {
            let misses = tell::nearest(&self.knowledge, &fits, asking.sent);
            let target = chooses.target(fit);
            let response = self.refuse(state, asking, &route.candidates, class, Some(one.at.op), Some((fit, target)));
            // A body that cannot be read is never taken for one that can, whatever the nearest refusal of the tapes says.
            let wrong = unreadable && response.status().is_success();
            let response = if wrong { with_status(response, StatusCode::BAD_REQUEST) } else { response };
            let payment = target.root.and_then(|root| state.book.get(root)).map(|object| object.id.clone());
            let seen = Seen {
                matched: class != Class::Missing,
                operation: Some(one.at.op.to_string()),
                payment,
                misses,
                ..Seen::default()
            };
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
    fn key(&self, asking: &Asking<'_>, fit: &Fit<'_, '_>, known: &Known) -> Option<String> {
        let key = fit.key.as_ref().filter(|key| !key.is_empty() && self.spec.idempotency.replays())?;
        let moves = known.at.acts || known.at.creates.is_some_and(|kind| kind != Kind::Token);
        moves.then(|| format!("{} {} {key}", asking.request.method(), asking.request.uri().path()))
    }

    /// An answer as the tape's case has it, for what is named here; it makes nothing yet.
    fn giving<'g>(
        &'g self,
        state: &'g State,
        asking: &'g Asking<'_>,
        known: &'g Known,
        own: &'g Own,
        target: Target,
    ) -> Giving<'g> {
        let now_unix_seconds = asking.now_unix_seconds;
        Giving {
            means: Means { credentials: &self.credentials, recipes: &self.recipes, seed: self.seed, now_unix_seconds },
            book: &state.book,
            lineage: &known.at.lineage,
            step: known.at.step,
            target,
            own,
            sent: asking.sent,
            moment: known.at.moment,
            number: state.book.number_ahead(),
        }
    }

    /// The answer of an exchange, with what it moves.
    fn give(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        known: &Known,
        fit: &Fit<'_, '_>,
        target: Target,
        card: String,
    ) -> Answered {
        let own = Own::of(fit);
        let number = state.book.number();
        let before = self.standing(state, target);
        let mut moment = moved(known, before, fit.asked);
        if !known.at.acts && known.at.creates.is_none() {
            let named = target.object.and_then(|number| state.book.get(number));
            let own = named.filter(|object| matches!(object.kind, Kind::Refund | Kind::Payout));
            moment.asked = own.map(|object| object.end.amount);
        }
        let giving = Giving { moment, number, ..self.giving(state, asking, known, &own, target) };
        let Some(given) = giving.answer(known) else { return plain(StatusCode::INTERNAL_SERVER_ERROR) };
        let Given { response, minted, fresh, id } = given;
        let root =
            self.book_keeping(state, known, Made { number, target, own, minted, fresh, id, card, moment }, asking.sent);
        let payment =
            root.and_then(|root| state.book.get(root)).map(|object| object.id.clone()).filter(|id| !id.is_empty());
        let made = Some(number).filter(|number| state.book.get(*number).is_some());
        let target = Target { object: made.or(target.object), root };
        let due = self.due(state, known, target, before, asking.now_unix_seconds);
        let seen = Seen {
            matched: true,
            operation: Some(known.at.op.to_string()),
            payment,
            case: Some(known.at.lineage.case.clone()),
            replayed: false,
            misses: tell::forgiven(known, asking.sent),
        };
        Answered { response, due, seen }
    }

    pub(super) fn standing(&self, state: &State, target: Target) -> Account {
        let number = target.root.or(target.object);
        number.and_then(|number| state.book.get(number)).map_or(Account::NONE, |object| object.end)
    }

    /// The provider's own refusal: of the route where its tapes have one, else the nearest that they have.
    fn refuse(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        candidates: &[usize],
        class: Class,
        op: Option<Op>,
        fit: Option<(&Fit<'_, '_>, Target)>,
    ) -> Response<Bytes> {
        let status = match class {
            Class::Credentials => StatusCode::UNAUTHORIZED,
            Class::Missing => StatusCode::NOT_FOUND,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let Some((_, known)) = tell::refusal(&self.knowledge.known, candidates, class, op) else {
            return plain(status).response;
        };
        let (own, target) = fit.map(|(fit, target)| (Own::of(fit), target)).unwrap_or_default();
        let before = self.standing(state, target);
        let asked = fit.and_then(|(fit, _)| fit.asked).or(known.at.moment.asked);
        let moment = Moment { before, after: before, end: before, asked };
        let giving = Giving { moment, ..self.giving(state, asking, known, &own, target) };
        giving.answer(known).map_or_else(|| plain(status).response, |given| given.response)
    }
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
