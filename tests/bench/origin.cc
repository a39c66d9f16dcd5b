// bench_origin: the upstream of the bench, on TCP and unix sockets at once.
//
//   bench_origin --listen ADDRESS...
//
//   GET /small               100 bytes; GET /v1.43/version the same
//   GET /bulk?n=BYTES        BYTES bytes with Content-Length; with &chunked=1 in chunks of 32 KiB
//   PUT or POST, any target  swallows the body and answers with the number of its bytes
//   any of them with Upgrade: tcp  101; inside the tunnel it answers the same requests
//
// The heads look like dockerd's, so that a proxy has a real head to read. Prints "ready" once it
// listens and runs until a signal ends it.

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "body.hh"
#include "inbox.hh"
#include "message.hh"
#include "outbox.hh"
#include "wire.hh"

namespace bench {

namespace {

std::string head_of(const char* status, const std::string& framing) {
    return std::string("HTTP/1.1 ") + status +
           "\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\nDocker-Experimental: "
           "false\r\n"
           "Ostype: linux\r\nServer: Docker/27.5.1 (linux)\r\n"
           "Date: Tue, 04 Mar 2025 10:20:30 GMT\r\n" +
           framing + "\r\n\r\n";
}

std::string length_head(const char* status, std::uint64_t bytes) {
    return head_of(status, "Content-Length: " + std::to_string(bytes));
}

// One connection from a proxy. Owned by the Origin, which drops it when handle() says so.
class Guest {
  public:
    Guest(int fd, Channel::Kind kind, Poller& poller) : channel_(fd, kind), poller_(poller) {
        poller_.add(fd, EPOLLIN, this);
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

    // False: the connection is over.
    [[nodiscard]] bool handle() { return sending_ ? send_on() : read_on(); }

  private:
    bool read_on() {
        switch (inbox_.read_from(channel_, request_)) {
            case Inbox::Result::more: return true;
            case Inbox::Result::done: answer(); return send_on();
            case Inbox::Result::ended:
            case Inbox::Result::failed: return false;
            case Inbox::Result::wrong: break;
        }
        std::fprintf(stderr, "bench_origin: a request with %s\n", inbox_.what_wrong());
        return false;
    }

    bool send_on() {
        const Outbox::Result result = outbox_.send_to(channel_);
        if (result == Outbox::Result::failed) return false;
        const bool blocked = result == Outbox::Result::blocked;
        if (blocked != sending_) poller_.change(channel_.fd(), blocked ? EPOLLOUT : EPOLLIN, this);
        sending_ = blocked;
        return blocked || !closing_;
    }

    void answer() {
        closing_ = request_.asks_to_close();
        static const std::string small = length_head("200 OK", 100) + std::string(100, 's');
        static const std::string tunnel =
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        const std::string_view line = request_.start_line();
        if (request_.asks_to_upgrade()) {
            outbox_.put(tunnel, {});
        } else if (line.starts_with("GET /small ") || line.starts_with("GET /v1.43/version ")) {
            outbox_.put(small, {});
        } else if (line.starts_with("GET /bulk?n=")) {
            answer_bulk(line.substr(std::strlen("GET /bulk?n=")));
        } else if (line.starts_with("PUT ") || line.starts_with("POST ")) {
            const std::string count = std::to_string(request_.body_bytes());
            head_ = length_head("200 OK", count.size()) + count;
            outbox_.put(head_, {});
        } else {
            head_ = length_head("404 Not Found", 0);
            outbox_.put(head_, {});
        }
        request_.reset();
    }

    void answer_bulk(std::string_view query) {
        const std::uint64_t bytes = parse_number(query.substr(0, query.find_first_of("& ")), "n");
        const bool chunked = query.find("&chunked=1") != std::string_view::npos;
        head_ = chunked ? head_of("200 OK", "Transfer-Encoding: chunked")
                        : length_head("200 OK", bytes);
        outbox_.put(head_, chunked ? Body::chunked(bytes) : Body::plain(bytes));
    }

    Channel channel_;
    Inbox inbox_;
    Poller& poller_;
    Message request_{Message::Role::request};
    std::string head_;
    Outbox outbox_;
    bool sending_ = false;
    bool closing_ = false;
};

struct Door {
    int fd;
    Channel::Kind kind;
};

class Origin {
  public:
    explicit Origin(const std::vector<Address>& addresses) {
        doors_.reserve(addresses.size());  // the poller keeps pointers to them
        for (const Address& address : addresses) {
            doors_.push_back(
                {listen_on(address), address.is_tcp() ? Channel::Kind::tcp : Channel::Kind::unix});
            poller_.add(doors_.back().fd, EPOLLIN, &doors_.back());
        }
    }

    [[noreturn]] void run() {
        while (true) {
            for (const epoll_event& event : poller_.wait(-1)) {
                if (const Door* door = door_of(event.data.ptr)) {
                    welcome(*door);
                    continue;
                }
                Guest* guest = static_cast<Guest*>(event.data.ptr);
                if (!guest->handle()) guests_.erase(guest);
            }
        }
    }

  private:
    const Door* door_of(const void* owner) const {
        for (const Door& door : doors_) {
            if (&door == owner) return &door;
        }
        return nullptr;
    }

    void welcome(const Door& door) {
        const int fd = accept_from(door.fd);
        if (fd < 0) return;
        auto guest = std::make_unique<Guest>(fd, door.kind, poller_);
        guests_.emplace(guest.get(), std::move(guest));
    }

    Poller poller_;
    std::vector<Door> doors_;
    std::unordered_map<const Guest*, std::unique_ptr<Guest>> guests_;
};

int run_origin(int argc, char** argv) {
    std::vector<Address> addresses;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--listen") != 0 || ++i == argc) die("use: --listen ADDRESS...");
        addresses.push_back(parse_address(argv[i]));
    }
    if (addresses.empty()) die("use: --listen ADDRESS...");
    Origin origin(addresses);
    std::puts("ready");
    std::fflush(stdout);
    origin.run();
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) { return bench::run_origin(argc, argv); }
