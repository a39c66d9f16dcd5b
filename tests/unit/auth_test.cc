// Who is asking: every kind of credentials, the cache, lockouts, and that a stranger's attempts cost nobody
// but the stranger.
#include "gate/auth.hh"

#include "base/check.hh"
#include "base/clock.hh"
#include "net/address.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

// 2026-11-21T12:00:00Z
constexpr int64_t noon_ms = 1'795'262'400'000;

const Endpoint home = parse_literal("192.0.2.1", 1000);
const Endpoint stranger = parse_literal("203.0.113.9", 1000);

IdentityRef named(std::string_view name, Proof proof, int64_t expires_ms = never_ms,
                  std::vector<std::string> hosts = {}) {
    Identity identity;
    identity.name = name;
    identity.proof = proof;
    identity.expires_ms = expires_ms;
    identity.hosts = std::move(hosts);
    return IdentityRef(std::move(identity));
}

struct Fixture {
    SecretKey key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    HashKey hash_key = HashKey::generate();
    Secret static_token = make_static_token();
    Secret old_static_token = make_static_token();
    PasswordHash alices = *hash_password("open sesame", 8, 1);
    Moment now{1'000'000'000'000, noon_ms};
    std::optional<Authenticator> auth;

    Fixture() { auth.emplace(settings()); }
    ~Fixture() {
        while (PasswordJob* job = auth->next_job()) auth->finish_job(*job, now);
    }

    AuthSettings settings() {
        AuthSettings settings;
        settings.tokens.leeway_ms = 0;
        CHECK(settings.tokens.keys.add(key.public_key(), "a") == nullptr);
        settings.static_tokens.set_key(*HashKey::parse(hash_key.text().view()));
        CHECK(settings.static_tokens.add(hash_key.hash_text(static_token.view()),
                                         named("runner", Proof::static_token)) == nullptr);
        CHECK(settings.static_tokens.add(hash_key.hash_text(old_static_token.view()),
                                         named("old runner", Proof::static_token, noon_ms)) ==
              nullptr);
        settings.passwords.push_back({alices, named("alice", Proof::password)});
        return settings;
    }

    std::string token(
        std::string_view claims = R"("sub":"ci","exp":"2026-11-21T12:15:00Z")") const {
        return sign_paseto(key, "{" + std::string(claims) + "}", R"({"kid":"a"})", "");
    }
    // Signed by nobody, but names the right key.
    std::string forged(int number = 0) const {
        return sign_paseto(SecretKey::generate(), "{\"n\":" + std::to_string(number) + "}",
                           R"({"kid":"a"})", "");
    }

    void pass_ms(uint64_t ms) {
        now.now_ns += ms * ns_per_ms;
        now.wall_ms += static_cast<int64_t>(ms);
    }

    Judgement judge(std::string_view value, const Endpoint& address = home,
                    std::string_view host = "b7.example") {
        RequestHead head;
        head.authority = host;
        if (!value.empty()) head.fields.push_back({"Authorization", value});
        return auth->judge(head, Asker{address}, now);
    }
    std::string words(std::string_view value, const Endpoint& address = home,
                      std::string_view host = "b7.example");
    // A password's check is run at once, as a worker would.
    std::string run_next();
};

std::string text_of(const Judgement& judgement) {
    switch (judgement.kind) {
        case Judgement::Kind::pass:
            return "pass " + std::string(name(judgement.identity->proof)) + ' ' +
                   judgement.identity->name;
        case Judgement::Kind::refused:
            return std::string(name(judgement.reason)) + ": " + judgement.detail +
                   (judgement.retry_ms == 0 ? "" : " " + std::to_string(judgement.retry_ms));
        case Judgement::Kind::work: return "work " + std::to_string(judgement.ticket);
        case Judgement::Kind::ask: return "ask";
    }
    return "";
}

std::string Fixture::words(std::string_view value, const Endpoint& address, std::string_view host) {
    return text_of(judge(value, address, host));
}

