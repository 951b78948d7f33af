//! The fake that the app is tested with keeps the promises of every directory.

use std::sync::Arc;

use zentry_contract::directory::{Bench, Fault, MANY};
use zentry_contract::fake::{FakeDirectory, FakeVault};
use zentry_contract::{directory_suite, sample};
use zentry_domain::directory::Rank;
use zentry_domain::{ChannelId, Directory, Secret, UserId, Vault};

struct FakeBench {
    directory: Arc<FakeDirectory>,
    vault: Arc<FakeVault>,
}

impl FakeBench {
    fn new() -> Self {
        let vault = Arc::new(FakeVault::default());
        let directory = FakeDirectory::new(&sample::ana().account, Arc::clone(&vault));
        let bench = Self { directory: Arc::new(directory), vault };
        for (user, rank) in [("U1", Rank::Administrator), ("U2", Rank::Member), ("U3", Rank::Guest)] {
            bench.directory.set_rank(&UserId::new(user), rank);
        }
        let add = |name: &str, user: &str| {
            bench.directory.name_channel(&bench.channel(name), name);
            bench.directory.join(&UserId::new(user), &bench.channel(name));
        };
        (0..MANY).for_each(|n| add(&format!("room-{n}"), "U1"));
        add("apart", "U2");
        add("room-0", "U3");
        for n in 1..MANY {
            bench.directory.set_rank(&UserId::new(format!("W{n}")), Rank::Member);
            add("room-0", &format!("W{n}"));
        }
        bench
    }
}

impl Bench for FakeBench {
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::<FakeDirectory>::clone(&self.directory)
    }

    fn vault(&self) -> Arc<dyn Vault> {
        Arc::<FakeVault>::clone(&self.vault)
    }

    fn channel(&self, name: &str) -> ChannelId {
        sample::channel("acc", name).channel
    }

    fn consent(&self, by: &str) -> Secret {
        self.directory.consent(&UserId::new(by))
    }

    fn revoke(&self, by: &str) {
        self.directory.revoke(&UserId::new(by));
    }

    fn rename(&self, channel: &str, name: &str) {
        self.directory.name_channel(&self.channel(channel), name);
    }

    fn call(&self, user: &str, name: &str) {
        self.directory.name_person(&UserId::new(user), name);
    }

    fn expire(&self) {
        self.directory.expire();
    }

    fn refreshes(&self) -> usize {
        self.directory.refreshes()
    }

    fn fail_next(&self, fault: Fault) {
        self.directory.fail_next(fault);
    }

    fn forbid_channels(&self) {
        self.directory.forbid_channels();
    }
}

directory_suite!(FakeBench::new());
