#include "support/tls_peer.hh"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.hh"

namespace becaused::test {

namespace {

constexpr int most_steps = 64;

std::string wire_form(const std::string& names) {
    std::string wire;
    for (size_t from = 0; from <= names.size();) {
        const size_t end = std::min(names.find(',', from), names.size());
        wire += static_cast<char>(end - from);
        wire += names.substr(from, end - from);
        from = end + 1;
    }
    return wire;
}

int choose_http_1(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                  unsigned in_size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::unique_ptr<SSL_CTX, SslDeleter> new_context(const TlsWays& ways) {
    std::unique_ptr<SSL_CTX, SslDeleter> made(
        SSL_CTX_new(ways.server ? TLS_server_method() : TLS_client_method()));
    SSL_CTX* context = made.get();
    CHECK(context != nullptr);
    if (ways.min_version != 0) CHECK(SSL_CTX_set_min_proto_version(context, ways.min_version) == 1);
    if (ways.max_version != 0) CHECK(SSL_CTX_set_max_proto_version(context, ways.max_version) == 1);
    if (!ways.ciphers.empty()) CHECK(SSL_CTX_set_cipher_list(context, ways.ciphers.c_str()) == 1);
    if (!ways.groups.empty()) CHECK(SSL_CTX_set1_groups_list(context, ways.groups.c_str()) == 1);
    if (!ways.tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    if (ways.certificate != nullptr) {
        CHECK(SSL_CTX_use_certificate_chain_file(context, ways.certificate->certificate.c_str()) ==
              1);
        CHECK(SSL_CTX_use_PrivateKey_file(context, ways.certificate->key.c_str(),
                                          SSL_FILETYPE_PEM) == 1);
    }
    if (!ways.authority.empty()) {
        CHECK(SSL_CTX_load_verify_file(context, ways.authority.c_str()) == 1);
        SSL_CTX_set_verify(context,
                           SSL_VERIFY_PEER | (ways.demand ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           nullptr);
    }
    if (ways.server) SSL_CTX_set_alpn_select_cb(context, choose_http_1, nullptr);
    return made;
}

std::string name_of(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

TlsPeer::TlsPeer(Peer connected, const TlsWays& ways)
    : socket(std::move(connected)), context_(new_context(ways)), ssl_(SSL_new(context_.get())) {
    CHECK(ssl_ != nullptr);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    CHECK(in_ != nullptr && out_ != nullptr);
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_info_callback(ssl_.get(), info_cb);
    if (ways.server) {
        SSL_set_accept_state(ssl_.get());
        return;
    }
    SSL_set_connect_state(ssl_.get());
    if (!ways.server_name.empty())
        CHECK(SSL_set_tlsext_host_name(ssl_.get(), ways.server_name.c_str()) == 1);
    if (!ways.alpn.empty()) {
        const std::string wire = wire_form(ways.alpn);
        CHECK(SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                                  static_cast<unsigned>(wire.size())) == 0);
    }
    if (ways.session != nullptr) CHECK(SSL_set_session(ssl_.get(), ways.session) == 1);
}

void TlsPeer::info_cb(const SSL* ssl, int where, int value) {
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT) return;
    auto* peer = static_cast<TlsPeer*>(SSL_get_app_data(ssl));
    peer->alert =
        name_of(SSL_alert_type_string_long(value)) + " " + SSL_alert_desc_string_long(value);
    if ((value & 0xff) == SSL_AD_CLOSE_NOTIFY) peer->notified = true;
}

void TlsPeer::note_error(int result) {
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_ZERO_RETURN)
        return;
    failed = true;
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    last_error = text;
    ERR_clear_error();
}

void TlsPeer::take_outgoing() {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out_, &bytes);
    if (size > 0) outgoing.append(bytes, static_cast<size_t>(size));
    CHECK(BIO_reset(out_) == 1);
}

void TlsPeer::flush() {
    while (!outgoing.empty() && socket.open()) {
        const size_t sent = socket.send(outgoing);
        outgoing.erase(0, sent);
        if (sent == 0) return;
    }
}

void TlsPeer::feed() {
    socket.read();
    if (socket.received.empty()) return;
    CHECK(BIO_write(in_, socket.received.data(), static_cast<int>(socket.received.size())) ==
          static_cast<int>(socket.received.size()));
    socket.received.clear();
}

bool TlsPeer::step() {
    feed();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) note_error(result);
    take_outgoing();
    return result == 1;
}

bool TlsPeer::shake(Rig& rig) {
    for (int i = 0; i < most_steps; ++i) {
        const bool done = step();
        const bool more = !outgoing.empty();
        flush();
        rig.settle();
        if (done) return true;
        if (failed) return false;
        socket.read();
        if (!more && socket.received.empty()) return false;
    }
    return false;
}

std::string TlsPeer::seal(std::string_view plain) {
    const std::string before = std::exchange(outgoing, {});
    while (!plain.empty()) {
        const int size = static_cast<int>(std::min<size_t>(plain.size(), 1 << 20));
        const int done = SSL_write(ssl_.get(), plain.data(), size);
        if (done <= 0) {
            note_error(done);
            break;
        }
        plain.remove_prefix(static_cast<size_t>(done));
        take_outgoing();
    }
    return std::exchange(outgoing, before);
}

void TlsPeer::send(std::string_view plain) {
    outgoing += seal(plain);
    flush();
}

std::string TlsPeer::sealed_notify() {
    const std::string before = std::exchange(outgoing, {});
    const int result = SSL_shutdown(ssl_.get());
    if (result < 0) note_error(result);
    take_outgoing();
    return std::exchange(outgoing, before);
}

void TlsPeer::notify() {
    outgoing += sealed_notify();
    flush();
}

void TlsPeer::read() {
    feed();
    char plain[16384];
    while (!failed) {
        const int count = SSL_read(ssl_.get(), plain, sizeof plain);
        if (count <= 0) {
            note_error(count);
            break;
        }
        received.append(plain, static_cast<size_t>(count));
    }
    take_outgoing();
    flush();
}

std::string TlsPeer::group() const {
    return name_of(OBJ_nid2sn(static_cast<int>(SSL_get_negotiated_group(ssl_.get()))));
}

std::string TlsPeer::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string TlsPeer::peer_name() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return "";
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    return name;
}

std::string TlsPeer::asked_name() const {
    return name_of(SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name));
}

}  // namespace becaused::test
