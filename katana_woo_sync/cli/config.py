"""`config`: what the configuration holds, and what it may hold."""

from __future__ import annotations

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import safe
from katana_woo_sync.cli.program import read_settings
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config.schema import schema
from katana_woo_sync.config.shown import as_toml


@click.group("config")
def command() -> None:
    """What the configuration holds, and what it may hold."""


@command.command("show")
@click.pass_obj
def show(options: Globals) -> None:
    """Print the configuration that holds, as TOML: the file found, variables and files read, every
    default. Secrets are masked.
    """
    settings = read_settings(options)
    click.echo(f"# {safe(str(settings.path))}")
    text = Redactor(settings.secrets()).text(as_toml(settings))
    click.echo("\n".join(map(safe, text.splitlines())))


@command.command("schema")
def print_schema() -> None:
    """Print the JSON schema of the configuration, with which editors complete and explain its keys.

    `init` writes it beside the configuration.
    """
    click.echo(schema(), nl=False)
