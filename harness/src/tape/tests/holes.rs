use std::collections::BTreeMap;
use std::sync::Arc;

use super::{NOW, one, paths, player, player_with_seed, profile, request, tape, values};
use crate::tape::Recipe;
use crate::tape::answer::Draft;
use crate::tape::hole::{Hole, Place, TimeFormat};
use crate::tape::template::{Escape, Part, Template};
use crate::tape::values::{Fills, NoSlots, Scope, Spoil, write_instant};

const URL: &str = "https://api.acme.test/";

/// What nothing is known of.
fn empty<'a>(none: &'a BTreeMap<String, String>, recipes: &'a BTreeMap<String, Arc<Recipe>>) -> Scope<'a> {
    Scope {
        credentials: none,
        steps: &[],
        step: 1,
        minted: none,
        captured: none,
        slots: &NoSlots,
        caught: &[],
        now_unix: NOW,
        recipes,
        message: None,
        asked: None,
        spoil: Spoil::Not,
        proven: None,
    }
}

fn rendered(text: &str, escape: Escape) -> Result<String, String> {
    let (credentials, steps) = (profile().credentials, [values(1), values(2)]);
    let minted = BTreeMap::from([("id".to_owned(), "abc".to_owned())]);
    let (none, recipes) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { credentials: &credentials, steps: &steps, step: 2, minted: &minted, ..empty(&none, &recipes) };
    let template = Template::parse(text, Place::Answer)?;
    let mut out = String::new();
    template.render(&scope, escape, &mut out).map_err(|unresolved| unresolved.why)?;
    Ok(out)
}

#[test]
fn each_hole_has_its_value() {
    let cases = [
        ("${secret:api_key}|${secret:nested.account}", "sk_test_quittance|account_7"),
        (
            "${basic:user:password}|${basic:user:}|${basic::password}",
            "bWVyY2hhbnQ6cGFzcyB3b3Jk|bWVyY2hhbnQ6|OnBhc3Mgd29yZA==",
        ),
        ("${key}|${key:1}|${reference}|${reference:1}", "key-2|key-1|R2-0123456789|R1-0123456789"),
        ("${card:number}|${card:cvc}|${card:holder}", "4242424242424242|123|Ada \"A\" & Co"),
        ("${card:expiry_month}|${card:expiry_month2}|${card:expiry_year}|${card:expiry_year2}", "3|03|2030|30"),
        ("${card:last4}|${card:bin}|${gen:id}", "4242|424242|abc"),
        ("${now:unix}|${now:millis}|${now+60:unix}|${now-60:unix}", "1795342500|1795342500000|1795342560|1795342440"),
        ("${now:rfc3339}|${now:rfc3339ms}", "2026-11-22T10:15:00Z|2026-11-22T10:15:00.000Z"),
        ("${now:date}|${now:http}|${now:basic}", "2026-11-22|Sun, 22 Nov 2026 10:15:00 GMT|20261122T101500Z"),
        (
            "${now:%Y%m%d%H%M%S}|${now+10800:%d/%m/%y %H:%M}|${now-5:%b %-d, %Y}",
            "20261122101500|22/11/26 13:15|Nov 22, 2026",
        ),
        ("$${key} $5 ${key}", "${key} $5 key-2"),
        ("{\"at\": \"${now:unix#number}\", \"b\": 1}", "{\"at\": 1795342500, \"b\": 1}"),
    ];
    for (text, expected) in cases {
        assert_eq!(rendered(text, Escape::None).as_deref(), Ok(expected));
    }
    assert_eq!(rendered("\"${card:holder}\"", Escape::Json).unwrap(), "\"Ada \\\"A\\\" & Co\"");
    assert_eq!(rendered("n=${card:holder}", Escape::Form).unwrap(), "n=Ada+%22A%22+%26+Co");
    assert_eq!(rendered("<n>${card:holder}</n>", Escape::Xml).unwrap(), "<n>Ada &quot;A&quot; &amp; Co</n>");
    for missing in ["${secret:none}", "${card:iban}", "${key:3}", "${gen:other}", "${capture:x}"] {
        assert!(rendered(missing, Escape::None).is_err(), "{missing}");
    }
    assert_eq!(write_instant(i64::MAX, &TimeFormat::Date, &mut String::new()), None);
}

