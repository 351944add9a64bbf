//! The HTTP transport for applications: `reqwest` over rustls, no redirects, no cookies, time and size limits kept.

use std::time::Duration;

use quittance::http::{Request, Response};
use quittance::{Bytes, Failure, Limits, Transport, async_trait};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A transport over one pooled `reqwest` client.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// A transport with this crate's settings.
    ///
    /// # Errors
    /// When the TLS backend cannot be set up.
    pub fn new() -> Result<ReqwestTransport, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(ReqwestTransport { client })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, Failure> {
        let mut request =
            reqwest::Request::try_from(request).map_err(|_| Failure::Refused("malformed request".into()))?;
        *request.timeout_mut() = Some(limits.timeout);
        let mut reply = self.client.execute(request).await.map_err(failure)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = reply.status();
        *response.headers_mut() = std::mem::take(reply.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) =
            reply.chunk().await.map_err(|error| if error.is_timeout() { Failure::TimedOut } else { Failure::Cut })?
        {
            if body.len() + chunk.len() > limits.reply_bytes {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = Bytes::from(body);
        Ok(response)
    }
}

/// Texts of `reqwest` can hold the URL, so only the class is told.
fn failure(error: reqwest::Error) -> Failure {
    match error {
        error if error.is_connect() || error.is_builder() => Failure::Refused("no connection".to_owned()),
        error if error.is_timeout() => Failure::TimedOut,
        _ => Failure::Reset,
    }
}
