//! The fake that the app is tested with keeps the promises of every store.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_contract::fake::FakeStore;
use zentry_contract::store::Bench;
use zentry_contract::store_suite;
use zentry_domain::{Facts, Journal, Roster, Store, Vault};

struct FakeBench(Arc<FakeStore>);

#[async_trait]
impl Bench for FakeBench {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<FakeStore>::clone(&self.0)
    }

    fn facts(&self) -> Arc<dyn Facts> {
        Arc::<FakeStore>::clone(&self.0)
    }

    fn roster(&self) -> Arc<dyn Roster> {
        Arc::<FakeStore>::clone(&self.0)
    }

    fn journal(&self) -> Arc<dyn Journal> {
        Arc::<FakeStore>::clone(&self.0)
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.0.vault()
    }

    async fn restart(&self) {
        self.0.restart();
    }
}

store_suite!(FakeBench(Arc::default()));