#[test]
fn wrong_holes_are_refused() {
    let anywhere = [
        "${",
        "${nothing}",
        "${secret:}",
        "${secret:a b}",
        "${key:0}",
        "${key:x}",
        "${gen:a:alnum}",
        "${gen:a:alnum999}",
        "${gen:a:odd3}",
        "${now:iso}",
        "${now:%Q!}",
        "${now:%Z}",
        "${now5:unix}",
        "${basic:a}",
        "${basic::}",
        "${card}",
    ];
    for place in [Place::Request, Place::Answer, Place::Recipe] {
        for text in anywhere {
            assert!(Template::parse(text, place).is_err(), "{text}");
        }
    }
    for (text, place) in [
        ("${any:uuid}", Place::Answer),
        ("${any:odd}", Place::Request),
        ("${body}", Place::Request),
        ("${method}", Place::Answer),
        ("a${now:unix#number}", Place::Answer),
    ] {
        assert!(Template::parse(text, place).is_err(), "{text}");
    }
}

#[test]
fn any_holes_take_their_shape_and_catch_their_text() {
    let tape = tape(
        "[[exchange]]\nstep = 1\nrequest = { method = \"POST\", url = \"https://api.acme.test/${any:uuid:id}\", headers = { x-nonce = \"n-${any:digits:nonce}-${any:hex}\", x-twice = \"${capture:nonce}\" } }\n\
         response = { status = 200, body = '{\"id\":\"${capture:id}\",\"nonce\":\"${capture:nonce}\"}' }\n\
         [[exchange]]\nstep = 2\nrequest = { method = \"GET\", url = \"https://api.acme.test/${capture:id}\" }\nresponse = { status = 204 }\n",
    );
    let id = "0b5cA6e2-0000-4000-8000-00000000000f";
    let sent = |id: &str, nonce: &str, twice: &str| {
        request("POST", &format!("{URL}{id}"), &[("x-nonce", nonce), ("x-twice", twice)], "")
    };
    let mut run = player(&tape);
    let answer = run.exchange(&sent(id, "n-42-ff", "42")).unwrap();
    assert_eq!(answer.body(), format!("{{\"id\":\"{id}\",\"nonce\":\"42\"}}").as_str());
    run.end_step().unwrap();
    run.begin_step(2, values(2));
    assert_eq!(run.exchange(&request("GET", &format!("{URL}other"), &[], "")).unwrap_err()[0].path, "url");
    run.exchange(&request("GET", &format!("{URL}{id}"), &[], "")).unwrap();
    run.finish().unwrap();
    for (wrong, path) in [
        (sent("0b5cA6e2-0000-4000-8000-00000000000g", "n-42-ff", "42"), "url"),
        (sent(id, "n-4x-ff", "42"), "header x-nonce"),
        (sent(id, "n-42-", "42"), "header x-nonce"),
        (sent(id, "n-42-ff", "43"), "header x-twice"),
    ] {
        assert_eq!(paths(&tape, &wrong)[0], path);
    }
}

#[test]
fn any_shapes() {
    let cases = [
        ("digits", "0123", "12a"),
        ("hex", "0aF", "0ag"),
        ("alnum", "aZ9", "a-Z"),
        ("base64", "aZ+/_-=", "a b"),
        ("uuid", "0b5ca6e2-0000-4000-8000-00000000000f", "0b5ca6e200004000800000000000000f"),
    ];
    for (shape, fits, other) in cases {
        let tape = one(&format!("method = \"POST\"\nurl = \"{URL}\"\ntext = \"${{any:{shape}}}\""));
        assert!(paths(&tape, &request("POST", URL, &[], fits)).is_empty(), "{shape}");
        assert_eq!(paths(&tape, &request("POST", URL, &[], other)), ["body"], "{shape}");
        assert_eq!(paths(&tape, &request("POST", URL, &[], "")), ["body"], "{shape}");
    }
    let tape = one(&format!("method = \"POST\"\nurl = \"{URL}\"\ntext = \"<${{any:text}}>x<${{any:text}}>\""));
    assert!(paths(&tape, &request("POST", URL, &[], "<ä>x<ö>>")).is_empty());
    assert_eq!(paths(&tape, &request("POST", URL, &[], "<ä>x<>")), ["body"]);
}

