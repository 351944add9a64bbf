//! An application that takes payments, and what it believes of them.

use quittance::{
    Authorize, Capture, CaptureMode, Card, Connector, Context, Effect, Error, Expiry, Handle, Key, Kind, Lookup,
    Method, Money, Pan, Payment, RefundRequest, Retrieve, State, TransferState, Void, drive,
};

use super::Account as Report;
use super::line::{Asked, Dice, Line};
use super::provider::{CURRENCY, Repetition};
use crate::certify::ledger::{Account, Deed};
use crate::invoke::Request;
use crate::run::stage::Around;
use crate::view::Outcome;

/// A test card of the reference provider.
const CARD: &str = "4895370000000007";

/// What the application holds to be true of one payment.
struct Believed {
    number: u64,
    account: Account,
    handle: Option<Handle>,
    /// A look-up could not tell.
    unresolved: bool,
    /// A step was answered, and the answer does not show it.
    unshown: bool,
    /// How much was asked for in all captures, or in a purchase.
    asked_capture_minor: i64,
    asked_refund_minor: i64,
}

/// The application, with the line that its client uses.
pub(super) struct Application<'a> {
    client: &'a dyn Connector,
    line: Line,
    dice: Dice,
    around: Around,
    report: Report,
    /// What the client asked before it left the last call unknown.
    asked: Asked,
}

impl<'a> Application<'a> {
    pub(super) fn new(client: &'a dyn Connector, line: Line, seed: u64) -> Application<'a> {
        let dice = Dice::new(seed ^ 0x5555_5555_5555_5555);
        let (around, report) = (Around::new(seed), Report::default());
        Application { client, line, dice, around, report, asked: Asked::Nothing }
    }

    pub(super) fn finish(mut self) -> Report {
        self.report.exchanges = self.line.exchanges;
        self.report.faults = self.line.faults.iter().map(|(fault, count)| ((*fault).to_owned(), *count)).collect();
        self.report
    }

    /// One payment from its start to the comparison with the provider's books.
    pub(super) fn pay(&mut self, number: u64) {
        let minor = i64::try_from(self.dice.roll(90_000)).unwrap_or_default() + 100;
        let capture = if self.dice.roll(2) == 0 { CaptureMode::Automatic } else { CaptureMode::Manual };
        let mut believed = Believed {
            number,
            account: Account::default(),
            handle: None,
            unresolved: false,
            unshown: false,
            asked_capture_minor: if capture == CaptureMode::Automatic { minor } else { 0 },
            asked_refund_minor: 0,
        };
        self.authorize(&mut believed, minor, capture);
        if believed.account.reserved_minor > 0 && capture == CaptureMode::Manual {
            match self.dice.roll(4) {
                0 => self.void(&mut believed),
                1 => {}
                2 => self.capture(&mut believed, minor),
                _ => self.capture(&mut believed, minor / 2),
            }
        }
        if believed.account.captured_minor > 0 && self.dice.roll(2) == 0 {
            let all = believed.account.captured_minor;
            let part = if self.dice.roll(2) == 0 { all } else { all / 3 };
            self.refund(&mut believed, part, 1);
            if part < all && self.dice.roll(2) == 0 {
                self.refund(&mut believed, part, 2);
            }
        }
        self.compare(&believed);
    }

    /// Calls an operation; what stays unknown is sometimes called again under its key, where that does no harm.
    fn call(&mut self, request: &Request) -> Result<Outcome, Error> {
        self.report.operations += 1;
        let mut result = self.called(request);
        self.asked = self.line.asked;
        let unknown =
            |result: &Result<Outcome, Error>| result.as_ref().is_err_and(|error| error.effect() == Effect::Unknown);
        let replays = self.line.provider.repetition() == Repetition::Replays;
        if unknown(&result) && replays && self.dice.roll(2) == 0 {
            result = self.called(request);
            // The first call may have acted, whatever becomes of the second, which need not ask about it.
            self.asked = if unknown(&result) { self.line.asked } else { Asked::InVain };
            result = result.map_err(|error| error.with_effect(Effect::Unknown));
        }
        match &result {
            Ok(_) => self.report.answered += 1,
            Err(error) if error.effect() == Effect::None => self.report.failed += 1,
            Err(_) => self.report.unknown += 1,
        }
        result
    }

    fn called(&mut self, request: &Request) -> Result<Outcome, Error> {
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &self.around.clock, &self.around.random, &self.around.tokens);
        let line = &mut self.line;
        drive::drive(&slot, request.call(self.client, &cx), |sent| line.exchange(&sent))
    }

    fn authorize(&mut self, believed: &mut Believed, minor: i64, capture: CaptureMode) {
        let Some(method) = card() else { return };
        let (key, reference) = names(believed.number, "authorize");
        let request = Authorize { capture, ..Authorize::new(key, order(&reference), money(minor), method) };
        match self.call(&Request::Authorize(Box::new(request))) {
            Ok(Outcome::Payment(payment)) => self.learn(believed, &payment),
            Ok(_) => {}
            Err(error) => self.after(believed, &error, |_| true),
        }
    }

    fn capture(&mut self, believed: &mut Believed, minor: i64) {
        let Some(payment) = believed.handle.clone() else { return };
        believed.asked_capture_minor += minor;
        let (key, reference) = names(believed.number, "capture");
        let request = Request::Capture(Capture { key, reference, payment, amount: money(minor), last: true });
        match self.call(&request) {
            Ok(Outcome::Payment(payment)) => {
                believed.unshown |= payment.state != State::Captured;
                self.learn(believed, &payment);
            }
            Ok(_) => {}
            // What is taken in parts tells the sum, and nothing of one part.
            Err(error) => self.after(believed, &error, |_| false),
        }
    }