std::string Fixture::run_next() {
    PasswordJob* job = auth->next_job();
    if (job == nullptr) return "nothing to do";
    job->check.run();
    const FinishedJob finished = auth->finish_job(*job, now);
    std::string text = text_of(finished.judgement) + ", for";
    for (const uint64_t ticket : finished.tickets) text += ' ' + std::to_string(ticket);
    return text;
}

std::string bearer(std::string_view token) { return "Bearer " + std::string(token); }

std::string basic(std::string_view user, std::string_view password) {
    return "Basic " + base64(std::string(user) + ':' + std::string(password));
}

void without_credentials_nobody_gets_in(void**) {
    Fixture f;
    assert_text_equal(f.words(""), "auth_missing: no credentials were sent");
    AuthSettings none;
    f.auth->replace(std::move(none));
    assert_text_equal(f.words(""), "auth_missing: no credentials were sent");
    assert_text_equal(f.words(bearer("x")), "auth_invalid: the token is not known");
}

void strangers_get_in_only_where_the_settings_say_so(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    settings.stranger = named("somebody", Proof::none);
    f.auth->replace(std::move(settings));
    assert_text_equal(f.words(""), "pass none somebody");
    // Who shows something wrong is no stranger but mistaken.
    assert_text_equal(f.words(bearer("x")), "auth_invalid: the token is not known");
}

void a_signed_token_gets_in_as_bearer_and_as_password(void**) {
    Fixture f;
    assert_text_equal(f.words(bearer(f.token())), "pass token ci");
    // rchab-like clients send the token as the password of some user.
    assert_text_equal(f.words(basic("my-app", f.token())), "pass token ci");
    assert_text_equal(f.words(bearer(f.forged())), "auth_invalid: the token's signature is wrong");
}

void a_static_token_gets_in_until_it_expires(void**) {
    Fixture f;
    assert_text_equal(f.words(bearer(f.static_token.view())), "pass static_token runner");
    assert_text_equal(f.words(basic("x", f.static_token.view())), "pass static_token runner");
    assert_text_equal(f.words(bearer(f.old_static_token.view())),
                      "auth_expired: the credentials have expired");
    assert_text_equal(f.words(bearer(make_static_token().view())),
                      "auth_invalid: the token is not known");
}

void long_credentials_are_not_even_hashed(void**) {
    Fixture f;
    assert_text_equal(f.words(bearer(std::string(9000, 'a'))), "auth_invalid: they are too long");
}

void two_credentials_are_none(void**) {
    Fixture f;
    RequestHead head;
    const std::string good = bearer(f.token());
    head.fields = {{"Authorization", good}, {"authorization", good}};
    assert_text_equal(text_of(f.auth->judge(head, Asker{home}, f.now)),
                      "auth_invalid: they were sent twice");
}

void a_field_of_the_settings_is_read_in_place_of_authorization(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    settings.field = "x-build-token";
    f.auth->replace(std::move(settings));
    const std::string token = f.token();
    const std::string other = bearer(token);
    RequestHead head;
    head.fields = {{"Authorization", other}};
    assert_text_equal(text_of(f.auth->judge(head, Asker{home}, f.now)),
                      "auth_missing: no credentials were sent");
    head.fields = {{"Authorization", "Bearer nonsense"}, {"X-Build-Token", token}};
    assert_text_equal(text_of(f.auth->judge(head, Asker{home}, f.now)), "pass token ci");
}

void a_token_is_good_for_its_hosts_only_also_from_the_cache(void**) {
    Fixture f;
    const std::string value =
        bearer(f.token(R"("sub":"ci","exp":"2026-11-21T12:15:00Z","hosts":["*.example"])"));
    assert_text_equal(f.words(value, home, "b7.example:2376"), "pass token ci");
    assert_text_equal(f.words(value, home, "b7.evil"), "auth_invalid: they are not for this host");
    assert_text_equal(f.words(value, home, ""), "auth_invalid: they are not for this host");
    assert_text_equal(f.words(value, home, "b8.example"), "pass token ci");
}

// --- the cache

