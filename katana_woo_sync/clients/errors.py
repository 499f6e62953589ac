"""What can go wrong in talking to a service, sorted by what a person should do about it."""

from __future__ import annotations

from dataclasses import dataclass


class ServiceError(Exception):
    """A request that did not do what it was for.

    `service` is "Katana" or the store's name, `action` the method and path (no secrets), `reason`
    what the other side said, `remedy` what a person should do.
    """

    def __init__(self, service: str, action: str, reason: str, remedy: str = "") -> None:
        self.service = service
        self.action = action
        self.reason = reason.strip().rstrip(".")
        self.remedy = remedy
        super().__init__(f"{service}: {action}: {self.reason}. {remedy}".rstrip())


class RefusedKey(ServiceError):
    """401: the key is unknown, was revoked, or its secret is wrong."""


class MissingPermission(ServiceError):
    """The key is known but may not do this: a read-only key that writes, a role without rights."""


@dataclass(frozen=True)
class Detail:
    """One thing that Katana found wrong with a request."""

    path: str
    code: str
    message: str


class BadRequest(ServiceError):
    """The content was refused (400, 422 and other 4xx): the same request fails again."""

    def __init__(  # noqa: PLR0917 (an error's parts)
        self,
        service: str,
        action: str,
        reason: str,
        remedy: str = "",
        status: int = 400,
        code: str = "",
        details: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.status = status
        self.code = code
        self.details = details

    def concerns(self, field: str) -> bool:
        """Whether the refusal is about this field, such as `order_no`."""
        texts = [self.reason, *(f"{d.path} {d.message}" for d in self.details)]
        spoken = field.replace("_", " ")
        return any(field in text or spoken in text.lower() for text in texts)


class NotFound(ServiceError):
    """The record does not exist (any more)."""


class Moved(ServiceError):
    """The address redirects: nothing was sent there. The remedy names the address to configure."""


class UnknownOutcome(ServiceError):
    """A write whose answer was lost: it may have happened, or may still."""


class Unavailable(ServiceError):
    """The service cannot be worked now; trying later is right."""


class Unreachable(Unavailable):
    """The request was certainly not sent: no such host, connection refused, TLS failed."""


class Throttled(Unavailable):
    """429, again and again."""


class Temporary(Unavailable):
    """An outage: time-outs, 5xx, maintenance. `retry_after` is in seconds, where it was said."""

    def __init__(
        self,
        service: str,
        action: str,
        reason: str,
        remedy: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.retry_after = retry_after


class NotTheApi(Unavailable):
    """Something answered, but not the API: HTML, a challenge page, half of an answer."""
