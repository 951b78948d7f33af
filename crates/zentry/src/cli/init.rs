//! `zentry init`: guided set-up, a question at a time. Works with a terminal and with lines from a file or a pipe.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::doctor;
use super::output::print;
use crate::config::{self, Config, ManifestConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::manifest;
use crate::settings::Settings;

/// Where the answers go.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The environment file to write; one that is there is never touched
    #[arg(default_value = "zentry.env")]
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// Asks, prints what both consoles need, writes the file, and looks at everything once.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    log::at_once(&LogConfig { filter: "off".into(), json: false })?;
    let file = &arguments.file;
    // Not after twenty questions.
    if file.exists() {
        return Err(Failure::World(format!("{} is there already: name another file, or move it away", file.display())));
    }
    let asking = Asking { lines: io::stdin().lock(), secrets: BTreeMap::new() };
    let (settings, secrets) = asking.everything(arguments.settings.clone())?;
    let config = Config::load(&settings, &|name| secrets.get(name).cloned())?;
    write(file, &settings, &secrets).map_err(|error| Failure::World(format!("{}: {error}", file.display())))?;
    tell(&format!("\n{} is written, for its owner's eyes only: it holds every secret.\n", file.display()));
    tell("What is not yet right, with the bot not running yet:\n");
    // The bot does not run yet, so not all of it can be good.
    if let Err(red) = doctor::run(config, None, false) {
        tell(&format!("({red})"));
    }
    let name = file.display();
    tell(&format!(
        "\nNow start it:  set -a; . ./{name}; set +a; zentry serve\nand in another terminal, with the same settings:  zentry doctor"
    ));
    Ok(())
}

