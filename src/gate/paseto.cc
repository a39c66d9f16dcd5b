#include "gate/paseto.hh"

#include <sodium.h>

#include <algorithm>
#include <cstdint>

namespace becaused {

namespace {

static_assert(sizeof(Paseto::signature) == crypto_sign_ed25519_BYTES);

// LE64 of the specification: its top bit is never set.
void append_le64(std::string& out, uint64_t number) {
    number &= INT64_MAX;
    for (int i = 0; i < 8; ++i, number >>= 8U) out += static_cast<char>(number & 0xFFU);
}

// Pre-Authentication Encoding of header, payload, footer and implicit assertion: each with its length,
// so that no byte can move from one to the next.
std::string signed_text(std::string_view payload, std::string_view footer,
                        std::string_view implicit) {
    const std::string_view pieces[] = {paseto_prefix, payload, footer, implicit};
    std::string text;
    text.reserve(8 * 5 + paseto_prefix.size() + payload.size() + footer.size() + implicit.size());
    append_le64(text, std::size(pieces));
    for (const std::string_view piece : pieces) {
        append_le64(text, piece.size());
        text += piece;
    }
    return text;
}

}  // namespace

std::optional<Paseto> split_paseto(std::string_view token) {
    if (token.size() > token_limit_bytes || !token.starts_with(paseto_prefix)) return std::nullopt;
    token.remove_prefix(paseto_prefix.size());
    const size_t dot = token.find('.');
    std::optional<std::string> body = from_base64url(token.substr(0, dot));
    Paseto parts;
    if (!body || body->size() < parts.signature.size()) return std::nullopt;
    if (dot != std::string_view::npos) {
        std::optional<std::string> footer = from_base64url(token.substr(dot + 1));
        // An empty footer is written without its dot: one spelling only.
        if (!footer || footer->empty()) return std::nullopt;
        parts.footer = std::move(*footer);
    }
    const size_t payload = body->size() - parts.signature.size();
    std::copy_n(body->data() + payload, parts.signature.size(), parts.signature.begin());
    body->resize(payload);
    parts.payload = std::move(*body);
    return parts;
}

bool verify_signature(const Paseto& token, const PublicKey& key, std::string_view implicit) {
    const std::string text = signed_text(token.payload, token.footer, implicit);
    const std::string_view signature(token.signature.data(), token.signature.size());
    return crypto_sign_ed25519_verify_detached(bytes_of(signature),
                                               bytes_of(std::string_view(text)), text.size(),
                                               bytes_of(key.bytes())) == 0;
}

std::string sign_paseto(const SecretKey& key, std::string_view payload, std::string_view footer,
                        std::string_view implicit) {
    const std::string text = signed_text(payload, footer, implicit);
    std::array<char, crypto_sign_ed25519_BYTES> signature{};
    crypto_sign_ed25519_detached(bytes_of(signature.data()), nullptr,
                                 bytes_of(std::string_view(text)), text.size(),
                                 bytes_of(key.bytes()));
    std::string body(payload);
    body.append(signature.data(), signature.size());
    std::string token = std::string(paseto_prefix) + base64url(body);
    if (!footer.empty()) token += '.' + base64url(footer);
    return token;
}

}  // namespace becaused
