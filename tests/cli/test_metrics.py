"""`[report] metrics`: figures for Prometheus, and the dashboard and the alerts made of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from katana_woo_sync.cli.cycles import AfterCycle, Cycles
from katana_woo_sync.config import ConfigError
from katana_woo_sync.ledger.statistics import STOCK_PUSHES
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.cycle import Options
from tests.cli.support import run, start, wait_until
from tests.sync.world import ANNA, World

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool")
Series = dict[tuple[str, ...], float]


@pytest.fixture
def page(world: World) -> Path:
    """Where the metrics are; the store's stock is synced."""
    path = world.directory / "acme.prom"
    world.shop.set_stock(world.mug["eu"], 0)
    world.configure(top=f'[report]\nmetrics = "{path.name}"', stores={"eu": "sync_stock = true"})
    return path


def series(path: Path) -> Series:
    """The values, by name and the labels' values, in the order of the labels' names."""
    found: Series = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("account") == path.stem
            named = (labels[name] for name in sorted(labels))
            found[sample.name.removeprefix("katana_woo_sync_"), *named] = sample.value
    return found


def assert_taken(path: Path) -> None:
    """Prometheus' own tool has nothing to say about the file, where there is one."""
    if PROMTOOL is not None:
        said = subprocess.run(
            [PROMTOOL, "check", "metrics"],
            check=False,
            input=path.read_bytes(),
            capture_output=True,
        )
        assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_every_cycle_writes_them(world: World, page: Path) -> None:
    world.katana.add_product("Another mug", "MUG")
    world.order()
    world.katana.server.requests.clear()
    world.shop.server.requests.clear()
    assert run(world, "sync").exit_code == 1
    found = series(page)
    assert found["orders", "attention", "eu"] == 1
    assert found["orders", "imported", "eu"] == 0
    assert found["store_up", "eu"] == found["katana_up",] == 1
    assert found["last_cycle_exit_code",] == 1
    assert found["katana_requests_total",] == len(world.katana.server.requests)
    assert found["store_requests_total", "eu"] == len(world.shop.server.requests)
    assert not [name for name, *_labels in found if name.endswith("_created")]
    assert found["katana_quota_per_minute",] == 6000
    assert 0 < found["katana_quota_used",] < 100
    assert found["oldest_waiting_order_timestamp_seconds", "eu"] == 0
    now = world.clock().timestamp()
    assert now - 60 < found["last_good_cycle_timestamp_seconds", "eu"] <= now
    assert page.stat().st_mode & 0o777 == 0o644


def test_totals_go_on_from_process_to_process(world: World, page: Path) -> None:
    requests = 0.0
    for number, quantity in enumerate((50, 40, 30), start=1):
        place = world.katana.main_location_id
        world.katana.set_stock(world.mug_variant, place, Decimal(quantity))
        sync = start(world, "sync", "--now", "stock")
        _out, words = sync.communicate(timeout=60)
        assert sync.returncode == 0, words
        found = series(page)
        assert found["katana_requests_total",] > requests
        assert found["stock_pushes_total", "eu"] == number
        requests = found["katana_requests_total",]


def test_requests_are_counted_once_by_run_too(world: World, page: Path) -> None:
    world.katana.server.requests.clear()
    loop = start(world, "run")
    try:
        wait_until(page.exists)
        wait_until(
            lambda: series(page)["katana_requests_total",] == len(world.katana.server.requests)
        )
    finally:
        loop.terminate()
        loop.communicate(timeout=30)


def test_what_a_cycle_did_is_counted_once_though_it_did_not_end(world: World, page: Path) -> None:
    """Each cycle of `run` has a report of its own, and begins at 0."""
    program, after = world.program(), AfterCycle()
    for pushed in (5, 2):
        with program.context() as context:
            context.report.store("eu").stock_updated = pushed
            after.refresh(context)
            after.refresh(context)
            totals = context.ledger.statistics.totals(STOCK_PUSHES)
            assert context.report.store("eu").stock_updated == pushed
    assert totals == {world.identity: 7}
    assert series(page)["stock_pushes_total", "eu"] == 7


