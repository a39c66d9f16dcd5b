// One token against the rules: which key, which audience, which issuer, and the edges of its times.
#include "gate/token.hh"

#include "base/check.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

// 2026-11-21T12:00:00Z
constexpr int64_t noon_ms = 1'795'262'400'000;

struct Fixture {
    SecretKey old_key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    SecretKey new_key = *SecretKey::from_bytes(from_hex(secret_key_vectors[0].key));
    TokenRules rules;

    Fixture() {
        rules.audiences = {"b7"};
        rules.leeway_ms = 0;
        CHECK(rules.keys.add(old_key.public_key(), "2026-a") == nullptr);
    }
};

std::string footer_of(std::string_view kid) { return "{\"kid\":\"" + std::string(kid) + "\"}"; }

std::string signed_by(const SecretKey& key, std::string_view payload) {
    return sign_paseto(key, payload, footer_of(key.public_key().id()), "");
}

// "ok NAME", or the reason and the detail.
std::string judged(const TokenRules& rules, std::string_view token, int64_t wall_ms = noon_ms) {
    OpenedToken opened;
    if (const char* fault = open_token(token, rules, opened))
        return std::string("unread: ") + fault;
    Claims claims;
    if (const auto fault = prove_token(opened, rules, wall_ms, claims))
        return std::string(name(fault->reason)) + (fault->proven ? ": " : ", unproven: ") +
               fault->detail;
    return "ok " + identity_of(std::move(claims), *opened.key, rules).name;
}

void a_good_token_makes_an_identity(void**) {
    Fixture f;
    const std::string token = signed_by(
        f.old_key, R"({"sub":"ci","aud":"b7","exp":"2026-11-21T12:15:00Z","jti":"j1",)"
                   R"("profile":"build","rate":"slow","hosts":["b7.example"],"team":"x"})");
    OpenedToken opened;
    Claims claims;
    assert_null(open_token(token, f.rules, opened));
    assert_false(prove_token(opened, f.rules, noon_ms, claims).has_value());
    const Identity identity = identity_of(std::move(claims), *opened.key, f.rules);
    assert_text_equal(identity.name, "ci");
    assert_text_equal(name(identity.proof), "token");
    assert_text_equal(identity.profile, "build");
    assert_text_equal(identity.rate, "slow");
    assert_text_equal(identity.hosts.at(0), "b7.example");
    assert_text_equal(identity.token_id, "j1");
    assert_int_equal(identity.expires_ms, noon_ms + 15 * 60'000);
}

void a_token_ends_at_exp_and_begins_at_nbf_and_iat(void**) {
    Fixture f;
    const std::string ends =
        signed_by(f.old_key, R"({"sub":"ci","aud":"b7","exp":"2026-11-21T12:00:00Z"})");
    assert_text_equal(judged(f.rules, ends, noon_ms - 1), "ok ci");
    assert_text_equal(judged(f.rules, ends, noon_ms), "auth_expired: the token has expired");
    const std::string begins = signed_by(
        f.old_key,
        R"({"sub":"ci","aud":"b7","nbf":"2026-11-21T12:00:00Z","exp":"2026-11-21T13:00:00Z"})");
    assert_text_equal(judged(f.rules, begins, noon_ms), "ok ci");
    assert_text_equal(judged(f.rules, begins, noon_ms - 1),
                      "auth_invalid: the token is not valid yet; is a clock wrong?");
    const std::string issued = signed_by(
        f.old_key,
        R"({"sub":"ci","aud":"b7","iat":"2026-11-21T12:00:00Z","exp":"2026-11-21T13:00:00Z"})");
    assert_text_equal(judged(f.rules, issued, noon_ms), "ok ci");
    assert_text_equal(judged(f.rules, issued, noon_ms - 1),
                      "auth_invalid: the token is from the future; is a clock wrong?");
}

void a_leeway_widens_every_edge_by_itself(void**) {
    Fixture f;
    f.rules.leeway_ms = 30'000;
    const std::string token = signed_by(
        f.old_key,
        R"({"sub":"ci","aud":"b7","iat":"2026-11-21T12:00:00Z","nbf":"2026-11-21T12:00:00Z",)"
        R"("exp":"2026-11-21T12:01:00Z"})");
    assert_text_equal(judged(f.rules, token, noon_ms - 30'001),
                      "auth_invalid: the token is not valid yet; is a clock wrong?");
    assert_text_equal(judged(f.rules, token, noon_ms - 30'000), "ok ci");
    assert_text_equal(judged(f.rules, token, noon_ms + 89'999), "ok ci");
    assert_text_equal(judged(f.rules, token, noon_ms + 90'000),
                      "auth_expired: the token has expired");
}

void the_ends_of_time_do_not_overflow(void**) {
    Fixture f;
    f.rules.leeway_ms = UINT32_MAX;
    const std::string token = signed_by(
        f.old_key,
        R"({"sub":"ci","aud":"b7","nbf":"0000-01-01T00:00:00Z","exp":"9999-12-31T23:59:59Z"})");
    assert_text_equal(judged(f.rules, token), "ok ci");
}

void a_token_without_end_needs_a_setting(void**) {
    Fixture f;
    const std::string token = signed_by(f.old_key, R"({"sub":"ci","aud":"b7"})");
    assert_text_equal(judged(f.rules, token), "auth_invalid: the token has no end (exp)");
    f.rules.allow_no_expiry = true;
    assert_text_equal(judged(f.rules, token), "ok ci");
    OpenedToken opened;
    Claims claims;
    assert_null(open_token(token, f.rules, opened));
    assert_false(prove_token(opened, f.rules, noon_ms, claims).has_value());
    assert_true(identity_of(std::move(claims), *opened.key, f.rules).expires_ms == never_ms);
}

void a_token_is_for_its_audience_only(void**) {
    Fixture f;
    constexpr std::string_view end = R"(,"exp":"2026-11-21T13:00:00Z"})";
    const auto token = [&](std::string_view begin) {
        return signed_by(f.old_key, std::string(begin) + std::string(end));
    };
    constexpr std::string_view other = "auth_invalid: the token is for another audience (aud)";
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci","aud":"b7")")), "ok ci");
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci","aud":"b8")")), other);
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci","aud":"B7")")), other);
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci")")), other);
    f.rules.audiences = {"x", "b8"};
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci","aud":"b8")")), "ok ci");
    // Without an audience of our own, a token that is meant for somebody is not meant for us.
    f.rules.audiences.clear();
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci","aud":"b8")")), other);
    assert_text_equal(judged(f.rules, token(R"({"sub":"ci")")), "ok ci");
}

