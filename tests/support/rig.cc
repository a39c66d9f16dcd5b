#include "support/rig.hh"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/status.hh"
#include "net/address.hh"
#include "ops/access_file.hh"
#include "ops/options.hh"
#include "support/inside.hh"
#include "support/people.hh"

namespace becaused::test {

namespace {

using Json = nlohmann::json;

void set_nonblocking(int fd) {
    CHECK(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// A TCP socket on 127.0.0.1 and that port (0: a free one, which `port` is then).
int bind_loopback(uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const int on = 1;
    CHECK(::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t length = sizeof address;
    CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

int peers_open = 0;

// libuv opens a few descriptors once per process, with its first loop.
void warm_up_libuv() {
    static const bool warm = [] {
        const Loop loop(2);
        return true;
    }();
    CHECK(warm);
}

}  // namespace

Peer::Peer(int fd) : fd_(fd) {
    if (fd_ < 0) return;
    set_nonblocking(fd_);
    // Or the kernel would hold a small piece back until the one before it is acknowledged.
    const int on = 1;
    const bool set = ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    CHECK(set || errno == EOPNOTSUPP);  // a unix socket
    ++peers_open;
}

Peer::Peer(Peer&& other) noexcept
    : received(std::move(other.received)),
      eof(other.eof),
      error(other.error),
      fd_(std::exchange(other.fd_, -1)) {}

Peer& Peer::operator=(Peer&& other) noexcept {
    close();
    received = std::move(other.received);
    eof = other.eof;
    error = other.error;
    fd_ = std::exchange(other.fd_, -1);
    return *this;
}

Peer::~Peer() { close(); }

size_t Peer::send(std::string_view bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
    }
    return sent;
}

void Peer::read() {
    char buffer[65536];
    while (fd_ >= 0 && !eof && error == 0) {
        const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
        if (count > 0) {
            received.append(buffer, static_cast<size_t>(count));
        } else if (count == 0) {
            eof = true;
        } else {
            if (errno != EAGAIN) error = errno;
            return;
        }
    }
}

void Peer::finish() { CHECK(::shutdown(fd_, SHUT_WR) == 0); }

void Peer::reset() {
    const linger at_once{1, 0};
    CHECK(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close();
}

void Peer::close() {
    if (fd_ < 0) return;
    ::close(fd_);
    fd_ = -1;
    --peers_open;
}

void Peer::shrink_receive_buffer(int bytes) {
    CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
}

int count_descriptors() {
    int count = 0;
    DIR* directory = ::opendir("/proc/self/fd");
    CHECK(directory != nullptr);
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count - 3;  // ".", "..", and the directory's own
}

int count_peers() { return peers_open; }

Rig::Rig(RigOptions options) : settings_(options.settings), options_(std::move(options)) {
    warm_up_libuv();
    keep_records({});  // it may open a file
    descriptors_before_ = count_descriptors() - count_peers();
    char path[] = "/tmp/becaused-rig-XXXXXX";
    CHECK(::mkdtemp(path) != nullptr);
    directory_ = path;
    ListenAddress listen;
    if (options_.unix_client) {
        listen.kind = Address::Kind::unix;
        listen.path = directory_ + "/listen.sock";
        listen.mode = 0600;
    } else {
        listen.host = "127.0.0.1";
        listen.plain = options_.plain_listener;
    }
    listen.text = "the rig";
    listen.proxied = options_.proxied;
    settings_.listen = {listen};
    start_upstream();
    if (options_.unix_upstream) {
        settings_.upstream.kind = Address::Kind::unix;
        settings_.upstream.path = directory_ + "/upstream.sock";
    } else {
        settings_.upstream.host = options_.upstream_host;
        settings_.upstream.tls = options_.tls_upstream;
        settings_.upstream.port = upstream_port_;
    }
    if (!options_.upstream_path.empty()) settings_.upstream.path = options_.upstream_path;
    if (!options_.with_upstream) stop_upstream();
    if (options_.asks_upstream) {
        settings_.auth_service = settings_.upstream;
        settings_.auth_service.text = "the upstream";
    }
    if (const char* text = std::getenv("BECAUSED_SPLICE"))
        CHECK(assign(settings_, *find_option("splice"), text).ok());
    loop_ = std::make_unique<Loop>(options_.slabs);
    loop_->manual_time();
    loop_->clock().freeze(1'000'000'000'000U, 1'700'000'000'000'000'000U);
    ledger_ = std::make_unique<Ledger>(loop_->clock());
    ledger_->set_life(0xbecabeca);
    ledger_->set_sink(&records_);
    loop_->on_turn([](void* ledger) noexcept { static_cast<Ledger*>(ledger)->check_identity(); },
                   ledger_.get());
    house_ = std::make_unique<House>(*loop_, *ledger_, settings_);
    const Status status = house_->open();
    if (!status.ok()) std::fprintf(stderr, "rig: %s\n", status.message().c_str());
    CHECK(status.ok());
    if (!options_.access.empty()) guard(options_.access);
}

void Rig::guard(const std::string& access) {
    CHECK(::setenv("BECAUSED_SECRET_HASH_KEY", hash_key_text, 1) == 0);
    Result<AccessRules> rules = access_from_text(access, "access.toml");
    if (!rules.ok()) std::fprintf(stderr, "rig: %s\n", rules.status().message().c_str());
    CHECK(rules.ok());
    const Status status =
        house_->guard(std::move(rules.value().auth), std::move(rules.value().policy));
    if (!status.ok()) std::fprintf(stderr, "rig: %s\n", status.message().c_str());
    CHECK(status.ok());
}

Rig::~Rig() {
    if (!finished_) finish();
}

void Rig::start_upstream() {
    if (upstream_fd_ >= 0) return;
    if (options_.unix_upstream) {
        upstream_fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::snprintf(address.sun_path, sizeof address.sun_path, "%s/upstream.sock",
                      directory_.c_str());
        ::unlink(address.sun_path);
        CHECK(::bind(upstream_fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    } else {
        // While nobody listens the port must not become someone's client: a socket stays bound to it.
        if (upstream_port_fd_ < 0) upstream_port_fd_ = bind_loopback(upstream_port_);
        upstream_fd_ = bind_loopback(upstream_port_);
    }
    CHECK(::listen(upstream_fd_, options_.upstream_backlog) == 0);
    set_nonblocking(upstream_fd_);
}

void Rig::stop_upstream() {
    if (upstream_fd_ >= 0) ::close(upstream_fd_);
    upstream_fd_ = -1;
}

namespace {

int connected_socket(const Endpoint& at) {
    sockaddr_storage address{};
    socklen_t length = 0;
    if (at.kind == Endpoint::Kind::unix) {
        auto& name = reinterpret_cast<sockaddr_un&>(address);
        name.sun_family = AF_UNIX;
        std::snprintf(name.sun_path, sizeof name.sun_path, "%s", at.path->c_str());
        length = sizeof name;
    } else {
        length = fill_sockaddr(at, address);
    }
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    return fd;
}

}  // namespace

Peer Rig::connect() {
    Peer peer = connect_now();
    settle();
    return peer;
}

Peer Rig::connect_now() { return Peer(connected_socket(house_->listening().front())); }

Peer Rig::connect_past_the_proxy() {
    Endpoint at;
    at.kind = Endpoint::Kind::unix;
    at.path = &settings_.upstream.path;
    if (!options_.unix_upstream) at = parse_literal("127.0.0.1", upstream_port_);
    return Peer(connected_socket(at));
}

Peer Rig::accept() {
    settle();
    return accept_now();
}

Peer Rig::accept_now() {
    if (upstream_fd_ < 0) return Peer();
    return Peer(::accept4(upstream_fd_, nullptr, nullptr, SOCK_CLOEXEC));
}

void Rig::settle() {
    // A chain of events (client, proxy, upstream connect, answer) takes a few turns; twelve are plenty
    // and cost microseconds.
    const Inside inside;
    for (int i = 0; i < 12; ++i) loop_->turn();
}

void Rig::turn() {
    const Inside inside;
    loop_->turn();
}

void Rig::skip(uint64_t ms) {
    const Inside inside;
    loop_->clock().advance(ms * ns_per_ms);
    loop_->tick();
}

void Rig::advance(uint64_t ms) {
    settle();
    for (uint64_t left = ms * ns_per_ms; left > 0;) {
        const uint64_t step = std::min(left, Wheel::tick_ns);
        skip(step / ns_per_ms);
        settle();
        left -= step;
    }
}

void Rig::wait_for_work() {
    if (loop_->uv()->active_reqs.count == 0) return;
    pollfd loop{::uv_backend_fd(loop_->uv()), POLLIN, 0};
    ignored(::poll(&loop, 1, 1000), "what came, if anything, is seen by the turns");
    settle();
}

void Rig::wait_for_workers() {
    for (int i = 0; i < 10 && loop_->uv()->active_reqs.count > 0; ++i) wait_for_work();
}

void Rig::stop() {
    const Inside inside;
    house_->stop();
}

void Rig::stop_house() {
    stop();
    settle();
    if (house_->session_count() > 0) stop();
    for (int i = 0; i < 40 && loop_->turn(); ++i) {
        loop_->clock().advance(Wheel::tick_ns);
        loop_->tick();
    }
    wait_for_workers();  // a password's check that nobody waits for
}

void Rig::finish() {
    finished_ = true;
    stop_house();
    CHECK(ledger_->live() == 0);
    CHECK(ledger_->opened() == ledger_->filed());
    CHECK(ledger_->filed(Entry::Kind::connection, Reason::lost) == 0);
    CHECK(ledger_->filed(Entry::Kind::exchange, Reason::lost) == 0);
    CHECK(loop_->slabs().held() == 0);
    CHECK(loop_->splices().alive() == 0);
    CHECK(loop_->open_handles() == 0);
    house_.reset();
    ledger_.reset();
    loop_.reset();
    stop_upstream();
    if (upstream_port_fd_ >= 0) ::close(upstream_port_fd_);
    CHECK(count_descriptors() - count_peers() == descriptors_before_);
    ::unlink((directory_ + "/upstream.sock").c_str());
    ::unlink((directory_ + "/listen.sock").c_str());
    ::rmdir(directory_.c_str());
}

std::vector<std::string> Rig::take_records() { return std::exchange(records_.lines, {}); }

std::string field_of(const std::string& record, std::string_view key) {
    Json value = Json::parse(record, nullptr, false);
    while (!key.empty() && value.is_object()) {
        const size_t dot = std::min(key.find('.'), key.size());
        const std::string part(key.substr(0, dot));
        if (!value.contains(part)) return {};
        value = Json(value[part]);
        key.remove_prefix(std::min(dot + 1, key.size()));
    }
    return text_of(value);
}

std::string Rig::summary() { return summary_of(records_.lines); }

std::string summary_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        const std::string event = field_of(line, "event");
        text += event == "connection" ? field_of(line, "side") : event;
        text += ' ' + field_of(line, "reason");
        if (const std::string first = field_of(line, "first.reason"); !first.empty())
            text += '(' + first + ')';
        text += " by=" + field_of(line, "by") + " phase=" + field_of(line, "phase") +
                " op=" + field_of(line, "op");
        if (const std::string name = field_of(line, "errno"); !name.empty())
            text += " errno=" + name;
        if (const std::string name = field_of(line, "parser_error"); !name.empty())
            text += " parser=" + name + "@" + field_of(line, "offset");
        if (const std::string clock = field_of(line, "clock.name"); !clock.empty())
            text += " clock=" + clock + "/" + field_of(line, "clock.setting_ms");
        if (event == "exchange") text += " status=" + field_of(line, "status");
        text += '\n';
    }
    return text;
}

namespace {

void normalize(Json& value, std::map<std::string, std::string>& ids) {
    for (auto& [key, member] : value.items()) {
        if (member.is_object() || member.is_array()) {
            normalize(member, ids);
            continue;
        }
        if (!member.is_string()) continue;
        std::string text = member.get<std::string>();
        if (key == "time" || key == "opened") {
            member = "T";
        } else if (key == "trace_id") {
            member = "X";
        } else if (text.starts_with("becabeca-")) {
            auto [place, added] = ids.try_emplace(text, "#" + std::to_string(ids.size() + 1));
            member = place->second;
        } else if ((key == "peer" || key == "local" || key == "client" || key == "upstream")) {
            const size_t colon = text.rfind(':');
            if (text.starts_with("unix:")) member = "unix:PATH";
            else if (colon != std::string::npos) member = text.substr(0, colon) + ":P";
        }
    }
}

}  // namespace

std::vector<std::string> Rig::normalized(const std::vector<std::string>& lines) {
    std::map<std::string, std::string> ids;
    std::vector<std::string> result;
    for (const std::string& line : lines) {
        nlohmann::ordered_json ordered = nlohmann::ordered_json::parse(line, nullptr, false);
        Json plain = Json::parse(line, nullptr, false);
        normalize(plain, ids);
        // Values from the normalized copy, order from the line.
        for (auto& [key, member] : ordered.items()) member = plain[key];
        result.push_back(ordered.dump());
    }
    return result;
}

}  // namespace becaused::test
