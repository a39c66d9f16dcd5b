#include "net/tls_context.hh"

#include <arpa/inet.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>
#include <sodium.h>
#include <strings.h>

#include <array>
#include <cstring>

#include "net/tls_ciphers.hh"
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

namespace becaused {

namespace {

constexpr uint32_t ticket_lifetime_s = 3600;  // keys rotate; two are alive at any time
constexpr int cached_sessions = 256;

// Ephemeral keys and AEADs only. AES first where the CPU has it, else ChaCha20 alone (src/DECISIONS.md).
constexpr int suites_with_aes[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};
constexpr int suites_without_aes[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

// X25519 first: mbedTLS's default order makes OpenSSL's clients choose a slow curve.
#if MBEDTLS_VERSION_MAJOR >= 3
constexpr uint16_t curves[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                               MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                               MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, 0};
#else
constexpr mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                           MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
#endif

const char* protocols[] = {"http/1.1", nullptr};

std::string reason_of(int error) {
    char text[160];
    mbedtls_strerror(error, text, sizeof text);
    return text;
}

Status bad_file(std::string_view what, const std::string& path, int error) {
    return Status::failed(std::string(what) + ": " + path + ": " + reason_of(error));
}

bool same_letters(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// `pattern` may begin with "*.", which stands for exactly one label.
bool name_matches(std::string_view pattern, std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    if (!pattern.starts_with("*.")) return same_letters(pattern, name);
    const size_t dot = name.find('.');
    return dot != std::string_view::npos && dot > 0 &&
           same_letters(pattern.substr(1), name.substr(dot));
}

std::string_view view(const mbedtls_asn1_buf& buffer) {
    return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}

}  // namespace

int tls_random(void*, unsigned char* out, size_t size) noexcept {
    randombytes_buf(out, size);
    return 0;
}

bool certificate_names(const mbedtls_x509_crt& certificate, std::string_view name) {
    bool any = false;
    for (const auto* san = &certificate.subject_alt_names; san != nullptr; san = san->next) {
        if (san->buf.tag != (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2)) continue;  // dNSName
        any = true;
        if (name_matches(view(san->buf), name)) return true;
    }
    if (any) return false;
    for (const mbedtls_x509_name* part = &certificate.subject; part != nullptr; part = part->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0 &&
            name_matches(view(part->val), name))
            return true;
    return false;
}

bool certificate_has_address(const mbedtls_x509_crt& certificate, std::string_view address) {
    const std::string text(address);
    unsigned char bytes[sizeof(in6_addr)];
    const size_t size = ::inet_pton(AF_INET, text.c_str(), bytes) == 1    ? sizeof(in_addr)
                        : ::inet_pton(AF_INET6, text.c_str(), bytes) == 1 ? sizeof(in6_addr)
                                                                          : 0;
    for (const auto* san = &certificate.subject_alt_names; san != nullptr; san = san->next)
        if (san->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) && san->buf.len == size &&
            size > 0 && std::memcmp(san->buf.p, bytes, size) == 0)
            return true;
    return false;
}

TlsContext::Pair::Pair() {
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
}

TlsContext::Pair::~Pair() {
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&chain);
}

TlsContext::TlsContext(Role role) : role_(role) {
    mbedtls_x509_crt_init(&authorities_);
    mbedtls_ssl_config_init(&config_);
    mbedtls_ssl_ticket_init(&tickets_);
    mbedtls_ssl_cache_init(&cache_);
}

TlsContext::~TlsContext() {
    mbedtls_ssl_config_free(&config_);
    mbedtls_ssl_cache_free(&cache_);
    mbedtls_ssl_ticket_free(&tickets_);
    mbedtls_x509_crt_free(&authorities_);
}

Result<TlsContext*> TlsContext::open(Role role, const TlsFiles& files) {
    static const Status ciphers = check_tls_ciphers();
    if (!ciphers.ok()) return ciphers;
    auto* context = new TlsContext(role);
    const Status status = context->load(files);
    if (status.ok()) return context;
    context->release();
    return status;
}

Status TlsContext::load(const TlsFiles& files) {
#if MBEDTLS_VERSION_MAJOR >= 3
    if (psa_crypto_init() != PSA_SUCCESS) return Status::failed("tls: PSA crypto cannot start");
#endif
    peer_ = files.peer;
    server_name_ = files.server_name;
    const int endpoint = role_ == Role::server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    const int error = mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                  MBEDTLS_SSL_PRESET_DEFAULT);
    if (error != 0) return Status::failed("tls: " + reason_of(error));
    for (const TlsFiles::Pair& pair : files.pairs)
        if (Status status = load_pair(pair); !status.ok()) return status;
    if (!files.authorities.empty())
        if (Status status = load_authorities(files.authorities); !status.ok()) return status;
    offer();
    return resume();
}

