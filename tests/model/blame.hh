// Who should be blamed: a model of one client and its upstream, small enough to be read against
// REASONS.md and CLOCKS.md. It knows no sockets, buffers or libraries; it is told what happens, in the
// order in which it happens, and says which records that leaves.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace becaused::test {

enum class What : uint8_t {
    connect,
    head_begins,  // eight bytes of a request's head
    head_goes_on,
    head_ends,
    body_goes_on,  // of the request
    body_ends,
    client_nonsense,
    client_fin,
    client_rst,
    hints,
    switches,  // 101
    answer_begins,
    answer_goes_on,
    answer_ends,
    upstream_nonsense,
    upstream_fin,
    upstream_rst,
    client_in_tunnel,
    upstream_in_tunnel,
    second_passes,
    stop,
};
inline constexpr size_t what_count = static_cast<size_t>(What::stop) + 1;
std::string_view name_of(What what);

// What is asked, and how it is answered.
enum class Request : uint8_t { get, upload_length, upload_chunked, tunnel };
enum class AnswerKind : uint8_t { length, chunked, empty };

struct Happening {
    What what = What::second_passes;
    Request request = Request::get;          // head_begins
    AnswerKind answer = AnswerKind::length;  // answer_begins
};

// BlameClocks of the clocks in ms. None is a multiple of a second, no two are the same: when whole seconds pass
// it is never in doubt which rang, and whether it did.
struct BlameClocks {
    uint32_t keepalive = 20'200, upstream_idle = 12'200, request_head = 5'200,
             request_head_total = 9'200, request_body = 8'200, first_byte = 6'200,
             response_body = 7'200, tunnel = 10'200, half_open = 4'200, linger = 2'200,
             drain = 14'200, max_age = 0;
};

class Blame {
  public:
    explicit Blame(const BlameClocks& limits) : limits_(limits) {}

    // Does this make sense now? What does not is skipped by all.
    bool possible(const Happening& happening) const;
    void happen(const Happening& happening);
    // In the words of Rig::summary(), since the last call; in no order.
    std::vector<std::string> take_records();

    bool client_there() const { return client_ != Client::gone; }
    bool upstream_there() const { return upstream_ != Upstream::none; }
    bool tunnel() const { return exchange_ && tunnel_; }
    Request request() const { return request_; }
    AnswerKind answer() const { return answer_; }
    bool answering() const { return down_ == Down::body; }
    std::string state() const;

  private:
    enum class Client : uint8_t { gone, idle, busy };
    enum class Upstream : uint8_t { none, pooled, serving };
    enum class Down : uint8_t { none, body, done };
    struct Due {
        uint64_t at_ms = UINT64_MAX;
        void (Blame::*ring)() = nullptr;
    };

    const char* phase() const;
    bool begun() const { return tunnel_ || down_ != Down::none; }
    std::string end(const std::string& reason, const std::string& op) const;
    void record(std::string line) { records_.push_back(std::move(line)); }
    void fail(const std::string& reason, const std::string& op);
    void complete();
    void end_tunnel();
    void client_goes(const std::string& line);
    void upstream_goes(const std::string& line);
    void give_back_upstream();
    void begin_request();
    void upstream_dies(bool by_reset);
    void answer_is_whole();
    Due next_due() const;
    void ring_keepalive();
    void ring_upstream_idle();
    void ring_head();
    void ring_up();
    void ring_down();
    void ring_tunnel();
    void ring_max_age();
    void ring_drain();
    std::string by_clock(const char* clock, uint32_t limit_ms) const;
    void stop();

    BlameClocks limits_;
    uint64_t now_ms_ = 0;
    std::vector<std::string> records_;

    Client client_ = Client::gone;
    bool spoken_ = false;
    uint64_t client_since_ms_ = 0;
    Upstream upstream_ = Upstream::none;
    uint64_t upstream_since_ms_ = 0;

    bool exchange_ = false;
    Request request_ = Request::get;
    AnswerKind answer_ = AnswerKind::length;
    bool in_head_ = false;
    bool up_done_ = false;
    bool tunnel_ = false;
    bool client_fin_ = false, upstream_fin_ = false;  // a tunnel's halves
    bool reused_ = false;
    int tried_ = 0;
    bool answer_byte_ = false;
    Down down_ = Down::none;
    int status_ = 0;
    uint64_t opened_ms_ = 0, head_ms_ = 0, up_ms_ = 0, down_ms_ = 0;
    uint32_t up_offset_ = 0, down_offset_ = 0;  // in a chunked body

    int stops_ = 0;
    uint64_t stopped_ms_ = 0;
};

}  // namespace becaused::test
