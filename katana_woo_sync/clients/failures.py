"""Reading requests' and urllib3's errors: what went wrong, and whether anything was sent."""

from __future__ import annotations

import re
import ssl

import requests
import urllib3

FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""Whatever the libraries raise for a request. OSError: a `ca_file` that is missing. ValueError: a
header or an address that cannot be written."""

_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,
    ssl.SSLCertVerificationError,
)
_OPENSSL = re.compile(r"^\[SSL: \w+\] | \(_ssl\.c:\d+\)$")
"""What stands about OpenSSL's words and is for programmers."""

_TIMEOUTS = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)


def causes(error: BaseException) -> list[BaseException]:
    """The error and what it was raised for, through all wrappings, outermost first.

    Not `__context__`: that may lead to an earlier request's error, whose handling sent this one,
    and this one would be taken as never sent.
    """
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(found) < 20:
        current = queue.pop(0)
        if isinstance(current, BaseException) and not any(current is other for other in found):
            found.append(current)
            queue += [getattr(current, "reason", None), *current.args, current.__cause__]
    return found


def _has(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes(error))


def was_not_sent(error: BaseException) -> bool:
    """Whether certainly nothing of the request reached the service."""
    return _has(error, _NEVER_SENT) or _is_ca_file(error)


def is_timeout(error: BaseException) -> bool:
    """Whether the service let the request time out."""
    return _has(error, _TIMEOUTS)


def is_refused(error: BaseException) -> bool:
    """Whether there was nobody to connect to, which urllib3 takes for a kind of time-out."""
    return _has(error, (urllib3.exceptions.NewConnectionError,))


def is_about_tls(error: BaseException) -> bool:
    """Whether it is the encrypted connection that failed, or the file of authorities for it."""
    return _has(error, (ssl.SSLError, urllib3.exceptions.SSLError)) or _is_ca_file(error)


def speaks_no_tls(error: BaseException) -> bool:
    """Whether the other side answered unencrypted: it speaks http on this port."""
    return any(word in str(cause) for cause in causes(error) for word in _HTTP_INSTEAD)


_HTTP_INSTEAD = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""OpenSSL's words, of several versions, for an answer that is no TLS."""


def is_passing(error: BaseException) -> bool:
    """Whether a failure of TLS may pass: a refused certificate or a missing file does not."""
    return not (_is_ca_file(error) or _has(error, (ssl.SSLCertVerificationError,)))


def is_unsendable_key(error: BaseException) -> bool:
    """Whether the request could not be written, which only a key can be the cause of."""
    return isinstance(error, (UnicodeError, requests.exceptions.InvalidHeader)) or (
        type(error) is ValueError and "header" in str(error).lower()
    )


def _is_ca_file(error: BaseException) -> bool:
    # requests raises a plain OSError before it opens a connection
    return type(error) is OSError and "CA certificate bundle" in str(error)


def reason(error: BaseException) -> str:
    """The innermost cause in short words; requests' own text holds the whole address."""
    words = _reason(error)
    if _has(error, (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)):
        return f"{words}, by the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY)"
    return words


def _reason(error: BaseException) -> str:
    if _has(error, (urllib3.exceptions.NameResolutionError,)):
        return "the host name is not known"
    if _has(error, (ConnectionRefusedError,)):
        return "the connection was refused"
    if _has(error, (requests.exceptions.ConnectTimeout,)):
        return "no connection within the time allowed"
    if is_timeout(error) and not was_not_sent(error):
        return "no answer within the time allowed"
    innermost = causes(error)[-1]
    text = str(innermost)
    if "object at 0x" in text:
        return text.split(": ", 1)[-1]
    return _OPENSSL.sub("", text) or type(innermost).__name__
