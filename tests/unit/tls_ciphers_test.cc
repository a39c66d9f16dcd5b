// The ciphers of TLS as they are linked: libsodium's code behind mbedTLS's entry points, judged by
// published vectors and by OpenSSL, which neither of them is.
#include "net/tls_ciphers.hh"

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/gcm.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "net/tls_context.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

using Bytes = std::string;

Bytes hex(std::string_view text) {
    Bytes bytes(text.size() / 2, '\0');
    size_t size = 0;
    assert_int_equal(sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(),
                                    text.data(), text.size(), nullptr, &size, nullptr),
                     0);
    assert_int_equal(size, bytes.size());
    return bytes;
}

std::string to_hex(const Bytes& bytes) {
    std::string text(bytes.size() * 2 + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                   bytes.size());
    text.pop_back();
    return text;
}

const unsigned char* raw(const Bytes& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(Bytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

struct Vector {
    const char* source;
    const char* key;
    const char* nonce;
    const char* extra;
    const char* plain;
    const char* cipher;
    const char* tag;
};

struct Sealed {
    Bytes cipher;
    Bytes tag;
};

// One cipher under test: a key set, then calls as TLS makes them.
class Gcm {
  public:
    explicit Gcm(const Bytes& key) {
        mbedtls_gcm_init(&context_);
        set(key);
    }
    Gcm(const Gcm&) = delete;
    Gcm& operator=(const Gcm&) = delete;
    ~Gcm() { mbedtls_gcm_free(&context_); }

    void set(const Bytes& key) {
        assert_int_equal(mbedtls_gcm_setkey(&context_, MBEDTLS_CIPHER_ID_AES, raw(key),
                                            static_cast<unsigned>(key.size() * 8)),
                         0);
    }
    Sealed seal(const Bytes& nonce, const Bytes& extra, const Bytes& plain, size_t tag_size = 16) {
        Sealed sealed{Bytes(plain.size(), '\0'), Bytes(tag_size, '\0')};
        assert_int_equal(
            mbedtls_gcm_crypt_and_tag(&context_, MBEDTLS_GCM_ENCRYPT, plain.size(), raw(nonce),
                                      nonce.size(), raw(extra), extra.size(), raw(plain),
                                      raw(sealed.cipher), tag_size, raw(sealed.tag)),
            0);
        return sealed;
    }
    int open(const Bytes& nonce, const Bytes& extra, const Sealed& sealed, Bytes& plain) {
        plain.assign(sealed.cipher.size(), '\0');
        return mbedtls_gcm_auth_decrypt(&context_, sealed.cipher.size(), raw(nonce), nonce.size(),
                                        raw(extra), extra.size(), raw(sealed.tag),
                                        sealed.tag.size(), raw(sealed.cipher), raw(plain));
    }
    mbedtls_gcm_context* context() { return &context_; }
    static constexpr int refused = MBEDTLS_ERR_GCM_AUTH_FAILED;

  private:
    mbedtls_gcm_context context_;
};

class ChaCha {
  public:
    explicit ChaCha(const Bytes& key) {
        mbedtls_chachapoly_init(&context_);
        set(key);
    }
    ChaCha(const ChaCha&) = delete;
    ChaCha& operator=(const ChaCha&) = delete;
    ~ChaCha() { mbedtls_chachapoly_free(&context_); }

    void set(const Bytes& key) {
        assert_int_equal(mbedtls_chachapoly_setkey(&context_, raw(key)), 0);
    }
    Sealed seal(const Bytes& nonce, const Bytes& extra, const Bytes& plain) {
        Sealed sealed{Bytes(plain.size(), '\0'), Bytes(16, '\0')};
        assert_int_equal(mbedtls_chachapoly_encrypt_and_tag(&context_, plain.size(), raw(nonce),
                                                            raw(extra), extra.size(), raw(plain),
                                                            raw(sealed.cipher), raw(sealed.tag)),
                         0);
        return sealed;
    }
    int open(const Bytes& nonce, const Bytes& extra, const Sealed& sealed, Bytes& plain) {
        plain.assign(sealed.cipher.size(), '\0');
        return mbedtls_chachapoly_auth_decrypt(&context_, sealed.cipher.size(), raw(nonce),
                                               raw(extra), extra.size(), raw(sealed.tag),
                                               raw(sealed.cipher), raw(plain));
    }
    static constexpr int refused = MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;

  private:
    mbedtls_chachapoly_context context_;
};

template <typename Cipher>
void check_vector(const Vector& vector, bool by_libsodium) {
    print_message("  %s\n", vector.source);
    const uint64_t before = tls_cipher_calls();
    Cipher cipher(hex(vector.key));
    const Sealed sealed = cipher.seal(hex(vector.nonce), hex(vector.extra), hex(vector.plain));
    assert_text_equal(to_hex(sealed.cipher), vector.cipher);
    assert_text_equal(to_hex(sealed.tag), vector.tag);
    Bytes plain;
    assert_int_equal(cipher.open(hex(vector.nonce), hex(vector.extra), sealed, plain), 0);
    assert_text_equal(to_hex(plain), vector.plain);
    assert_int_equal(tls_cipher_calls() - before, by_libsodium ? 2 : 0);
}

// The same by OpenSSL.
Sealed openssl_seal(const EVP_CIPHER* kind, const Bytes& key, const Bytes& nonce,
                    const Bytes& extra, const Bytes& plain) {
    Sealed sealed{Bytes(plain.size(), '\0'), Bytes(16, '\0')};
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    int size = 0;
    assert_int_equal(EVP_EncryptInit_ex(context, kind, nullptr, raw(key), raw(nonce)), 1);
    assert_int_equal(
        EVP_EncryptUpdate(context, nullptr, &size, raw(extra), static_cast<int>(extra.size())), 1);
    assert_int_equal(EVP_EncryptUpdate(context, raw(sealed.cipher), &size, raw(plain),
                                       static_cast<int>(plain.size())),
                     1);
    unsigned char none[16];
    assert_int_equal(EVP_EncryptFinal_ex(context, none, &size), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, raw(sealed.tag)), 1);
    EVP_CIPHER_CTX_free(context);
    return sealed;
}

// The same bytes in every run.
Bytes noise(size_t size, uint32_t seed) {
    Bytes bytes(size, '\0');
    unsigned char from[randombytes_SEEDBYTES] = {};
    std::memcpy(from, &seed, sizeof seed);
    if (size > 0) randombytes_buf_deterministic(bytes.data(), size, from);
    return bytes;
}

template <typename Cipher>
void agrees_with_openssl(const EVP_CIPHER* kind) {
    Cipher cipher(noise(32, 0));
    // Every length around blocks and strides, and TLS's longest record.
    for (const size_t extra_size : {0U, 1U, 13U, 16U, 31U}) {
        for (size_t size = 0; size <= 400; ++size) {
            const auto seed = static_cast<uint32_t>(size * 100 + extra_size);
            const Bytes key = noise(32, seed + 1);
            const Bytes nonce = noise(12, seed + 2);
            const Bytes extra = noise(extra_size, seed + 3);
            const Bytes plain = noise(size == 400 ? 16384 : size, seed + 4);
            cipher.set(key);
            const Sealed sealed = cipher.seal(nonce, extra, plain);
            const Sealed expected = openssl_seal(kind, key, nonce, extra, plain);
            assert_true(sealed.cipher == expected.cipher);
            assert_text_equal(to_hex(sealed.tag), to_hex(expected.tag));
            Bytes back;
            assert_int_equal(cipher.open(nonce, extra, expected, back), 0);
            assert_true(back == plain);
        }
    }
}

template <typename Cipher>
void refuses_every_flipped_bit() {
    const Bytes nonce = noise(12, 2);
    const Bytes extra = noise(13, 3);
    const Bytes plain = noise(45, 4);
    Cipher cipher(noise(32, 1));
    const Sealed sealed = cipher.seal(nonce, extra, plain);
    const auto refused = [&](const Bytes& n, const Bytes& e, const Sealed& s) {
        Bytes back;
        assert_int_equal(cipher.open(n, e, s, back), Cipher::refused);
        // Nothing of the plaintext comes out with a refusal.
        assert_true(back != plain && back.find(plain.substr(0, 8)) == Bytes::npos);
    };
    const auto each_bit = [](Bytes bytes, auto visit) {
        for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
            visit(bytes);
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        }
    };
    each_bit(nonce, [&](const Bytes& changed) { refused(changed, extra, sealed); });
    each_bit(extra, [&](const Bytes& changed) { refused(nonce, changed, sealed); });
    each_bit(sealed.cipher, [&](const Bytes& changed) {
        refused(nonce, extra, {changed, sealed.tag});
    });
    each_bit(sealed.tag, [&](const Bytes& changed) {
        refused(nonce, extra, {sealed.cipher, changed});
    });
    refused(nonce, extra, {sealed.cipher.substr(1), sealed.tag});
    refused(nonce, extra, {sealed.cipher + '\0', sealed.tag});
    refused(nonce, extra.substr(1), sealed);
    cipher.set(noise(32, 9));
    refused(nonce, extra, sealed);
    cipher.set(noise(32, 1));
    Bytes back;
    assert_int_equal(cipher.open(nonce, extra, sealed, back), 0);
    assert_true(back == plain);
}

