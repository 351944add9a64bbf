use std::time::Duration;

use quittance::{
    Clock, Context, Effect, Failure, Kind, Limits, MemoryTokens, Pairs, Result, Secret, Spec, SystemClock, Timestamp,
    TokenCache, async_trait,
};

use crate::shop::FULL;
use crate::support::{Answer, World, json, ready, refused};

const HOST: &str = "https://api.shop.test/";

/// What one exchange of a sequence is.
#[derive(Clone, Copy, Debug)]
enum Exchange {
    Get,
    Post,
    HarmlessPost,
}

use Exchange::{Get, HarmlessPost, Post};

/// Makes the exchanges one after the other, as a connector does, up to the first error or refusal.
async fn walk(cx: &Context<'_>, exchanges: &[Exchange]) -> Result<()> {
    let last = exchanges.len() - 1;
    for (at, exchange) in exchanges.iter().enumerate() {
        let call = match exchange {
            Get => cx.get(HOST),
            Post => cx.post(HOST),
            HarmlessPost => cx.post(HOST).harmless(),
        };
        let reply = call.send().await?;
        if at == last && !reply.is_success() {
            return Err(reply.fault_with(quittance::Fault::default()));
        }
    }
    Ok(())
}

#[track_caller]
fn effect(exchanges: &[Exchange], answers: Vec<Answer>, expected: Effect) {
    let world = World::new(answers);
    let error = ready(walk(&world.cx().scoped(&FULL), exchanges)).unwrap_err();
    assert_eq!(error.effect(), expected, "{exchanges:?}: {error}");
}

#[test]
fn the_effect_of_a_failure_depends_on_what_went_before() {
    let ok = || json(200, "{}");
    let failures = [Failure::Reset, Failure::Cut, Failure::TimedOut, Failure::TooLarge];
    for failure in failures {
        effect(&[Post], vec![Err(failure)], Effect::Unknown);
    }
    effect(&[Post], vec![refused()], Effect::None);
    effect(&[Post, Post], vec![ok(), refused()], Effect::Unknown);
    effect(&[HarmlessPost, Post], vec![ok(), refused()], Effect::None);
    effect(&[Get, Post], vec![ok(), refused()], Effect::None);
    effect(&[Get, Post], vec![json(500, "{}"), refused()], Effect::None);
    // A refusal changed nothing, a failure or a redirect may have.
    effect(&[Post, Post], vec![json(402, "{}"), refused()], Effect::None);
    effect(&[Post, Post], vec![json(502, "{}"), refused()], Effect::Unknown);
    effect(&[Post, Post], vec![json(302, "{}"), refused()], Effect::Unknown);
    // The status of a later exchange cannot undo an earlier one.
    effect(&[Post], vec![json(422, "{}")], Effect::None);
    effect(&[Post, Post], vec![ok(), json(422, "{}")], Effect::Unknown);
    effect(&[Post, Get], vec![ok(), json(404, "{}")], Effect::Unknown);
    effect(&[HarmlessPost, Post], vec![ok(), json(401, "{}")], Effect::None);
}

#[test]
fn what_a_failed_exchange_may_have_done_stays_open() {
    let then_refused = |first: Exchange, failure: Failure, expected: Effect| {
        let world = World::new([Err(failure), refused()]);
        let cx = world.cx().scoped(&FULL);
        ready(walk(&cx, &[first])).unwrap_err();
        assert_eq!(ready(walk(&cx, &[Post])).unwrap_err().effect(), expected, "{first:?}");
    };
    then_refused(Post, Failure::Reset, Effect::Unknown);
    then_refused(HarmlessPost, Failure::Reset, Effect::None);
    then_refused(Post, Failure::Refused("no route".into()), Effect::None);
}

#[test]
fn the_number_of_exchanges_is_limited() {
    for (exchange, expected) in [(Get, Effect::None), (Post, Effect::Unknown)] {
        let world = World::new((0..9).map(|_| json(200, "{}")));
        let error = ready(walk(&world.cx().scoped(&FULL), &[exchange; 9])).unwrap_err();
        assert_eq!((error.kind(), error.effect(), world.sent().len()), (Kind::Protocol, expected, 8));
    }
    let world = World::new((0..16).map(|_| json(200, "{}")));
    let cx = world.cx();
    for _ in 0..2 {
        ready(walk(&cx.scoped(&FULL), &[Get; 8])).unwrap();
    }
    assert_eq!(world.sent().len(), 16);
}

