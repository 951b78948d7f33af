//! What is insisted on before the file is trusted, and what the operator is told.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use common::{Disk, credential};
use zentry_domain::ports::VaultError;
use zentry_domain::{Secret, Vault};
use zentry_seal::new_key;
use zentry_sqlite::OpenError;

#[tokio::test]
async fn the_settings_that_durability_and_secrecy_rest_on_hold() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let settings = sqlite.settings().await.unwrap();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for wanted in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("busy_timeout", "250"),
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("secure_delete", "1"),
        ("temp_store", "2"),
        ("mmap_size", "0"),
        ("wal_autocheckpoint", "0"),
        ("journal_size_limit", "67108864"),
        ("auto_vacuum", "2"),
    ] {
        assert!(settings.contains(&wanted), "{wanted:?} in {settings:?}");
    }
    sqlite.check().await.unwrap();
}

#[tokio::test]
async fn every_file_is_for_the_owners_eyes_only() {
    let disk = Disk::new();
    std::fs::write(disk.path(), "").unwrap();
    std::fs::set_permissions(disk.path(), PermissionsExt::from_mode(0o644)).unwrap();
    let sqlite = disk.open();
    sqlite.vault().save(&credential("acc"), &Secret::new("token"), None).await.unwrap();
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = std::fs::metadata(disk.beside(suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_has_closed() {
    let disk = Disk::new();
    let first = disk.open();
    let refused = disk.try_open(&disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused:?}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");

    first.close().await;
    disk.open();
}

#[tokio::test]
async fn closing_leaves_one_file_and_answers_what_comes_later() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let vault = sqlite.vault();
    vault.save(&credential("acc"), &Secret::new("token"), None).await.unwrap();
    sqlite.close().await;
    sqlite.close().await;
    assert!(!disk.beside("-wal").exists() && !disk.beside("-shm").exists());

    let late = vault.save(&credential("other"), &Secret::new("token"), None).await;
    assert!(matches!(late, Err(VaultError::Unavailable(_))), "{late:?}");
    let late = vault.load(&credential("acc")).await;
    assert!(matches!(late, Err(VaultError::Unavailable(_))), "{late:?}");
    let vault = disk.open().vault();
    assert!(vault.load(&credential("acc")).await.unwrap().is_some());
}

#[tokio::test]
async fn an_open_store_is_well_until_it_is_closed() {
    let sqlite = Disk::new().open();
    assert!(sqlite.is_well());
    sqlite.close().await;
    assert!(!sqlite.is_well());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    disk.open().close().await;
    disk.tamper("PRAGMA user_version = 99");
    let before = disk.bytes();

    let refused = disk.try_open(&disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, known: 12, .. }), "{refused:?}");
    assert!(refused.to_string().contains("has schema 99, and this build knows 12"), "{refused}");
    assert_eq!(disk.bytes(), before);
}

#[test]
fn another_programs_file_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    disk.tamper("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    let before = disk.bytes();

    let refused = disk.try_open(&disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
    assert_eq!(disk.bytes(), before);
}

#[test]
fn what_is_no_database_or_has_no_place_cannot_be_opened() {
    let disk = Disk::new();
    std::fs::write(disk.path(), "to be or not to be, that is the question".repeat(100)).unwrap();
    let refused = disk.try_open(&disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Unreadable { .. }), "{refused:?}");

    let nowhere = disk.path().join("missing").join("zentry.db");
    let keys = zentry_seal::Keyring::parse(&disk.keys).unwrap();
    let refused = zentry_sqlite::Sqlite::open(&nowhere, keys).unwrap_err();
    assert!(matches!(refused, OpenError::Unreadable { .. }), "{refused:?}");
    assert!(refused.source().is_some());
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_named() {
    let disk = Disk::new();
    let sqlite = disk.open();
    sqlite.vault().save(&credential("acc"), &Secret::new("token"), None).await.unwrap();
    sqlite.close().await;

    for wrong in [format!("k2:{}", *new_key()), format!("k1:{}", *new_key())] {
        let refused = disk.try_open(&wrong).unwrap_err();
        assert!(matches!(&refused, OpenError::Key { id, .. } if id == "k1"), "{refused:?}");
        assert!(!format!("{refused:?}").contains(&wrong[3..]), "a key is never printed");
    }
    let rotated = disk.try_open(&format!("k2:{},{}", *new_key(), disk.keys)).unwrap();
    let (secret, _) = rotated.vault().load(&credential("acc")).await.unwrap().unwrap();
    assert_eq!(secret.expose(), "token");
}

#[tokio::test]
async fn one_damaged_value_does_not_keep_the_store_down() {
    let disk = Disk::new();
    let sqlite = disk.open();
    for account in ["acc", "other"] {
        sqlite.vault().save(&credential(account), &Secret::new("token"), None).await.unwrap();
    }
    sqlite.close().await;
    disk.tamper("UPDATE credential SET sealed = CAST(sealed || x'00' AS BLOB) WHERE owner = 'zoom:acc'");

    let vault = disk.open().vault();
    let damaged = vault.load(&credential("acc")).await;
    assert!(matches!(damaged, Err(VaultError::Sealed(_))), "{damaged:?}");
    assert!(vault.load(&credential("other")).await.unwrap().is_some());
}
