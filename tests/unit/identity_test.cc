// Host patterns, names, certificates and the rules over them, shared identities.
#include "gate/identity.hh"

#include "base/check.hh"
#include "gate/certificate.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

// "PATTERN AUTHORITY"
std::string host_words(std::string_view text) {
    const size_t blank = text.find(' ');
    const std::string_view pattern = text.substr(0, blank);
    if (!is_host_pattern(pattern)) return "no pattern";
    return host_matches(pattern, text.substr(blank + 1)) ? "yes" : "no";
}

constexpr Row host_rows[] = {
    {"the same", "a.example a.example", "yes"},
    {"letters of either case", "A.example a.EXAMPLE", "yes"},
    {"any port", "a.example a.example:2376", "yes"},
    {"the root's dot", "a.example a.example.", "yes"},
    {"another", "a.example b.example", "no"},
    {"more to its left", "a.example x.a.example", "no"},
    {"more to its right", "a.example a.example.evil", "no"},
    {"one label", "*.a.example x.a.example", "yes"},
    {"two labels", "*.a.example y.x.a.example", "no"},
    {"no label", "*.a.example a.example", "no"},
    {"an empty label", "*.a.example .a.example", "no"},
    {"any host", "* x.y:1", "yes"},
    {"any host, none sent", "* ", "no"},
    {"this port", "a.example:2376 a.example:2376", "yes"},
    {"another port", "a.example:2376 a.example:2375", "no"},
    {"no port sent", "a.example:2376 a.example", "no"},
    {"IPv4", "192.0.2.1 192.0.2.1:2376", "yes"},
    {"IPv6", "[2001:db8::1] [2001:DB8::1]:2376", "yes"},
    {"IPv6 with port", "[::1]:1 [::1]:2", "no"},
    {"none sent", "a.example ", "no"},
    {"a star inside", "a*.example a1.example", "no pattern"},
    {"two stars", "*.*.example a.b.example", "no pattern"},
    {"IPv6 without brackets", "::1 ::1", "no pattern"},
    {"a port that is none", "a:x a", "no pattern"},
    {"an empty port", "a: a", "no pattern"},
    {"a path", "a/b a", "no pattern"},
    {"nothing", " a", "no pattern"},
    {"only a star and a dot", "*. a", "no pattern"},
};

void hosts_match_label_by_label(void**) { check_rows(host_rows, "", "", host_words); }

void an_identity_without_hosts_is_good_for_any(void**) {
    Identity identity;
    assert_true(good_for_host(identity, "x"));
    assert_true(good_for_host(identity, ""));
    identity.hosts = {"a", "b"};
    assert_true(good_for_host(identity, "b"));
    assert_false(good_for_host(identity, "c"));
    assert_false(good_for_host(identity, ""));
}

void names_have_no_control_bytes_and_a_length(void**) {
    assert_true(is_identity_name("ci runner \xc3\xa4"));
    assert_true(is_identity_name(std::string(256, 'a')));
    for (const std::string& bad :
         {std::string(), std::string(257, 'a'), std::string("a\nb"), std::string("a\x7f"),
          std::string("\0", 1), std::string("\x1b[2J")})
        assert_false(is_identity_name(bad));
    assert_true(is_grant_name("build-only_2.x"));
    for (const std::string_view bad : {"", "a b", "a,b", "\xc3\xa4"})
        assert_false(is_grant_name(bad));
    assert_false(is_grant_name(std::string(65, 'a')));
}

void an_identity_lives_as_long_as_its_last_reference(void**) {
    IdentityRef other;
    assert_false(static_cast<bool>(other));
    {
        Identity identity;
        identity.name = "a name that is too long for the string's own room";
        const IdentityRef first(std::move(identity));
        other = first;
        const IdentityRef third = std::move(other);
        other = third;
    }
    assert_text_equal(other->name, "a name that is too long for the string's own room");
    other = IdentityRef();
    assert_false(static_cast<bool>(other));
}

