// Bytes that must not outlive their use, and the few tools that everything in the gate which touches
// secrets shares: constant-time compare, randomness, base64. A Secret owns its bytes, cannot be copied
// and wipes them when it dies. Nothing here prints, and nothing here says what was wrong with a text.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace becaused {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string_view bytes);
    // `size` zero bytes, to be written to.
    static Secret of_size(size_t size);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    std::string_view view() const { return {bytes_.get(), size_}; }
    char* data() { return bytes_.get(); }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Forgets what stands after `size` bytes; `size` is at most size().
    void shorten(size_t size);

  private:
    void wipe() noexcept;

    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t room_ = 0;  // what was allocated, and is wiped
};

// libsodium is ready to be used; again and again costs nothing. Without it the slow implementations
// run, and randomness is not safe.
void ready_crypto();

// For libsodium, which speaks in unsigned bytes.
inline const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }

// Takes the same time wherever they differ. That the sizes differ may be seen.
bool same_bytes(std::string_view a, std::string_view b);
void wipe(std::string& text) noexcept;
void fill_random(void* bytes, size_t count);

// RFC 4648 §5 without padding. Decoding takes the one canonical spelling of the bytes only: no padding,
// no white space, no stray bits at the end; otherwise a token would have several spellings.
std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);
// RFC 4648 §4 with padding (HTTP Basic), as strict.
std::string base64(std::string_view bytes);
std::optional<Secret> from_base64(std::string_view text);

}  // namespace becaused
