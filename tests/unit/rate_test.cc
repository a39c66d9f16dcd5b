// Rates and counts: what passes, how long to wait, and that strangers cannot grow or empty the table.
#include "gate/rate.hh"

#include <string>
#include <vector>

#include "support/cmocka.hh"

using namespace becaused;

namespace {

constexpr uint64_t ms = 1'000'000;
constexpr uint64_t second = 1'000 * ms;
// Loop time begins anywhere.
constexpr uint64_t begin = 7'777 * second;

void a_burst_passes_at_once_and_then_the_average(void**) {
    RateTable table(64);
    const Rate rate{10, 1, 3};  // ten a second, three at once
    for (uint64_t left = 3; left-- > 0;) {
        const RateTable::Answer answer = table.ask(1, rate, begin);
        assert_int_equal(answer.wait_ns, 0);
        assert_int_equal(answer.remaining, left);
    }
    const RateTable::Answer refused = table.ask(1, rate, begin);
    assert_int_equal(refused.wait_ns, 100 * ms);
    assert_int_equal(refused.remaining, 0);
    assert_int_equal(refused.reset_ns, 300 * ms);
    assert_int_equal(table.ask(1, rate, begin + 99 * ms).wait_ns, 1 * ms);
    assert_int_equal(table.ask(1, rate, begin + 100 * ms).wait_ns, 0);
    assert_int_equal(table.ask(1, rate, begin + 100 * ms).wait_ns, 100 * ms);
}

void what_is_refused_costs_nothing(void**) {
    RateTable table(64);
    const Rate rate{1, 1, 1};
    assert_int_equal(table.ask(1, rate, begin).wait_ns, 0);
    for (int i = 0; i < 1000; ++i) assert_true(table.ask(1, rate, begin + 500 * ms).wait_ns > 0);
    assert_int_equal(table.ask(1, rate, begin + second).wait_ns, 0);
}

void over_a_long_time_exactly_the_average_passes(void**) {
    RateTable table(64);
    const Rate rate{7, 2, 0};
    int passed = 0;
    for (uint64_t now = 0; now < 100 * second; now += ms)
        passed += table.ask(1, rate, begin + now).wait_ns == 0 ? 1 : 0;
    assert_int_equal(passed,
                     7 * 50 + 7 - 1);  // and the first burst, but for the one due at the end
}

void a_cost_beyond_the_burst_never_passes(void**) {
    RateTable table(64);
    const Rate rate{10, 1, 5};
    assert_true(table.ask(1, rate, begin, 6).wait_ns > 0);
    assert_int_equal(table.ask(1, rate, begin, 5).wait_ns, 0);
    assert_int_equal(table.ask(1, rate, begin, 5).wait_ns, 500 * ms);
}

void a_flood_of_keys_pushes_out_full_buckets_before_others(void**) {
    RateTable table(64);
    const Rate slow{1, 60, 1};
    const Rate quick{1000, 1, 0};
    assert_int_equal(table.ask(42, slow, begin).wait_ns, 0);
    // A thousand strangers of the same set, each with a bucket that fills at once.
    for (RateKey stranger = 1; stranger <= 1000; ++stranger)
        table.ask(42 + stranger * 64, quick, begin);
    assert_true(table.ask(42, slow, begin + second).wait_ns > 0);
    assert_int_equal(table.places(), 64);
}

void a_rate_that_is_off_lets_everything_pass(void**) {
    RateTable table(4);
    for (int i = 0; i < 100; ++i) assert_int_equal(table.ask(1, Rate(), begin, 1000).wait_ns, 0);
}

Endpoint ip6(std::initializer_list<uint8_t> bytes) {
    Endpoint endpoint;
    endpoint.kind = Endpoint::Kind::ip6;
    std::copy(bytes.begin(), bytes.end(), endpoint.address.begin());
    return endpoint;
}

void an_ip6_host_is_its_64(void**) {
    const Endpoint one = ip6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1});
    const Endpoint two = ip6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9});
    const Endpoint other = ip6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1});
    assert_true(rate_key(one) == rate_key(two));
    assert_false(rate_key(one) == rate_key(other));
    Endpoint four;
    four.kind = Endpoint::Kind::ip4;
    four.address = {0x20, 1, 0xd, 0xb8};
    assert_false(rate_key(one) == rate_key(four));
    four.port = 4242;
    Endpoint same = four;
    same.port = 1;
    assert_true(rate_key(four) == rate_key(same));
}

void counts_stop_at_their_limit_and_forget_who_left(void**) {
    CountTable table;
    assert_true(table.take(1, 2));
    assert_true(table.take(1, 2));
    assert_false(table.take(1, 2));
    assert_true(table.take(2, 2));
    assert_true(table.take(3, 0));
    table.give_back(1);
    assert_true(table.take(1, 2));
    table.give_back(1);
    table.give_back(1);
    table.give_back(2);
    table.give_back(3);
    assert_int_equal(table.count(1), 0);
    assert_int_equal(table.size(), 0);
}

void rates_are_read_and_written(void**) {
    struct Row {
        std::string_view text, back;
    };
    constexpr Row good[] = {
        {"100/s", "100/s"},
        {"600/m", "600/60s"},
        {"10/30s", "10/30s"},
        {"1/h", "1/3600s"},
        {"off", "off"},
        {"100/s burst 500", "100/s burst 500"},
        {"5/2m burst 1", "5/120s burst 1"},
    };
    for (const Row& row : good) {
        Result<Rate> rate = parse_rate(row.text);
        assert_true(rate.ok());
        assert_text_equal(rate_text(rate.value()), row.back);
        assert_text_equal(rate_text(parse_rate(row.back).value()), row.back);
    }
    for (const std::string_view bad :
         {"", "100", "100/", "/s", "0/s", "-1/s", "100/0s", "100/s burst", "100/s burst 0",
          "100/sburst 5", "100/x", "99999999999/s", "100 /s", "100/s ", "1/48h"}) {
        Result<Rate> rate = parse_rate(bad);
        assert_false(rate.ok());
        assert_text_contains(rate.status().message(), "is no rate");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_at_once_and_then_the_average),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(over_a_long_time_exactly_the_average_passes),
        cmocka_unit_test(a_cost_beyond_the_burst_never_passes),
        cmocka_unit_test(a_flood_of_keys_pushes_out_full_buckets_before_others),
        cmocka_unit_test(a_rate_that_is_off_lets_everything_pass),
        cmocka_unit_test(an_ip6_host_is_its_64),
        cmocka_unit_test(counts_stop_at_their_limit_and_forget_who_left),
        cmocka_unit_test(rates_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
