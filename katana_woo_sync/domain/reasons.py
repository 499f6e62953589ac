"""Why an order is skipped, failed, for attention or noted: stable codes, and words for people."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """The code of a reason. Users script against these: none is renamed or reused."""

    # skipped: not imported, and nothing to do
    CANCELLED_BEFORE_IMPORT = "cancelled_before_import"
    NO_LONGER_PROCESSING = "no_longer_processing"
    REFUNDED_BEFORE_IMPORT = "refunded_before_import"
    GONE_BEFORE_IMPORT = "gone_before_import"
    EMPTY_ORDER = "empty_order"
    DOWNLOAD = "download"
    COMPLETED_BEFORE_CONNECTION = "completed_before_connection"
    COMPLETED_UNSEEN_SKIPPED = "completed_unseen_skipped"
    BEFORE_SINCE = "before_since"
    POS_SKIPPED = "pos_skipped"
    SUB_ORDER = "sub_order"
    HAS_SUB_ORDERS = "has_sub_orders"

    # attention: a person must act
    COMPLETED_UNSEEN = "completed_unseen"
    DEPOSIT = "deposit"
    PARTLY_IN_SUB_ORDERS = "partly_in_sub_orders"
    LEFT_OUT_BEFORE = "left_out_before"
    UNREADABLE = "unreadable"
    NEW_VARIATION = "new_variation"
    PRODUCT_NOT_REPRESENTABLE = "product_not_representable"
    VARIATIONS_SHARE_SKU = "variations_share_sku"
    UNKNOWN_SKU = "unknown_sku"
    SKU_AMBIGUOUS = "sku_ambiguous"
    ITEM_ARCHIVED = "item_archived"
    ITEM_NOT_SELLABLE = "item_not_sellable"
    FOREIGN_CURRENCY = "foreign_currency"
    TAX_NOT_REPRESENTABLE = "tax_not_representable"
    CANNOT_HOLD = "cannot_hold"
    REFUSED_BY_KATANA = "refused_by_katana"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    TOTAL_DIFFERS = "total_differs"
    ORDER_KEY_CHANGED = "order_key_changed"
    TAKEOVER_MISMATCH = "takeover_mismatch"
    KNOWN_ELSEWHERE = "known_elsewhere"
    PERHAPS_IN_KATANA = "perhaps_in_katana"
    DOUBLED_IN_KATANA = "doubled_in_katana"
    NOT_LISTED = "not_listed"
    SHIPPING_FEE_MISSING = "shipping_fee_missing"
    DISAGREED_AT_ADOPTION = "disagreed_at_adoption"
    CANCELLED_IN_SHOP = "cancelled_in_shop"
    REOPENED_IN_SHOP = "reopened_in_shop"
    REFUNDED_SINCE_IMPORT = "refunded_since_import"
    SHOP_STATUS = "shop_status"
    GONE_IN_SHOP = "gone_in_shop"
    BATCH_SHORTAGE = "batch_shortage"
    SERIAL_NUMBERS_NEEDED = "serial_numbers_needed"
    DELIVERY_REFUSED = "delivery_refused"
    COMPLETION_REFUSED = "completion_refused"

    # failed: tried again
    TEMPORARY = "temporary"
    UNEXPECTED = "unexpected"
    ANSWER_LOST = "answer_lost"
    ANSWER_AWAITED = "answer_awaited"
    NOTE_FAILED = "note_failed"

    # notes: change neither state nor exit code
    ADOPTED = "adopted"
    EDITED = "edited"
    DELETED_IN_KATANA = "deleted_in_katana"
    REVERTED_IN_KATANA = "reverted_in_katana"
    REVERTED_IN_SHOP = "reverted_in_shop"
    REFUNDED_IN_SHOP = "refunded_in_shop"
    CENT_ROUNDING = "cent_rounding"
    CREATION_DATE_LOST = "creation_date_lost"
    NUMBER_TAKEN = "number_taken"
    SKU_LOOKS_ALIKE = "sku_looks_alike"
    NOTE_NOT_WRITTEN = "note_not_written"
    TAX_ROUNDING = "tax_rounding"
    PAID_BY_GIFT_CARD = "paid_by_gift_card"


class Words(Struct, frozen=True):
    """What a shopkeeper reads: what is so, and what to do about it."""

    sentence: str
    remedy: str = ""


WORDS: dict[Reason, Words] = {
    Reason.CANCELLED_BEFORE_IMPORT: Words("It was cancelled or failed before it was imported."),
    Reason.NO_LONGER_PROCESSING: Words(
        "It left the status Processing before it was imported.",
        "It is imported when it becomes Processing again.",
    ),
    Reason.REFUNDED_BEFORE_IMPORT: Words("All of it was refunded before it was imported."),
    Reason.GONE_BEFORE_IMPORT: Words("It was deleted in the shop before it was imported."),
    Reason.EMPTY_ORDER: Words("It holds no products, fees or shipping."),
    Reason.DOWNLOAD: Words("It holds only downloads, which need no processing."),
    Reason.COMPLETED_BEFORE_CONNECTION: Words(
        "It was completed before the store was connected to Katana."
    ),
    Reason.COMPLETED_UNSEEN_SKIPPED: Words(
        'It was completed before it was ever seen as Processing (completed_unseen = "skip").'
    ),
    Reason.BEFORE_SINCE: Words("It was placed before the store's import-from date (since)."),
    Reason.COMPLETED_UNSEEN: Words(
        "It was completed in the shop before the program ever saw it as Processing.",
        "If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`: it is then imported "
        "and delivered. Sales of WooCommerce's Point of Sale are always completed at once: set "
        "`pos` under [orders] to import or to skip them.",
    ),
    Reason.POS_SKIPPED: Words(
        "It was sold at WooCommerce's Point of Sale; such sales are not imported "
        '(pos = "skip", or completed_unseen = "skip").',
        "If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`.",
    ),
    Reason.SUB_ORDER: Words(
        "Its goods are on its parent order too (it is a marketplace's sub-order, or the balance "
        "order of a deposit). The parent order is in Katana, or waits to be imported.",
        "To import it all the same, run `katana-woo-sync retry STORE NUMBER`: its goods are in "
        "Katana twice if the parent order is there too. To import sub-orders in place of their "
        'parents, set sub_orders = "children" under [orders].',
    ),
    Reason.HAS_SUB_ORDERS: Words(
        "All its goods are on its sub-orders, which are imported in its place "
        '(sub_orders = "children").',
        "To import it all the same, run `katana-woo-sync retry STORE NUMBER`: its goods are in "
        "Katana twice if the sub-orders are there too.",
    ),
    Reason.PARTLY_IN_SUB_ORDERS: Words(
        "Some of its goods are on its sub-orders too, which are in Katana or wait to be imported. "
        "If this order were imported as well, these goods would be in Katana twice.",
        "Enter in Katana by hand what is missing there and `ignore` this order; or delete the "
        "sub-orders' sales orders in Katana and run `katana-woo-sync retry STORE NUMBER` for it.",
    ),
    Reason.DEPOSIT: Words(
        "It was paid by a deposit, and the shop's data does not give its full price.",
        "Enter it in Katana by hand and `ignore` it here; or run `katana-woo-sync retry STORE "
        "NUMBER`, which imports it with the prices that it has in the shop, and correct them in "
        "Katana.",
    ),
    Reason.LEFT_OUT_BEFORE: Words(
        "It was open already when the store was first imported, and was not imported then; the "
        "ledger that knew why (backfill --since) was lost.",
        "If it belongs in Katana, run `katana-woo-sync retry STORE NUMBER`; else `ignore` it, or "
        "set `since` in the config.",
    ),
    Reason.UNREADABLE: Words(
        "The shop's answer about this order could not be read.",
        "A plugin may write what WooCommerce does not foresee; open the order in the shop and "
        "look at the field named here.",
    ),
    Reason.NEW_VARIATION: Words(
        "Katana has other variations of this product, and this one could not be added to them.",
        "Add the variation with this SKU to the product in Katana, then retry.",
    ),
    Reason.PRODUCT_NOT_REPRESENTABLE: Words(
        "A product that Katana lacks could not be created there as the shop has it.",
        "Create the product with this SKU in Katana, then retry.",
    ),
    Reason.VARIATIONS_SHARE_SKU: Words(
        "Several variations of a product that Katana lacks have one SKU, which tells none apart.",
        "Give each variation its own SKU in the shop, then retry.",
    ),
    Reason.UNKNOWN_SKU: Words(
        "Katana has no item with this SKU, and create_products is false.",
        "Create the item in Katana, or correct the SKU in the shop, then retry.",
    ),
    Reason.SKU_AMBIGUOUS: Words(
        "Katana has several items with this SKU.",
        "Leave the SKU to one of them in Katana, then retry.",
    ),
    Reason.ITEM_ARCHIVED: Words(
        "The item with this SKU is archived or deleted in Katana.",
        "Restore it in Katana, or give the SKU to another item, then retry.",
    ),
    Reason.ITEM_NOT_SELLABLE: Words(
        "The item with this SKU is not sellable in Katana.",
        'Tick "I sell this item" on it in Katana, then retry.',
    ),
    Reason.FOREIGN_CURRENCY: Words(
        "It is in another currency than Katana's base currency, and multi_currency is false.",
        "Set multi_currency = true if your Katana plan has it; the order is then imported.",
    ),
    Reason.TAX_NOT_REPRESENTABLE: Words(
        "No tax rate from 0 to 999.999 %, with at most three decimals, gives the taxes on it. The "
        "program does not guess one, since a tax rate in Katana cannot be deleted.",
        "Look at the order's taxes in the shop. Add the right tax rate in Katana: the order is "
        "then imported. Or enter the order in Katana by hand and `ignore` it here.",
    ),
    Reason.CANNOT_HOLD: Words(
        "Its discounts or refunds are larger than what they could be taken from; Katana holds no "
        "negative amounts.",
        "Look at the order in the shop, and enter it in Katana by hand.",
    ),
    Reason.REFUSED_BY_KATANA: Words(
        "Katana refused it.",
        "Mend what Katana names, then retry.",
    ),
    Reason.TOO_MANY_ATTEMPTS: Words(
        "It failed again and again.",
        "Look at what failed, mend it, then retry.",
    ),
    Reason.TOTAL_DIFFERS: Words(
        "It is in Katana, but its total there differs from the shop's by more than rounding.",
        "Compare the two orders. Correct the one that is wrong; if the difference is right (a gift "
        "card or store credit of a plugin that this program does not know), `ignore` the order.",
    ),
    Reason.ORDER_KEY_CHANGED: Words(
        "The shop has another order under this id than the one that was imported "
        "(a restored backup or a copy of the shop).",
        "Enter the new order in Katana by hand if it is a real one.",
    ),
    Reason.TAKEOVER_MISMATCH: Words(
        "Katana holds a sales order with this order's hidden ID, but its date, total, lines or "
        "customer do not agree with the shop's order.",
        "Compare the two. If it is another order, enter this one in Katana by hand. Then `ignore` "
        "it here.",
    ),
    Reason.KNOWN_ELSEWHERE: Words(
        "It looks like an order that was already imported for another shop (named here). If it "
        "were imported again, it would be in Katana twice.",
        "If it was copied from that shop, `ignore` it. If it is an order of its own, run "
        "`katana-woo-sync retry STORE NUMBER`. If the whole shop moved to a new address, set "
        "katana_store_name to the name given here. If this shop is a copy of that shop (staging), "
        "take it out of the config.",
    ),
    Reason.PERHAPS_IN_KATANA: Words(
        "Katana holds an order with this id under a name that several of your stores share, and "
        "which store's it is cannot be told yet.",
        "Compare the two. If it is another order, change the number or the date of the one in "
        "Katana, then retry.",
    ),
    Reason.DOUBLED_IN_KATANA: Words(
        "Katana holds it more than once: another program or machine imported it too.",
        "Delete all but one of the sales orders in Katana, and let only one program import.",
    ),
    Reason.NOT_LISTED: Words(
        "Katana's answer to its import was lost. Katana now has a sales order with its number, so "
        "it probably arrived; but Katana's API does not list that sales order.",
        "Look for the number in Katana. If it is this order, wait: it is adopted once Katana lists "
        "it. If it is another order, run `katana-woo-sync retry STORE NUMBER`: this one is then "
        "imported under another number.",
    ),
    Reason.DISAGREED_AT_ADOPTION: Words(
        "Shop and Katana had disagreed for over a week about whether it is delivered when the "
        "program first saw the pair.",
        "Set both sides as they should be, or run `katana-woo-sync retry` to carry it over.",
    ),
    Reason.CANCELLED_IN_SHOP: Words(
        "It was cancelled, refunded or deleted in the shop, but is still open in Katana.",
        "Delete the sales order in Katana, or set the order right in the shop.",
    ),
    Reason.REOPENED_IN_SHOP: Words(
        "It is open in the shop again, but its sales order was deleted in Katana in the meantime. "
        "No order is imported a second time.",
        "If it is to be made or sent, enter it in Katana by hand and `ignore` it here. If not, "
        "cancel it in the shop.",
    ),
    Reason.REFUNDED_SINCE_IMPORT: Words(
        "Lines of it were refunded after the import, and it was then completed in the shop; "
        "Katana would deliver the refunded goods too.",
        "Take the refunded goods off the sales order in Katana and deliver it there.",
    ),
    Reason.SHOP_STATUS: Words(
        "It is delivered in Katana, but its status in the shop is not one that may be completed.",
        "Set the order right in the shop, or allow its status in complete_from.",
    ),
    Reason.GONE_IN_SHOP: Words(
        "It is delivered in Katana, but is in the trash or deleted in the shop.",
        "Restore it in the shop if it should be completed there.",
    ),
    Reason.BATCH_SHORTAGE: Words(
        "It was completed in the shop, but the batches in Katana at its location do not suffice.",
        "Enter the missing stock in Katana (a batch of the item at the order's location); it is "
        "then delivered by itself.",
    ),
    Reason.SERIAL_NUMBERS_NEEDED: Words(
        "It was completed in the shop, but items on it have serial numbers, which nobody but you "
        "can choose.",
        "Open the sales order in Katana, choose the serial numbers, and deliver it there.",
    ),
    Reason.DELIVERY_REFUSED: Words(
        "It was completed in the shop, but Katana refused to deliver it.",
        "Mend what Katana names and deliver it in Katana, or retry.",
    ),
    Reason.COMPLETION_REFUSED: Words(
        "It was delivered in Katana, but the shop refused to complete it.",
        "Mend what the shop names and complete it there, or retry.",
    ),
    Reason.TEMPORARY: Words(
        "A request failed; it is tried again.",
        "Wait. If it stays, look at what is named here.",
    ),
    Reason.UNEXPECTED: Words(
        "The program met something that it was not made for; it is tried again.",
        "If it stays, report it with the words shown here.",
    ),
    Reason.ANSWER_LOST: Words(
        "An answer of Katana's was lost, and the order turned out not to be there; "
        "it is tried again.",
        "Wait. If it stays, look at Katana's status page and at the network.",
    ),
    Reason.ANSWER_AWAITED: Words(
        "Katana's answer to a request for it was lost; it is not known whether the request "
        "arrived.",
        "Wait. Katana is asked within minutes what became of it; nothing is sent twice.",
    ),
    Reason.NOTE_FAILED: Words(
        "An order note could not be written in the shop; it is tried again.",
        "Wait. If it stays, look at the error that is shown here.",
    ),
    Reason.ADOPTED: Words("It was in Katana already and was adopted, not imported again."),
    Reason.EDITED: Words("It was edited in the shop after the import; edits do not cross."),
    Reason.DELETED_IN_KATANA: Words("It was deleted in Katana; it is not imported again."),
    Reason.REVERTED_IN_KATANA: Words("Its delivery was taken back in Katana."),
    Reason.REVERTED_IN_SHOP: Words("Its status in the shop was changed after completion."),
    Reason.REFUNDED_IN_SHOP: Words("A refund was made in the shop after the import."),
    Reason.CENT_ROUNDING: Words("Its total in Katana differs by the shop's own cent rounding."),
    Reason.CREATION_DATE_LOST: Words(
        "The shop does not have its creation date in UTC; the date shown here was used instead."
    ),
    Reason.NUMBER_TAKEN: Words(
        "Its number was taken in Katana; the store's name was added (and the order's id, where "
        "that was taken too)."
    ),
    Reason.SKU_LOOKS_ALIKE: Words(
        "An item was created for it, though Katana has one whose SKU differs only in case.",
        "If both are one product, write the SKU alike on both sides, or name it in [sku_aliases].",
    ),
    Reason.NOTE_NOT_WRITTEN: Words(
        "An order note could not be written in the shop, and is not tried again."
    ),
    Reason.TAX_ROUNDING: Words(
        "A tax on it differs by up to a cent from what its percentage gives; the percentage was "
        "used."
    ),
    Reason.PAID_BY_GIFT_CARD: Words(
        "A part of it was paid by gift card or store credit. The shop takes that off the total; in "
        "Katana the order has its full price."
    ),
    Reason.SHIPPING_FEE_MISSING: Words(
        "Its shipping fee could not be added in Katana.",
        "Add the fee to the sales order in Katana, or retry.",
    ),
}


def words(code: str) -> Words:
    """The words for a reason's code; the code itself for one of another version's ledger."""
    try:
        return WORDS[Reason(code)]
    except ValueError:
        return Words(code)
