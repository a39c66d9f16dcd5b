// Argon2id hashes as text, checks on another thread, the bounded queue before them, static tokens.
#include "gate/password.hh"

#include <thread>

#include "gate/password_queue.hh"
#include "gate/static_tokens.hh"
#include "net/address.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

// The smallest that libsodium computes: quick, and as good for a test.
PasswordHash quick_hash(std::string_view password) { return *hash_password(password, 8, 1); }

// Of "password", by others: the example of sodium_crypto_pwhash_str in PHP's manual.
constexpr std::string_view foreign =
    "$argon2id$v=19$m=65536,t=2,p=1$oWIfdaXwWwhVmovOBc2NAQ$"
    "EbsZ+JnZyyavkafS0hoc4HdaOB0ILWZESAZ7kVGa+Iw";

PasswordCheck::Outcome outcome_of(std::string_view password, const PasswordHash& hash) {
    PasswordCheck check{Secret(password), hash};
    check.run();
    return check.outcome();
}

void a_password_matches_its_hash_only(void**) {
    const PasswordHash hash = quick_hash("correct horse");
    assert_true(outcome_of("correct horse", hash) == PasswordCheck::Outcome::matched);
    for (const std::string_view wrong : {"correct hors", "correct horse ", "Correct horse", ""})
        assert_true(outcome_of(wrong, hash) == PasswordCheck::Outcome::differs);
    assert_true(outcome_of(std::string_view("correct horse\0", 14), hash) ==
                PasswordCheck::Outcome::differs);
}

void a_hash_that_others_made_is_understood(void**) {
    const PasswordHash hash = *PasswordHash::parse(foreign);
    assert_true(outcome_of("password", hash) == PasswordCheck::Outcome::matched);
    assert_true(outcome_of("passwort", hash) == PasswordCheck::Outcome::differs);
    assert_text_equal(hash.text(), foreign);
}

void two_hashes_of_a_password_have_nothing_in_common(void**) {
    const PasswordHash one = quick_hash("x"), two = quick_hash("x");
    assert_true(one.salt != two.salt);
    assert_true(one.hash != two.hash);
}

