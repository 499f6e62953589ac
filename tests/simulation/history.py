"""A history: what a seed draws, how it is run, and what it tells."""

from __future__ import annotations

import gc
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import unquote

from msgspec import Struct, field

from tests.simulation.at_each_commit import AtEachCommit
from tests.simulation.at_each_end import look_at_report
from tests.simulation.at_each_request import look_at_request
from tests.simulation.life import NAMED_RATE, PACKING, SHIPPED, SINCE, SLOT, STORES, Broken, Life
from tests.simulation.network import TWICE
from tests.simulation.promises import (
    comes_in,
    look_after_a_step,
    look_after_quiet,
    look_after_the_first_cycle,
)
from tests.simulation.scheduler import Stuck
from tests.simulation.steps import (
    ALWAYS,
    KINDS_OF_STEPS,
    ORDINARY,
    STEPS,
    place_order,
)

LENGTH = 30
MEMORY = Path("/dev/shm")
ZONES = (-11, -9.5, -5, -3.5, 0, 1, 2, 5.5, 5.75, 8, 10.5, 13, 14)
ACCOUNTS = ("usual", "no-op", "late", "blanks", "numbers twice")
VERSIONS = ((11, 0, 1), (10, 3, 6), (8, 2, 2))
"""Of the shops."""
OPTIONS_AT_TOP = (
    ("import_note = true",),
    ('tracking_note = "private"', 'tracking_note = "customer"'),
    ('cancelled = "delete"',),
    ('shipping = "row"', "import_shipping = false"),
    ("import_fees = false",),
    ('discounts = "separate"',),
    ("match_totals = true",),
    ('import_delay = "2m"',),
    ("create_products = false",),
    ('completed_unseen = "skip"', 'completed_unseen = "import"'),
    ('pos = "skip"', 'pos = "import"'),
    ('sub_orders = "children"',),
    ("delivery_days = 3",),
    (f"since = {SINCE:%Y-%m-%dT%H:%M:%SZ}",),
)
"""Of each line at most one option holds."""
KATANA_OPTIONS = (
    ("multi_currency = false",),
    ('unknown_wait = "2m"', 'unknown_wait = "10m"'),
)
SECTIONS = (
    f'[taxes]\n"24" = "{NAMED_RATE}"',
    '[sku_aliases]\nMUG = "CUP"',
    '[schedule]\nsweep = "6h"',
)
STOCK_OPTIONS = ("stock_reserve = 5", 'stock_reserve = "10%"', 'stock_exclude = ["MUG"]')
QUOTAS = {0: 20, 1: 60, 2: 60}
"""Requests that Katana takes in a minute, by how many others send for each of ours."""


class History(Struct, frozen=True):
    """What a seed draws: options, and steps by their names, each with a seed of its own."""

    seed: int
    options: tuple[str, ...]
    katana: tuple[str, ...]
    sections: tuple[str, ...]
    stores: dict[str, str]
    account: str
    steps: tuple[tuple[str, int], ...]
    used_by_others: int | None
    """How many requests others send with the same key for each of ours; None: no quota holds."""
    patience: bool
    """Whether nobody says `retry` at the end, since all is tried again by itself."""

    @property
    def is_ordinary(self) -> bool:
        """Whether people do whatever they like, and nothing goes wrong."""
        kinds = {STEPS[name].kind for name, _seed in self.steps}
        return self.account != "late" and kinds <= set(ORDINARY)


class Told(Struct, frozen=True):
    """What became of a history: the promise that it broke ("" where none), its trace, and how often
    what goes wrong occurred."""

    seed: int
    broken: str
    trace: tuple[str, ...]
    occurred: dict[str, int] = field(default_factory=dict)

    @property
    def promise(self) -> str:
        """The number of the broken promise."""
        return self.broken.split(" ", 1)[0]


