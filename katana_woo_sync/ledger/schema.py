"""The ledger's tables, as versioned migrations. Times are ISO 8601 in UTC, amounts decimal text.

sqlite-utils' `transform` copies the rowid too: of a table WITHOUT ROWID that is the word "rowid".
"""

from __future__ import annotations

import json

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("katana_woo_sync")


def _create(db: Database, tables: str) -> None:
    for statement in tables.split(";"):
        db.execute(statement)


@migrations()
def m001_first_tables(db: Database) -> None:
    """Everything that the main job remembers."""
    _create(db, FIRST_TABLES)


@migrations()
def m002_what_is_due_of_an_import(db: Database) -> None:
    """Adoptions that wait for their store, shipping fees that are due, and what a total should be:
    all that a crash or an outage in the middle of an import would lose."""
    db.execute(ADOPTABLE)
    db.execute(ADOPTABLE_BY_SALES_ORDER)
    db.execute(SHIPPING_FEES)
    for column in ("expected TEXT", "tolerance TEXT", "money_differs TEXT NOT NULL DEFAULT ''"):
        db.execute(f"ALTER TABLE orders ADD COLUMN {column}")


@migrations()
def m003_deleted_products(db: Database) -> None:
    """Products that a shop has deleted are one for each store and name in Katana."""
    db.execute(DELETED_PRODUCTS)


@migrations()
def m004_connections(db: Database) -> None:
    """How each store is reached, as far as it was found out."""
    db.execute("ALTER TABLE stores ADD COLUMN connection TEXT")


@migrations()
def m005_stock(db: Database) -> None:
    """What the stock sync remembers: what is due where, what commits and takes stock, and what it
    must not push."""
    _create(db, STOCK_TABLES)


@migrations()
def m006_notifications(db: Database) -> None:
    """What people were told of, so that nothing is told twice."""
    db.execute(NOTIFICATIONS)


@migrations()
def m007_report(db: Database) -> None:
    """What the status page shows over time: when orders were paid, and what each hour's cycles
    did; with the indexes that keep its questions quick."""
    db.execute("ALTER TABLE orders ADD COLUMN paid TEXT")
    db.execute(TALLIES)
    db.execute("CREATE INDEX orders_by_created ON orders(created)")
    db.execute("CREATE INDEX orders_by_imported ON orders(imported_at)")
    db.execute("CREATE INDEX history_by_time ON history(at)")


@migrations()
def m008_shop_notes(db: Database) -> None:
    """Notes that shops' orders are to have."""
    db.execute(SHOP_NOTES)


@migrations()
def m009_problems(db: Database) -> None:
    """What needs a person is found without going through every order there ever was."""
    db.execute(
        "CREATE INDEX orders_problems ON orders(created, order_id) WHERE "
        "(state IN ('failed', 'attention') OR (state = 'fulfilled' AND money_differs != ''))"
    )


@migrations()
def m010_to_import(db: Database) -> None:
    """The oldest of a long backlog are found without going through all of it."""
    db.execute(
        "CREATE INDEX orders_to_import ON orders(identity, created, order_id) WHERE "
        "in_katana = 'no' AND state IN ('queued', 'failed', 'attention')"
    )


@migrations()
def m011_order_counts(db: Database) -> None:
    """How many orders are in each state is kept, since counting them takes longer every year."""
    db.execute(ORDER_COUNTS)
    db.execute(
        "INSERT INTO order_counts SELECT identity, state, count(*) FROM orders GROUP BY 1, 2"
    )
    for trigger in COUNTING:
        db.execute(trigger)


@migrations()
def m012_versions(db: Database) -> None:
    """A record is saved against the version it was read at; and what is tried again by itself, a
    note or a lost answer, is among the problems until it is done."""
    db.execute("ALTER TABLE orders ADD COLUMN note_failed TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE orders ADD COLUMN version INTEGER NOT NULL DEFAULT 1")
    db.execute("DROP INDEX orders_problems")
    db.execute(
        "CREATE INDEX orders_problems ON orders(created, order_id) WHERE "
        "(state IN ('failed', 'attention') OR (state = 'importing' AND reason != '') "
        "OR (state = 'fulfilled' AND money_differs != '') OR note_failed != '')"
    )


