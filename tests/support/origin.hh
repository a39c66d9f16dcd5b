// An upstream that answers by itself, on a thread of its own: each request gets "200 OK" and its own target
// back at once, but one whose target has "hold" in it gets its answer when release() is called. For tests
// whose requests come over many connections at once.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace becaused::test {

class Origin {
  public:
    // Listens on this unix socket.
    explicit Origin(const std::string& path);
    Origin(const Origin&) = delete;
    Origin& operator=(const Origin&) = delete;
    ~Origin();

    // How many requests are held.
    size_t held() const { return held_; }
    // Answers those that are held, and holds none from here on.
    void release();

  private:
    struct Connection {
        int fd = -1;
        std::string received;
        std::string held;  // the answer that waits
    };
    void run();
    void accept_one();
    void read_some(Connection& connection);
    void answer(Connection& connection, const std::string& target);
    void release_held();

    int listener_ = -1;
    int wake_ = -1;  // eventfd(2)
    std::vector<Connection> connections_;
    std::atomic<size_t> held_{0};
    std::atomic<bool> released_{false};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace becaused::test
