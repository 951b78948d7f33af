//! What `--help` shows at its end: lines that work.

use crate::settings::SECRETS;

/// `zentry serve`: its secrets are not among the flags.
pub(super) fn serve() -> String {
    let secrets: Vec<_> = SECRETS.iter().map(|(name, meaning)| format!("  {name}\n          {meaning}")).collect();
    format!(
        "Secrets, from these variables or from the files that the same names with _FILE name:\n{}\n\n{SERVE}",
        secrets.join("\n")
    )
}

macro_rules! examples {
    ($($(#[doc = $doc:literal])* $name:ident = $($line:literal $(=> $says:literal)?),+;)+) => {
        $(
            $(#[doc = $doc])*
            pub(super) const $name: &str = concat!("Examples:", $("\n  ", $line $(, "\n      ", $says)?),+);
        )+
    };
}

examples! {
    /// `zentry`.
    ALL =
        "zentry sandbox" => "See it work in a browser, without any account",
        "zentry init" => "Set it up, question by question",
        "zentry doctor" => "Check every hop between Zoom, Sentry and the bot",
        "zentry serve" => "Run it";
    SERVE =
        "zentry serve" => "Everything comes from the environment",
        "zentry serve --listen 0.0.0.0:8080 --log-format json" => "A flag wins over its variable",
        "ZENTRY_KEYS_FILE=/run/secrets/keys zentry serve" => "A secret comes from its variable, or from a file";
    SANDBOX =
        "zentry sandbox" => "Prints the address of its page; Ctrl-C ends it",
        "zentry sandbox --play" => "The main story as a transcript",
        "zentry sandbox --play --pace 60" => "An hour in a minute";
    INIT =
        "zentry init" => "Writes zentry.env, which only you can read",
        "zentry init /etc/zentry/zentry.env --public-url https://bot.example.com" => "What is set already is offered as the answer";
    DOCTOR =
        "zentry doctor" => "While `zentry serve` runs",
        "zentry doctor --to u1abc@xmpp.zoom.us" => "Also send somebody a message, edit it and delete it",
        "zentry doctor --json" => "For monitoring";
    MANIFEST =
        "zentry manifest zoom --public-url https://bot.example.com" => "For Marketplace, Develop, Build App, Manifest",
        "zentry manifest zoom --zoom-directory on" => "With the scopes that reading names and members needs",
        "zentry manifest sentry" => "For Settings, Developer Settings, New Internal Integration";
    SUBSCRIPTIONS =
        "zentry subscriptions export > subscriptions.toml" => "What there is, as a file to keep and to edit",
        "zentry subscriptions plan subscriptions.toml" => "The difference, before anything happens",
        "zentry subscriptions apply subscriptions.toml" => "Carries it out";
    SUBSCRIPTIONS_LIST =
        "zentry subscriptions list",
        "zentry subscriptions list --json";
    SUBSCRIPTIONS_EXPORT =
        "zentry subscriptions export > subscriptions.toml";
    SUBSCRIPTIONS_PLAN =
        "zentry subscriptions plan subscriptions.toml",
        "zentry subscriptions plan subscriptions.toml --prune" => "With what the file does not name, which would go";
    SUBSCRIPTIONS_APPLY =
        "zentry subscriptions apply subscriptions.toml" => "What the file does not name stays",
        "zentry subscriptions apply --prune subscriptions.toml" => "What the file does not name goes";
    DEAD =
        "zentry dead list" => "What was given up, and why",
        "zentry dead show 0f3a" => "One of them, with everything that is known",
        "zentry dead replay --since 2h" => "Try again what was given up within two hours";
    DEAD_LIST =
        "zentry dead list",
        "zentry dead list --json";
    DEAD_SHOW =
        "zentry dead show 0f3a";
    DEAD_REPLAY =
        "zentry dead replay 0f3a 77b1",
        "zentry dead replay --since 2h";
    DEAD_DROP =
        "zentry dead drop 0f3a",
        "zentry dead drop --all";
    AUDIT =
        "zentry audit",
        "zentry audit --json";
    BACKUP =
        "zentry backup zentry.backup",
        "zentry backup --store sqlite:/var/lib/zentry/zentry.db /backup/zentry.backup";
    RESTORE =
        "zentry restore zentry.backup",
        "zentry restore --store sqlite:drill.db zentry.backup" => "A drill: nothing is sent, and the store stays as it is";
    KEYS =
        "zentry keys new",
        "zentry keys rotate";
    KEYS_NEW =
        "zentry keys new" => "For ZENTRY_KEYS",
        "zentry keys new --id k2" => "Put it before the one that is there: the first seals, all open";
    KEYS_ROTATE =
        "ZENTRY_KEYS_FILE=/run/secrets/keys zentry keys rotate" => "With the new key first, and the running bot knowing it";
    COMPLETIONS =
        "zentry completions bash" => "Into a file that bash reads, such as ~/.local/share/bash-completion/completions/zentry",
        "zentry completions zsh" => "Into a file _zentry in a folder of $fpath",
        "zentry completions fish" => "Into ~/.config/fish/completions/zentry.fish";
}