/// What is said beside the results.
fn tell(text: &str) {
    // Nobody's set-up fails because nobody can be told about it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The conversation.
struct Asking<R> {
    lines: R,
    secrets: BTreeMap<&'static str, String>,
}

type Answers = (Settings, BTreeMap<&'static str, String>);

impl<R: BufRead> Asking<R> {
    /// Every question; `settings` are those that are set already, which a blank answer keeps.
    fn everything(mut self, mut settings: Settings) -> Result<Answers, Failure> {
        tell("A blank answer takes what is in brackets. Nothing is written before the last one.\n");
        self.addresses(&mut settings)?;
        let with_app = self.yes(
            "ZENTRY_SENTRY_APP_SLUG",
            "A Sentry App, which many organizations install, instead of the internal integration of one?",
            settings.sentry_app_slug.is_some(),
        )?;
        settings.sentry_app_slug = settings.sentry_app_slug.take().filter(|_| with_app);
        settings.sentry_client_id = settings.sentry_client_id.take().filter(|_| with_app);

        self.zoom(&mut settings)?;
        self.sentry(&mut settings, with_app)?;
        self.text(
            &mut settings.store,
            "ZENTRY_STORE",
            "Where everything is kept",
            Some("sqlite:zentry.db"),
            |value| config::store_path(value).map(drop),
        )?;
        if let Some(keys) = environment("ZENTRY_KEYS").filter(|keys| !keys.is_empty()) {
            self.secrets.insert("ZENTRY_KEYS", keys);
        } else {
            self.secrets.insert("ZENTRY_KEYS", format!("k1:{}", *zentry_seal::new_key()));
            tell(
                "A new sealing key is made (ZENTRY_KEYS). Keep a copy apart from the backups: without it they are worth nothing.",
            );
        }
        Ok((settings, self.secrets))
    }

    fn addresses(&mut self, settings: &mut Settings) -> Result<(), Failure> {
        const EXAMPLE: &str = "https://bot.example.com";
        let public = |value: &str| {
            let settings = Settings { public_url: Some(value.to_owned()), ..Settings::default() };
            ManifestConfig::load(&settings).map(drop)
        };
        let question = format!("How Zoom, Sentry and browsers reach the bot, such as {EXAMPLE}");
        self.text(&mut settings.public_url, "ZENTRY_PUBLIC_URL", &question, None, public)?;
        let url = settings.public_url.clone();
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut settings = Settings { public_url: url.clone(), ..Settings::default() };
            change(&mut settings);
            ManifestConfig::load(&settings).map(drop)
        };
        self.text(&mut settings.command, "ZENTRY_COMMAND", "The slash command", Some("sentry"), |value| {
            with(&|settings| settings.command = Some(value.to_owned()))
        })?;
        self.text(&mut settings.sentry_url, "ZENTRY_SENTRY_URL", "Sentry", Some("https://sentry.io"), |value| {
            with(&|settings| settings.sentry_url = Some(value.to_owned()))
        })?;
        let directory = self.yes(
            "ZENTRY_ZOOM_DIRECTORY",
            "May the bot read names and members of channels through Zoom's directory?",
            settings.zoom_directory.as_deref() == Some("on"),
        )?;
        settings.zoom_directory = Some(if directory { "on" } else { "off" }.to_owned());
        Ok(())
    }

    fn zoom(&mut self, settings: &mut Settings) -> Result<(), Failure> {
        tell("\nZoom: Marketplace, Develop, Build App, General App, admin-managed. Its manifest:\n");
        print(&format!("{:#}", manifest::zoom(&ManifestConfig::load(settings)?)))?;
        tell("\nZoom then shows these; development and production have different ones.");
        self.text(
            &mut settings.zoom_client_id,
            "ZENTRY_ZOOM_CLIENT_ID",
            "Client ID (Basic Information, App Credentials)",
            None,
            filled,
        )?;
        self.secret("ZENTRY_ZOOM_CLIENT_SECRET", "Client Secret (Basic Information, App Credentials)")?;
        self.text(
            &mut settings.zoom_bot_jid,
            "ZENTRY_ZOOM_BOT_JID",
            "Bot JID (Features, Surface, Team Chat)",
            None,
            |value| config::jid("ZENTRY_ZOOM_BOT_JID", value).map(drop),
        )?;
        self.secret("ZENTRY_ZOOM_SECRET_TOKEN", "Secret Token (Features, Access, Token)")
    }

    fn sentry(&mut self, settings: &mut Settings, with_app: bool) -> Result<(), Failure> {
        if with_app {
            self.text(
                &mut settings.sentry_app_slug,
                "ZENTRY_SENTRY_APP_SLUG",
                "The Sentry App's slug, as its address will have it",
                Some("zentry"),
                filled,
            )?;
        }
        let kind = if with_app { "New Public Integration" } else { "New Internal Integration" };
        tell(&format!("\nSentry: Settings, Developer Settings, {kind}. Its settings:\n"));
        let config = ManifestConfig::load(settings)?;
        print(&format!("{:#}", manifest::sentry(&config)))?;
        tell("\nSentry then shows these.");
        if with_app {
            self.text(&mut settings.sentry_client_id, "ZENTRY_SENTRY_CLIENT_ID", "Client ID", None, filled)?;
            self.secret("ZENTRY_SENTRY_CLIENT_SECRET", "Client Secret")?;
        } else {
            self.text(&mut settings.sentry_org, "ZENTRY_SENTRY_ORG", "The organization's slug", None, filled)?;
            self.secret("ZENTRY_SENTRY_TOKEN", "Token")?;
            self.secret("ZENTRY_SENTRY_CLIENT_SECRET", "Client Secret")?;
        }
        tell(&format!(
            "\nSo that people link their own Sentry accounts: User Settings, API, Applications, with the redirect URI {}",
            config.at("/sentry/callback")
        ));
        let links = with_app
            || self.yes(
                "ZENTRY_SENTRY_OAUTH_CLIENT_ID",
                "Is there such an application? Without one nobody links, and buttons act as the integration",
                settings.sentry_oauth_client_id.is_some(),
            )?;
        if links {
            self.text(
                &mut settings.sentry_oauth_client_id,
                "ZENTRY_SENTRY_OAUTH_CLIENT_ID",
                "Its Client ID",
                None,
                filled,
            )?;
            self.secret("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "Its Client Secret")?;
        }
        Ok(())
    }

    // === single questions ===

    fn text(
        &mut self,
        setting: &mut Option<String>,
        name: &'static str,
        question: &str,
        otherwise: Option<&str>,
        check: impl Fn(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let shown = setting.clone().or(otherwise.map(str::to_owned));
        let answer = self.ask(name, question, shown.as_deref(), |answer| {
            check(shown.as_deref().filter(|_| answer.is_empty()).unwrap_or(answer))
        })?;
        // What is the default anyway is not written down.
        *setting = Some(answer).filter(|answer| !answer.is_empty()).or(setting.take());
        Ok(())
    }

    /// A secret may be in the environment already.
    fn secret(&mut self, name: &'static str, question: &str) -> Result<(), Failure> {
        let known = environment(name).filter(|value| !value.is_empty());
        let shown = known.as_ref().map(|_| "as it is set");
        let answer = self.ask(name, question, shown, |answer| match known {
            Some(_) => Ok(()),
            None => filled(answer),
        })?;
        self.secrets.extend(Some(answer).filter(|answer| !answer.is_empty()).or(known).map(|value| (name, value)));
        Ok(())
    }

    fn yes(&mut self, name: &'static str, question: &str, otherwise: bool) -> Result<bool, Failure> {
        let shown = if otherwise { "yes" } else { "no" };
        let answer = self.ask(name, question, Some(shown), |answer| match answer {
            "" | "y" | "yes" | "n" | "no" => Ok(()),
            _ => Err(Failure::Setting("it is yes or no".into())),
        })?;
        Ok(if answer.is_empty() { otherwise } else { answer.starts_with('y') })
    }

    /// Asks until the answer is good.
    fn ask(
        &mut self,
        name: &'static str,
        question: &str,
        shown: Option<&str>,
        check: impl Fn(&str) -> Result<(), Failure>,
    ) -> Result<String, Failure> {
        let mut complaint = None;
        loop {
            let shown = shown.map_or_else(String::new, |shown| format!(" [{shown}]"));
            let mut err = io::stderr().lock();
            let _ = write!(err, "{question}{shown}: ").and_then(|()| err.flush());
            drop(err);
            let mut line = String::new();
            let read = self.lines.read_line(&mut line);
            if !matches!(read, Ok(1..)) {
                tell("");
                let why = complaint.unwrap_or_else(|| format!("{name} is not answered"));
                return Err(Failure::Setting(format!("{why}; the answers ended here, and nothing was written")));
            }
            match check(line.trim()) {
                Ok(()) => return Ok(line.trim().to_owned()),
                Err(wrong) => {
                    let wrong = wrong.to_string();
                    tell(&format!("  {wrong}"));
                    complaint = Some(if wrong.starts_with("ZENTRY_") { wrong } else { format!("{name}: {wrong}") });
                }
            }
        }
    }
}

fn filled(answer: &str) -> Result<(), Failure> {
    if answer.is_empty() { Err(Failure::Setting("it cannot be left out".into())) } else { Ok(()) }
}

// === the file ===

/// Writes a new file that its owner alone reads.
fn write(file: &Path, settings: &Settings, secrets: &BTreeMap<&'static str, String>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text(settings, secrets).as_bytes())?;
    file.sync_all()
}

fn text(settings: &Settings, secrets: &BTreeMap<&'static str, String>) -> String {
    let plain = settings.pairs().into_iter().map(|(name, value)| (name, value.to_owned()));
    let secret = secrets.iter().map(|(name, value)| (*name, value.clone()));
    let lines = plain.chain(secret).map(|(name, value)| format!("{name}={}\n", quoted(&value)));
    format!("# Settings of zentry. It holds secrets: for its owner's eyes only.\n{}", lines.collect::<String>())
}

/// As shells and systemd read it.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if value.chars().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &str) -> Result<Answers, Failure> {
        Asking { lines: lines.as_bytes(), secrets: BTreeMap::new() }.everything(Settings::default())
    }

    const INTERNAL: &str = "https://bot.example.com/\n\n\nno\nn\nid\nsecret\nv1bot@xmpp.zoom.us\ntoken\nacme\nsentry-token\n\
                            sentry-secret\nn\n\n";

    #[test]
    fn an_internal_integration_is_set_up_with_few_answers() {
        let (settings, secrets) = answered(INTERNAL).expect("complete");
        assert_eq!(
            (settings.command.as_deref(), settings.sentry_url.as_deref()),
            (None, None),
            "defaults stay defaults"
        );
        assert_eq!(settings.sentry_org.as_deref(), Some("acme"));
        assert!(secrets["ZENTRY_KEYS"].starts_with("k1:") && secrets["ZENTRY_SENTRY_TOKEN"] == "sentry-token");
        assert!(Config::load(&settings, &|name| secrets.get(name).cloned()).is_ok());
        let text = text(&settings, &secrets);
        assert!(text.contains("\nZENTRY_PUBLIC_URL=https://bot.example.com/\n"), "{text}");
        assert!(text.contains("\nZENTRY_ZOOM_SECRET_TOKEN=token\n"), "{text}");
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again_and_too_few_end_it() {
        let twice =
            INTERNAL.replacen("https://", "http://bot.example.com\nhttps://", 1).replacen("v1bot@", "v1bot\nv1bot@", 1);
        assert!(answered(&twice).is_ok());
        for (lines, why) in [
            ("", "ZENTRY_PUBLIC_URL is not answered; "),
            ("http://bot.example.com\n", "ZENTRY_PUBLIC_URL must begin with https://"),
            ("https://bot.example.com\n\n\nperhaps\n", "ZENTRY_ZOOM_DIRECTORY: it is yes or no; "),
        ] {
            let failure = answered(lines).map(drop).expect_err(why);
            assert!(failure.code() == 64 && failure.to_string().starts_with(why), "{failure}");
        }
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quoted("sqlite:/var/lib/zentry.db"), "sqlite:/var/lib/zentry.db");
        assert_eq!(quoted("a$b #c"), "'a$b #c'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
