//! The main job through the real binary, over HTTP, against the doubles.

use std::time::Duration;

use zentry_test_support::sandbox::sentry::{NewIssue, Role};
use zentry_test_support::sandbox::{Cast, Fault};
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_with_linking_and_a_restart_at_every_turn() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("One step first: link your Sentry account").await;
    let link = town.link_for_jane().await;
    town.restart();

    let page = town.jane_signs_in(&link).await;
    let code = page.element("confirm-code").expect("a code");
    town.jane_reads("Signed in at Sentry as ana@acme.io").await;
    town.restart();

    town.jane_writes(&code).await;
    town.jane_reads("Linked as ana@acme.io. #checkout-alerts is now connected to acme / checkout.").await;
    town.jane_sees("Connected: acme / checkout").await;
    town.restart();

    town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    let card = town.jane_sees("New · [checkout] TimeoutError: pool exhausted").await;
    town.restart();

    town.jane_presses(&card, "Resolve").await;
    let edited = town.jane_sees("Resolved · [checkout]").await;
    assert_eq!(edited.id, card.id, "the same message is edited");
    assert_eq!(town.changes_by_ana(), 1);
    town.restart();

    town.jane_types("configure").await;
    town.jane_sees("acme / checkout · error and above").await;
    town.jane_types("disconnect acme checkout").await;
    town.jane_sees("Disconnected: acme / checkout, by Jane Dev.").await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    town.error_in(&town.cast.checkout, "KeyError: currency").await;
    town.cards_are_settled().await;
    assert!(!town.was_said("KeyError"), "the next event posts nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_with_an_internal_integration_alone() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect \"Acme Inc.\" Checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    let card = town.jane_sees("New · [checkout]").await;
    town.jane_presses(&card, "Archive").await;
    town.jane_sees("Archived until it escalates · [checkout]").await;
    let card = town.jane_sees("by Jane Dev at").await;
    assert_eq!(town.changes_by_the_integration(), 1);
    town.jane_presses(&card, "Reopen").await;
    town.jane_sees("Open again · [checkout]").await;
    town.jane_types("disconnect").await;
    town.jane_sees("Disconnected everything here (1): acme / checkout, by Jane Dev.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_were_typed_decide_what_is_posted_also_after_a_restart() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme web -title:“known noise” level:error").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    town.restart();
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    town.jane_sees("Title without \"known noise\".").await;
    town.restart();
    town.error_in(&town.cast.web, "The known NOISE again").await;
    town.cards_are_settled().await;
    assert!(!town.was_said("NOISE"), "it is left out");

    town.jane_types("configure acme/web levl:fatal").await;
    town.jane_sees("Did you mean level:fatal?").await;
    town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;
    town.jane_types("configure acme Web none").await;
    town.jane_sees("acme / web: now only new issues").await;
    town.error_in(&town.cast.web, "Known noise").await;
    town.jane_sees("New · [web] Known noise").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_for_production_hears_of_nothing_else() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web enviroment:production").await;
    town.jane_sees("Did you mean env:production?").await;
    town.jane_types("connect acme web env:production").await;
    town.jane_sees("Environment: production.").await;
    town.restart();
    let staging =
        NewIssue { environment: Some("staging".to_owned()), ..NewIssue::error("TimeoutError: only a rehearsal") };
    let raised = town.sandbox.sentry.raise(&town.cast.web, staging).await;
    kept(raised.delivery);
    town.error_in(&town.cast.web, "KeyError: currency").await;
    town.jane_sees("New · [web · production] KeyError: currency").await;
    assert!(!town.was_said("rehearsal"), "it was told of first, and its latest event is in staging");

    town.sandbox.sentry.happen_in(raised.issue, Some("production"), None, &[]);
    kept(town.sandbox.sentry.alert(raised.issue, "Page on it").await);
    town.jane_sees("[web · production] TimeoutError: only a rehearsal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_in_staging_is_told_of_as_new_in_production() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    let staging = NewIssue { environment: Some("staging".to_owned()), ..NewIssue::error("KeyError: currency") };
    let raised = town.sandbox.sentry.raise(&town.cast.web, staging).await;
    kept(raised.delivery);
    kept(town.sandbox.sentry.alert(raised.issue, "Page on it").await);
    town.jane_sees("[web · staging] KeyError: currency").await;
    town.sandbox.sentry.happen_in(raised.issue, Some("production"), None, &[]);
    kept(town.sandbox.sentry.alert(raised.issue, "Page on it").await);
    town.jane_sees("First in production · [web] KeyError: currency").await;
    town.jane_sees("Seen in staging since a minute.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_chosen_from_lists_that_are_edited_in_place() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    town.jane_types("configure").await;
    let list = town.jane_sees("gets 1 project").await;
    town.jane_presses(&list, "Channel settings").await;
    let panel = town.jane_sees("Settings of #").await;
    town.restart();
    let zoom = &town.sandbox.zoom;
    kept(zoom.choose(&town.cast.jane, &panel, "Density", "compact").await.expect("the option is there"));
    town.jane_sees("Density: compact.").await;
    town.error_in(&town.cast.web, "TimeoutError: pool exhausted").await;
    town.jane_sees("New · [web] TimeoutError: pool exhausted — ").await;
    let panel = town.jane_sees("Settings of #").await;
    assert_eq!(panel.history.len(), 1, "the same message was edited");

    town.jane_presses(&list, "Edit acme/web").await;
    let filters = town.jane_sees("Level, and above").await;
    kept(town.sandbox.zoom.choose(&town.cast.jane, &filters, "Level, and above", "fatal").await.expect("it is there"));
    town.jane_sees("acme / web: now only new issues, issues that come back, issues that escalate, alerts; fatal only")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_no_name_chooses_from_lists_and_reads_the_clock_at_home() {
    let town = Town::with_integration(ZENTRY).await;
    let zoom = &town.sandbox.zoom;
    town.jane_types("connect").await;
    let asked = town.jane_sees("See my organizations").await;
    town.jane_presses(&asked, "See my organizations").await;
    let orgs = town.jane_sees("Which organization?").await;
    let acme = orgs.selects()[0].options.iter().find(|option| option.0.starts_with("acme")).expect("listed").0.clone();
    kept(zoom.choose(&town.cast.jane, &orgs, "Organization", &acme).await.expect("the option is there"));
    let projects = town.jane_sees("Which project of acme?").await;
    kept(zoom.choose(&town.cast.jane, &projects, "Project", "checkout").await.expect("the option is there"));
    town.jane_sees("Connected: acme / checkout").await;

    town.jane_types("configure").await;
    let panel = town.jane_sees("Channel settings").await;
    town.jane_presses(&panel, "Channel settings").await;
    let panel = town.jane_sees("Settings of").await;
    kept(zoom.choose(&town.cast.jane, &panel, "Time zone", "Kathmandu (Asia)").await.expect("the option is there"));
    town.jane_sees("Time zone: Kathmandu (Asia).").await;
    town.jane_types("mute 1h").await;
    town.jane_sees("+0545 (60 min)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_can_be_done_about_an_issue_is_done_from_its_card() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    let zoom = &town.sandbox.zoom;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    let choose = async |list: &str, option: &str, then: &str| {
        let card = town.jane_sees("TimeoutError: pool exhausted").await;
        kept(zoom.choose(&town.cast.jane, &card, list, option).await.expect("the option is there"));
        town.jane_sees(then).await
    };
    let card = choose("Archive", "for 100 events", "Archived for 100 events · ").await;
    town.jane_presses(&card, "Reopen").await;
    town.jane_sees("Open again · ").await;
    // The project has no release yet, and Sentry says so to whoever pressed.
    choose("Resolve", "in the next release", "Not resolved: ").await;

    let card = town.jane_sees("Open again · ").await;
    town.jane_presses(&card, "Assign").await;
    let question = town.jane_sees("To whom does CHECKOUT-1 go?").await;
    kept(zoom.choose(&town.cast.jane, &question, "Assign to", "me (ana@acme.io)").await.expect("the option is there"));
    town.jane_sees("Assigned to Ana").await;
    let told = town.sandbox.sentry.issue(issue).expect("it is there");
    assert_eq!(told["assignedTo"]["id"], town.cast.ana.id.to_string());

    town.sandbox.sentry.faults().next(Fault::Late(Duration::from_secs(3)));
    let card = town.jane_sees("Assigned to Ana").await;
    town.jane_presses(&card, "Resolve").await;
    town.jane_sees("Resolving… (Jane Dev) · ").await;
    let card = town.jane_sees("Resolved · ").await;
    assert!(card.to_string().contains(" · 1 user · error"), "{card}");
    assert!(card.to_string().contains(" assigned Ana · "), "the steps that led here: {card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_people_those_are_offered_of_whose_name_a_part_was_typed() {
    let (cast, zoom, mut sentry) = Cast::assemble();
    for n in 0..60 {
        let user = sentry.user(&format!("Person {n:02}"), &format!("person{n}@acme.io"));
        sentry.join(&user, &cast.acme, Role::Member);
    }
    let town = Town::of(ZENTRY, cast, zoom, sentry).await.opened();
    let zoom = &town.sandbox.zoom;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    let card = town.jane_sees("New · ").await;
    town.jane_presses(&card, "Assign").await;
    let list = town.jane_sees("To whom does CHECKOUT-1 go?").await;
    kept(zoom.type_into(&town.cast.jane, &list, "Find a name", "jo").await.expect("the field is there"));
    let list = town.jane_sees("No match for \"jo\" among 6").await;
    kept(zoom.type_into(&town.cast.jane, &list, "Find a name", " SON 4").await.expect("the field is there"));
    let list = town.jane_sees("Those whose names hold \"SON 4\".").await;
    kept(zoom.choose(&town.cast.jane, &list, "People", "Person 42").await.expect("the option is there"));
    town.jane_sees("CHECKOUT-1 goes to Person 42.").await;
    town.jane_sees("Assigned to Person 42").await;
    assert_eq!(town.sandbox.sentry.issue(issue).expect("it is there")["assignedTo"]["name"], "Person 42");
    assert_eq!(town.messages(), 3, "the answer, the card and one list");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_about_an_issue_is_told_under_its_card_where_the_channel_wants_it() {
    let town = Town::with_integration(ZENTRY).await;
    for project in ["checkout", "web"] {
        town.jane_types(&format!("connect acme {project} event:new,comment")).await;
        town.jane_sees(&format!("Connected: acme / {project}")).await;
    }
    let sentry = &town.sandbox.sentry;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    let card = town.jane_sees("New · [checkout] TimeoutError").await;
    town.cards_are_settled().await;
    kept(sentry.comment(issue, &town.cast.max, "looking into it").await);
    let told = town.jane_sees("Max: looking into it").await;
    assert_eq!(told.reply_to, Some(card.id));

    let quiet = sentry.raise(&town.cast.checkout, NewIssue { level: "info".into(), ..NewIssue::error("Slow") }).await;
    kept(quiet.delivery);
    kept(sentry.comment(quiet.issue, &town.cast.max, "this one too").await);
    town.jane_sees("Comment · [checkout] Slow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_what_the_analysis_found_and_a_rule_that_fires_for_an_activity_reach_whoever_wants_them() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme checkout event:error,seer,alert").await;
    town.jane_sees("Connected: acme / checkout").await;
    let sentry = &town.sandbox.sentry;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError: pool exhausted").await;
    assert!(!town.was_said("TimeoutError"), "what is new is not wanted");
    kept(sentry.error(issue).await);
    let card = town.jane_sees("Seen · [checkout · production] TimeoutError").await;
    for (action, words, told) in [
        ("root_cause_started", "", ""),
        ("root_cause_completed", "The pool is too small.", "The pool is too small."),
        ("solution_completed", "Raise the limit", "Raise the limit"),
        ("coding_completed", "Raise the limit of the pool", "Raise the limit of the pool"),
        ("pr_created", "", "acme/shop"),
    ] {
        kept(sentry.analyse(issue, action, words).await);
        if !told.is_empty() {
            assert_eq!(town.jane_sees(told).await.reply_to.as_ref(), Some(&card.id), "{action}");
        }
    }
    kept(sentry.activity_alert(issue, "Page on escalation", "SET_ESCALATING").await);
    let card = town.jane_sees("Rule: \"Page on escalation\"").await;
    assert!(card.links().iter().any(|link| link.contains("/alerts/rules/?project=")), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_comes_back_calls_whose_it_is_by_a_message_of_its_own() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    let (sentry, ana) = (&town.sandbox.sentry, &town.cast.ana);
    let issue = town.error_in(&town.cast.checkout, "<!all> *every* TimeoutError").await;
    town.jane_sees("New · [checkout]").await;
    kept(sentry.assign(issue, ana, ana).await);
    kept(sentry.resolve(issue, ana).await);
    town.jane_sees("Resolved ").await;
    kept(sentry.regress(issue).await);
    let card = town.jane_sees("Came back · [checkout]").await;
    let call = town.jane_sees("this came back and is assigned to you.").await;
    assert_eq!(call.reply_to, Some(card.id));
    assert!(call.markdown && call.to_string().starts_with(&format!("<!{}|Jane Dev>", town.cast.jane.jid())), "{call}");
    let others = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    assert_eq!(others.iter().filter(|message| message.markdown).count(), 1, "nothing else is markdown");

    town.jane_types("mentions off").await;
    town.jane_sees("Mentions off: no message calls you any more.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_delivery_of_any_webhook_changes_nothing() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    let after_connect = town.messages();
    kept(town.sandbox.zoom.redeliver_last().await.expect("the code"));
    town.answers_are_said().await;
    assert_eq!(town.messages(), after_connect + 1);
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;

    town.error_in(&town.cast.checkout, "TimeoutError").await;
    let card = town.jane_sees("New · [checkout]").await;
    kept(town.sandbox.sentry.redeliver_last().await.expect("issue.created"));
    town.jane_presses(&card, "Resolve").await;
    town.jane_sees("Resolved · [checkout]").await;
    kept(town.sandbox.zoom.redeliver_last().await.expect("the press"));
    kept(town.sandbox.sentry.redeliver_last().await.expect("issue.resolved"));
    town.cards_are_settled().await;
    let card = town.jane_sees("Resolved · [checkout]").await;
    assert_eq!(card.history.len(), 1, "edited once");
    assert_eq!(town.changes_by_ana(), 1, "Sentry was asked once");

    town.jane_types("disconnect").await;
    town.jane_sees("Disconnected everything here (2)").await;
    town.jane_connects_again().await;
    kept(town.sandbox.zoom.redeliver_last().await.expect("connect"));
    town.jane_types("configure").await;
    town.jane_sees("gets 1 project").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_before_a_kill_is_sent_after_it() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    town.sandbox.zoom.faults().next_times(2, &Fault::status(503));
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    town.kill_and_start();
    town.jane_sees("New · [checkout] TimeoutError").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_there_get_the_nearest_that_the_asker_may_see() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    town.jane_types("connect globex secret").await;
    let answer =
        town.jane_sees("I cannot find \"globex\" among the organizations of your Sentry account (ana@acme.io).").await;
    assert!(answer.visible_to.is_some(), "only Jane sees it");
    town.jane_types("connect acne web").await;
    town.jane_sees("Did you mean acme (Acme Inc.)?").await;
    town.jane_types("connect acme wep").await;
    town.jane_sees("Closest: web").await;
    town.jane_types("configure").await;
    town.jane_sees("gets 1 project").await;
}

trait Again {
    async fn jane_connects_again(&self);
}

impl Again for Town {
    async fn jane_connects_again(&self) {
        let connected = |messages: &[zentry_test_support::sandbox::zoom::Message]| {
            (messages.iter().filter(|m| m.to_string().contains("Connected: acme / checkout")).count() == 2)
                .then_some(())
        };
        self.jane_types("connect acme checkout").await;
        let zoom = &self.sandbox.zoom;
        let waited = zoom.wait_until(
            &self.cast.alerts,
            &self.cast.jane,
            "connected again",
            zentry_test_support::PATIENCE,
            connected,
        );
        waited.await.expect("connected again");
    }
}
