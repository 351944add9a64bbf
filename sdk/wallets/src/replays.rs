//! Which tokens were used before.

use jiff::Timestamp;
use quittance::{Context, MemoryTokens, TokenCache as _, async_trait};

/// Remembers the tokens that were opened. A connector gives its [`Context`]; what its applications' instances share there, they refuse
/// together.
#[async_trait]
pub trait Replays: Send + Sync {
    /// Notes `id` until `until` and says whether it was new at `now`. Both in one step: of two calls at the same time, one is told `false`.
    /// A store that cannot answer says `false`: the token is refused.
    async fn is_new(&self, id: &str, now: Timestamp, until: Timestamp) -> bool;
}

#[async_trait]
impl Replays for Context<'_> {
    async fn is_new(&self, id: &str, _now: Timestamp, until: Timestamp) -> bool {
        self.first_use(id, until).await
    }
}

#[async_trait]
impl Replays for MemoryTokens {
    async fn is_new(&self, id: &str, now: Timestamp, until: Timestamp) -> bool {
        self.first_use(id, now, until).await
    }
}
