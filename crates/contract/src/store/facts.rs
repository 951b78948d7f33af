use super::*;

pub async fn connecting_twice_conflicts(bench: &impl Bench) {
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;

    let mut again = subscription(sample::ops(), "checkout", 5);
    again.place.channel = ChannelId::new(again.place.channel.as_str().to_uppercase());
    conflicts(bench, change(RowChange::Subscribe(again))).await;
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "web", 0)))).await;
    commit(bench, change(RowChange::Subscribe(subscription(sample::channel("acc", "dev"), "checkout", 0)))).await;
    commit(bench, change(RowChange::Subscribe(subscription(sample::channel("other", "ops"), "checkout", 0)))).await;
}

pub async fn disconnecting_what_is_not_connected_changes_nothing(bench: &impl Bench) {
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;
    commit(bench, change(unsubscribe(sample::ops(), "web"))).await;
    commit(bench, change(unsubscribe(sample::channel("other", "ops"), "checkout"))).await;
    assert_eq!(projects_in(bench, &sample::ops()).await, ["checkout"]);
}

pub async fn a_disconnected_project_can_be_connected_again(bench: &impl Bench) {
    let subscribe = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)));
    commit(bench, subscribe.clone()).await;
    commit(bench, change(unsubscribe(sample::ops(), "checkout"))).await;
    assert_eq!(projects_in(bench, &sample::ops()).await, Vec::<String>::new());
    commit(bench, subscribe).await;
    assert_eq!(projects_in(bench, &sample::ops()).await, ["checkout"]);
}

pub async fn subscriptions_are_found_in_any_case_of_the_channel(bench: &impl Bench) {
    let mut ours = subscription(sample::ops(), "checkout", 0);
    ours.place.channel = ChannelId::new("OPS@Conference.xmpp.zoom.us");
    commit(bench, change(RowChange::Subscribe(ours))).await;

    let found = bench.facts().subscriptions_in(&acc(), &sample::ops().channel).await.expect("read");
    assert_eq!(found[0].place.channel.as_str(), "OPS@Conference.xmpp.zoom.us", "sent back as it came");
    commit(bench, change(unsubscribe(sample::ops(), "checkout"))).await;
    assert_eq!(projects_in(bench, &sample::ops()).await, Vec::<String>::new());
}

pub async fn subscriptions_come_oldest_first(bench: &impl Bench) {
    let dev = sample::channel("acc", "dev");
    for (place, project, since) in
        [(sample::ops(), "web", 20), (dev.clone(), "api", 30), (sample::ops(), "checkout", 10), (dev, "app", 30)]
    {
        commit(bench, change(RowChange::Subscribe(subscription(place, project, since)))).await;
    }
    assert_eq!(projects_in(bench, &sample::ops()).await, ["checkout", "web"]);
    let all = bench.facts().subscriptions_of(&acc()).await.expect("read");
    let all: Vec<_> = all.iter().map(|s| s.project.slug.as_str()).collect();
    assert_eq!(all, ["api", "app", "checkout", "web"]);
}

pub async fn subscribers_are_found_by_the_number_of_the_project(bench: &impl Bench) {
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "web", 0)))).await;

    // The number decides alone: the project has another slug by now.
    let renamed = ProjectKey {
        id: Some(ProjectId::new("id-checkout")),
        org: Some(OrgSlug::new("acme")),
        slug: Some(ProjectSlug::new("web")),
    };
    assert_eq!(subscribers(bench, &renamed).await, ["checkout"]);
    let unknown = ProjectKey { id: Some(ProjectId::new("id-new")), ..renamed };
    assert_eq!(subscribers(bench, &unknown).await, Vec::<String>::new());
}

pub async fn subscribers_are_found_by_organization_and_slug(bench: &impl Bench) {
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;

    let named = ProjectKey { id: None, org: Some(OrgSlug::new("acme")), slug: Some(ProjectSlug::new("checkout")) };
    assert_eq!(subscribers(bench, &named).await, ["checkout"]);
    let elsewhere = ProjectKey { org: Some(OrgSlug::new("globex")), ..named };
    assert_eq!(subscribers(bench, &elsewhere).await, Vec::<String>::new());
}

