"""What `check` finds, and the rules that make a finding of what was asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import TypeVar

from msgspec import Struct

from katana_woo_sync.domain.katana import Location, Variant
from katana_woo_sync.domain.order_record import TillSales
from katana_woo_sync.domain.probe import QUESTIONS, Found, Question, differing
from katana_woo_sync.domain.products import VARIABLE, is_gone, sku_of_line, skus_in_katana
from katana_woo_sync.domain.stock import are_one_product
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import Order, Product, StockItem

LATELY = timedelta(days=7)
"""How far back it is looked for orders that another program put into Katana."""

LATE_AFTER_CYCLES = 3
"""How many cycles may be missed before a person is warned."""

WAITING = "waiting"
"""What is tested where it is said what waits."""

MOST_NAMED = 5
"""How many SKUs or order numbers one finding names."""


class Result(StrEnum):
    """What came of a test. A warning is worth a look; an error keeps orders from being worked."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Cause(Enum):
    """Who or what an error waits for; it decides the exit code."""

    PERSON = "person"
    CONFIG = "config"
    """The configuration or a key was refused."""
    LATER = "later"
    """A service cannot be reached, and trying later is right."""


class Finding(Struct, frozen=True):
    """What was tested, and what came of it.

    `where` is "config", "ledger", "this machine", "Katana", or a store's name; `remedy` is "" where
    there is nothing to do.
    """

    where: str
    tested: str
    result: Result
    found: str
    remedy: str = ""
    cause: Cause = Cause.PERSON


def ok(where: str, tested: str, found: str) -> Finding:
    """A finding that is as it should be."""
    return Finding(where, tested, Result.OK, found)


def warning(where: str, tested: str, found: str, remedy: str) -> Finding:
    """A finding that is worth a look and keeps nothing from being worked."""
    return Finding(where, tested, Result.WARNING, found, remedy)


def error(where: str, tested: str, found: str, remedy: str, cause: Cause = Cause.PERSON) -> Finding:
    """A finding that keeps orders from being worked, or from being worked right."""
    return Finding(where, tested, Result.ERROR, found, remedy, cause)


def causes(findings: Sequence[Finding], stores: Collection[str]) -> frozenset[Cause]:
    """What the errors wait for, all in all.

    As in a cycle: one of several stores that cannot be worked is for a person; only where all of
    them cannot, it is the configuration that is refused, or later that is right.
    """
    errors = [finding for finding in findings if finding.result is Result.ERROR]
    stopped = {f.where: f.cause for f in reversed(errors) if f.cause is not Cause.PERSON}
    found = set()
    for finding in errors:
        if finding.where in stores and not set(stores) <= stopped.keys():
            found.add(Cause.PERSON)
        else:
            found.add(finding.cause)
    return frozenset(found)


