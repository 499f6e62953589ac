"""`${VAR}` in the texts of the file: the environment's value. `$${` stands for `${` itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PART = re.compile(rf"\$\$\{{|\$\{{(?P<name>{_NAME})\}}|(?P<broken>\$\{{)")


def names(text: str) -> tuple[str, ...]:
    """The variables that the text refers to."""
    return tuple(found["name"] for found in _PART.finditer(text) if found["name"])


def expand(text: str, environ: Mapping[str, str]) -> str:
    """The text with every `${VAR}` replaced, once: what a variable holds is not looked into.

    Raises ValueError, naming the variable and never what it holds, where one is not defined or not
    text, and where a `${` is no reference.
    """

    def value(found: re.Match[str]) -> str:
        if found["broken"]:
            raise ValueError(
                "holds ${ without a variable's name and } after it; a ${ that is meant as such is "
                "written $${"
            )
        name = found["name"]
        if name is None:
            return "${"
        if name not in environ:
            raise ValueError(f"refers to ${{{name}}}, and the environment has no {name}")
        if not environ[name].isascii() and not _is_text(environ[name]):
            raise ValueError(f"refers to ${{{name}}}, and what {name} holds is not UTF-8 text")
        return environ[name]

    return _PART.sub(value, text)


def _is_text(value: str) -> bool:
    # Bytes that are not UTF-8 come out of the environment as lone surrogates.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