#[test]
fn only_declared_hosts_are_reached_and_only_over_https() {
    const WILD: Spec = Spec { hosts: &["*-live.shop.test"], ..FULL };
    for (spec, url, allowed) in [
        (&FULL, "https://api.shop.test/a", true),
        (&FULL, "https://api.shop.test.evil.test/", false),
        (&FULL, "https://evil.test/api.shop.test", false),
        (&FULL, "https://api.shop.test@evil.test/", false),
        (&FULL, "/relative", false),
        (&FULL, "http://api.shop.test/a", false),
        (&WILD, "https://merchant-1-live.shop.test/", true),
        (&WILD, "https://-live.shop.test/", false),
        (&WILD, "https://evil.test/x-live.shop.test", false),
        (&WILD, "https://a.b-live.shop.test/", false),
    ] {
        let world = World::new([json(200, "{}")]);
        let result = ready(world.cx().scoped(spec).get(url).send());
        assert_eq!((result.is_ok(), world.sent().len()), (allowed, usize::from(allowed)), "{url}");
        assert!(result.is_ok() || result.is_err_and(|error| error.kind() == Kind::Invalid));
    }
}

#[test]
fn a_mistake_after_an_exchange_leaves_the_effect_open() {
    let world = World::new([json(200, "{}"), json(200, "{}")]);
    let cx = world.cx().scoped(&FULL);
    ready(cx.post(HOST).send()).unwrap();
    let elsewhere = ready(cx.get("https://evil.test/").send()).unwrap_err();
    let unwritable = ready(cx.post(HOST).header("x-name", "a\nb").send()).unwrap_err();
    let malformed = ready(cx.post("https://api.shop.test/ a").send()).unwrap_err();
    for error in [elsewhere, unwritable, malformed] {
        assert_eq!((error.kind(), error.effect()), (Kind::Invalid, Effect::Unknown), "{error}");
    }
    assert_eq!(world.sent().len(), 1);
    let fresh = cx.scoped(&FULL);
    assert_eq!(ready(fresh.post(HOST).header("x-name", "a\nb").send()).unwrap_err().effect(), Effect::None);
}

#[test]
fn what_cannot_be_written_is_not_sent() {
    let world = World::new([json(200, "{}")]);
    let cx = world.cx().scoped(&FULL);
    for call in [
        cx.post(HOST).form(&Unwritable),
        cx.get(HOST).query(&Unwritable),
        cx.post(HOST).json(&Unwritable),
        cx.post(HOST).xml("r", &Unwritable),
    ] {
        let error = ready(call.send()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (Kind::Invalid, Effect::None), "{error}");
    }
    let empty = Pairs::new();
    ready(cx.get(HOST).query(&empty).send()).unwrap();
    assert_eq!(world.sent(), ["GET /"]);
}

struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no form"))
    }
}

#[test]
fn a_reply_over_the_limit_is_refused_whatever_the_transport_does() {
    let limits = Limits { reply_bytes: 3, ..Limits::default() };
    let world = World::new([json(200, "123"), json(200, "1234")]);
    let cx = world.cx().with_limits(limits).scoped(&FULL);
    assert!(ready(cx.post(HOST).send()).is_ok());
    let error = ready(cx.post(HOST).send()).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (Kind::Protocol, Effect::Unknown));
    assert_eq!(world.limits(), [limits, limits]);
}

#[test]
fn tokens_are_kept_until_they_run_out() {
    let world = World::new([]);
    let cx = world.cx();
    let token = |text: &'static str| {
        ready(cx.token("shop", async move { Ok((Secret::new(text), Duration::from_secs(60))) })).unwrap()
    };
    assert_eq!(token("one").expose(), "one");
    assert_eq!(token("two").expose(), "one");
    world.clock.advance(Duration::from_secs(50));
    assert_eq!(token("three").expose(), "three");
    ready(cx.forget_token("shop"));
    assert_eq!(token("four").expose(), "four");
    assert_eq!(cx.clean("three"), "[secret]");
}

