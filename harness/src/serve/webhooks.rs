//! Deliveries on their way: in order for each payment, tried again with growing pauses, at most so many at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request};
use quittance::{Failure, Limits, Transport as _};
use quittance_reqwest::ReqwestTransport;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::forms::{DeliveryShown, DeliveryState};
use super::{WebhookPlan, lock, now_unix_ms};
use crate::sandbox::{Due, Sandbox};
use crate::tape::Delivery;
use crate::world::Unusable;

/// Deliveries that may wait; further ones are dropped, and shown as that.
const MOST_WAITING: usize = 1_000;
/// Deliveries that are kept to be looked at after their end.
const MOST_SHOWN: usize = 500;
/// Deliveries that are sent at the same time.
const AT_A_TIME: usize = 16;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What one try may take.
const TRY: Limits = Limits { exchanges: 1, reply_bytes: 64 << 10, timeout: Duration::from_secs(10) };

/// The deliveries of a server.
pub(super) struct Webhooks {
    target: Option<Target>,
    queue: Mutex<Queue>,
    places: Semaphore,
}

struct Target {
    plan: WebhookPlan,
    transport: ReqwestTransport,
}

#[derive(Default)]
struct Queue {
    /// Every delivery that is shown, its number being that of the first one and its place.
    shown: VecDeque<Row>,
    /// What is to be sent, by payment; a lane is there as long as a task sends from it.
    lanes: HashMap<String, Lane>,
    /// The deliveries in all lanes.
    waiting: usize,
    next: u64,
}

/// A delivery that is shown.
enum Row {
    /// With what is or was sent.
    Shown(DeliveryShown, Option<Delivery>),
    /// Nobody has looked at it: without a receiver most never are.
    Unmade { number: u64, at_unix_ms: i64, sandbox: Arc<Sandbox>, due: Due },
}

impl Row {
    fn number(&self) -> u64 {
        match self {
            Row::Shown(shown, _) => shown.number,
            Row::Unmade { number, .. } => *number,
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Row::Shown(shown, _) => shown.state.is_over(),
            Row::Unmade { .. } => true,
        }
    }

    /// What is shown of it, made now where it was not yet.
    fn look(&mut self) -> Option<&mut DeliveryShown> {
        if let Row::Unmade { number, at_unix_ms, sandbox, due } = self {
            let delivery = sandbox.delivery(due);
            let state = DeliveryState::NotSent;
            *self = Row::Shown(shown(*number, *at_unix_ms, sandbox.id(), due, delivery.as_ref(), state), delivery);
        }
        match self {
            Row::Shown(shown, _) => Some(shown),
            Row::Unmade { .. } => None,
        }
    }
}

/// The deliveries about one payment.
struct Lane {
    provider: String,
    /// The number of its first delivery: a task that finds another lane under its name was reset meanwhile.
    token: u64,
    /// The first one is being sent.
    deliveries: VecDeque<(u64, Delivery)>,
}

impl Queue {
    fn change(&mut self, number: u64, change: impl FnOnce(&mut DeliveryShown)) {
        let first = self.shown.front().map_or(0, Row::number);
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(shown) = place.and_then(|place| self.shown.get_mut(place)).and_then(Row::look) {
            change(shown);
        }
    }

    /// Adds a row; of the oldest rows those go that are over, and any when one that waits holds up too many.
    fn show(&mut self, row: Row) {
        self.shown.push_back(row);
        while self.shown.len() > MOST_SHOWN
            && (self.shown.len() > MOST_SHOWN + MOST_WAITING || self.shown.front().is_some_and(Row::is_over))
        {
            self.shown.pop_front();
        }
    }

    fn lane(&mut self, name: &str, token: u64) -> Option<&mut Lane> {
        self.lanes.get_mut(name).filter(|lane| lane.token == token)
    }
}

impl Webhooks {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(super) fn new(plan: Option<WebhookPlan>) -> Result<Arc<Webhooks>, Unusable> {
        let target = match plan {
            None => None,
            Some(plan) => {
                let transport = ReqwestTransport::new().map_err(|error| Unusable::Text(error.to_string()))?;
                Some(Target { plan, transport })
            }
        };
        Ok(Arc::new(Webhooks { target, queue: Mutex::default(), places: Semaphore::new(AT_A_TIME) }))
    }