void a_proven_token_is_believed_until_it_expires(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    settings.cache_ms = 3'600'000;
    f.auth->replace(std::move(settings));
    const std::string value = bearer(f.token(R"("sub":"ci","exp":"2026-11-21T12:00:30Z")"));
    assert_text_equal(f.words(value), "pass token ci");
    f.pass_ms(29'999);
    assert_text_equal(f.words(value), "pass token ci");
    f.pass_ms(1);
    assert_text_equal(f.words(value), "auth_expired: the token has expired");
}

void a_step_of_the_wall_clock_ends_what_is_cached(void**) {
    Fixture f;
    const std::string value = bearer(f.token());
    assert_text_equal(f.words(value), "pass token ci");
    f.now.wall_ms += 15 * 60'000;  // the monotonic clock stands still
    assert_text_equal(f.words(value), "auth_expired: the token has expired");
}

void what_was_proven_is_forgotten_with_new_settings(void**) {
    Fixture f;
    const std::string token = bearer(f.token());
    const std::string fixed = bearer(f.static_token.view());
    assert_text_equal(f.words(token), "pass token ci");
    assert_text_equal(f.words(fixed), "pass static_token runner");
    AuthSettings other;
    CHECK(other.tokens.keys.add(SecretKey::generate().public_key(), "") == nullptr);
    f.auth->replace(std::move(other));
    assert_text_equal(f.words(token), "auth_invalid: the token's key is not known here (kid)");
    assert_text_equal(f.words(fixed), "auth_invalid: the token is not known");
}

void the_same_identity_comes_out_of_the_cache(void**) {
    Fixture f;
    const std::string value = bearer(f.token());
    const Judgement first = f.judge(value);
    const Judgement second = f.judge(value);
    assert_ptr_equal(&*first.identity, &*second.identity);
    f.pass_ms(60'000);  // fresh for a minute: proven anew
    assert_true(&*f.judge(value).identity != &*first.identity);
    assert_text_equal(first.identity->name, "ci");
}

void the_cache_is_bounded_and_the_one_unused_for_longest_makes_room(void**) {
    TokenCache cache(2);
    const Digest a = cache.digest_of("a"), b = cache.digest_of("b"), c = cache.digest_of("c");
    cache.keep(a, named("a", Proof::token), 100);
    cache.keep(b, named("b", Proof::token), 100);
    assert_non_null(cache.find(a, 0, 0));
    cache.keep(c, named("c", Proof::token), 100);
    assert_int_equal(cache.size(), 2);
    assert_null(cache.find(b, 0, 0));
    assert_text_equal(cache.find(a, 0, 0)->identity->name, "a");
    assert_text_equal(cache.find(c, 99, 0)->identity->name, "c");
    assert_null(cache.find(c, 100, 0));
    assert_int_equal(cache.size(), 1);
    // Each cache hashes with a key of its own.
    assert_true(TokenCache(1).digest_of("a") != a);
}

void a_refusal_that_time_may_heal_is_not_kept_for_long(void**) {
    Fixture f;
    const std::string value =
        bearer(f.token(R"("sub":"ci","nbf":"2026-11-21T12:00:02Z","exp":"2026-11-21T13:00:00Z")"));
    constexpr std::string_view early =
        "auth_invalid: the token is not valid yet; is a clock wrong?";
    assert_text_equal(f.words(value), early);
    f.pass_ms(999);
    assert_text_equal(f.words(value), early);
    f.pass_ms(1001);
    assert_text_equal(f.words(value), "pass token ci");
}

// --- lockouts

void forgers_are_locked_out_and_told_when_to_come_back(void**) {
    Fixture f;
    for (int i = 0; i < 21; ++i)
        assert_text_equal(f.words(bearer(f.forged(i)), stranger),
                          "auth_invalid: the token's signature is wrong");
    assert_text_equal(f.words(bearer(f.forged()), stranger),
                      "auth_locked_out: try again later 1000");
    f.pass_ms(1000);
    assert_text_equal(f.words(bearer(f.forged()), stranger),
                      "auth_invalid: the token's signature is wrong");
    assert_text_equal(f.words(bearer(f.forged()), stranger),
                      "auth_locked_out: try again later 2000");
}

void attempts_while_locked_out_do_not_make_it_longer(void**) {
    Fixture f;
    for (int i = 0; i < 21; ++i) f.words(bearer("nonsense"), stranger);
    for (int i = 0; i < 1000; ++i)
        assert_text_equal(f.words(bearer("nonsense"), stranger),
                          "auth_locked_out: try again later 1000");
    f.pass_ms(1000);
    assert_text_equal(f.words(bearer("nonsense"), stranger),
                      "auth_invalid: the token is not known");
}

void a_stranger_elsewhere_does_not_lock_out_anybody(void**) {
    Fixture f;
    for (int i = 0; i < 200; ++i) {
        f.words(bearer(f.forged(i)), stranger);
        f.words(basic("alice", "guess " + std::to_string(i)), stranger);
        f.run_next();
        f.pass_ms(500);
    }
    assert_text_equal(f.words(bearer(f.token())), "pass token ci");
    const Judgement judgement = f.judge(basic("alice", "open sesame"));
    assert_true(judgement.kind == Judgement::Kind::work);
    assert_text_equal(f.run_next(), "pass password alice, for " + std::to_string(judgement.ticket));
}

void a_stranger_next_door_does_not_lock_out_who_was_in_before(void**) {
    Fixture f;
    const std::string cached = bearer(f.token());
    assert_text_equal(f.words(cached), "pass token ci");
    // The same address, and no key's name known: thirty of them.
    for (int i = 0; i < 30; ++i) f.words(bearer("nonsense"));
    assert_text_equal(f.words(bearer("nonsense")).substr(0, 16), "auth_locked_out:");
    assert_text_equal(f.words(cached), "pass token ci");
    assert_text_equal(f.words(bearer(f.static_token.view())), "pass static_token runner");
    // A new token of the issuer whose tokens were seen here before.
    assert_text_equal(f.words(bearer(f.token(R"("sub":"ci2","exp":"2026-11-21T12:15:00Z")"))),
                      "pass token ci2");
    // Nobody has seen alice here.
    assert_text_equal(f.words(basic("alice", "open sesame")).substr(0, 16), "auth_locked_out:");
}

void expired_and_misdirected_tokens_are_no_attempts(void**) {
    Fixture f;
    for (int i = 0; i < 100; ++i) {
        const std::string n = std::to_string(i);
        assert_text_equal(
            f.words(bearer(f.token(R"("sub":"ci","exp":"2026-11-21T11:00:00Z","n":)" + n))),
            "auth_expired: the token has expired");
        assert_text_equal(f.words(bearer(f.token(
                              R"("sub":"ci","aud":"x","exp":"2026-11-21T13:00:00Z","n":)" + n))),
                          "auth_invalid: the token is for another audience (aud)");
        assert_text_equal(f.words(bearer(f.old_static_token.view())),
                          "auth_expired: the credentials have expired");
    }
    assert_text_equal(f.words(bearer("nonsense")), "auth_invalid: the token is not known");
}

void tokens_of_a_retired_key_are_no_attempts(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    KeyRing ring;
    CHECK(ring.add(f.key.public_key(), "a", noon_ms) == nullptr);
    settings.tokens.keys = ring;
    f.auth->replace(std::move(settings));
    for (int i = 0; i < 100; ++i)
        assert_text_equal(f.words(bearer(f.token(R"("sub":"ci","exp":"2026-11-21T13:00:00Z","n":)" +
                                                 std::to_string(i)))),
                          "auth_invalid: the token's key is retired");
    assert_text_equal(f.words(bearer("nonsense")), "auth_invalid: the token is not known");
}

void nothing_at_all_is_no_attempt(void**) {
    Fixture f;
    for (int i = 0; i < 100; ++i) f.words("");
    assert_text_equal(f.words(""), "auth_missing: no credentials were sent");
    assert_text_equal(f.words(bearer("nonsense")), "auth_invalid: the token is not known");
}

void forgers_who_do_not_know_the_name_of_a_key_do_not_lock_out_those_who_do(void**) {
    Fixture f;
    assert_text_equal(f.words(bearer(f.token())), "pass token ci");
    const SecretKey other = SecretKey::generate();
    for (int i = 0; i < 30; ++i)
        f.words(bearer(sign_paseto(other, "{\"n\":" + std::to_string(i) + "}", "", "")));
    const std::string forged = bearer(sign_paseto(other, "{}", "", ""));
    assert_text_equal(f.words(forged), "auth_locked_out: try again later 1000");
    assert_text_equal(f.words(bearer(f.token(R"("sub":"ci2","exp":"2026-11-21T12:15:00Z")"))),
                      "pass token ci2");
}

// --- passwords

void a_password_is_work_for_another_thread_and_then_cached(void**) {
    Fixture f;
    const std::string value = basic("alice", "open sesame");
    assert_text_equal(f.words(value), "work 1");
    assert_text_equal(f.run_next(), "pass password alice, for 1");
    assert_text_equal(f.words(value), "pass password alice");
    assert_text_equal(f.run_next(), "nothing to do");
    f.pass_ms(60'000);
    assert_text_equal(f.words(value), "work 2");
}

void wrong_passwords_and_unknown_users_look_alike_and_cost_alike(void**) {
    Fixture f;
    assert_text_equal(f.words(basic("alice", "open barley")), "work 1");
    assert_text_equal(f.run_next(), "auth_invalid: the user or the password is wrong, for 1");
    assert_text_equal(f.words(basic("mallory", "open barley")), "work 2");
    assert_text_equal(f.run_next(), "auth_invalid: the user or the password is wrong, for 2");
    // Somebody else's password is nobody's, also where it is the decoy's.
    assert_text_equal(f.words(basic("mallory", "open sesame")), "work 3");
    assert_text_equal(f.run_next(), "auth_invalid: the user or the password is wrong, for 3");
}

void guessing_a_password_is_slowed_down_per_user_and_address(void**) {
    Fixture f;
    for (int i = 0; i < 6; ++i) {
        assert_true(f.judge(basic("alice", std::to_string(i)), stranger).kind ==
                    Judgement::Kind::work);
        f.run_next();
    }
    assert_text_equal(f.words(basic("alice", "open sesame"), stranger),
                      "auth_locked_out: try again later 1000");
    assert_text_equal(f.words(basic("bob", "x"), stranger), "work 7");
    f.run_next();
    assert_text_equal(f.words(basic("alice", "open sesame"), home), "work 8");
    assert_text_equal(f.run_next(), "pass password alice, for 8");
}

void requests_with_the_same_password_wait_for_one_check(void**) {
    Fixture f;
    const std::string value = basic("alice", "open sesame");
    assert_text_equal(f.words(value), "work 1");
    assert_text_equal(f.words(value), "work 2");
    f.auth->abandon(1);
    assert_text_equal(f.run_next(), "pass password alice, for 2");
    assert_text_equal(f.run_next(), "nothing to do");
}

void more_passwords_than_can_be_checked_are_refused_at_once(void**) {
    Fixture f;
    for (int i = 0; i < 4; ++i)
        assert_true(f.judge(basic("u" + std::to_string(i), "x"), stranger).kind ==
                    Judgement::Kind::work);
    assert_text_equal(f.words(basic("u4", "x"), stranger),
                      "concurrency_limited: too many passwords are being checked 1000");
    assert_text_equal(f.words(basic("alice", "open sesame"), home), "work 5");
    assert_int_equal(f.auth->jobs(), 5);
}

void a_failure_counts_also_when_nobody_waits_for_it(void**) {
    Fixture f;
    for (uint64_t i = 1; i <= 6; ++i) {
        assert_true(f.judge(basic("alice", std::to_string(i)), stranger).kind ==
                    Judgement::Kind::work);
        PasswordJob* job = f.auth->next_job();
        f.auth->abandon(i);
        job->check.run();
        assert_int_equal(f.auth->finish_job(*job, f.now).tickets.size(), 0);
    }
    assert_text_equal(f.words(basic("alice", "open sesame"), stranger),
                      "auth_locked_out: try again later 1000");
}

void a_password_taken_away_while_it_is_checked_is_not_cached(void**) {
    Fixture f;
    const std::string value = basic("alice", "open sesame");
    assert_text_equal(f.words(value), "work 1");
    AuthSettings settings = f.settings();
    settings.passwords.clear();
    settings.passwords.push_back({*hash_password("other", 8, 1), named("bob", Proof::password)});
    f.auth->replace(std::move(settings));
    assert_text_equal(f.run_next(), "pass password alice, for 1");
    assert_text_equal(f.words(value), "work 2");
    assert_text_equal(f.run_next(), "auth_invalid: the user or the password is wrong, for 2");
}

void an_expired_password_says_so(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    settings.passwords = {{f.alices, named("alice", Proof::password, noon_ms)}};
    f.auth->replace(std::move(settings));
    assert_text_equal(f.words(basic("alice", "open sesame")), "work 1");
    assert_text_equal(f.run_next(), "auth_expired: the credentials have expired, for 1");
}

void a_check_without_memory_accuses_nobody(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    PasswordHash impossible = f.alices;
    impossible.memory_kib = 1;
    settings.passwords = {{impossible, named("alice", Proof::password)}};
    f.auth->replace(std::move(settings));
    for (int i = 0; i < 50; ++i) {
        assert_true(f.judge(basic("alice", "x")).kind == Judgement::Kind::work);
        assert_text_equal(f.run_next(), "memory_shed: no memory to check a password 1000, for " +
                                            std::to_string(i + 1));
    }
}

void a_bearer_is_no_password(void**) {
    Fixture f;
    assert_text_equal(f.words(bearer("open-sesame")), "auth_invalid: the token is not known");
}

// --- certificates, and the authorisation service

void a_certificate_speaks_where_nothing_else_does(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    CertificateRule rule;
    rule.subject = {{"CN", "ci-*"}};
    rule.grant.hosts = {"b7.example"};
    settings.certificates.push_back(rule);
    f.auth->replace(std::move(settings));
    CertificateFacts facts;
    facts.subject = {{"CN", "ci-7"}};
    facts.expires_ms = noon_ms + 1000;
    const IdentityRef known = f.auth->certificate(facts);
    RequestHead head;
    head.authority = "b7.example";
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &known}, f.now)),
                      "pass certificate ci-7");
    head.authority = "b8.example";
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &known}, f.now)),
                      "auth_invalid: they are not for this host");
    head.authority = "b7.example";
    // A token beside it says more, and a wrong one is not made good by it.
    const std::string good = bearer(f.token());
    head.fields = {{"authorization", good}};
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &known}, f.now)), "pass token ci");
    head.fields = {{"authorization", "Bearer nonsense"}};
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &known}, f.now)),
                      "auth_invalid: the token is not known");
    head.fields.clear();
    f.pass_ms(1000);
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &known}, f.now)),
                      "auth_expired: the credentials have expired");
    facts.subject = {{"CN", "other"}};
    const IdentityRef unknown = f.auth->certificate(facts);
    assert_text_equal(text_of(f.auth->judge(head, Asker{home, &unknown}, f.now)),
                      "auth_invalid: no rule knows the client's certificate");
}