pub async fn a_slug_alone_finds_nobody(bench: &impl Bench) {
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;

    let slug = ProjectKey { slug: Some(ProjectSlug::new("checkout")), ..ProjectKey::default() };
    assert_eq!(subscribers(bench, &slug).await, Vec::<String>::new());
    let org = ProjectKey { org: Some(OrgSlug::new("acme")), ..ProjectKey::default() };
    assert_eq!(subscribers(bench, &org).await, Vec::<String>::new());
    assert_eq!(subscribers(bench, &ProjectKey::default()).await, Vec::<String>::new());
}

pub async fn subscribers_of_every_account_are_found(bench: &impl Bench) {
    for place in [sample::ops(), sample::channel("acc", "dev"), sample::channel("other", "ops")] {
        commit(bench, change(RowChange::Subscribe(subscription(place, "checkout", 0)))).await;
    }
    let checkout = ProjectKey { id: Some(ProjectId::new("id-checkout")), ..ProjectKey::default() };
    assert_eq!(subscribers(bench, &checkout).await.len(), 3);
}

pub async fn an_account_is_known_until_it_is_replaced(bench: &impl Bench) {
    let facts = bench.facts();
    assert_eq!(facts.account(&acc()).await.expect("read"), None);

    for installer in [Some(sample::ana().user), Some(sample::ben().user), None] {
        let since = installer.as_ref().map(|_| START);
        let account = Account { id: acc(), installer, since };
        commit(bench, change(RowChange::PutAccount(account.clone()))).await;
        assert_eq!(facts.account(&acc()).await.expect("read"), Some(account));
    }
    assert_eq!(facts.account(&other()).await.expect("read"), None);
}

pub async fn an_installation_stands_for_its_organization_until_removed(bench: &impl Bench) {
    let (acme, globex) = (OrgSlug::new("acme"), OrgSlug::new("globex"));
    let (one, two) = (InstallationId::new("i1"), InstallationId::new("i2"));
    let put = |installation: &InstallationId, org: &OrgSlug| {
        change(RowChange::PutInstallation { installation: installation.clone(), org: org.clone() })
    };
    commit(bench, put(&one, &acme)).await;
    commit(bench, put(&two, &globex)).await;

    let facts = bench.facts();
    assert_eq!(facts.installation(&one).await.expect("read"), Some(acme.clone()));
    assert_eq!(facts.installations_of(&globex).await.expect("read"), std::slice::from_ref(&two));
    assert_eq!(facts.installations_of(&OrgSlug::new("initech")).await.expect("read"), []);

    // The organization was renamed.
    commit(bench, put(&two, &OrgSlug::new("globex-2"))).await;
    assert_eq!(facts.installations_of(&globex).await.expect("read"), []);

    let token = |installation: &InstallationId| CredentialKey {
        owner: Owner::of_installation(installation),
        name: "installation".into(),
    };
    for installation in [&one, &two] {
        bench.vault().save(&token(installation), &Secret::new("token"), None).await.expect("saved");
    }
    commit(bench, change(RowChange::RemoveInstallation(one.clone()))).await;
    assert!(bench.vault().load(&token(&one)).await.expect("read").is_none(), "its token goes with it");
    assert!(bench.vault().load(&token(&two)).await.expect("read").is_some());
    assert_eq!(facts.installation(&one).await.expect("read"), None);
    assert!(facts.was_removed(&one).await.expect("read") && !facts.was_removed(&two).await.expect("read"));
    assert_eq!(facts.installations_of(&acme).await.expect("read"), []);
}

