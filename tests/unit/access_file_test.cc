// The access file: what it may say, the whole line for each mistake, and which files are refused unread.
#include "ops/access_file.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "ops/phrase.hh"
#include "ops/secret_file.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

// A directory for one test; the teardown removes what these names may have become.
struct Fixture {
    std::string directory;
    std::string access;
    std::string secret;
};
Fixture fixture;

int make_directory(void**) {
    char path[] = "/tmp/becaused-access-XXXXXX";
    if (mkdtemp(path) == nullptr) return -1;
    fixture = {path, phrase(path, "/access.toml"), phrase(path, "/secret")};
    return 0;
}

int remove_directory(void**) {
    std::remove(fixture.access.c_str());
    std::remove(fixture.secret.c_str());
    unsetenv(hash_key_variable);
    return std::remove(fixture.directory.c_str());
}

void write_file(const std::string& path, std::string_view text, mode_t mode) {
    std::ofstream(path) << text;
    assert_int_equal(chmod(path.c_str(), mode), 0);
}

// The message with the directory left out.
std::string plain(std::string text) {
    for (size_t at = 0; (at = text.find(fixture.directory + '/')) != std::string::npos;)
        text.erase(at, fixture.directory.size() + 1);
    return text;
}

constexpr std::string_view a_public = "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI";
constexpr std::string_view a_hash_key = "hashkey.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view a_hash = "blake2b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view a_password_hash =
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::string whole_file() {
    return phrase(
        "header = \"X-Build-Token\"\n"
        "audience = [\"b7\", \"builders\"]\n"
        "issuer = \"control\"\n"
        "assertion = \"eu-1\"\n"
        "leeway = \"1m\"\n"
        "allow_no_expiry = true\n"
        "cache = \"10s\"\n"
        "hash_key = \"",
        fixture.secret,
        "\"\n"
        "[stranger]\n"
        "name = \"somebody\"\n"
        "profile = \"ping\"\n"
        "[[key]]\n"
        "public = \"",
        a_public,
        "\"\n"
        "id = \"2026-a\"\n"
        "until = \"2026-12-01T00:00:00Z\"\n"
        "[[token]]\n"
        "name = \"runner\"\n"
        "hash = \"",
        a_hash,
        "\"\n"
        "profile = \"build\"\n"
        "rate = \"slow\"\n"
        "hosts = [\"*.example\"]\n"
        "expires = \"2026-12-01T00:00:00Z\"\n"
        "[[password]]\n"
        "name = \"alice\"\n"
        "hash = \"",
        a_password_hash,
        "\"\n"
        "[[certificate]]\n"
        "subject = \"CN=ci-*,O=Team\"\n"
        "san = \"dns:*.ci.example\"\n"
        "name = \"ci\"\n");
}