    /// Takes a delivery of a sandbox on its way and gives its number; without a receiver it is only shown.
    pub(super) fn take(self: &Arc<Self>, provider: &str, sandbox: &Arc<Sandbox>, due: Due) -> u64 {
        let delivery = self.target.as_ref().and_then(|_| sandbox.delivery(&due));
        let at_unix_ms = now_unix_ms();
        let mut queue = lock(&self.queue);
        queue.next += 1;
        let number = queue.next;
        let Some(delivery) = delivery else {
            queue.show(Row::Unmade { number, at_unix_ms, sandbox: Arc::clone(sandbox), due });
            return number;
        };
        let waits = queue.waiting < MOST_WAITING;
        let state = if waits { DeliveryState::Waiting } else { DeliveryState::Dropped };
        let row = shown(number, at_unix_ms, provider, &due, Some(&delivery), state);
        queue.show(Row::Shown(row, Some(delivery.clone())));
        if waits {
            // What is about no payment keeps its order with nothing.
            let lane = |id: &String| format!("{provider}/{id}");
            let name = due.payment.as_ref().map_or_else(|| format!("{provider} {number}"), lane);
            queue.waiting += 1;
            let delivery = (number, delivery);
            if let Some(lane) = queue.lanes.get_mut(&name) {
                lane.deliveries.push_back(delivery);
            } else {
                let deliveries = VecDeque::from([delivery]);
                queue.lanes.insert(name.clone(), Lane { provider: provider.to_owned(), token: number, deliveries });
                let this = Arc::clone(self);
                tokio::spawn(async move { this.send_all(&name, number).await });
            }
        }
        number
    }

    /// The newest deliveries, the oldest of them first.
    pub(super) fn shown(&self, most: usize) -> Vec<DeliveryShown> {
        let mut queue = lock(&self.queue);
        let skipped = queue.shown.len().saturating_sub(most);
        queue.shown.iter_mut().skip(skipped).filter_map(Row::look).map(|shown| shown.clone()).collect()
    }

    /// One delivery.
    pub(super) fn one(&self, number: u64) -> Option<DeliveryShown> {
        let mut queue = lock(&self.queue);
        queue.shown.iter_mut().rev().find(|row| row.number() == number)?.look().cloned()
    }

    /// One delivery with its headers and its body.
    pub(super) fn whole(&self, number: u64) -> Option<(DeliveryShown, Option<Delivery>)> {
        let mut queue = lock(&self.queue);
        let row = queue.shown.iter_mut().rev().find(|row| row.number() == number)?;
        row.look()?;
        match row {
            Row::Shown(shown, delivery) => Some((shown.clone(), delivery.clone())),
            Row::Unmade { .. } => None,
        }
    }

