// Who is locked out, for how long, and above all who is not: by a stranger's attempts.
#include "gate/throttle.hh"

#include "base/clock.hh"
#include "net/address.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

constexpr uint64_t start_ns = 1'000'000'000'000;
constexpr Claimed alice{Claimed::Kind::user, "alice"};
constexpr Claimed bob{Claimed::Kind::user, "bob"};
constexpr Claimed key{Claimed::Kind::key, "k4.pid.x"};
constexpr Claimed nobody{};

const Endpoint home = parse_literal("192.0.2.1", 1000);
const Endpoint stranger = parse_literal("203.0.113.9", 1000);

struct Fixture {
    ThrottleRules rules;
    Throttle throttle{rules};
    uint64_t now_ns = start_ns;

    uint64_t wait(const Endpoint& address, const Claimed& claimed) {
        return throttle.wait_ms(address, claimed, now_ns);
    }
    void fail(const Endpoint& address, const Claimed& claimed, int times = 1) {
        for (int i = 0; i < times; ++i) throttle.failed(address, claimed, now_ns);
    }
    void pass_ms(uint64_t ms) { now_ns += ms * ns_per_ms; }
};

void a_few_failures_are_free_and_then_each_doubles_the_delay(void**) {
    Fixture f;
    f.fail(home, alice, 5);
    assert_int_equal(f.wait(home, alice), 0);
    for (const uint64_t delay : {1000U, 2000U, 4000U, 8000U}) {
        f.fail(home, alice);
        assert_int_equal(f.wait(home, alice), delay);
        f.pass_ms(delay - 1);
        assert_int_equal(f.wait(home, alice), 1);
        f.pass_ms(1);
        assert_int_equal(f.wait(home, alice), 0);
    }
}

