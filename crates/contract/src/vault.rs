//! What every vault promises. The port is all that its suite needs, so there is no bench: the cases take an empty vault.

#![expect(missing_docs, reason = "the name of a case is the promise that it checks")]

use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{AccountId, Owner, Revision, Secret, Vault};

/// Emits one test a promise. The expression makes an empty vault, or something that derefs to one.
#[macro_export]
macro_rules! vault_suite {
    ($vault:expr) => {
        $crate::vault_suite! { @cases $vault;
            what_was_never_saved_is_not_there,
            what_was_saved_is_loaded_with_its_revision,
            saving_over_what_somebody_else_saved_conflicts,
            saving_anew_what_is_there_conflicts,
            saving_over_what_is_not_there_conflicts,
            what_was_deleted_is_gone,
            deleting_what_is_not_there_is_no_error,
            one_owners_names_do_not_answer_for_another,
            a_secret_of_any_text_comes_back_unchanged,
        }
    };
    (@cases $vault:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::vault::$case(&$vault).await;
            }
        )+
    };
}

pub async fn what_was_never_saved_is_not_there(vault: &impl Vault) {
    assert_eq!(loaded(vault, &key("acc", "token")).await, None);
}

pub async fn what_was_saved_is_loaded_with_its_revision(vault: &impl Vault) {
    let key = key("acc", "token");
    let first = save(vault, &key, "one", None).await.expect("saved");
    assert_eq!(loaded(vault, &key).await, Some(("one".into(), first)));

    let second = save(vault, &key, "two", Some(first)).await.expect("saved");
    assert_ne!(first, second);
    assert_eq!(loaded(vault, &key).await, Some(("two".into(), second)));
}

pub async fn saving_over_what_somebody_else_saved_conflicts(vault: &impl Vault) {
    let key = key("acc", "token");
    let seen = save(vault, &key, "one", None).await.expect("saved");
    let theirs = save(vault, &key, "theirs", Some(seen)).await.expect("saved");

    let ours = save(vault, &key, "ours", Some(seen)).await;
    assert!(matches!(ours, Err(VaultError::Conflict)), "{ours:?}");
    assert_eq!(loaded(vault, &key).await, Some(("theirs".into(), theirs)));
}

pub async fn saving_anew_what_is_there_conflicts(vault: &impl Vault) {
    let key = key("acc", "token");
    let theirs = save(vault, &key, "theirs", None).await.expect("saved");

    let ours = save(vault, &key, "ours", None).await;
    assert!(matches!(ours, Err(VaultError::Conflict)), "{ours:?}");
    assert_eq!(loaded(vault, &key).await, Some(("theirs".into(), theirs)));
}

pub async fn saving_over_what_is_not_there_conflicts(vault: &impl Vault) {
    let key = key("acc", "token");
    let seen = save(vault, &key, "one", None).await.expect("saved");
    vault.delete(&key).await.expect("deleted");

    let late = save(vault, &key, "late", Some(seen)).await;
    assert!(matches!(late, Err(VaultError::Conflict)), "{late:?}");
    assert_eq!(loaded(vault, &key).await, None);
}

pub async fn what_was_deleted_is_gone(vault: &impl Vault) {
    let (key, other) = (key("acc", "token"), key("acc", "another"));
    save(vault, &key, "one", None).await.expect("saved");
    save(vault, &other, "stays", None).await.expect("saved");

    vault.delete(&key).await.expect("deleted");
    assert_eq!(loaded(vault, &key).await, None);
    assert!(loaded(vault, &other).await.is_some());
}

pub async fn deleting_what_is_not_there_is_no_error(vault: &impl Vault) {
    vault.delete(&key("acc", "token")).await.expect("deleted already");
}

pub async fn one_owners_names_do_not_answer_for_another(vault: &impl Vault) {
    let ours = key("acc", "token");
    let theirs = key("other", "token");
    let installation = CredentialKey { owner: Owner::Sentry("acc".into()), ..ours.clone() };
    save(vault, &ours, "ours", None).await.expect("saved");
    assert_eq!(loaded(vault, &theirs).await, None);
    assert_eq!(loaded(vault, &installation).await, None);

    save(vault, &theirs, "theirs", None).await.expect("saved");
    vault.delete(&theirs).await.expect("deleted");
    vault.delete(&installation).await.expect("deleted already");
    assert_eq!(loaded(vault, &ours).await.map(|(secret, _)| secret), Some("ours".into()));
}

pub async fn a_secret_of_any_text_comes_back_unchanged(vault: &impl Vault) {
    let key = key("acc", "grant for ana@example.com: ü/\\'\"");
    let secret = format!("{{\"refresh\":\"\0\u{1f511}\"}}{}", "x".repeat(10_000));
    save(vault, &key, &secret, None).await.expect("saved");
    assert_eq!(loaded(vault, &key).await.map(|(secret, _)| secret), Some(secret));
}

fn key(account: &str, name: &str) -> CredentialKey {
    CredentialKey { owner: Owner::Zoom(AccountId::new(account)), name: name.into() }
}

async fn save(
    vault: &impl Vault,
    key: &CredentialKey,
    secret: &str,
    seen: Option<Revision>,
) -> Result<Revision, VaultError> {
    vault.save(key, &Secret::new(secret), seen).await
}

async fn loaded(vault: &impl Vault, key: &CredentialKey) -> Option<(String, Revision)> {
    let found = vault.load(key).await.expect("loaded");
    found.map(|(secret, revision)| (secret.expose().to_owned(), revision))
}