void issuers_are_asked_for_when_they_are_set(void**) {
    Fixture f;
    const auto token = [&](std::string_view issuer) {
        return signed_by(f.old_key, R"({"sub":"ci","aud":"b7","exp":"2026-11-21T13:00:00Z")" +
                                        std::string(issuer) + "}");
    };
    assert_text_equal(judged(f.rules, token(R"(,"iss":"x")")), "ok ci");
    f.rules.issuers = {"control"};
    constexpr std::string_view other = "auth_invalid: the token is from another issuer (iss)";
    assert_text_equal(judged(f.rules, token(R"(,"iss":"x")")), other);
    assert_text_equal(judged(f.rules, token("")), other);
    assert_text_equal(judged(f.rules, token(R"(,"iss":"control")")), "ok ci");
}

void a_token_names_somebody(void**) {
    Fixture f;
    assert_text_equal(
        judged(f.rules, signed_by(f.old_key, R"({"aud":"b7","exp":"2026-11-21T13:00:00Z"})")),
        "auth_invalid: the token names nobody (sub)");
}

void a_bad_payload_under_a_good_signature_is_refused_as_proven(void**) {
    Fixture f;
    assert_text_equal(judged(f.rules, signed_by(f.old_key, "hello")),
                      "auth_invalid: the token's payload is no JSON object as it should be");
}

constexpr std::string_view fine = R"({"sub":"ci","aud":"b7","exp":"2026-11-21T13:00:00Z"})";

