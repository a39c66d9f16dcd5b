#include "gate/password.hh"

#include <sodium.h>

#include <algorithm>
#include <charconv>

namespace becaused {

namespace {

constexpr std::string_view prefix = "$argon2id$v=19$m=";

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

bool take_number(std::string_view& text, uint32_t& number) {
    if (text.starts_with('0')) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

// The next field up to a "$" or the end, as bytes: base64 without padding.
template <size_t size>
bool take_bytes(std::string_view& text, std::array<char, size>& bytes) {
    const std::string_view field = text.substr(0, text.find('$'));
    size_t count = 0;
    if (sodium_base642bin(bytes_of(bytes.data()), size, field.data(), field.size(), nullptr, &count,
                          nullptr, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return false;
    text.remove_prefix(field.size());
    return count == size;
}

template <size_t size>
std::string base64(const std::array<char, size>& bytes) {
    constexpr int variant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    char text[sodium_base64_ENCODED_LEN(size, variant)];
    sodium_bin2base64(text, sizeof text, bytes_of(std::string_view(bytes.data(), size)), size,
                      variant);
    return text;
}

// False when the memory is not there.
bool derive(std::string_view password, const PasswordHash& with, std::array<char, 32>& out) {
    static_assert(sizeof with.salt == crypto_pwhash_argon2id_SALTBYTES);
    return crypto_pwhash_argon2id(bytes_of(out.data()), out.size(), password.data(),
                                  password.size(), bytes_of({with.salt.data(), with.salt.size()}),
                                  with.passes, size_t{with.memory_kib} * 1024,
                                  crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0;
}

}  // namespace

std::optional<PasswordHash> PasswordHash::parse(std::string_view text) {
    const std::string_view given = text;
    PasswordHash hash;
    const bool whole = take(text, prefix) && take_number(text, hash.memory_kib) &&
                       take(text, ",t=") && take_number(text, hash.passes) &&
                       // libsodium computes with one lane only.
                       take(text, ",p=1$") && take_bytes(text, hash.salt) && take(text, "$") &&
                       take_bytes(text, hash.hash) && text.empty();
    if (!whole || hash.memory_kib < 8 || hash.memory_kib > most_kib || hash.passes > most_passes)
        return std::nullopt;
    // libsodium's base64 takes some bytes above 0x7F for letters.
    if (hash.text() != given) return std::nullopt;
    return hash;
}

std::string PasswordHash::text() const {
    return std::string(prefix) + std::to_string(memory_kib) + ",t=" + std::to_string(passes) +
           ",p=1$" + base64(salt) + '$' + base64(hash);
}

std::optional<PasswordHash> hash_password(std::string_view password, uint32_t memory_kib,
                                          uint32_t passes) {
    ready_crypto();
    PasswordHash hash;
    hash.memory_kib = memory_kib;
    hash.passes = passes;
    fill_random(hash.salt.data(), hash.salt.size());
    if (!derive(password, hash, hash.hash)) return std::nullopt;
    return hash;
}

void PasswordCheck::run() noexcept {
    std::array<char, 32> derived{};
    if (!derive(password_.view(), hash_, derived)) outcome_ = Outcome::failed;
    else if (same_bytes({derived.data(), derived.size()}, {hash_.hash.data(), hash_.hash.size()}))
        outcome_ = Outcome::matched;
    else outcome_ = Outcome::differs;
    sodium_memzero(derived.data(), derived.size());
    password_ = Secret();
}

}  // namespace becaused
