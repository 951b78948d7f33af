//! The fake that the vendors' adapters are tested with keeps the promises of every vault.

use zentry_contract::fake::FakeVault;
use zentry_contract::vault_suite;

vault_suite!(FakeVault::default());
