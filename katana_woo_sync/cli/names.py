"""Store names for a shell's completion, from the config alone."""

from __future__ import annotations

import os

import click

from katana_woo_sync.config import ConfigError, find, home_folder, load, working_folder


def complete_store(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """The stores whose names begin as typed; none where the config cannot be read."""
    asked = context.find_root().params.get("config")
    try:
        settings = load(find(asked, os.environ, working_folder(), home_folder()), os.environ)
    except (ConfigError, OSError):
        return []
    return [store.name for store in settings.stores if store.name.startswith(typed)]
