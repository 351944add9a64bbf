//! A provider's sandbox made of its tapes: requests in, the provider's answers and webhooks out. It does no I/O.
//!
//! [`Sandbox::new`] plays the tapes' cases and notes of each exchange what it is, in which situation it comes, and what its values stand for.
//! [`Sandbox::answer`] takes a request, finds the exchange that fits what was sent and how the payment stands, and gives its answer with
//! the ids, amounts and texts of this payment. Whatever the bytes, it answers.

mod act;
mod answers;
mod book;
mod cases;
mod choice;
mod chosen;
mod deliver;
mod few;
mod fill;
mod fit;
pub(crate) mod flat;
mod give;
mod items;
mod keep;
mod known;
mod learn;
mod leaves;
mod own;
mod places;
mod proof;
mod read;
mod reader;
mod roles;
mod routes;
mod sent;
mod shown;
mod sketch;
mod tell;
mod texts;
mod understand;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quittance::{Op, Spec};

use self::book::{Book, Named};
use self::chosen::Chosen;
use self::give::Needs;
use self::proof::Spared;
use self::reader::Ground;
use self::routes::Routes;
use self::understand::Knowledge;
use crate::scenario::Suite;
use crate::tape::Recipe;
use crate::world::{Subject, Unusable};

pub(crate) use own::{OWN, refusal};
pub use shown::{Answered, Due, Miss, OutcomeShown, PaymentShown, Seen, Waiting};

/// A provider's sandbox. Shared by all connections. It remembers at most 50,000 objects (payments, refunds, customers …) and 10,000
/// answers by their idempotency key; the oldest are forgotten.
pub struct Sandbox {
    id: &'static str,
    spec: &'static Spec,
    hosts: Vec<String>,
    knowledge: Knowledge,
    routes: Routes,
    outcomes: Vec<OutcomeShown>,
    credentials: Arc<BTreeMap<String, String>>,
    spared: Spared,
    recipes: BTreeMap<String, Arc<Recipe>>,
    seed: u64,
    state: Mutex<State>,
}

/// What changes.
struct State {
    book: Book,
    chosen: Chosen,
    /// The url that deliveries go to, with the credentials that name it.
    webhook: Option<(String, Arc<BTreeMap<String, String>>)>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sandbox({})", self.id)
    }
}

impl Sandbox {
    /// The sandbox of a provider, out of its profile and tapes. All minted values follow from `seed`.
    ///
    /// # Errors
    /// When no case of the tapes can be played, so that it would answer nothing.
    pub fn new(subject: &Subject, suite: &Suite, seed: u64) -> Result<Sandbox, Unusable> {
        let id = subject.entry.spec.id;
        let drafts = learn::Drafts::of(subject, suite, seed);
        if drafts.exchanges.is_empty() && drafts.deliveries.is_empty() {
            return Err(Unusable::Text(format!(
                "{id}: none of its tapes can be played; `quittance certify {id}` says what does not hold"
            )));
        }
        let outcomes = tell::outcomes(subject, &drafts);
        let mut hosts: Vec<String> = subject.tapes.values().flat_map(|tape| tape.hosts()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let mut knowledge = Knowledge::of(drafts);
        for known in &mut knowledge.known {
            known.needs = Needs::of_answer(known, &subject.profile.recipes);
        }
        let spared = Spared::of(subject);
        let known = &knowledge.known;
        let refuses = Op::ALL.iter().any(|op| subject.entry.spec.idempotency_of(*op).refuses());
        let named = Named::of(known, &knowledge.akin, refuses);
        let ground = Ground { known, book: None, credentials: &subject.credentials, spared: &spared };
        Ok(Sandbox {
            id,
            spec: subject.entry.spec,
            hosts,
            routes: Routes::of(ground, &choice::choosers(&subject.profile), refuses),
            knowledge,
            outcomes,
            credentials: Arc::clone(&subject.credentials),
            spared,
            recipes: subject.profile.recipes.clone(),
            seed,
            state: Mutex::new(State { book: Book::new(named), chosen: Chosen::default(), webhook: None }),
        })
    }

    /// The connector's id.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The hosts of the provider in its tapes, in lower case, sorted.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Says where deliveries go: providers that sign the url sign this one. None for the url of the tapes.
    pub fn set_webhook_url(&self, url: Option<&str>) {
        let with = |url: &str| {
            let mut credentials = (*self.credentials).clone();
            let places = credentials.iter_mut().filter(|(name, _)| self.spared.is_place(name));
            places.for_each(|(_, value)| url.clone_into(value));
            (url.to_owned(), Arc::new(credentials))
        };
        self.state().webhook = url.map(with);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
