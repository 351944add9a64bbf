use quittance::{Card, Cvc, Decimal, Expiry, MoneyError, Pan, digest};

use crate::support::{CVC, PAN};

#[test]
fn an_expiry_keeps_month_and_year() {
    let expiry = Expiry::new(3, 30).unwrap();
    assert_eq!((expiry.month(), expiry.year()), (3, 2030));
}

/// The digests of "abc" in FIPS 180-4's examples.
#[test]
fn digests_are_the_published_ones() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&digest::sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(hex(&digest::sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(
        hex(&digest::sha512(b"abc")),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

#[test]
fn a_card_shows_what_may_be_shown() {
    let card = Card {
        number: Pan::parse(PAN).unwrap(),
        expiry: Expiry::new(12, 2030).unwrap(),
        cvc: Some(Cvc::parse(CVC).unwrap()),
        holder: Some("Ada Example".to_owned()),
    };
    let shown = format!("{card:?}");
    assert!(shown.starts_with("Card") && shown.contains("4242") && shown.contains("[name]"), "{shown}");
    assert!(!shown.contains(PAN) && !shown.contains(CVC) && !shown.contains("Ada"), "{shown}");
}

/// Doubles lie further apart from 2^39 on than four decimals, and from 2^43 on than three.
#[test]
fn a_number_that_may_have_lost_decimals_is_no_amount() {
    let amount = |number: &str, code: &str| {
        let number: Decimal = serde_json::from_str(number).ok()?;
        Some(number.to_money(code.parse().unwrap()).map(|money| money.minor()))
    };
    assert_eq!(amount("549755813887.5", "CLF"), Some(Ok(5_497_558_138_875_000)));
    assert_eq!(amount("549755813888.5", "CLF"), Some(Err(MoneyError::OutOfRange)));
    assert_eq!(amount("549755813888.0", "CLF"), Some(Err(MoneyError::OutOfRange)));
    assert_eq!(amount("549755813888.0", "BHD"), Some(Ok(549_755_813_888_000)));
    assert_eq!(amount("8796093022208.0", "JPY"), None);
}
