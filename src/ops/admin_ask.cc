#include "ops/admin_ask.hh"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "http/chunked.hh"
#include "net/address.hh"
#include "ops/address.hh"
#include "ops/phrase.hh"
#include "ops/record_json.hh"
#include "ops/state.hh"

namespace becaused {

namespace {

constexpr size_t answer_limit_bytes = size_t{256} << 20U;

class Socket {
  public:
    explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (fd_ >= 0) ignored(::close(fd_), "all was read");
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

int connect_to(const Socket& socket, const Address& address, uint32_t patience_ms) {
    sockaddr_storage to{};
    socklen_t length = sizeof(sockaddr_un);
    if (address.kind == Address::Kind::unix) {
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        if (address.path.size() >= sizeof path.sun_path) return ENAMETOOLONG;
        std::memcpy(path.sun_path, address.path.data(), address.path.size());
        std::memcpy(&to, &path, sizeof path);
    } else {
        const std::string& host = address.host == "localhost" ? "127.0.0.1" : address.host;
        length = fill_sockaddr(parse_literal(host, address.port), to);
    }
    if (!wait_at_most(socket.fd(), patience_ms)) return errno;
    return ::connect(socket.fd(), reinterpret_cast<sockaddr*>(&to), length) == 0 ? 0 : errno;
}

int family_of(const Address& address) {
    if (address.kind == Address::Kind::unix) return AF_UNIX;
    return address.host.find(':') == std::string::npos ? AF_INET : AF_INET6;
}

bool answers(const std::string& path) {
    Address address;
    address.kind = Address::Kind::unix;
    address.path = path;
    const Socket socket(AF_UNIX);
    return socket.fd() >= 0 && connect_to(socket, address, admin_patience_ms) == 0;
}

// What cannot be connected to, and what to do about it.
Status nobody(const Address& address, int error) {
    const bool none = error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
    return Status::failed(phrase(address.text, ": ",
                                 none ? "nobody listens there: does becaused run, and with which "
                                        "--admin or --state?"
                                      : std::strerror(error)));
}

Status no_answer(const std::string& text, bool* silent) {
    if (silent != nullptr) *silent = true;
    return Status::failed(text + ": does not answer: is that becaused, or is its loop stuck?");
}

// Into `body`, from the answer's bytes behind its head. False: it is not whole.
bool read_body(const ResponseHead& head, std::string_view bytes, std::string& body) {
    if (!head.chunked) {
        body = bytes;
        return head.has_content_length && bytes.size() == head.content_length;
    }
    ChunkedDecoder decoder;
    decoder.start(Side::upstream);
    while (true) {
        std::string_view data;
        const ChunkedDecoder::Step step = decoder.next(bytes, data);
        if (step == ChunkedDecoder::Step::complete) return true;
        if (step != ChunkedDecoder::Step::data) return false;
        body += data;
    }
}

}  // namespace

bool take_place(std::string_view flag, std::string_view value, AdminPlace& place) {
    if (flag != "--admin" && flag != "--state") return false;
    (flag == "--admin" ? place.admin : place.state) = value;
    return true;
}

void complete_place(AdminPlace& place) {
    if (!place.admin.empty() || !place.state.empty()) return;
    if (const char* admin = std::getenv("BECAUSED_ADMIN"); admin != nullptr) place.admin = admin;
    if (const char* state = std::getenv("BECAUSED_STATE"); state != nullptr) place.state = state;
}

Result<Address> find_admin(const AdminPlace& place) {
    if (place.admin == "off") return Status::failed("admin: is off: nobody can be asked");
    if (!place.admin.empty() && place.admin != "auto") {
        Result<ListenAddress> given = parse_admin(place.admin);
        if (!given.ok()) return Status::failed("admin: " + given.status().message());
        given.value().text = place.admin.substr(0, place.admin.find('?'));
        const Address& address = given.value();
        return Address(address);
    }
    Address address;
    address.kind = Address::Kind::unix;
    const bool own = !place.state.empty() && place.state != "auto" && place.state != "off";
    if (own) {
        address.path = phrase(place.state, "/becaused", admin_suffix);
        address.text = "unix://" + address.path;
        return address;
    }
    const std::string directory = usual_state_directory();
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& each : std::filesystem::directory_iterator(directory, error))
        if (const std::string path = each.path(); path.ends_with(admin_suffix))
            found.push_back(path);
    // One that was killed has left its socket behind.
    if (found.size() > 1) std::erase_if(found, [](const auto& path) { return !answers(path); });
    std::ranges::sort(found);
    if (found.empty())
        return Status::failed(phrase("no becaused can be asked in ", directory,
                                     ": does it run? give its --state DIR or --admin ADDR"));
    if (found.size() > 1) {
        std::string text = phrase(found.size(), " of them run; say which: --admin");
        for (const std::string& path : found)
            text += phrase(&path == &found.front() ? " " : ", or ", "unix://", path);
        return Status::failed(text);
    }
    address.path = found.front();
    address.text = "unix://" + address.path;
    return address;
}

bool wait_at_most(int fd, uint32_t patience_ms) {
    const timeval patience{patience_ms / 1000, patience_ms % 1000 * 1000};
    return ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

Result<std::string> talk_to_admin(int fd, std::string_view request, const std::string& text,
                                  bool* silent) {
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return Status::failed(phrase(text, ": ", std::strerror(errno)));
    return hear_admin(fd, text, silent);
}

Result<std::string> hear_admin(int fd, const std::string& text, bool* silent) {
    std::string bytes;
    std::string piece(size_t{64} * 1024, '\0');
    while (true) {
        const ssize_t count = ::recv(fd, piece.data(), piece.size(), 0);
        if (count == 0) return bytes;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return no_answer(text, silent);
        if (count < 0) return Status::failed(phrase(text, ": ", std::strerror(errno)));
        bytes.append(piece, 0, static_cast<size_t>(count));
        if (bytes.size() > answer_limit_bytes) return Status::failed(text + ": answers too much");
    }
}

Result<AdminAnswer> read_admin_answer(std::string_view bytes, const std::string& text) {
    const auto end = find_head_end(bytes, 0);
    HeadParser parser;
    ResponseHead head;
    if (!end || parser.parse_response(bytes.substr(0, *end), head))
        return Status::failed(text + ": the answer is none of becaused's");
    AdminAnswer answer{head.status, {}};
    if (!read_body(head, bytes.substr(*end), answer.body))
        return Status::failed(text + ": the answer was cut off");
    return answer;
}

Result<AdminAnswer> ask_admin(const Address& address, std::string_view method,
                              std::string_view target, uint32_t patience_ms, bool* silent) {
    const Socket socket(family_of(address));
    if (socket.fd() < 0) return nobody(address, errno);
    const int error = connect_to(socket, address, patience_ms);
    // So many wait to be accepted that there is no room for one more.
    if (error == EAGAIN) return no_answer(address.text, silent);
    if (error != 0) return nobody(address, error);
    const std::string request =
        phrase(method, ' ', target, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Result<std::string> bytes = talk_to_admin(socket.fd(), request, address.text, silent);
    return bytes.ok() ? read_admin_answer(bytes.value(), address.text) : bytes.status();
}

std::string admin_message(const AdminAnswer& answer) {
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    const std::string message = body.is_object() ? text_of(body, "message") : std::string();
    return message.empty() ? phrase("it answered ", answer.status) : message;
}

}  // namespace becaused
