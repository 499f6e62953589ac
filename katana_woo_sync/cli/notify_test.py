"""`notify-test`: whether everybody who is to be told can be."""

from __future__ import annotations

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import safe
from katana_woo_sync.cli.program import exits, start
from katana_woo_sync.sync.report import ExitCode


@click.command("notify-test")
@click.pass_obj
def command(options: Globals) -> None:
    """Send a test message to every address in [notify], and a start and a success to its monitor.

    Nothing is done to any order. Exit code 1: one of them could not be reached.
    """
    program = start(options)
    if not (program.settings.notify.urls or program.settings.notify.ping_url):
        raise click.UsageError(
            f"Nobody is to be told: [notify] in {program.settings.path} has neither urls nor "
            "ping_url."
        )
    with exits():
        deliveries = program.notifier.test()
        for delivery in deliveries:
            became = f"NOT DELIVERED: {safe(delivery.error)}" if delivery.error else "delivered"
            click.echo(f"{delivery.target}: {became}")
    failed = any(delivery.error for delivery in deliveries)
    raise SystemExit(int(ExitCode.PROBLEMS if failed else ExitCode.DONE))