// McGrew and Viega, The Galois/Counter Mode of Operation, appendix B; NIST's CAVP, gcmtestvectors,
// gcmEncryptExtIV256.rsp.
constexpr char mcgrew_key[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr char mcgrew_plain[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b5"
    "25b16aedf5aa0de657ba637b39";
constexpr char mcgrew_extra[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr Vector gcm_vectors[] = {
    {"McGrew-Viega 13", "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"McGrew-Viega 14", "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {"McGrew-Viega 15", mcgrew_key, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
     "b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
     "8838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"McGrew-Viega 16", mcgrew_key, "cafebabefacedbaddecaf888", mcgrew_extra, mcgrew_plain,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
     "8838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {"CAVP no text, no AAD", "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
     "516c33929df5a3284ff463d7", "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    {"CAVP AAD only", "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
     "d79cf22d504cc793c3fb6c8a", "b96baa8c1c75a671bfb2d08d06be5f36", "", "",
     "3e5d486aa2e30b22e040b85723a06e76"},
    {"CAVP text only", "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
     "0d18e06c7c725ac9e362e1ce", "", "2db5168e932556f8089a0622981d017d",
     "fa4362189661d163fcd6a56d8bf0405a", "d636ac1bbedd5cc3ee727dc2ab4a9489"},
    {"CAVP text and AAD", "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b",
     "ac93a1a6145299bde902f21a", "1e0889016f67601c8ebea4943bc23ad6",
     "2d71bcfa914e4ac045b2aa60955fad24", "8995ae2e6df3dbf96fac7b7137bae67f",
     "eca5aa77d51d4a0a14d9c51e1da474ab"},
};

// What is not TLS's shape: mbedTLS's own code.
constexpr Vector other_gcm_vectors[] = {
    {"McGrew-Viega 4: AES-128", "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     mcgrew_extra, mcgrew_plain,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84"
     "aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"McGrew-Viega 10: AES-192", "feffe9928665731c6d6a8f9467308308feffe9928665731c",
     "cafebabefacedbaddecaf888", mcgrew_extra, mcgrew_plain,
     "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a"
     "3f4718e2448b2fe324d9ccda2710",
     "2519498e80f1478f37ba55bd6d27618c"},
    {"McGrew-Viega 17: nonce of 8 bytes", mcgrew_key, "cafebabefacedbad", mcgrew_extra,
     mcgrew_plain,
     "c3762df1ca787d32ae47c13bf19844cbaf1ae14d0b976afac52ff7d79bba9de0feb582d33934a4f0954cc2363bc7"
     "3f7862ac430e64abe499f47c9b1f",
     "3a337dbf46a792c45e454913fe2ea8f2"},
    {"McGrew-Viega 18: nonce of 60 bytes", mcgrew_key,
     "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b"
     "525416aedbf5a0de6a57a637b39b",
     mcgrew_extra, mcgrew_plain,
     "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf40fc0c3b780f244452da3ebf1c5d8"
     "2cdea2418997200ef82e44ae7e3f",
     "a44a8266ee1c8eb0c8b5d4cf5ae9f19a"},
};

constexpr Vector chacha_vectors[] = {
    {"RFC 8439 2.8.2", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620492"
     "0"
     "636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c20737"
     "5"
     "6e73637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da927"
     "2"
     "8b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b483"
     "1"
     "d7bc3ff4def08e4b7a9de576d26586cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
    {"RFC 8439 A.5", "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
     "000000000102030405060708", "f33388860000000000004e91",
     "496e7465726e65742d4472616674732061726520647261667420646f63756d656e74732076616c696420666f72206"
     "1"
     "206d6178696d756d206f6620736978206d6f6e74687320616e64206d617920626520757064617465642c207265706"
     "c"
     "616365642c206f72206f62736f6c65746564206279206f7468657220646f63756d656e747320617420616e7920746"
     "9"
     "6d652e20497420697320696e617070726f70726961746520746f2075736520496e7465726e65742d4472616674732"
     "0"
     "6173207265666572656e6365206d6174657269616c206f7220746f2063697465207468656d206f746865722074686"
     "1"
     "6e206173202fe2809c776f726b20696e2070726f67726573732e2fe2809d",
     "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d2"
     "6"
     "b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff3"
     "7"
     "c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216c"
     "d"
     "e7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b42227"
     "3"
     "f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f"
     "0"
     "ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b",
     "eead9d67890cbb22392336fea1851f38"},
};

// The shared secret of `scalar` and the peer's `point`, by the calls that mbedTLS's handshake makes.
// Returns mbedTLS's error.
int x25519(const Bytes& scalar, const Bytes& point, Bytes& shared) {
    Bytes clamped = scalar;  // mbedTLS clamps a key when it makes it (RFC 7748 §5)
    clamped[0] = static_cast<char>(clamped[0] & 248);
    clamped[31] = static_cast<char>((clamped[31] & 127) | 64);
    mbedtls_ecp_group group;
    mbedtls_ecp_point peer;
    mbedtls_mpi secret, out;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&peer);
    mbedtls_mpi_init(&secret);
    mbedtls_mpi_init(&out);
    int error = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519);
    if (error == 0) error = mbedtls_mpi_read_binary_le(&secret, raw(clamped), clamped.size());
    if (error == 0) error = mbedtls_ecp_point_read_binary(&group, &peer, raw(point), point.size());
    if (error == 0)
        error = mbedtls_ecdh_compute_shared(&group, &out, &peer, &secret, tls_random, nullptr);
    shared.assign(32, '\0');
    if (error == 0) error = mbedtls_mpi_write_binary_le(&out, raw(shared), shared.size());
    mbedtls_mpi_free(&out);
    mbedtls_mpi_free(&secret);
    mbedtls_ecp_point_free(&peer);
    mbedtls_ecp_group_free(&group);
    return error;
}

Bytes x25519(const Bytes& scalar, const Bytes& point) {
    Bytes shared;
    assert_int_equal(x25519(scalar, point, shared), 0);
    return shared;
}

Bytes base_point() { return '\x09' + Bytes(31, '\0'); }

}  // namespace

static void self_test_passes_and_libsodium_did_the_work(void**) {
    const uint64_t before = tls_cipher_calls();
    const Status status = check_tls_ciphers();
    assert_true(status.ok());
    assert_true(tls_cipher_calls() >= before + (fast_aes() ? 4 : 2));
}

static void aes_256_gcm_gives_the_published_bytes(void**) {
    for (const Vector& vector : gcm_vectors) check_vector<Gcm>(vector, fast_aes());
}

static void other_gcm_shapes_are_mbedtls_own_and_right(void**) {
    for (const Vector& vector : other_gcm_vectors) check_vector<Gcm>(vector, false);
    // A shorter tag is the front of the whole one (NIST SP 800-38D §5.2.1.2).
    Gcm gcm(hex(mcgrew_key));
    const uint64_t before = tls_cipher_calls();
    for (const size_t tag_size : {4U, 8U, 12U, 15U}) {
        const Bytes nonce = hex("cafebabefacedbaddecaf888");
        const Sealed sealed = gcm.seal(nonce, hex(mcgrew_extra), hex(mcgrew_plain), tag_size);
        assert_text_equal(to_hex(sealed.tag),
                          std::string("76fc6ece0f4e1768cddf8853bb2d551b").substr(0, tag_size * 2));
        Bytes plain;
        assert_int_equal(gcm.open(nonce, hex(mcgrew_extra), sealed, plain), 0);
        assert_text_equal(to_hex(plain), mcgrew_plain);
        Sealed changed = sealed;
        changed.tag[0] = static_cast<char>(changed.tag[0] ^ 1);
        assert_int_equal(gcm.open(nonce, hex(mcgrew_extra), changed, plain), Gcm::refused);
    }
    assert_int_equal(tls_cipher_calls(), before);
}

static void gcm_in_pieces_with_an_aes_256_key_fails_and_never_lies(void**) {
    if (!fast_aes()) skip_test();
    Gcm gcm(hex("feffe9928665731c6d6a8f9467308308"));
    gcm.set(hex(mcgrew_key));
    const Bytes nonce = hex("cafebabefacedbaddecaf888");
#if MBEDTLS_VERSION_MAJOR >= 3
    assert_int_not_equal(
        mbedtls_gcm_starts(gcm.context(), MBEDTLS_GCM_ENCRYPT, raw(nonce), nonce.size()), 0);
#else
    assert_int_not_equal(mbedtls_gcm_starts(gcm.context(), MBEDTLS_GCM_ENCRYPT, raw(nonce),
                                            nonce.size(), nullptr, 0),
                         0);
#endif
}

static void chacha20_poly1305_gives_the_published_bytes(void**) {
    for (const Vector& vector : chacha_vectors) check_vector<ChaCha>(vector, true);
}

static void both_agree_with_openssl_at_every_length(void**) {
    agrees_with_openssl<Gcm>(EVP_aes_256_gcm());
    agrees_with_openssl<ChaCha>(EVP_chacha20_poly1305());
}

static void a_flipped_bit_anywhere_is_refused(void**) {
    refuses_every_flipped_bit<Gcm>();
    refuses_every_flipped_bit<ChaCha>();
}

// TLS's records are sealed and opened where they stand.
static void in_place_gives_the_same(void**) {
    const Bytes key = noise(32, 1);
    const Bytes nonce = noise(12, 2);
    const Bytes extra = noise(13, 3);
    Gcm gcm(key);
    mbedtls_chachapoly_context chacha;
    mbedtls_chachapoly_init(&chacha);
    assert_int_equal(mbedtls_chachapoly_setkey(&chacha, raw(key)), 0);
    for (const size_t size : {0U, 1U, 16U, 127U, 128U, 129U, 16384U}) {
        const Bytes plain = noise(size, 4);
        Bytes text = plain;
        Bytes tag(16, '\0');
        assert_int_equal(
            mbedtls_gcm_crypt_and_tag(gcm.context(), MBEDTLS_GCM_ENCRYPT, size, raw(nonce), 12,
                                      raw(extra), extra.size(), raw(text), raw(text), 16, raw(tag)),
            0);
        const Sealed gcm_expected = openssl_seal(EVP_aes_256_gcm(), key, nonce, extra, plain);
        assert_true(text == gcm_expected.cipher && tag == gcm_expected.tag);
        assert_int_equal(mbedtls_gcm_auth_decrypt(gcm.context(), size, raw(nonce), 12, raw(extra),
                                                  extra.size(), raw(tag), 16, raw(text), raw(text)),
                         0);
        assert_true(text == plain);
        assert_int_equal(
            mbedtls_chachapoly_encrypt_and_tag(&chacha, size, raw(nonce), raw(extra), extra.size(),
                                               raw(text), raw(text), raw(tag)),
            0);
        const Sealed chacha_expected =
            openssl_seal(EVP_chacha20_poly1305(), key, nonce, extra, plain);
        assert_true(text == chacha_expected.cipher && tag == chacha_expected.tag);
        assert_int_equal(
            mbedtls_chachapoly_auth_decrypt(&chacha, size, raw(nonce), raw(extra), extra.size(),
                                            raw(tag), raw(text), raw(text)),
            0);
        assert_true(text == plain);
    }
    mbedtls_chachapoly_free(&chacha);
}

// The address sanitizer's build of this test sees what leaks or is freed twice.
static void a_context_takes_new_keys_of_any_size_and_is_freed_twice(void**) {
    const Vector& long_key = gcm_vectors[3];
    const Vector& short_key = other_gcm_vectors[0];
    const auto tag_of = [](Gcm& gcm, const Vector& vector) {
        return to_hex(gcm.seal(hex(vector.nonce), hex(vector.extra), hex(vector.plain)).tag);
    };
    Gcm gcm(hex(gcm_vectors[0].key));
    for (int i = 0; i < 3; ++i) {
        gcm.set(hex(long_key.key));
        assert_text_equal(tag_of(gcm, long_key), long_key.tag);
        gcm.set(hex(long_key.key));
        assert_text_equal(tag_of(gcm, long_key), long_key.tag);
        gcm.set(hex(short_key.key));
        assert_text_equal(tag_of(gcm, short_key), short_key.tag);
    }
    gcm.set(hex(long_key.key));
    mbedtls_gcm_free(gcm.context());
    mbedtls_gcm_free(gcm.context());
    gcm.set(hex(short_key.key));
    assert_text_equal(tag_of(gcm, short_key), short_key.tag);
    mbedtls_gcm_free(nullptr);
}

static void x25519_gives_the_published_bytes(void**) {
    const uint64_t before = tls_cipher_calls();
    // RFC 7748 §5.2
    assert_text_equal(
        to_hex(x25519(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                      hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))),
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_text_equal(
        to_hex(x25519(hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
                      hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"))),
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    // RFC 7748 §6.1: both sides have the same secret.
    const Bytes alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const Bytes bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const Bytes alices = x25519(alice, base_point());
    const Bytes bobs = x25519(bob, base_point());
    assert_text_equal(to_hex(alices),
                      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_text_equal(to_hex(bobs),
                      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const char secret[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_text_equal(to_hex(x25519(alice, bobs)), secret);
    assert_text_equal(to_hex(x25519(bob, alices)), secret);
    assert_int_equal(tls_cipher_calls() - before, 6);
}

// RFC 7748 §5.2: the secret becomes the next scalar, the scalar the next point.
static void x25519_iterated_a_thousand_times_is_right(void**) {
    Bytes scalar = base_point();
    Bytes point = base_point();
    for (int round = 1; round <= 1000; ++round) {
        Bytes next = x25519(scalar, point);
        point = std::exchange(scalar, std::move(next));
        if (round == 1)
            assert_text_equal(to_hex(scalar),
                              "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    assert_text_equal(to_hex(scalar),
                      "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

// The points whose order divides 8, and their other spellings (Bernstein, curve25519's page): the
// secret would be zero (RFC 7748 §6.1).
static void points_of_low_order_are_refused(void**) {
    const char* points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000080",
    };
    for (const char* point : points) {
        Bytes shared;
        print_message("  %s\n", point);
        assert_int_not_equal(x25519(noise(32, 7), hex(point), shared), 0);
    }
}

// RFC 7748 §5: the highest bit of a point is ignored, and points of 2^255 - 19 and more count modulo it.
static void x25519_takes_points_as_the_rfc_says(void**) {
    const Bytes scalar = noise(32, 8);
    Bytes high = base_point();
    high[31] = static_cast<char>(0x80);
    assert_text_equal(to_hex(x25519(scalar, high)), to_hex(x25519(scalar, base_point())));
    Bytes wrapped(32, '\xff');  // p + 9
    wrapped[0] = static_cast<char>(0xed + 9);
    wrapped[31] = 0x7f;
    assert_text_equal(to_hex(x25519(scalar, wrapped)), to_hex(x25519(scalar, base_point())));
    const Bytes point = noise(32, 9);
    EVP_PKEY* ours = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(scalar), 32);
    EVP_PKEY* theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(point), 32);
    EVP_PKEY_CTX* derivation = EVP_PKEY_CTX_new(ours, nullptr);
    Bytes expected(32, '\0');
    size_t size = expected.size();
    assert_int_equal(EVP_PKEY_derive_init(derivation), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(derivation, theirs), 1);
    assert_int_equal(EVP_PKEY_derive(derivation, raw(expected), &size), 1);
    EVP_PKEY_CTX_free(derivation);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    assert_text_equal(to_hex(x25519(scalar, point)), to_hex(expected));
}

// The wrapped multiplication is for one curve only: P-256 (FIPS 186-4; RFC 5903 §8.1) is mbedTLS's.
static void p256_stays_mbedtls_own_and_right(void**) {
    const Bytes secret = hex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    const uint64_t before = tls_cipher_calls();
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi scalar;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&scalar);
    assert_int_equal(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1), 0);
    assert_int_equal(mbedtls_mpi_read_binary(&scalar, raw(secret), secret.size()), 0);
    assert_int_equal(mbedtls_ecp_mul_restartable(&group, &point, &scalar, &group.G, tls_random,
                                                 nullptr, nullptr),
                     0);
    Bytes wire(65, '\0');
    size_t size = 0;
    assert_int_equal(mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                                    &size, raw(wire), wire.size()),
                     0);
    mbedtls_mpi_free(&scalar);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_group_free(&group);
    assert_text_equal(to_hex(wire),
                      "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
                      "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3");
    assert_int_equal(tls_cipher_calls(), before);
}

int main() {
    if (sodium_init() < 0) return 1;
    const CMUnitTest tests[] = {
        cmocka_unit_test(self_test_passes_and_libsodium_did_the_work),
        cmocka_unit_test(aes_256_gcm_gives_the_published_bytes),
        cmocka_unit_test(other_gcm_shapes_are_mbedtls_own_and_right),
        cmocka_unit_test(gcm_in_pieces_with_an_aes_256_key_fails_and_never_lies),
        cmocka_unit_test(chacha20_poly1305_gives_the_published_bytes),
        cmocka_unit_test(both_agree_with_openssl_at_every_length),
        cmocka_unit_test(a_flipped_bit_anywhere_is_refused),
        cmocka_unit_test(in_place_gives_the_same),
        cmocka_unit_test(a_context_takes_new_keys_of_any_size_and_is_freed_twice),
        cmocka_unit_test(x25519_gives_the_published_bytes),
        cmocka_unit_test(x25519_iterated_a_thousand_times_is_right),
        cmocka_unit_test(points_of_low_order_are_refused),
        cmocka_unit_test(x25519_takes_points_as_the_rfc_says),
        cmocka_unit_test(p256_stays_mbedtls_own_and_right),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