void what_we_do_not_know_a_service_may(void**) {
    Fixture f;
    AuthSettings settings = f.settings();
    settings.ask = true;
    settings.passwords.clear();
    f.auth->replace(std::move(settings));
    assert_text_equal(f.words(bearer("opaque")), "ask");
    assert_text_equal(f.words(basic("app", "opaque")), "ask");
    assert_text_equal(f.words(bearer("v4.public.AAAA")), "ask");
    // What we can tell ourselves is not asked about.
    assert_text_equal(f.words(bearer(f.token())), "pass token ci");
    assert_text_equal(f.words(bearer(f.forged())), "auth_invalid: the token's signature is wrong");
    RequestHead head;
    head.authority = "b7.example";
    head.fields = {{"Authorization", "Bearer opaque"}};
    Identity identity;
    identity.name = "app";
    identity.proof = Proof::service;
    assert_text_equal(text_of(f.auth->admit(head, identity, 5000, f.now)), "pass service app");
    assert_text_equal(f.words(bearer("opaque")), "pass service app");
    f.pass_ms(5000);
    assert_text_equal(f.words(bearer("opaque")), "ask");
    for (int i = 0; i < 21; ++i)
        assert_text_equal(text_of(f.auth->reject(Asker{stranger}, "the service said no", f.now)),
                          "auth_invalid: the service said no");
    assert_text_equal(f.words(bearer("opaque"), stranger), "auth_locked_out: try again later 1000");
}

