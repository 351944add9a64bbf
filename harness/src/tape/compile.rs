//! Reads a tape file into patterns and templates, and refuses one that cannot be right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::hole::{Hole, Place, Shape};
use super::json;
use super::matcher::{BodyPattern, FieldPattern, JsonPattern, RequestPattern};
use super::model::{
    ExchangeModel, FormModel, Provenance, RequestModel, ResponseModel, ReturnModel, TapeModel, WebhookModel,
};
use super::seal::{self, Sealed};
use super::signature::Recipe;
use super::template::{Escape, Template};
use super::uses::{self, Site, SiteKind, Use};
use super::{closed, enclosed, fields, pattern, xml};
use crate::bad_input::{Document, FieldPath, FileError};
use crate::profile::{Like, Profile};
use crate::unfilled::Place as Unfilled;

/// A tape that was read and checked; shared by all runs of it.
#[derive(Debug)]
pub struct Tape {
    /// The file, as it was given.
    pub file: String,
    /// The scenario's id, with `@brand` where the scenario is expanded by brand.
    pub case: String,
    /// Whether it is a tape of the connector that this one is like.
    pub inherited: bool,
    /// What is still to be filled in: such a tape is not played.
    pub unfilled: Vec<Unfilled>,
    /// The exchanges in order.
    pub exchanges: Vec<Exchange>,
    /// The deliveries in order.
    pub webhooks: Vec<Webhook>,
    /// The customer's returns in order.
    pub returns: Vec<Return>,
    pub(crate) recipes: BTreeMap<String, Arc<Recipe>>,
    /// The `basic` holes, whose base64 must be masked like the credentials themselves.
    pub(crate) basics: Vec<Hole>,
}

/// One exchange of a tape.
#[derive(Debug)]
pub struct Exchange {
    /// The scenario's step, from 1.
    pub step: u32,
    /// Whether it belongs to the settling of the step.
    pub settle: bool,
    /// Where its bytes come from.
    pub provenance: Provenance,
    /// Line in the file, from 1.
    pub line: usize,
    pub(crate) request: RequestPattern,
    pub(crate) response: AnswerTemplate,
}

impl Exchange {
    /// Names in its request that speak of a hash or a signature, where the tape takes every text.
    pub(crate) fn unproven(&self) -> Vec<String> {
        closed::unproven(&self.request)
    }
}

/// One delivery of a tape.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The scenario's step, from 1.
    pub step: u32,
    /// Where its bytes come from.
    pub provenance: Provenance,
    /// Line in the file, from 1.
    pub line: usize,
    pub(crate) url: Option<Template>,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Template,
    pub(crate) escape: Escape,
    pub(crate) seals: Sealed,
    pub(crate) mints: Vec<(String, Shape)>,
}

/// The customer's return after a redirect or a challenge.
#[derive(Debug)]
pub struct Return {
    /// The scenario's step, from 1.
    pub step: u32,
    /// Line in the file, from 1.
    pub line: usize,
    pub(crate) parameters: Vec<(String, Template)>,
    pub(crate) mints: Vec<(String, Shape)>,
}

#[derive(Debug, Clone)]
pub(crate) struct AnswerTemplate {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderText)>,
    pub(crate) body: BodyText,
    pub(crate) seals: Sealed,
    pub(crate) mints: Vec<(String, Shape)>,
}

#[derive(Debug, Clone)]
pub(crate) enum HeaderText {
    Fixed(HeaderValue),
    Holes(Template),
}

#[derive(Debug, Clone)]
pub(crate) enum BodyText {
    Fixed(Bytes),
    Holes(Template, Escape),
}

impl Tape {
    /// Reads the tape at `path` of a connector with this profile; `like` when the tape is another's that holds here too.
    ///
    /// # Errors
    /// Everything that is wrong with the file: syntax, unknown fields, holes that do not exist or have no value, claims of provenance without a source.
    pub fn load(path: &Path, profile: &Profile, like: Option<&Like>) -> Result<Arc<Self>, Vec<FileError>> {
        let document = Document::read(path).map_err(|error| vec![error])?;
        let text = like.map_or_else(|| document.text.clone(), |like| like.applied(&document.text));
        let mut tape = Self::compile(&Document::new(document.file, text), profile, like)?;
        tape.unfilled.extend(like.into_iter().flat_map(|like| like.remains(&document.text, &profile.model.id)));
        Ok(Arc::new(tape))
    }

