use std::path::Path;

use jiff::civil::date;

use super::{Profile, passes_luhn};
use crate::bad_input::each_is_named;

const GOOD: &str = r#"
id = "acme"
currency = "EUR"
country = "NL"
redirect = "ideal"
answers = ["amount"]
events = ["payment"]

[credentials]
api_key = "sk_test_quittance"
[credentials.nested]
account = 12

[cards.approved]
number = "4242424242424242"
expiry_month = 3
expiry_year = 2030
cvc = "123"
source = "https://acme.test/cards"

[methods.ideal]
currency = "EUR"
account = { number = "NL00" }
expiry = { month = 3, year = 2030 }

[input.authorize]
customer = { email = "ada@example.com" }

[absent]
payment = "pi_none"

[signature.webhook]
algorithm = "hmac-sha256"
key = "${secret:api_key}"
over = "${body}"
encoding = "hex"

[[status]]
of = "payment"
value = "paid"
becomes = "captured"

[[code]]
value = "51"
reason = "insufficient_funds"

[status_source]
url = "https://acme.test/codes"
seen = "2026-11-22"

[[exemption]]
scenario = "refund.partial"
reason = "the sandbox is down"
owner = "payments team"
expires = "2027-02-20"
"#;

fn load(text: &str) -> Result<Profile, Vec<String>> {
    Profile::parse("fixtures/acme/profile.toml", text, Path::new("fixtures/acme"), date(2026, 11, 22))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn a_profile_is_read() {
    let profile = load(GOOD).unwrap();
    assert_eq!(profile.credentials["nested.account"], "12");
    assert_eq!(profile.card_samples("approved").unwrap()["card.expiry_month"], "3");
    assert_eq!(profile.method_samples("ideal").unwrap()["card.account.number"], "NL00");
    assert_eq!(profile.method_samples("ideal").unwrap()["card.expiry_year"], "2030");
    assert!(profile.card_samples("other").is_none() && profile.method_samples("other").is_none());
    let exemption = &profile.model.exemption[0];
    assert!(!exemption.is_expired(date(2027, 2, 20)) && exemption.is_expired(date(2027, 2, 21)));
}

#[test]
fn each_mistake_is_named_with_line_and_field() {
    let cases = [
        ("id = \"acme\"", "id = \"acne\"", ":2: id: expected `acme`, the name of the folder, found `acne`"),
        ("\"EUR\"", "\"eur\"", ":3: currency: expected a currency code"),
        ("\"EUR\"", "\"NGX\"", ":3: currency: unknown currency `NGX`; did you mean "),
        (
            "[methods.ideal]\ncurrency = \"EUR\"",
            "[methods.ideal]\ncurrency = \"EUX\"",
            ":22: methods.ideal.currency: unknown currency `EUX`; did you mean ",
        ),
        ("currency = \"EUR\"", "curency = \"EUR\"", ":3: curency: unknown field `curency`"),
        ("currency = \"EUR\"", "curency = \"EUR\"", "; did you mean currency"),
        ("hmac-sha256", "hmac-sha-512", "; did you mean hmac-sha512"),
        ("\"NL\"", "\"NLD\"", ":4: country: expected a country code"),
        ("redirect = \"ideal\"", "redirect = \"sofort\"", ":5: redirect: expected a method that has a sample"),
        ("[\"amount\"]", "[\"amounts\"]", ":6: answers[1]: expected one of amount, currency"),
        ("[\"payment\"]", "[\"payment\", \"payment\"]", ":7: events[2]: expected each word once"),
        (
            "sk_test_quittance",
            "sk_live_quittance",
            ":10: credentials.api_key: expected a dummy: this looks like a live credential",
        ),
        ("account = 12", "account = \"LIVE_12\"", ":12: credentials.nested.account: expected a dummy"),
        ("account = 12", "account = 1.5", ":12: credentials.nested.account: expected a text, a whole number"),
        (
            "4242424242424242",
            "4242424242424241",
            ":15: cards.approved.number: expected a card number that passes the Luhn check",
        ),
        ("expiry_month = 3", "expiry_month = 13", ":16: cards.approved.expiry_month: expected a month from 1 to 12"),
        ("expiry_year = 2030", "expiry_year = 30", ":17: cards.approved.expiry_year: expected a year of four digits"),
        ("cvc = \"123\"", "cvc = \"12\"", ":18: cards.approved.cvc: expected three or four digits"),
        ("cvc = \"123\"", "cvv = \"123\"", ":18: cards.approved.cvv: unknown field `cvv`"),
        ("\"https://acme.test/cards\"", "\"\"", ":19: cards.approved.source: expected the vendor's page"),
        ("[input.authorize]", "[input.authorise]", ":26: input.authorise: expected the name of an operation"),
        ("${secret:api_key}", "${secret:other}", ":34: signature.webhook.key: the profile has no credential `other`"),
        ("${body}", "${bodi}", ":35: signature.webhook.over: unknown hole `${bodi}`"),
        ("hmac-sha256", "md5", ":33: signature.webhook.algorithm: unknown variant `md5`"),
        ("hmac-sha256", "sha256", ":34: signature.webhook.key: expected no key"),
        ("key = \"${secret:api_key}\"\n", "", ":32: signature.webhook.key: expected a key for this algorithm"),
        (
            "becomes = \"captured\"",
            "becomes = \"Captured\"",
            ":41: status[1].becomes: expected one of action_required, pending, authorized, captured, voided, declined, expired, unrecognised, found `Captured`; did you mean captured",
        ),
        ("of = \"payment\"", "of = \"order\"", ":39: status[1].of: unknown variant `order`"),
        (
            "reason = \"insufficient_funds\"",
            "reason = \"\"",
            ":45: code[1].reason: expected one of generic, insufficient_funds",
        ),
        ("seen = \"2026-11-22\"", "seen = \"today\"", ":49: status_source.seen: expected a date"),
        (
            "[status_source]\nurl = \"https://acme.test/codes\"\nseen = \"2026-11-22\"\n",
            "",
            "status_source: expected `[status_source]`",
        ),
        ("the sandbox is down", " ", ":53: exemption[1].reason: expected a text that is not empty"),
        ("payments team", "", ":54: exemption[1].owner: expected a text that is not empty"),
        (
            "2027-02-20",
            "2027-02-21",
            ":55: exemption[1].expires: expected a date at most 90 days ahead, 2027-02-20 at the latest",
        ),
        ("2027-02-20", "soon", ":55: exemption[1].expires: expected a date as 2027-01-31"),
    ];
    each_is_named(GOOD, "fixtures/acme/profile.toml", &cases, |text| load(text).err().unwrap_or_default());
    let twice = GOOD.replacen("[[code]]", "[[code]]\nvalue = \"51\"\nreason = \"generic\"\n[[code]]", 1);
    assert!(load(&twice).unwrap_err()[0].contains("code[2].value: expected each decline code once"));
}

#[test]
fn a_recipe_may_name_another_and_never_itself() {
    let recipe = |name: &str, algorithm: &str, over: &str| {
        format!("[signature.{name}]\nalgorithm = \"{algorithm}\"\nover = \"{over}\"\nencoding = \"hex\"\n")
    };
    let told = |recipes: &[String]| load(&format!("{GOOD}{}", recipes.concat())).err().unwrap_or_default();
    let nested = |to: usize| -> Vec<String> {
        let inner = (1..to).map(|number| recipe(&format!("r{number}"), "sha1", &format!("${{sig:r{}}}", number + 1)));
        inner.chain([recipe(&format!("r{to}"), "sha1", "${secret:api_key}")]).collect()
    };
    assert_eq!(told(&nested(4)), Vec::<String>::new());
    for (recipes, expected) in [
        (nested(5), "signature.r1.over: expected at most 4 recipes inside each other"),
        (vec![recipe("one", "sha1", "${sig:one}")], ":58: signature.one.over: expected another recipe"),
        (
            vec![recipe("one", "sha1", "${sig:two}"), recipe("two", "sha1", "${sig:one}")],
            "signature.two.over: expected another recipe: `one` is made of `two`",
        ),
        (
            vec![recipe("one", "sha1", "${sig:webhok}")],
            "signature.one.over: the profile has no recipe `[signature.webhok]`; did you mean webhook?",
        ),
    ] {
        let found = told(&recipes);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn luhn() {
    for number in ["4242424242424242", "378282246310005", "6759649826438453", "30569309025904"] {
        assert!(passes_luhn(number), "{number}");
    }
    for number in ["4242424242424243", "42424242424", "00000000000000000000", "4242 4242 4242 4242", ""] {
        assert!(!passes_luhn(number), "{number}");
    }
}

#[test]
fn places_of_its_own_are_told_from_those_of_another() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bank-of-america");
    let text = std::fs::read_to_string(folder.join("profile.toml")).unwrap();
    let own = "\n[places]\n\"network/transaction_id\" = [\"/nowhere\"]\n";
    for (text, count) in [(text.clone(), 0), (format!("{text}{own}"), 1)] {
        let profile = Profile::parse("profile.toml", &text, &folder, date(2026, 11, 22)).unwrap();
        assert!(profile.model.like.is_some() && profile.model.places.len() > 1, "those of the other hold too");
        assert_eq!(profile.own_places.len(), count);
    }
}

#[test]
fn a_method_without_a_sample_brings_those_like_it() {
    let text = GOOD.replacen("[methods.ideal]", "[methods.idael]", 1);
    let errors = Profile::parse("profile.toml", &text, Path::new("acme"), date(2026, 11, 22)).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|why| why.contains("redirect") && why.contains("did you mean idael?")), "{told:?}");
}