pub async fn one_accounts_facts_never_show_anothers(bench: &impl Bench) {
    let theirs = card("h1", sample::channel("other", "ops"));
    // The same numbers, in another account.
    let stranger = Person { account: other(), ..sample::ana() };
    let decision = change(RowChange::Subscribe(subscription(sample::channel("other", "ops"), "checkout", 0)))
        .and(RowChange::put_card(theirs.clone()))
        .and(RowChange::PutLink(link(1, stranger.clone())))
        .and(RowChange::LinkPerson(linked(stranger.clone(), "grant")))
        .and(RowChange::Saw { place: sample::channel("other", "ops"), person: stranger });
    commit(bench, decision).await;

    let facts = bench.facts();
    let ana = sample::ana().user;
    assert_eq!(facts.card(&acc(), &theirs.handle).await.expect("read"), None);
    assert_eq!(facts.subscriptions_in(&acc(), &sample::ops().channel).await.expect("read"), []);
    assert_eq!(facts.subscriptions_of(&acc()).await.expect("read"), []);
    assert_eq!(facts.open_link(&acc(), &ana).await.expect("read"), None);
    assert_eq!(facts.linked(&acc(), &ana).await.expect("read"), None);
    assert_eq!(facts.channels_known_to(&acc(), &ana).await.expect("read"), []);
    assert_eq!(facts.people_in(&acc(), &sample::ops().channel).await.expect("read"), []);

    assert!(facts.card(&other(), &theirs.handle).await.expect("read").is_some());
    assert!(facts.open_link(&other(), &ana).await.expect("read").is_some());
    assert!(facts.linked(&other(), &ana).await.expect("read").is_some());
}

fn unsubscribe(place: Place, project: &str) -> RowChange {
    RowChange::Unsubscribe { account: place.account, channel: place.channel, project: sample::project(project).id }
}

async fn projects_in(bench: &impl Bench, place: &Place) -> Vec<String> {
    let found = bench.facts().subscriptions_in(&place.account, &place.channel).await.expect("read");
    found.into_iter().map(|s| s.project.slug.as_str().to_owned()).collect()
}

async fn subscribers(bench: &impl Bench, project: &ProjectKey) -> Vec<String> {
    let found = bench.facts().subscribers(project).await.expect("read");
    found.into_iter().map(|s| s.project.slug.as_str().to_owned()).collect()
}

pub async fn the_subscriptions_to_an_organization_are_those_of_all_accounts(bench: &impl Bench) {
    let (here, there) = (sample::ops(), sample::channel("other", "ops"));
    for (place, project, since) in [(there, "checkout", 2), (here.clone(), "checkout", 1), (here, "web", 3)] {
        commit(bench, change(RowChange::Subscribe(subscription(place, project, since)))).await;
    }
    let org = sample::project("checkout").org;
    let found = bench.facts().subscriptions_to(&org).await.expect("read");
    let found: Vec<_> = found.iter().map(|s| (s.place.account.as_str(), s.project.slug.as_str())).collect();
    assert_eq!(found, [("acc", "checkout"), ("other", "checkout"), ("acc", "web")]);
    assert_eq!(bench.facts().subscribed_orgs().await.expect("read"), [org]);
    assert_eq!(bench.facts().subscriptions_to(&OrgSlug::new("nobody")).await.expect("read"), []);
}

pub async fn a_channel_knows_when_its_connections_were_changed(bench: &impl Bench) {
    let (ops, facts) = (sample::ops(), bench.facts());
    let changed = async || facts.changed(&acc(), &ops.channel).await.expect("read");
    assert_eq!(changed().await, None);
    let connected = subscription(ops.clone(), "checkout", 0);
    commit_at(bench, change(RowChange::Subscribe(connected.clone())), after(5)).await;
    assert_eq!(changed().await, Some(after(5)));
    let (channel, project) = (ops.channel.clone(), connected.project.id);
    commit_at(bench, change(RowChange::Unsubscribe { account: acc(), channel, project }), after(9)).await;
    assert_eq!(changed().await, Some(after(9)));
    assert_eq!(facts.changed(&other(), &ops.channel).await.expect("read"), None);
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(changed().await, None);
}
