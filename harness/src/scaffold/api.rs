//! A design out of a provider's description: addresses, proof of identity, and the paths that look like payments.

use std::collections::BTreeMap;

use quittance::Op;
use serde_json::{Map, Value};

use super::candidate::{Candidate, candidates, id_at, is_parameter, rank_of};
use super::design::{Design, Part, Proof, Route};
use super::hooks::Hooks;
use super::name::word;
use super::routes::{Found, routes};
use super::shape::{AmountForm, Body, Endpoint, Member};
use super::{answer, document, fields};
use crate::descriptions::openapi::Api;

/// How many paths an error lists.
const LISTED: usize = 8;

/// The design that a description gives. `file` is its name; `chosen` are the requests that somebody has named for operations.
///
/// # Errors
/// What the description lacks.
pub(super) fn design(id: &str, file: &str, api: &Api, chosen: &[(Op, String)]) -> Result<Design, String> {
    let candidates = candidates(api);
    let found = routes(api, &candidates, chosen)?;
    let Some(authorize) = found.get(&Op::Authorize) else {
        let mut paths: Vec<&str> = candidates.iter().map(|candidate| candidate.path).collect();
        paths.dedup();
        let all = match paths.as_slice() {
            [] => "none at all".to_owned(),
            paths => paths.iter().take(LISTED).copied().collect::<Vec<_>>().join(", "),
        };
        return Err(format!(
            "no path of it looks like a payment (a POST to payments, charges, transactions …); it has {all}{}; \
             name the request, as --route authorize='POST /path', leave --from out, or give the description that has them",
            if paths.len() > LISTED { " and others" } else { "" }
        ));
    };
    let used = found.values().map(|found| (found.candidate.path, found.candidate.verb.as_str()));
    let lost = document::whole(&api.root, used)?;
    let authorize = authorize.candidate;
    let body = media(api, authorize);
    let bases = bases(&api.root);
    let common = Design::common(id, body, Endpoint::default(), AmountForm::default());
    let invented = bases.is_none();
    let (sandbox, live, told_apart) = bases.unwrap_or((common.sandbox.clone(), common.live.clone(), true));
    let idempotency = headers(api, authorize).find(|name| name.contains("idempoten"));
    let documentation = ["/externalDocs/url", "/info/contact/url", "/info/termsOfService"]
        .iter()
        .find_map(|pointer| api.root.pointer(pointer)?.as_str())
        .filter(|url| url.starts_with("https://") && !url.contains(['"', '<', '>', ' ', '\\']));
    let proof = proof(&api.root);
    let of_proof = if let Proof::Header(name) = &proof { Some(name.clone()) } else { None };
    let carried: Vec<String> = idempotency.clone().into_iter().chain(of_proof).collect();
    let names = names(&found);
    let routes = Op::ALL.iter().filter_map(|op| {
        let own: Vec<String> = match op {
            Op::Authorize => names.clone(),
            _ => found.get(op)?.candidate.parameter().into_iter().collect(),
        };
        found.get(op).map(|found| route(api, *op, found, &carried, &own))
    });
    let content = authorize.value.get("requestBody").and_then(|body| api.resolve(body).get("content"));
    let currency = content.and_then(|content| fields::currency(api, content)).unwrap_or(common.currency.clone());
    let design = Design {
        proof,
        sandbox,
        live,
        invented,
        unsure: !told_apart,
        documentation: documentation.map_or(common.documentation, str::to_owned),
        idempotency: idempotency.clone(),
        routes: routes.collect(),
        country: country(&currency).unwrap_or(common.country),
        currency,
        hooks: Hooks::of(&api.root),
        lost,
        ..common
    };
    match design.hosts().iter().all(|host| !host.is_empty() && !host.contains('{')) {
        true => Ok(design),
        false => Err(format!("{file}: no whole address of a server; give --sandbox-url and --live-url")),
    }
}

/// What the paths to a payment call its id.
fn names(found: &BTreeMap<Op, Found<'_, '_>>) -> Vec<String> {
    let ops = [Op::Retrieve, Op::Capture, Op::Void];
    ops.iter().filter_map(|op| found.get(op)?.candidate.parameter()).collect()
}

/// The country whose currency it is: its code begins with that of the country (ISO 4217), but for those of several countries.
fn country(currency: &str) -> Option<String> {
    currency.get(..2).filter(|code| *code != "EU" && !code.starts_with('X')).map(str::to_owned)
}

/// In what form the bodies of requests are written.
fn media(api: &Api, candidate: &Candidate<'_>) -> Body {
    let body = candidate.value.get("requestBody").map(|body| api.resolve(body));
    let types: Vec<&String> =
        body.and_then(|body| body.get("content")?.as_object()).into_iter().flat_map(Map::keys).collect();
    let has = |word: &str| types.iter().any(|name| name.contains(word));
    match (has("json"), has("urlencoded"), has("xml")) {
        (false, true, _) => Body::Form,
        (false, false, true) => Body::Xml,
        _ => Body::Json,
    }
}