Status TlsContext::load_pair(const TlsFiles::Pair& files) {
    auto pair = std::make_unique<Pair>();
    int error = mbedtls_x509_crt_parse_file(&pair->chain, files.certificate.c_str());
    if (error != 0) return bad_file("tlscert", files.certificate, error);
#if MBEDTLS_VERSION_MAJOR >= 3
    error = mbedtls_pk_parse_keyfile(&pair->key, files.key.c_str(), nullptr, tls_random, nullptr);
    if (error == 0) error = mbedtls_pk_check_pair(&pair->chain.pk, &pair->key, tls_random, nullptr);
#else
    error = mbedtls_pk_parse_keyfile(&pair->key, files.key.c_str(), nullptr);
    if (error == 0) error = mbedtls_pk_check_pair(&pair->chain.pk, &pair->key);
#endif
    if (error != 0) return bad_file("tlskey", files.key, error);
    error = mbedtls_ssl_conf_own_cert(&config_, &pair->chain, &pair->key);
    if (error != 0) return bad_file("tlscert", files.certificate, error);
    pairs_.push_back(std::move(pair));
    return Status::fine();
}

Status TlsContext::load_authorities(const std::string& path) {
    const int error = mbedtls_x509_crt_parse_file(&authorities_, path.c_str());
    if (error > 0)
        return Status::failed("tlscacert: " + path + ": " + std::to_string(error) +
                              " of its certificates cannot be read");
    if (error != 0) return bad_file("tlscacert", path, error);
    mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
    return Status::fine();
}

void TlsContext::offer() {
    mbedtls_ssl_conf_rng(&config_, tls_random, nullptr);
    mbedtls_ssl_conf_ciphersuites(&config_, fast_aes() ? suites_with_aes : suites_without_aes);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(&config_, curves);
#else
    mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(&config_, curves);
#endif
    mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    if (role_ == Role::server) mbedtls_ssl_conf_sni(&config_, name_cb, this);
    ignored(mbedtls_ssl_conf_alpn_protocols(&config_, protocols), "fails for empty names only");
    const bool server = role_ == Role::server;
    int mode = server ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED;
    switch (peer_) {
        case TlsFiles::Peer::unasked: break;
        case TlsFiles::Peer::if_given: mode = MBEDTLS_SSL_VERIFY_OPTIONAL; break;
        case TlsFiles::Peer::demanded: mode = MBEDTLS_SSL_VERIFY_REQUIRED; break;
        case TlsFiles::Peer::unverified: mode = MBEDTLS_SSL_VERIFY_NONE; break;
    }
    mbedtls_ssl_conf_authmode(&config_, mode);
}

// Tickets (RFC 5077) with keys that rotate, and a bounded cache for clients that have none.
Status TlsContext::resume() {
    if (role_ == Role::client) return Status::fine();
    const int error = mbedtls_ssl_ticket_setup(&tickets_, tls_random, nullptr,
                                               MBEDTLS_CIPHER_AES_256_GCM, ticket_lifetime_s);
    if (error != 0) return Status::failed("tls: tickets: " + reason_of(error));
    mbedtls_ssl_conf_session_tickets_cb(&config_, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &tickets_);
    mbedtls_ssl_cache_set_max_entries(&cache_, cached_sessions);
    mbedtls_ssl_cache_set_timeout(&cache_, static_cast<int>(ticket_lifetime_s));
    mbedtls_ssl_conf_session_cache(&config_, &cache_, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
#if MBEDTLS_VERSION_MAJOR >= 3
    // mbedTLS's tickets for TLS 1.3 do not carry the client's certificate: who resumed would be nobody.
    if (peer_ != TlsFiles::Peer::unasked) mbedtls_ssl_conf_new_session_tickets(&config_, 0);
#endif
    return Status::fine();
}

int TlsContext::name_cb(void* context, mbedtls_ssl_context* ssl, const unsigned char* name,
                        size_t size) noexcept {
    static_cast<TlsContext*>(context)->select(*ssl, {reinterpret_cast<const char*>(name), size});
    return 0;
}

void TlsContext::select(mbedtls_ssl_context& ssl, std::string_view name) {
    if (asked_ != nullptr) *asked_ = name.substr(0, 253);
    for (const auto& pair : pairs_)
        if (certificate_names(pair->chain, name))
            ignored(mbedtls_ssl_set_hs_own_cert(&ssl, &pair->chain, &pair->key),
                    "short of memory: the default certificate is offered, or the handshake fails");
}

}  // namespace becaused