def drawn(seed: int, length: int = LENGTH) -> History:
    """The history of a seed. Each has some kinds of steps, and lacks others."""
    dice = Random(seed)
    kinds = {kind for kind in KINDS_OF_STEPS if dice.random() < 0.5} | set(ALWAYS)
    if dice.random() < 0.1:
        kinds &= set(ORDINARY)
    if dice.random() < 0.85:
        kinds.discard("oddities")  # after which little is promised
    chosen = [each for each in STEPS.values() if each.kind in kinds]
    names = dice.choices([each.name for each in chosen], [each.weight for each in chosen], k=length)
    steps = tuple((name, dice.randrange(2**32)) for name in names)
    stores = {store: _options_of_a_store(dice, store) for store in STORES}
    options = tuple(dice.choice(each) for each in OPTIONS_AT_TOP if dice.random() < 0.2)
    account = dice.choice(ACCOUNTS)
    used_by_others = dice.choice((0, 0, 1, 2)) if dice.random() < 0.2 else None
    patience = dice.random() < 0.5
    katana = tuple(dice.choice(each) for each in KATANA_OPTIONS if dice.random() < 0.1)
    sections = tuple(each for each in SECTIONS if dice.random() < 0.1)
    return History(
        seed, options, katana, sections, stores, account, steps, used_by_others, patience
    )


def _options_of_a_store(dice: Random, store: str) -> str:
    lines = []
    if dice.random() < 0.45:
        lines.append("sync_stock = true")
        if dice.random() < 0.4:
            lines.append(dice.choice(STOCK_OPTIONS))
        if dice.random() < 0.2:
            lines.append("count_other_commitments = false")
    if dice.random() < 0.3:
        lines.append('shipments = "auto"')
        if dice.random() < 0.3:
            lines.append("shipment_mail = true")
    if dice.random() < 0.2:
        lines.append('order_number_prefix = "P-"')
    if dice.random() < 0.15:
        lines.append(f'katana_store_name = "{store}.example.test"')
    if dice.random() < 0.4:
        lines.append(f'bundles = "{dice.choice(("children", "both"))}"')
    if dice.random() < 0.1:
        lines.append(f'import_statuses = ["processing", "{PACKING}"]')
    if dice.random() < 0.1:
        others = dice.choice(("on-hold", PACKING))
        lines.append(f'complete_from = ["processing", "{others}"]')
    if dice.random() < 0.1:
        lines.append(f'completed_statuses = ["completed", "{SHIPPED}"]')
        if dice.random() < 0.5:
            lines.append(f'complete_to = "{SHIPPED}"')
    if dice.random() < 0.1:
        lines.append(f'additional_info_meta = ["{SLOT}"]')
    return "\n".join(lines)


def run(
    history: History, steps: Sequence[tuple[str, int]] | None = None, *, with_trace: bool = True
) -> Told:
    """Let it happen, or only these of its steps."""
    logging.getLogger("katana_woo_sync").setLevel(logging.CRITICAL)
    with _nothing_collected():
        try:
            return _told(history, history.steps if steps is None else steps, with_trace=with_trace)
        except Exception as error:  # of the simulation itself
            error.add_note(f"in the history of seed {history.seed}")
            raise


def _told(history: History, steps: Sequence[tuple[str, int]], *, with_trace: bool) -> Told:
    memory = str(MEMORY) if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as directory, ExitStack() as stack:
        life = Life(history.seed, Path(directory), stack)
        life.disk.look = AtEachCommit(life).look
        life.network.look = partial(look_at_request, life)
        life.look_at_report = partial(look_at_report, life)
        broken = ""
        try:
            _begin(life, history)
            for name, seed in steps:
                life.scheduler.sleep(3)
                life.happened(name)
                STEPS[name].work(life, Random(seed))
                look_after_a_step(life)
            if not history.is_ordinary:
                life.end_troubles()
            last = comes_in(life)
            life.first_cycle(is_ordinary=history.is_ordinary, patience=history.patience)
            look_after_the_first_cycle(life, last)
            look_after_quiet(life, is_ordinary=history.is_ordinary)
        except (Broken, Stuck) as error:
            broken = str(error)
        except RecursionError as error:
            broken = f"P12 {error}"
        finally:
            life.scheduler.end()
        trace = tuple(
            f"{at:%d %H:%M:%S}  {who:<16} {_short(what, directory)}"
            for at, who, what in (life.trace if with_trace else ())
        )
        occurred = life.occurred + life.network.occurred
        return Told(history.seed, broken, trace, dict(Counter(occurred)))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Meanwhile no garbage is collected: what a generator of a killed process still has to do would
    be done by whoever is in turn at that moment. Afterwards all that is left of the history is, and
    what was there before it is not looked through."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        before, sys.unraisablehook = sys.unraisablehook, lambda _told: None
        gc.collect()
        sys.unraisablehook = before
        gc.enable()


