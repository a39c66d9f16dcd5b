// `becaused token`: what each action prints, whole, and that no secret is ever among it.
#include "ops/token.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gate/datetime.hh"
#include "gate/keys.hh"
#include "gate/password.hh"
#include "gate/static_tokens.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

using Words = std::vector<std::string>;

// 2026-11-21T12:00:00Z
constexpr int64_t noon_ms = 1'795'262'400'000;
constexpr std::string_view a_hash_key = "hashkey.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::string directory;

int make_directory(void**) {
    char path[] = "/tmp/becaused-token-XXXXXX";
    if (mkdtemp(path) == nullptr) return -1;
    directory = path;
    return 0;
}

int remove_directory(void**) {
    unsetenv(hash_key_variable);
    unsetenv(signing_key_variable);
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    return error ? -1 : 0;
}

std::string in(std::string_view name) { return phrase(directory, '/', name); }

std::string file(std::string_view name, std::string_view text) {
    std::ofstream(in(name)) << text;
    chmod(in(name).c_str(), 0600);
    return in(name);
}

std::string text_of(std::string_view name) {
    std::ostringstream text;
    text << std::ifstream(in(name)).rdbuf();
    return text.str();
}

// What was printed, then the complaint and the code, with the directory left out.
std::string said(const Words& arguments, int64_t now_ms = noon_ms) {
    const TokenAnswer answer = token_answer(arguments, now_ms);
    std::string text = answer.out;
    if (!answer.complaint.empty()) text += phrase("! ", answer.complaint, '\n');
    text += phrase('=', answer.code);
    for (size_t at = 0; (at = text.find(directory + '/')) != std::string::npos;)
        text.erase(at, directory.size() + 1);
    return text;
}

std::string signing_key() {
    return file("sign.key", SecretKey::from_bytes(from_hex(vector_secret_key))->paserk().view());
}
std::string public_key() { return PublicKey::from_bytes(from_hex(vector_public_key))->paserk(); }

void keygen_makes_a_pair_of_which_only_the_public_half_is_printed(void**) {
    const TokenAnswer answer = token_answer(Words{"keygen", in("k")}, noon_ms);
    assert_int_equal(answer.code, 0);
    const std::string secret = text_of("k");
    assert_true(secret.starts_with("k4.secret."));
    const SecretKey key = *SecretKey::parse(std::string_view(secret).substr(0, secret.size() - 1));
    assert_text_equal(answer.out, phrase("# ", key.public_key().id(), "\n[[key]]\npublic = \"",
                                         key.public_key().paserk(), "\"\n"));
    struct stat found {};
    assert_int_equal(stat(in("k").c_str(), &found), 0);
    assert_int_equal(found.st_mode & 07777U, 0600);
    assert_text_equal(said({"keygen", in("k")}),
                      "! token keygen: k: cannot be created: File exists\n=1");
    assert_text_equal(text_of("k"), secret);
}

void keygen_makes_a_key_for_hashes(void**) {
    assert_text_equal(said({"keygen", "--hash-key", in("h")}), "hash_key = \"h\"\n=0");
    const std::string text = text_of("h");
    assert_true(HashKey::parse(std::string_view(text).substr(0, text.size() - 1)).has_value());
}

void issue_signs_what_was_asked_for(void**) {
    const std::string token = said(
        {"issue",   "--key",          signing_key(), "--sub",  "ci",          "--aud", "b7",
         "--iss",   "control",        "--for",       "1h",     "--profile",   "build", "--rate",
         "slow",    "--host",         "b7.example",  "--host", "*.b.example", "--jti", "j1",
         "--claim", "team={\"id\":7}"});
    // Ed25519 is deterministic: this is the one token that says so.
    const std::string payload =
        R"({"iss":"control","sub":"ci","aud":"b7","exp":"2026-11-21T13:00:00Z",)"
        R"("iat":"2026-11-21T12:00:00Z","jti":"j1","profile":"build","rate":"slow",)"
        R"("hosts":["b7.example","*.b.example"],"team":{"id":7}})";
    const SecretKey key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    const std::string footer = phrase(R"({"kid":")", key.public_key().id(), R"("})");
    assert_text_equal(token, sign_paseto(key, payload, footer, "") + "\n=0");
}

