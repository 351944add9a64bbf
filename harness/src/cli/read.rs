//! `quittance read`: what a connector makes of an answer.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use http::{HeaderName, HeaderValue, Response};
use quittance::{Kind, Op};

use super::desk::{Called, Desk, Setting, response};
use super::number::number;
use super::source::{Source, one_standard_input};
use super::{pretty, say, tell_note};
use crate::invoke::Request;
use crate::run::delivery::delivery;
use crate::view::result_json;
use crate::world::{Unusable, World};

/// Show what a connector makes of a provider's answer or webhook delivery, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance read stripe authorize --status 200 --body answer.json
  quittance read stripe capture --status 402 --body - < answer.json
  quittance read paypal authorize --body order.json --last
  quittance read stripe webhook --body delivery.json --header 'stripe-signature: t=1795348800,v1=…' --now 1795348800

With several --body, each answers one request in order, and the last one all the rest. With --last they answer the last \
requests, and the tape of the suite's plain success scenario those before (a token, a session). \
The answer is held against the request: its amount and reference must be those of --input, or of the sample. \
For webhook the first --body is the delivery, --header its headers; further ones answer the connector's own requests.

Exit codes: 0 read, also a decline or an error; 2 unusable input.")]
pub(super) struct Read {
    /// The connector
    connector: String,
    /// The operation, as authorize or webhook
    operation: String,
    /// The answer's status, 200 if not given; once for all bodies or once for each
    #[arg(long, value_name = "STATUS", value_parser = number::<u16>(100..=599))]
    status: Vec<u16>,
    /// The answer's body, - for standard input; once for each exchange
    #[arg(long, value_name = "FILE", required = true)]
    body: Vec<String>,
    /// A header of the answers, or of the delivery
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// The public URL at which a delivery arrived, for providers that sign it
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The operation's input as JSON, - for standard input; else a sample out of the suite
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// The bodies answer the last requests instead of the first
    #[arg(long)]
    last: bool,
    #[command(flatten)]
    setting: Setting,
    /// Print JSON (the default)
    #[arg(long)]
    json: bool,
}

impl Read {
    pub(super) fn run(&self, world: World) -> Result<ExitCode, Unusable> {
        let paths = self.body.iter().chain(&self.input).chain(&self.setting.credentials);
        one_standard_input(paths.map(String::as_str))?;
        let desk = Desk::open(world, &self.connector, &self.operation, &self.setting)?;
        let (called, unused) = match desk.op {
            Op::Webhook => self.delivery(&desk)?,
            _ => self.answer(&desk)?,
        };
        match (&called.result, called.requests.len()) {
            (None, count) => Err(Unusable::Text(format!(
                "the connector asks the provider (request {count}: {}), and nothing answers; give one more --body",
                called
                    .requests
                    .last()
                    .map(|(sent, _)| format!("{} {}", sent.method(), sent.uri().path()))
                    .unwrap_or_default()
            ))),
            (Some(Err(error)), 0) if desk.op != Op::Webhook => Err(desk.unsent(error)),
            (Some(result), _) => {
                if unused > 0 {
                    tell_note(&format!("{unused} of {} bodies were not asked for", self.body.len()));
                }
                let sample = desk.op != Op::Webhook && self.input.is_none();
                if sample && matches!(result, Err(error) if error.kind() == Kind::Integrity) {
                    tell_note("what was asked is the suite's sample; --input FILE gives the request that was answered");
                }
                say(&pretty(&result_json(result)));
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    /// Reads an answer; gives the call and how many bodies were left over.
    fn answer(&self, desk: &Desk) -> Result<(Called, usize), Unusable> {
        if self.url.is_some() {
            return Err(Unusable::Text("--url belongs to a webhook delivery; leave it out".to_owned()));
        }
        let source = self.input.as_deref().map(|path| Source::read(path, "the input")).transpose()?;
        let answers = self.answers(&self.body, &self.header)?;
        let (request, input) = desk.request(source.as_ref())?;
        let mut before = 0;
        let mut stand_in = None;
        if self.last {
            let mut tape = desk.stand_in(&input)?;
            let rehearsed = desk.call(&request, |sent| Some((tape.as_mut()?.answer(sent)?, String::new())))?;
            before = rehearsed.requests.len().saturating_sub(answers.len());
            stand_in = desk.stand_in(&input)?;
        }
        let mut sent_so_far = 0;
        let called = desk.call(&request, |sent| {
            sent_so_far += 1;
            if sent_so_far <= before {
                return Some((stand_in.as_mut()?.answer(sent)?, "tape".to_owned()));
            }
            nth_or_last(&answers, sent_so_far - before - 1)
        })?;
        let used = called.requests.len().saturating_sub(before);
        Ok((called, answers.len().saturating_sub(used)))
    }

    fn delivery(&self, desk: &Desk) -> Result<(Called, usize), Unusable> {
        if self.input.is_some() || self.last {
            return Err(Unusable::Text("a webhook delivery has no --input and no --last; leave them out".to_owned()));
        }
        let (first, rest) = self.body.split_first().ok_or_else(|| Unusable::Text("give --body FILE".to_owned()))?;
        let body = Bytes::from(Source::read(first, "the delivery")?.bytes);
        let mut made = delivery(&self.header, body).map_err(Unusable::Text)?;
        if let Some(url) = &self.url {
            made = made.at_url(url);
        }
        let answers = self.answers(rest, &[])?;
        let mut count = 0;
        let called = desk.call(&Request::Webhook(made), |_| {
            count += 1;
            nth_or_last(&answers, count - 1)
        })?;
        let unused = answers.len().saturating_sub(called.requests.len());
        Ok((called, unused))
    }

    fn answers(&self, paths: &[String], headers: &[(String, String)]) -> Result<Vec<Response<Bytes>>, Unusable> {
        let counts = (self.status.len(), paths.len());
        if counts.0 > 1 && counts.0 != counts.1 {
            let told = format!("{} --status for {} answers; give one for all, or one for each", counts.0, counts.1);
            return Err(Unusable::Text(told));
        }
        let read = |(index, path): (usize, &String)| {
            let source = Source::read(path, "the body")?;
            let status = self.status.get(index).or(self.status.first()).copied().unwrap_or(200);
            response(status, headers, source.bytes).map_err(|why| Unusable::Text(format!("{}: {why}", source.name)))
        };
        paths.iter().enumerate().map(read).collect()
    }
}

fn nth_or_last(answers: &[Response<Bytes>], index: usize) -> Option<(Response<Bytes>, String)> {
    let answer = answers.get(index).or(answers.last())?;
    Some((answer.clone(), "--body".to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME:VALUE")?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))?;
    HeaderValue::from_str(&value).map_err(|_| format!("the value of `{name}` holds letters that no header can"))?;
    Ok((name, value))
}
