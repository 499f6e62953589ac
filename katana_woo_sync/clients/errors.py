"""What can go wrong in talking to a service, sorted by what a person should do about it."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct


class ServiceError(Exception):
    """A request that did not do what it was for.

    `service` is "Katana" or the store's name, `action` the method and path (no secrets), `reason`
    what the other side said, `remedy` what a person should do.
    """

    def __init__(self, service: str, action: str, reason: str, remedy: str = "") -> None:
        self.service: Final = service
        self.action: Final = action
        self.reason: Final = reason.strip().rstrip(".")
        self.remedy: Final = remedy.strip().rstrip(".")
        sentences = f"{self.reason}. {self.remedy}." if self.remedy else f"{self.reason}."
        super().__init__(f"{service}: {action}: {sentences}")


class RefusedKey(ServiceError):
    """401: the key is unknown, was revoked, or its secret is wrong."""


class MissingPermission(ServiceError):
    """The key is known but may not do this: a read-only key that writes, a role without rights."""


class Locked(MissingPermission):
    """The site asks everybody for a name and password of its own, before WooCommerce is reached."""


class Detail(Struct, frozen=True):
    """One thing that Katana or WooCommerce found wrong with a request.

    `path` ends in the field that is meant, also where that is one that is missing or too many.
    """

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
        self.status: Final = status
        self.code: Final = code
        self.details: Final = details

    def concerns(self, field: str) -> bool:
        """Whether the refusal is about this field, such as `order_no` or (for `customer_id` too)
        `customer`. Read from the details' paths, and from the words, where Katana spells the name
        in one of several ways."""
        name = re.escape(field)
        in_path = re.compile(rf"(^|[/.\[]){name}(_\w+)?($|[/.\]])")
        if field.endswith("_no"):
            stem = name.removesuffix("_no")
            # "in this order no row ..." is not about a number
            spoken = rf"{stem}_?no\b|{stem} no\b(?! )|{stem} number\b"
        else:
            spoken = name.replace("_", "[ _]?") + r"(_\w+| ?id)?\b"
        in_words = re.compile(rf"\b({name}_\w+\b|{spoken})", re.IGNORECASE)
        return any(in_path.search(detail.path) for detail in self.details) or any(
            in_words.search(text) for text in (self.reason, *(d.message for d in self.details))
        )


class NotFound(ServiceError):
    """The record does not exist (any more)."""


class Moved(ServiceError):
    """The address redirects: nothing was sent there. `target` is the address to configure."""

    def __init__(
        self, service: str, action: str, reason: str, remedy: str = "", *, target: str = ""
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.target: Final = target


class UnknownOutcome(ServiceError):
    """A write whose answer was lost: it may have happened, or may still."""


class Unavailable(ServiceError):
    """The service cannot be worked now; trying later is right."""


class Unreachable(Unavailable):
    """The request was certainly not sent: no such host, connection refused, TLS failed.

    `passing` tells whether trying again at once may help (a refused certificate stays refused).
    """

    def __init__(
        self, service: str, action: str, reason: str, remedy: str = "", *, passing: bool = True
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.passing: Final = passing


class Throttled(Unavailable):
    """429, again and again. `retry_after` is in seconds, where it was said."""

    def __init__(
        self,
        service: str,
        action: str,
        reason: str,
        remedy: str = "",
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.retry_after: Final = retry_after


class NoTls(Unreachable):
    """The port speaks http, unencrypted: the address, or what is allowed, must change."""


class Temporary(Unavailable):
    """An outage: time-outs, 5xx, maintenance. `retry_after` is in seconds, where it was said."""

    def __init__(
        self,
        service: str,
        action: str,
        reason: str,
        remedy: str = "",
        *,
        retry_after: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.retry_after: Final = retry_after
        self.timed_out: Final = timed_out


class NotTheApi(Unavailable):
    """Something answered, but not the API: HTML, a challenge page, half of an answer.

    `passing` tells whether trying again at once may help.
    """

    def __init__(
        self, service: str, action: str, reason: str, remedy: str = "", *, passing: bool = False
    ) -> None:
        super().__init__(service, action, reason, remedy)
        self.passing: Final = passing


class NoRoute(NotTheApi):
    """WordPress answers, and knows no such address: a part of WooCommerce, or a plugin, is not
    there or switched off."""


class Incomplete(Unavailable):
    """Fewer rows of a list came than there are; what came is worked all the same."""


class TooLarge(NotTheApi):
    """The answer is larger than any page of a list; a smaller page may be answered."""
