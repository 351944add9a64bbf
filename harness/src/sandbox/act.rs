//! What a sandbox does with a request: finds its exchange, moves the payment, gives the answer, and says what would be delivered.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use quittance::{CaptureMode, Idempotency, Op};

use super::answers::{About, Given as Before};
use super::book::{Book, Number, Object};
use super::choice::{Choice, Chooses, Target};
use super::chosen::Chosen;
use super::fit::{Fit, Readings};
use super::give::{Given, Giving, Means, Own};
use super::keep::{Made, moved};
use super::known::{Account, Class, Kind, Known, Moment};
use super::leaves;
use super::own::{refusal, reworded};
use super::places::ASKED_FOR;
use super::reader::Ground;
use super::routes::Route;
use super::sent::{self, Sent};
use super::shown::{Answered, Compared, Miss, Seen, Waiting};
use super::{Sandbox, State, tell};

/// A request on its way through the sandbox.
pub(super) struct Asking<'a> {
    pub(super) request: &'a Request<Bytes>,
    sent: &'a Sent<'a>,
    now_unix_seconds: i64,
}

impl Sandbox {
    /// The provider's answer to a request, whatever it is. Scheme and host of its url are not looked at.
    pub fn answer(&self, request: &Request<Bytes>, now_unix_seconds: i64) -> Answered {
        let mut answered = self.respond(request, now_unix_seconds);
        answered.seen.misses = self.misses(request, &answered.seen);
        answered.seen.compared = Compared::default();
        answered
    }

    /// What a request that was answered differs in from the exchanges that are nearest to it.
    pub fn misses(&self, request: &Request<Bytes>, seen: &Seen) -> Vec<Miss> {
        if seen.compared.known.is_empty() {
            return seen.misses.clone();
        }
        let text = sent::text_of(request.body(), self.knowledge.open);
        let mut sent = Sent::of(request, text.as_deref(), &self.knowledge.places);
        sent.add_path(request.uri().path());
        tell::misses(&self.knowledge, &seen.compared, &sent, &self.credentials)
    }

    /// As [`Sandbox::answer`], without the differences that are shown of the request: [`Sandbox::misses`] looks for them.
    pub fn respond(&self, request: &Request<Bytes>, now_unix_seconds: i64) -> Answered {
        let path = request.uri().path();
        let text = sent::text_of(request.body(), self.knowledge.open);
        let mut sent = Sent::of(request, text.as_deref(), &self.knowledge.places);
        sent.add_path(path);
        let state = &mut *self.state();
        let asking = Asking { request, sent: &sent, now_unix_seconds };
        let found = self.routes.find(request.method(), path);
        let Some(route) = found.or_else(|| self.routes.akin(request.method(), path, &state.book)) else {
            // The provider's "no such payment" would mislead who has mistyped a path.
            let misses = tell::other_paths(&self.knowledge, &self.routes, request.method(), path);
            let message = tell::unknown_path(self.id, &self.routes, request.method(), path);
            return refused(refusal(StatusCode::NOT_FOUND, &message), Seen { misses, ..Seen::default() });
        };
        let mark = Chosen::mark(route, &sent);
        if let Some(answered) = mark.and_then(|mark| self.as_before(state, &asking, route, mark)) {
            return answered;
        }
        if let Some((place, words)) = route.unknown_word(&sent) {
            // The answer to another operation would mislead, and might move the payment.
            let response = refusal(StatusCode::NOT_FOUND, &tell::unknown_word(self.id, place, words));
            return refused(response, Seen::default());
        }
        let readings = route.read(self.ground(Some(&state.book)), &sent);
        let mark = mark.filter(|_| !readings.looks_up);
        self.on_route(state, &asking, route, &readings, mark)
    }

    /// The answer to a request for which the same is chosen as for an earlier one; none where that is not known, or not as simple as that.
    fn as_before(&self, state: &mut State, asking: &Asking<'_>, route: &Route, mark: u64) -> Option<Answered> {
        let chosen = state.chosen.get(mark)?;
        let readings = route.read_one(chosen, self.ground(None), asking.sent)?;
        let fit = route.fit_of(chosen.0, &readings)?;
        let one = self.knowledge.known.get(fit.index)?;
        if is_malformed(asking, route) || self.is_forged(state, asking, one, &fit) {
            return None;
        }
        let key = self.key(asking, &fit, one);
        if key.as_ref().is_some_and(|key| state.book.answers.get(key).is_some()) {
            return None;
        }
        let chooses = self.chooses(&state.book);
        let (target, card_of) = (chooses.target(&fit), chooses.card_of(&fit));
        let (answered, object) = self.give(state, asking, one, &fit, target, card_of);
        remember(state, asking, key, (&answered, fit.index), object, target);
        Some(answered)
    }