def _begin(life: Life, history: History) -> None:
    katana = life.world.katana
    life.top = "\n".join(("[orders]", *history.options, *history.sections))
    life.katana = "\n".join(history.katana)
    dice = Random(f"{history.seed} shops")
    for store in STORES:
        life.base[store] += f"\n{history.stores[store]}"
        if "shipments" in history.stores[store]:
            shop = life.world.shops[store]
            if dice.random() < 0.5:
                shop.switch_on_fulfillments()
            else:
                shop.install("wc-shipment-tracking/v3")
    if dice.random() < 0.5:
        _stock_shirts(life)
        if dice.random() < 0.5:
            katana.leave_batches_to_others()
    if dice.random() < 0.5:  # Katana puts hampers together from mugs
        life.counted.add(katana.add_bundle("Hamper", "HAMPER", [(life.world.mug_variant, 2)]))
    for store, shop in life.world.shops.items():
        for status in life.own_statuses(store):
            shop.add_status(status)
        shop.state.offset = timedelta(hours=dice.choice(ZONES))
        shop.state.version = dice.choice(VERSIONS)
        shop.state.hpos = shop.state.version >= (10,) and dice.random() < 0.7
    if dice.random() < 0.3:  # both stores are at one place
        life.places["us"] = life.places["eu"]
        life.base["us"] = life.base["us"].replace("Second", "Main location")
    if "[taxes]" in life.top:
        for name in ("VAT 24 %", NAMED_RATE):
            katana.add_tax_rate(Decimal(24), name)
    if "[sku_aliases]" in life.top:
        katana.rename_sku(life.world.mug_variant, life.sku_in_katana("MUG"))
    if dice.random() < 0.3:
        _sell_before(life)
    if history.account == "no-op":
        katana.compute_status_from_fulfillments()
    elif history.account == "late":
        katana.deliver_late(timedelta(minutes=1))
    elif history.account == "blanks":
        katana.blank_information()
    elif history.account == "numbers twice":
        katana.take_numbers_twice()
        life.network.twice = (*TWICE, "/sales_orders")
    if history.used_by_others is not None:
        quota = QUOTAS[history.used_by_others]
        katana.limit_requests(quota)
        katana.share_quota(history.used_by_others)
        life.is_alone = not history.used_by_others
        life.katana += f"\nrequests_per_minute = {quota}"
    life.configure()
    options = f"{life.top}; {history.stores}; {life.katana}"
    life.tell("-", f"options: {options}; the account: {history.account}".replace("\n", ", "))
    life.run("backfill", life.world.backfill)
    life.connected = life.world.clock.now


def _sell_before(life: Life) -> None:
    """Each shop has an open order, and one that was completed before it is connected: that one is
    no affair of the program's, whatever the options say."""
    for store in STORES:
        place_order(life, store, mugs=1)
        done = place_order(life, store, mugs=2, status="completed")
        life.processing.pop((store, done), None)
    life.scheduler.sleep(60)


def _stock_shirts(life: Life) -> None:
    """Katana keeps small shirts in batches, and medium ones by serial numbers."""
    katana = life.world.katana
    small = katana.add_product("Shirt S", "TEE-S", batch_tracked=True)
    medium = katana.add_product("Shirt M", "TEE-M", serial_tracked=True)
    life.counted |= {small, medium}
    for place in katana.locations():
        katana.set_stock(medium, place.id, Decimal(9))
        for number in ("B1", "B2"):
            katana.add_batch(small, place.id, Decimal(6), number)


def _short(what: str, directory: str) -> str:
    """Without what tells a person nothing: which fields were asked for, and where the files are."""
    return unquote(_FIELDS.sub("", what).replace(directory, "."))


_FIELDS = re.compile(r"[?&](_fields|_skip_cache|nocache)=[^&: ]*")
