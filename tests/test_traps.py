"""Every measured trap of WooCommerce's API has a test that shows it in the sandbox, and one that
shows that the program passes it. This is the list; each name must be a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

TRAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # trap: (the sandbox has it, the program passes it)
    "orderby=modified with page numbers loses orders before 10.4": (
        ("test_order_by_modified_loses_rows_before_10_4",),
        ("test_no_order_is_lost_that_changes_between_pages",),
    ),
    "paging drifts while orders change": (
        ("test_a_page_drifts_when_an_order_leaves_the_list_meanwhile",),
        ("test_a_backfill_misses_none", "test_a_cycle_misses_none"),
    ),
    "modified_after is exclusive, in whole seconds; many orders share one": (
        ("test_modified_after_is_exclusive_and_in_whole_seconds",),
        ("test_orders_that_share_the_second_of_the_mark_are_all_seen",),
    ),
    "a suffix together with dates_are_gmt shifts the time": (
        ("test_times_are_understood_as_measured",),
        ("test_the_time_is_sent_in_gmt_without_a_suffix", "test_no_time_zone_hides_an_order"),
    ),
    "of a repeated plain status the last is kept": (
        (
            "test_of_a_repeated_plain_status_the_last_is_kept",
            "test_statuses_come_as_a_comma_list_or_indexed",
        ),
        ("test_open_orders_come_in_their_statuses",),
    ),
    "empty brackets break the signature": (
        ("test_indexed_parameters_are_signed_and_empty_brackets_break_it",),
        ("test_http_is_signed_as_woocommerce_verifies_it",),
    ),
    "one unknown status fails the whole request": (
        ("test_one_unknown_status_fails_the_request",),
        ("test_a_status_of_a_removed_plugin_stops_no_sweep",),
    ),
    "trashed orders are in no list but answer by id; deleted ones are 404": (
        (
            "test_the_trash_is_in_no_list_unless_it_is_asked_for",
            "test_an_order_in_the_trash_answers_by_id_and_a_deleted_one_does_not",
        ),
        (
            "test_an_order_in_the_trash_is_found_by_id_alone",
            "test_an_order_in_the_trash_answers_by_its_id_and_is_seen_so",
        ),
    ),
    "100 per page, and past the end an empty page": (
        ("test_past_the_end_is_an_empty_page", "test_a_list_has_ten_newest_first"),
        ("test_orders_are_asked_for_by_the_hundred",),
    ),
    "8.2 ignores filters that it does not know": (
        ("test_filters_that_are_not_known_are_ignored",),
        ("test_a_filter_that_the_shop_ignores_is_applied_here",),
    ),
    "_fields does not reach inside lists": (
        ("test_fields_trim_the_top_and_drop_lists",),
        ("test_products_variations_and_refunds_come_typed",),
    ),
    "weak hosts time out on a hundred orders": (
        ("test_a_list_of_a_hundred_is_quick",),
        ("test_pages_that_time_out_shrink_and_grow_again",),
    ),
    "every PUT moves the modification time on order tables, few on legacy storage": (
        (
            "test_on_order_tables_every_put_is_a_change",
            "test_on_legacy_storage_only_some_puts_are",
            "test_notes_refunds_undone_and_renamed_products_move_nothing",
        ),
        ("test_our_own_write_that_comes_round_again_does_nothing",),
    ),
    "amounts add up at the decimals that fit the shop's rounding": (
        ("test_shops_that_round_at_the_subtotal_are_off_by_cents_at_most",),
        (
            "test_each_shop_is_asked_for_the_decimals_that_add_up",
            "test_a_shop_that_rounds_at_the_subtotal_is_held_to_its_few_roundings",
        ),
    ),
    "fees may be negative": (
        ("test_a_negative_fee_never_makes_the_order_negative",),
        ("test_the_total_of_a_tax_inclusive_order_is_the_shops_to_the_cent",),
    ),
    "two decimals always, yen too": (
        ("test_yen_have_two_decimals_too",),
        ("test_prices_of_any_number_of_decimals",),
    ),
    "refunds leave the order's own lines as they are": (
        (
            "test_a_refund_of_lines_is_negative_and_names_its_lines",
            "test_a_refund_of_an_amount_has_no_lines",
        ),
        ("test_rule_08_a_refunded_line_is_left_out",),
    ),
    "a line's sku is looked up live": (
        ("test_a_lines_sku_is_looked_up_live",),
        ("test_rule_07_a_sku_renamed_in_the_shop_is_still_the_same_product",),
    ),
    "a variation without a SKU shows its parent's, and so does a deleted one": (
        ("test_a_variation_without_sku_shows_its_parents_and_a_deleted_one_too",),
        (
            "test_rule_07_a_variation_without_sku_is_created_without_one",
            "test_rule_07_a_deleted_variation_is_never_its_parent",
        ),
    ),
    "names of products are HTML-escaped, what customers type is not": (
        ("test_names_of_products_are_escaped_and_what_customers_type_is_not",),
        ("test_hostile_text_reaches_katana_as_text",),
    ),
    "two orders may share an id in a restored shop": (
        ("test_a_restored_shop_may_use_an_id_again_with_another_key",),
        (
            "test_rule_02_the_same_id_with_another_key_is_another_order",
            "test_rule_02_a_restored_shop_that_uses_the_id_of_a_lost_order_again",
        ),
    ),
    "downloads need no processing": (
        ("test_only_virtual_downloads_need_no_processing",),
        ("test_rule_01_a_download_is_not_a_gap",),
    ),
    "the sku filter ignores case and accents; other lists hold no variations": (
        (
            "test_skus_are_found_without_case_and_accents_and_by_the_whole",
            "test_other_lists_hold_no_variations",
        ),
        ("test_rule_07_a_sku_that_differs_in_case_is_another_product_and_is_noted",),
    ),
    "WooCommerce's REST cache answers about products, variations and taxes as they were": (
        ("test_the_rest_cache_answers_what_was_unless_it_is_skipped",),
        (
            "test_products_are_read_past_the_rest_cache",
            "test_stock_is_read_past_the_shops_rest_cache",
        ),
    ),
    "batches check nothing": (
        ("test_batches_check_nothing", "test_variations_have_their_own_batch"),
        ("test_completing_sends_the_status_alone",),
    ),
    "https takes Basic or keys in the query, http a signature alone": (
        (
            "test_https_takes_basic_and_keys_in_the_query",
            "test_http_takes_neither_basic_nor_keys_in_the_query",
        ),
        (
            "test_https_is_basic",
            "test_a_host_that_strips_the_header_gets_the_key_in_the_query",
        ),
    ),
    "the site signs with its own idea of its address": (
        ("test_a_site_that_thinks_it_is_elsewhere_refuses_every_signature",),
        ("test_a_store_behind_a_proxy_is_signed_for_as_the_site_believes_to_be_called",),
    ),
    "a body without its content type is ignored": (
        ("test_only_an_announced_body_is_read",),
        ("test_over_https_the_client_reads_and_completes",),
    ),
    "401 for all of: unknown key, wrong secret, missing permission": (
        (
            "test_wrong_keys_are_refused_as_by_real_stores",
            "test_permissions_are_refused_as_by_real_stores",
        ),
        ("test_a_read_only_key_is_told_from_a_wrong_one", "test_a_wrong_key_is_still_a_wrong_key"),
    ),
    "an unknown order is 404 to read and 400 to write": (
        ("test_unknown_products_are_not_found",),
        ("test_an_unknown_order_is_not_found_whether_read_or_written",),
    ),
    "WooCommerce's keys do not work with plain permalinks": (
        ("test_under_plain_permalinks_keys_do_not_work", "test_almost_pretty_permalinks_work"),
        (
            "test_plain_permalinks_are_answered_with_the_remedy",
            "test_almost_pretty_permalinks_are_found_out",
        ),
    ),
    "REQUESTS_CA_BUNDLE takes the place of a session's own verify": (
        ("test_https_with_the_shops_own_certificate",),
        ("test_the_stores_ca_file_holds_whatever_the_environment_says",),
    ),
    "every change of status sends mails": (
        ("test_completing_mails_once_and_the_same_status_not_at_all",),
        ("test_rule_10_the_customer_is_mailed_once",),
    ),
    "meta with internal keys changes the order itself": (
        ("test_meta_with_woocommerces_own_keys_changes_the_order",),
        ("test_completing_sends_the_status_alone",),
    ),
    "sub-orders and balance orders hold again what their parent holds": (
        ("test_a_marketplaces_sub_orders_hold_the_parents_goods_again",),
        ("test_rule_20_what_another_order_holds_is_left_out",),
    ),
    "a migration may lose the creation in UTC": (
        ("test_the_creation_in_utc_may_be_lost",),
        ("test_an_order_without_its_creation_in_utc_is_imported_with_a_note",),
    ),
    "a line of a deleted variation shows its parent and what was chosen": (
        ("test_a_deleted_variation_leaves_its_parent_and_what_was_chosen",),
        ("test_rule_07_a_deleted_variation_is_the_variant_that_it_was",),
    ),
}


def there_are() -> set[str]:
    """The names of all tests."""
    return {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_is_shown_and_passed(trap: str) -> None:
    shown, passed = TRAPS[trap]
    assert shown
    assert passed
    assert {*shown, *passed} <= there_are()
