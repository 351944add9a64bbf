//! Deliveries of a tape as a connector gets them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use quittance::Delivery;

/// A delivery from header pairs and a body.
///
/// # Errors
/// A header that HTTP cannot carry.
pub fn delivery(headers: &[(String, String)], body: Bytes) -> Result<Delivery, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))?;
        map.insert(name, HeaderValue::from_str(value).map_err(|_| "a header value is not text".to_owned())?);
    }
    Ok(Delivery::new(map, body))
}

/// A delivery of a tape as the connector gets it.
///
/// # Errors
/// As [`delivery`].
pub fn delivery_of(made: crate::tape::Delivery) -> Result<Delivery, String> {
    let delivery = delivery(&made.headers, made.body)?;
    Ok(match made.url {
        Some(url) => delivery.at_url(url),
        None => delivery,
    })
}