std::string subject_words(std::string_view text) {
    const auto parts = parse_subject(text);
    if (!parts) return "no subject";
    std::string words;
    for (const SubjectPart& part : *parts) words += '[' + part.type + '=' + part.value + ']';
    return words;
}

constexpr Row subject_rows[] = {
    {"one", "CN=ci", "[CN=ci]"},
    {"two", "CN=ci,O=Team", "[CN=ci][O=Team]"},
    {"with blanks, as tools print them", "C = DE, O = Team", "no subject"},
    {"a blank after the comma", "CN=ci, O=Team", "[CN=ci][O=Team]"},
    {"a comma inside", R"(CN=a\, O\=b,O=Team)", "[CN=a, O=b][O=Team]"},
    {"an equals sign inside", "CN=a=b", "[CN=a=b]"},
    {"no type", "=a", "no subject"},
    {"no value", "CN=", "no subject"},
    {"no value, then more", "CN=,O=x", "no subject"},
    {"a comma at the end", "CN=a,", "no subject"},
    {"a backslash at the end", "CN=a\\", "no subject"},
    {"a word", "ci", "no subject"},
    {"nothing", "", "no subject"},
};

void subjects_are_read_part_by_part(void**) { check_rows(subject_rows, "", "", subject_words); }

const std::string some_print(64, 'a');

CertificateFacts facts() {
    CertificateFacts facts;
    facts.subject = {{"CN", "ci-7"}, {"O", "Team, Inc"}};
    facts.names = {"dns:b7.ci.example", "uri:spiffe://x.example/ci/7", "email:a@x.example"};
    facts.fingerprint = some_print;
    facts.expires_ms = 5000;
    return facts;
}

std::string whose(const CertificateRule& rule, const CertificateFacts& certificate = facts()) {
    const std::optional<Identity> identity = identity_of(certificate, {rule});
    return identity ? identity->name : "nobody's";
}

CertificateRule by_subject(std::string_view text) {
    CertificateRule rule;
    rule.subject = *parse_subject(text);
    return rule;
}

CertificateRule by_san(std::string_view text) {
    CertificateRule rule;
    CHECK(is_san_pattern(text));
    rule.san = text;
    return rule;
}

void a_certificate_is_known_by_its_subject(void**) {
    assert_text_equal(whose(by_subject("CN=ci-7")), "ci-7");
    assert_text_equal(whose(by_subject("CN=ci-*")), "ci-7");
    assert_text_equal(whose(by_subject("cn=ci-7,O=Team\\, Inc")), "ci-7");
    assert_text_equal(whose(by_subject("CN=ci-7,O=Other")), "nobody's");
    assert_text_equal(whose(by_subject("CN=ci-7,OU=x")), "nobody's");
    assert_text_equal(whose(by_subject("CN=ci")), "nobody's");
    // A name that holds a comma is not two parts.
    CertificateFacts forged = facts();
    forged.subject = {{"CN", "x,O=Admins"}};
    assert_text_equal(whose(by_subject("O=Admins"), forged), "nobody's");
}

void a_subject_with_two_parts_of_a_kind_has_none(void**) {
    CertificateFacts two = facts();
    two.subject = {{"CN", "admin"}, {"CN", "ci-7"}};
    assert_text_equal(whose(by_subject("CN=ci-7"), two), "nobody's");
    assert_text_equal(whose(by_subject("CN=admin"), two), "nobody's");
}

void a_certificate_is_known_by_its_names(void**) {
    assert_text_equal(whose(by_san("dns:b7.ci.example")), "b7.ci.example");
    assert_text_equal(whose(by_san("dns:*.ci.example")), "b7.ci.example");
    assert_text_equal(whose(by_san("dns:*.example")), "nobody's");
    assert_text_equal(whose(by_san("uri:spiffe://x.example/ci/*")), "spiffe://x.example/ci/7");
    assert_text_equal(whose(by_san("email:*@x.example")), "a@x.example");
    assert_text_equal(whose(by_san("email:*@y.example")), "nobody's");
    for (const std::string_view bad : {"b7.ci.example", "dns:", "dns:a b", "x:y", ""})
        assert_false(is_san_pattern(bad));
}

