"""The questions of `init`: each answer is tested, and what is wrong with it is said in words."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
from msgspec.structs import replace

from katana_woo_sync.cli.output import moment, safe
from katana_woo_sync.cli.program import utc_now
from katana_woo_sync.clients.errors import (
    Locked,
    MissingPermission,
    NoTls,
    RefusedKey,
    ServiceError,
    Unreachable,
)
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.config import address
from katana_woo_sync.config.pasted import shop_addresses, store_name
from katana_woo_sync.config.settings import KatanaSettings, Section, StoreSettings
from katana_woo_sync.config.values import NAME
from katana_woo_sync.config.writer import Keeping
from katana_woo_sync.domain.checks import MOST_SKEW
from katana_woo_sync.domain.katana import Location
from katana_woo_sync.sync.checks.new_store import (
    Account,
    FoundShop,
    find_shop,
)
from katana_woo_sync.sync.integration import HOW_TO_LEAVE, last_of_account

KATANA_WORDS = """
Katana's API key: in Katana open Settings > API and make a key. Nothing is shown
while you paste it."""

STORE_WORDS = """
The store's keys: in WordPress open WooCommerce > Settings > Advanced > REST API,
"Add key", for a user who is administrator or shop manager, with the permission
Read/Write. It shows a key (ck_…) and a secret (cs_…) once."""

SHAPES = {"ck_": re.compile(r"ck_[0-9a-fA-F]{40}"), "cs_": re.compile(r"cs_[0-9a-fA-F]{40}")}

T = TypeVar("T")


class CannotAsk(Exception):
    """Something was not given, and there is nobody to ask; or what was given is refused."""


class NotWhole(CannotAsk):
    """A key or secret that lacks a part."""


class StoreOptions(Section, frozen=True):
    """What was given on the command line and in the environment."""

    name: str | None = None
    url: str | None = None
    consumer_key: str = ""
    consumer_secret: str = ""
    location: str | None = None
    order_number_prefix: str | None = None
    sync_stock: bool | None = None
    allow_http: bool = False
    ca_file: Path | None = None

    def secrets(self) -> list[str]:
        """What no log may show."""
        return [secret for secret in (self.consumer_key, self.consumer_secret) if secret]


# Katana


def katana(
    api_key: str, url: str, ask: Callable[[KatanaSettings], Account], *, asks: bool
) -> tuple[KatanaSettings, Account]:
    """Katana's key, tested, and what it told of the account.

    Raises a `ServiceError` where there is nobody to ask again.
    """
    if asks and not api_key:
        click.echo(KATANA_WORDS)
    while True:
        key = api_key or _hidden("Katana API key", asks=asks, option="$KATANA_API_KEY")
        try:
            if key.startswith(("ck_", "cs_")):
                raise CannotAsk("That is a key of WooCommerce (ck_… or cs_…), not of Katana.")
            settings = KatanaSettings(api_key=key, url=url)
            account = ask(settings)
        except (ServiceError, CannotAsk) as error:
            if not asks:
                raise
            _tell(error)
            api_key = ""
            continue
        name = f"{account.name}, " if account.name else ""
        _good(f"Katana answers: {name}base currency {account.base_currency}")
        return settings, account


# A store


def store(
    given: StoreOptions, account: Account, others: Sequence[tuple[str, str]], *, asks: bool
) -> StoreSettings:
    """A store's answers, each tested. `others` are the names and addresses of the stores that
    there are already. Raises `CannotAsk` or a `ServiceError` where there is nobody to ask."""
    reached, found = _reach(given, others, asks=asks)
    _tell_of_shop(found)
    name = _name(given, found.url, [name for name, _url in others], asks=asks)
    _ask_about_the_integration(account, found.url, asks=asks)
    return StoreSettings(
        name=name,
        url=found.url,
        consumer_key=reached.consumer_key,
        consumer_secret=reached.consumer_secret,
        location=_location(given.location, account.locations, asks=asks),
        order_number_prefix=_prefix(given, name, has_others=bool(others), asks=asks),
        sync_stock=_stock(given.sync_stock, asks=asks),
        allow_http=reached.allow_http and found.url.startswith("http://"),
        ca_file=reached.ca_file,
    )


def _ask_about_the_integration(account: Account, url: str, *, asks: bool) -> None:
    """Katana's own integration beside this program doubles what both do. Raises `click.Abort` where
    a person does not want to go on."""
    where = address.parse(url)
    names = (where.identity, *where.other_names)
    last = last_of_account(account.recent, names, utc_now())
    if last is None:
        return
    _bad(
        f"Another program, most likely Katana's own integration, put order {safe(last.number, 40)} "
        f"of this store into Katana at {moment(last.at)}. {HOW_TO_LEAVE}"
    )
    if asks and not click.confirm("Will it be disconnected by then?", default=False):
        raise click.Abort


def _reach(
    given: StoreOptions, others: Sequence[tuple[str, str]], *, asks: bool
) -> tuple[StoreOptions, FoundShop]:
    """Ask for address and keys until the shop answers."""
    explained = False
    while True:
        try:
            given, addresses = _address(given, others, asks=asks)
            if asks and not explained and not given.consumer_key:
                click.echo(STORE_WORDS)
                explained = True
            given = _keys(given, asks=asks)
            found = find_shop(addresses, lambda url, now=given: _client(url, now))  # type: ignore[misc]
            if not found.may_write:
                given = _read_only(given, asks=asks)
                if not given.consumer_key:
                    continue
        except (ServiceError, CannotAsk) as error:
            if not asks:
                raise
            _tell(error, given)
            given = _again(error, given)
            continue
        return given, found


def _address(
    given: StoreOptions, others: Sequence[tuple[str, str]], *, asks: bool
) -> tuple[StoreOptions, Sequence[str]]:
    text = given.url or _asked("\nThe store's address", asks=asks, option="--store-url")
    given = replace(given, url=text)
    try:
        addresses = shop_addresses(text)
    except ValueError as error:
        raise CannotAsk(f"The address {error}.") from None
    there = {address.parse(url).identity.removeprefix("www."): name for name, url in others}
    for url in addresses:
        name = there.get(address.parse(url).identity.removeprefix("www."))
        if name is not None:
            raise CannotAsk(f'{url} is in the config already, as the store "{name}".')
    http = [url for url in addresses if url.startswith("http://")]
    if http and not given.allow_http and not address.parse(http[0]).is_loopback:
        # what people type from memory is http, and nearly every shop has https
        addresses = tuple("https://" + url.removeprefix("http://") for url in addresses)
    return given, addresses


def _keys(given: StoreOptions, *, asks: bool) -> StoreOptions:
    key = given.consumer_key or _hidden("Consumer key", asks=asks, option="$WOO_CONSUMER_KEY")
    secret = given.consumer_secret or _hidden(
        "Consumer secret", asks=asks, option="$WOO_CONSUMER_SECRET"
    )
    if key.startswith("cs_") and secret.startswith("ck_"):
        key, secret = secret, key
    for text, prefix, name in ((key, "ck_", "key"), (secret, "cs_", "secret")):
        if not SHAPES[prefix].fullmatch(text):
            raise NotWhole(
                f"The consumer {name} is not whole: it is {prefix} and 40 digits or letters a to f "
                f"({len(text)} characters came). Copy it once more."
            )
    return replace(given, consumer_key=key, consumer_secret=secret)


def _client(url: str, given: StoreOptions) -> WooCommerceClient:
    from katana_woo_sync.clients.woocommerce import WooCommerceClient

    settings = StoreSettings(
        name="the store",
        url=url,
        consumer_key=given.consumer_key,
        consumer_secret=given.consumer_secret,
        allow_http=given.allow_http,
        ca_file=given.ca_file,
    )
    return WooCommerceClient(settings, redactor=Redactor(given.secrets()), attempts=1)


def _read_only(given: StoreOptions, *, asks: bool) -> StoreOptions:
    words = "The key may only read: orders come into Katana, but none is ever completed in the shop"
    if not asks:
        raise CannotAsk(f"{words}. Make one with the permission Read/Write.")
    _bad(f"{words}, and no stock is set.")
    if click.confirm("Use it all the same?", default=False):
        return given
    return replace(given, consumer_key="", consumer_secret="")


def _again(error: Exception, given: StoreOptions) -> StoreOptions:
    """What to ask anew after an answer that did not do, as the person chooses."""
    default = "t" if isinstance(error, Unreachable) and error.passing else "a"
    if isinstance(error, (RefusedKey, MissingPermission, NotWhole)):
        default = "k"
    if isinstance(error, Locked):
        default = "t"
    if isinstance(error, NoTls) and not given.allow_http:
        default = "h"
    choices = {"a": "another address", "k": "other keys", "t": "try the same again"}
    if isinstance(error, Unreachable) and not (error.passing or isinstance(error, NoTls)):
        choices["c"] = "trust a certificate file"
    if isinstance(error, Unreachable) and not given.allow_http:
        choices["h"] = "use http, unencrypted"
    words = ", ".join(f"{letter}: {what}" for letter, what in choices.items())
    chosen = click.prompt(
        f"What now? ({words}; Ctrl-C: stop)",
        type=click.Choice(list(choices)),
        default=default,
        show_choices=False,
    )
    match chosen:
        case "a":
            return replace(given, url=None)
        case "k":
            return replace(given, consumer_key="", consumer_secret="")
        case "c":
            kind = click.Path(exists=True, dir_okay=False, path_type=Path)
            file: Path = click.prompt("Certificate file", type=kind)
            return replace(given, ca_file=file.absolute())
        case "h":
            host = re.sub(r"^https?://", "", (given.url or "").strip(), flags=re.I)
            return replace(given, allow_http=True, url=f"http://{host}")
    return given


def _tell_of_shop(found: FoundShop) -> None:
    parts = [f"{found.url}, {found.reached}"]
    if found.about is not None and found.about.version:
        parts.append(f"WooCommerce {safe(found.about.version, 20)}")
    if found.facts is not None and found.facts.currency:
        parts.append(f"currency {safe(found.facts.currency, 3)}")
    if found.prices is not None:
        parts.append(f"prices {'with' if found.prices.include_tax else 'without'} tax")
    if found.utc_offset is not None:
        parts.append(f"time zone UTC{_hours(found.utc_offset)}")
    _good(f"The store answers: {', '.join(parts)}")
    skew = found.clock_skew
    if skew is not None and abs(skew) > MOST_SKEW:
        _bad(
            f"Its clock and this machine's are {_hours(abs(skew))[1:]} apart. Orders are not lost "
            "by that, but have one of them set right."
        )


def _hours(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _name(given: StoreOptions, url: str, taken: Sequence[str], *, asks: bool) -> str:
    used = {name.lower() for name in taken}
    proposed = store_name(url)
    number = 2
    while proposed.lower() in used:
        proposed, number = f"{store_name(url)[:36]}-{number}", number + 1
    wanted = given.name
    while True:
        name = wanted or (
            click.prompt("What you call this store", default=proposed) if asks else proposed
        )
        if not NAME.fullmatch(name):
            problem = f'"{safe(name, 50)}": a name has 1 to 40 letters (A to Z), digits, - or _.'
        elif name.lower() in used:
            problem = f'There is a store "{name}" already.'
        else:
            return str(name)
        if not asks:
            raise CannotAsk(problem)
        _bad(problem)
        wanted = None


def _location(wanted: str | None, locations: Sequence[Location], *, asks: bool) -> str:
    """The location by its name, or by its id where names are double."""
    if not locations:
        raise CannotAsk("Katana has no location that may sell: make one under Settings > Locations")
    names = [str(place.name) for place in locations]

    def key(place: Location) -> str:
        return str(place.name) if names.count(str(place.name)) == 1 else str(int(place.id))

    if wanted is not None:
        alike = [p for p in locations if wanted in (str(p.name), str(int(p.id)))]
        if alike:
            return key(alike[0])
        known = ", ".join(f'"{safe(name, 60)}"' for name in names)
        problem = f'Katana has no location "{safe(wanted, 60)}" that may sell; it has {known}.'
        if not asks:
            raise CannotAsk(problem)
        _bad(problem)
    if len(locations) == 1:
        return key(locations[0])
    if not asks:
        known = ", ".join(f'"{safe(name, 60)}"' for name in names)
        raise CannotAsk(f"Katana has several locations ({known}): give one by --location.")
    locations = sorted(locations, key=lambda place: (not place.is_primary, str(place.name)))
    click.echo("\nKatana's locations:")
    for number, place in enumerate(locations, 1):
        click.echo(f"  {number}  {safe(place.name, 60)}{' (primary)' if place.is_primary else ''}")
    chosen = click.prompt(
        "Which one's stock does this store sell",
        type=click.IntRange(1, len(locations)),
        default=1 if locations[0].is_primary else None,
    )
    return key(locations[chosen - 1])


def _prefix(given: StoreOptions, name: str, *, has_others: bool, asks: bool) -> str:
    if given.order_number_prefix is not None:
        return given.order_number_prefix
    proposed = f"{name.upper()}-" if has_others else ""
    if not (asks and has_others):
        return proposed
    text: str = click.prompt(
        "Before its order numbers in Katana, so that you see whose they are (- for nothing)",
        default=proposed,
    )
    return "" if text.strip() == "-" else text.strip()


def _stock(wanted: bool | None, *, asks: bool) -> bool:
    if wanted is not None or not asks:
        return bool(wanted)
    return click.confirm(
        "Write Katana's stock into this store? It overwrites the store's numbers "
        "(they can be imported into Katana first: `backfill --stock`)",
        default=False,
    )


def keeping(path: Path) -> Keeping:
    """Where the keys are to be kept."""
    click.echo(
        f"\nThe keys are kept  1  in {path.name}, which only you can read\n"
        "                   2  in files of their own beside it\n"
        "                   3  in the environment (you set the variables)"
    )
    chosen: int = click.prompt("Which", type=click.IntRange(1, 3), default=1)
    kinds: tuple[Keeping, ...] = ("config", "files", "environment")
    return kinds[chosen - 1]


# Asking and telling


def _asked(words: str, *, asks: bool, option: str) -> str:
    if not asks:
        raise CannotAsk(f"{words.strip()} is missing: give {option}.")
    text: str = click.prompt(words)
    return text.strip()


def _hidden(words: str, *, asks: bool, option: str) -> str:
    if not asks:
        raise CannotAsk(f"{words} is missing: set {option}, or name a file that holds it.")
    text: str = click.prompt(words, hide_input=True)
    return text.strip()


def _tell(error: Exception, given: StoreOptions | None = None) -> None:
    _bad(words_of(error, given, asks=True) if isinstance(error, ServiceError) else str(error))


def words_of(error: ServiceError, given: StoreOptions | None, *, asks: bool) -> str:
    """What went wrong and what to do, for who has no config yet: the options of `init`, or the
    choices that a person has, in the place of settings. `given` is None for Katana."""
    remedy = error.remedy
    for setting, word in (CHOICES | OPTIONS if asks else OPTIONS).items():
        remedy = remedy.replace(setting, word)
    words = f"{error.reason}. {remedy}." if remedy else f"{error.reason}."
    is_typed = given is not None and (given.url or "").strip().lower().startswith("http://")
    if is_typed and isinstance(error, Unreachable) and not isinstance(error, NoTls):
        way = "choose h" if asks else "add --allow-http"
        words += f" (It was asked by https. If the shop has http alone, {way}.)"
    return words


OPTIONS = {
    "set ca_file to": "give --ca-file with",
    "set url to": "give",
    "Set url to": "Give",
    "allow_http = true": "--allow-http",
    "Check url in the config": "Check the address",
    ": check url,": ": check it,",
    " in the config": "",
    " into the config": "",
    "; it is tried again with the next cycle": "",
    "It is tried again with the next cycle": "Try again in some minutes",
}
"""Settings as `init` has them: options."""

CHOICES = {
    "set ca_file to a file that holds it": "choose c and name the file that holds it",
    "Set url to the https address. If the shop has none, set url to the http address and "
    "allow_http = true: ": "Choose a and give the https address. If the shop has none, choose h: ",
}
"""Settings as a person at a terminal has them: what is asked next."""


def _good(words: str) -> None:
    click.echo(click.style("ok  ", fg="green") + safe(words))


def _bad(words: str) -> None:
    click.echo(click.style("!!  ", fg="red", bold=True) + safe(words), file=sys.stdout)
