// Who is asking, once it is proven: a name and what it was granted. An Identity is never changed after
// it was made; exchanges, the cache and the tables share it through IdentityRefs (a plain count: one
// thread). It never holds token text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gate/datetime.hh"

namespace becaused {

// How it was proven.
enum class Proof : uint8_t {
    none,          // nobody asked for one: the settings let strangers in
    token,         // a signed token
    static_token,  // one of the tokens whose hashes we hold
    password,
    certificate,
    service,  // an authorisation service said so
};
std::string_view name(Proof proof);

struct Identity {
    std::string name;  // of at most name_limit_bytes; for records and limits
    Proof proof = Proof::none;
    std::string profile;             // which requests may pass; empty: as the settings say
    std::string rate;                // its class for rate limits; empty: as the settings say
    std::vector<std::string> hosts;  // patterns of the Host it is good for; empty: any
    std::string token_id;            // jti, when a token had one
    int64_t expires_ms = never_ms;   // wall time
    std::string fields;  // whole lines that the authorisation service puts into its requests
};

inline constexpr size_t name_limit_bytes = 256;

// Names in records: UTF-8 is not asked for, control bytes are refused.
bool is_identity_name(std::string_view text);
// A profile's or a rate class's name: 1 to 64 letters, digits or -._~ and other token bytes.
bool is_grant_name(std::string_view text);

// "build.example", "*.build.example" (one label in place of the *), "*"; with ":2376", that port only.
bool is_host_pattern(std::string_view pattern);
// `authority`: as in Host, with or without a port.
bool host_matches(std::string_view pattern, std::string_view authority);
bool good_for_host(const Identity& identity, std::string_view authority);

class IdentityRef {
  public:
    IdentityRef() = default;
    explicit IdentityRef(Identity identity) : held_(new Held{std::move(identity), 1}) {}
    IdentityRef(const IdentityRef& other) : held_(other.held_) {
        if (held_ != nullptr) ++held_->references;
    }
    IdentityRef(IdentityRef&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    IdentityRef& operator=(IdentityRef other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~IdentityRef() {
        if (held_ != nullptr && --held_->references == 0) delete held_;
    }

    explicit operator bool() const { return held_ != nullptr; }
    const Identity& operator*() const { return held_->identity; }
    const Identity* operator->() const { return &held_->identity; }

  private:
    struct Held {
        const Identity identity;
        uint32_t references;
    };
    Held* held_ = nullptr;
};

}  // namespace becaused
