#include "net/tls.hh"

#include <arpa/inet.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/version.h>

#include <algorithm>

#include "base/check.hh"
#include "net/tls_words.hh"

namespace becaused {

namespace {

// A certificate was read and is refused.
bool is_verdict(int error) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE;
#else
    return error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ||
           error == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE;
#endif
}

bool is_address(const std::string& host) {
    unsigned char bytes[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// A browser or a docker client without TLS can show this; it can show no alert.
constexpr std::string_view plain_http_answer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 121\r\n"
    "Connection: close\r\n\r\n"
    "{\"message\":\"becaused: this port speaks TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, "
    "or use https instead of http\"}\n";

bool looks_like_http(std::string_view in) { return in.front() >= 'A' && in.front() <= 'Z'; }

}  // namespace

TlsRoom::~TlsRoom() {
    for (const auto& pair : spare) {
        mbedtls_free(pair.first);
        mbedtls_free(pair.second);
    }
}

void Ciphertext::grow(size_t size) {
    const size_t capacity = std::max(2 * capacity_, size_ + size);
    // Not make_unique, which would clear it.
    std::unique_ptr<char[]> larger(new char[capacity]);
    view().copy(larger.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
}

std::unique_ptr<Tls> Tls::open(TlsContext& context, TlsRoom& room) {
    std::unique_ptr<Tls> tls(new Tls(context, room));
    if (mbedtls_ssl_setup(&tls->ssl_, &context.config()) != 0) return nullptr;
    mbedtls_ssl_set_bio(&tls->ssl_, tls.get(), send_cb, receive_cb, nullptr);
    if (context.role() == TlsContext::Role::client) {
        // 2.28 cannot check addresses: those are ours to check, in judge_peer().
        const bool address = is_address(context.server_name());
        tls->facts_.server_name = context.server_name();
        const char* name = address ? nullptr : context.server_name().c_str();
        if (mbedtls_ssl_set_hostname(&tls->ssl_, name) != 0) return nullptr;
    }
    return tls;
}

Tls::Tls(TlsContext& context, TlsRoom& room) : context_(context), room_(room) {
    context_.retain();
    mbedtls_ssl_init(&ssl_);
}

Tls::~Tls() {
    if (resting_) ssl_.in_buf = ssl_.out_buf = nullptr;
    mbedtls_ssl_free(&ssl_);
    context_.release();
}

int Tls::send_cb(void* tls, const unsigned char* bytes, size_t size) noexcept {
    static_cast<Tls*>(tls)->room_.out.append({reinterpret_cast<const char*>(bytes), size});
    return static_cast<int>(size);
}

int Tls::receive_cb(void* tls, unsigned char* bytes, size_t size) noexcept {
    std::string_view& in = static_cast<Tls*>(tls)->in_;
    if (in.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    const size_t count = in.copy(reinterpret_cast<char*>(bytes), size);
    in.remove_prefix(count);
    return static_cast<int>(count);
}

Tls::Step Tls::handshake(std::string_view& in) {
    if (context_.role() == TlsContext::Role::server && ssl_.state == MBEDTLS_SSL_HELLO_REQUEST &&
        !in.empty() && looks_like_http(in)) {
        room_.out.append(plain_http_answer);
        error_ = MBEDTLS_ERR_SSL_INVALID_RECORD;
        detail_ = "it spoke plain HTTP to a port that speaks TLS";
        return Step::failed;
    }
    in_ = in;
    context_.note_name(&facts_.server_name);
    const int error = mbedtls_ssl_handshake(&ssl_);
    context_.note_name(nullptr);
    in = in_;
    in_ = {};
    if (error == MBEDTLS_ERR_SSL_WANT_READ) return Step::more;
    if (error != 0) return fail(error);
    return judge_peer();
}

Tls::Step Tls::judge_peer() {
    const uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    const mbedtls_x509_crt* certificate = peer_certificate();
    const bool wrong_address =
        context_.role() == TlsContext::Role::client &&
        context_.peer() != TlsFiles::Peer::unverified && is_address(context_.server_name()) &&
        (certificate == nullptr || !certificate_has_address(*certificate, context_.server_name()));
    const bool bad =
        context_.peer() == TlsFiles::Peer::if_given && certificate != nullptr && flags != 0;
    if (bad || wrong_address) {
        const uint32_t wrong = bad ? flags : MBEDTLS_X509_BADCERT_CN_MISMATCH;
        detail_ = certificate_fault(wrong);
        error_ = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
        ignored(mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                               certificate_alert(wrong)),
                "the connection ends either way");
        return Step::failed;
    }
    facts_.version = mbedtls_ssl_get_version(&ssl_);
    facts_.cipher = mbedtls_ssl_get_ciphersuite(&ssl_);
    secured_ = true;
    return Step::secured;
}

// In TLS 1.3 OpenSSL's clients say in the clear why they leave a handshake that is encrypted already: to
// mbedTLS a broken record. Null if what came last is no such alert. (RFC 8446 §5.1: type, version, length.)
const unsigned char* Tls::alert_in_the_clear() const {
    const unsigned char* record = ssl_.in_hdr;
    const bool is_alert = !secured_ && record != nullptr && record[0] == MBEDTLS_SSL_MSG_ALERT &&
                          record[1] == 3 && record[3] == 0 && record[4] == 2;
    return is_alert ? record + 5 : nullptr;
}

Tls::Step Tls::fail(int error) {
    error_ = error;
    const uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    const unsigned char* received =
        error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? ssl_.in_msg : alert_in_the_clear();
    if (received != nullptr) {
        detail_ = alert_words(received[1]);
    } else if (is_verdict(error) && flags != 0 && flags != UINT32_MAX) {
        detail_ = certificate_fault(flags);
    } else {
        // mbedTLS closes without a word here; the client deserves one (RFC 5246 §7.4.6).
        if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
            ignored(mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                   MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE),
                    "the connection ends either way");
        // 2.28 has no error of its own for it; the alert that it sent has.
        const bool no_protocol = ssl_.out_msg != nullptr &&
                                 ssl_.out_msgtype == MBEDTLS_SSL_MSG_ALERT &&
                                 ssl_.out_msg[1] == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL;
        detail_ = no_protocol ? no_protocol_in_common : tls_error_words(error);
    }
    return Step::failed;
}

bool Tls::own_fault() const {
    // A code is one of a library's part and, below it, one of a module's: error.h.
    const int high = -(-error_ & 0xFF80);
    const int low = -(-error_ & 0x7F);
    constexpr int ours[] = {MBEDTLS_ERR_SSL_ALLOC_FAILED,   MBEDTLS_ERR_SSL_INTERNAL_ERROR,
                            MBEDTLS_ERR_X509_ALLOC_FAILED,  MBEDTLS_ERR_PK_ALLOC_FAILED,
                            MBEDTLS_ERR_MD_ALLOC_FAILED,    MBEDTLS_ERR_ECP_ALLOC_FAILED,
                            MBEDTLS_ERR_CIPHER_ALLOC_FAILED};
    return std::ranges::find(ours, high) != std::end(ours) || low == MBEDTLS_ERR_MPI_ALLOC_FAILED;
}

Tls::Step Tls::read(std::string_view in, std::span<char> plain, size_t& count) {
    const size_t before = room_.out.size();
    in_ = in;
    count = 0;
    for (;;) {
        if (between_records()) open_records(plain, count);
        if (in_.empty() && resting_) return Step::more;
        wake();
        CHECK(count < plain.size());
        const int got = mbedtls_ssl_read(
            &ssl_, reinterpret_cast<unsigned char*>(plain.data() + count), plain.size() - count);
        // 0: two records in a row with nothing in them. (No end: what is read never ends here.)
        if (got >= 0) {
            count += static_cast<size_t>(got);
            continue;
        }
        if (got == MBEDTLS_ERR_SSL_WANT_READ) {
            if (!in_.empty()) continue;  // said of an alert that means nothing, too
            return refused_too_often(before) ? Step::failed : Step::more;
        }
#if MBEDTLS_VERSION_MAJOR >= 3
        if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) continue;
#endif
        in_ = {};
        if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return Step::finished;
        return fail(got);
    }
}

// What reading writes is an alert that refuses a renegotiation. One who asks on and on, and does not
// read, would make us queue them without end.
bool Tls::refused_too_often(size_t before) {
    if (room_.out.size() == before || ++refusals_ <= most_refusals) return false;
    error_ = MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
    detail_ = "it asks for a renegotiation over and over";
    return true;
}

bool Tls::write(std::string_view plain) {
    while (!plain.empty()) {
        if (small_left_ > 0) --small_left_;
        if (const std::string_view record = plain.substr(0, record_bytes); seal(record)) {
            plain.remove_prefix(record.size());
            continue;
        }
        wake();
        const int put = mbedtls_ssl_write(
            &ssl_, reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
        if (put <= 0) {
            ignored(static_cast<long>(fail(put)), "the caller acts on false");
            return false;
        }
        plain.remove_prefix(static_cast<size_t>(put));
    }
    return true;
}

void Tls::finish() {
    if (finished_ || !secured_) return;
    finished_ = true;
    wake();
    ignored(mbedtls_ssl_close_notify(&ssl_), "memory takes it; a broken state has no farewell");
}

}  // namespace becaused
