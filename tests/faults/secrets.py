"""Looking for secrets in all that the program leaves behind and says."""

from __future__ import annotations

import base64
import logging
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, quote_plus

from katana_woo_sync.cli.logs import JsonFormatter
from katana_woo_sync.clients.redact import RedactingFilter, Redactor
from tests.cli.support import run
from tests.sync.world import World

COMMANDS = (["status"], ["status", "--json"], ["orders", "--json"], ["report"])


def forms(world: World) -> set[str]:
    """Every secret, and how it looks in base64 (at any offset), in an address and in hex."""
    plain = {world.katana.api_key}
    for shop in world.shops.values():
        key, secret = shop.consumer_key, shop.consumer_secret
        plain |= {key, secret, f"{key}:{secret}"}
    shifted = {
        base64.b64encode(b"x" * n + s.encode())[4:-4].decode() for s in plain for n in (0, 1, 2)
    }
    urls = {form(secret) for secret in plain for form in (quote, quote_plus)}
    return plain | urls | shifted | {s.encode().hex() for s in plain}


def keep_log(world: World, stack: ExitStack) -> None:
    """Write all that the program logs, tracebacks too, into the world's folder as it would be
    written for a person who asked for everything."""
    logger = logging.getLogger("katana_woo_sync")
    handler = logging.FileHandler(world.directory / "log.txt", encoding="utf-8")
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RedactingFilter(Redactor(world.settings.secrets())))
    before = (list(logger.handlers), logger.propagate, logger.level)

    def back() -> None:
        logger.handlers[:], logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
        handler.close()

    stack.callback(back)
    logger.handlers[:], logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG)


def written(world: World) -> str:
    """All that is in the world's folder but the config: the ledger, the log, the page."""
    files = [file for file in world.directory.iterdir() if file != world.config and file.is_file()]
    return "".join(file.read_bytes().decode("latin-1") for file in files)


def shown(world: World) -> str:
    """What the reading commands say; the page is in the world's folder afterwards."""
    page = str(Path(world.directory) / "page.html")
    said = ""
    for command in COMMANDS:
        where = ["--output", page] if command == ["report"] else []
        said += run(world, *command, *where).output
    return said


def leaks(world: World) -> list[str]:
    """The secrets that can be found anywhere, cut so that this list tells none."""
    everything = shown(world) + written(world)
    return sorted(secret[:6] + "…" for secret in forms(world) if secret in everything)
