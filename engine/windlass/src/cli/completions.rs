//! `windlass completions SHELL`.

use clap_complete::Shell;

use super::{
    failure::{Failure, Outcome},
    output::Output,
    reference,
};

const EXAMPLES: &str = "Examples:
  windlass completions bash > ~/.local/share/bash-completion/completions/windlass
  windlass completions zsh > \"${fpath[1]}/_windlass\"
  windlass completions fish > ~/.config/fish/completions/windlass.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
    shell: Shell,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut reference::command(), "windlass", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
