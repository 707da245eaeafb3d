//! Completions for shells, and manual pages: both out of the flags themselves.

use crate::app::{
    error::Error,
    legacy::{self, Personality},
};
use clap::Command;
use clap_complete::Shell;
use std::io;

/// The script that completes commands and flags in a shell, of the program or of an old tool.
pub(super) fn completions(root: Command, shell: Shell, tool: Option<&str>) -> String {
    let mut script = Vec::new();
    let mut root = old_tool(tool).unwrap_or(root);
    let name = root.get_name().to_owned();
    clap_complete::generate(shell, &mut root, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn old_tool(name: Option<&str>) -> Option<Command> {
    let personality = Personality::named(name?)?;
    Some(legacy::help_command(personality))
}

/// The manual page of a command, or of the program.
pub(super) fn man(mut root: Command, command: Option<&str>) -> Result<String, Error> {
    root.build();
    let page = match command {
        None => root,
        Some(name) => match old_tool(command) {
            Some(tool) => tool,
            None => page(&root, name)?,
        },
    };
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut text);
    rendered.map_err(|source: io::Error| Error::System {
        action: "print a manual page",
        source,
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The command of a page. One below another is named as its page is: `backup-xdr`.
fn page(root: &Command, name: &str) -> Result<Command, Error> {
    let mut names = name.split(['-', ' ']);
    let found = names.try_fold(root, |command, name| command.find_subcommand(name));
    let unknown = || Error::usage(format!("there is no manual page of {name:?}"));
    let title = format!("absctl-{}", name.replace(' ', "-"));
    Ok(found.ok_or_else(unknown)?.clone().display_name(title))
}