def summary(findings: Sequence[Finding], found: frozenset[Cause]) -> str:
    """The one sentence at the end."""
    errors = [finding for finding in findings if finding.result is Result.ERROR]
    warnings = sum(finding.result is Result.WARNING for finding in findings)
    tested = f"{len(findings)} tests"
    look = f"{_count(warnings, 'finding')} {'is' if warnings == 1 else 'are'} worth a look"
    if not errors:
        return f"It works, and {look}." if warnings else f"All is well, in {tested}."
    where = ", ".join(dict.fromkeys(finding.where for finding in errors))
    if found == {Cause.LATER}:
        return f"Not everything could be reached ({where}): run check again later."
    also = f", and {look}" if warnings else ""
    need = "needs" if len(errors) == 1 else "need"
    return f"{_count(len(errors), 'finding')} {need} you ({where}){also}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def named(names: Collection[str]) -> str:
    """Some names for a sentence: the first few, and how many more there are."""
    first = ", ".join(list(names)[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{first} and {more} more" if more > 0 else first


# The machine and the ledger


def schedule(connected: bool, last: datetime | None, every: timedelta, now: datetime) -> Finding:
    """Whether cron, a timer or `run` does the work. `last` is when a cycle last began or went
    through, `every` how often it should; times are UTC."""
    where, tested = "this machine", "schedule"
    remedy = (
        "Set up one of the files in cron/ (crontab, systemd timer or service), and look whether it "
        "runs: `systemctl list-timers`, or cron's mail"
    )
    if not connected:
        return ok(where, tested, "not needed yet: no store is connected")
    if last is None:
        return warning(where, tested, "no cycle was run yet since the first import", remedy)
    ago = now - last
    if is_late(last, every, now):
        found = f"no cycle went through for {lasting(ago)}, and one is due every {lasting(every)}"
        return error(where, tested, found, remedy)
    return ok(where, tested, f"the last cycle was {lasting(ago)} ago")


def is_late(last: datetime, every: timedelta, now: datetime) -> bool:
    """Whether cycles were missed since `last`, so that somebody should look."""
    return now - last > max(LATE_AFTER_CYCLES * every, timedelta(minutes=15))


def waiting(where: str, what: str, age: timedelta | None, why: str, remedy: str = "") -> Finding:
    """That something waits: for how long already, where that is known, and for what. It is worth a
    look where there is something to do about it."""
    how_long = f", for {lasting(age)}" if age is not None else ""
    found = f"{what}{how_long}: {why}"
    return Finding(where, WAITING, Result.WARNING if remedy else Result.OK, found, remedy)


def lasting(duration: timedelta) -> str:
    """A duration in words, to the minute, the hour or the day."""
    minutes = max(0, round(duration.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def clocks(skews: Mapping[str, timedelta]) -> list[Finding]:
    """Clocks that are off, by the services' own answers. Ours is, where all others agree."""
    tested = "clock"
    off = {name: skew for name, skew in skews.items() if abs(skew) > MOST_SKEW}
    if not skews:
        return []
    if len(skews) > 1 and is_ours(skews):
        found = f"{words_of_skew(-next(iter(skews.values())))} everybody else's"
        remedy = "Set this machine's clock: `timedatectl set-ntp true`"
        return [warning("this machine", tested, found, remedy)]
    if not off:
        return [ok("this machine", tested, "agrees with the services' clocks")]
    remedy = (
        "Set the clock of that server (ask its host), or of this machine if that is the wrong one"
    )
    return [
        warning(name, tested, f"{words_of_skew(skew)} this machine's", remedy)
        for name, skew in off.items()
    ]


# Katana


def rate_limit(configured: int, allowed: int | None) -> Finding | None:
    """Requests a minute: what the config allows against what Katana says it does."""
    if allowed is None:
        return None
    if allowed < configured:
        return warning(
            "Katana",
            "requests a minute",
            f"Katana allows {allowed}, the config {configured}; the lower one is kept to",
            f"Set requests_per_minute = {allowed} under [katana]",
        )
    return ok(
        "Katana", "requests a minute", f"Katana allows {allowed}; the config has {configured} sent"
    )


def location(store: str, found: Location | None, wrong: str) -> Finding:
    """A store's location; `wrong` says why none was found."""
    tested = "location"
    if found is None:
        what, _, remedy = wrong.partition("; ")
        return error(store, tested, what, _sentence(remedy), Cause.CONFIG)
    if not found.sales_allowed:
        return error(
            store,
            tested,
            f'the location "{found.name}" does not allow sales',
            "Allow them in Katana (Settings, Locations), or set another `location` for this store",
        )
    return ok(store, tested, f'"{found.name}"')


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def currency(store: str, shops: str, base: str, *, multi_currency: bool) -> Finding:
    """The shop's currency against Katana's base currency (ISO codes)."""
    tested = "currency"
    if not shops or not base or shops.upper() == base.upper():
        return ok(store, tested, f"{shops or base}, Katana's base currency")
    if not multi_currency:
        return error(
            store,
            tested,
            f"the shop sells in {shops}, Katana's base currency is {base}, and multi_currency is "
            "false: its orders cannot be imported",
            "Set multi_currency = true under [katana] if your Katana plan has it",
        )
    return ok(
        store,
        tested,
        f"{shops}; Katana's base currency is {base}, and is locked once such an order is there",
    )


class Numbered(Struct, frozen=True):
    """A store's newest order numbers as Katana is to have them, without its prefix."""

    store: str
    prefix: str
    numbers: frozenset[int]


def order_numbers(stores: Sequence[Numbered]) -> Finding:
    """Whether stores give the same numbers: Katana holds each one once."""
    for place, one in enumerate(stores):
        for other in stores[place + 1 :]:
            a, b = one.numbers, other.numbers
            if one.prefix == other.prefix and a and b and min(a) <= max(b) and min(b) <= max(a):
                return Finding(
                    "config",
                    "order numbers",
                    Result.WARNING,
                    f"{one.store} and {other.store} use the same order numbers "
                    f"({max(min(a), min(b))} to {min(max(a), max(b))}). Katana holds each number "
                    "once: the second order gets its store's name added to its number",
                    f'Set order_number_prefix = "{other.store.upper()}-" for {other.store}; it '
                    "counts for the orders that are imported from then on",
                )
    return Finding("config", "order numbers", Result.OK, "no two stores use the same")


def till(store: str, sales: TillSales) -> Finding | None:
    """A warning where sales of the shop's Point of Sale were left out, so that their pieces are in
    Katana's stock still; None where none were."""
    if not sales.orders:
        return None
    return warning(
        store,
        "till",
        f"{sales.words}: its stock is too high by them until somebody counts it",
        'Set pos = "import" under [orders] for later sales, and take these pieces off the stock in '
        "Katana",
    )


def other_importer(
    store: str, made: Mapping[str, datetime], *, connected: bool, since: datetime
) -> Finding:
    """Whether another program, most likely Katana's own integration, imports the store's orders
    too. `made` are the numbers of sales orders of the store that this program did not make, since
    then, and when they were made (UTC)."""
    tested = "Katana's integration"
    day = f"{since:%Y-%m-%d}"
    if not made:
        return ok(store, tested, f"nobody else has imported orders of this store since {day}")
    last = max(made, key=lambda number: made[number])
    orders = f"{named(list(made))}; the last was {last} at {made[last]:%Y-%m-%d %H:%M} UTC"
    if connected:
        found = f"another program put orders of this store into Katana since {day}: {orders}"
        return error(
            store,
            tested,
            found,
            "Disconnect this store in Katana (Settings, Integrations, WooCommerce), or stop the "
            "other program: two of them set stock over each other's numbers and complete orders "
            "twice, so that customers are mailed twice",
        )
    return warning(
        store,
        tested,
        f"orders of this store came into Katana since {day}, unknown to the ledger: {orders}",
        "If Katana's own integration imported them, disconnect it (Settings, Integrations, "
        "WooCommerce) before `backfill`; what is there is taken over",
    )


KATANA = "Katana"
T = TypeVar("T")


def katana_skus(variants: Iterable[Variant]) -> list[Finding]:
    """SKUs that several of Katana's items share, or that differ from another only in case."""
    skus = [str(v.sku) for v in variants if v.sku and not is_gone(v)]
    double, alike = _double(skus), _alike(skus)
    findings = []
    if double:
        findings.append(
            warning(
                KATANA,
                "SKUs",
                f"several items share a SKU: {named(double)}",
                "Let only one item in Katana have each SKU",
            )
        )
    if alike:
        findings.append(
            warning(
                KATANA,
                "SKUs",
                f"SKUs differ only in case: {named(alike)}",
                "If they mean one item, write its SKU in one way: Katana takes them for two items",
            )
        )
    return findings or [ok(KATANA, "SKUs", f"{len(skus)}, each of one item")]


def shop_skus(
    store: str, products: Sequence[StockItem], variations: Sequence[StockItem]
) -> list[Finding]:
    """SKUs that several products of a shop share, and variations without a SKU of their own.

    Translations of a product, which share its quantity too, are no double.
    """
    parents = {int(p.id): p for p in products}
    of_variations = [(v, _sku_of_variation(v, parents.get(int(v.parent_id)))) for v in variations]
    singles = [(p, str(p.sku)) for p in products if p.sku and p.type not in VARIABLE]
    skus: list[str] = []
    for same in _groups((sku, item) for item, sku in (*singles, *of_variations) if sku):
        skus += [str(item.sku) for item in (same[:1] if are_one_product(same) else same)]
    double = [*_double(skus), *_alike(skus)]
    bare = [_name(v, parents.get(int(v.parent_id))) for v, sku in of_variations if not sku]
    findings = []
    if double:
        findings.append(
            warning(
                store,
                "SKUs in the shop",
                f"several products or variations share a SKU, or differ only in case: "
                f"{named(double)}",
                "Give each its own SKU in the shop; those of one SKU are one item in Katana",
            )
        )
    if bare:
        findings.append(
            warning(
                store,
                "SKUs in the shop",
                f"{len(bare)} variations have no SKU of their own: {named(bare)}",
                "Give each variation its own SKU in the shop, else it is not found in Katana",
            )
        )
    return findings or [ok(store, "SKUs in the shop", f"{len(skus)}, each of one product")]


def matched_skus(
    store: str,
    products: Sequence[Product],
    variations: Sequence[Product],
    variants: Sequence[Variant],
    aliases: Mapping[str, str],
) -> list[Finding]:
    """SKUs of the shop that Katana has on several items, or writes in another case."""
    tested = "SKUs in both"
    living = [str(v.sku) for v in variants if v.sku and not is_gone(v)]
    skus = _skus(products, variations)
    double, pairs, missing = _clashes(skus, living, aliases)
    findings = []
    if double:
        findings.append(
            error(
                store,
                tested,
                f"several items in Katana have the SKU, so orders with it wait for a person: "
                f"{named(double)}",
                "Let only one item in Katana have each SKU",
            )
        )
    if pairs:
        findings.append(
            error(
                store,
                tested,
                f"SKUs differ from Katana's only in case, which makes them other items: "
                f"{named(pairs)}",
                "Write them alike on both sides, or pair them under [sku_aliases] in the config",
            )
        )
    there = f"{len(skus) - len(missing)} of {len(skus)} are in Katana, each one item"
    lacking = f"; not there yet: {named(missing)}" if missing else ""
    return findings or [ok(store, tested, there + lacking)]


def _skus(products: Sequence[Product], variations: Sequence[Product]) -> list[str]:
    """The SKUs that are sold, each once."""
    parents = {int(p.id): p for p in products}
    of_variations = [_sku_of_variation(v, parents.get(int(v.parent_id))) for v in variations]
    singles = [str(p.sku) for p in products if p.type not in VARIABLE]
    return [sku for sku in dict.fromkeys([*singles, *of_variations]) if sku]


def _clashes(
    skus: Sequence[str], living: Sequence[str], aliases: Mapping[str, str]
) -> tuple[list[str], list[str], list[str]]:
    """The SKUs that Katana has several times, those that it writes in another case, and those that
    it lacks."""
    times, folded = Counter(living), {sku.casefold(): sku for sku in living}
    double, pairs, missing = [], [], []
    for sku in skus:
        wanted = skus_in_katana(sku, aliases)
        found = next((each for each in wanted if each in times), None)
        if found is not None and times[found] > 1:
            double.append(found)
        if found is not None:
            continue
        other = next((folded[w.casefold()] for w in wanted if w.casefold() in folded), None)
        if other is None:
            missing.append(sku)
        else:
            pairs.append(f"{sku} (Katana: {other})")
    return double, pairs, missing


def ordered_skus(
    store: str,
    orders: Sequence[Order],
    products: Mapping[int, Product],
    variants: Sequence[Variant],
    aliases: Mapping[str, str],
    *,
    creates: bool,
) -> Finding:
    """Products on open orders that Katana lacks. `creates` says whether they would be created."""
    tested = "open orders"
    known = {str(v.sku) for v in variants if v.sku and not is_gone(v)}
    missing: dict[str, None] = {}
    for order in orders:
        for line in order.line_items:
            wanted = skus_in_katana(sku_of_line(line, products.get(int(line.product_id))), aliases)
            if not known.intersection(wanted):
                missing[wanted[0] if wanted else f"{plain(line.name, 60)} (no SKU)"] = None
    count = "1 open order" if len(orders) == 1 else f"{len(orders)} open orders"
    if not missing:
        found = f"Katana has all that is on {count}" if orders else "none waits for its import"
        return ok(store, tested, found)
    found = f"Katana lacks what is on {count}: {named(missing)}"
    if creates:
        return warning(
            store,
            tested,
            f"{found}; it is created with the first order",
            "Nothing, if these are new to Katana; if it has them under another SKU, correct the "
            "SKU, or pair the two under [sku_aliases] in the config",
        )
    return error(
        store,
        tested,
        f"{found}, and create_products is false",
        "Create them in Katana, or correct the SKU in the shop",
    )


def _sku_of_variation(variation: Product, parent: Product | None) -> str:
    """A variation's SKU; "" where it has none, and shows its parent's."""
    if parent is not None and variation.sku == parent.sku:
        return ""
    return str(variation.sku)


def _name(variation: Product, parent: Product | None) -> str:
    name = plain(parent.name, 60) if parent is not None else f"product {variation.parent_id}"
    options = ", ".join(plain(attribute.option, 30) for attribute in variation.attributes)
    return f"{name} ({options})" if options else name


def _double(skus: Iterable[str]) -> list[str]:
    """The SKUs that occur more than once."""
    return [same[0] for same in _groups((sku, sku) for sku in skus) if len(same) > 1]


def _alike(skus: Iterable[str]) -> list[str]:
    """SKUs that differ only in case, each as "a / A"."""
    groups = _groups((sku.casefold(), sku) for sku in dict.fromkeys(skus))
    return [" / ".join(alike) for alike in groups if len(alike) > 1]


def _groups(pairs: Iterable[tuple[str, T]]) -> list[list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return list(groups.values())


MOST_SKEW = timedelta(minutes=5)
"""How far a clock may be off before a person is warned."""


def in_the_future(times: Iterable[datetime], now: datetime) -> list[datetime]:
    """Those of these times (UTC) that lie further beyond `now` than a clock may be off, sorted."""
    return sorted(time for time in times if time - now > MOST_SKEW)


def words_of_the_future(times: Sequence[datetime]) -> str:
    """What to say of orders that were modified at these times, sorted, in their shop's future."""
    return (
        f"orders whose modification date is in the future: {len(times)}, the last at "
        f"{times[-1]:%Y-%m-%d %H:%M} UTC. They are synced all the same. A plugin wrote local time "
        "as UTC, or the shop's clock was ahead"
    )


def is_ours(skews: Mapping[str, timedelta]) -> bool:
    """Whether all others agree with each other, and not with us."""
    spread = max(skews.values()) - min(skews.values())
    return spread < MOST_SKEW and all(abs(skew) > MOST_SKEW for skew in skews.values())


def words_of_skew(skew: timedelta) -> str:
    """A skew in words: "1 h 5 min ahead of"."""
    minutes = round(abs(skew).total_seconds() / 60)
    side = "ahead of" if skew > timedelta(0) else "behind"
    return f"{minutes // 60} h {minutes % 60} min {side}"


def probed(found: Mapping[str, Found], left: Collection[str]) -> list[Finding]:
    """What was found out about the account by trying, and what of that is left in Katana."""
    tested = "probe"
    findings = []
    if not found:
        findings.append(ok(KATANA, tested, PROBE_NOT_RUN))
    else:
        last = max(each.at for each in found.values())
        differ = differing(found)
        told = f"{len(differ)} not as expected" if differ else "all as expected"
        count = f"{len(found)} of {len(QUESTIONS)} questions answered"
        findings.append(ok(KATANA, tested, f"of {last:%d %b %Y}: {told}, {count}"))
        findings += [
            warning(KATANA, tested, _in_words(question, answer), remedy)
            for question, answer in differ
            if (remedy := PROBE_REMEDIES.get((question.name, answer.found)))
        ]
    if left:
        findings.append(
            warning(
                KATANA,
                tested,
                f"something that it created is still in Katana: {named(sorted(left))}",
                "Run `katana-woo-sync probe` again: it deletes that first, or says what to press",
            )
        )
    return findings


def _in_words(question: Question, answer: Found) -> str:
    detail = f" ({answer.detail})" if answer.detail else ""
    return f"{question.asks} {answer.found}{detail}"


PROBE_NOT_RUN = (
    "not run: `katana-woo-sync probe` finds out by trying what Katana's documentation does not say "
    "of your account"
)

PROBE_REMEDIES = {
    ("quota", "somebody else"): "Give each program a key of its own, or lower requests_per_minute",
    ("status", "is refused"): "Where sales orders need an approval, approve them in Katana",
    ("order_number", "taken twice"): "Give each store an order_number_prefix of its own",
    **{
        (f"filter_{field}", answer): remedy
        for field in ("order_type", "store_name", "order_id")
        for answer, remedy in (
            ("is ignored", "Nothing breaks, but lists take longer; tell Katana's support"),
            ("hides the order", "Report it with the file that `probe --record` writes"),
        )
    },
}
"""What a person can do about answers that are not as expected; the others need nothing."""
