"""How the sandbox Katana says no: `{"statusCode", "name", "message"}`, for a 422 with `details`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.katana.state import State

Json = dict[str, Any]

INVALID_BODY = "The request body is invalid. See error object `details` property for more info."
INVALID_QUERY = (
    "The query parameters are invalid. See error object `details` property for more info."
)
VALIDATION_FAILED = "VALIDATION_FAILED"

_NAMES = {
    400: "BadRequestError",
    401: "UnauthorizedError",
    404: "NotFoundError",
    412: "PreconditionFailedError",
    415: "UnsupportedMediaTypeError",
    422: "UnprocessableEntityError",
    429: "TooManyRequestsError",
}


@dataclass(frozen=True)
class Problem:
    """One entry of an error's `details`, as Ajv reports it: where, which rule, and its limit."""

    path: str
    code: str
    message: str
    info: Json


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.details = tuple(details)
        self.headers = headers or {}

    def body(self) -> Json:
        """The answer's JSON."""
        body: Json = {
            "statusCode": self.status,
            "name": _NAMES[self.status],
            "message": self.message,
        }
        if self.code is not None:
            body["code"] = self.code
        if self.details:
            body["details"] = self.details
        return body


class Checks:
    """Collects what is wrong with a request that keeps the contract, to refuse it all at once.

    `key` is the id of the record that the request changes, 0 for a new one.
    """

    def __init__(self, state: State, key: int = 0) -> None:
        self.state = state
        self.key = key
        self.problems: list[Problem] = []

    def require(
        self, condition: object, path: str, code: str, message: str, **info: object
    ) -> None:
        """Note a problem with the field at `path`, unless the condition holds."""
        if not condition:
            self.problems.append(Problem(path, code, message, info))

    def done(self) -> None:
        """Raise `Refusal` (422) if there was a problem."""
        if self.problems:
            raise Refusal(422, self.problems[0].message, details=self.problems)


def refuse(path: str, code: str, message: str, **info: object) -> Refusal:
    """A 422 for one problem."""
    return Refusal(422, message, details=[Problem(path, code, message, info)])


def not_found(kind: str, key: object) -> Refusal:
    """The 404 for a record that is deleted or never was."""
    return Refusal(404, f"Entity not found: {kind} with id {key}")
