#include "gate/keys.hh"

#include <sodium.h>

#include <algorithm>

namespace becaused {

namespace {

constexpr std::string_view public_prefix = "k4.public.";
constexpr std::string_view secret_prefix = "k4.secret.";
constexpr std::string_view id_prefix = "k4.pid.";
constexpr size_t id_bytes = 33;  // BLAKE2b-264: 44 letters without padding

static_assert(PublicKey::size == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(SecretKey::size == crypto_sign_ed25519_SECRETKEYBYTES);

}  // namespace

std::optional<PublicKey> PublicKey::from_bytes(std::string_view bytes) {
    if (bytes.size() != size) return std::nullopt;
    PublicKey key;
    std::ranges::copy(bytes, key.bytes_.begin());
    return key;
}

std::optional<PublicKey> PublicKey::parse(std::string_view paserk) {
    if (!paserk.starts_with(public_prefix)) return std::nullopt;
    const std::optional<std::string> bytes = from_base64url(paserk.substr(public_prefix.size()));
    return bytes ? from_bytes(*bytes) : std::nullopt;
}

std::string PublicKey::paserk() const { return std::string(public_prefix) + base64url(bytes()); }

std::string PublicKey::id() const {
    const std::string hashed = std::string(id_prefix) + paserk();
    std::array<char, id_bytes> hash{};
    crypto_generichash(bytes_of(hash.data()), hash.size(), bytes_of(std::string_view(hashed)),
                       hashed.size(), nullptr, 0);
    return std::string(id_prefix) + base64url({hash.data(), hash.size()});
}

bool PublicKey::usable() const {
    return crypto_core_ed25519_is_valid_point(bytes_of(bytes())) == 1;
}

SecretKey SecretKey::generate() {
    SecretKey key;
    key.bytes_ = Secret::of_size(size);
    std::array<unsigned char, PublicKey::size> unused{};
    crypto_sign_ed25519_keypair(unused.data(), bytes_of(key.bytes_.data()));
    return key;
}

std::optional<SecretKey> SecretKey::from_bytes(std::string_view bytes) {
    if (bytes.size() != size) return std::nullopt;
    Secret again = Secret::of_size(size);
    std::array<unsigned char, PublicKey::size> unused{};
    // The seed is the first half.
    crypto_sign_ed25519_seed_keypair(unused.data(), bytes_of(again.data()), bytes_of(bytes));
    if (!same_bytes(again.view(), bytes)) return std::nullopt;
    SecretKey key;
    key.bytes_ = std::move(again);
    return key;
}

std::optional<SecretKey> SecretKey::parse(std::string_view paserk) {
    if (!paserk.starts_with(secret_prefix)) return std::nullopt;
    std::optional<std::string> bytes = from_base64url(paserk.substr(secret_prefix.size()));
    if (!bytes) return std::nullopt;
    std::optional<SecretKey> key = from_bytes(*bytes);
    wipe(*bytes);
    return key;
}

Secret SecretKey::paserk() const {
    std::string text = base64url(bytes());
    text.insert(0, secret_prefix);
    Secret paserk(text);
    wipe(text);
    return paserk;
}

PublicKey SecretKey::public_key() const {
    return *PublicKey::from_bytes(bytes().substr(size - PublicKey::size));
}

const char* KeyRing::add(const PublicKey& key, std::string alias, int64_t until_ms) {
    if (keys_.size() == limit) return "there are too many keys";
    if (!key.usable()) return "it is no Ed25519 public key";
    std::string id = key.id();
    if (find(id) != nullptr) return "the key is there twice";
    if (!alias.empty() && find(alias) != nullptr) return "another key has the same id";
    keys_.push_back({key, std::move(id), std::move(alias), until_ms});
    return nullptr;
}

const RingKey* KeyRing::find(std::string_view kid) const {
    if (kid.empty()) return nullptr;
    const auto found = std::ranges::find_if(
        keys_, [&](const RingKey& key) { return key.id == kid || key.alias == kid; });
    return found == keys_.end() ? nullptr : &*found;
}

}  // namespace becaused
