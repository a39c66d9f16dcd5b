// Records of application data that mbedTLS 2.28 would copy twice on their way: out of and into its own
// buffers. Where one is whole and mbedTLS has none in work, it is sealed or opened here, from one place to
// another, by mbedTLS's ciphers with its keys and counters, framed as RFC 5246 §6.2.3.3, RFC 5288 §3 and
// RFC 7905 §2 say. All else is mbedTLS's to read and judge: what is not application data, what is
// empty, too long or in pieces, and what does not decrypt, which it is given untouched.
//
// And those buffers, two of 17 KiB each: only a connection with a record in work has them.

#include <mbedtls/cipher.h>
#include <mbedtls/platform.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR < 3
#include <mbedtls/ssl_internal.h>
#endif

#include <array>
#include <cstring>

#include "base/check.hh"
#include "net/tls.hh"

namespace becaused {

#if MBEDTLS_VERSION_MAJOR >= 3

// 3.x keeps the size of its buffers to itself.
void Tls::rest() {}
void Tls::wake() {}
bool Tls::between_records() const { return false; }
bool Tls::seal(std::string_view) { return false; }
void Tls::open_records(std::span<char>, size_t&) {}

#else

namespace {

constexpr size_t header_bytes = 5;
constexpr size_t counter_bytes = 8;
constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;

// AEADs of TLS 1.2 have their nonce's last 8 bytes in the record (GCM), or all made of the counter.
struct Aead {
    mbedtls_cipher_context_t* cipher;
    const unsigned char* fixed;
    size_t in_record;  // bytes of its nonce
    bool known = false;

