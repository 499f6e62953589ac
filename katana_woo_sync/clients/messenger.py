"""Messages to people, by apprise: an extra that is imported only where it is configured."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.config.url_secrets import kind_of

HOW_TO_INSTALL = 'pip install "katana-woo-sync[notify]"'
LONGEST_REASON = 200
LONGEST = 30.0
"""Seconds that one address may take; apprise's own time-outs are for one wait each, and an answer
that drips keeps them."""

_ONE_AT_A_TIME = threading.Lock()


class Delivery(Struct, frozen=True):
    """What became of a message at one of the addresses; `target` names it without its secrets.
    `error` is "" where it was delivered."""

    target: str
    error: str = ""


def is_installed() -> bool:
    """Whether apprise is there; does not import it."""
    return importlib.util.find_spec("apprise") is not None


def send(urls: Sequence[str], title: str, body: str, redactor: Redactor) -> list[Delivery]:
    """Send a message in plain text to every address, each for itself. Raises nothing."""
    return [
        Delivery(f"notify.urls[{index}] ({kind_of(url)})", _in_time(url, title, body, redactor))
        for index, url in enumerate(urls)
    ]


def _in_time(url: str, title: str, body: str, redactor: Redactor) -> str:
    """Send in a thread, and wait `LONGEST` seconds for it at most."""
    said: list[str] = []
    sending = threading.Thread(
        target=lambda: said.append(_send(url, title, body, redactor)), name="message", daemon=True
    )
    sending.start()
    sending.join(LONGEST)
    return said[0] if said else f"it took longer than {LONGEST:.0f} seconds"


def _send(url: str, title: str, body: str, redactor: Redactor) -> str:
    try:
        import apprise
    except ImportError:
        return f"the package apprise is missing; run: {HOW_TO_INSTALL}"
    try:
        with _warnings() as said:
            sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="katana-woo-sync"))
            if not sender.add(url):
                return "apprise does not understand this address"
            if sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
                return ""
    except Exception as error:  # noqa: BLE001 (being told must never stop the work)
        return f"apprise failed with {type(error).__name__}"
    reason = redactor.text(one_line("; ".join(said)))[:LONGEST_REASON]
    return reason or "apprise could not deliver it, and does not say why"


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What apprise warns of meanwhile: that is how it says why it failed. It sends in threads of
    its own, so that only one message is sent at a time here: another's warnings would be taken."""
    said: list[str] = []
    handler = _Collect(said)
    logger = logging.getLogger("apprise")
    if not _ONE_AT_A_TIME.acquire(timeout=LONGEST):
        raise TimeoutError  # one before it never ends
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        _ONE_AT_A_TIME.release()


class _Collect(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())
