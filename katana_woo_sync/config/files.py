"""The files around the configuration: where it is looked for, how it and its secrets are read, and
who else may read them."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from katana_woo_sync.config.problems import ConfigError, Problem, printable

VARIABLE = "KATANA_WOO_SYNC_CONFIG"
SYSTEM_CONFIG = Path("/etc/katana-woo-sync/config.toml")
NO_CONFIG = "there is no configuration yet"
NO_FOLDER = "the folder that the program was started in is gone"
NO_HOME = "this user has no home folder, and HOME is not set"
LARGEST_CONFIG = 1_000_000
LARGEST_SECRET = 10_000

_WORDS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "may not be read by this user (permission denied)",
    errno.EPERM: "may not be read by this user (permission denied)",
}


def working_folder() -> Path | None:
    """The folder that the program was started in; None where it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


def home_folder() -> Path | None:
    """The user's own folder; None where the user has neither a name here nor HOME (a container)."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def find(
    explicit: str | None, environ: Mapping[str, str], cwd: Path | None, home: Path | None
) -> Path:
    """The configuration file to use: `explicit`, else the environment's KATANA_WOO_SYNC_CONFIG,
    else the first that exists of ./config.toml, ~/.config/katana-woo-sync/config.toml and
    /etc/katana-woo-sync/config.toml. One that is named is taken as it is: reading it tells
    whether it is there.

    Raises ConfigError, naming every place looked at, if there is none.
    """
    if explicit == "":
        # An unset shell variable, most likely: taking some other file then would be a surprise.
        raise ConfigError(None, [Problem("", "--config names no file")])
    if named := explicit or environ.get(VARIABLE):
        return _named(named, cwd, home)
    places = (
        (cwd and cwd / "config.toml") or f"./config.toml ({NO_FOLDER})",
        (home and home / ".config" / "katana-woo-sync" / "config.toml")
        or f"~/.config/katana-woo-sync/config.toml ({NO_HOME})",
        SYSTEM_CONFIG,
    )
    seen: list[str] = []
    for place in places:
        if isinstance(place, str):
            seen.append(place)
            continue
        try:
            if stat.S_ISREG(place.stat().st_mode):
                return place
            seen.append(f"{place} (not a file)")
        except OSError as error:
            missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
            seen.append(f"{place}" if missing else f"{place} ({_reason(error)})")
    looked_at = ", ".join(printable(place) for place in seen)
    raise ConfigError(
        None,
        [
            Problem(
                "",
                f"{NO_CONFIG}. Run `katana-woo-sync init`, which writes one by asking, or name "
                f"yours with --config FILE. (No file is named by --config or ${VARIABLE}, and none "
                f"is at {looked_at})",
            )
        ],
    )


def _named(named: str, cwd: Path | None, home: Path | None) -> Path:
    is_at_home = named.startswith("~/")
    folder = home if is_at_home else cwd
    path = Path(named[2:] if is_at_home else named)
    if folder is None and not path.is_absolute():
        why = NO_HOME if is_at_home else NO_FOLDER
        text = f"{printable(named)} cannot be found: {why}. Give the file's full path"
        raise ConfigError(None, [Problem("", text)])
    return path if folder is None else folder / path


def read_config(path: Path) -> str:
    """The file's text. Raises ValueError with a sentence if it cannot be had."""
    try:
        content = _read(path, LARGEST_CONFIG)
    except OSError as error:
        raise ValueError(_reason(error)) from None
    if len(content) > LARGEST_CONFIG:
        raise ValueError("is too large for a configuration")
    try:
        # Some editors put a byte order mark before UTF-8.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} is not UTF-8 text; save the file with the encoding UTF-8"
        ) from None


def read_secret(file: Path) -> str:
    """The secret that a file holds, less the line break at its end. Raises ValueError, with neither
    the file's name nor what it holds."""
    try:
        content = _read(file, LARGEST_SECRET)
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise ValueError(_reason(error)) from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    if len(content) > LARGEST_SECRET:
        raise ValueError("is too large for a key")
    return text


@contextmanager
def replacing(path: Path, *, errors: str = "strict") -> Iterator[IO[str]]:
    """A file beside `path`, for its owner alone, that takes its place whole at the end; whoever
    reads `path` meanwhile sees what was there. On failure nothing is left behind. Raises OSError.
    """
    with NamedTemporaryFile(  # mode 0600
        "w",
        encoding="utf-8",
        errors=errors,
        dir=path.parent,
        prefix=f".{path.name}.",
        delete=False,
    ) as file:
        beside = Path(file.name)
        try:
            yield file
            file.close()
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def may_replace(path: Path, mark: str) -> bool:
    """Whether a file may be written there: none is, or an empty one, or one that begins as this
    program begins its own. A typing error must not cost the ledger or the config. Raises OSError.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(mark.encode()))
    except FileNotFoundError:
        return True
    return begin in (b"", mark.encode())


def check_readable(file: Path) -> None:
    """Raise ValueError with a sentence if the file cannot be read."""
    try:
        _read(file, 1)
    except OSError as error:
        raise ValueError(
            f"must name a file that can be read (that file {_reason(error)})"
        ) from None


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most + 1)


def _reason(error: OSError) -> str:
    return (
        _WORDS.get(error.errno or 0)
        or f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
    )
