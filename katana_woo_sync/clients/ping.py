"""The ping to a monitor, in the manner of healthchecks: start, success, or an exit code."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from katana_woo_sync import __version__

TIMEOUT = 5.0
"""Seconds; a monitor that does not answer must not hold up orders."""

START = "start"
SUCCESS = ""


def ping(url: str, what: str) -> str | None:
    """Ask for the monitor's address, `/start` or `/CODE` put after its path.

    Returns None where the monitor took it, else what is wrong, without the address: it is secret.
    """
    session = requests.Session()
    retry = Retry(total=1, redirect=3, backoff_factor=0.2, status_forcelist=(502, 503, 504))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    try:
        answer = session.get(
            _address(url, what),
            timeout=TIMEOUT,
            headers={"User-Agent": f"katana-woo-sync/{__version__}"},
        )
    except requests.Timeout:
        return f"no answer within {TIMEOUT:.0f} seconds"
    except requests.exceptions.SSLError:
        return "its certificate is not trusted"
    except (requests.RequestException, ValueError, OSError) as error:
        return f"it cannot be reached ({type(error).__name__})"
    finally:
        session.close()
    return None if answer.ok else f"it answers {answer.status_code}"


def _address(url: str, what: str) -> str:
    if not what:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{what}"))