/// The addresses of the test environment and the live one, and whether the description tells which is which.
fn bases(root: &Value) -> Option<(String, String, bool)> {
    let servers: Vec<(String, String)> = match root.get("servers").and_then(Value::as_array) {
        Some(servers) => servers.iter().filter_map(server).collect(),
        None => {
            let host = root.get("host")?.as_str()?;
            let base = root.get("basePath").and_then(Value::as_str).unwrap_or_default();
            vec![(format!("https://{host}{base}"), String::new())]
        }
    };
    let whole: Vec<(String, String)> = servers
        .into_iter()
        .map(|(url, what)| (url.trim_end_matches('/').to_owned(), what))
        .filter(|(url, _)| url.starts_with("https://") && !url.contains(['{', '"', '\\', ' ']))
        .collect();
    let is_test = |(url, what): &&(String, String)| {
        let told = format!("{url} {what}").to_lowercase();
        ["sandbox", "test", "demo", "staging", "uat"].iter().any(|word| told.contains(word))
    };
    let test = whole.iter().find(is_test);
    let sandbox = test.or(whole.first())?;
    let other = whole.iter().find(|server| !is_test(server));
    let live = other.unwrap_or(sandbox);
    Some((sandbox.0.clone(), live.0.clone(), test.is_some() && other.is_some()))
}

/// The address of a server with its variables at their defaults, and what it is.
fn server(server: &Value) -> Option<(String, String)> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    Some((url, server.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

/// How accounts prove who they are: the first scheme that all operations ask for, else the first there is.
fn proof(root: &Value) -> Proof {
    let schemes = root.pointer("/components/securitySchemes").or_else(|| root.get("securityDefinitions"));
    let Some(schemes) = schemes.and_then(Value::as_object) else { return Proof::Bearer };
    let asked = root.pointer("/security/0").and_then(Value::as_object).and_then(|asked| asked.keys().next());
    let scheme = asked.and_then(|name| schemes.get(name)).or_else(|| schemes.values().next());
    let text = |name: &str| scheme.and_then(|scheme| scheme.get(name)?.as_str()).unwrap_or_default().to_lowercase();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match (text("type").as_str(), text("scheme").as_str()) {
        ("basic", _) | ("http", "basic") => Proof::Basic,
        ("apikey", _) if text("in") == "header" && text("name") != "authorization" && is_name(&text("name")) => {
            Proof::Header(text("name"))
        }
        _ => Proof::Bearer,
    }
}

/// The names of the headers that an operation knows, lower case.
fn headers<'a>(api: &'a Api, candidate: &'a Candidate<'_>) -> impl Iterator<Item = String> + 'a {
    parameters(api, candidate, "header").map(|(name, _)| name.to_lowercase())
}

/// The parameters of an operation that stand in `place`, with whether each is needed.
fn parameters<'a>(
    api: &'a Api,
    candidate: &'a Candidate<'_>,
    place: &'a str,
) -> impl Iterator<Item = (&'a str, bool)> + 'a {
    let lists = [candidate.item.get("parameters"), candidate.value.get("parameters")];
    let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten().map(|parameter| api.resolve(parameter));
    let here = all.filter(move |parameter| parameter.get("in").and_then(Value::as_str) == Some(place));
    here.filter_map(|parameter| {
        let needed = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some((parameter.get("name")?.as_str()?, needed))
    })
}

/// `carried` are the headers that every request has anyway, `names` what paths call the payment's id.
fn route(api: &Api, op: Op, found: &Found<'_, '_>, carried: &[String], names: &[String]) -> Route {
    let candidate = found.candidate;
    let own: Vec<&str> = candidate.path.split('/').filter(|part| !part.is_empty()).collect();
    let last = id_at(&own).filter(|_| op != Op::Authorize);
    let follows_payment = |index: usize| {
        let before = index.checked_sub(1).and_then(|at| candidate.segments.get(at));
        before.is_some_and(|noun| rank_of(noun).is_some())
    };
    let part = |(index, part): (usize, &&str)| match is_parameter(part) {
        false => Part::Text((*part).to_owned()),
        true if Some(index) == last => Part::Id,
        true if op == Op::RetrieveRefund && follows_payment(index) => Part::Payment,
        true => Part::Credential(word(part)),
    };
    let header_like = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    // A parameter may stand beside the path and beside the operation; a name counts once.
    let asked = |place: &'static str, name: fn(&str) -> String| -> Vec<String> {
        let needed = parameters(api, candidate, place).filter(|(own, needed)| *needed && header_like(own));
        let mut names: Vec<String> = Vec::new();
        needed.map(|(own, _)| name(own)).for_each(|own| {
            if !names.contains(&own) {
                names.push(own)
            }
        });
        names
    };
    let is_free = |name: &String| {
        !matches!(name.as_str(), "authorization" | "content-type" | "accept" | "user-agent") && !carried.contains(name)
    };
    let named = asked("header", str::to_lowercase).into_iter().filter(is_free);
    let body = candidate.value.get("requestBody").map(|body| api.resolve(body)).and_then(|body| body.get("content"));
    let body: Option<Vec<Member>> = body.and_then(|content| fields::request(api, op, content, last.is_some()));
    let answer = answer::answer(api, op, candidate.value, names);
    let id = candidate.value.get("operationId").and_then(Value::as_str);
    Route {
        op,
        verb: candidate.verb.clone(),
        path: own.iter().enumerate().map(part).collect(),
        headers: named.map(|name| (name.clone(), format!("header {name}"))).collect(),
        query: asked("query", str::to_owned),
        root: op.as_str().to_owned(),
        body: body.filter(|members| !members.is_empty() && candidate.verb != "GET"),
        answer: answer.members,
        status: answer.status,
        statuses: answer.statuses,
        left_out: answer.left_out,
        others: found.others.clone(),
        problems: answer::problems(api, candidate.value),
        operation_id: id.filter(|id| !id.contains(['`', '\n'])).map(str::to_owned),
    }
}