// Details are static texts: nothing that was sent can be in them.
void no_detail_repeats_what_was_sent(void**) {
    Fixture f;
    for (const std::string& value :
         {bearer("SECRETSECRET"), basic("SECRETSECRET", "x"), std::string("SECRETSECRET x"),
          bearer(f.token(R"("sub":"SECRETSECRET","exp":"SECRETSECRET")")),
          bearer("v4.public.SECRETSECRET"), std::string("Basic SECRETSECRET%")}) {
        Judgement judgement = f.judge(value);
        if (judgement.kind == Judgement::Kind::work) {
            PasswordJob* job = f.auth->next_job();
            job->check.run();
            judgement = f.auth->finish_job(*job, f.now).judgement;
        }
        assert_true(judgement.kind == Judgement::Kind::refused);
        assert_true(std::string_view(judgement.detail).find("SECRET") == std::string_view::npos);
    }
}

}  // namespace

int main() {
    ready_crypto();
    const CMUnitTest tests[] = {
        cmocka_unit_test(without_credentials_nobody_gets_in),
        cmocka_unit_test(strangers_get_in_only_where_the_settings_say_so),
        cmocka_unit_test(a_signed_token_gets_in_as_bearer_and_as_password),
        cmocka_unit_test(a_static_token_gets_in_until_it_expires),
        cmocka_unit_test(long_credentials_are_not_even_hashed),
        cmocka_unit_test(two_credentials_are_none),
        cmocka_unit_test(a_field_of_the_settings_is_read_in_place_of_authorization),
        cmocka_unit_test(a_token_is_good_for_its_hosts_only_also_from_the_cache),
        cmocka_unit_test(a_proven_token_is_believed_until_it_expires),
        cmocka_unit_test(a_step_of_the_wall_clock_ends_what_is_cached),
        cmocka_unit_test(what_was_proven_is_forgotten_with_new_settings),
        cmocka_unit_test(the_same_identity_comes_out_of_the_cache),
        cmocka_unit_test(the_cache_is_bounded_and_the_one_unused_for_longest_makes_room),
        cmocka_unit_test(a_refusal_that_time_may_heal_is_not_kept_for_long),
        cmocka_unit_test(forgers_are_locked_out_and_told_when_to_come_back),
        cmocka_unit_test(attempts_while_locked_out_do_not_make_it_longer),
        cmocka_unit_test(a_stranger_elsewhere_does_not_lock_out_anybody),
        cmocka_unit_test(a_stranger_next_door_does_not_lock_out_who_was_in_before),
        cmocka_unit_test(expired_and_misdirected_tokens_are_no_attempts),
        cmocka_unit_test(tokens_of_a_retired_key_are_no_attempts),
        cmocka_unit_test(nothing_at_all_is_no_attempt),
        cmocka_unit_test(forgers_who_do_not_know_the_name_of_a_key_do_not_lock_out_those_who_do),
        cmocka_unit_test(a_password_is_work_for_another_thread_and_then_cached),
        cmocka_unit_test(wrong_passwords_and_unknown_users_look_alike_and_cost_alike),
        cmocka_unit_test(guessing_a_password_is_slowed_down_per_user_and_address),
        cmocka_unit_test(requests_with_the_same_password_wait_for_one_check),
        cmocka_unit_test(more_passwords_than_can_be_checked_are_refused_at_once),
        cmocka_unit_test(a_failure_counts_also_when_nobody_waits_for_it),
        cmocka_unit_test(a_password_taken_away_while_it_is_checked_is_not_cached),
        cmocka_unit_test(an_expired_password_says_so),
        cmocka_unit_test(a_check_without_memory_accuses_nobody),
        cmocka_unit_test(a_bearer_is_no_password),
        cmocka_unit_test(a_certificate_speaks_where_nothing_else_does),
        cmocka_unit_test(what_we_do_not_know_a_service_may),
        cmocka_unit_test(no_detail_repeats_what_was_sent),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
