#include "net/tls_peer.hh"

#include <mbedtls/oid.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "net/address.hh"
#include "net/tls.hh"

namespace becaused {

namespace {

std::string text_of(const mbedtls_asn1_buf& buffer) {
    return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}

// GeneralName's choices (RFC 5280 §4.2.1.6).
std::string name_of(const mbedtls_asn1_buf& name) {
    switch (name.tag & 31) {
        case 1: return "email:" + text_of(name);
        case 2: return "dns:" + text_of(name);
        case 6: return "uri:" + text_of(name);
        case 7: break;
        default: return {};
    }
    Endpoint address;
    address.kind = name.len == 4    ? Endpoint::Kind::ip4
                   : name.len == 16 ? Endpoint::Kind::ip6
                                    : Endpoint::Kind::none;
    if (address.kind == Endpoint::Kind::none) return {};
    std::copy_n(name.p, name.len, address.address.begin());
    std::string text = "ip:";
    append_address(text, address);
    return text;
}

std::string type_of(const mbedtls_asn1_buf& oid) {
    const char* name = nullptr;
    return mbedtls_oid_get_attr_short_name(&oid, &name) == 0 ? name : "";
}

int64_t milliseconds(const mbedtls_x509_time& time) {
    std::tm parts{};
    parts.tm_year = time.year - 1900;
    parts.tm_mon = time.mon - 1;
    parts.tm_mday = time.day;
    parts.tm_hour = time.hour;
    parts.tm_min = time.min;
    parts.tm_sec = time.sec;
    return static_cast<int64_t>(::timegm(&parts)) * 1000;
}

std::string fingerprint_of(const mbedtls_x509_crt& certificate) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
    crypto_hash_sha256(hash.data(), certificate.raw.p, certificate.raw.len);
    std::array<char, 2 * crypto_hash_sha256_BYTES + 1> hex;
    return sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
}

const mbedtls_x509_crt* certificate_of(const Conn& conn) {
    return conn.tls() == nullptr ? nullptr : conn.tls()->peer_certificate();
}

}  // namespace

bool shows_certificate(const Conn& conn) { return certificate_of(conn) != nullptr; }

std::optional<PeerCertificate> peer_certificate(const Conn& conn) {
    const mbedtls_x509_crt* certificate = certificate_of(conn);
    if (certificate == nullptr) return std::nullopt;
    PeerCertificate peer;
    for (const mbedtls_x509_name* part = &certificate->subject; part != nullptr; part = part->next)
        if (part->oid.len > 0) peer.subject.emplace_back(type_of(part->oid), text_of(part->val));
    for (const auto* san = &certificate->subject_alt_names; san != nullptr; san = san->next)
        if (std::string name = name_of(san->buf); !name.empty())
            peer.names.push_back(std::move(name));
    peer.fingerprint = fingerprint_of(*certificate);
    peer.expires_ms = milliseconds(certificate->valid_to);
    return peer;
}

}  // namespace becaused
