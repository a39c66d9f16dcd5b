// v4.public tokens as bytes: the published vectors, and that a token has one spelling and no byte to spare.
#include "gate/paseto.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

PublicKey public_key() { return *PublicKey::from_bytes(from_hex(vector_public_key)); }
SecretKey secret_key() { return *SecretKey::from_bytes(from_hex(vector_secret_key)); }

// The payload when the token is proven, else the step that refused it.
std::string read(std::string_view token, std::string_view implicit) {
    const std::optional<Paseto> parts = split_paseto(token);
    if (!parts) return "no token";
    return verify_signature(*parts, public_key(), implicit) ? parts->payload : "wrong signature";
}

void published_tokens_verify_and_their_failures_fail(void**) {
    for (const PasetoVector& vector : paseto_vectors) {
        print_message("%.*s\n", static_cast<int>(vector.name.size()), vector.name.data());
        const std::string got = read(vector.token, vector.implicit);
        if (!vector.payload.empty()) {
            assert_text_equal(got, vector.payload);
            assert_text_equal(split_paseto(vector.token)->footer, vector.footer);
        } else {
            assert_text_equal(
                got, vector.token.starts_with("v4.public.") ? "wrong signature" : "no token");
        }
    }
}

// Ed25519 is deterministic: signing again gives the published bytes.
void signing_gives_the_published_tokens(void**) {
    const SecretKey key = secret_key();
    for (const PasetoVector& vector : paseto_vectors) {
        if (vector.payload.empty()) continue;
        assert_text_equal(sign_paseto(key, vector.payload, vector.footer, vector.implicit),
                          vector.token);
    }
}

void another_implicit_assertion_is_refused(void**) {
    const PasetoVector& vector = paseto_vectors[2];
    assert_text_equal(read(vector.token, ""), "wrong signature");
    assert_text_equal(read(vector.token, R"({"test-vector":"4-S-4"})"), "wrong signature");
    assert_text_equal(read(paseto_vectors[0].token, "x"), "wrong signature");
}

void another_key_is_refused(void**) {
    const std::optional<Paseto> parts = split_paseto(paseto_vectors[0].token);
    std::string bytes = from_hex(vector_public_key);
    bytes[0] = static_cast<char>(bytes[0] ^ 1);
    assert_false(verify_signature(*parts, *PublicKey::from_bytes(bytes), ""));
}

// Any bit of any byte.
void no_byte_of_a_token_can_be_changed(void**) {
    const std::string token(paseto_vectors[1].token);
    for (size_t at = 0; at < token.size(); ++at) {
        for (int mask = 1; mask < 0x100; mask <<= 1) {
            std::string changed = token;
            changed[at] = static_cast<char>(changed[at] ^ mask);
            const std::string got = read(changed, "");
            if (got != "no token" && got != "wrong signature")
                print_error("byte %zu, mask %02x\n", at, static_cast<unsigned>(mask));
            assert_true(got == "no token" || got == "wrong signature");
        }
    }
}

void no_byte_of_a_token_can_be_left_out_or_added(void**) {
    const std::string token(paseto_vectors[1].token);
    for (size_t at = 0; at < token.size(); ++at) {
        std::string shorter = token;
        shorter.erase(at, 1);
        const std::string without = read(shorter, "");
        assert_true(without == "no token" || without == "wrong signature");
        // Cut off here.
        const std::string front = read(token.substr(0, at), "");
        assert_true(front == "no token" || front == "wrong signature");
        std::string longer = token;
        longer.insert(at, 1, 'A');
        const std::string with = read(longer, "");
        assert_true(with == "no token" || with == "wrong signature");
    }
    for (const std::string_view tail : {".", "=", " ", "\n", "A", ".AA"})
        assert_text_equal(read(token + std::string(tail), ""), "no token");
}

void a_token_has_one_spelling(void**) {
    const std::string token(paseto_vectors[0].token);
    assert_text_equal(read(token + '.', ""), "no token");   // an empty footer has no dot
    assert_text_equal(read(token + "==", ""), "no token");  // no padding
    // The last letter of 1 + 3n bytes carries four bits that nobody reads: they must be zero.
    std::string stray(paseto_vectors[2].token);
    const size_t dot = stray.rfind('.');
    std::string body = stray.substr(0, dot);
    assert_text_equal(read("V4.public." + token.substr(10), ""), "no token");
    std::string other = body + "." + "YQ";  // "a"
    assert_text_equal(read(other, ""), "wrong signature");
    other.back() = 'R';  // the same byte "a", with a stray bit
    assert_text_equal(read(other, ""), "no token");
    // The standard alphabet's + and /.
    std::string standard = token;
    for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
    assert_text_equal(read(standard, ""), "no token");
}

void long_tokens_are_refused_unread(void**) {
    const SecretKey key = secret_key();
    const size_t around = token_limit_bytes * 3 / 4 - 64 - 16;
    const std::string fits = sign_paseto(key, std::string(around, 'x'), "", "");
    assert_true(fits.size() <= token_limit_bytes);
    assert_text_equal(read(fits, ""), std::string(around, 'x'));
    const std::string too_long = sign_paseto(key, std::string(around + 16, 'x'), "", "");
    assert_true(too_long.size() > token_limit_bytes);
    assert_text_equal(read(too_long, ""), "no token");
}

// PAE gives every piece its length: bytes cannot move from footer to implicit assertion or payload.
void bytes_cannot_move_between_the_pieces(void**) {
    const SecretKey key = secret_key();
    const std::string token = sign_paseto(key, "payload", "footer", "");
    const std::string moved = sign_paseto(key, "payload", "foot", "er");
    assert_string_not_equal(token.c_str(), moved.c_str());
    assert_text_equal(read(moved, "er"), "payload");
    assert_text_equal(read(moved, ""), "wrong signature");
}

void an_empty_payload_is_a_payload(void**) {
    const std::string token = sign_paseto(secret_key(), "", "", "");
    const std::optional<Paseto> parts = split_paseto(token);
    assert_true(parts.has_value());
    assert_true(parts->payload.empty());
    assert_true(verify_signature(*parts, public_key(), ""));
    // One byte less than a signature.
    assert_text_equal(read("v4.public." + base64url(std::string(63, '\0')), ""), "no token");
}

}  // namespace

int main() {
    ready_crypto();
    const CMUnitTest tests[] = {
        cmocka_unit_test(published_tokens_verify_and_their_failures_fail),
        cmocka_unit_test(signing_gives_the_published_tokens),
        cmocka_unit_test(another_implicit_assertion_is_refused),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(no_byte_of_a_token_can_be_changed),
        cmocka_unit_test(no_byte_of_a_token_can_be_left_out_or_added),
        cmocka_unit_test(a_token_has_one_spelling),
        cmocka_unit_test(long_tokens_are_refused_unread),
        cmocka_unit_test(bytes_cannot_move_between_the_pieces),
        cmocka_unit_test(an_empty_payload_is_a_payload),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