void a_hash_is_read_as_it_is_written(void**) {
    const PasswordHash hash = quick_hash("x");
    const std::string text = hash.text();
    assert_true(text.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_int_equal(text.size(), 27 + 22 + 1 + 43);
    const PasswordHash again = *PasswordHash::parse(text);
    assert_text_equal(again.text(), text);
    assert_true(outcome_of("x", again) == PasswordCheck::Outcome::matched);
}

void other_hashes_are_refused(void**) {
    const std::string body = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const std::string fine = "$argon2id$v=19$m=64,t=1,p=1" + body;
    assert_true(PasswordHash::parse(fine).has_value());
    for (const std::string_view start :
         {"$argon2i$v=19$m=64,t=1,p=1", "$argon2id$v=16$m=64,t=1,p=1", "$argon2id$m=64,t=1,p=1",
          "$argon2id$v=19$m=64,t=1,p=2", "$argon2id$v=19$m=7,t=1,p=1",
          "$argon2id$v=19$m=262145,t=1,p=1", "$argon2id$v=19$m=64,t=17,p=1",
          "$argon2id$v=19$m=64,t=0,p=1", "$argon2id$v=19$m=064,t=1,p=1",
          "$argon2id$v=19$m=4294967360,t=1,p=1", "$argon2id$v=19$t=1,m=64,p=1", "$2b$10", ""})
        assert_false(PasswordHash::parse(std::string(start) + body).has_value());
    for (const std::string& bad : {fine + "A", fine + "$", fine.substr(0, fine.size() - 1),
                                   fine.substr(0, 49), std::string("secret"), std::string()})
        assert_false(PasswordHash::parse(bad).has_value());
}

// Memory that is not there is no wrong password.
void a_check_that_could_not_be_made_says_so(void**) {
    PasswordHash hash = quick_hash("x");
    hash.memory_kib = 1;  // less than libsodium takes
    assert_true(outcome_of("x", hash) == PasswordCheck::Outcome::failed);
    assert_false(hash_password("x", 1, 1).has_value());
}

const Endpoint home = parse_literal("192.0.2.1", 1);
const Endpoint away = parse_literal("192.0.2.2", 1);

Digest digest(uint8_t first) {
    Digest all{};
    all[0] = first;
    return all;
}

std::unique_ptr<PasswordJob> job(uint8_t first, const Endpoint& address) {
    static const PasswordHash hash = quick_hash("right");
    auto made = std::make_unique<PasswordJob>(PasswordCheck(Secret("right"), hash), digest(first));
    made->address = address;
    return made;
}

void finish_all(PasswordQueue& queue) {
    while (PasswordJob* next = queue.next()) queue.finish(*next);
}

void only_so_many_checks_run_at_once_and_in_order(void**) {
    PasswordQueue queue(PasswordRules{2, 16, 16, 4});
    assert_null(queue.next());
    for (uint8_t i = 1; i <= 3; ++i) assert_int_equal(queue.add(job(i, home)), i);
    PasswordJob* first = queue.next();
    PasswordJob* second = queue.next();
    assert_int_equal(first->tickets.at(0), 1);
    assert_int_equal(second->tickets.at(0), 2);
    assert_null(queue.next());
    queue.finish(*second);
    assert_int_equal(queue.running(), 1);
    PasswordJob* third = queue.next();
    assert_int_equal(third->tickets.at(0), 3);
    queue.finish(*first);
    queue.finish(*third);
    assert_int_equal(queue.size(), 0);
}

void the_queue_is_bounded_and_no_address_takes_it_all(void**) {
    PasswordQueue queue(PasswordRules{1, 4, 2, 4});
    queue.add(job(1, home));
    assert_true(queue.has_room(home));
    queue.add(job(2, home));
    assert_false(queue.has_room(home));
    assert_true(queue.has_room(away));
    queue.add(job(3, away));
    queue.add(job(4, away));
    assert_false(queue.has_room(parse_literal("192.0.2.3", 1)));
    finish_all(queue);
    assert_true(queue.has_room(home));
}

void the_same_credentials_share_one_check(void**) {
    PasswordQueue queue(PasswordRules{1, 4, 2, 2});
    assert_int_equal(queue.join(digest(1), home), 0);
    assert_int_equal(queue.add(job(1, home)), 1);
    assert_int_equal(queue.join(digest(1), home), 2);
    assert_int_equal(queue.join(digest(1), away), 0);  // whose failure it is must be known
    assert_int_equal(queue.join(digest(2), home), 0);
    assert_int_equal(queue.join(digest(1), home), 0);  // as many as may share
    assert_int_equal(queue.size(), 1);
    const std::unique_ptr<PasswordJob> finished = queue.finish(*queue.next());
    assert_int_equal(finished->tickets.size(), 2);
}

void a_check_that_nobody_waits_for_is_not_begun_but_ends_when_it_runs(void**) {
    PasswordQueue queue(PasswordRules{1, 4, 4, 4});
    const uint64_t running = queue.add(job(1, home));
    const uint64_t waiting = queue.add(job(2, home));
    const uint64_t sharing = queue.join(digest(2), home);
    PasswordJob* first = queue.next();
    queue.abandon(running);
    queue.abandon(waiting);
    assert_int_equal(queue.size(), 2);
    queue.abandon(sharing);
    assert_int_equal(queue.size(), 1);
    queue.abandon(99);
    assert_int_equal(queue.finish(*first)->tickets.size(), 0);
    assert_null(queue.next());
}

void a_worker_thread_runs_a_check(void**) {
    PasswordQueue queue(PasswordRules{});
    queue.add(job(1, home));
    PasswordJob* next = queue.next();
    assert_true(next->check.outcome() == PasswordCheck::Outcome::pending);
    std::thread worker([next] { next->check.run(); });
    worker.join();
    assert_true(queue.finish(*next)->check.outcome() == PasswordCheck::Outcome::matched);
}

IdentityRef named(std::string_view name) {
    Identity identity;
    identity.name = name;
    return IdentityRef(std::move(identity));
}

void a_static_token_is_found_by_its_keyed_hash(void**) {
    HashKey key = HashKey::generate();
    const HashKey other = HashKey::generate();
    const Secret token = make_static_token();
    const std::string hash = key.hash_text(token.view());
    assert_true(hash != other.hash_text(token.view()));
    StaticTokens tokens;
    assert_null(tokens.add(hash, named("ci")));
    assert_null(tokens.find(token.view()));  // without the key nothing can be found
    tokens.set_key(*HashKey::parse(key.text().view()));
    assert_text_equal((*tokens.find(token.view()))->name, "ci");
    assert_null(tokens.find(make_static_token().view()));
    assert_null(tokens.find(hash));
    assert_null(tokens.find(""));
    assert_string_equal(tokens.add(hash, named("again")), "the same token is there twice");
    for (const std::string& bad : {std::string("blake2b."), hash + "A", hash.substr(8),
                                   hash.substr(0, hash.size() - 2), std::string()})
        assert_string_equal(tokens.add(bad, named("x")), "it is no hash of a token (blake2b.…)");
}

void static_tokens_are_too_long_to_guess(void**) {
    const Secret token = make_static_token();
    assert_true(token.view().starts_with("bst_"));
    assert_int_equal(token.size(), 4 + 43);
    assert_true(is_long_enough(token.view()));
    assert_false(is_long_enough(std::string(31, 'a')));
    assert_false(HashKey::parse("hashkey.AAAA").has_value());
    assert_false(HashKey::parse(token.view()).has_value());
}

}  // namespace

int main() {
    ready_crypto();
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_password_matches_its_hash_only),
        cmocka_unit_test(a_hash_that_others_made_is_understood),
        cmocka_unit_test(two_hashes_of_a_password_have_nothing_in_common),
        cmocka_unit_test(a_hash_is_read_as_it_is_written),
        cmocka_unit_test(other_hashes_are_refused),
        cmocka_unit_test(a_check_that_could_not_be_made_says_so),
        cmocka_unit_test(only_so_many_checks_run_at_once_and_in_order),
        cmocka_unit_test(the_queue_is_bounded_and_no_address_takes_it_all),
        cmocka_unit_test(the_same_credentials_share_one_check),
        cmocka_unit_test(a_check_that_nobody_waits_for_is_not_begun_but_ends_when_it_runs),
        cmocka_unit_test(a_worker_thread_runs_a_check),
        cmocka_unit_test(a_static_token_is_found_by_its_keyed_hash),
        cmocka_unit_test(static_tokens_are_too_long_to_guess),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
