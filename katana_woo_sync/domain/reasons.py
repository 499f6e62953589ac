"""Every reason why an order is skipped, failed, for attention or noted, and what follows from it.

`Reason` is the table: a new reason is a new row of it, and nothing else in the program lists
reasons. docs/problems.md is made from it.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Kind(StrEnum):
    """What a reason makes of an order: its state, but for a note, which changes none."""

    SKIPPED = "skipped"
    ATTENTION = "attention"
    FAILED = "failed"
    NOTE = "note"


class TriedAgain(Enum):
    """When the program tries again what the reason kept it from."""

    NEVER = "no"
    AT_DELAYS = "at growing intervals"
    AT_DELAYS_THEN_HOURLY = "at growing intervals, then every hour"
    HOURLY = "every hour"
    HOURLY_IN_KATANA = "every hour if it is in Katana"
    WHEN_ASKED = "when Katana has said what became of the request"


class Ends(Enum):
    """When the reason ends without `retry` or `ignore`."""

    NEVER = "no"
    WITH_AN_ATTEMPT = "when an attempt succeeds"
    WHEN_PROCESSING = "when it is Processing in the shop"
    WHEN_EDITED = "when it is changed in the shop"
    WHEN_SINCE_CHANGES = "when `since` is set to an earlier date"
    WITH_ITS_PARENT = "when its parent order ends without being imported"
    WITH_ITS_SUB_ORDERS = "when its sub-orders are all cancelled before they are imported"
    WITH_A_GOOD_ANSWER = "when the shop's answer makes sense again"
    WITH_THE_STATUSES = "when the statuses in the shop and in Katana agree again"
    WHEN_DELIVERED = "when it is delivered in Katana, or no longer Completed in the shop"
    WHEN_COMPLETED = "when it is Completed in the shop, or no longer delivered in Katana"
    WHEN_BOTH_AGREE = "when it is both delivered and Completed, or neither"
    WHEN_TOTALS_AGREE = "when the total in Katana is right"
    WHEN_ONE_IS_LEFT = "when Katana holds only one of them"


class Retry(Enum):
    """What `retry` does for an order with the reason."""

    NOTHING = "nothing: it would help nothing, or make things worse"
    ALL = "it is tried again, with all others or alone"
    NAMED = "it is tried again if STORE and NUMBER name it, since a person must look at it first"
    WANTED = "if STORE and NUMBER name it, it is imported in spite of the reason"


class Stops(Enum):
    """What is not done for an order as long as it has the reason, whatever both sides say."""

    NOTHING = "nothing"
    IMPORT = "its import: Katana holds it, or what has its hidden ID"
    ALL = "everything"


class About(Struct, frozen=True, kw_only=True):
    """A row of the table. `sentence` and `remedy` are what a shopkeeper reads: what is so, and what
    to do about it. `goods_elsewhere`: another order, which is imported in its place, holds its
    goods. `by_status`: its status keeps the order from being imported, as long as it has that.
    `explains_total`: a note that says why the totals of both sides differ."""

    kind: Kind
    sentence: str
    remedy: str = ""
    tried_again: TriedAgain
    ends: Ends
    retry: Retry
    stops: Stops = Stops.NOTHING
    goods_elsewhere: bool = False
    by_status: bool = False
    explains_total: bool = False


Row = tuple[str, About]
"""A reason's code, and what is said and done about it."""


def _skipped(
    code: str,
    sentence: str,
    remedy: str = "",
    *,
    ends: Ends = Ends.WHEN_PROCESSING,
    retry: Retry = Retry.NOTHING,
    goods_elsewhere: bool = False,
    by_status: bool = False,
) -> Row:
    about = About(
        kind=Kind.SKIPPED,
        sentence=sentence,
        remedy=remedy,
        tried_again=TriedAgain.NEVER,
        ends=ends,
        retry=retry,
        goods_elsewhere=goods_elsewhere,
        by_status=by_status,
    )
    return code, about