void a_whole_file_is_read(void**) {
    write_file(fixture.secret, phrase(a_hash_key, '\n'), 0600);
    write_file(fixture.access, whole_file(), 0600);
    Result<AccessRules> loaded = load_access(fixture.access);
    assert_text_equal(plain(loaded.status().message()), "");
    AuthSettings& settings = loaded.value().auth;
    assert_text_equal(settings.field, "x-build-token");
    assert_int_equal(settings.tokens.audiences.size(), 2);
    assert_text_equal(settings.tokens.audiences[1], "builders");
    assert_text_equal(settings.tokens.issuers.at(0), "control");
    assert_text_equal(settings.tokens.implicit, "eu-1");
    assert_int_equal(settings.tokens.leeway_ms, 60'000);
    assert_true(settings.tokens.allow_no_expiry);
    assert_int_equal(settings.cache_ms, 10'000);
    assert_text_equal(settings.stranger->name, "somebody");
    assert_text_equal(settings.stranger->profile, "ping");
    const RingKey* key = settings.tokens.keys.find("2026-a");
    assert_text_equal(key->key.paserk(), a_public);
    assert_true(key->until_ms == *parse_datetime("2026-12-01T00:00:00Z"));
    assert_false(settings.static_tokens.empty());
    assert_true(settings.static_tokens.has_key());
    assert_text_equal(settings.passwords.at(0).identity->name, "alice");
    assert_text_equal(settings.passwords.at(0).hash.text(), a_password_hash);
    const CertificateRule& rule = settings.certificates.at(0);
    assert_text_equal(rule.subject.at(1).type, "O");
    assert_text_equal(rule.san, "dns:*.ci.example");
    assert_text_equal(rule.grant.name, "ci");
    assert_false(settings.ask);
}

void an_empty_file_lets_nobody_in(void**) {
    Result<AccessRules> settings = access_from_text("", "a.toml");
    assert_true(settings.ok());
    assert_text_equal(settings.value().auth.field, "authorization");
    assert_false(static_cast<bool>(settings.value().auth.stranger));
    assert_true(settings.value().auth.tokens.keys.empty());
}

void a_token_of_the_file_is_found_with_its_grants(void**) {
    const HashKey key = *HashKey::parse(a_hash_key);
    setenv(hash_key_variable, std::string(a_hash_key).c_str(), 1);
    const std::string token(40, 't');
    Result<AccessRules> settings =
        access_from_text(phrase("[[token]]\nname = \"runner\"\nhash = \"", key.hash_text(token),
                                "\"\nprofile = \"build\"\nexpires = \"2026-12-01T00:00:00Z\"\n"),
                         "a.toml");
    assert_text_equal(settings.status().message(), "");
    const IdentityRef* identity = settings.value().auth.static_tokens.find(token);
    assert_non_null(identity);
    assert_text_equal((*identity)->name, "runner");
    assert_text_equal((*identity)->profile, "build");
    assert_true((*identity)->expires_ms == *parse_datetime("2026-12-01T00:00:00Z"));
}

std::string complaint(std::string_view text) {
    Result<AccessRules> settings = access_from_text(text, "a.toml");
    return settings.ok() ? "fine" : settings.status().message();
}

constexpr Row mistakes[] = {
    {"unknown key", "\naudiense = \"x\"\n",
     "a.toml:2: audiense: no such key; did you mean audience?"},
    {"nothing like it", "x = 1\n", "a.toml:1: x: no such key"},
    {"audience is a number", "audience = 1\n",
     "a.toml:1: audience: must be a text in quotes, or a list of them"},
    {"audience has a number in it", "audience = [\"a\", 1]\n",
     "a.toml:1: audience: must be a text in quotes, or a list of them"},
    {"audience is an empty list", "audience = []\n",
     "a.toml:1: audience: must be a text in quotes, or a list of them"},
    {"audience is empty", "audience = \"\"\n", "a.toml:1: audience: must be a text in quotes"},
    {"header is no token", "header = \"a b\"\n", "a.toml:1: header: is no header's name"},
    {"leeway without unit", "leeway = \"30\"\n",
     "a.toml:1: leeway: \"30\" has no unit: write 30ms, 30s, 30m or 30h"},
    {"leeway too long", "leeway = \"1h\"\n", "a.toml:1: leeway: is out of range: at most 10m"},
    {"cache too long", "cache = \"2h\"\n", "a.toml:1: cache: is out of range: at most 1h"},
    {"a flag in quotes", "allow_no_expiry = \"true\"\n",
     "a.toml:1: allow_no_expiry: must be true or false, without quotes"},
    {"a key that is no table", "key = \"k4.public.x\"\n", "a.toml:1: key: must be tables: [[key]]"},
    {"one table where there may be several", "[key]\npublic = \"x\"\n",
     "a.toml:1: key: must be tables: [[key]]"},
    {"a key without a key", "[[key]]\nid = \"a\"\n", "a.toml:1: key: has no public"},
    {"a secret key in place of the public one", "[[key]]\npublic = \"k4.secret.AAAA\"\n",
     "a.toml:2: key.public: is no public key (k4.public.…)"},
    {"a key that is no point",
     "[[key]]\npublic = \"k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n",
     "a.toml:2: key.public: it is no Ed25519 public key"},
    {"a key twice",
     "[[key]]\npublic = \"k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI\"\n"
     "[[key]]\npublic = \"k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI\"\n",
     "a.toml:4: key.public: the key is there twice"},
    {"a time that is none",
     "[[key]]\npublic = \"k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI\"\n"
     "until = \"2026-12-01\"\n",
     "a.toml:3: key.until: is no time: write it like \"2026-11-21T12:00:00Z\""},
    {"a time without quotes",
     "[[key]]\npublic = \"k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI\"\n"
     "until = 2026-12-01T00:00:00Z\n",
     "a.toml:3: key.until: must be a text in quotes"},
    {"a token without a name",
     "[[token]]\nhash = \"blake2b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n",
     "a.toml:1: token: has no name"},
    {"a token where its hash belongs", "[[token]]\nname = \"a\"\nhash = \"bst_SECRETSECRET\"\n",
     "a.toml:3: token.hash: it is no hash of a token (blake2b.…)"},
    {"a mistyped key of a token",
     "[[token]]\nname = \"a\"\nhosst = [\"a\"]\n"
     "hash = \"blake2b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n",
     "a.toml:3: token.hosst: no such key; did you mean hosts?"},
    {"an empty hash", "[[token]]\nname = \"a\"\nhash = \"\"\n",
     "a.toml:3: token.hash: must be a text in quotes"},
    {"a password where its hash belongs", "[[password]]\nname = \"a\"\nhash = \"SECRET\"\n",
     "a.toml:3: password.hash: is no Argon2id hash with one lane, at most 256 MiB and 16 passes"},
    {"a user with a colon",
     "[[password]]\nname = \"a:b\"\nhash = \"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n",
     "a.toml:2: password.name: has a colon in it"},
    {"a profile that is no name", "[stranger]\nname = \"a\"\nprofile = \"a b\"\n",
     "a.toml:3: stranger.profile: no profile is named \"a b\"; did you mean any?"},
    {"a profile without a name", "[[profile]]\nbase = \"build\"\n",
     "a.toml:1: profile: has no name"},
    {"a profile that stands twice", "[[profile]]\nname = \"ci\"\n\n[[profile]]\nname = \"ci\"\n",
     "a.toml:4: profile: profile ci: there is one of that name already: choose another"},
    {"a profile with a rule that is none", "[[profile]]\nname = \"ci\"\npermit = [\"bind\"]\n",
     "a.toml:1: profile: profile ci: permit: \"bind\" is no rule (`becaused docs routes` lists "
     "them)"},
    {"a profile with a call that is none", "[[profile]]\nname = \"ci\"\ngrpc = [\"Solve\"]\n",
     "a.toml:1: profile: profile ci: grpc: \"Solve\" is no gRPC method: write it like "
     "moby.buildkit.v1.Control/Solve or moby.filesync.v1.*/*, with ! before it to take it away; ** "
     "are all"},
    {"a profile with a ceiling below 1", "[[profile]]\nname = \"ci\"\nmax_cpus = 0\n",
     "a.toml:3: profile.max_cpus: must be a whole number above 0"},
    {"a host that is no pattern", "[stranger]\nname = \"a\"\nhosts = [\"b\", \"a*\"]\n",
     "a.toml:3: stranger.hosts: \"a*\" is no pattern: write it like \"b7.example\" or"
     " \"*.example:2376\""},
    {"a mistyped key", "[stranger]\nname = \"a\"\nprofil = \"b\"\n",
     "a.toml:3: stranger.profil: no such key; did you mean profile?"},
    {"a rule that asks for nothing", "[[certificate]]\nname = \"a\"\n",
     "a.toml:1: certificate: asks for nothing: give subject, san or fingerprint"},
    {"a subject that is none", "[[certificate]]\nsubject = \"ci\"\n",
     "a.toml:2: certificate.subject: is no subject: write it like \"CN=ci-*,O=Team\""},
    {"a san that is none", "[[certificate]]\nsan = \"ci.example\"\n",
     "a.toml:2: certificate.san: is no name: write it like \"dns:*.ci.example\", or with email:,"
     " uri:, ip:"},
    {"a fingerprint that is none", "[[certificate]]\nfingerprint = \"AB:CD\"\n",
     "a.toml:2: certificate.fingerprint: is no SHA-256 fingerprint of 64 hex digits"},
    {"hashes without their key",
     "[[token]]\nname = \"a\"\nhash = \"blake2b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n",
     "a.toml:1: hash_key: no key for the hashes of [[token]]: give its file, or set"
     " BECAUSED_SECRET_HASH_KEY"},
};

void every_mistake_is_one_line_with_its_place(void**) {
    check_rows(mistakes, "", "", complaint);
    // The library's own words differ from version to version.
    assert_true(complaint("\naudience = \n").starts_with("a.toml:2: "));
}

void one_user_has_one_password(void**) {
    const std::string entry =
        phrase("[[password]]\nname = \"a\"\nhash = \"", a_password_hash, "\"\n");
    assert_text_equal(complaint(entry), "fine");
    assert_text_equal(complaint(entry + entry),
                      "a.toml:5: password.name: another password has the same name");
}

void a_file_with_hashes_of_passwords_is_for_its_owner(void**) {
    const std::string passwords =
        phrase("[[password]]\nname = \"a\"\nhash = \"", a_password_hash, "\"\n");
    for (const mode_t mode : {0644U, 0604U, 0602U, 0620U, 0601U}) {
        write_file(fixture.access, passwords, mode);
        assert_text_equal(plain(load_access(fixture.access).status().message()),
                          "access.toml: holds hashes of passwords, and others may read or change"
                          " it: chmod 600 access.toml");
    }
    for (const mode_t mode : {0600U, 0400U, 0640U}) {
        write_file(fixture.access, passwords, mode);
        assert_true(load_access(fixture.access).ok());
        std::remove(fixture.access.c_str());
    }
    // Public keys are public.
    write_file(fixture.access, phrase("[[key]]\npublic = \"", a_public, "\"\n"), 0644);
    assert_true(load_access(fixture.access).ok());
}

void the_key_for_hashes_is_refused_where_others_may_read_it(void**) {
    write_file(fixture.access, whole_file(), 0600);
    write_file(fixture.secret, a_hash_key, 0644);
    assert_text_equal(
        plain(load_access(fixture.access).status().message()),
        "access.toml:8: hash_key: secret: others may read or change it: chmod 600 secret");
    write_file(fixture.secret, "hashkey.short", 0600);
    assert_text_equal(plain(load_access(fixture.access).status().message()),
                      "access.toml:8: hash_key: is no key for hashes (hashkey.…)");
    std::remove(fixture.secret.c_str());
    assert_text_equal(plain(load_access(fixture.access).status().message()),
                      "access.toml:8: hash_key: secret: cannot be read: No such file or directory");
}

void a_file_that_is_not_there_is_named(void**) {
    assert_text_equal(plain(load_access(fixture.access).status().message()),
                      "access.toml: cannot be read: No such file or directory");
}

// --- secrets in files

std::string secret_words(const std::string& path) {
    Result<Secret> secret = read_secret(path);
    return secret.ok() ? phrase('[', secret.value().view(), ']') : plain(secret.status().message());
}

void a_secret_is_one_line_without_its_end(void**) {
    const std::pair<std::string_view, std::string_view> files[] = {
        {"abc", "[abc]"},
        {"abc\n", "[abc]"},
        {"abc\r\n", "[abc]"},
        {" a b ", "[ a b ]"},
        {"", "secret: is empty"},
        {"\n", "secret: is empty"},
        {"a\nb\n", "secret: has more than one line"},
        {"a\n\n", "secret: has more than one line"},
    };
    for (const auto& [text, expected] : files) {
        write_file(fixture.secret, text, 0600);
        assert_text_equal(secret_words(fixture.secret), expected);
    }
    write_file(fixture.secret, std::string(64 * 1024, 'a'), 0600);
    assert_int_equal(read_secret(fixture.secret).value().size(), 64 * 1024);
    write_file(fixture.secret, std::string(64 * 1024 + 1, 'a'), 0600);
    assert_text_equal(secret_words(fixture.secret), "secret: is larger than 64KiB");
}

void a_secret_that_others_may_read_or_change_is_refused(void**) {
    for (const unsigned mode : {0644U, 0604U, 0602U, 0601U, 0620U, 0666U, 0777U}) {
        write_file(fixture.secret, "abc", mode);
        assert_text_equal(secret_words(fixture.secret),
                          "secret: others may read or change it: chmod 600 secret");
    }
    for (const unsigned mode : {0600U, 0400U, 0640U, 0440U, 0700U}) {
        write_file(fixture.secret, "abc", mode);
        assert_text_equal(secret_words(fixture.secret), "[abc]");
        std::remove(fixture.secret.c_str());
    }
    assert_text_equal(secret_words(fixture.directory + "/."), ".: is no file");
}

void a_secret_given_as_an_argument_is_refused_and_not_repeated(void**) {
    constexpr std::string_view refusal =
        "a token or key is not for the command line, where every process can read it: give a"
        " file's name, or - for standard input";
    for (const std::string_view start :
         {"v4.public.", "v4.local.", "k4.secret.", "hashkey.", "bst_", "Bearer ", "Basic "}) {
        assert_text_equal(secret_words(phrase(start, "SECRET")), refusal);
        assert_text_equal(write_secret(phrase(start, "SECRET"), "x").message(), refusal);
    }
}

void a_secret_is_written_once_for_its_owner(void**) {
    const mode_t before = umask(0);
    const Status written = write_secret(fixture.secret, "abc");
    umask(before);
    assert_true(written.ok());
    struct stat found {};
    assert_int_equal(stat(fixture.secret.c_str(), &found), 0);
    assert_int_equal(found.st_mode & 07777U, 0600);
    assert_text_equal(secret_words(fixture.secret), "[abc]");
    assert_text_equal(plain(write_secret(fixture.secret, "def").message()),
                      "secret: cannot be created: File exists");
    assert_text_equal(secret_words(fixture.secret), "[abc]");
}

}  // namespace

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main() {
    ready_crypto();
    unsetenv(hash_key_variable);
    const CMUnitTest tests[] = {
        IN_DIRECTORY(a_whole_file_is_read),
        cmocka_unit_test(an_empty_file_lets_nobody_in),
        IN_DIRECTORY(a_token_of_the_file_is_found_with_its_grants),
        cmocka_unit_test(every_mistake_is_one_line_with_its_place),
        cmocka_unit_test(one_user_has_one_password),
        IN_DIRECTORY(a_file_with_hashes_of_passwords_is_for_its_owner),
        IN_DIRECTORY(the_key_for_hashes_is_refused_where_others_may_read_it),
        IN_DIRECTORY(a_file_that_is_not_there_is_named),
        IN_DIRECTORY(a_secret_is_one_line_without_its_end),
        IN_DIRECTORY(a_secret_that_others_may_read_or_change_is_refused),
        cmocka_unit_test(a_secret_given_as_an_argument_is_refused_and_not_repeated),
        IN_DIRECTORY(a_secret_is_written_once_for_its_owner),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