void a_token_is_proven_by_the_key_that_it_names(void**) {
    Fixture f;
    const std::string id = f.old_key.public_key().id();
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, footer_of("2026-a"), "")),
                      "ok ci");
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, footer_of(id), "")), "ok ci");
    // Without a name it can only mean the one key there is.
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, "", "")), "ok ci");
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, "free text", "")), "ok ci");
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, footer_of("2026-b"), "")),
                      "unread: the token's key is not known here (kid)");
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, "{\"kid\":1}", "")),
                      "unread: the token's footer is malformed");
    assert_text_equal(judged(f.rules, sign_paseto(f.new_key, fine, footer_of(id), "")),
                      "auth_invalid, unproven: the token's signature is wrong");
    // A public key in place of its id: no door for a key that the bearer brings along.
    const std::string own = f.new_key.public_key().paserk();
    assert_text_equal(judged(f.rules, sign_paseto(f.new_key, fine, footer_of(own), "")),
                      "unread: the token's key is not known here (kid)");
}

void keys_rotate_without_a_gap(void**) {
    Fixture f;
    const std::string by_old = signed_by(f.old_key, fine);
    const std::string by_new = signed_by(f.new_key, fine);
    assert_text_equal(judged(f.rules, by_new), "unread: the token's key is not known here (kid)");
    // The new key is made known first, while the old one still signs.
    assert_null(f.rules.keys.add(f.new_key.public_key(), "2026-b"));
    assert_text_equal(judged(f.rules, by_old), "ok ci");
    assert_text_equal(judged(f.rules, by_new), "ok ci");
    assert_text_equal(judged(f.rules, sign_paseto(f.new_key, fine, "", "")),
                      "unread: the token names no key (kid)");
    // The old key is retired at noon; its tokens end with it, however long they would live.
    TokenRules later;
    later.audiences = {"b7"};
    assert_null(later.keys.add(f.old_key.public_key(), "", noon_ms));
    assert_null(later.keys.add(f.new_key.public_key(), ""));
    assert_text_equal(judged(later, by_old, noon_ms - 1), "ok ci");
    assert_text_equal(judged(later, by_old, noon_ms), "auth_invalid: the token's key is retired");
    assert_text_equal(judged(later, by_new, noon_ms), "ok ci");
    OpenedToken opened;
    Claims claims;
    assert_null(open_token(by_old, later, opened));
    assert_false(prove_token(opened, later, noon_ms - 1, claims).has_value());
    assert_int_equal(identity_of(std::move(claims), *opened.key, later).expires_ms, noon_ms);
}

void a_token_is_bound_to_the_implicit_assertion(void**) {
    Fixture f;
    f.rules.implicit = "machine b7";
    assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, "", "machine b7")), "ok ci");
    for (const std::string_view other : {"machine b8", "", "machine b7 "})
        assert_text_equal(judged(f.rules, sign_paseto(f.old_key, fine, "", other)),
                          "auth_invalid, unproven: the token's signature is wrong");
}

void other_tokens_are_no_tokens(void**) {
    Fixture f;
    for (const std::string_view token :
         {"", "v4.public.", "v4.local.AAAA", "v3.public.AAAA", "v4.public.AAAA.BBBB.CCCC",
          "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjaSJ9."})
        assert_text_equal(judged(f.rules, token), "unread: the token is no v4.public token");
}

}  // namespace

int main() {
    ready_crypto();
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_makes_an_identity),
        cmocka_unit_test(a_token_ends_at_exp_and_begins_at_nbf_and_iat),
        cmocka_unit_test(a_leeway_widens_every_edge_by_itself),
        cmocka_unit_test(the_ends_of_time_do_not_overflow),
        cmocka_unit_test(a_token_without_end_needs_a_setting),
        cmocka_unit_test(a_token_is_for_its_audience_only),
        cmocka_unit_test(issuers_are_asked_for_when_they_are_set),
        cmocka_unit_test(a_token_names_somebody),
        cmocka_unit_test(a_bad_payload_under_a_good_signature_is_refused_as_proven),
        cmocka_unit_test(a_token_is_proven_by_the_key_that_it_names),
        cmocka_unit_test(keys_rotate_without_a_gap),
        cmocka_unit_test(a_token_is_bound_to_the_implicit_assertion),
        cmocka_unit_test(other_tokens_are_no_tokens),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