    fn void(&mut self, believed: &mut Believed) {
        let Some(payment) = believed.handle.clone() else { return };
        let (key, reference) = names(believed.number, "void");
        match self.call(&Request::Void(Void { key, reference, payment })) {
            Ok(Outcome::Payment(payment)) => {
                believed.unshown |= payment.state != State::Voided;
                self.learn(believed, &payment);
            }
            Ok(_) => {}
            Err(error) => self.after(believed, &error, |found| found.state == State::Voided),
        }
    }

    fn refund(&mut self, believed: &mut Believed, minor: i64, part: u32) {
        let Some(payment) = believed.handle.clone() else { return };
        believed.asked_refund_minor += minor;
        let (key, reference) = names(believed.number, &format!("refund-{part}"));
        let request = RefundRequest { key, reference, payment, amount: money(minor), reason: None };
        match self.call(&Request::Refund(request)) {
            Ok(Outcome::Refund(refund)) if refund.state == TransferState::Succeeded => {
                believed.unresolved |= believed.account.book(Deed::GiveBack(minor)).is_err();
            }
            Ok(_) => {}
            Err(error) => {
                // A refund that told no id cannot be asked for.
                self.asked = Asked::InVain;
                self.after(believed, &error, |_| false);
            }
        }
    }

    /// An error without effect is believed; anything else is looked up once the line is sound. `done` says whether the payment shows what
    /// was asked for: then the client, which was told the same, ought to have answered.
    fn after(&mut self, believed: &mut Believed, error: &Error, done: fn(&Payment) -> bool) {
        if error.effect() == Effect::None {
            return;
        }
        let by = match (error.handle(), &believed.handle) {
            (_, Some(handle)) => Lookup::Handle(handle.clone()),
            (Some(handle), None) => Lookup::Handle(handle.clone()),
            (None, None) => Lookup::Reference(order(&names(believed.number, "authorize").1)),
        };
        self.line.faulty = false;
        let found = self.called(&Request::Retrieve(Retrieve { by }));
        self.line.faulty = true;
        let shows = matches!(&found, Ok(Outcome::Payment(payment)) if done(payment));
        if self.asked == Asked::Nothing || (self.asked == Asked::Answered && shows) {
            self.report.unasked += 1;
        }
        match found {
            Ok(Outcome::Payment(payment)) => self.learn(believed, &payment),
            Err(error) if error.kind() == Kind::NotFound => {}
            _ => believed.unresolved = true,
        }
    }

    /// Takes the provider's words over.
    fn learn(&mut self, believed: &mut Believed, told: &Payment) {
        believed.handle = Some(told.handle.clone());
        let minor = |money: Option<Money>| money.map_or(0, |money| money.minor());
        match told.state {
            State::Authorized | State::Captured | State::Voided => {
                believed.account = Account {
                    reserved_minor: minor(told.amount),
                    captured_minor: minor(told.captured),
                    refunded_minor: minor(told.refunded),
                    released: told.state == State::Voided,
                    open: false,
                };
            }
            State::Declined(_) | State::Expired => believed.account = Account::default(),
            State::Pending | State::ActionRequired(_) | State::Unrecognised(_) => believed.unresolved = true,
        }
    }

    fn compare(&mut self, believed: &Believed) {
        let (_, reference) = names(believed.number, "authorize");
        let (booked, strange) = self.line.provider.close(&order(&reference));
        let sum = |of: fn(&Account) -> i64| booked.iter().map(of).sum::<i64>();
        let captured = sum(|account| account.captured_minor);
        let refunded = sum(|account| account.refunded_minor);
        let held = booked.iter().filter(|account| account.reserved_minor > 0 && !account.released).count();
        let ours = &believed.account;
        let ours_held = usize::from(ours.reserved_minor > 0 && !ours.released);
        let double = held > 1
            || captured > believed.asked_capture_minor
            || refunded > believed.asked_refund_minor
            || strange > 0;
        let lost = captured > ours.captured_minor || refunded > ours.refunded_minor || held > ours_held;
        let made_up =
            captured < ours.captured_minor || refunded < ours.refunded_minor || held < ours_held || believed.unshown;
        self.report.payments += 1;
        self.report.unresolved += u64::from(believed.unresolved);
        self.report.double += u64::from(double);
        self.report.lost += u64::from(lost && !double);
        self.report.made_up += u64::from(made_up);
        if (double || lost || made_up || believed.unresolved) && self.report.examples.len() < super::EXAMPLES {
            self.report.examples.push(format!(
                "payment {:09} at a provider that {:?}: the application believes {ours:?}, the provider has {booked:?}",
                believed.number,
                self.line.provider.repetition()
            ));
        }
    }
}

fn card() -> Option<Method> {
    let expiry = Expiry::new(12, 2030).ok()?;
    Some(Method::Card(Card { number: Pan::parse(CARD).ok()?, expiry, cvc: None, holder: None }))
}

fn money(minor: i64) -> Money {
    Money::new(minor, CURRENCY)
}

/// Key and reference of one operation on one payment.
fn names(number: u64, operation: &str) -> (Key, String) {
    let reference = format!("{number}-{operation}");
    (Key::new(format!("key-{reference}")), reference)
}

/// The reference of the payment itself.
fn order(reference: &str) -> String {
    reference.replace("authorize", "order")
}
