"""The ping to a monitor, in the manner of healthchecks: start, success, or an exit code."""

from __future__ import annotations

import threading
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

from katana_woo_sync import __version__
from katana_woo_sync.clients import deadline, failures

TIMEOUT = 5.0
"""Seconds that a ping may take in all; a monitor that does not answer must not hold up orders."""

START = "start"
SUCCESS = ""
ATTEMPTS = 2
MOST_REDIRECTS = 3
PASSING = (502, 503, 504)
"""What is asked again at once."""


class Pings:
    """Pings of one cycle, each sent in a thread of its own, one after the other."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last: threading.Thread | None = None
        self._errors: list[str] = []

    def send(self, what: str) -> None:
        """Send a ping once the one before it is over; returns at once."""
        before = self._last

        def send() -> None:
            if before is not None:
                before.join()
            error = ping(self._url, what)
            if error is not None:
                self._errors.append(error)

        # a daemon: the program ends without it
        self._last = threading.Thread(target=send, name="ping", daemon=True)
        self._last.start()

    def errors(self) -> list[str]:
        """What went wrong, after waiting for a few seconds at most for those that are under way."""
        if self._last is not None:
            self._last.join(TIMEOUT)
            if self._last.is_alive():
                return [*self._errors, _NO_ANSWER]
        return self._errors


_NO_ANSWER = f"no answer within {TIMEOUT:.0f} seconds"


def ping(url: str, what: str) -> str | None:
    """Ask for the monitor's address, `/start` or `/CODE` put after its path. Its answer's body is
    never read.

    Returns None where the monitor took it, else what is wrong, without the address: it is secret.
    """
    deadline.begin(TIMEOUT)
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, deadline.DeadlineAdapter())
    error = ""
    try:
        for _ in range(ATTEMPTS):
            try:
                status = _ask(session, _address(url, what))
            except requests.exceptions.SSLError:
                return "its certificate is not trusted"
            except failures.FAILURES as failure:
                if failures.is_timeout(failure) and not failures.is_refused(failure):
                    return _NO_ANSWER
                error = f"it cannot be reached ({type(failure).__name__})"
                continue
            if status < 400:
                return None
            error = f"it answers {status}"
            if status not in PASSING:
                break
    finally:
        session.close()
    return error


def _ask(session: requests.Session, address: str) -> int:
    """The status of the answer, wherever it redirects to."""
    headers = {"User-Agent": f"katana-woo-sync/{__version__}"}
    for _ in range(MOST_REDIRECTS + 1):
        with session.get(
            address, timeout=TIMEOUT, headers=headers, stream=True, allow_redirects=False
        ) as answer:
            target = session.get_redirect_target(answer)
        if target is None:
            return answer.status_code
        address = urljoin(address, target)
    raise requests.TooManyRedirects


def _address(url: str, what: str) -> str:
    if not what:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{what}"))