    Aead(mbedtls_ssl_transform* transform, bool out)
        : cipher(out ? &transform->cipher_ctx_enc : &transform->cipher_ctx_dec),
          fixed(out ? transform->iv_enc : transform->iv_dec),
          in_record(transform->ivlen - transform->fixed_ivlen) {
        const auto mode = mbedtls_cipher_get_cipher_mode(cipher);
        const bool gcm = mode == MBEDTLS_MODE_GCM && in_record == counter_bytes;
        const bool chacha = mode == MBEDTLS_MODE_CHACHAPOLY && in_record == 0;
        known = (gcm || chacha) && transform->ivlen == nonce_bytes &&
                transform->taglen == tag_bytes &&
                transform->minor_ver == MBEDTLS_SSL_MINOR_VERSION_3;
    }
    // `counter` is what the record carries, or the sequence number where it carries nothing.
    std::array<unsigned char, nonce_bytes> nonce(const unsigned char* counter) const {
        std::array<unsigned char, nonce_bytes> made{};
        std::memcpy(made.data(), fixed, nonce_bytes - in_record);
        for (size_t i = 0; i < counter_bytes; ++i)
            made[nonce_bytes - counter_bytes + i] ^= counter[i];
        return made;
    }
};

// seq_num, type, version, length (RFC 5246 §6.2.3.3).
std::array<unsigned char, 13> additional_data(const unsigned char* counter, size_t length) {
    std::array<unsigned char, 13> data;
    std::memcpy(data.data(), counter, counter_bytes);
    data[8] = MBEDTLS_SSL_MSG_APPLICATION_DATA;
    data[9] = MBEDTLS_SSL_MAJOR_VERSION_3;
    data[10] = MBEDTLS_SSL_MINOR_VERSION_3;
    data[11] = static_cast<unsigned char>(length >> 8U);
    data[12] = static_cast<unsigned char>(length);
    return data;
}

// Near its end a counter is mbedTLS's: it knows what to do when there is no next number.
bool near_its_end(const unsigned char* counter) { return counter[0] == 0xff; }

void count_on(unsigned char* counter) {
    for (size_t i = counter_bytes; i > 0; --i)
        if (++counter[i - 1] != 0) return;
}

}  // namespace

// False: mbedTLS must write it.
bool Tls::seal(std::string_view plain) {
    if (!secured_ || ssl_.handshake != nullptr || ssl_.out_left != 0 ||
        near_its_end(ssl_.cur_out_ctr))
        return false;
    const int most = mbedtls_ssl_get_max_out_record_payload(&ssl_);
    if (plain.empty() || most < 0 || plain.size() > static_cast<size_t>(most)) return false;
    const Aead aead(ssl_.transform_out, true);
    if (!aead.known) return false;
    const size_t length = aead.in_record + plain.size() + tag_bytes;
    auto* record = reinterpret_cast<unsigned char*>(room_.out.room(header_bytes + length));
    record[0] = MBEDTLS_SSL_MSG_APPLICATION_DATA;
    record[1] = MBEDTLS_SSL_MAJOR_VERSION_3;
    record[2] = MBEDTLS_SSL_MINOR_VERSION_3;
    record[3] = static_cast<unsigned char>(length >> 8U);
    record[4] = static_cast<unsigned char>(length);
    std::memcpy(record + header_bytes, ssl_.cur_out_ctr, aead.in_record);
    const auto nonce = aead.nonce(ssl_.cur_out_ctr);
    const auto extra = additional_data(ssl_.cur_out_ctr, plain.size());
    size_t size = 0;
    const int error = mbedtls_cipher_auth_encrypt_ext(
        aead.cipher, nonce.data(), nonce.size(), extra.data(), extra.size(),
        reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
        record + header_bytes + aead.in_record, plain.size() + tag_bytes, &size, tag_bytes);
    if (error != 0 || size != plain.size() + tag_bytes) return false;
    count_on(ssl_.cur_out_ctr);
    room_.out.add(header_bytes + length);
    return true;
}

// As many of `in_`'s records as are whole, from the front. `plain` has room for all of them.
void Tls::open_records(std::span<char> plain, size_t& count) {
    const Aead aead(ssl_.transform_in, false);
    unsigned char* counter = resting_ ? counter_ : ssl_.in_ctr;
    const size_t least = aead.in_record + tag_bytes + 1;
    while (aead.known && in_.size() > header_bytes && !near_its_end(counter)) {
        const auto* record = reinterpret_cast<const unsigned char*>(in_.data());
        const size_t length = static_cast<size_t>(record[3]) << 8U | record[4];
        if (record[0] != MBEDTLS_SSL_MSG_APPLICATION_DATA ||
            record[1] != MBEDTLS_SSL_MAJOR_VERSION_3 || record[2] != MBEDTLS_SSL_MINOR_VERSION_3 ||
            length < least || length >= least + record_bytes || in_.size() - header_bytes < length)
            return;
        const size_t plain_bytes = length - aead.in_record - tag_bytes;
        if (plain.size() - count < plain_bytes) return;
        const unsigned char* in_it = record + header_bytes;
        const auto nonce = aead.nonce(aead.in_record > 0 ? in_it : counter);
        const auto extra = additional_data(counter, plain_bytes);
        size_t size = 0;
        const int error = mbedtls_cipher_auth_decrypt_ext(
            aead.cipher, nonce.data(), nonce.size(), extra.data(), extra.size(),
            in_it + aead.in_record, plain_bytes + tag_bytes,
            reinterpret_cast<unsigned char*>(plain.data() + count), plain_bytes, &size, tag_bytes);
        if (error != 0 || size != plain_bytes) return;
        count_on(counter);
        ssl_.nb_zero = 0;  // empty records in a row
        count += plain_bytes;
        in_.remove_prefix(header_bytes + length);
    }
}

// Nothing of a record that came is left in its buffers.
bool Tls::between_records() const {
    const bool part_of_handshake = ssl_.in_hslen != 0 && ssl_.in_hslen < ssl_.in_msglen;
    return resting_ || (secured_ && ssl_.handshake == nullptr && ssl_.in_left == 0 &&
                        ssl_.in_offt == nullptr && !part_of_handshake);
}

// Gives it record buffers again; what pointed into the old ones points to the same places there.
void Tls::wake() {
    if (!resting_) return;
    resting_ = false;
    std::pair<unsigned char*, unsigned char*> pair;
    if (room_.spare.empty()) {
        pair = {static_cast<unsigned char*>(mbedtls_calloc(1, MBEDTLS_SSL_IN_BUFFER_LEN)),
                static_cast<unsigned char*>(mbedtls_calloc(1, MBEDTLS_SSL_OUT_BUFFER_LEN))};
        CHECK(pair.first != nullptr && pair.second != nullptr);
    } else {
        pair = room_.spare.back();
        room_.spare.pop_back();
    }
    const auto move = [](unsigned char*& pointer, uintptr_t from, unsigned char* to) {
        pointer = to + (reinterpret_cast<uintptr_t>(pointer) - from);
    };
    const auto old_in = reinterpret_cast<uintptr_t>(ssl_.in_buf);
    const auto old_out = reinterpret_cast<uintptr_t>(ssl_.out_buf);
    for (unsigned char** pointer :
         {&ssl_.in_ctr, &ssl_.in_hdr, &ssl_.in_len, &ssl_.in_iv, &ssl_.in_msg})
        move(*pointer, old_in, pair.first);
    for (unsigned char** pointer :
         {&ssl_.out_ctr, &ssl_.out_hdr, &ssl_.out_len, &ssl_.out_iv, &ssl_.out_msg})
        move(*pointer, old_out, pair.second);
    ssl_.in_buf = pair.first;
    ssl_.out_buf = pair.second;
    std::memcpy(ssl_.in_ctr, counter_, sizeof counter_);
}

// Between records the two buffers of 17 KiB each hold nothing but a counter. An idle connection lends
// them to the others.
void Tls::rest() {
    if (resting_ || !between_records() || ssl_.out_left != 0) return;
    resting_ = true;
    std::memcpy(counter_, ssl_.in_ctr, sizeof counter_);
    if (room_.spare.size() < TlsRoom::spare_pairs) {
        room_.spare.emplace_back(ssl_.in_buf, ssl_.out_buf);
    } else {
        mbedtls_free(ssl_.in_buf);
        mbedtls_free(ssl_.out_buf);
    }
}

#endif

}  // namespace becaused
