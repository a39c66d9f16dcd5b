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

// Bytes that are about to be written: a string that does not clear what it grows by.
class Ciphertext {
  public:
    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    std::string_view view() const { return {bytes_.get(), size_}; }
    void append(std::string_view bytes) {
        bytes.copy(room(bytes.size()), bytes.size());
        size_ += bytes.size();
    }
    // Where `size` bytes may be put, which count once they are added.
    char* room(size_t size) {
        if (capacity_ - size_ < size) grow(size);
        return bytes_.get() + size_;
    }
    void add(size_t size) { size_ += size; }
    void clear() { size_ = 0; }

  private:
    void grow(size_t size);

    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

// Ciphertext of the connection that is being served: what was read, and what is to be written.
struct TlsRoom {
    static constexpr size_t read_bytes = 256 * 1024;
    static constexpr size_t spare_pairs = 4;
    ~TlsRoom();
    std::unique_ptr<char[]> in = std::make_unique<char[]>(read_bytes);
    Ciphertext out;
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
    // Of a record that fits into a segment of 1400 bytes with its header, nonce and tag.
    static constexpr size_t small_record_bytes = 1400 - 29;
    static constexpr uint8_t small_records = 40;

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
    // Plaintext that the next record should have where there is more: small while the path to the peer is
    // new, so that it need not wait for a whole large one (src/DECISIONS.md).
    size_t next_record() const { return small_left_ > 0 ? small_record_bytes : record_bytes; }
    // The path is new again: nothing was sent for a while.
    void begin_small() { small_left_ = small_records; }
    // close_notify into the room's `out`, once.
    void finish();
    // Gives back the buffers if nothing is in them.
    void rest();

    bool secured() const { return secured_; }
    int error() const { return error_; }  // mbedTLS's code, negative
    // Ciphertext that was handed over to be written.
    void count_sealed(size_t bytes) { sealed_bytes_ += bytes; }
    uint64_t sealed_bytes() const { return sealed_bytes_; }
    bool own_fault() const;  // that code blames us: no memory, mbedTLS itself
    const char* detail() const { return detail_; }  // static text for people
    // What it says so far; its server_name is, of a client, whom it asked.
    const TlsFacts& facts() const { return facts_; }
    // Null where none was sent.
    const mbedtls_x509_crt* peer_certificate() const { return mbedtls_ssl_get_peer_cert(&ssl_); }

  private:
    Tls(TlsContext& context, TlsRoom& room);
    // Past mbedTLS's buffers: tls_record.cc.
    bool between_records() const;
    bool seal(std::string_view plain);
    void open_records(std::span<char> plain, size_t& count);
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
    uint8_t small_left_ = small_records;
    bool secured_ = false;
    bool finished_ = false;          // our close_notify is out
    bool resting_ = false;           // its buffers are given back
    unsigned char counter_[8] = {};  // the incoming record counter, which lives in the buffer
};

}  // namespace becaused