def test_a_refused_key_shows(world: World, page: Path) -> None:
    run(world, "sync")
    world.configure(top=f'[report]\nmetrics = "{page.name}"', katana=f'api_key = "{"0" * 32}"')
    assert run(world, "sync").exit_code == 2
    assert series(page)["katana_up",] == 0
    assert series(page)["last_cycle_exit_code",] == 2


def test_a_command_that_is_no_cycle_leaves_them_as_they_are(world: World, page: Path) -> None:
    world.order()
    run(world, "sync")
    before = page.read_text()
    for command in (("erase", ANNA.email, "--yes"), ("status",), ("export", ANNA.email)):
        run(world, *command)
        assert page.read_text() == before


def test_an_outage_shows(world: World, page: Path) -> None:
    run(world, "sync")
    good = series(page)["last_good_cycle_timestamp_seconds", "eu"]
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "GET", "/", status=503, times=1000))
    world.order()
    assert run(world, "sync").exit_code == 75
    found = series(page)
    assert found["katana_up",] == 0
    assert found["last_good_cycle_timestamp_seconds", "eu"] == good
    assert found["last_cycle_timestamp_seconds",] > good
    assert found["oldest_waiting_order_timestamp_seconds", "eu"] > 0


def test_a_long_cycle_writes_them_in_between(world: World, page: Path) -> None:
    world.configure(
        top=f'[report]\nmetrics = "{page.name}"\n[schedule]\norders = "1m"',
        katana="requests_per_minute = 60",  # so that a slice is some orders long
    )
    program, seen = world.program(), list[float]()

    def a_minute_passes() -> None:
        if page.exists():
            seen.append(series(page)["orders", "imported", "eu"])
        world.clock.tick(minutes=1)
        world.before(world.katana.server, "POST", "/sales_orders", a_minute_passes)

    for _ in range(20):
        world.order()
    a_minute_passes()
    Cycles(program).work(program.chosen(None), Options())
    assert 0 < seen[-1] < series(page)["orders", "imported", "eu"] == 20


@pytest.mark.parametrize("name", ['two "words"', "back\\slash", "Ωmega", "a\nline", "{}=,"])
def test_any_file_name_is_a_label(world: World, name: str) -> None:
    path = world.directory / f"{name}.prom"
    world.configure(top=f"[report]\nmetrics = {json.dumps(path.name)}")
    assert run(world, "sync").exit_code == 0
    assert series(path)["store_up", "eu"] == 1
    assert_taken(path)


def test_a_dry_run_writes_none(world: World, page: Path) -> None:
    run(world, "sync", "--dry-run")
    assert not page.exists()


def test_another_file_is_left_as_it_is(world: World, page: Path) -> None:
    page.write_text("my own figures")
    ended = run(world, "sync")
    assert ended.exit_code == 0
    assert "was left as it is" in ended.stderr
    assert page.read_text() == "my own figures"


def test_a_file_that_nobody_would_read_is_refused(world: World) -> None:
    world.configure(top='[report]\nmetrics = "metrics.txt"')
    with pytest.raises(ConfigError, match=r"must end in \.prom"):
        _ = world.settings


@needs_promtool
def test_prometheus_takes_them(world: World, page: Path) -> None:
    run(world, "sync")
    assert_taken(page)


# The dashboard and the alerts


def queries() -> list[str]:
    """What the dashboard and the alerts ask Prometheus."""
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((DOCS / "prometheus-alerts.yml").read_text())
    return asked + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def test_they_ask_for_what_there_is(world: World, page: Path) -> None:
    run(world, "sync")
    there = {f"katana_woo_sync_{name}" for name, *_labels in series(page)}
    for query in queries():
        named = set(re.findall(r"katana_woo_sync_\w+", query))
        assert named
        assert named <= there, query


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _y in cells) < 24
        taken |= cells
    variables = {each["name"] for each in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) - {"labels"} <= variables