    /// How many deliveries are not over.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).waiting
    }

    /// Forgets the deliveries of one provider or of all; those that wait are not sent any more.
    pub(super) fn reset(&self, only: Option<&str>) {
        let mut queue = lock(&self.queue);
        let is_meant = |provider: &str| only.is_none_or(|only| only == provider);
        queue.lanes.retain(|_, lane| !is_meant(&lane.provider));
        queue.waiting = queue.lanes.values().map(|lane| lane.deliveries.len()).sum();
        if only.is_none() {
            queue.shown.clear();
        }
        // Each is made: else the sandbox that is forgotten would be kept for it.
        for row in queue.shown.iter_mut().filter_map(Row::look).filter(|row| is_meant(&row.provider)) {
            if !row.state.is_over() {
                row.state = DeliveryState::Dropped;
                row.next_try_unix_ms = None;
            }
        }
    }

    /// Sends the deliveries of a lane one after the other, until there are none left.
    async fn send_all(&self, name: &str, token: u64) {
        let Some(target) = &self.target else { return };
        while let Some((number, delivery)) = self.next(name, token) {
            for attempt in 1..=target.plan.tries.max(1) {
                let Ok(place) = self.places.acquire().await else { return };
                self.change(name, token, number, |row| {
                    row.state = DeliveryState::Sending;
                    row.tries = attempt;
                    row.next_try_unix_ms = None;
                });
                let result = target.send(&delivery).await;
                drop(place);
                let pause = pause(target.plan.back_off, attempt);
                let goes_on = attempt < target.plan.tries;
                let is_delivered = result.as_ref().is_ok_and(|status| (200..300).contains(status));
                self.change(name, token, number, |row| told(row, &result, is_delivered, goes_on.then_some(pause)));
                if is_delivered || !goes_on {
                    break;
                }
                sleep(pause).await;
                if lock(&self.queue).lane(name, token).is_none() {
                    return;
                }
            }
            let mut queue = lock(&self.queue);
            if queue.lane(name, token).is_some_and(|lane| lane.deliveries.pop_front().is_some()) {
                queue.waiting = queue.waiting.saturating_sub(1);
            }
        }
    }

    /// What a lane sends next; an empty lane ends.
    fn next(&self, name: &str, token: u64) -> Option<(u64, Delivery)> {
        let mut queue = lock(&self.queue);
        let next = queue.lane(name, token)?.deliveries.front().cloned();
        if next.is_none() {
            queue.lanes.remove(name);
        }
        next
    }

    /// Changes what is shown of a delivery, unless its lane was reset.
    fn change(&self, name: &str, token: u64, number: u64, change: impl FnOnce(&mut DeliveryShown)) {
        let mut queue = lock(&self.queue);
        if queue.lane(name, token).is_some() {
            queue.change(number, change);
        }
    }
}

/// What is shown of a delivery.
fn shown(
    number: u64,
    at_unix_ms: i64,
    provider: &str,
    due: &Due,
    delivery: Option<&Delivery>,
    state: DeliveryState,
) -> DeliveryShown {
    let headers = delivery.map_or([].as_slice(), |delivery| &delivery.headers);
    DeliveryShown {
        number,
        at_unix_ms,
        provider: provider.to_owned(),
        payment: due.payment.clone(),
        event: due.event.to_string(),
        state,
        tries: 0,
        status: None,
        error: None,
        next_try_unix_ms: None,
        header_names: headers.iter().map(|(name, _)| name.clone()).collect(),
        body_bytes: delivery.map_or(0, |delivery| delivery.body.len()),
    }
}

/// The result of one try; `pause` where there is another.
fn told(row: &mut DeliveryShown, result: &Result<u16, String>, is_delivered: bool, pause: Option<Duration>) {
    (row.status, row.error) = match result {
        Ok(status) => (Some(*status), None),
        Err(why) => (None, Some(why.clone())),
    };
    row.state = match (is_delivered, pause) {
        (true, _) => DeliveryState::Delivered,
        (false, Some(_)) => DeliveryState::Retrying,
        (false, None) => DeliveryState::Failed,
    };
    let wait_ms = |pause: Duration| i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    row.next_try_unix_ms = pause.filter(|_| !is_delivered).map(|pause| now_unix_ms().saturating_add(wait_ms(pause)));
}

/// The pause after a try: twice as long as the one before.
fn pause(back_off: Duration, attempt: u32) -> Duration {
    back_off.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

impl Target {
    /// Gives the status that the receiver answers with.
    async fn send(&self, delivery: &Delivery) -> Result<u16, String> {
        let mut request = Request::new(delivery.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.plan.url.clone();
        for (name, value) in &delivery.headers {
            let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) = pair.ok_or_else(|| format!("header {name} of the delivery cannot be sent"))?;
            request.headers_mut().append(name, value);
        }
        match self.transport.send(request, TRY).await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(Failure::Refused(why)) => Err(format!("not reached: {why}")),
            Err(Failure::TimedOut) => Err(format!("no answer within {} s", TRY.timeout.as_secs())),
            Err(Failure::TooLarge) => Err("the answer is too long".to_owned()),
            Err(_) => Err("the connection ended before an answer".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses: Vec<u128> = (1..=9).map(|attempt| pause(Duration::from_millis(500), attempt).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(pause(Duration::from_secs(1), 99).as_secs(), 60);
    }
}
