#define MBEDTLS_ALLOW_PRIVATE_ACCESS  // an alert's number and the record buffers have no functions

#include "net/tls.hh"

#include <arpa/inet.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR < 3
#include <mbedtls/ssl_internal.h>
#endif

#include <algorithm>
#include <cstring>

#include "base/check.hh"

namespace becaused {

namespace {

struct Alert {
    int number;
    const char* name;
    const char* received;
};

#define BECAUSED_ALERT(number, name) \
    { number, name, "the other side's alert says " name }
// RFC 8446 §6, RFC 5246 §7.2.
constexpr Alert alerts[] = {
    BECAUSED_ALERT(0, "close_notify"),
    BECAUSED_ALERT(10, "unexpected_message"),
    BECAUSED_ALERT(20, "bad_record_mac"),
    BECAUSED_ALERT(22, "record_overflow"),
    BECAUSED_ALERT(40, "handshake_failure"),
    BECAUSED_ALERT(42, "bad_certificate"),
    BECAUSED_ALERT(43, "unsupported_certificate"),
    BECAUSED_ALERT(44, "certificate_revoked"),
    BECAUSED_ALERT(45, "certificate_expired"),
    BECAUSED_ALERT(46, "certificate_unknown"),
    BECAUSED_ALERT(47, "illegal_parameter"),
    BECAUSED_ALERT(48, "unknown_ca"),
    BECAUSED_ALERT(49, "access_denied"),
    BECAUSED_ALERT(50, "decode_error"),
    BECAUSED_ALERT(51, "decrypt_error"),
    BECAUSED_ALERT(70, "protocol_version"),
    BECAUSED_ALERT(71, "insufficient_security"),
    BECAUSED_ALERT(80, "internal_error"),
    BECAUSED_ALERT(86, "inappropriate_fallback"),
    BECAUSED_ALERT(90, "user_canceled"),
    BECAUSED_ALERT(100, "no_renegotiation"),
    BECAUSED_ALERT(109, "missing_extension"),
    BECAUSED_ALERT(110, "unsupported_extension"),
    BECAUSED_ALERT(112, "unrecognized_name"),
    BECAUSED_ALERT(113, "bad_certificate_status_response"),
    BECAUSED_ALERT(115, "unknown_psk_identity"),
    BECAUSED_ALERT(116, "certificate_required"),
    BECAUSED_ALERT(120, "no_application_protocol"),
};
#undef BECAUSED_ALERT

const Alert* find_alert(int number) {
    const auto* found = std::ranges::find(alerts, number, &Alert::number);
    return found == std::end(alerts) ? nullptr : found;
}

// What is wrong with the peer's certificate, the gravest first; static.
const char* certificate_fault(uint32_t flags) {
    if (flags & MBEDTLS_X509_BADCERT_MISSING) return "no certificate was sent";
    if (flags & MBEDTLS_X509_BADCERT_REVOKED) return "its certificate is revoked";
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) return "its certificate has expired";
    if (flags & MBEDTLS_X509_BADCERT_FUTURE) return "its certificate is not valid yet";
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) return "its certificate is for another name";
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return "its certificate is not for this use";
    if (flags &
        (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        return "its certificate uses weak cryptography";
    return "its certificate is not signed by a trusted authority";
}

// A certificate was read and is refused.
bool is_verdict(int error) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE;
#else
    return error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ||
           error == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE;
#endif
}

constexpr char no_protocol[] = "it does not offer http/1.1 (ALPN)";

// The alert that says so (RFC 8446 §6.2), as mbedTLS chooses it where it judges by itself.
unsigned char certificate_alert(uint32_t flags) {
    if (flags & MBEDTLS_X509_BADCERT_REVOKED) return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    return MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN;
}

// The failures that people meet, in their words; null for the others.
const char* plain_words(int error) {
    switch (error) {
#if MBEDTLS_VERSION_MAJOR >= 3
        case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "no TLS version in common";
        case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL: return no_protocol;
        case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return "no cipher or curve in common";
#else
        case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION: return "no TLS version in common";
        case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
        case MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE: return "no cipher or curve in common";
#endif
        case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return "no client certificate was sent";
        case MBEDTLS_ERR_SSL_INVALID_RECORD: return "what came is not TLS";
        case MBEDTLS_ERR_SSL_INVALID_MAC: return "a record was changed on its way";
        case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE: return "a message came out of turn";
        default: return nullptr;
    }
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

const char* alert_name(int number) {
    const Alert* alert = find_alert(number);
    return alert == nullptr ? "unknown" : alert->name;
}

TlsRoom::~TlsRoom() {
    for (const auto& pair : spare) {
        mbedtls_free(pair.first);
        mbedtls_free(pair.second);
    }
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
    auto& self = *static_cast<Tls*>(tls);
    self.room_.out.append(reinterpret_cast<const char*>(bytes), size);
    self.sealed_bytes_ += size;
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
        room_.out += plain_http_answer;
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
        const Alert* alert = find_alert(received[1]);
        detail_ = alert == nullptr ? "the other side sent an unknown alert" : alert->received;
    } else if (is_verdict(error) && flags != 0 && flags != UINT32_MAX) {
        detail_ = certificate_fault(flags);
    } else {
        // mbedTLS closes without a word here; the client deserves one (RFC 5246 §7.4.6).
        if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
            ignored(mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                   MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE),
                    "the connection ends either way");
        const char* text = plain_words(error);
        // 2.28 has no error of its own for it; the alert that it sent has.
        if (ssl_.out_msg != nullptr && ssl_.out_msgtype == MBEDTLS_SSL_MSG_ALERT &&
            ssl_.out_msg[1] == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL)
            text = no_protocol;
        if (text == nullptr) text = mbedtls_high_level_strerr(error);
        if (text == nullptr) text = mbedtls_low_level_strerr(error);
        detail_ = text == nullptr ? "mbedTLS gives no name for the error" : text;
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
    wake();
    const size_t before = room_.out.size();
    in_ = in;
    count = 0;
    for (;;) {
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
    wake();
    while (!plain.empty()) {
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

#if MBEDTLS_VERSION_MAJOR >= 3

// 3.x keeps the size of its buffers to itself.
void Tls::rest() {}
void Tls::wake() {}

#else

// Gives it record buffers again; what pointed into the old ones points to the same places there.
void Tls::wake() {
    if (!resting_) return;
    resting_ = false;
    std::pair<unsigned char*, unsigned char*> pair;
    if (room_.spare.empty()) {
        pair = {static_cast<unsigned char*>(mbedtls_calloc(1, MBEDTLS_SSL_IN_BUFFER_LEN)),
                static_cast<unsigned char*>(mbedtls_calloc(1, MBEDTLS_SSL_OUT_BUFFER_LEN))};
        CHECK(pair.first != nullptr && pair.second != nullptr);
    } else {
        pair = room_.spare.back();
        room_.spare.pop_back();
    }
    const auto move = [](unsigned char*& pointer, uintptr_t from, unsigned char* to) {
        pointer = to + (reinterpret_cast<uintptr_t>(pointer) - from);
    };
    const auto old_in = reinterpret_cast<uintptr_t>(ssl_.in_buf);
    const auto old_out = reinterpret_cast<uintptr_t>(ssl_.out_buf);
    for (unsigned char** pointer :
         {&ssl_.in_ctr, &ssl_.in_hdr, &ssl_.in_len, &ssl_.in_iv, &ssl_.in_msg})
        move(*pointer, old_in, pair.first);
    for (unsigned char** pointer :
         {&ssl_.out_ctr, &ssl_.out_hdr, &ssl_.out_len, &ssl_.out_iv, &ssl_.out_msg})
        move(*pointer, old_out, pair.second);
    ssl_.in_buf = pair.first;
    ssl_.out_buf = pair.second;
    std::memcpy(ssl_.in_ctr, counter_, sizeof counter_);
}

// Between records the two buffers of 17 KiB each hold nothing but a counter. An idle connection lends
// them to the others.
void Tls::rest() {
    const bool part_of_handshake = ssl_.in_hslen != 0 && ssl_.in_hslen < ssl_.in_msglen;
    if (resting_ || !secured_ || ssl_.handshake != nullptr || ssl_.in_left != 0 ||
        ssl_.in_offt != nullptr || ssl_.out_left != 0 || part_of_handshake)
        return;
    resting_ = true;
    std::memcpy(counter_, ssl_.in_ctr, sizeof counter_);
    if (room_.spare.size() < TlsRoom::spare_pairs) {
        room_.spare.emplace_back(ssl_.in_buf, ssl_.out_buf);
    } else {
        mbedtls_free(ssl_.in_buf);
        mbedtls_free(ssl_.out_buf);
    }
}

#endif

}  // namespace becaused
