// TLS on one connection: a state between ciphertext and plaintext, both in memory. mbedTLS speaks the
// protocol; sockets, clocks and records are the Conn's. All connections of a loop share one TlsRoom for
// ciphertext on its way, and hold buffers of their own only while a record is incomplete.
#pragma once

#include <mbedtls/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/entry.hh"
#include "net/tls_context.hh"

namespace becaused {

// Ciphertext of the connection that is being served: what was read, and what is to be written.
struct TlsRoom {
    static constexpr size_t read_bytes = 256 * 1024;
    static constexpr size_t spare_pairs = 4;
    ~TlsRoom();
    std::unique_ptr<char[]> in = std::make_unique<char[]>(read_bytes);
    std::string out;
    // mbedTLS's record buffers, lent to whichever connection has a record in work.
    std::vector<std::pair<unsigned char*, unsigned char*>> spare;
};

class Tls {
  public:
    enum class Step : uint8_t {
        more,      // it needs more ciphertext
        secured,   // the handshake is done
        finished,  // the peer's close_notify, after its last byte
        failed,    // see error() and detail(); an alert may be in the room's `out`
    };
    // Most plaintext that may wait inside for the rest of its record.
    static constexpr size_t record_bytes = 16 * 1024;

    // Null when memory is short. Adds a reference to `context`.
    static std::unique_ptr<Tls> open(TlsContext& context, TlsRoom& room);
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;
    ~Tls();

    // One step of the handshake with `in`, from whose front it takes; a client begins with nothing.
    Step handshake(std::string_view& in);
    // Decrypts all of `in` into `plain`, which must have room for it and record_bytes more. `count`
    // bytes came out, whatever the step.
    Step read(std::string_view in, std::span<char> plain, size_t& count);
    // Encrypts into the room's `out`. False: failed, see error().
    bool write(std::string_view plain);
    // close_notify into the room's `out`, once.
    void finish();
    // Gives back the buffers if nothing is in them.
    void rest();

    bool secured() const { return secured_; }
    int error() const { return error_; }                     // mbedTLS's code, negative
    uint64_t sealed_bytes() const { return sealed_bytes_; }  // of ciphertext that it made
    bool own_fault() const;  // that code blames us: no memory, mbedTLS itself
    const char* detail() const { return detail_; }  // static text for people
    // What it says so far; its server_name is, of a client, whom it asked.
    const TlsFacts& facts() const { return facts_; }
    // Null where none was sent.
    const mbedtls_x509_crt* peer_certificate() const { return mbedtls_ssl_get_peer_cert(&ssl_); }

  private:
    Tls(TlsContext& context, TlsRoom& room);
    Step fail(int error);
    Step judge_peer();
    const unsigned char* alert_in_the_clear() const;
    bool refused_too_often(size_t before);
    void wake();

    static constexpr uint8_t most_refusals = 3;

    static int send_cb(void* tls, const unsigned char* bytes, size_t size) noexcept;
    static int receive_cb(void* tls, unsigned char* bytes, size_t size) noexcept;

    TlsContext& context_;
    TlsRoom& room_;
    mbedtls_ssl_context ssl_;
    std::string_view in_;  // what receive_cb hands out, during a call only
    TlsFacts facts_;
    const char* detail_ = "";
    uint64_t sealed_bytes_ = 0;
    int error_ = 0;
    uint8_t refusals_ = 0;
    bool secured_ = false;
    bool finished_ = false;          // our close_notify is out
    bool resting_ = false;           // its buffers are given back
    unsigned char counter_[8] = {};  // the incoming record counter, which lives in the buffer
};

// What an alert means, in its name of RFC 8446 §6; static.
const char* alert_name(int number);

}  // namespace becaused
