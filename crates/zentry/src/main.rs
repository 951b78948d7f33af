//! The Sentry chatbot for Zoom Team Chat.
//!
//! This binary only wires: settings in (`config`), adapters and the app together (`wire`), and runs them (`run`).

mod cli;
mod config;
mod doctor;
mod exit;
mod health;
mod log;
mod manifest;
mod reload;
mod run;
mod settings;
mod wire;
mod world;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use config::Config;
use exit::Failure;
use log::Log;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is bad usage.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let mut log = Log::default();
    let code = match carry_out(cli.command, &mut log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log.say(&format!("zentry: {failure}"));
            ExitCode::from(failure.code())
        }
    };
    log.end();
    code
}

fn carry_out(command: Command, log: &mut Log) -> Result<(), Failure> {
    match command {
        Command::Serve(settings) => {
            let config = Config::load(&settings, &config::environment)?;
            let lost = log.start(&config.log)?;
            let runtime = run::runtime()?;
            let served = runtime.block_on(run::serve(*settings, config, lost));
            // Nobody waits for a call or a read that hangs.
            runtime.shutdown_background();
            served
        }
        Command::Init(arguments) => cli::init::carry_out(&arguments),
        Command::Doctor(arguments) => cli::doctor::carry_out(&arguments),
        Command::Manifest(arguments) => cli::manifest::carry_out(&arguments),
        Command::Subscriptions(arguments) => cli::subscriptions::carry_out(&arguments),
        Command::Dead(arguments) => cli::dead::carry_out(&arguments),
        Command::Audit(arguments) => cli::audit::carry_out(&arguments),
        Command::Backup(arguments) => cli::backup::back_up(&arguments),
        Command::Restore(arguments) => cli::backup::restore(&arguments),
        Command::Completions(arguments) => cli::completions::carry_out(&arguments),
        Command::Keys { command } => cli::keys::carry_out(&command),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => cli::sandbox::carry_out(&arguments, log),
    }
}