void a_certificate_is_known_by_its_fingerprint(void**) {
    CertificateRule rule;
    rule.fingerprint = some_print;
    assert_text_equal(whose(rule), "ci-7");
    CertificateFacts nameless = facts();
    nameless.subject.clear();
    assert_text_equal(whose(rule, nameless), "sha256:aaaaaaaaaaaaaaaa");
    rule.fingerprint.back() = 'b';
    assert_text_equal(whose(rule), "nobody's");
}

void fingerprints_are_read_as_people_paste_them(void**) {
    std::string pasted;
    for (int i = 0; i < 32; ++i) pasted += i == 0 ? "AB" : ":AB";
    std::string plain;
    for (int i = 0; i < 32; ++i) plain += "ab";
    assert_text_equal(*parse_fingerprint(pasted), plain);
    assert_text_equal(*parse_fingerprint(plain), plain);
    for (const std::string& bad :
         {plain + "ab", plain.substr(2), plain.substr(1) + "x", std::string()})
        assert_false(parse_fingerprint(bad).has_value());
}

void everything_that_a_rule_asks_for_must_be_there(void**) {
    CertificateRule rule = by_subject("CN=ci-7");
    rule.san = "dns:b7.ci.example";
    rule.fingerprint = some_print;
    assert_text_equal(whose(rule), "b7.ci.example");
    rule.san = "dns:b8.ci.example";
    assert_text_equal(whose(rule), "nobody's");
    assert_text_equal(whose(CertificateRule()), "nobody's");
}

void the_first_rule_that_fits_counts(void**) {
    CertificateRule first = by_subject("CN=ci-*");
    first.grant.name = "ci";
    first.grant.profile = "build";
    CertificateRule second = by_subject("CN=ci-7");
    second.grant.name = "second";
    const Identity identity = *identity_of(facts(), {first, second});
    assert_text_equal(identity.name, "ci");
    assert_text_equal(identity.profile, "build");
    assert_text_equal(name(identity.proof), "certificate");
    assert_int_equal(identity.expires_ms, 5000);
    assert_text_equal(identity_of(facts(), {by_subject("CN=x"), second})->name, "second");
    assert_false(identity_of(facts(), {}).has_value());
}

void a_name_that_cannot_stand_in_a_record_is_nobodys(void**) {
    CertificateFacts odd = facts();
    odd.subject = {{"CN", "a\nb"}};
    assert_text_equal(whose(by_subject("CN=*"), odd), "nobody's");
}

void globs_take_any_run_of_bytes(void**) {
    assert_true(glob_matches("a*b*c", "aXbYbZc"));
    assert_true(glob_matches("*", ""));
    assert_true(glob_matches("a**", "a"));
    assert_false(glob_matches("a*b", "ac"));
    assert_false(glob_matches("", "a"));
    // Would take for ever if every star were tried against every byte.
    assert_false(glob_matches("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hosts_match_label_by_label),
        cmocka_unit_test(an_identity_without_hosts_is_good_for_any),
        cmocka_unit_test(names_have_no_control_bytes_and_a_length),
        cmocka_unit_test(an_identity_lives_as_long_as_its_last_reference),
        cmocka_unit_test(subjects_are_read_part_by_part),
        cmocka_unit_test(a_certificate_is_known_by_its_subject),
        cmocka_unit_test(a_subject_with_two_parts_of_a_kind_has_none),
        cmocka_unit_test(a_certificate_is_known_by_its_names),
        cmocka_unit_test(a_certificate_is_known_by_its_fingerprint),
        cmocka_unit_test(fingerprints_are_read_as_people_paste_them),
        cmocka_unit_test(everything_that_a_rule_asks_for_must_be_there),
        cmocka_unit_test(the_first_rule_that_fits_counts),
        cmocka_unit_test(a_name_that_cannot_stand_in_a_record_is_nobodys),
        cmocka_unit_test(globs_take_any_run_of_bytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
