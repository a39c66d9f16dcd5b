// One end of a TLS connection in the test's hands, spoken by OpenSSL over memory; the socket under it is
// a Peer of the rig, so that a test decides which ciphertext is sent, and when.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "support/certificates.hh"
#include "support/rig.hh"

namespace becaused::test {

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SslDeleter>;

// How this end speaks. Empty and null: OpenSSL's own way.
struct TlsWays {
    bool server = false;
    std::string server_name;  // clients: SNI
    std::string alpn;         // clients: "h2,http/1.1"
    std::string ciphers;      // for TLS 1.2, OpenSSL's names
    std::string groups;       // "X25519"
    int min_version = 0;
    int max_version = 0;
    const Pem* certificate = nullptr;
    std::string authority;  // file: who signs the other end's certificate, which must be good then
    bool demand = false;    // servers: a client certificate must come
    SSL_SESSION* session = nullptr;  // clients: to be resumed
    bool tickets = true;
};

class TlsPeer {
  public:
    TlsPeer(Peer socket, const TlsWays& ways);
    TlsPeer(const TlsPeer&) = delete;
    TlsPeer& operator=(const TlsPeer&) = delete;

    // Shakes hands until it is done, has failed or the other end says nothing more. True: done.
    bool shake(Rig& rig);
    // One step of the handshake; what is to be sent stays in `outgoing`.
    bool step();
    // Encrypts and sends, or gives the ciphertext without sending it.
    void send(std::string_view plain);
    std::string seal(std::string_view plain);
    // close_notify, without a FIN.
    void notify();
    std::string sealed_notify();
    // Takes what the socket has, and decrypts it.
    void read();
    // As much of `outgoing` as the socket takes.
    void flush();

    Peer socket;
    std::string outgoing;    // ciphertext that is not sent yet
    std::string received;    // plaintext
    bool notified = false;   // the other end's close_notify came
    bool failed = false;     // OpenSSL gave up
    std::string alert;       // the last that came: "fatal handshake failure"
    std::string last_error;  // OpenSSL's words

    bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    std::string version() const { return SSL_get_version(ssl_.get()); }
    std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
    std::string group() const;
    std::string alpn() const;
    std::string peer_name() const;   // the common name of the other end's certificate
    std::string asked_name() const;  // servers: the SNI that came
    SessionPtr session() const { return SessionPtr(SSL_get1_session(ssl_.get())); }
    SSL* ssl() { return ssl_.get(); }

  private:
    static void info_cb(const SSL* ssl, int where, int value);
    void note_error(int result);
    void take_outgoing();
    void feed();

    std::unique_ptr<SSL_CTX, SslDeleter> context_;
    std::unique_ptr<SSL, SslDeleter> ssl_;
    BIO* in_ = nullptr;   // the SSL's
    BIO* out_ = nullptr;  // the SSL's
};

}  // namespace becaused::test
