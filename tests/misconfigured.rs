//! Every mistake in the settings is told on one line that names the setting and the mend, before anything is done.

use std::collections::BTreeMap;

use zentry_test_support::Town;

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Settings that are wrong, the one that is named, and words of the mend.
type Mistake<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// Each ends the bot with 64. An empty value counts as unset.
const MISTAKES: &[Mistake<'_>] = &[
    // Missing, with where it is found.
    (&[("ZENTRY_PUBLIC_URL", "")], "ZENTRY_PUBLIC_URL is missing", "the https address at which Zoom"),
    (&[("ZENTRY_KEYS", "")], "ZENTRY_KEYS is missing", "`zentry keys new`"),
    (&[("ZENTRY_ZOOM_CLIENT_ID", "")], "ZENTRY_ZOOM_CLIENT_ID is missing", "App Credentials, Client ID"),
    (&[("ZENTRY_ZOOM_CLIENT_SECRET", "")], "ZENTRY_ZOOM_CLIENT_SECRET is missing", "App Credentials, Client Secret"),
    (&[("ZENTRY_ZOOM_BOT_JID", "")], "ZENTRY_ZOOM_BOT_JID is missing", "Team Chat, Bot JID"),
    (&[("ZENTRY_ZOOM_SECRET_TOKEN", "")], "ZENTRY_ZOOM_SECRET_TOKEN is missing", "Access, Token, Secret Token"),
    (&[("ZENTRY_ZOOM_SECRET_TOKEN", " , ")], "ZENTRY_ZOOM_SECRET_TOKEN is missing", "Access, Token, Secret Token"),
    (
        &[("ZENTRY_SENTRY_TOKEN", "")],
        "ZENTRY_SENTRY_TOKEN is missing, but ZENTRY_SENTRY_ORG is set",
        "the integration, Tokens",
    ),
    (&[("ZENTRY_SENTRY_ORG", "")], "ZENTRY_SENTRY_ORG is missing, but ZENTRY_SENTRY_TOKEN is set", "Organization Slug"),
    (
        &[("ZENTRY_SENTRY_CLIENT_SECRET", "")],
        "ZENTRY_SENTRY_CLIENT_SECRET is missing",
        "the integration, Client Secret",
    ),
    (&[("ZENTRY_SENTRY_ORG", ""), ("ZENTRY_SENTRY_TOKEN", "")], "ZENTRY_SENTRY_ORG is missing", "for a Sentry App set"),
    (
        &[("ZENTRY_SENTRY_APP_SLUG", "zentry")],
        "ZENTRY_SENTRY_CLIENT_ID is missing, but ZENTRY_SENTRY_APP_SLUG",
        "the Sentry App, Client ID",
    ),
    (&[("ZENTRY_SENTRY_CLIENT_ID", "id")], "ZENTRY_SENTRY_APP_SLUG is missing", "the slug in the Sentry App's address"),
    (
        &[("ZENTRY_SENTRY_OAUTH_CLIENT_ID", "id")],
        "ZENTRY_SENTRY_OAUTH_CLIENT_SECRET is missing",
        "API, Applications, Client Secret",
    ),
    (
        &[("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "s")],
        "ZENTRY_SENTRY_OAUTH_CLIENT_ID is missing",
        "API, Applications, Client ID",
    ),
    (
        &[("ZENTRY_TLS_CERT", "cert.pem")],
        "ZENTRY_TLS_KEY is missing, but ZENTRY_TLS_CERT is set",
        "the PEM file with the key",
    ),
    // Addresses.
    (
        &[("ZENTRY_PUBLIC_URL", "http://bot.example.com")],
        "ZENTRY_PUBLIC_URL must begin with https://",
        "plain http is for loopback",
    ),
    (&[("ZENTRY_PUBLIC_URL", "bot.example.com")], "ZENTRY_PUBLIC_URL is no address", "begins with https://"),
    (&[("ZENTRY_PUBLIC_URL", "ftp://bot.example.com")], "ZENTRY_PUBLIC_URL must begin with https://", "https://"),
    (
        &[("ZENTRY_PUBLIC_URL", "https://bot.example.com/zoom/events")],
        "ZENTRY_PUBLIC_URL ends with /zoom/events",
        "leave it out here",
    ),
    (
        &[("ZENTRY_PUBLIC_URL", "https://bot.example.com/sentry/webhook/")],
        "ZENTRY_PUBLIC_URL ends with /sentry/webhook",
        "leave it out here",
    ),
    (
        &[("ZENTRY_PUBLIC_URL", "https://ana:s3cret@bot.example.com")],
        "ZENTRY_PUBLIC_URL must be an address without user",
        "without user",
    ),
    (&[("ZENTRY_SENTRY_URL", "sentry.io")], "ZENTRY_SENTRY_URL is no address", "begins with https://"),
    (
        &[("ZENTRY_SENTRY_URL", "https://sentry.example.com/api/0/")],
        "ZENTRY_SENTRY_URL ends with /api/0",
        "leave it out",
    ),
    (
        &[("ZENTRY_SENTRY_URL", "http://sentry.example.com")],
        "ZENTRY_SENTRY_URL must begin with https://",
        "loopback only",
    ),
    (&[("ZENTRY_ZOOM_API", "https://api.zoom.us/v2")], "ZENTRY_ZOOM_API ends with /v2", "leave it out"),
    (
        &[("ZENTRY_ZOOM_OAUTH", "https://zoom.us/oauth/token")],
        "ZENTRY_ZOOM_OAUTH ends with /oauth/token",
        "leave it out",
    ),
    (&[("ZENTRY_OUTBOUND_PROXY", "proxy")], "ZENTRY_OUTBOUND_PROXY is no address", "http://proxy.example.com:3128"),
    (&[("ZENTRY_LISTEN", "8080")], "ZENTRY_LISTEN must be an address and a port", "127.0.0.1:8080"),
    (&[("ZENTRY_OPS_LISTEN", "localhost")], "ZENTRY_OPS_LISTEN must be an address and a port", "127.0.0.1:8080"),
    (
        &[("ZENTRY_LISTEN", "127.0.0.1:9"), ("ZENTRY_OPS_LISTEN", "127.0.0.1:9")],
        "ZENTRY_OPS_LISTEN is the same as ZENTRY_LISTEN",
        "a port of their own",
    ),
    // Values.
    (&[("ZENTRY_KEYS", "k1:canary")], "ZENTRY_KEYS sealing key k1", "`zentry keys new` prints a good one"),
    (&[("ZENTRY_KEYS", "canary")], "ZENTRY_KEYS sealing key number 1 is not written as id:key", "`zentry keys new`"),
    (
        &[(
            "ZENTRY_KEYS",
            "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        )],
        "ZENTRY_KEYS sealing key k1 is given twice",
        "`zentry keys new`",
    ),
    (&[("ZENTRY_STORE", "zentry.db")], "ZENTRY_STORE must be sqlite:PATH", "sqlite:PATH"),
    (&[("ZENTRY_STORE", "postgres://bot:s3cret@db/zentry")], "ZENTRY_STORE names PostgreSQL", "use sqlite:PATH"),
    (&[("ZENTRY_ZOOM_BOT_JID", "Sentry Bot")], "ZENTRY_ZOOM_BOT_JID is no JID", "v1…@xmpp.zoom.us"),
    (
        &[("ZENTRY_ZOOM_BOT_JID", "abc@conference.xmpp.zoom.us")],
        "ZENTRY_ZOOM_BOT_JID is a channel's JID",
        "under Team Chat",
    ),
    (&[("ZENTRY_ZOOM_RATE", "fast")], "ZENTRY_ZOOM_RATE must be a whole number", "0 is no limit"),
    (&[("ZENTRY_ZOOM_DIRECTORY", "true")], "ZENTRY_ZOOM_DIRECTORY must be on or off", "on or off"),
    (&[("ZENTRY_COMMAND", "my sentry")], "ZENTRY_COMMAND must be one word", "as entered in the Zoom app"),
    (
        &[("ZENTRY_SENTRY_ORG", "Acme Inc.")],
        "ZENTRY_SENTRY_ORG must be a slug",
        "the address of the organization's settings",
    ),
    (
        &[("ZENTRY_SENTRY_ORG", "https://sentry.io/organizations/acme/")],
        "ZENTRY_SENTRY_ORG must be a slug",
        "no address",
    ),
    (&[("ZENTRY_ALLOWED_ORGS", "acme, Globex Ltd")], "ZENTRY_ALLOWED_ORGS must be a slug", "no name"),
    (&[("ZENTRY_MANAGERS", "jane@acme.io")], "ZENTRY_MANAGERS holds a JID or an e-mail address", "whoami"),
    (&[("ZENTRY_POLICY_CONNECT", "everyone")], "ZENTRY_POLICY_CONNECT must be anyone, linked or managers", "anyone"),
    (
        &[("ZENTRY_POLICY_CONNECT", "linked")],
        "ZENTRY_POLICY_CONNECT is linked, but nobody can link",
        "ZENTRY_SENTRY_OAUTH_CLIENT_ID",
    ),
    (
        &[("ZENTRY_POLICY_CONNECT", "managers")],
        "ZENTRY_POLICY_CONNECT is managers, but nobody can be one",
        "ZENTRY_MANAGERS",
    ),
    (&[("ZENTRY_STORM_BUDGET", "-1")], "ZENTRY_STORM_BUDGET must be a whole number", "0 is no limit"),
    (&[("ZENTRY_ALLOW_PRIVATE_SENTRY", "10.0.0.1/40")], "ZENTRY_ALLOW_PRIVATE_SENTRY must be networks", "10.0.0.0/8"),
    (&[("ZENTRY_TRUSTED_PROXIES", "proxy")], "ZENTRY_TRUSTED_PROXIES must be networks", "10.0.0.0/8"),
    (&[("ZENTRY_LOG", "=/=")], "ZENTRY_LOG: ", "try info"),
    (&[("ZENTRY_LOG_FORMAT", "xml")], "ZENTRY_LOG_FORMAT must be text or json", "text or json"),
    // Files.
    (&[("ZENTRY_KEYS_FILE", "/nowhere/keys")], "ZENTRY_KEYS is set, and so is ZENTRY_KEYS_FILE", "unset one of them"),
    (
        &[("ZENTRY_KEYS", ""), ("ZENTRY_KEYS_FILE", "/nowhere/keys")],
        "ZENTRY_KEYS_FILE cannot be read",
        "check the path",
    ),
    (&[("ZENTRY_CA_FILE", "/nowhere/ca.pem")], "ZENTRY_CA_FILE cannot be read", "check the path"),
    (&[("ZENTRY_CA_FILE", "/dev/null")], "ZENTRY_CA_FILE or ZENTRY_OUTBOUND_PROXY", "PEM"),
    (
        &[("ZENTRY_TLS_CERT", "/nowhere/c.pem"), ("ZENTRY_TLS_KEY", "/nowhere/k.pem")],
        "ZENTRY_TLS_CERT",
        "/nowhere/c.pem",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_ends_it_with_64_and_one_line_that_names_the_setting_and_the_mend() {
    assert!(MISTAKES.len() >= 40);
    let town = Town::built(ZENTRY).await;
    for (settings, names, mend) in MISTAKES {
        let mut setup = town.setup.clone();
        setup.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let said = setup.run(&["serve"]).failed(64);
        let line = said.strip_prefix("zentry: ").unwrap_or_else(|| panic!("{settings:?}: {said}"));
        assert!(line.starts_with(names) && line.contains(mend), "{settings:?}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("canary"), "{said}");
    }
    // Only the folder is as it was.
    assert!(std::fs::read_dir(town.folder()).expect("a folder").next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_that_refuses_right_values_ends_it_with_1_and_says_which_and_what_to_do() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    let other = Town::built(ZENTRY).await;
    let file = |name: &str, bytes: &[u8]| {
        let path = other.folder().join(name);
        std::fs::write(&path, bytes).expect("written");
        format!("sqlite:{}", path.display())
    };
    let (own, theirs) = (other.setup.settings.clone(), town.setup.settings.clone());
    let refused = |changes: &[(&str, String)], names: &str, mend: &str| {
        let mut setup = other.setup.clone();
        setup.settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let said = setup.run(&["serve"]);
        let last = said.stderr.lines().last().unwrap_or_default();
        assert_eq!(said.code, 1, "{changes:?}: {}", said.stderr);
        assert!(last.starts_with(&format!("zentry: {names}")) && last.contains(mend), "{changes:?}: {last}");
    };
    let taken = |settings: &BTreeMap<String, String>, name: &str| settings[name].clone();
    refused(&[("ZENTRY_LISTEN", taken(&theirs, "ZENTRY_LISTEN"))], "ZENTRY_LISTEN: ", "or set another address");
    refused(
        &[("ZENTRY_OPS_LISTEN", taken(&theirs, "ZENTRY_OPS_LISTEN"))],
        "ZENTRY_OPS_LISTEN: ",
        "or set another address",
    );
    refused(&[("ZENTRY_STORE", taken(&theirs, "ZENTRY_STORE"))], "ZENTRY_STORE: ", "stop that one first");
    refused(
        &[("ZENTRY_STORE", "sqlite:/nowhere/zentry.db".into())],
        "ZENTRY_STORE: ",
        "check its path and permissions",
    );
    refused(
        &[("ZENTRY_STORE", file("notes.db", b"not a database at all, but long enough to be looked at"))],
        "ZENTRY_STORE: ",
        "check its path",
    );
    refused(&[("ZENTRY_LISTEN", "203.0.113.7:8080".into())], "ZENTRY_LISTEN: ", "or set another address");

    town.stop();
    let store = town.folder().join("zentry.db");
    let newer = |path: &std::path::Path| {
        let conn = rusqlite::Connection::open(path).expect("opened");
        conn.pragma_update(None, "user_version", 9_999).expect("changed");
    };
    let copy = other.folder().join("newer.db");
    std::fs::copy(&store, &copy).expect("copied");
    newer(&copy);
    refused(&[("ZENTRY_STORE", format!("sqlite:{}", copy.display()))], "ZENTRY_STORE: ", "run the newer build");
    let foreign = other.folder().join("foreign.db");
    rusqlite::Connection::open(&foreign).expect("made").execute_batch("CREATE TABLE t (a)").expect("made");
    refused(&[("ZENTRY_STORE", format!("sqlite:{}", foreign.display()))], "ZENTRY_STORE: ", "name another file");
    assert_eq!(own["ZENTRY_KEYS"], KEY);
}
