// A listening socket: accepts, says where from, and never loses a refusal. Uses accept4(2) on a watched
// descriptor instead of libuv's listener, because libuv accepts and closes silently when descriptors
// run out; here a spare descriptor is given up to accept, so that the refusal has a record.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>

#include "base/status.hh"
#include "ledger/entry.hh"
#include "net/conn.hh"
#include "net/loop.hh"

namespace becaused {

class Listener;

class ListenerSink {
  public:
    ListenerSink() = default;
    ListenerSink(const ListenerSink&) = delete;
    ListenerSink& operator=(const ListenerSink&) = delete;
    // A new socket, the sink's from here on. `spare`: it was accepted on the spare descriptor because
    // `error` (EMFILE, ENFILE) says there are no others: refuse and close it at once.
    virtual void on_accept(Listener& listener, int fd, const Endpoint& peer, int error) = 0;

  protected:
    ~ListenerSink() = default;
};

class Listener final : private WheelNode {
  public:
    Listener(Loop& loop, ListenerSink& sink) : loop_(loop), sink_(sink) {}
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();  // closed, or never opened

    // "[::1]:2375" style text in errors is the caller's `text`. SO_REUSEADDR is set; IPv6 sockets are
    // IPv6 only unless the address is "::" (then both families). Socket options are inherited by what
    // is accepted.
    Status open_tcp(const Endpoint& at, uint32_t backlog, const SocketOptions& options,
                    const std::string& text);
    // Replaces a socket file that nobody listens on; one that is alive is an error.
    Status open_unix(const std::string& path, uint32_t mode, const std::string& group,
                     uint32_t backlog, const std::string& text);
    // A socket that another process has bound, and whose path it will unlink; ours from here on. `path`:
    // empty for TCP.
    Status adopt(int fd, const std::string& path, uint32_t backlog, const std::string& text);
    // Stops accepting; the listener may be destroyed once the loop has run a turn. Unlinks a unix path.
    void close();

    // Once closed: the negative errno for which its socket's path stays; 0: it does not.
    int left_error() const { return left_error_; }

    const Entrance& entrance() const { return entrance_; }
    const Endpoint& local() const {
        return entrance_.local;
    }  // with the port that was chosen for port 0

  private:
    static constexpr int accept_budget = 64;  // per turn

    Status begin(int fd, uint32_t backlog, const std::string& text);
    void accept_some();
    enum class Spare : uint8_t { accepted, nobody_waits, none_left };
    Spare accept_on_spare(int error);
    void take_spare();
    void back_off();
    void on_ring() override;
    static void poll_cb(uv_poll_t* handle, int status, int events) noexcept;

    Loop& loop_;
    ListenerSink& sink_;
    uv_poll_t* poll_ = nullptr;  // deletes itself when closed
    int fd_ = -1;
    int spare_ = -1;
    Entrance entrance_;
    std::string path_;
    uint64_t path_inode_ = 0;  // 0: not ours to unlink
    int left_error_ = 0;
};

}  // namespace becaused
