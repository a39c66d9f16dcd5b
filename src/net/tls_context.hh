// What the TLS connections of one kind share: certificates and keys, who is trusted, which versions and
// ciphers, tickets and the session cache. Made from files, never changed: a reload makes a new one, and
// the old one lives until the last connection that uses it is gone (a count, one thread).
#pragma once

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.hh"

namespace becaused {

// Files are PEM or DER. A server needs pairs; a client needs `server_name`.
struct TlsFiles {
    struct Pair {
        std::string certificate;  // with its chain
        std::string key;
    };
    enum class Peer : uint8_t {
        unasked,     // a client certificate is not asked for
        if_given,    // one that is sent must be valid
        demanded,    // dockerd's --tlsverify
        unverified,  // clients only: any server will do (dangerous, said by name in the settings)
    };
    std::vector<Pair> pairs;
    std::string authorities;  // who signs the peer's certificate
    Peer peer = Peer::unasked;
    std::string server_name;  // clients: the name or address the certificate must have
};

class TlsContext {
  public:
    enum class Role : uint8_t { server, client };

    // Reads and checks everything; the message names the file. The caller holds one reference.
    static Result<TlsContext*> open(Role role, const TlsFiles& files);

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    void retain() { ++references_; }
    void release() {
        if (--references_ == 0) delete this;
    }

    Role role() const { return role_; }
    TlsFiles::Peer peer() const { return peer_; }
    const std::string& server_name() const { return server_name_; }
    const mbedtls_ssl_config& config() const { return config_; }
    // Where the name that the client asks for goes (RFC 6066 §3), for the next step of a handshake.
    void note_name(std::string* name) { asked_ = name; }

  private:
    struct Pair {
        mbedtls_x509_crt chain;
        mbedtls_pk_context key;
        Pair();
        Pair(const Pair&) = delete;
        Pair& operator=(const Pair&) = delete;
        ~Pair();
    };

    explicit TlsContext(Role role);
    ~TlsContext();
    Status load(const TlsFiles& files);
    Status load_pair(const TlsFiles::Pair& files);
    Status load_authorities(const std::string& path);
    void offer();
    Status resume();
    // Gives the handshake the certificates that have this name; without any, all are candidates.
    void select(mbedtls_ssl_context& ssl, std::string_view name);
    static int name_cb(void* context, mbedtls_ssl_context* ssl, const unsigned char* name,
                       size_t size) noexcept;

    Role role_;
    TlsFiles::Peer peer_ = TlsFiles::Peer::unasked;
    std::string server_name_;
    std::string* asked_ = nullptr;
    uint32_t references_ = 1;
    std::vector<std::unique_ptr<Pair>> pairs_;
    mbedtls_x509_crt authorities_;
    mbedtls_ssl_config config_;
    mbedtls_ssl_ticket_context tickets_;
    mbedtls_ssl_cache_context cache_;
};

// Is this the certificate of this host name (RFC 6125 §6.4: SANs, or the common name where there are
// none) or of this address (RFC 5280 §4.2.1.6)?
bool certificate_names(const mbedtls_x509_crt& certificate, std::string_view name);
bool certificate_has_address(const mbedtls_x509_crt& certificate, std::string_view address);

// mbedTLS's random numbers come from libsodium: the kernel's, safe over forks and snapshots.
int tls_random(void* context, unsigned char* out, size_t size) noexcept;

}  // namespace becaused