#[test]
fn ids_are_version_4() {
    let world = World::new([]);
    for _ in 0..200 {
        let id = world.cx().uuid();
        let bytes = id.as_bytes();
        assert_eq!((id.len(), bytes[14]), (36, b'4'));
        assert!(b"89ab".contains(&bytes[19]) && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-'), "{id}");
    }
    assert_ne!(world.cx().uuid(), world.cx().uuid());
}

#[test]
fn what_may_be_used_once_is_new_once_until_it_runs_out() {
    let world = World::new([]);
    let cx = world.cx();
    let until = cx.now().checked_add(Duration::from_secs(60)).unwrap();
    assert!(ready(cx.first_use("a", until)));
    assert!(!ready(cx.first_use("a", until)));
    assert!(ready(cx.first_use("b", until)));
    world.clock.advance(Duration::from_secs(60));
    let until = cx.now().checked_add(Duration::from_secs(60)).unwrap();
    assert!(ready(cx.first_use("a", until)));
}

#[test]
fn what_was_noted_long_ago_makes_room_and_nothing_else_does() {
    let tokens = MemoryTokens::default();
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let noted = |tokens: &MemoryTokens| format!("{tokens:?}").matches("[secret]").count();
    assert!(ready(tokens.first_use("kept", at(0), at(60))));
    assert!((1..1023).all(|number| ready(tokens.first_use(&format!("id {number}"), at(0), at(10)))));
    // A copy knows what was noted before it, and notes for itself from then on.
    let copy = tokens.clone();
    assert!(ready(copy.first_use("another", at(9), at(60))) && !ready(copy.first_use("kept", at(9), at(60))));
    assert_eq!((noted(&tokens), noted(&copy)), (1023, 1024));
    assert!(ready(tokens.first_use("new", at(10), at(60))));
    assert_eq!(noted(&tokens), 2);
    assert!(!ready(tokens.first_use("kept", at(10), at(60))) && !ready(tokens.first_use("new", at(10), at(60))));
    // Full of what still counts, it takes no more, until that runs out.
    assert!((2..100_000).all(|number| ready(tokens.first_use(&format!("id {number}"), at(10), at(60)))));
    assert!(!ready(tokens.first_use("one more", at(59), at(90))));
    assert!(ready(tokens.first_use("one more", at(60), at(90))));
}

/// Keeps tokens elsewhere and has no step of its own for what is used once.
struct Elsewhere(MemoryTokens);

#[async_trait]
impl TokenCache for Elsewhere {
    async fn get(&self, name: &str, now: Timestamp) -> Option<Secret> {
        self.0.get(name, now).await
    }

    async fn put(&self, name: &str, token: Secret, expires: Timestamp) {
        self.0.put(name, token, expires).await;
    }

    async fn forget(&self, name: &str) {
        self.0.forget(name).await;
    }
}

#[test]
fn any_cache_tells_a_first_use_from_a_second() {
    let (cache, now) = (Elsewhere(MemoryTokens::default()), SystemClock.now());
    let until = now.checked_add(Duration::from_secs(60)).unwrap();
    assert!(now.as_second() > 1_700_000_000, "the system's clock is set");
    assert!(ready(cache.first_use("a", now, until)) && !ready(cache.first_use("a", now, until)));
    assert!(ready(cache.first_use("a", until, until)));
}

#[test]
fn what_a_customer_agreed_to_is_kept_until_its_life_is_over_or_it_is_dropped() {
    let world = World::new([]);
    let cx = world.cx();
    let found = |cx: &Context<'_>, name: &str| ready(cx.kept(name)).map(|secret| secret.expose().to_owned());
    ready(cx.keep("mandate", &Secret::from("refresh-token-1"), Duration::from_secs(60)));
    ready(cx.keep("for ever", &Secret::from("refresh-token-2"), Duration::MAX));
    assert_eq!(found(&cx, "mandate").as_deref(), Some("refresh-token-1"));
    world.clock.advance(Duration::from_secs(50));
    // A call of its own, which has not seen them yet.
    let later = world.cx();
    assert_eq!(found(&later, "mandate"), None);
    assert_eq!(found(&later, "for ever").as_deref(), Some("refresh-token-2"));
    assert!(!later.clean("of refresh-token-2").contains("refresh-token-2"));
    ready(later.forget_token("for ever"));
    assert_eq!(found(&later, "for ever"), None);
}
