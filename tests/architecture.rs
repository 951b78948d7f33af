//! The arrows between the crates are law. A crate without a line in the table fails this test.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Each crate, and the crates of this workspace that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("zentry-domain", &[]),
    ("zentry-app", &["zentry-domain"]),
    ("zentry-ingress", &["zentry-app", "zentry-domain"]),
    ("zentry-zoom", &["zentry-domain", "zentry-http-client"]),
    ("zentry-sentry", &["zentry-domain", "zentry-http-client"]),
    ("zentry-sqlite", &["zentry-domain", "zentry-seal"]),
    ("zentry-http-client", &[]),
    ("zentry-seal", &[]),
    ("zentry-contract", &["zentry-domain"]),
    // Two readings of the same protocols must disagree out loud: it speaks only HTTP.
    ("zentry-sandbox", &[]),
    ("zentry-test-support", &["zentry-sandbox"]),
    (
        "zentry",
        &[
            "zentry-app",
            "zentry-domain",
            "zentry-http-client",
            "zentry-ingress",
            "zentry-sandbox",
            "zentry-seal",
            "zentry-sentry",
            "zentry-sqlite",
            "zentry-zoom",
        ],
    ),
];

/// What tests may see beside that.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    ("zentry-app", &["zentry-contract"]),
    ("zentry-ingress", &["zentry-contract"]),
    ("zentry-zoom", &["zentry-contract", "zentry-sandbox"]),
    ("zentry-sentry", &["zentry-contract", "zentry-sandbox"]),
    ("zentry-sqlite", &["zentry-contract"]),
    ("zentry", &["zentry-test-support", "zentry-sandbox"]),
];

/// Who alone may name a technology.
const OWNERS: &[(&str, &[&str])] = &[
    ("ureq", &["zentry-http-client"]),
    ("rusqlite", &["zentry-sqlite"]),
    ("hyper", &["zentry-ingress", "zentry-sandbox"]),
    ("tower", &["zentry-ingress"]),
    ("ring", &["zentry-app", "zentry-seal", "zentry-sentry", "zentry-zoom", "zentry-sandbox", "zentry"]),
    ("clap", &["zentry"]),
    ("tracing-subscriber", &["zentry"]),
    ("tracing-appender", &["zentry"]),
];

/// The domain takes leaf libraries only: no runtime, no HTTP, no SQL.
const DOMAIN_MAY_USE: &[&str] =
    &["async-trait", "jiff", "serde", "strsim", "thiserror", "unicode-segmentation", "zeroize"];

fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .exec()
        .expect("cargo metadata")
}

fn dependencies(package: &Package, kinds: &[DependencyKind]) -> BTreeSet<String> {
    package.dependencies.iter().filter(|d| kinds.contains(&d.kind)).map(|d| d.name.clone()).collect()
}

fn allowed(table: &[(&'static str, &'static [&'static str])]) -> BTreeMap<&'static str, BTreeSet<String>> {
    table.iter().map(|(name, deps)| (*name, deps.iter().map(ToString::to_string).collect())).collect()
}

#[test]
fn every_crate_depends_only_on_what_the_table_allows() {
    let (arrows, test_arrows) = (allowed(ARROWS), allowed(TEST_ARROWS));
    for package in workspace().workspace_packages() {
        let name = package.name.as_str();
        let may = arrows.get(name).unwrap_or_else(|| panic!("{name} has no line in the table of {}", file!()));
        let ours =
            |deps: BTreeSet<String>| deps.into_iter().filter(|d| d.starts_with("zentry")).collect::<BTreeSet<_>>();
        let normal = ours(dependencies(package, &[DependencyKind::Normal, DependencyKind::Build]));
        assert!(normal.is_subset(may), "{name} depends on {:?}", normal.difference(may).collect::<Vec<_>>());
        let in_tests = ours(dependencies(package, &[DependencyKind::Development]));
        let may_in_tests = test_arrows.get(name).cloned().unwrap_or_default();
        assert!(in_tests.is_subset(&may_in_tests), "tests of {name} depend on {in_tests:?}");
    }
}

#[test]
fn a_technology_is_named_by_its_owner_alone() {
    for package in workspace().workspace_packages() {
        let deps = dependencies(package, &[DependencyKind::Normal]);
        for (technology, owners) in OWNERS {
            let named = deps.contains(*technology);
            assert!(!named || owners.contains(&package.name.as_str()), "{} names {technology}", package.name);
        }
    }
}

#[test]
fn the_domain_knows_no_runtime_no_http_and_no_sql() {
    let metadata = workspace();
    let domain =
        metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == "zentry-domain").expect("domain");
    for dependency in dependencies(domain, &[DependencyKind::Normal]) {
        assert!(DOMAIN_MAY_USE.contains(&dependency.as_str()), "the domain depends on {dependency}");
    }
}