@migrations()
def m013_order_numbers(db: Database) -> None:
    """Which numbers Katana holds, and under which one an order was sent whose answer was lost."""
    db.execute("ALTER TABLE orders ADD COLUMN sent_as TEXT NOT NULL DEFAULT ''")
    for column in ("sales_order_no", "sent_as"):
        db.execute(f"CREATE INDEX orders_by_{column} ON orders({column}) WHERE {column} != ''")


@migrations()
def m014_ahead(db: Database) -> None:
    """Modification times in a shop's future: what they belong to is read whole only when they are
    others."""
    db.execute(AHEAD)


@migrations()
def m015_orders_inside_orders(db: Database) -> None:
    """Which order has another's goods too; what a Point of Sale sold and was left out."""
    for column in (
        "parent_id INTEGER NOT NULL DEFAULT 0",
        "wanted INTEGER NOT NULL DEFAULT 0",
        "pieces TEXT",
    ):
        db.execute(f"ALTER TABLE orders ADD COLUMN {column}")
    db.execute("CREATE INDEX orders_by_parent ON orders(identity, parent_id) WHERE parent_id != 0")
    db.execute("CREATE INDEX orders_of_till ON orders(identity) WHERE pieces IS NOT NULL")


@migrations()
def m016_less_to_keep(db: Database) -> None:
    """An intent is its kind and key, and nothing read its other columns; times in a shop's future
    are a value beside the cursors; columns are named as the fields are."""
    unused = {"id", "identity", "order_id", "lost_at"}
    db.table("intents").transform(drop=unused, pk=("kind", "key"))
    ahead: dict[str, dict[int, str]] = {}
    for row in db.table("ahead").rows:
        ahead.setdefault(f"ahead:{row['name']}", {})[row["id"]] = row["modified"]
    values = [{"key": key, "value": json.dumps(times)} for key, times in ahead.items()]
    db.table("meta").insert_all(values)
    db.table("ahead").drop()
    db.execute("ALTER TABLE cursors RENAME COLUMN settled TO is_complete")
    db.execute("ALTER TABLE notifications RENAME COLUMN told_at TO notified_at")


@migrations()
def m017_shipments(db: Database) -> None:
    """What shops are to be told of deliveries in Katana."""
    db.execute(SHIPMENTS)


FIRST_TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE stores (
    identity TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    connected_at TEXT,
    since TEXT,
    facts TEXT,
    last_success_at TEXT,
    last_error TEXT,
    swept_at TEXT
) WITHOUT ROWID;

CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    mark TEXT,
    seen_at TEXT NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE orders (
    identity TEXT NOT NULL REFERENCES stores(identity),
    order_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    order_key TEXT NOT NULL,
    created TEXT,
    currency TEXT NOT NULL,
    total TEXT NOT NULL,
    shop_status TEXT NOT NULL,
    shop_modified TEXT,
    shop_completed TEXT,
    fingerprint TEXT NOT NULL,
    refunds TEXT NOT NULL,
    needs_processing INTEGER NOT NULL,
    was_processing INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    in_katana TEXT NOT NULL,
    sales_order_id INTEGER,
    sales_order_no TEXT NOT NULL,
    katana_status TEXT NOT NULL,
    katana_total TEXT,
    shipping_fee_due INTEGER NOT NULL,
    completed_at TEXT,
    delivered_at TEXT,
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT,
    first_seen_at TEXT NOT NULL,
    imported_at TEXT,
    PRIMARY KEY (identity, order_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_state ON orders(identity, state);
CREATE INDEX orders_by_number ON orders(identity, number);
CREATE INDEX orders_by_key ON orders(order_key) WHERE order_key != '';
CREATE UNIQUE INDEX orders_by_sales_order ON orders(sales_order_id)
    WHERE sales_order_id IS NOT NULL;
CREATE INDEX orders_open ON orders(identity, shop_status, katana_status)
    WHERE state NOT IN ('fulfilled', 'skipped', 'ignored');
CREATE INDEX orders_fee_due ON orders(identity) WHERE shipping_fee_due = 1;

CREATE TABLE notes (
    identity TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (identity, order_id, reason, detail),
    FOREIGN KEY (identity, order_id) REFERENCES orders(identity, order_id)
) WITHOUT ROWID;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    identity TEXT,
    order_id INTEGER,
    side TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX history_by_order ON history(identity, order_id);

CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    identity TEXT,
    order_id INTEGER,
    at TEXT NOT NULL,
    lost_at TEXT,
    UNIQUE (kind, key)
);

CREATE TABLE customers (
    reference_id TEXT PRIMARY KEY,
    customer_id INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE katana_customers (
    id INTEGER PRIMARY KEY,
    reference_id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    postcodes TEXT NOT NULL,
    deleted INTEGER NOT NULL
);
CREATE INDEX katana_customers_by_reference ON katana_customers(reference_id)
    WHERE reference_id != '';
CREATE INDEX katana_customers_by_email ON katana_customers(email) WHERE email != '';
CREATE INDEX katana_customers_by_name ON katana_customers(name) WHERE name != '';

CREATE TABLE products (
    identity TEXT NOT NULL REFERENCES stores(identity),
    product_id INTEGER NOT NULL,
    variation_id INTEGER NOT NULL,
    sku TEXT NOT NULL,
    variant_id INTEGER NOT NULL,
    PRIMARY KEY (identity, product_id, variation_id)
) WITHOUT ROWID;
CREATE INDEX products_by_variant ON products(variant_id);

CREATE TABLE variants (
    sku TEXT PRIMARY KEY,
    variant_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX variants_by_id ON variants(variant_id);

CREATE TABLE tax_rates (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    rate TEXT NOT NULL
);

CREATE TABLE locations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    is_primary INTEGER NOT NULL,
    sales_allowed INTEGER NOT NULL
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    exit_code INTEGER,
    summary TEXT
)
"""

ADOPTABLE = """
CREATE TABLE adoptable (
    identity TEXT NOT NULL,
    sales_order_id INTEGER NOT NULL,
    order_id INTEGER NOT NULL,
    document TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    PRIMARY KEY (identity, order_id, sales_order_id)
) WITHOUT ROWID
"""
ADOPTABLE_BY_SALES_ORDER = "CREATE INDEX adoptable_by_sales_order ON adoptable(sales_order_id)"

SHIPPING_FEES = """
CREATE TABLE shipping_fees (
    identity TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    amount TEXT NOT NULL,
    tax_rate_id INTEGER NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (identity, order_id),
    FOREIGN KEY (identity, order_id) REFERENCES orders(identity, order_id)
) WITHOUT ROWID
"""

DELETED_PRODUCTS = """
CREATE TABLE deleted_products (
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    variant_id INTEGER NOT NULL,
    PRIMARY KEY (identity, name)
) WITHOUT ROWID
"""

STOCK_TABLES = """
CREATE TABLE stock_stores (
    identity TEXT PRIMARY KEY,
    settings TEXT NOT NULL DEFAULT '',
    compared_at TEXT,
    updated_at TEXT,
    managed INTEGER NOT NULL DEFAULT 0,
    scanned_at TEXT,
    error TEXT NOT NULL DEFAULT '',
    initial_adjustment_id INTEGER,
    initial_location_id INTEGER
) WITHOUT ROWID;

CREATE TABLE stock_due (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL,
    variant_id INTEGER NOT NULL,
    UNIQUE (identity, variant_id)
);

CREATE TABLE stock_touched (
    identity TEXT NOT NULL,
    product_id INTEGER NOT NULL,
    variation_id INTEGER NOT NULL,
    sku TEXT NOT NULL,
    PRIMARY KEY (identity, product_id, variation_id, sku)
) WITHOUT ROWID;

CREATE TABLE stock_committed (
    sales_order_id INTEGER NOT NULL,
    variant_id INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    is_woocommerce INTEGER NOT NULL,
    PRIMARY KEY (sales_order_id, variant_id, location_id)
) WITHOUT ROWID;
CREATE INDEX stock_committed_by_variant ON stock_committed(variant_id, location_id);

CREATE TABLE stock_taken (
    identity TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    line_id INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    variation_id INTEGER NOT NULL,
    sku TEXT NOT NULL,
    quantity TEXT NOT NULL,
    counted INTEGER NOT NULL,
    heard_at TEXT NOT NULL,
    PRIMARY KEY (identity, order_id, line_id)
) WITHOUT ROWID;

CREATE TABLE stock_uncounted (
    variant_id INTEGER PRIMARY KEY
);

CREATE TABLE stock_skus (
    sku TEXT NOT NULL,
    variant_id INTEGER NOT NULL,
    PRIMARY KEY (sku, variant_id)
) WITHOUT ROWID;

CREATE TABLE stock_bundles (
    location_id INTEGER NOT NULL,
    variant_id INTEGER NOT NULL,
    PRIMARY KEY (location_id, variant_id)
) WITHOUT ROWID;

CREATE TABLE stock_pushed (
    identity TEXT NOT NULL,
    item_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (identity, item_id)
) WITHOUT ROWID;

CREATE TABLE stock_left_out (
    identity TEXT NOT NULL,
    item_id INTEGER NOT NULL,
    sku TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (identity, item_id)
) WITHOUT ROWID
"""

NOTIFICATIONS = """
CREATE TABLE notifications (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    since TEXT NOT NULL,
    told_at TEXT,
    gone_at TEXT,
    claimed_at TEXT
) WITHOUT ROWID
"""

TALLIES = """
CREATE TABLE tallies (
    hour TEXT NOT NULL,
    identity TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, identity, what)
) WITHOUT ROWID
"""

SHOP_NOTES = """
CREATE TABLE shop_notes (
    identity TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT,
    PRIMARY KEY (identity, order_id, kind)
) WITHOUT ROWID
"""

SHIPMENTS = """
CREATE TABLE shipments (
    identity TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    fulfillment_id INTEGER NOT NULL,
    parcel TEXT NOT NULL,
    is_due INTEGER NOT NULL,
    is_early INTEGER NOT NULL DEFAULT 0,
    entry TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT,
    PRIMARY KEY (identity, order_id, fulfillment_id)
) WITHOUT ROWID
"""

ORDER_COUNTS = """
CREATE TABLE order_counts (
    identity TEXT NOT NULL,
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (identity, state)
) WITHOUT ROWID
"""

AHEAD = """
CREATE TABLE ahead (
    name TEXT NOT NULL,
    id INTEGER NOT NULL,
    modified TEXT NOT NULL,
    PRIMARY KEY (name, id)
) WITHOUT ROWID
"""

_ONE_MORE = """
    INSERT INTO order_counts VALUES (new.identity, new.state, 1)
    ON CONFLICT (identity, state) DO UPDATE SET count = count + 1;
"""
_ONE_LESS = """
    UPDATE order_counts SET count = count - 1
    WHERE identity = old.identity AND state = old.state;
"""
COUNTING = (
    f"CREATE TRIGGER orders_count_new AFTER INSERT ON orders BEGIN {_ONE_MORE} END",
    f"CREATE TRIGGER orders_count_gone AFTER DELETE ON orders BEGIN {_ONE_LESS} END",
    f"""CREATE TRIGGER orders_count_moved AFTER UPDATE OF identity, state ON orders
    WHEN old.state != new.state OR old.identity != new.identity
    BEGIN {_ONE_LESS} {_ONE_MORE} END""",
)
