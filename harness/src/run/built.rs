//! Requests of steps that were built before. A certification plays each case many times over, and what follows from the profile,
//! the step, the seed and the objects so far is built once.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use quittance::{Op, Spec};
use serde_json::Value;

use super::case::Asked;
use super::input::{Builder, Prepared};
use super::objects::{Objects, terms_of};
use crate::invoke::Request;
use crate::profile::ProfileModel;
use crate::scenario::Step;

/// The request of a step, ready to be called.
#[derive(Debug)]
pub struct Built {
    /// What is asked, for whoever looks at the case later.
    pub asked: Arc<Asked>,
    /// The request; or why the input is none.
    pub request: Result<Arc<Request>, String>,
    /// The scenario's amount and the card's, when the card overrides it.
    pub overridden: Option<(i64, i64)>,
    /// Amount and capture mode, when the step starts a payment or mandate.
    pub terms: Option<Arc<(Value, Value)>>,
}

impl From<Prepared> for Built {
    fn from(prepared: Prepared) -> Built {
        let Prepared { op, input, values, overridden } = prepared;
        let request = Request::read(op, &input).map(Arc::new).map_err(|cause| format!("input of {op}: {cause}"));
        let terms = matches!(op, Op::Authorize | Op::SetUp).then(|| terms_of(&input)).flatten().map(Arc::new);
        Built { asked: Arc::new(Asked { op, input, values }), request, overridden, terms }
    }
}

/// What a request was built from, beside the profile.
struct Source {
    spec: &'static Spec,
    brand: Option<String>,
    seed: u64,
    step: Step,
    objects: Objects,
}

impl Source {
    fn of(builder: &Builder<'_>, step: &Step, objects: &Objects) -> Source {
        let brand = builder.brand.map(str::to_owned);
        Source { spec: builder.spec, brand, seed: builder.seed, step: step.clone(), objects: objects.clone() }
    }

    fn agrees(&self, builder: &Builder<'_>, step: &Step, objects: &Objects) -> bool {
        std::ptr::eq(self.spec, builder.spec)
            && self.seed == builder.seed
            && self.brand.as_deref() == builder.brand
            && self.step == *step
            && self.objects == *objects
    }
}

/// The newest request of each step of each case.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<String, Steps>>);

/// By the number of the step.
type Steps = HashMap<u32, (Source, Arc<Built>)>;

impl Memory {
    /// The request of step `number` of `case`: the one that was built before from the same, else a new one.
    ///
    /// # Errors
    /// As [`Builder::prepare`].
    pub fn request(
        &self,
        builder: &Builder<'_>,
        case: &str,
        number: u32,
        step: &Step,
        objects: &Objects,
    ) -> Result<Arc<Built>, String> {
        let steps = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, built)) = steps().get(case).and_then(|steps| steps.get(&number))
            && from.agrees(builder, step, objects)
        {
            return Ok(Arc::clone(built));
        }
        let built = Arc::new(Built::from(builder.prepare(number, step, objects)?));
        let from = Source::of(builder, step, objects);
        steps().entry(case.to_owned()).or_default().insert(number, (from, Arc::clone(&built)));
        Ok(built)
    }
}

/// The file of a profile with the requests that were built from it. Whoever changes the file, or a copy of it, begins with none.
#[derive(Debug)]
pub struct Model {
    file: ProfileModel,
    memory: Memory,
}

impl Model {
    /// The requests that were built from the file.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl From<ProfileModel> for Model {
    fn from(file: ProfileModel) -> Model {
        Model { file, memory: Memory::default() }
    }
}

impl Clone for Model {
    fn clone(&self) -> Model {
        Model::from(self.file.clone())
    }
}

impl Deref for Model {
    type Target = ProfileModel;

    fn deref(&self) -> &ProfileModel {
        &self.file
    }
}

impl DerefMut for Model {
    fn deref_mut(&mut self) -> &mut ProfileModel {
        self.memory = Memory::default();
        &mut self.file
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}
