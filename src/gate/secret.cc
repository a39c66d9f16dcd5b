#include "gate/secret.hh"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hh"

namespace becaused {

namespace {

// libsodium 1.0.18 reads some bytes above 0x7F ("-" and "_" with their top bit set, "+" and "/" too)
// as if they were of its alphabet.
bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string encoded(std::string_view bytes, int variant) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes_of(bytes), bytes.size(), variant);
    text.pop_back();  // the terminating zero
    return text;
}

}  // namespace

Secret::Secret(std::string_view bytes) : Secret(of_size(bytes.size())) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

Secret Secret::of_size(size_t size) {
    Secret secret;
    secret.bytes_ = std::make_unique<char[]>(size + 1);  // never a null pointer for libsodium
    secret.size_ = secret.room_ = size;
    return secret;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      size_(std::exchange(other.size_, 0)),
      room_(std::exchange(other.room_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    room_ = std::exchange(other.room_, 0);
    return *this;
}

void Secret::shorten(size_t size) {
    CHECK(size <= size_);
    if (bytes_ != nullptr) sodium_memzero(bytes_.get() + size, size_ - size);
    size_ = size;
}

void Secret::wipe() noexcept {
    if (bytes_ != nullptr) sodium_memzero(bytes_.get(), room_);
}

void ready_crypto() { CHECK(sodium_init() >= 0); }

bool same_bytes(std::string_view a, std::string_view b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& text) noexcept {
    if (!text.empty()) sodium_memzero(text.data(), text.size());
    text.clear();
}

void fill_random(void* bytes, size_t count) { randombytes_buf(bytes, count); }

std::string base64url(std::string_view bytes) {
    return encoded(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::string base64(std::string_view bytes) {
    return encoded(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<std::string> from_base64url(std::string_view text) {
    std::string bytes(text.size(), '\0');
    size_t size = 0;
    if (!is_ascii(text) ||
        sodium_base642bin(bytes_of(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                          &size, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return std::nullopt;
    bytes.resize(size);
    return bytes;
}

std::optional<Secret> from_base64(std::string_view text) {
    Secret bytes = Secret::of_size(text.size());
    size_t size = 0;
    if (!is_ascii(text) ||
        sodium_base642bin(bytes_of(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                          &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
        return std::nullopt;
    bytes.shorten(size);
    return bytes;
}

}  // namespace becaused
