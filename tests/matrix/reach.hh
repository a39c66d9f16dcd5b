// The ways into each phase, on a fresh Rig; and the messages that lead there.
#pragma once

#include <string>

#include "support/scene.hh"

namespace becaused::test {

// Route classes: GET /version is quick, images/load transfer, attach tunnel, session session.
inline const std::string get_version = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
inline const std::string post_empty =
    "POST /v1.41/images/x/push HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";
inline const std::string post_ten =
    "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 10\r\n\r\n";
inline const std::string post_gigabyte =
    "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 1073741824\r\n\r\n";
inline const std::string post_chunked =
    "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n";
inline const std::string attach =
    "POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
    "Upgrade: tcp\r\nContent-Length: 0\r\n\r\n";
inline const std::string open_session =
    "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

inline const std::string ok_ten = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
inline const std::string ok_chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
inline const std::string ok_to_close = "HTTP/1.1 200 OK\r\n\r\n";
inline const std::string ok_gigabyte = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
inline const std::string too_large = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
// llhttp takes 099 for a status (and so names no error of its own); becaused's guard does not.
inline const std::string bad_answer = "HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n";
inline const std::string early_hints = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
inline const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
inline const std::string switching_h2c =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

// The request is sent and the upstream has read what came of it.
inline Step asked(const std::string& request) {
    return in_turn(client_connects, client_says(request), upstream_reads);
}

// ... and the upstream has answered so far.
inline Step answered(const std::string& request, const std::string& answer) {
    return in_turn(asked(request), upstream_says(answer));
}

// One exchange is over; its connections are idle, its records forgotten.
inline Step one_exchange_done() {
    return in_turn(answered(get_version, ok_ten + "0123456789"), client_reads, forget);
}

}  // namespace becaused::test
