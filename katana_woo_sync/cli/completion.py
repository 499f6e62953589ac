"""`completion`: the script that lets a shell complete what is typed."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from katana_woo_sync.cli.main import PROGRAM, cli

ASKS = "_KATANA_WOO_SYNC_COMPLETE"
"""The variable by which the script asks the program; click's own name for it."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes the Tab key complete commands, stores and states.

    \b
    Put this line into
    ~/.bashrc:  eval "$(katana-woo-sync completion bash)"
    ~/.zshrc, after compinit:  eval "$(katana-woo-sync completion zsh)"
    ~/.config/fish/config.fish:  katana-woo-sync completion fish | source
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click has no completion for {shell}.")
    # not kind.source(): for bash it runs bash to see its version, which may not be there
    made = kind(cli, {}, PROGRAM, ASKS)
    click.echo(made.source_template % made.source_vars())
