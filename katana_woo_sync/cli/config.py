"""`config`: what the configuration may hold."""

from __future__ import annotations

import click

from katana_woo_sync.config.schema import schema


@click.group("config")
def command() -> None:
    """What the configuration may hold."""


@command.command("schema")
def print_schema() -> None:
    """Print the JSON schema of the configuration, with which editors complete and explain its keys.

    `init` writes it beside the configuration.
    """
    click.echo(schema(), nl=False)
