//! Building one HTTP request.

use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde::Serialize;

use crate::{Context, Effect, Error, Fields, Kind, Reply, Result, Secret};

/// One HTTP request being built. A mistake on the way (a value no header can hold) is kept and comes out of [`Call::send`].
#[derive(Clone)]
pub struct Call<'a> {
    cx: &'a Context<'a>,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    harmless: bool,
    mistake: Option<Error>,
}

/// A request as a signer sees it.
#[derive(Clone, Copy)]
pub struct Draft<'d> {
    /// The method (`POST`).
    pub method: &'d str,
    /// The host, with the port if the URL has one.
    pub host: &'d str,
    /// Path and query.
    pub path: &'d str,
    /// The headers so far.
    pub headers: &'d HeaderMap,
    /// The body bytes.
    pub body: &'d [u8],
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "Draft({} {}{path}, {} bytes)", self.method, self.host, self.body.len())
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(cx: &'a Context<'a>, method: Method, url: String) -> Call<'a> {
        let harmless = method == Method::GET;
        Call { cx, method, url, headers: HeaderMap::new(), body: Bytes::new(), harmless, mistake: None }
    }

    /// Says that the call cannot move money or change a payment (a token fetch, a search by POST): a later failure in the same
    /// operation is then judged as if this call had not been.
    #[must_use]
    pub fn harmless(mut self) -> Call<'a> {
        self.harmless = true;
        self
    }

    /// Adds a header; `name` lower case.
    #[must_use]
    pub fn header(self, name: &'static str, value: &str) -> Call<'a> {
        self.put(HeaderName::from_static(name), value, false)
    }

    /// Adds a header when there is a value.
    #[must_use]
    pub fn header_some(self, name: &'static str, value: Option<&str>) -> Call<'a> {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Adds a header that holds a secret.
    #[must_use]
    pub fn secret_header(self, name: &'static str, secret: &Secret) -> Call<'a> {
        self.cx.protect(secret.expose());
        self.put(HeaderName::from_static(name), secret.expose(), true)
    }

    /// `Authorization: Bearer` (RFC 6750).
    #[must_use]
    pub fn bearer(self, token: &Secret) -> Call<'a> {
        self.cx.protect(token.expose());
        self.put(AUTHORIZATION, &format!("Bearer {}", token.expose()), true)
    }

    /// `Authorization: Basic` (RFC 7617).
    #[must_use]
    pub fn basic(self, user: &str, password: &Secret) -> Call<'a> {
        self.cx.protect(password.expose());
        let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
        self.cx.protect(&pair);
        self.put(AUTHORIZATION, &format!("Basic {pair}"), true)
    }

    /// Adds query parameters: [`crate::Pairs`], or a struct that serde can write, nested structures in brackets (`a[b]=c`).
    ///
    /// ```
    /// # use quittance::{Call, Context, Pairs};
    /// fn refunds<'a>(cx: &'a Context<'a>, cursor: Option<&str>) -> Call<'a> {
    ///     let mut query = Pairs::new();
    ///     query.set("limit", "10");
    ///     query.set_some("after", cursor);
    ///     cx.call(quittance::http::Method::GET, "https://api.acme.example/v1/refunds").query(&query)
    /// }
    /// ```
    #[must_use]
    pub fn query(mut self, query: &impl Fields) -> Call<'a> {
        match query.encoded() {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                self.url.push(if self.url.contains('?') { '&' } else { '?' });
                self.url.push_str(&text);
            }
            Err(error) => self.mistake = Some(error),
        }
        self
    }

    /// A JSON body; members in the order of the struct's fields.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Call<'a> {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.raw("application/json", bytes),
            Err(cause) => self.wrong(format!("request cannot be written as JSON: {cause}")),
        }
    }

    /// A form body (`application/x-www-form-urlencoded`); nested structures in brackets (`a[b]=c`, `a[0]=c`).
    #[must_use]
    pub fn form(self, body: &impl Fields) -> Call<'a> {
        match body.encoded() {
            Ok(text) => self.raw("application/x-www-form-urlencoded", text),
            Err(error) => Call { mistake: Some(error), ..self },
        }
    }

    /// An XML body: declaration, then `body` as element `root`. Members named `@name` are attributes, and come first; one named
    /// `$text` is the text beside them.
    #[must_use]
    pub fn xml(self, root: &str, body: &impl Serialize) -> Call<'a> {
        self.xml_after("", root, body)
    }

    /// An XML body of a document type, which is put before the root as it is (`<!DOCTYPE root PUBLIC "…" "…">`).
    #[must_use]
    pub fn xml_after(self, doctype: &'static str, root: &str, body: &impl Serialize) -> Call<'a> {
        match quick_xml::se::to_string_with_root(root, body) {
            Ok(text) => {
                let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
                self.raw("text/xml; charset=utf-8", format!("{declaration}{doctype}{text}"))
            }
            Err(cause) => self.wrong(format!("request cannot be written as XML: {cause}")),
        }
    }

    /// A body as it is; a content type set before stays.
    #[must_use]
    pub fn raw(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Call<'a> {
        self.body = body.into();
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        self
    }

    /// Adds the headers that `sign` computes over the request as built so far; call it last.
    #[must_use]
    pub fn sign(mut self, sign: impl FnOnce(&Draft<'_>) -> Result<Vec<(&'static str, String)>>) -> Call<'a> {
        let (host, path) = split_url(&self.url);
        let draft = Draft { method: self.method.as_str(), host, path, headers: &self.headers, body: &self.body };
        match sign(&draft) {
            Ok(headers) => headers
                .into_iter()
                .fold(self, |call, (name, value)| call.put(HeaderName::from_static(name), &value, true)),
            Err(error) => {
                self.mistake = Some(error);
                self
            }
        }
    }

    /// Sends the request and waits for the reply, of whatever status.
    pub async fn send(self) -> Result<Reply> {
        let acted_before = self.cx.acted();
        // What cannot be built was not sent, but an earlier exchange of the operation may have had its effect.
        let unsent = |error: Error| if acted_before { error.with_effect(Effect::Unknown) } else { error };
        if let Some(mistake) = self.mistake {
            return Err(unsent(mistake));
        }
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.url.parse().map_err(|_| unsent(invalid("request URL is malformed".to_owned())))?;
        *request.headers_mut() = self.headers;
        let reply = self.cx.exchange(request, self.harmless).await?;
        Ok(Reply::new(reply, acted_before, self.cx.now()))
    }

    /// Sends the request with the access token under `name`, which `fetch` gets (see [`Context::token`]). A token that the provider
    /// refuses (401) is fetched anew, and the request sent once more.
    pub async fn send_with_token<F>(self, name: &str, fetch: impl Fn() -> F + Send + Sync) -> Result<Reply>
    where
        F: Future<Output = Result<(Secret, Duration)>> + Send,
    {
        let cx = self.cx;
        let token = cx.token(name, fetch()).await?;
        let reply = self.clone().bearer(&token).send().await?;
        if reply.status() != 401 {
            return Ok(reply);
        }
        cx.forget_token(name).await;
        let token = cx.token(name, fetch()).await?;
        self.bearer(&token).send().await
    }

    fn put(mut self, name: HeaderName, value: &str, secret: bool) -> Call<'a> {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(secret);
                self.headers.insert(name, value);
                self
            }
            Err(_) => self.wrong(format!("header {name} cannot hold its value")),
        }
    }

    fn wrong(self, message: String) -> Call<'a> {
        Call { mistake: Some(invalid(message)), ..self }
    }
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(Kind::Invalid, Effect::None, message)
}

/// Host and path-with-query of an absolute URL; both empty when it is none, which `send` then reports.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call({} {})", self.method, self.url.split('?').next().unwrap_or_default())
    }
}