void issue_gives_a_quarter_of_an_hour_and_an_id(void**) {
    const std::string path = in("t");
    assert_text_equal(said({"issue", "--key", signing_key(), "--sub", "ci", "--out", path}), "=0");
    const std::string text = text_of("t");
    const Paseto parts = *split_paseto(std::string_view(text).substr(0, text.size() - 1));
    Claims claims;
    assert_null(read_claims(parts.payload, claims));
    assert_true(*claims.expires_ms == noon_ms + 15 * 60'000);
    assert_true(*claims.issued_ms == noon_ms);
    assert_false(claims.not_before_ms.has_value());
    assert_int_equal(claims.token_id.size(), 22);
    struct stat found {};
    assert_int_equal(stat(path.c_str(), &found), 0);
    assert_int_equal(found.st_mode & 07777U, 0600);
}

void a_life_counts_from_its_beginning(void**) {
    const std::string token =
        said({"issue", "--key", signing_key(), "--sub", "ci", "--jti", "1", "--not-before",
              "2026-11-22T00:00:00Z", "--for", "1h", "--kid", "2026-a", "--assertion", "eu"});
    const SecretKey key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    assert_text_equal(
        token,
        sign_paseto(key,
                    R"({"sub":"ci","exp":"2026-11-22T01:00:00Z","nbf":"2026-11-22T00:00:00Z",)"
                    R"("iat":"2026-11-21T12:00:00Z","jti":"1"})",
                    R"({"kid":"2026-a"})", "eu") +
            "\n=0");
}

void issue_takes_its_key_from_the_environment_too(void**) {
    const SecretKey key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    assert_text_equal(said({"issue", "--sub", "ci"}),
                      "! token issue: no signing key: give its file, or set"
                      " BECAUSED_SECRET_SIGNING_KEY\n=1");
    setenv(signing_key_variable, std::string(key.paserk().view()).c_str(), 1);
    assert_text_equal(said({"issue", "--sub", "ci", "--jti", "1", "--no-expiry"}),
                      sign_paseto(key, R"({"sub":"ci","iat":"2026-11-21T12:00:00Z","jti":"1"})",
                                  phrase(R"({"kid":")", key.public_key().id(), R"("})"), "") +
                          "\n=0");
}

void issue_makes_no_token_that_would_not_be_read(void**) {
    const std::string key = signing_key();
    const std::pair<Words, std::string_view> mistakes[] = {
        {{}, "! token issue: whose is it? give --sub NAME\n=2"},
        {{"--sub", "a\nb"},
         "! token issue: --sub: at most 256 bytes, none of them a control byte\n=2"},
        {{"--sub", "\xff"}, "! token issue: a name is not in UTF-8\n=2"},
        {{"--sub", "a", "--host", "a*"},
         "! token issue: --host: \"a*\" is no pattern: write it like b7.example or"
         " *.example:2376\n=2"},
        {{"--sub", "a", "--profile", "a b"},
         "! token issue: --profile: 1 to 64 letters, digits or -._~\n=2"},
        {{"--sub", "a", "--for", "10"},
         "! token issue: --for: \"10\" has no unit: write 10ms, 10s, 10m or 10h\n=2"},
        {{"--sub", "a", "--for", "off"}, "! token issue: --for: at most 3650d, or --no-expiry\n=2"},
        {{"--sub", "a", "--for", "1h", "--no-expiry"},
         "! token issue: --for and --no-expiry: which?\n=2"},
        {{"--sub", "a", "--not-before", "tomorrow"},
         "! token issue: --not-before: is no time: write it like 2026-11-21T12:00:00Z\n=2"},
        {{"--sub", "a", "--claim", "team"},
         "! token issue: --claim: write it like --claim team='\"blue\"'\n=2"},
        {{"--sub", "a", "--claim", "team=blue"},
         "! token issue: this would not be accepted: the token's payload is no JSON object as it"
         " should be\n=2"},
        {{"--sub", "a", "--claim", "sub=\"b\""},
         "! token issue: this would not be accepted: the token's payload is no JSON object as it"
         " should be\n=2"},
        {{"--sub", "a", "--kid", "a\"b"},
         "! token issue: --kid: 1 to 64 letters, digits or -._~\n=2"},
        {{"--sub", "a", "more"}, "! token issue: takes flags only\n=2"},
        {{"--sub", "a", "--foor", "1h"},
         "! token issue: --foor: no such flag; did you mean --for?\n=2"},
        {{"--sub", "a", "--sub", "b"}, "! token issue: --sub: given twice\n=2"},
        {{"--sub"}, "! token issue: --sub: needs a value: --sub NAME\n=2"},
        {{"--sub", "a", "--no-expiry=1"}, "! token issue: --no-expiry: takes no value\n=2"},
    };
    for (const auto& [flags, expected] : mistakes) {
        Words arguments = {"issue", "--key", key};
        arguments.insert(arguments.end(), flags.begin(), flags.end());
        assert_text_equal(said(arguments), expected);
    }
    assert_text_equal(said({"issue", "--sub", "a", "--key", file("odd", "k4.public.x")}),
                      "! token issue: the signing key is no k4.secret key (becaused token keygen"
                      " makes one)\n=1");
}

std::string good_token() {
    const SecretKey key = *SecretKey::from_bytes(from_hex(vector_secret_key));
    return sign_paseto(key,
                       R"({"sub":"ci","aud":"b7","exp":"2026-11-21T13:00:00Z","profile":"build",)"
                       R"("hosts":["b7.example"],"jti":"j1"})",
                       phrase(R"({"kid":")", key.public_key().id(), R"("})"), "");
}

void inspect_shows_what_a_token_says_and_that_it_is_not_proven(void**) {
    assert_text_equal(said({"inspect", file("t", good_token() + '\n')}),
                      "Not verified: anybody can write this.\n"
                      "key       k4.pid.yh4-bJYjOYAG6CWy0zsfPmpKylxS7uAWrxqVmBN2KAiJ\n"
                      "{\n"
                      "  \"aud\": \"b7\",\n"
                      "  \"exp\": \"2026-11-21T13:00:00Z\",\n"
                      "  \"hosts\": [\n"
                      "    \"b7.example\"\n"
                      "  ],\n"
                      "  \"jti\": \"j1\",\n"
                      "  \"profile\": \"build\",\n"
                      "  \"sub\": \"ci\"\n"
                      "}\n"
                      "=0");
    const SecretKey key = SecretKey::generate();
    assert_text_equal(
        said({"inspect", file("u", "Bearer " + sign_paseto(key, R"({"exp":1})",
                                                           R"({"kid":"a\u001b[2J"})", ""))}),
        "Not verified: anybody can write this.\n"
        "key       a?[2J\n"
        "{\n"
        "  \"exp\": 1\n"
        "}\n"
        "! token inspect: the token's claim exp is no RFC 3339 time\n=1");
    assert_text_equal(said({"inspect", file("v", "hello")}),
                      "! token inspect: the token is no v4.public token\n=1");
}

void verify_says_whose_a_token_is_or_why_not(void**) {
    const std::string token = file("t", good_token());
    const Words start = {"verify", "--public", public_key(), "--aud", "b7"};
    const auto with = [&](Words more) {
        Words all = start;
        all.insert(all.end(), more.begin(), more.end());
        return said(all);
    };
    assert_text_equal(with({"--host", "b7.example:2376", token}),
                      "name      ci\n"
                      "proof     token\n"
                      "profile   build\n"
                      "hosts     b7.example\n"
                      "id        j1\n"
                      "expires   2026-11-21T13:00:30Z\n"
                      "=0");
    assert_text_equal(with({token}),
                      "! token verify: auth_invalid: they are not for this host\n=1");
    assert_text_equal(with({"--host", "b7.example", "--at", "2026-11-21T14:00:00Z", token}),
                      "! token verify: auth_expired: the token has expired\n=1");
    assert_text_equal(with({"--assertion", "eu", token}),
                      "! token verify: auth_invalid: the token's signature is wrong\n=1");
    assert_text_equal(said({"verify", "--public", public_key(), token}),
                      "! token verify: auth_invalid: the token is for another audience (aud)\n=1");
    assert_text_equal(
        said({"verify", "--public", SecretKey::generate().public_key().paserk(), token}),
        "! token verify: auth_invalid: the token's key is not known here (kid)\n=1");
    assert_text_equal(said({"verify", token}),
                      "! token verify: against what? give --access FILE or --public KEY\n=2");
    assert_text_equal(said({"verify", "--public", "k4.public.x", token}),
                      "! token verify: --public: it is no public key (k4.public.…)\n=2");
}

void hash_makes_an_entry_that_verify_accepts(void**) {
    const std::string key = file("hash.key", a_hash_key);
    const std::string made =
        said({"hash", "--name", "runner", "--key", key, "--out", in("t"), "--profile", "build",
              "--rate", "slow", "--host", "*.example", "--expires", "2026-12-01T00:00:00Z"});
    const std::string token = text_of("t");
    const std::string hash =
        HashKey::parse(a_hash_key)->hash_text(std::string_view(token).substr(0, token.size() - 1));
    const std::string entry = phrase("[[token]]\nname = \"runner\"\nhash = \"", hash,
                                     "\"\nprofile = \"build\"\nrate = \"slow\"\n"
                                     "hosts = [\"*.example\"]\n"
                                     "expires = \"2026-12-01T00:00:00Z\"\n");
    assert_text_equal(made, entry + "=0");
    // The same token's entry once more, from its file.
    assert_text_equal(said({"hash", "--name", "runner", "--key", key, in("t")}),
                      phrase("[[token]]\nname = \"runner\"\nhash = \"", hash, "\"\n=0"));
    const std::string access = file("access", phrase("hash_key = \"", key, "\"\n", entry));
    assert_text_equal(said({"verify", "--access", access, "--host", "b7.example", in("t")}),
                      "name      runner\n"
                      "proof     static_token\n"
                      "profile   build\n"
                      "rate      slow\n"
                      "hosts     *.example\n"
                      "expires   2026-12-01T00:00:00Z\n"
                      "=0");
    assert_text_equal(said({"verify", "--access", access, file("other", std::string(40, 'x'))}),
                      "! token verify: auth_invalid: the token is not known\n=1");
}

void hash_of_a_password_makes_an_entry_that_verify_accepts(void**) {
    const TokenAnswer answer = token_answer(
        Words{"hash", "--name", "alice", "--password", file("p", "open sesame\n")}, noon_ms);
    assert_int_equal(answer.code, 0);
    assert_true(answer.out.starts_with(
        "[[password]]\nname = \"alice\"\nhash = \"$argon2id$v=19$m=65536,t=2,p=1$"));
    const std::string access = file("access", answer.out);
    assert_text_equal(said({"verify", "--access", access, "--user", "alice", in("p")}),
                      "name      alice\nproof     password\nexpires   never\n=0");
    assert_text_equal(said({"verify", "--access", access, "--user", "bob", in("p")}),
                      "! token verify: auth_invalid: the user or the password is wrong\n=1");
}

void hash_names_what_is_missing(void**) {
    const std::string key = file("hash.key", a_hash_key);
    assert_text_equal(said({"hash", "--name", "a", "--key", key}),
                      "! token hash: give the token's file or -, or --out FILE for a new one\n=2");
    assert_text_equal(said({"hash", "--name", "a", "--key", key, "--out", in("o"), in("t")}),
                      "! token hash: give the token's file or -, or --out FILE for a new one\n=2");
    assert_text_equal(said({"hash", "--key", key, "--out", in("o")}),
                      "! token hash: whose is it? give --name NAME\n=2");
    assert_text_equal(said({"hash", "--name", "a", "--key", key, file("t", "short")}),
                      "! token hash: the token has fewer than 32 bytes: leave it out to have one"
                      " made, or use --password\n=1");
    assert_text_equal(said({"hash", "--name", "a", "--out", in("o")}),
                      "! token hash: no key for hashes: give its file, or set"
                      " BECAUSED_SECRET_HASH_KEY\n=1");
    assert_text_equal(said({"hash", "--name", "a", "--key", file("odd", "x"), "--out", in("o")}),
                      "! token hash: the key is no hashkey (becaused token keygen --hash-key)\n=1");
    assert_text_equal(said({"hash", "--name", "a", "--password", "--out", in("o")}),
                      "! token hash: --password goes without --out and --key\n=2");
    assert_false(std::filesystem::exists(in("o")));
}

void a_wrong_action_is_named_without_repeating_it(void**) {
    assert_text_equal(said({}),
                      "! token: keygen, issue, inspect, verify or hash? (becaused help token)\n=2");
    assert_text_equal(said({"isue"}),
                      "! token: no such action; did you mean issue? (becaused help token)\n=2");
    assert_text_equal(said({"v4.public.SECRET"}),
                      "! token: no such action (becaused help token)\n=2");
}

// Every action with every secret there is, in right and in wrong places: none comes out again.
void no_secret_is_ever_printed(void**) {
    const std::string key = signing_key();
    const std::string secret_key = text_of("sign.key");
    const std::string hash_key = file("hash.key", a_hash_key);
    const std::string token = good_token();
    const std::string static_token = "bst_" + std::string(43, 'S');
    const std::string password = "open sesame PASSWORD";
    file("token", token);
    file("static", static_token);
    file("password", password);
    file("access", phrase("hash_key = \"", hash_key, "\"\n[[token]]\nname=\"a\"\nhash = \"",
                          HashKey::parse(a_hash_key)->hash_text(static_token),
                          "\"\n[[password]]\nname = \"a\"\nhash = \"",
                          hash_password(password, 8, 1)->text(), "\"\n"));
    file("bad-access", phrase("[[token]]\nname = \"a\"\nhash = \"", static_token, "\"\n"));
    file("worse-access", phrase("[[password]]\nname = \"a\"\nhash = \"", password, "\"\n"));
    std::string all;
    for (const std::string& secret :
         {key, in("hash.key"), in("token"), in("static"), in("password"), token, static_token,
          secret_key, std::string(a_hash_key)}) {
        for (const Words& arguments :
             {Words{"inspect", secret}, Words{"verify", "--public", public_key(), secret},
              Words{"verify", "--access", in("access"), secret},
              Words{"verify", "--access", in("access"), "--user", "a", secret},
              Words{"verify", "--access", in("bad-access"), secret},
              Words{"verify", "--access", in("worse-access"), secret},
              Words{"verify", "--access", secret, secret},
              Words{"verify", "--public", secret, secret},
              Words{"hash", "--name", "a", "--key", hash_key, secret},
              Words{"hash", "--name", "a", "--key", secret, "--out", in("new")},
              Words{"hash", "--name", "a", "--key", hash_key, "--out", secret},
              Words{"issue", "--key", secret, "--sub", "a", "--out", in("new")},
              Words{"keygen", secret}, Words{secret}, Words{"issue", secret}}) {
            const TokenAnswer answer = token_answer(arguments, noon_ms);
            all += answer.out + answer.complaint + '\n';
            std::filesystem::remove(in("new"));
        }
    }
    for (const std::string_view secret :
         {std::string_view(secret_key), a_hash_key, std::string_view(token),
          std::string_view(static_token), std::string_view(password)}) {
        if (all.find(secret) != std::string::npos) fail_test(all.substr(all.find(secret), 200));
        // Nor a good part of one: the end of a signed token is its signature.
        const std::string_view end = secret.substr(secret.size() - 16);
        if (all.find(end) != std::string::npos && secret != token)
            fail_test(all.substr(all.find(end), 200));
    }
    const std::string_view body = std::string_view(token).substr(0, token.rfind('.'));
    assert_true(all.find(body.substr(body.size() - 24)) == std::string::npos);
}

}  // namespace

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main() {
    ready_crypto();
    unsetenv(hash_key_variable);
    unsetenv(signing_key_variable);
    const CMUnitTest tests[] = {
        IN_DIRECTORY(keygen_makes_a_pair_of_which_only_the_public_half_is_printed),
        IN_DIRECTORY(keygen_makes_a_key_for_hashes),
        IN_DIRECTORY(issue_signs_what_was_asked_for),
        IN_DIRECTORY(issue_gives_a_quarter_of_an_hour_and_an_id),
        IN_DIRECTORY(a_life_counts_from_its_beginning),
        IN_DIRECTORY(issue_takes_its_key_from_the_environment_too),
        IN_DIRECTORY(issue_makes_no_token_that_would_not_be_read),
        IN_DIRECTORY(inspect_shows_what_a_token_says_and_that_it_is_not_proven),
        IN_DIRECTORY(verify_says_whose_a_token_is_or_why_not),
        IN_DIRECTORY(hash_makes_an_entry_that_verify_accepts),
        IN_DIRECTORY(hash_of_a_password_makes_an_entry_that_verify_accepts),
        IN_DIRECTORY(hash_names_what_is_missing),
        IN_DIRECTORY(a_wrong_action_is_named_without_repeating_it),
        IN_DIRECTORY(no_secret_is_ever_printed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