    /// Reads a tape from text; `file` is the name used in errors and gives the case (`<case>.toml`).
    ///
    /// # Errors
    /// As [`Tape::load`].
    pub fn parse(file: &str, text: &str, profile: &Profile) -> Result<Arc<Self>, Vec<FileError>> {
        Self::compile(&Document::new(file, text), profile, None).map(Arc::new)
    }

    fn compile(document: &Document, profile: &Profile, like: Option<&Like>) -> Result<Self, Vec<FileError>> {
        let (unfilled, document) = &document.without_marks();
        let mut model: TapeModel = document.parse().map_err(|error| vec![error])?;
        like.into_iter().for_each(|like| like.claimed(&mut model));
        let [exchange_lines, webhook_lines, return_lines] = document.item_lines(["exchange", "webhook", "return"]);
        let (errors, uses) = (Vec::new(), Vec::new());
        let mut compiler = Compiler { document, profile, errors, uses, exchange_lines, webhook_lines, return_lines };
        let tape = compiler.tape(&model);
        for (path, message) in uses::problems(&compiler.uses, profile) {
            compiler.refuse(&path, message);
        }
        match tape {
            Some(tape) if compiler.errors.is_empty() => {
                Ok(Tape { inherited: like.is_some(), unfilled: unfilled.clone(), ..tape })
            }
            _ => Err(compiler.errors),
        }
    }
}

struct Compiler<'a> {
    document: &'a Document,
    profile: &'a Profile,
    errors: Vec<FileError>,
    uses: Vec<Use>,
    exchange_lines: Vec<usize>,
    webhook_lines: Vec<usize>,
    return_lines: Vec<usize>,
}

