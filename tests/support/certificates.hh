// Keys and certificates made while a test runs, as PEM files in a directory of their own. Made with
// OpenSSL, so that what mbedTLS reads was not written by it.
#pragma once

#include <string>
#include <vector>

namespace becaused::test {

// One certificate to make; times are relative to now.
struct Wanted {
    std::string name = "localhost";                    // its common name
    std::string names = "DNS:localhost,IP:127.0.0.1";  // subjectAltName, in OpenSSL's notation
    std::string purpose = "serverAuth";                // extendedKeyUsage; empty: none
    bool authority = false;                            // may sign others
    bool rsa = false;                                  // RSA of 2048 bits, else P-256
    long from_s = -3600;
    long until_s = 86400;
};

// Files of one certificate and its key.
struct Pem {
    std::string certificate;
    std::string key;
};

class Certificates {
  public:
    Certificates();
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;
    ~Certificates();  // removes the directory

    // Makes FILE.pem and FILE-key.pem, signed by `signer` (its own if null).
    Pem make(const std::string& file, const Wanted& wanted, const Pem* signer = nullptr);
    Pem authority(const std::string& file, const Pem* signer = nullptr);
    Pem server(const std::string& file, const Pem& signer) { return make(file, {}, &signer); }
    Pem client(const std::string& file, const Pem& signer);
    // One file with the contents of several, one after the other.
    std::string bundle(const std::string& file, const std::vector<std::string>& paths);
    std::string path(const std::string& file) const { return directory_ + "/" + file; }

  private:
    std::string directory_;
    long serial_ = 1;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace becaused::test
