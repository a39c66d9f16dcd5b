// A rig whose listener speaks TLS, with the certificates that most tests need. Everything lives in the
// fixture, since a failed assertion longjmps past destructors.
#pragma once

#include <memory>
#include <string>

#include "support/certificates.hh"
#include "support/rig.hh"
#include "support/tls_peer.hh"

namespace becaused::test {

// Made once per test program.
struct TlsPki {
    TlsPki()
        : ca(certificates.authority("ca")),
          other_ca(certificates.authority("other-ca")),
          server(certificates.server("server", ca)),
          client(certificates.client("client", ca)) {}
    Certificates certificates;
    Pem ca;
    Pem other_ca;
    Pem server;  // localhost, 127.0.0.1
    Pem client;
};

inline TlsPki& pki() {
    static TlsPki made;
    return made;
}

// Options of a rig before which clients speak TLS; upstreams are plain.
inline RigOptions tls_options() {
    RigOptions options;
    options.settings.tlscert = {pki().server.certificate};
    options.settings.tlskey = {pki().server.key};
    return options;
}

inline RigOptions tls_verify_options() {
    RigOptions options = tls_options();
    options.settings.tlscacert = pki().ca.certificate;
    options.settings.tlsverify = true;
    return options;
}

// A client that checks our certificate.
inline TlsWays client_ways() {
    TlsWays ways;
    ways.authority = pki().ca.certificate;
    return ways;
}

}  // namespace becaused::test
