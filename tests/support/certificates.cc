#include "support/certificates.hh"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/check.hh"

namespace becaused::test {

namespace {

template <auto Free>
struct Freed {
    template <typename T>
    void operator()(T* thing) const {
        Free(thing);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

File open_file(const std::string& path, const char* mode) {
    File file(std::fopen(path.c_str(), mode));
    CHECK(file != nullptr);
    return file;
}

Key new_key(bool rsa) {
    Key key(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    CHECK(key != nullptr);
    return key;
}

void add(X509* certificate, X509* signer, int kind, const std::string& value) {
    if (value.empty()) return;
    X509V3_CTX context;
    X509V3_set_ctx(&context, signer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    CHECK(extension != nullptr);
    CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

}  // namespace

Certificates::Certificates() {
    char path[] = "/tmp/becaused-certificates-XXXXXX";
    CHECK(::mkdtemp(path) != nullptr);
    directory_ = path;
}

Certificates::~Certificates() { std::filesystem::remove_all(directory_); }

Pem Certificates::authority(const std::string& file, const Pem* signer) {
    Wanted wanted;
    wanted.name = file;
    wanted.names = wanted.purpose = "";
    wanted.authority = true;
    return make(file, wanted, signer);
}

Pem Certificates::client(const std::string& file, const Pem& signer) {
    Wanted wanted;
    wanted.name = file;
    wanted.names = "";
    wanted.purpose = "clientAuth";
    return make(file, wanted, &signer);
}

Pem Certificates::make(const std::string& file, const Wanted& wanted, const Pem* signer) {
    const Pem pem{path(file + ".pem"), path(file + "-key.pem")};
    const Key key = new_key(wanted.rsa);
    const X509Ptr made(X509_new());
    X509* certificate = made.get();
    CHECK(X509_set_version(certificate, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial_++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wanted.from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wanted.until_s);
    CHECK(X509_set_pubkey(certificate, key.get()) == 1);
    const auto* name = reinterpret_cast<const unsigned char*>(wanted.name.c_str());
    CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name,
                                     -1, -1, 0) == 1);
    X509Ptr signer_certificate;
    Key signer_key;
    if (signer != nullptr) {
        signer_certificate.reset(
            PEM_read_X509(open_file(signer->certificate, "r").get(), nullptr, nullptr, nullptr));
        signer_key.reset(
            PEM_read_PrivateKey(open_file(signer->key, "r").get(), nullptr, nullptr, nullptr));
        CHECK(signer_certificate != nullptr && signer_key != nullptr);
    }
    X509* by = signer == nullptr ? certificate : signer_certificate.get();
    CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(by)) == 1);
    add(certificate, by, NID_basic_constraints,
        wanted.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(certificate, by, NID_key_usage,
        wanted.authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    add(certificate, by, NID_ext_key_usage, wanted.purpose);
    add(certificate, by, NID_subject_alt_name, wanted.names);
    EVP_PKEY* with = signer == nullptr ? key.get() : signer_key.get();
    CHECK(X509_sign(certificate, with, EVP_sha256()) > 0);
    CHECK(PEM_write_X509(open_file(pem.certificate, "w").get(), certificate) == 1);
    CHECK(PEM_write_PrivateKey(open_file(pem.key, "w").get(), key.get(), nullptr, nullptr, 0,
                               nullptr, nullptr) == 1);
    return pem;
}

std::string Certificates::bundle(const std::string& file, const std::vector<std::string>& paths) {
    std::string all;
    for (const std::string& each : paths) all += read_file(each);
    write_file(path(file), all);
    return path(file);
}

std::string read_file(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    CHECK(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    CHECK(file.good());
}

}  // namespace becaused::test
