// What each of several workers may use of what all may use together.
#include "ops/share.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

// Of what there is any of, each has one at least.
void what_is_shared_is_rounded_up(void**) {
    struct Row {
        uint32_t all;
        uint32_t workers;
        uint32_t part;
    };
    for (const Row& row : {Row{4096, 4, 1024}, Row{4097, 4, 1025}, Row{1, 64, 1}, Row{0, 3, 0}}) {
        Settings settings;
        settings.max_connections = settings.max_handshakes = settings.pool_size = row.all;
        const Settings share = share_of(settings, row.workers);
        assert_int_equal(share.max_connections, row.part);
        assert_int_equal(share.max_handshakes, row.part);
        assert_int_equal(share.pool_size, row.part);
    }
}

void memory_is_divided_down_to_a_mebibyte(void**) {
    Settings settings;
    settings.memory_bytes = 256U << 20;
    assert_int_equal(share_of(settings, 4).memory_bytes, 64U << 20);
    settings.memory_bytes = 2U << 20;
    assert_int_equal(share_of(settings, 4).memory_bytes, 1U << 20);
}

// Three a second among four are three in four seconds each: all together let three a second pass.
void the_rate_of_all_is_divided_exactly(void**) {
    Settings settings;
    settings.total_rate = {3, 1, 9};
    const Rate share = share_of(settings, 4).total_rate;
    assert_int_equal(share.count, 3);
    assert_int_equal(share.period_s, 4);
    assert_int_equal(share.burst, 3);
    settings.total_rate = {3, 1, 0};
    assert_int_equal(share_of(settings, 4).total_rate.burst, 1);
    settings.total_rate = {};
    assert_false(share_of(settings, 4).total_rate.on());
}

// A client's connections may all come to one of them.
void what_is_one_clients_is_not_divided(void**) {
    Settings settings;
    settings.identity_builds = 2;
    settings.identity_upload = 1000;
    settings.connection_rate = settings.identity_rate = {10, 1, 20};
    const Settings share = share_of(settings, 4);
    assert_int_equal(share.identity_builds, 2);
    assert_int_equal(share.identity_upload, 1000);
    for (const Rate& rate : {share.connection_rate, share.identity_rate}) {
        assert_int_equal(rate.count, 10);
        assert_int_equal(rate.period_s, 1);
        assert_int_equal(rate.burst, 20);
    }
}

void auto_is_one_for_each_core_and_64_at_most(void**) {
    Settings settings;
    assert_int_equal(worker_count(settings), 1);
    settings.workers = 7;
    assert_int_equal(worker_count(settings), 7);
    settings.workers = 0;
    assert_in_range(worker_count(settings), 1, most_workers);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shared_is_rounded_up),
        cmocka_unit_test(memory_is_divided_down_to_a_mebibyte),
        cmocka_unit_test(the_rate_of_all_is_divided_exactly),
        cmocka_unit_test(what_is_one_clients_is_not_divided),
        cmocka_unit_test(auto_is_one_for_each_core_and_64_at_most),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
