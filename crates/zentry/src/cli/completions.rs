//! `zentry completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;
use super::output::print;
use crate::exit::Failure;

/// For which shell.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints them.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "zentry", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}