impl Compiler<'_> {
    fn refuse(&mut self, path: &FieldPath, message: impl Into<String>) {
        self.errors.push(self.document.error(path, message));
    }

    fn tape(&mut self, model: &TapeModel) -> Option<Tape> {
        self.provenance(&FieldPath::root().key("provenance"), &model.provenance);
        self.order(model);
        let mut exchanges = Vec::new();
        for (index, exchange) in model.exchange.iter().enumerate() {
            exchanges.extend(self.exchange(index, exchange, &model.provenance));
        }
        let mut webhooks = Vec::new();
        for (index, webhook) in model.webhook.iter().enumerate() {
            webhooks.extend(self.webhook(index, webhook, &model.provenance));
        }
        let mut returns = Vec::new();
        for (index, returned) in model.returned.iter().enumerate() {
            returns.extend(self.returned(index, returned));
        }
        let complete = exchanges.len() == model.exchange.len()
            && webhooks.len() == model.webhook.len()
            && returns.len() == model.returned.len();
        let mut basics: Vec<Hole> = Vec::new();
        for used in &self.uses {
            if matches!(used.hole, Hole::Basic { .. }) && !basics.contains(&used.hole) {
                basics.push(used.hole.clone());
            }
        }
        let file = self.document.file.clone();
        let case = case_of(&file);
        let recipes = self.profile.recipes.clone();
        let mut tape =
            Tape { file, case, inherited: false, unfilled: Vec::new(), exchanges, webhooks, returns, recipes, basics };
        for minted in uses::mints(&self.uses) {
            let mints = match minted.site.kind {
                SiteKind::Request => None,
                SiteKind::Answer => {
                    tape.exchanges.get_mut(minted.site.index).map(|exchange| &mut exchange.response.mints)
                }
                SiteKind::Webhook => tape.webhooks.get_mut(minted.site.index).map(|webhook| &mut webhook.mints),
                SiteKind::Return => tape.returns.get_mut(minted.site.index).map(|returned| &mut returned.mints),
            };
            if let Some(mints) = mints {
                mints.push((minted.name, minted.shape));
            }
        }
        complete.then_some(tape)
    }

    fn returned(&mut self, index: usize, model: &ReturnModel) -> Option<Return> {
        let path = FieldPath::root().key("return").item(index);
        let site = Site::of_return(index, model.step);
        let mut parameters = Vec::new();
        for (name, values) in &model.parameters.fields {
            for value in values {
                let here = path.key("parameters").key(name);
                parameters.push((name.clone(), self.template(site, Place::Answer, &here, value)?));
            }
        }
        let line = self.return_lines.get(index).copied().unwrap_or_default();
        Some(Return { step: model.step, line, parameters, mints: Vec::new() })
    }

    fn provenance(&mut self, path: &FieldPath, provenance: &Provenance) {
        if let Err((field, message)) = provenance.check() {
            self.refuse(&path.key(field), message);
        }
    }

    /// Exchanges follow the scenario's steps; what settles a step comes after its operation.
    fn order(&mut self, model: &TapeModel) {
        let path = FieldPath::root();
        for (index, exchange) in model.exchange.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| model.exchange.get(before));
            let here = path.key("exchange").item(index);
            if exchange.step == 0 {
                self.refuse(&here.key("step"), "expected a step number from 1");
            }
            if before.is_some_and(|before| before.step > exchange.step) {
                self.refuse(&here.key("step"), "expected exchanges in the order of their steps");
            }
            if before.is_some_and(|before| before.step == exchange.step && before.settle && !exchange.settle) {
                self.refuse(&here.key("settle"), "expected the settling exchanges of a step after the others");
            }
        }
        let webhooks: Vec<u32> = model.webhook.iter().map(|webhook| webhook.step).collect();
        let returns: Vec<u32> = model.returned.iter().map(|returned| returned.step).collect();
        for (kind, steps) in [("webhook", webhooks), ("return", returns)] {
            for (index, step) in steps.iter().enumerate() {
                let here = path.key(kind).item(index).key("step");
                if *step == 0 {
                    self.refuse(&here, "expected a step number from 1");
                }
                if steps.iter().take(index).any(|before| before > step) {
                    self.refuse(&here, "expected them in the order of their steps");
                }
            }
        }
        // A wallet's token may be opened without asking anybody.
        let is_silent = case_of(&self.document.file).starts_with("unwrap_token.");
        if model.exchange.is_empty() && model.webhook.is_empty() && !is_silent {
            self.errors.push(FileError::of_file(&self.document.file, "expected an `[[exchange]]` or a `[[webhook]]`"));
        }
    }

    fn exchange(&mut self, index: usize, model: &ExchangeModel, default: &Provenance) -> Option<Exchange> {
        let path = FieldPath::root().key("exchange").item(index);
        if let Some(own) = &model.provenance {
            self.provenance(&path.key("provenance"), own);
        }
        let request = self.request(Site::request(index, model.step), &path.key("request"), &model.request);
        let response = self.response(Site::answer(index, model.step), &path.key("response"), &model.response);
        let line = self.exchange_lines.get(index).copied().unwrap_or_default();
        let provenance = model.provenance.clone().unwrap_or_else(|| default.clone());
        Some(Exchange {
            step: model.step,
            settle: model.settle,
            provenance,
            line,
            request: request?,
            response: response?,
        })
    }

    fn webhook(&mut self, index: usize, model: &WebhookModel, default: &Provenance) -> Option<Webhook> {
        let path = FieldPath::root().key("webhook").item(index);
        if let Some(own) = &model.provenance {
            self.provenance(&path.key("provenance"), own);
        }
        let site = Site::webhook(index, model.step);
        let names = self.headers(site, Place::Answer, &path.key("headers"), &model.headers);
        let body = self.template(site, Place::Answer, &path.key("body"), &model.body);
        let url = model.url.as_ref().map(|url| self.template(site, Place::Answer, &path.key("url"), url));
        if url.iter().flatten().any(|url| !sample_url(url).starts_with("https://")) {
            self.refuse(&path.key("url"), "expected a whole url with `https`");
        }
        let line = self.webhook_lines.get(index).copied().unwrap_or_default();
        let provenance = model.provenance.clone().unwrap_or_else(|| default.clone());
        let headers = names?.into_iter().map(|(name, template)| (name.as_str().to_owned(), template)).collect();
        Some(Webhook {
            step: model.step,
            provenance,
            line,
            url: url.flatten(),
            headers,
            body: body?,
            escape: Escape::of(&model.headers, &model.body),
            seals: self.seals(&path, &model.seal),
            mints: Vec::new(),
        })
    }

    fn template(&mut self, site: Site, place: Place, path: &FieldPath, text: &str) -> Option<Template> {
        match Template::parse(text, place) {
            Ok(template) if template.has_number() && place == Place::Request => {
                self.refuse(path, "expected a `#number` hole only in a JSON body");
                None
            }
            Ok(template) => {
                self.note(site, path, &template);
                Some(template)
            }
            Err(message) => {
                self.refuse(path, message);
                None
            }
        }
    }

    fn note(&mut self, site: Site, path: &FieldPath, template: &Template) {
        self.uses.extend(template.holes().map(|hole| Use { site, path: path.clone(), hole: hole.clone() }));
    }

    fn headers(
        &mut self,
        site: Site,
        place: Place,
        path: &FieldPath,
        model: &BTreeMap<String, String>,
    ) -> Option<Vec<(HeaderName, Template)>> {
        let mut headers = Vec::with_capacity(model.len());
        for (name, value) in model {
            let here = path.key(name);
            let template = self.template(site, place, &here, value);
            let fits = HeaderName::from_bytes(name.as_bytes()).ok().filter(|parsed| parsed.as_str() == name);
            let implied = place == Place::Request && matches!(name.as_str(), "host" | "content-length");
            match (fits, template) {
                (Some(_), Some(_)) if implied => {
                    self.refuse(&here, "expected no such header: it follows from the url and the body")
                }
                (Some(_), Some(template))
                    if template.literal().is_some_and(|text| HeaderValue::from_str(text).is_err()) =>
                {
                    self.refuse(&here, "expected a header value without control characters");
                }
                (Some(parsed), Some(template)) => headers.push((parsed, template)),
                (None, _) => self.refuse(&here, "expected a header name in lower case"),
                (_, None) => {}
            }
        }
        (headers.len() == model.len()).then_some(headers)
    }

    fn request(&mut self, site: Site, path: &FieldPath, model: &RequestModel) -> Option<RequestPattern> {
        let method = Method::from_bytes(model.method.as_bytes())
            .ok()
            .filter(|_| model.method.bytes().all(|byte| byte.is_ascii_uppercase()));
        if method.is_none() {
            self.refuse(&path.key("method"), format!("expected a method in upper case, found `{}`", model.method));
        }
        let url = self.url(site, &path.key("url"), &model.url);
        let headers = self.headers(site, Place::Request, &path.key("headers"), &model.headers);
        let body = self.request_body(site, path, model);
        let (target, segments, query) = url?;
        let pattern = RequestPattern { method: method?, target, segments, query, headers: headers?, body: body? };
        for (path, message) in closed::problems(&pattern, path) {
            self.refuse(&path, message);
        }
        Some(pattern)
    }

    fn url(&mut self, site: Site, path: &FieldPath, url: &str) -> Option<(Template, Vec<Template>, Vec<FieldPattern>)> {
        let whole = self.template(site, Place::Request, path, url)?;
        let sample = sample_url(&whole);
        if sample
            .parse::<http::Uri>()
            .ok()
            .is_none_or(|uri| !matches!(uri.scheme_str(), Some("https" | "http")) || uri.host().is_none())
        {
            self.refuse(path, format!("expected a whole url with scheme and host, found `{url}`"));
            return None;
        }
        // A hole holds neither `?` nor `/`, so the text may be cut before it is read.
        let (target, query) = url.split_once('?').unwrap_or((url, ""));
        let bare = target.split_once("://").is_some_and(|(_, rest)| !rest.contains('/'));
        let target = if bare { format!("{target}/") } else { target.to_owned() };
        let parts = target.split('/').map(|segment| {
            let decode = |text: &str| {
                fields::decode_segment(text)
                    .map(std::borrow::Cow::into_owned)
                    .ok_or_else(|| "expected percent escapes of UTF-8 text".to_owned())
            };
            let template = Template::parse(segment, Place::Request)?;
            if template.literal().is_some() { Ok(template) } else { template.try_map_text(decode) }
        });
        let read = || -> Result<_, String> {
            let segments = parts.collect::<Result<Vec<_>, _>>()?;
            Ok((Template::parse(&target, Place::Request)?, segments, query_fields(query)?))
        };
        match read() {
            Ok(read) => Some(read),
            Err(message) => {
                self.refuse(path, message);
                None
            }
        }
    }

    fn request_body(&mut self, site: Site, path: &FieldPath, model: &RequestModel) -> Option<BodyPattern> {
        let given = [model.form.is_some(), model.json.is_some(), model.xml.is_some(), model.text.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            self.refuse(path, "expected at most one of `form`, `json`, `xml` and `text`");
            return None;
        }
        if model.ordered && model.form.is_none() && model.json.is_none() {
            self.refuse(&path.key("ordered"), "expected `ordered` only beside `form` or `json`");
            return None;
        }
        if let Some(form) = &model.form {
            return self
                .form(site, &path.key("form"), form)
                .map(|fields| BodyPattern::Form { fields, ordered: model.ordered });
        }
        if let Some(text) = &model.json {
            return self
                .json(site, &path.key("json"), text)
                .map(|root| BodyPattern::Json { root, ordered: model.ordered });
        }
        if let Some(text) = &model.xml {
            let path = path.key("xml");
            return match xml::document(text) {
                Ok(xml::Document { doctype, root }) => root
                    .try_map(&mut |text: String| self.template(site, Place::Request, &path, &text).ok_or(()))
                    .ok()
                    .map(|root| BodyPattern::Xml { doctype, root }),
                Err(message) => {
                    self.refuse(&path, message);
                    None
                }
            };
        }
        match &model.text {
            Some(text) => self.template(site, Place::Request, &path.key("text"), text).map(BodyPattern::Text),
            None => Some(BodyPattern::None),
        }
    }

    fn form(&mut self, site: Site, path: &FieldPath, form: &FormModel) -> Option<Vec<FieldPattern>> {
        let mut patterns = Vec::new();
        for (name, values) in &form.fields {
            if values.is_empty() {
                self.refuse(&path.key(name), "expected at least one value");
                return None;
            }
            for value in values {
                let template = self.template(site, Place::Request, &path.key(name), value)?;
                patterns.push(FieldPattern::new(name.clone(), Some(template)));
            }
        }
        Some(patterns)
    }

    fn json(&mut self, site: Site, path: &FieldPath, text: &str) -> Option<JsonPattern> {
        let pattern = json::read(text)
            .map_err(|error| {
                format!("expected JSON with its holes inside strings: {} at {}", error.message, error.path)
            })
            .and_then(|value| pattern::of_json(&value));
        match pattern {
            Ok(pattern) => {
                let mut templates = Vec::new();
                pattern::templates(&pattern, &mut templates);
                for template in templates {
                    self.note(site, path, template);
                }
                Some(pattern)
            }
            Err(message) => {
                self.refuse(path, message);
                None
            }
        }
    }

    fn response(&mut self, site: Site, path: &FieldPath, model: &ResponseModel) -> Option<AnswerTemplate> {
        let status = StatusCode::from_u16(model.status).ok().filter(|status| (200..600).contains(&status.as_u16()));
        if status.is_none() {
            self.refuse(
                &path.key("status"),
                format!("expected a final HTTP status from 200 to 599, found {}", model.status),
            );
        }
        let headers = self.headers(site, Place::Answer, &path.key("headers"), &model.headers);
        let body = self.template(site, Place::Answer, &path.key("body"), &model.body)?;
        let body = match body.literal() {
            Some(text) => BodyText::Fixed(Bytes::copy_from_slice(enclosed::close(text).as_bytes())),
            None => BodyText::Holes(body, Escape::of(&model.headers, &model.body)),
        };
        let text = |template: Template| match template.literal().and_then(|text| HeaderValue::from_str(text).ok()) {
            Some(value) => HeaderText::Fixed(value),
            None => HeaderText::Holes(template),
        };
        let headers = headers?.into_iter().map(|(name, template)| (name, text(template))).collect();
        let seals = self.seals(path, &model.seal);
        Some(AnswerTemplate { status: status?, headers, body, seals, mints: Vec::new() })
    }

    fn seals(&mut self, path: &FieldPath, model: &BTreeMap<String, String>) -> Sealed {
        for (pointer, message) in seal::problems(model, self.profile) {
            self.refuse(&path.key("seal").key(&pointer), message);
        }
        model.clone().into_iter().collect()
    }
}

/// The url with something harmless in each hole, to check its form.
fn sample_url(url: &Template) -> String {
    let first_is_hole = url.literal_start().is_empty();
    let mut sample = String::from(if first_is_hole { "https://" } else { "" });
    for part in &url.parts {
        match part {
            super::template::Part::Text(text) => sample.push_str(text),
            super::template::Part::Hole(_) => sample.push('x'),
        }
    }
    sample
}

fn query_fields(query: &str) -> Result<Vec<FieldPattern>, String> {
    let decode = |text: &str| fields::decode(text).map(std::borrow::Cow::into_owned);
    let pairs = query.split('&').filter(|_| !query.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            _ if pair.is_empty() => Err("expected no empty pair in the query".to_owned()),
            Some((name, value)) => {
                let template = Template::parse(value, Place::Request)?.try_map_text(decode)?;
                Ok(FieldPattern::new(decode(name)?, Some(template)))
            }
            None => Ok(FieldPattern::new(decode(pair)?, None)),
        })
        .collect()
}

/// The case that a tape is for, by the name of its file.
fn case_of(file: &str) -> String {
    Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
