// Keys as PASERK writes them, their ids, the ring, and that secrets do not outlive their use.
#include "gate/keys.hh"

#include "support/hex.hh"
#include "support/paseto_vectors.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace test_support;

namespace {

void published_key_ids_are_computed(void**) {
    for (const KeyVector& vector : key_id_vectors) {
        print_message("%.*s\n", static_cast<int>(vector.name.size()), vector.name.data());
        const std::optional<PublicKey> key = PublicKey::from_bytes(from_hex(vector.key));
        assert_true(key.has_value() == !vector.paserk.empty());
        if (key) assert_text_equal(key->id(), vector.paserk);
    }
}

void published_secret_keys_are_read_and_written(void**) {
    for (const KeyVector& vector : secret_key_vectors) {
        const std::optional<SecretKey> key = SecretKey::from_bytes(from_hex(vector.key));
        assert_true(key.has_value());
        assert_text_equal(key->paserk().view(), vector.paserk);
        assert_text_equal(SecretKey::parse(vector.paserk)->bytes(), from_hex(vector.key));
        assert_text_equal(key->public_key().bytes(), from_hex(vector.key).substr(32));
    }
}

void public_keys_are_read_as_they_are_written(void**) {
    const PublicKey key = *PublicKey::from_bytes(from_hex(vector_public_key));
    assert_text_equal(key.paserk(), "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI");
    assert_text_equal(PublicKey::parse(key.paserk())->bytes(), key.bytes());
}

void a_key_of_another_kind_or_size_is_no_key(void**) {
    const std::string body = "Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI";
    for (const std::string_view prefix :
         {"k4.secret.", "k4.local.", "k3.public.", "k2.public.", "K4.public.", "k4.pid.", ""})
        assert_false(PublicKey::parse(std::string(prefix) + body).has_value());
    assert_false(PublicKey::parse("k4.public." + body + "A").has_value());
    assert_false(PublicKey::parse("k4.public." + body + "=").has_value());
    assert_false(PublicKey::parse("k4.public." + body.substr(1)).has_value());
    assert_false(PublicKey::parse("k4.public.").has_value());
    const std::string_view secret = secret_key_vectors[0].paserk;
    assert_false(SecretKey::parse("k4.public." + std::string(secret.substr(10))).has_value());
    assert_false(SecretKey::parse(secret.substr(0, secret.size() - 1)).has_value());
    assert_false(SecretKey::parse(std::string(secret) + '\n').has_value());
}

void a_secret_key_whose_halves_do_not_belong_together_is_refused(void**) {
    std::string bytes = from_hex(secret_key_vectors[0].key);
    bytes.replace(32, 32, from_hex(vector_public_key));
    assert_false(SecretKey::from_bytes(bytes).has_value());
}

void a_new_key_is_whole(void**) {
    const SecretKey key = SecretKey::generate();
    assert_true(SecretKey::from_bytes(key.bytes()).has_value());
    assert_true(key.public_key().usable());
    assert_false(same_bytes(key.bytes(), SecretKey::generate().bytes()));
}

// Signatures of the points of small order can be made without a secret.
void points_that_prove_nothing_get_into_no_ring(void**) {
    constexpr std::string_view points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
        "0100000000000000000000000000000000000000000000000000000000000000",  // the neutral element
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // 0, not canonical
    };
    for (const std::string_view point : points) {
        KeyRing ring;
        assert_string_equal(ring.add(*PublicKey::from_bytes(from_hex(point)), ""),
                            "it is no Ed25519 public key");
        assert_true(ring.empty());
    }
}

void a_ring_finds_keys_by_id_and_by_alias(void**) {
    const PublicKey first = SecretKey::generate().public_key();
    const PublicKey second = SecretKey::generate().public_key();
    KeyRing ring;
    assert_null(ring.only());
    assert_null(ring.add(first, ""));
    assert_ptr_equal(ring.only(), ring.find(first.id()));
    assert_null(ring.add(second, "2026-b"));
    assert_null(ring.only());
    assert_text_equal(ring.find("2026-b")->id, second.id());
    assert_text_equal(ring.find(second.id())->key.bytes(), second.bytes());
    assert_null(ring.find(""));
    assert_null(ring.find("2026-c"));
    assert_null(ring.find(first.paserk()));
}

void a_ring_holds_no_key_and_no_name_twice(void**) {
    const PublicKey first = SecretKey::generate().public_key();
    const PublicKey second = SecretKey::generate().public_key();
    KeyRing ring;
    assert_null(ring.add(first, "a"));
    assert_string_equal(ring.add(first, "b"), "the key is there twice");
    assert_string_equal(ring.add(second, "a"), "another key has the same id");
    assert_string_equal(ring.add(second, first.id()), "another key has the same id");
    for (size_t i = 1; i < KeyRing::limit; ++i)
        assert_null(ring.add(SecretKey::generate().public_key(), ""));
    assert_string_equal(ring.add(second, ""), "there are too many keys");
}

void a_secret_is_wiped_when_it_is_shortened_and_empty_when_moved(void**) {
    Secret secret("abcdef");
    const char* bytes = secret.view().data();
    secret.shorten(2);
    assert_text_equal(secret.view(), "ab");
    assert_memory_equal(bytes, "ab\0\0\0\0", 6);
    const Secret moved = std::move(secret);
    assert_true(secret.empty());  // NOLINT(bugprone-use-after-move): what is left is the point
    assert_text_equal(moved.view(), "ab");
}

void base64_has_one_spelling(void**) {
    assert_text_equal(base64url("\xfb\xff"), "-_8");
    assert_text_equal(*from_base64url("-_8"), "\xfb\xff");
    // Padding, the other alphabet, stray bits at the end, half a byte, white space, and letters with their
    // top bit set.
    for (const std::string_view bad : {"-_8=", "+/8", "-_9", "-_", "-", "-_8 ", "-_\n8", "\xad_8",
                                       "-\xdf"
                                       "8",
                                       "-_\xb8"})
        assert_false(from_base64url(bad).has_value());
    assert_text_equal(from_base64("YTpi")->view(), "a:b");
    assert_text_equal(from_base64("YTo=")->view(), "a:");
    for (const std::string_view bad : {"YTo", "YTo==", "YTp=", "YT o=", "YTo=\n", "-_8=",
                                       "\xab\xaf"
                                       "8="})
        assert_false(from_base64(bad).has_value());
}

void equal_is_equal_in_size_and_bytes(void**) {
    assert_true(same_bytes("abc", "abc"));
    assert_true(same_bytes("", ""));
    assert_false(same_bytes("abc", "abd"));
    assert_false(same_bytes("abc", "ab"));
    assert_false(same_bytes("", "a"));
}

}  // namespace

int main() {
    ready_crypto();
    const CMUnitTest tests[] = {
        cmocka_unit_test(published_key_ids_are_computed),
        cmocka_unit_test(published_secret_keys_are_read_and_written),
        cmocka_unit_test(public_keys_are_read_as_they_are_written),
        cmocka_unit_test(a_key_of_another_kind_or_size_is_no_key),
        cmocka_unit_test(a_secret_key_whose_halves_do_not_belong_together_is_refused),
        cmocka_unit_test(a_new_key_is_whole),
        cmocka_unit_test(points_that_prove_nothing_get_into_no_ring),
        cmocka_unit_test(a_ring_finds_keys_by_id_and_by_alias),
        cmocka_unit_test(a_ring_holds_no_key_and_no_name_twice),
        cmocka_unit_test(a_secret_is_wiped_when_it_is_shortened_and_empty_when_moved),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(equal_is_equal_in_size_and_bytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