    fn ground<'a: 'b, 'b>(&'a self, book: Option<&'b Book>) -> Ground<'a, 'b> {
        Ground { known: &self.knowledge.known, book, credentials: &self.credentials, spared: &self.spared }
    }

    fn on_route(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        route: &Route,
        readings: &Readings<'_>,
        mark: Option<u64>,
    ) -> Answered {
        let known = &self.knowledge.known;
        let fits = route.fits(readings);
        let chooses = self.chooses(&state.book);
        let mut choice = chooses.choose(&fits);
        let mut early = Vec::new();
        if let Some(number) = chooses.decided(&fits, choice.as_ref()) {
            early = self.decided(state, number, asking.now_unix_seconds);
            choice = self.chooses(&state.book).choose(&fits);
        }
        let chooses = self.chooses(&state.book);
        let malformed = is_malformed(asking, route);
        let (at, class) = match choice {
            Some(Choice::Unproven(at)) => (at, Class::Credentials),
            Some(choice) if malformed => (choice.at(), Class::Invalid),
            Some(Choice::Answer(at)) => {
                if let (Some(mark), Some(fit)) = (mark, fits.get(at)) {
                    state.chosen.note(mark, at, fit.joint.mark);
                }
                (at, Class::Done)
            }
            Some(Choice::Absent(at)) => (at, Class::Missing),
            Some(Choice::Invalid(at)) => (at, Class::Invalid),
            Some(Choice::Refused(at)) => (at, Class::Refused),
            None => (0, Class::Missing),
        };
        let Some((fit, one)) = fits.get(at).and_then(|fit| Some((fit, known.get(fit.index)?))) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let forged = class != Class::Credentials && !malformed && self.is_forged(state, asking, one, fit);
        let class = if forged { Class::Credentials } else { class };
        let memory = self.key(asking, fit, one).filter(|_| class != Class::Credentials);
        if let Some(given) = memory.as_ref().and_then(|key| state.book.answers.get(key)) {
            // Some providers tell of the first request whatever the second asks for.
            let tells = |known: &Known| known.at.class == Class::Again && known.at.answer.status.is_client_error();
            let conflicts = fits
                .iter()
                .filter_map(|fit| known.get(fit.index))
                .any(|other| tells(other) && other.at.op == one.at.op);
            if given.about.asked == hash(asking.request) || conflicts {
                return self.again(state, asking, &fits, one, given);
            }
            let compared = tell::nearest(&fits);
            let response = self.refuse(state, asking, &route.candidates, Class::Refused, Some(one.at.op), None);
            return refused(response, Seen { compared, operation: Some(one.at.op.as_str()), ..Seen::default() });
        }
        let target = chooses.target(fit);
        let card_of = chooses.card_of(fit);
        let (mut answered, object) = match class {
            Class::Done => self.give(state, asking, one, fit, target, card_of),
            _ => (self.refused(state, asking, route, class, (&fits, fit, target), malformed), None),
        };
        answered.due.splice(0..0, early);
        remember(state, asking, memory, (&answered, fit.index), object, target);
        answered
    }

    fn chooses<'c>(&'c self, book: &'c Book) -> Chooses<'c> {
        Chooses { spec: self.spec, known: &self.knowledge.known, book }
    }

    /// The refusal of a request of this class, and what is shown of it.
    fn refused(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        route: &Route,
        class: Class,
        (fits, fit, target): (&[Fit<'_>], &Fit<'_>, Target),
        malformed: bool,
    ) -> Answered {
        let op = self.knowledge.known.get(fit.index).map(|known| known.at.op);
        let compared = tell::nearest(fits);
        let response = self.refuse(state, asking, &route.candidates, class, op, Some((fit, target)));
        // A body that cannot be read is never taken for one that can, whatever the nearest refusal of the tapes says.
        let wrong = malformed && !response.status().is_client_error();
        let response = if wrong { with_status(response, StatusCode::BAD_REQUEST) } else { response };
        let payment = payment(state, target.root);
        let operation = op.map(Op::as_str);
        refused(response, Seen { matched: class != Class::Missing, operation, payment, compared, ..Seen::default() })
    }

    /// The answer to a request that came before under its key: the same, or what the provider has for a repetition.
    fn again(&self, state: &State, asking: &Asking<'_>, fits: &[Fit<'_>], one: &Known, given: &Before) -> Answered {
        let known = fits.iter().filter_map(|fit| Some((fit, self.knowledge.known.get(fit.index)?)));
        let repeats = known.filter(|(_, known)| known.at.class == Class::Again && known.at.op == one.at.op);
        let best = repeats.max_by_key(|(fit, _)| fit.score).zip(given.about.object);
        let other = best.and_then(|((fit, known), object)| {
            let own = Own::of(fit);
            let target = Target { object: Some(object), root: state.book.root(object) };
            let before = self.standing(state, target);
            let moment = Moment { before, after: before, end: before, asked: fit.joint.asked };
            Giving { moment, ..self.giving(state, asking, known, &own, target) }.answer(known)
        });
        let case = given.about.case.and_then(|case| self.knowledge.known.get(case));
        let seen = Seen {
            matched: true,
            operation: given.about.operation,
            payment: payment(state, given.about.payment),
            case: case.map(|known| Arc::clone(&known.at.lineage.case)),
            replayed: true,
            ..Seen::default()
        };
        refused(other.map_or_else(|| given.response(), |other| other.response), seen)
    }

    /// What an answer is remembered by: the idempotency key, for what moves something.
    fn key(&self, asking: &Asking<'_>, fit: &Fit<'_>, known: &Known) -> Option<String> {
        let means = self.spec.idempotency_of(known.at.op);
        let in_body = || match means {
            Idempotency::Body(name) => {
                let name = leaves::last_name(name.trim_end_matches('='));
                let found = asking.sent.iter().find(|value| leaves::last_name(asking.sent.name(value)) == name);
                found.map(|value| &*value.text)
            }
            _ => None,
        };
        let reserves = known.at.op == Op::Authorize && known.at.moment.end.state == "authorized";
        let capture = if reserves { CaptureMode::Manual } else { CaptureMode::Automatic };
        let replays = self.spec.replays(known.at.op, capture);
        let key = fit.key().or_else(in_body).filter(|key| !key.is_empty() && replays)?;
        let moves = known.at.acts || known.at.creates.is_some_and(|kind| kind != Kind::Token);
        // One call may send several requests under its key: each is told apart by what it asks for.
        let operation = asking.sent.first(ASKED_FOR).unwrap_or_default();
        let (method, path) = (asking.request.method().as_str(), asking.request.uri().path());
        moves.then(|| [method, path, operation, key].join(" "))
    }

    /// An answer as the tape's case has it, for what is named here; it makes nothing yet.
    pub(super) fn giving<'g>(
        &'g self,
        state: &'g State,
        asking: &'g Asking<'_>,
        known: &'g Known,
        own: &'g Own<'_>,
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
            sent: Some(asking.sent),
            asked: Some(asking.request.body()),
            moment: known.at.moment,
            number: state.book.number_ahead(),
        }
    }

    /// The answer of an exchange, with what it moves, and the object that it made or is about.
    fn give(
        &self,
        state: &mut State,
        asking: &Asking<'_>,
        known: &Known,
        fit: &Fit<'_>,
        target: Target,
        card_of: Option<usize>,
    ) -> (Answered, Option<Number>) {
        let own = Own::of(fit);
        let number = state.book.number();
        let before = self.standing(state, target);
        let raised = fit.joint.raised.map(|more| before.amount.saturating_add(more));
        let mut moment = moved(known, before, fit.joint.asked.or(raised));
        if !known.at.acts && known.at.creates.is_none() {
            let named = target.object.and_then(|number| state.book.get(number));
            // A refund may be asked for by its payment alone: then the newest is told.
            let newest = || {
                let children = named.filter(|_| known.at.op == Op::RetrieveRefund)?.children.iter().rev();
                children.filter_map(|child| state.book.get(*child)).find(|child| child.kind == Kind::Refund)
            };
            let own = named.filter(|object| matches!(object.kind, Kind::Refund | Kind::Payout)).or_else(newest);
            moment.asked = own.map(|object| object.end.amount);
        }
        let giving = Giving { moment, number, ..self.giving(state, asking, known, &own, target) };
        let given = match is_of_another_state(state, known, target) {
            true => giving.answer_as(known, &reworded(&known.at.answer)),
            false => giving.answer(known),
        };
        let Some(given) = given else {
            return (plain(StatusCode::INTERNAL_SERVER_ERROR), None);
        };
        let Given { response, minted, fresh, id } = given;
        let index = fit.index;
        let made = Made { number, target, own, minted, fresh, id, card_of, moment, index };
        let root = self.book_keeping(state, known, made, asking.sent);
        let payment = payment(state, root);
        let made = Some(number).filter(|number| state.book.get(*number).is_some());
        let target = Target { object: made.or(target.object), root };
        // What waits for somebody else is told when they have decided.
        let waits = made.filter(|made| state.book.get(*made).is_some_and(|object| object.later.is_some()));
        let due = match waits {
            Some(_) => Vec::new(),
            None => self.due(state, known, target, before, asking.now_unix_seconds),
        };
        let seen = Seen {
            matched: true,
            operation: Some(known.at.op.as_str()),
            payment,
            case: Some(Arc::clone(&known.at.lineage.case)),
            replayed: false,
            misses: Vec::new(),
            compared: tell::forgiven(fit),
        };
        (Answered { response, due, waiting: waits.map(Waiting), seen }, target.object)
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
        fit: Option<(&Fit<'_>, Target)>,
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
        let asked = fit.and_then(|(fit, _)| fit.joint.asked).or(known.at.moment.asked);
        let moment = Moment { before, after: before, end: before, asked };
        let giving = Giving { moment, ..self.giving(state, asking, known, &own, target) };
        // What another operation is refused with, or another kind of request, would mislead; so would why another amount is refused where
        // a key came twice.
        let is_told = known.at.class == class && (class != Class::Refused || fit.is_some() && op == Some(known.at.op));
        let given = match is_told {
            true => giving.answer(known),
            false => giving.answer_as(known, &reworded(&known.at.answer)),
        };
        given.map_or_else(|| plain(status).response, |given| given.response)
    }
}

