"""`sandbox`: serve the demo's two services, to try the real commands by hand."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.program import StopSignals
from katana_woo_sync.sandbox.replay import Recording, read_recording
from katana_woo_sync.sandbox.replay import replay as replay_recording
from katana_woo_sync.sandbox.world import open_world

CONFIG = "sandbox.toml"


@click.command("sandbox")
@click.option(
    "--write",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Write the config to this file as well, such as {CONFIG}.",
)
@click.option(
    "--orders",
    type=click.IntRange(min=0),
    default=0,
    help="Begin with so many more orders in each store.",
)
@click.option(
    "--new-order-every",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Place a new order in each store every so often.",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Have Katana behave as a file of `probe --record` tells.",
)
@click.pass_obj
def command(
    _options: Globals,
    path: Path | None,
    orders: int,
    new_order_every: float | None,
    replay: Path | None,
) -> None:
    """Start a WooCommerce and a Katana of one's own on this machine, to try the commands by hand.

    It prints a config for them, and serves until Ctrl-C. In another terminal, say:
    katana-woo-sync --config sandbox.toml backfill
    """
    stop = StopSignals()
    stop.install()
    recording = None if replay is None else _recording(replay)
    with open_world() as world:
        if recording is not None:
            ways = replay_recording(world.katana, recording) or ["as expected"]
            click.echo(f"Katana as in {replay}: {'; '.join(ways)}", err=True)
        for store in (world.eu, world.us):
            store.add_generated_orders(orders)
        config = world.config(Path("sandbox.db"))
        click.echo(config)
        if path is not None:
            _write_private(path, config)
        named = path or CONFIG
        click.echo(
            f"Serving until Ctrl-C. {'Written to' if path else 'Save the above as'} {named}; in "
            f"another terminal: katana-woo-sync --config {named} backfill",
            err=True,
        )
        _serve(
            stop.soon,
            world.eu.add_generated_orders,
            world.us.add_generated_orders,
            every=new_order_every,
        )


def _recording(path: Path) -> Recording:
    try:
        return read_recording(path)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path} is no file of `probe --record`: {error}") from None


def _serve(stop: threading.Event, *shops: object, every: float | None) -> None:
    seed = 100
    while not stop.wait(every):
        if every is None:
            continue
        for place in shops:
            if callable(place):
                place(1, seed=seed)
        seed += 1


def _write_private(path: Path, text: str) -> None:
    """The config holds keys: only its owner may read it, as with a real one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
