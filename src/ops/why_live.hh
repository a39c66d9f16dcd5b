// What is open now, for people: from the lines of `GET /live` to what `becaused why --live` and `becaused
// kill` print. Pure: lines in, text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace becaused {

class WhyLive {
  public:
    // `all`: also the connections that serve a request which is listed itself.
    explicit WhyLive(bool all) : all_(all) {}

    void line(std::string_view raw);
    // The longest silence first, so that what leaks is on top.
    std::string text() const;

  private:
    struct Item {
        double silent_ms;
        std::string text;
    };

    bool all_;
    size_t requests_ = 0;
    size_t connections_ = 0;
    size_t unreadable_ = 0;
    size_t noted_ = 0;  // of them
    std::vector<Item> items_;
};

// Of the line that was ended: "POST /v1.41/images/app/push of 127.0.0.1:4242 (alice)".
std::string what_was_open(std::string_view raw);

}  // namespace becaused
