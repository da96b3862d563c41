//! The conformance suite: cases that hold a store to the prose of `posthaste_core::store`, one
//! named test per case and store. A case knows nothing of the store but its traits; how a fresh
//! one is made and opened again is for a [`Fixture`] to say.
//!
//! A bug found in one store is fixed by adding a case here.

pub mod accounts;
pub mod audit;
pub mod contacts;
pub mod contention;
pub mod deliveries;
pub mod events;
pub mod expiry;
pub mod fixtures;
pub mod imports;
pub mod inbound;
pub mod lists;
pub mod model;
pub mod stats;
pub mod users;
pub mod webhooks;

pub use fixtures::{Collected, Fixture};

/// Emits a test for every case. The argument is an expression that makes a new [`Fixture`].
#[macro_export]
macro_rules! store_suite {
    ($fresh:expr) => {
        $crate::store_suite! { @tests $fresh;
            accounts {
                a_new_store_has_one_account,
                an_account_is_found_by_id_and_by_name_also_after_a_restart,
                a_name_is_given_once,
                accounts_come_newest_first_and_page,
                what_an_account_does_about_invalid_data_is_kept,
                keys_survive_and_are_listed_by_account,
                a_key_hash_is_known_once,
                another_accounts_key_cannot_be_deleted,
                config_ids_are_never_used_again,
            }
            users {
                a_user_comes_back_as_it_was_made,
                an_e_mail_address_is_one_users,
                users_come_newest_first_by_account_and_page,
                an_update_changes_address_name_and_role_only,
                the_last_owner_of_an_account_and_of_the_platform_stays_one,
                two_changes_at_the_same_time_leave_an_owner,
                a_session_is_found_while_it_lives_with_its_user,
                a_session_that_was_ended_is_gone,
                the_oldest_sessions_end_beyond_the_bound,
                a_new_password_ends_all_sessions_but_the_new_one,
                a_new_role_and_the_end_of_a_user_end_sessions_and_links,
                a_link_lets_its_user_in_once,
                of_two_who_use_a_link_at_once_one_gets_in,
                the_first_link_makes_an_owner_where_the_platform_has_none,
                what_is_over_is_dropped_and_nothing_else,
            }
            audit {
                an_entry_comes_back_as_it_was_written,
                every_filter_finds_its_entries_newest_first,
                entries_of_a_clock_that_was_set_back_are_found_by_their_time,
                old_entries_are_dropped,
            }
            webhooks {
                a_webhook_comes_back_as_it_was_made,
                numbers_rise_per_account_and_are_never_used_again,
                an_update_replaces_what_may_change_and_nothing_else,
                a_webhook_that_is_gone_cannot_be_updated,
                another_accounts_webhook_does_not_exist,
                webhooks_come_newest_first_and_page,
                custom_event_types_are_kept_by_name,
                hits_of_unknown_webhooks_are_none,
            }
            events {
                an_accepted_event_comes_back_whole_also_after_a_restart,
                ids_rise_with_room_for_the_deliveries,
                many_events_to_deliver_come_in_order_and_within_their_bound,
                ids_rise_after_a_restart_whatever_the_clock_does,
                ids_rise_over_midnight_and_deliveries_stay_in_their_events_day,
                a_batch_is_stored_in_order,
                nothing_to_accept_is_accepted,
                the_sink_gets_every_event_before_the_answer,
                a_repeated_request_gets_the_first_answer,
                a_repeated_request_gets_the_first_answer_after_a_restart_and_over_midnight,
                a_key_with_another_body_is_told,
                a_key_of_another_account_is_another_key,
                a_key_is_forgotten_after_its_window,
                another_accounts_event_does_not_exist,
                the_event_of_a_delivery_is_known_before_the_delivery_has_a_row,
            }
            contention {
                a_thousand_requests_with_one_key_store_one_event,
                concurrent_accepts_get_rising_ids_in_the_order_of_their_commits,
                an_accept_whose_caller_hung_up_still_reaches_the_sink,
                recording_and_accepting_do_not_disturb_each_other,
                more_than_may_wait_is_refused_and_nothing_of_it_stored,
            }
            deliveries {
                a_delivery_without_a_row_does_not_exist,
                a_row_comes_back_as_it_was_recorded_with_its_attempts,
                sensitive_request_headers_are_stored_redacted,
                a_later_record_moves_the_row,
                a_record_without_an_attempt_leaves_the_last_attempt,
                another_accounts_delivery_does_not_exist,
                what_is_above_the_mark_is_recovered,
                rows_above_the_mark_are_named,
                the_mark_never_falls_and_crosses_days,
                what_is_outstanding_survives_and_pages_in_order,
                a_manual_attempt_stays_due_over_a_restart,
                recording_the_same_again_changes_nothing,
                a_whole_batch_written_again_changes_nothing,
                a_long_batch_may_be_written_again_with_more,
                one_delivery_may_appear_twice_in_a_batch,
                an_ended_delivery_stays_ended,
            }
            lists {
                every_filter_walks_all_its_pages,
                an_events_deliveries_are_listed,
                time_filters_are_about_the_event,
                another_accounts_deliveries_are_not_listed,
                a_filter_that_finds_little_gives_short_pages,
                events_are_filtered_and_page,
                a_made_up_cursor_does_no_harm,
            }
            stats {
                hits_and_rollups_count_what_was_recorded,
                tests_are_counted_nowhere,
                an_attempt_counts_in_the_minute_it_was_made,
                empty_buckets_are_there,
                hours_add_up_to_the_same_as_their_minutes,
                the_busiest_second_of_an_hour_adds_up_over_days,
                an_accounts_stats_add_up_its_webhooks,
                the_busiest_second_adds_up_over_days_and_webhooks,
                health_says_how_a_webhook_is_doing,
                another_accounts_stats_are_empty,
                what_it_takes_up_grows_with_what_is_stored,
            }
            expiry {
                old_days_go_and_their_hits_stay,
                a_day_is_whole_or_kept,
                ids_rise_after_everything_expired,
                an_expired_delivery_is_not_brought_back,
            }
            contacts {
                a_powerlist_comes_back_as_it_was_made,
                a_powerlists_name_is_its_accounts,
                a_contact_comes_back_as_it_was_made,
                an_upsert_knows_a_contact_by_its_number,
                what_cannot_be_done_leaves_the_others_alone,
                another_accounts_contact_does_not_exist,
                a_contact_is_deleted_by_id_number_or_address,
                a_search_finds_what_begins_so_and_digits_anywhere,
                a_search_follows_changes,
                a_deleted_powerlist_is_gone_with_all_on_it,
                every_change_notes_its_event_once,
                two_upserts_of_a_number_at_once_make_one_contact,
            }
            inbound {
                an_inbound_webhook_comes_back_as_it_was_made,
                both_kinds_of_webhooks_share_their_numbers,
                another_accounts_inbound_webhook_does_not_exist,
                a_request_makes_its_change_and_comes_back_whole,
                a_replay_is_no_hit_and_hits_survive,
                the_first_request_under_a_key_wins,
                many_requests_with_one_key_at_once_make_one_change,
                old_requests_and_those_of_webhooks_that_are_gone_are_swept,
                a_webhook_keeps_its_newest_requests,
            }
            imports {
                an_import_comes_back_with_its_file,
                imports_come_newest_first_and_wait_oldest_first,
                an_import_moves_on_with_its_contacts,
                an_import_that_is_over_stays_as_it_is,
                an_import_ends_with_its_powerlist,
                so_many_skipped_rows_are_kept,
                what_is_not_taken_in_leaves_nothing,
                two_imports_at_once_share_a_list,
            }
        }
    };
    (@tests $fresh:expr; $($group:ident { $($case:ident,)* })*) => {
        $(
            mod $group {
                use super::*;
                $(
                    #[tokio::test]
                    async fn $case() {
                        $crate::conformance::$group::$case(&mut $fresh).await;
                    }
                )*
            }
        )*
    };
}
