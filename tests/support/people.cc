#include "support/people.hh"

#include <map>

#include "base/status.hh"
#include "gate/keys.hh"
#include "gate/paseto.hh"
#include "gate/password.hh"
#include "gate/static_tokens.hh"
#include "support/hex.hh"
#include "support/paseto_vectors.hh"

namespace becaused::test {

namespace {

const SecretKey& issuer() {
    static const SecretKey key =
        *SecretKey::from_bytes(test_support::from_hex(test_support::vector_secret_key));
    return key;
}

std::string footer_of(const SecretKey& key) {
    return R"({"kid":")" + key.public_key().id() + R"("})";
}

std::string entry(std::string_view kind, std::string_view name, std::string_view hash,
                  std::string_view more) {
    std::string text = "[[";
    text.append(kind).append("]]\nname = \"").append(name).append("\"\nhash = \"");
    return text.append(hash).append("\"\n").append(more);
}

}  // namespace

std::string token_entry(std::string_view name, std::string_view token, std::string_view more) {
    return entry("token", name, HashKey::parse(hash_key_text)->hash_text(token), more);
}

std::string password_entry(std::string_view name, std::string_view password,
                           std::string_view more) {
    ready_crypto();
    return entry("password", name, hash_password(password, 8, 1)->text(), more);
}

std::string key_entry(std::string_view more) {
    return "[[key]]\npublic = \"" + issuer().public_key().paserk() + "\"\n" + std::string(more);
}

std::string signed_token(std::string_view claims) {
    return sign_paseto(issuer(), claims, footer_of(issuer()), "");
}

std::string strangers_token(std::string_view claims) {
    const SecretKey key = SecretKey::generate();
    return sign_paseto(key, claims, footer_of(key), "");
}

std::string forged_token(std::string_view claims) {
    return sign_paseto(SecretKey::generate(), claims, footer_of(issuer()), "");
}

std::string basic(std::string_view user, std::string_view password) {
    std::string pair(user);
    pair.append(":").append(password);
    return "Basic " + base64(pair);
}

std::string bearer_line(std::string_view token) {
    return "Authorization: Bearer " + std::string(token) + "\r\n";
}

std::string basic_line(std::string_view user, std::string_view password) {
    return "Authorization: " + basic(user, password) + "\r\n";
}

}  // namespace becaused::test
