//! Installations of the app: exchanged, confirmed, refreshed, and read with.

use super::*;

/// Its token is of no use before, and sees what is in its organization from then on.
pub async fn an_installation_is_confirmed_and_reads_with_its_own_token(bench: &impl Bench) {
    let issue = bench.issue(&bench.projects_of("globex")[0]).await;
    let (installation, code) = bench.install("globex").await;
    let own = of(&installation, "globex");
    let early = bench.tracker().issue(&own, &issue).await;
    assert!(matches!(early, Err(TrackerError::Unauthorized)), "{early:?}");
    assert!(!bench.is_confirmed(&installation));

    let whose = bench.tracker().install(&installation, &code).await.expect("installed");
    assert_eq!(whose, Some(OrgSlug::new("globex")));
    assert!(bench.is_confirmed(&installation));
    assert!(bench.tracker().issue(&own, &issue).await.expect("an answer").is_some());
    assert_eq!(organizations(bench, &own).await, ["globex"]);
    let seen = bench.tracker().projects(&own, &issue.org).await.expect("projects");
    assert_eq!(by_slug(seen), by_slug(bench.projects_of("globex")));
    let first_seen = zentry_domain::Timestamp(0);
    let issues = bench.tracker().issues_since(&own, &bench.projects_of("globex")[0], first_seen).await;
    assert!(issues.expect("an answer").is_some());
}

/// The webhook and the browser bring the same one, and a forged one may come at any time.
pub async fn an_installation_whose_code_comes_twice_stays_as_it_is(bench: &impl Bench) {
    let issue = bench.issue(&bench.projects_of("acme")[0]).await;
    let (installation, code) = bench.install("acme").await;
    let both =
        tokio::join!(bench.tracker().install(&installation, &code), bench.tracker().install(&installation, &code),);
    assert!(matches!(both, (Ok(_), Ok(_))), "{both:?}");
    bench.tracker().install(&installation, &Secret::new("forged")).await.expect("nothing is left to do");
    assert!(bench.tracker().issue(&of(&installation, "acme"), &issue).await.expect("an answer").is_some());
    assert_eq!(bench.refreshes().await, 0);
}

/// Nor is the right one used up by it.
pub async fn a_code_that_is_none_of_the_installations_gives_nothing(bench: &impl Bench) {
    let (installation, code) = bench.install("acme").await;
    let (other, others) = bench.install("globex").await;
    for forged in [Secret::new("forged"), others.clone()] {
        let installed = bench.tracker().install(&installation, &forged).await;
        let Err(TrackerError::Refused { why }) = installed else { panic!("{installed:?}") };
        assert!(!why.is_empty() && !why.contains('\n'), "{why:?}");
    }
    assert!(!bench.is_confirmed(&installation));
    for (installation, code) in [(installation, code), (other, others)] {
        bench.tracker().install(&installation, &code).await.expect("installed");
        assert!(bench.is_confirmed(&installation));
    }
}

/// Nothing is sent anywhere else than where a name belongs.
pub async fn an_installation_that_does_not_exist_is_gone(bench: &impl Bench) {
    let (installation, code) = bench.install("acme").await;
    bench.uninstall(&installation).await;
    for name in [installation.as_str(), "no-such-installation", "..", "a/b", ""] {
        let installed = bench.tracker().install(&InstallationId::new(name), &code).await;
        assert!(matches!(installed, Err(TrackerError::Gone)), "{name}: {installed:?}");
    }
}

/// Whatever the actor claims.
pub async fn an_installation_reads_its_own_organization_only(bench: &impl Bench) {
    let world = World::new(bench).await;
    let (installation, code) = bench.install("globex").await;
    bench.tracker().install(&installation, &code).await.expect("installed");
    for claimed in ["globex", "acme"] {
        let actor = of(&installation, claimed);
        assert_eq!(bench.tracker().issue(&actor, &world.issue).await.expect("an answer"), None, "{claimed}");
        assert_eq!(bench.tracker().projects(&actor, &acme()).await.expect("an answer"), [], "{claimed}");
    }
    assert!(organizations(bench, &of(&installation, "acme")).await.is_empty());
    let elsewhere = bench.projects_of("globex").remove(0);
    let found = bench.tracker().project(&of(&installation, "acme"), "globex", elsewhere.slug.as_str()).await;
    assert_eq!(found.expect("an answer"), None);
}

/// As with people: a refresh ends the token before it.
pub async fn the_token_of_an_installation_refreshes_by_itself_and_once(bench: &impl Bench) {
    let issue = bench.issue(&bench.projects_of("acme")[0]).await;
    let (installation, code) = bench.install("acme").await;
    bench.tracker().install(&installation, &code).await.expect("installed");
    let own = of(&installation, "acme");
    for round in 1..=2 {
        bench.expire().await;
        let both = tokio::join!(bench.tracker().issue(&own, &issue), bench.tracker().issue(&own, &issue));
        assert!(matches!(both, (Ok(Some(_)), Ok(Some(_)))), "{both:?}");
        assert_eq!(bench.refreshes().await, round);
    }
}

/// The code is still good then.
pub async fn an_installation_that_could_not_be_exchanged_now_is_exchanged_later(bench: &impl Bench) {
    let (installation, code) = bench.install("acme").await;
    for fault in [Fault::Down, Fault::Throttled { after: Some(Duration::from_secs(30)) }] {
        bench.fail_next(fault.clone()).await;
        let installed = bench.tracker().install(&installation, &code).await;
        assert!(is_passing(&installed.map(drop)), "{fault:?}");
        assert!(!bench.is_confirmed(&installation));
    }
    bench.tracker().install(&installation, &code).await.expect("installed");
    assert!(bench.is_confirmed(&installation));
}

/// Each call says so, so that others are asked instead.
pub async fn a_removed_installation_is_unauthorized(bench: &impl Bench) {
    let issue = bench.issue(&bench.projects_of("acme")[0]).await;
    let (installation, code) = bench.install("acme").await;
    bench.tracker().install(&installation, &code).await.expect("installed");
    bench.uninstall(&installation).await;
    for _ in 0..2 {
        let answer = bench.tracker().issue(&of(&installation, "acme"), &issue).await;
        assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
    }
}

fn of(installation: &InstallationId, org: &str) -> Actor {
    Actor::Installation { installation: installation.clone(), org: OrgSlug::new(org) }
}