#[test]
fn minted_values_follow_from_the_seed_and_have_their_shape() {
    let tape = tape(
        "[[exchange]]\nstep = 1\nrequest = { method = \"GET\", url = \"https://api.acme.test/\" }\n\
         response = { status = 200, headers = { x-id = \"${gen:a}\" }, body = '${gen:a} ${gen:b:hex32} ${gen:c:digits16} ${gen:d:upper17} ${gen:e:uuid} ${gen:f:alnum100}' }\n\
         [[exchange]]\nstep = 1\nrequest = { method = \"GET\", url = \"https://api.acme.test/${gen:a}\" }\nresponse = { status = 200 }\n",
    );
    let run = |seed: u64| {
        let mut player = player_with_seed(&tape, seed);
        let answer = player.exchange(&request("GET", URL, &[], "")).unwrap();
        let id = answer.headers()["x-id"].to_str().unwrap().to_owned();
        assert_eq!(player.exchange(&request("GET", &format!("{URL}{id}x"), &[], "")).unwrap_err()[0].path, "url");
        player.exchange(&request("GET", &format!("{URL}{id}"), &[], "")).unwrap();
        player.finish().unwrap();
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    };
    let text = run(1);
    assert_eq!(text, run(1));
    let (one, other): (Vec<&str>, String) = (text.split(' ').collect(), run(2));
    assert!(one.iter().zip(other.split(' ')).all(|(one, other)| *one != other && one.len() == other.len()));
    let all = |text: &str, fits: fn(char) -> bool| text.chars().all(fits);
    assert!(one[0].len() == 24 && all(one[0], |c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    assert!(one[1].len() == 32 && all(one[1], |c| c.is_ascii_hexdigit()));
    assert!(one[2].len() == 16 && all(one[2], |c| c.is_ascii_digit()) && !one[2].starts_with('0'));
    assert!(one[3].len() == 17 && all(one[3], |c| c.is_ascii_uppercase() || c.is_ascii_digit()));
    assert!(one[4].len() == 36 && one[4].as_bytes()[14] == b'4' && one[4].as_bytes()[19] == b'8');
    assert_eq!(one[5].len(), 100);
}

#[test]
fn a_number_hole_in_a_request_is_a_number() {
    let tape = one(&format!(
        "method = \"POST\"\nurl = \"{URL}\"\njson = '{{\"at\": \"${{now:unix#number}}\", \"text\": \"${{now:unix}}\"}}'"
    ));
    assert!(paths(&tape, &request("POST", URL, &[], &format!("{{\"at\":{NOW},\"text\":\"{NOW}\"}}"))).is_empty());
    assert_eq!(
        paths(&tape, &request("POST", URL, &[], &format!("{{\"at\":\"{NOW}\",\"text\":{NOW}}}"))),
        ["$.at", "$.text"]
    );
    assert_eq!(paths(&tape, &request("POST", URL, &[], &format!("{{\"at\":{NOW}.0,\"text\":\"{NOW}\"}}"))), ["$.at"]);
}

#[test]
fn runs_of_one_tape_do_not_touch_each_other() {
    let tape = tape(
        "[[exchange]]\nstep = 1\nrequest = { method = \"GET\", url = \"https://api.acme.test/\" }\nresponse = { status = 200, body = '${gen:a} ${now:unix}' }\n",
    );
    let (mut one, mut other) = (player_with_seed(&tape, 1), player_with_seed(&tape, 2));
    one.set_now(NOW + 5);
    let get = request("GET", URL, &[], "");
    let (first, second) = (one.exchange(&get).unwrap(), other.exchange(&get).unwrap());
    assert_ne!(first.body(), second.body());
    assert!(first.body().ends_with(b" 1795342505") && second.body().ends_with(b" 1795342500"));
    assert_eq!(Arc::strong_count(&tape), 3);
}

#[test]
fn members_whose_slot_is_empty_are_left_out() {
    let text = |text: &str| Part::Text(text.to_owned());
    let slot = |number: usize| Part::Hole(Hole::Slot(number));
    let parts =
        vec![text("{\"a\": "), slot(0), text(", \"b\": "), slot(1), text(", \"c\": {\"d\": "), slot(0), text("}}")];
    struct Second;
    impl Fills for Second {
        fn fill(&self, number: usize, out: &mut String) -> bool {
            out.push_str(if number == 1 { "1" } else { "" });
            number == 1
        }
    }
    let (none, recipes) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { slots: &Second, ..empty(&none, &recipes) };
    let template = Template::of(parts, false);
    let draft = Draft::new(&template, Escape::Json, &scope).unwrap();
    assert_eq!(draft.unsigned, "{ \"b\": 1, \"c\": {}}");
}
