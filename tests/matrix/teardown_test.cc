// The teardown matrix: every phase by every way it can end. Each cell is one such end; what must be on
// record and what the peers must see was written down from the tables in src/ledger and the RFCs.
#include "matrix/before_any_byte.hh"
#include "matrix/between_requests.hh"
#include "matrix/connect.hh"
#include "matrix/first_byte.hh"
#include "matrix/linger.hh"
#include "matrix/reached.hh"
#include "matrix/refused.hh"
#include "matrix/request_body.hh"
#include "matrix/request_head.hh"
#include "matrix/response_body.hh"
#include "matrix/reuse.hh"
#include "matrix/tunnel.hh"
#include "matrix/unreachable.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

static void before_any_byte_nothing_is_lost(void**) { check_cells(before_any_byte()); }
static void a_partial_head_ends_by_whoever_left_it_so(void**) {
    check_cells(request_head_endings());
}
static void a_refused_head_is_answered_and_never_forwarded(void**) { check_cells(refused_heads()); }
static void idle_connections_end_without_blame(void**) { check_cells(between_requests()); }
static void what_is_turned_away_is_told_why(void**) { check_cells(refusals()); }
static void a_failed_connect_blames_the_upstream(void**) { check_cells(refused_connects()); }
static void an_end_while_dialling_blames_whoever_ended_it(void**) {
    check_cells(connects_under_way());
}
static void an_end_between_two_dials_blames_whoever_ended_it(void**) {
    check_cells(pauses_between_connects());
}
static void a_cut_upload_blames_whoever_cut_it(void**) { check_cells(request_body_endings()); }
static void a_stuck_upload_blames_the_one_that_does_not_read(void**) {
    check_cells(stuck_uploads());
}
static void a_failed_write_upstream_waits_for_an_early_answer(void**) {
    check_cells(failed_writes_upstream());
}
static void a_missing_answer_blames_whoever_owed_it(void**) { check_cells(first_byte_endings()); }
static void an_interim_answer_is_no_answer_yet(void**) { check_cells(interim_endings()); }
static void a_cut_answer_looks_cut(void**) { check_cells(response_body_endings()); }
static void a_stuck_download_blames_the_one_that_does_not_read(void**) {
    check_cells(stuck_downloads());
}
static void a_failed_write_to_the_client_blames_the_client(void**) {
    check_cells(failed_writes_to_clients());
}
static void a_tunnel_ends_by_both_fins_or_with_blame(void**) { check_cells(tunnel_endings()); }
static void a_half_closed_tunnel_is_still_watched(void**) { check_cells(half_closed_tunnels()); }
static void a_silent_tunnel_blames_whoever_owed_the_next_byte(void**) {
    check_cells(tunnel_clocks());
}
static void a_refused_upgrade_is_a_plain_answer(void**) { check_cells(refused_upgrades()); }
static void an_early_answer_is_delivered(void**) { check_cells(early_answers()); }
static void a_refused_upload_hears_why(void**) { check_cells(refused_uploads()); }
static void a_dead_kept_alive_connection_costs_a_retry_at_most(void**) {
    check_cells(reused_connections());
}
static void a_machine_that_is_gone_is_blamed_by_side(void**) { check_cells(unreachable_peers()); }

static void every_reason_and_every_phase_has_its_cells(void**) {
    std::vector<Pair> pairs;
    for (const auto& cells : {before_any_byte(),
                              request_head_endings(),
                              refused_heads(),
                              between_requests(),
                              refusals(),
                              refused_connects(),
                              connects_under_way(),
                              pauses_between_connects(),
                              request_body_endings(),
                              stuck_uploads(),
                              failed_writes_upstream(),
                              first_byte_endings(),
                              interim_endings(),
                              response_body_endings(),
                              stuck_downloads(),
                              failed_writes_to_clients(),
                              tunnel_endings(),
                              half_closed_tunnels(),
                              tunnel_clocks(),
                              refused_upgrades(),
                              early_answers(),
                              refused_uploads(),
                              reused_connections(),
                              unreachable_peers()}) {
        const std::vector<Pair> more = pairs_of(cells);
        pairs.insert(pairs.end(), more.begin(), more.end());
    }
    assert_text_equal(missing_from(pairs), "");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(before_any_byte_nothing_is_lost),
        cmocka_unit_test(a_partial_head_ends_by_whoever_left_it_so),
        cmocka_unit_test(a_refused_head_is_answered_and_never_forwarded),
        cmocka_unit_test(idle_connections_end_without_blame),
        cmocka_unit_test(what_is_turned_away_is_told_why),
        cmocka_unit_test(a_failed_connect_blames_the_upstream),
        cmocka_unit_test(an_end_while_dialling_blames_whoever_ended_it),
        cmocka_unit_test(an_end_between_two_dials_blames_whoever_ended_it),
        cmocka_unit_test(a_cut_upload_blames_whoever_cut_it),
        cmocka_unit_test(a_stuck_upload_blames_the_one_that_does_not_read),
        cmocka_unit_test(a_failed_write_upstream_waits_for_an_early_answer),
        cmocka_unit_test(a_missing_answer_blames_whoever_owed_it),
        cmocka_unit_test(an_interim_answer_is_no_answer_yet),
        cmocka_unit_test(a_cut_answer_looks_cut),
        cmocka_unit_test(a_stuck_download_blames_the_one_that_does_not_read),
        cmocka_unit_test(a_failed_write_to_the_client_blames_the_client),
        cmocka_unit_test(a_tunnel_ends_by_both_fins_or_with_blame),
        cmocka_unit_test(a_half_closed_tunnel_is_still_watched),
        cmocka_unit_test(a_silent_tunnel_blames_whoever_owed_the_next_byte),
        cmocka_unit_test(a_refused_upgrade_is_a_plain_answer),
        cmocka_unit_test(an_early_answer_is_delivered),
        cmocka_unit_test(a_refused_upload_hears_why),
        cmocka_unit_test(a_dead_kept_alive_connection_costs_a_retry_at_most),
        cmocka_unit_test(a_machine_that_is_gone_is_blamed_by_side),
        cmocka_unit_test(every_reason_and_every_phase_has_its_cells),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