def _attention(
    code: str,
    sentence: str,
    remedy: str = "",
    *,
    tried_again: TriedAgain = TriedAgain.HOURLY,
    ends: Ends = Ends.WITH_AN_ATTEMPT,
    retry: Retry = Retry.ALL,
    stops: Stops = Stops.NOTHING,
) -> Row:
    about = About(
        kind=Kind.ATTENTION,
        sentence=sentence,
        remedy=remedy,
        tried_again=tried_again,
        ends=ends,
        retry=retry,
        stops=stops,
    )
    return code, about


def _failed(
    code: str, sentence: str, remedy: str, *, tried_again: TriedAgain = TriedAgain.AT_DELAYS
) -> Row:
    about = About(
        kind=Kind.FAILED,
        sentence=sentence,
        remedy=remedy,
        tried_again=tried_again,
        ends=Ends.WITH_AN_ATTEMPT,
        retry=Retry.ALL,
    )
    return code, about


def _note(code: str, sentence: str, remedy: str = "", *, explains_total: bool = False) -> Row:
    about = About(
        kind=Kind.NOTE,
        sentence=sentence,
        remedy=remedy,
        tried_again=TriedAgain.NEVER,
        ends=Ends.NEVER,
        retry=Retry.NOTHING,
        explains_total=explains_total,
    )
    return code, about


UNKNOWN = _attention("", "")[1]
"""What is done about a code of another version's ledger, and about no reason at all."""


SOON = (
    "The order is then imported within an hour, or at once by `katana-woo-sync retry STORE NUMBER`."
)
"""What follows once the cause is gone."""

IGNORE = "`katana-woo-sync ignore STORE NUMBER`"


