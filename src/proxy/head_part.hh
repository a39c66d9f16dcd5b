// The bytes of a request's head that came in pieces, until it is whole. What all clients' pieces may take
// together is a share of the memory: a head is up to 64 KiB, and those who send half of one are nobody yet.
// Owned by its session.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace becaused {

class House;

class HeadPart {
  public:
    explicit HeadPart(House& house) : house_(house) {}
    HeadPart(const HeadPart&) = delete;
    HeadPart& operator=(const HeadPart&) = delete;
    ~HeadPart() { drop(); }

    bool empty() const { return bytes_.empty(); }
    const std::string& bytes() const { return bytes_; }
    // False: there is no room for it, and it must be dropped.
    [[nodiscard]] bool add(std::string_view more);
    std::string take() {
        give_back();
        return std::exchange(bytes_, {});
    }
    // An assignment would keep the memory.
    void drop() {
        give_back();
        std::string().swap(bytes_);
    }

  private:
    void give_back();

    House& house_;
    std::string bytes_;
};

}  // namespace becaused
