#include "net/tls_words.hh"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509.h>

#include <algorithm>
#include <iterator>

namespace becaused {

namespace {

struct Alert {
    int number;
    const char* received;
};

#define BECAUSED_ALERT(number, name) \
    { number, "the other side's alert says " name }
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

}  // namespace

const char* alert_words(int number) {
    const auto* found = std::ranges::find(alerts, number, &Alert::number);
    return found == std::end(alerts) ? "the other side sent an unknown alert" : found->received;
}

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

unsigned char certificate_alert(uint32_t flags) {
    if (flags & MBEDTLS_X509_BADCERT_REVOKED) return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    return MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN;
}

const char* tls_error_words(int error) {
    switch (error) {
#if MBEDTLS_VERSION_MAJOR >= 3
        case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "no TLS version in common";
        case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL: return no_protocol_in_common;
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
        default: break;
    }
    const char* text = mbedtls_high_level_strerr(error);
    if (text == nullptr) text = mbedtls_low_level_strerr(error);
    return text == nullptr ? "mbedTLS gives no name for the error" : text;
}

}  // namespace becaused