class Reason(StrEnum):
    """A reason's code and its row. Users script against the codes: none is renamed or reused."""

    about: About

    def __new__(cls, code: str, about: About = UNKNOWN) -> Reason:
        """The reason of this code; `about` has a default only so that `Reason(code)`, which looks
        a reason up, is typed."""
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.about = about
        return reason

    # skipped: not imported, and nothing to do
    CANCELLED_BEFORE_IMPORT = _skipped(
        "cancelled_before_import",
        "It was cancelled or failed before it was imported.",
        by_status=True,
    )
    NO_LONGER_PROCESSING = _skipped(
        "no_longer_processing",
        "It left the status Processing before it was imported.",
        "It is imported when it becomes Processing again.",
        by_status=True,
    )
    REFUNDED_BEFORE_IMPORT = _skipped(
        "refunded_before_import", "All of it was refunded before it was imported."
    )
    GONE_BEFORE_IMPORT = _skipped(
        "gone_before_import",
        "It was deleted in the shop before it was imported.",
        by_status=True,
    )
    EMPTY_ORDER = _skipped("empty_order", "It holds no products, fees or shipping.")
    DOWNLOAD = _skipped("download", "It holds only downloads, which need no processing.")
    COMPLETED_UNSEEN_SKIPPED = _skipped(
        "completed_unseen_skipped",
        'It was completed before it was ever seen as Processing (completed_unseen = "skip").',
    )
    BEFORE_SINCE = _skipped(
        "before_since",
        "It was placed before the store's import-from date (since).",
        ends=Ends.WHEN_SINCE_CHANGES,
    )
    POS_SKIPPED = _skipped(
        "pos_skipped",
        "It was sold at WooCommerce's Point of Sale; such sales are not imported "
        '(pos = "skip", or completed_unseen = "skip").',
        "If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`.",
        retry=Retry.WANTED,
    )
    SUB_ORDER = _skipped(
        "sub_order",
        "Its goods are on its parent order too (it is a marketplace's sub-order, or the balance "
        "order of a deposit). The parent order is in Katana, or waits to be imported.",
        "To import it all the same, run `katana-woo-sync retry STORE NUMBER`: its goods are in "
        "Katana twice if the parent order is there too. To import sub-orders in place of their "
        'parents, set sub_orders = "children" under [orders].',
        ends=Ends.WITH_ITS_PARENT,
        retry=Retry.WANTED,
        goods_elsewhere=True,
    )
    HAS_SUB_ORDERS = _skipped(
        "has_sub_orders",
        "All its goods are on its sub-orders, which are imported in its place "
        '(sub_orders = "children").',
        "To import it all the same, run `katana-woo-sync retry STORE NUMBER`: its goods are in "
        "Katana twice if the sub-orders are there too.",
        ends=Ends.WITH_ITS_SUB_ORDERS,
        retry=Retry.WANTED,
        goods_elsewhere=True,
    )

    # attention: a person must act
    COMPLETED_UNSEEN = _attention(
        "completed_unseen",
        "It was completed in the shop before the program ever saw it as Processing.",
        "If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`: it is then imported "
        "and delivered. Sales of WooCommerce's Point of Sale are always completed at once: set "
        "`pos` under [orders] to import or to skip them.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WHEN_PROCESSING,
    )
    DEPOSIT = _attention(
        "deposit",
        "It was paid by a deposit, and the shop's data does not give its full price.",
        f"Enter it in Katana by hand and run {IGNORE}. Or run `katana-woo-sync retry STORE "
        "NUMBER`: it is then imported with the prices that it has in the shop; correct them in "
        "Katana.",
        retry=Retry.WANTED,
    )
    PARTLY_IN_SUB_ORDERS = _attention(
        "partly_in_sub_orders",
        "Some of its goods are on its sub-orders too, which are in Katana or wait to be imported. "
        "If this order were imported as well, these goods would be in Katana twice.",
        f"Enter in Katana by hand what is missing there and run {IGNORE}. Or delete the "
        "sub-orders' sales orders in Katana and run `katana-woo-sync retry STORE NUMBER`.",
        retry=Retry.WANTED,
    )
    LEFT_OUT_BEFORE = _attention(
        "left_out_before",
        "It was open already when the store was first imported, and was left out then. Why is no "
        "longer known, since the ledger was lost (perhaps by `backfill --since`).",
        f"If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`; else {IGNORE}, or set "
        "`since` in the config.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WHEN_EDITED,
    )
    UNREADABLE = _attention(
        "unreadable",
        "The shop's answer about this order could not be read.",
        "Open the order in the shop, look at the field named here, and save the order again: a "
        "plugin may have written a value that WooCommerce does not foresee.",
        ends=Ends.WITH_A_GOOD_ANSWER,
    )
    NEW_VARIATION = _attention(
        "new_variation",
        "Katana has other variations of this product, and this one could not be added to them.",
        "Add the variation with this SKU to the product in Katana. " + SOON,
    )
    PRODUCT_NOT_REPRESENTABLE = _attention(
        "product_not_representable",
        "A product that Katana lacks could not be created there as the shop has it.",
        "Create the product with this SKU in Katana. " + SOON,
    )
    VARIATIONS_SHARE_SKU = _attention(
        "variations_share_sku",
        "Several variations of one product have the same SKU, and Katana does not have the product "
        "yet: it could not tell them apart.",
        "Give each variation its own SKU in the shop. " + SOON,
    )
    UNKNOWN_SKU = _attention(
        "unknown_sku",
        "Katana has no item with this SKU, and create_products is false.",
        "Create the item in Katana, or correct the SKU in the shop. " + SOON,
    )
    SKU_AMBIGUOUS = _attention(
        "sku_ambiguous",
        "Katana has several items with this SKU, so it is not clear which one was sold.",
        "Leave the SKU to one of them in Katana. " + SOON,
    )
    ITEM_ARCHIVED = _attention(
        "item_archived",
        "The item with this SKU is archived or deleted in Katana.",
        "Restore it in Katana, or give the SKU to another item. " + SOON,
    )
    ITEM_NOT_SELLABLE = _attention(
        "item_not_sellable",
        "The item with this SKU is not sellable in Katana.",
        'Tick "I sell this item" on it in Katana. ' + SOON,
    )
    FOREIGN_CURRENCY = _attention(
        "foreign_currency",
        "It is in another currency than Katana's base currency, and multi_currency is false.",
        "Set multi_currency = true in the config if your Katana plan has it; the order is then "
        "imported.",
    )
    TAX_NOT_REPRESENTABLE = _attention(
        "tax_not_representable",
        "No tax rate from 0 to 999.999 %, with at most three decimals, gives the taxes on it. The "
        "program does not guess one, since a tax rate in Katana cannot be deleted.",
        "Look at the order's taxes in the shop. Add the right tax rate in Katana: the order is "
        f"then imported. Or enter the order in Katana by hand and run {IGNORE}.",
    )
    CANNOT_HOLD = _attention(
        "cannot_hold",
        "Its discounts or refunds are larger than what they could be taken from; Katana holds no "
        "negative amounts.",
        f"Look at the order in the shop, enter it in Katana by hand, and run {IGNORE}.",
    )
    REFUSED_BY_KATANA = _attention(
        "refused_by_katana",
        "Katana refused it, with the words shown here.",
        "Correct what Katana names. " + SOON,
    )
    TOO_MANY_ATTEMPTS = _attention(
        "too_many_attempts",
        "It failed again and again; the last error is shown here.",
        "Correct what the error names, then run `katana-woo-sync retry STORE NUMBER`.",
        tried_again=TriedAgain.HOURLY_IN_KATANA,
        ends=Ends.WHEN_BOTH_AGREE,
    )
    TOTAL_DIFFERS = _attention(
        "total_differs",
        "It is in Katana, but its total there differs from the shop's by more than rounding.",
        "Compare the two orders, and correct the one that is wrong. If the difference is right (a "
        "gift card or store credit of a plugin that this program does not know), run "
        f"{IGNORE}.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WHEN_TOTALS_AGREE,
        retry=Retry.NOTHING,
    )
    ORDER_KEY_CHANGED = _attention(
        "order_key_changed",
        "The shop has another order under this id than the one that was imported "
        "(a restored backup or a copy of the shop).",
        f"If it is a real order, enter it in Katana by hand. Then run {IGNORE}.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WITH_A_GOOD_ANSWER,
        retry=Retry.NOTHING,
        stops=Stops.ALL,
    )
    TAKEOVER_MISMATCH = _attention(
        "takeover_mismatch",
        "Katana holds a sales order with this order's hidden ID, but its date, total, lines or "
        "customer do not agree with the shop's order.",
        "Compare the two. If it is another order, enter this one in Katana by hand. Then run "
        f"{IGNORE}.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.NEVER,
        retry=Retry.NOTHING,
        stops=Stops.IMPORT,
    )
    KNOWN_ELSEWHERE = _attention(
        "known_elsewhere",
        "It looks like an order that was already imported for another shop (named here). If it "
        "were imported again, it would be in Katana twice.",
        f"If it was copied from that shop, run {IGNORE}. If it is an order of its own, run "
        "`katana-woo-sync retry STORE NUMBER`. If the whole shop moved to a new address, set "
        "katana_store_name to the name given here. If this shop is a copy of that shop (staging), "
        "take it out of the config.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.NEVER,
        retry=Retry.NAMED,
        stops=Stops.IMPORT,
    )
    PERHAPS_IN_KATANA = _attention(
        "perhaps_in_katana",
        "Katana holds an order with this id under a name that several of your stores share, and "
        "which store's it is cannot be told yet.",
        "Compare the two. If it is another order, change the number or the date of the one in "
        "Katana. " + SOON,
    )
    DOUBLED_IN_KATANA = _attention(
        "doubled_in_katana",
        "Katana holds it more than once: another program or machine imported it too.",
        "Delete all but one of the sales orders in Katana, and let only one program import.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WHEN_ONE_IS_LEFT,
        retry=Retry.NOTHING,
    )
    NOT_LISTED = _attention(
        "not_listed",
        "Katana's answer to its import was lost. Katana now has a sales order with its number, so "
        "it probably arrived; but Katana's API does not list that sales order.",
        "Look for the number in Katana. If it is this order, wait: it is adopted once Katana lists "
        "it. If it is another order, run `katana-woo-sync retry STORE NUMBER`: this one is then "
        "imported under another number.",
        retry=Retry.NAMED,
    )
    SHIPPING_FEE_MISSING = _attention(
        "shipping_fee_missing",
        "Its shipping fee could not be added in Katana.",
        "Add the fee to the sales order in Katana, or run `katana-woo-sync retry STORE NUMBER`.",
        tried_again=TriedAgain.AT_DELAYS_THEN_HOURLY,
    )
    DISAGREED_AT_ADOPTION = _attention(
        "disagreed_at_adoption",
        "When the program first saw it, it had been done on one side for over a week and not on "
        "the other. Nothing is changed by itself, since completing an order mails the customer.",
        "Set both sides as they should be; or run `katana-woo-sync retry STORE NUMBER`: what is "
        "done on one side is then done on the other.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WHEN_BOTH_AGREE,
        stops=Stops.ALL,
    )
    CANCELLED_IN_SHOP = _attention(
        "cancelled_in_shop",
        "It was cancelled, refunded or deleted in the shop, but is still open in Katana.",
        "Delete the sales order in Katana, or set the order right in the shop.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WITH_THE_STATUSES,
    )
    REOPENED_IN_SHOP = _attention(
        "reopened_in_shop",
        "It is open in the shop again, but its sales order was deleted in Katana in the meantime. "
        "No order is imported a second time.",
        f"If it is to be made or sent, enter it in Katana by hand and run {IGNORE}. If not, "
        "cancel it in the shop.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WITH_THE_STATUSES,
        retry=Retry.NOTHING,
    )
    REFUNDED_SINCE_IMPORT = _attention(
        "refunded_since_import",
        "Lines of it were refunded after the import, and it was then completed in the shop; "
        "Katana would deliver the refunded goods too.",
        "Take the refunded goods off the sales order in Katana and deliver it there.",
        ends=Ends.WHEN_DELIVERED,
    )
    SHOP_STATUS = _attention(
        "shop_status",
        "It is delivered in Katana, but its status in the shop is not one that may be completed.",
        "Set the order right in the shop, or add its status to complete_from in the config.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WITH_THE_STATUSES,
    )
    GONE_IN_SHOP = _attention(
        "gone_in_shop",
        "It is delivered in Katana, but is in the trash or deleted in the shop.",
        "Restore it in the shop if it should be completed there.",
        tried_again=TriedAgain.NEVER,
        ends=Ends.WITH_THE_STATUSES,
    )
    BATCH_SHORTAGE = _attention(
        "batch_shortage",
        "It was completed in the shop, but the batches in Katana at its location do not suffice.",
        "Enter the missing stock in Katana (a batch of the item at the order's location); it is "
        "then delivered by itself.",
        ends=Ends.WHEN_DELIVERED,
    )
    SERIAL_NUMBERS_NEEDED = _attention(
        "serial_numbers_needed",
        "It was completed in the shop, but items on it have serial numbers, which nobody but you "
        "can choose.",
        "Open the sales order in Katana, choose the serial numbers, and deliver it there.",
        ends=Ends.WHEN_DELIVERED,
    )
    DELIVERY_REFUSED = _attention(
        "delivery_refused",
        "It was completed in the shop, but Katana refused to deliver it.",
        "Correct what Katana names and deliver it in Katana, or run "
        "`katana-woo-sync retry STORE NUMBER`.",
        ends=Ends.WHEN_DELIVERED,
    )
    COMPLETION_REFUSED = _attention(
        "completion_refused",
        "It was delivered in Katana, but the shop refused to complete it.",
        "Correct what the shop names and complete it there, or run "
        "`katana-woo-sync retry STORE NUMBER`.",
        ends=Ends.WHEN_COMPLETED,
    )

    # failed: tried again
    TEMPORARY = _failed(
        "temporary",
        "A request failed; it is tried again.",
        "Wait. If it stays, look at what is named here.",
    )
    UNEXPECTED = _failed(
        "unexpected",
        "The program met something that it was not made for: a fault of its own. It is tried "
        "again.",
        "Wait. If it stays, report it with the words shown here.",
    )
    ANSWER_LOST = _failed(
        "answer_lost",
        "Katana's answer to its import was lost. The order is not in Katana, so it is sent again.",
        "Wait. If it stays, look at Katana's status page and at the network.",
    )
    ANSWER_AWAITED = _failed(
        "answer_awaited",
        "Katana's answer to a request for it was lost; it is not known whether the request "
        "arrived.",
        "Wait. Katana is asked within minutes what became of it; nothing is sent twice.",
        tried_again=TriedAgain.WHEN_ASKED,
    )
    NOTE_FAILED = _failed(
        "note_failed",
        "An order note could not be written in the shop; it is tried again.",
        "Wait. If it stays, look at the error that is shown here.",
    )

    # notes: change neither state nor exit code
    ADOPTED = _note(
        "adopted", "It was in Katana already: it is kept as it is there, and not imported again."
    )
    EDITED = _note(
        "edited",
        "It was edited in the shop after the import; Katana keeps it as it was imported.",
        explains_total=True,
    )
    REFUNDED_IN_SHOP = _note(
        "refunded_in_shop",
        "A refund was made in the shop after the import.",
        explains_total=True,
    )
    DELETED_IN_KATANA = _note(
        "deleted_in_katana",
        "It was deleted in Katana; it is not imported again.",
        explains_total=True,
    )
    DELIVERED_UNMADE = _note(
        "delivered_unmade",
        "It was delivered in Katana though something of it is still to be made there.",
    )
    REVERTED_IN_KATANA = _note("reverted_in_katana", "Its delivery was taken back in Katana.")
    REVERTED_IN_SHOP = _note(
        "reverted_in_shop", "Its status in the shop was changed after completion."
    )
    CENT_ROUNDING = _note(
        "cent_rounding",
        "Its total in Katana differs by the shop's own cent rounding.",
        explains_total=True,
    )
    CREATION_DATE_LOST = _note(
        "creation_date_lost",
        "The shop does not give its creation date in UTC; the date shown here was used instead.",
    )
    NUMBER_TAKEN = _note(
        "number_taken",
        "Its number was taken in Katana; the store's name was added (and the order's id, where "
        "that was taken too).",
    )
    SKU_LOOKS_ALIKE = _note(
        "sku_looks_alike",
        "An item was created for it, though Katana has one whose SKU differs only in case.",
        "If both are one product, write the SKU alike on both sides, or name it in [sku_aliases].",
    )
    NOTE_NOT_WRITTEN = _note(
        "note_not_written",
        "An order note could not be written in the shop, and is not tried again.",
    )
    SHIPMENT_NOT_TOLD = _note(
        "shipment_not_told",
        "A delivery in Katana could not be told to the shop, and is not tried again.",
    )
    SHIPMENT_TAKEN_BACK = _note(
        "shipment_taken_back",
        "A delivery that the shop shows was taken back in Katana.",
        "Look whether the shop is still to show it, and remove it there by hand if not.",
    )
    TAX_ROUNDING = _note(
        "tax_rounding",
        "A tax on it differs by up to a cent from what its percentage gives; the percentage was "
        "used.",
    )
    PAID_BY_GIFT_CARD = _note(
        "paid_by_gift_card",
        "A part of it was paid by gift card or store credit. The shop takes that off the total; in "
        "Katana the order has its full price.",
    )


_BY_CODE = {str(reason): reason.about for reason in Reason}


def about(code: str) -> About:
    """What is said and done about the reason with this code. One of another version's ledger is
    shown as it is."""
    return _BY_CODE.get(code) or replace(UNKNOWN, sentence=code)