/// Whether an exchange shows a refusal in another state of the payment than it has: then its words tell of that state.
fn is_of_another_state(state: &State, known: &Known, target: Target) -> bool {
    let object = target.root.and_then(|root| state.book.get(root));
    let was = known.at.moment.before.state;
    known.at.class == Class::Refused
        && object.is_some_and(|object| ![object.end.state, object.account.state].contains(&was))
}

fn is_malformed(asking: &Asking<'_>, route: &Route) -> bool {
    let content_type = asking.request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    route.is_malformed(asking.sent, content_type, asking.request.body())
}

/// The id of a payment as the provider gives it; none where it has none.
fn payment(state: &State, number: Option<Number>) -> Option<String> {
    let id = number.and_then(|number| state.book.get(number)).map(Object::id)?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// Keeps an answer under the key that it was asked for with.
fn remember(
    state: &mut State,
    asking: &Asking<'_>,
    key: Option<String>,
    (answered, index): (&Answered, usize),
    object: Option<Number>,
    target: Target,
) {
    let Some(key) = key else { return };
    let payment = object.and_then(|object| state.book.root(object)).or(target.root);
    let (operation, case) = (answered.seen.operation, answered.seen.case.as_ref().map(|_| index));
    let about = About { asked: hash(asking.request), object, payment, case, operation };
    state.book.answers.add(&key, about, &answered.response);
}

/// What tells two requests under one key apart: whoever makes two that collide is taken to have repeated the first.
fn hash(request: &Request<Bytes>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    request.body().hash(&mut hasher);
    request.uri().query().hash(&mut hasher);
    hasher.finish()
}

/// An answer by which nothing is moved.
fn refused(response: Response<Bytes>, seen: Seen) -> Answered {
    Answered { response, due: Vec::new(), waiting: None, seen }
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
    refused(response, Seen::default())
}