def unknown(ours: object, read: object, place: str = "") -> list[str]:
    """What of ours Grafana's own types do not hold."""
    if isinstance(ours, dict) and isinstance(read, dict):
        return [
            each
            for key, value in ours.items()
            for each in (
                unknown(value, read[key], f"{place}/{key}") if key in read else [f"{place}/{key}"]
            )
        ]
    if isinstance(ours, list) and isinstance(read, list) and len(ours) == len(read):
        pairs = enumerate(zip(ours, read, strict=True))
        return [each for n, (a, b) in pairs for each in unknown(a, b, f"{place}/{n}")]
    return [] if ours == read else [place]


def test_the_dashboard_is_what_grafanas_own_types_are() -> None:
    sdk = "grafana_foundation_sdk"
    encoder = pytest.importorskip(f"{sdk}.cog.encoder")
    types = pytest.importorskip(f"{sdk}.models.dashboard")
    pytest.importorskip(f"{sdk}.cog.plugins").register_default_plugins()
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    read = json.loads(encoder.JSONEncoder().encode(types.Dashboard.from_json(board)))
    assert unknown(board, read) == []


@needs_promtool
def test_prometheus_takes_the_queries_and_the_rules(tmp_path: Path) -> None:
    rules = [
        {"record": f"tried:{place}", "expr": re.sub(r"\$\w+", ".*", query)}
        for place, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    for path in (file, DOCS / "prometheus-alerts.yml"):
        said = subprocess.run(
            [str(PROMTOOL), "check", "rules", str(path)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr + said.stdout


@needs_promtool
def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    def case(values: dict[str, str], at: str, fires: set[str]) -> dict[str, object]:
        alerts = [each for each in names if each.startswith("KatanaWooSync")]
        return {
            "interval": "1m",
            "input_series": [
                {"series": f"katana_woo_sync_{name}", "values": value}
                for name, value in values.items()
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                    "eval_time": at,
                    "exp_samples": [{"labels": "{}", "value": int(name in fires)}],
                }
                for name in alerts
            ],
        }

    rules = yaml.safe_load((DOCS / "prometheus-alerts.yml").read_text())
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    alive = "0+60x400"
    store = '{account="acme",store="eu"}'
    account = '{account="acme"}'
    well = {
        f"last_cycle_timestamp_seconds{account}": alive,
        f"last_good_cycle_timestamp_seconds{store}": alive,
        f"stock_updated_timestamp_seconds{store}": alive,
        f"oldest_waiting_order_timestamp_seconds{store}": "0x400",
        f"katana_up{account}": "1x400",
        'orders{account="acme",store="eu",state="attention"}': "0x400",
    }
    stopped = {**well, f"last_cycle_timestamp_seconds{account}": "1x400"}
    failing = {**well, f"last_good_cycle_timestamp_seconds{store}": "1x400"}
    down = {**well, f"katana_up{account}": "0x400"}
    waits = {**well, f"oldest_waiting_order_timestamp_seconds{store}": "1x400"}
    asks = {**well, 'orders{account="acme",store="eu",state="attention"}': "2x400"}
    late = {**well, f"stock_updated_timestamp_seconds{store}": "1x400"}
    cases = [
        case(well, "6h", set()),
        case(stopped, "10m", set()),
        case(stopped, "25m", {"KatanaWooSyncStopped"}),
        case(failing, "70m", {"KatanaWooSyncStoreNotWorked"}),
        case(down, "20m", set()),
        case(down, "31m", {"KatanaWooSyncKatanaNotWorked"}),
        case(waits, "5h", {"KatanaWooSyncOrderWaits"}),
        case(asks, "2h", {"KatanaWooSyncOrdersNeedAPerson"}),
        case(late, "3h", {"KatanaWooSyncStockLate"}),
    ]
    file = tmp_path / "tests.yml"
    wanted = {"rule_files": [str(DOCS / "prometheus-alerts.yml")], "tests": cases}
    file.write_text(yaml.safe_dump(wanted))
    said = subprocess.run(
        [str(PROMTOOL), "test", "rules", str(file)], check=False, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_figures_of_a_store_that_is_paused_are_left_out(two: World) -> None:
    path = two.directory / "acme.prom"
    two.configure(top=f'[report]\nmetrics = "{path.name}"', stores={"us": "paused = true"})
    run(two, "sync")
    assert {labels[0] for name, *labels in series(path) if name == "store_up"} == {"eu"}