void the_delay_has_a_longest(void**) {
    Fixture f;
    for (int i = 0; i < 100; ++i) {
        f.fail(home, alice);
        f.now_ns += f.wait(home, alice) * ns_per_ms;
    }
    f.fail(home, alice);
    assert_int_equal(f.wait(home, alice), 900'000);
    assert_int_equal(f.wait(home, nobody), 60'000);
}

void a_stranger_elsewhere_locks_nobody_out(void**) {
    Fixture f;
    f.fail(stranger, alice, 1000);
    assert_true(f.wait(stranger, alice) > 0);
    assert_true(f.wait(stranger, nobody) > 0);
    assert_int_equal(f.wait(home, alice), 0);
    f.fail(home, alice, 5);
    assert_int_equal(f.wait(home, alice), 0);
}

void a_stranger_with_many_addresses_locks_nobody_out(void**) {
    Fixture f;
    for (uint32_t i = 0; i < 10'000; ++i) {
        Endpoint address = stranger;
        address.address = {10, static_cast<uint8_t>(i >> 16U), static_cast<uint8_t>(i >> 8U),
                           static_cast<uint8_t>(i)};
        f.fail(address, alice, 3);
    }
    assert_int_equal(f.wait(home, alice), 0);
    assert_true(f.throttle.size() <= f.rules.entries);
}

void a_neighbour_behind_the_same_address_does_not_lock_out_who_was_proven_there(void**) {
    Fixture f;
    f.throttle.proved(home, alice, f.now_ns);
    f.throttle.proved(home, key, f.now_ns);
    f.fail(home, bob, 50);
    f.fail(home, nobody, 50);
    assert_int_equal(f.wait(home, nobody), 60'000);
    assert_int_equal(f.wait(home, alice), 0);
    assert_int_equal(f.wait(home, key), 0);
    // Who was not is asked to wait with all others.
    assert_int_equal(f.wait(home, {Claimed::Kind::user, "carol"}), 60'000);
    // His own failures count.
    f.fail(home, alice, 6);
    assert_int_equal(f.wait(home, alice), 1000);
}

void a_success_forgives_the_user_but_not_the_address(void**) {
    Fixture f;
    f.fail(home, alice, 21);
    assert_true(f.wait(home, alice) > 0);
    f.throttle.proved(home, alice, f.now_ns);
    assert_int_equal(f.wait(home, alice), 0);
    assert_int_equal(f.wait(home, nobody), 1000);
    f.fail(home, alice, 5);
    assert_int_equal(f.wait(home, alice), 0);
}

void a_key_is_forgiven_more_than_a_user(void**) {
    Fixture f;
    f.fail(home, key, 20);
    assert_int_equal(f.wait(home, key), 0);
    f.fail(home, key);
    assert_int_equal(f.wait(home, key), 1000);
    f.fail(home, key, 40);
    assert_int_equal(f.wait(home, key), 60'000);
}

void users_and_keys_of_one_name_are_apart(void**) {
    Fixture f;
    f.fail(home, {Claimed::Kind::user, "x"}, 7);
    assert_true(f.wait(home, {Claimed::Kind::user, "x"}) > 0);
    assert_int_equal(f.wait(home, {Claimed::Kind::key, "x"}), 0);
}

void failures_are_forgotten_after_an_hour(void**) {
    Fixture f;
    f.fail(home, alice, 8);
    f.pass_ms(3'599'999);
    f.fail(home, alice);
    assert_int_equal(f.wait(home, alice), 8000);
    f.pass_ms(3'600'000);
    f.fail(home, alice, 5);
    assert_int_equal(f.wait(home, alice), 0);
}

void ipv6_counts_by_its_network_and_mapped_ipv4_as_ipv4(void**) {
    Fixture f;
    f.fail(parse_literal("2001:db8:1:2::1", 1), nobody, 21);
    assert_int_equal(f.wait(parse_literal("2001:db8:1:2:ffff::9", 2), nobody), 1000);
    assert_int_equal(f.wait(parse_literal("2001:db8:1:3::1", 1), nobody), 0);
    f.fail(parse_literal("::ffff:192.0.2.1", 1), nobody, 21);
    assert_int_equal(f.wait(home, nobody), 1000);
    assert_int_equal(f.wait(parse_literal("::ffff:192.0.2.2", 1), nobody), 0);
}

void ports_do_not_tell_addresses_apart(void**) {
    Fixture f;
    f.fail(parse_literal("192.0.2.1", 1), nobody, 21);
    assert_int_equal(f.wait(parse_literal("192.0.2.1", 2), nobody), 1000);
}

// All of them look alike: one must not lock out the others.
void unix_sockets_are_not_an_address(void**) {
    Fixture f;
    Endpoint local;
    local.kind = Endpoint::Kind::unix;
    f.fail(local, nobody, 1000);
    f.fail(local, key, 1000);
    f.fail(local, bob, 1000);
    assert_int_equal(f.wait(local, nobody), 0);
    assert_int_equal(f.wait(local, key), 0);
    assert_int_equal(f.wait(local, alice), 0);
    assert_true(f.wait(local, bob) > 0);
}

void the_table_is_bounded_and_the_oldest_makes_room(void**) {
    ThrottleRules rules;
    rules.entries = 2;
    Throttle throttle(rules);
    const Endpoint third = parse_literal("198.51.100.1", 1);
    for (int i = 0; i < 21; ++i) throttle.failed(home, nobody, start_ns);
    for (int i = 0; i < 21; ++i) throttle.failed(stranger, nobody, start_ns);
    throttle.failed(home, nobody, start_ns);
    throttle.failed(third, nobody, start_ns);
    assert_int_equal(throttle.size(), 2);
    assert_true(throttle.wait_ms(home, nobody, start_ns) > 0);
    assert_int_equal(throttle.wait_ms(stranger, nobody, start_ns), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_few_failures_are_free_and_then_each_doubles_the_delay),
        cmocka_unit_test(the_delay_has_a_longest),
        cmocka_unit_test(a_stranger_elsewhere_locks_nobody_out),
        cmocka_unit_test(a_stranger_with_many_addresses_locks_nobody_out),
        cmocka_unit_test(
            a_neighbour_behind_the_same_address_does_not_lock_out_who_was_proven_there),
        cmocka_unit_test(a_success_forgives_the_user_but_not_the_address),
        cmocka_unit_test(a_key_is_forgiven_more_than_a_user),
        cmocka_unit_test(users_and_keys_of_one_name_are_apart),
        cmocka_unit_test(failures_are_forgotten_after_an_hour),
        cmocka_unit_test(ipv6_counts_by_its_network_and_mapped_ipv4_as_ipv4),
        cmocka_unit_test(ports_do_not_tell_addresses_apart),
        cmocka_unit_test(unix_sockets_are_not_an_address),
        cmocka_unit_test(the_table_is_bounded_and_the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
