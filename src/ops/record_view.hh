// One record line read back: the fields that `why` looks at. Lines come from files that others may
// have touched, so nothing about them is trusted; what is missing is empty or zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace becaused {

struct RecordView {
    enum class Event : uint8_t { connection, exchange, request_start, journal };

    Event event = Event::exchange;
    std::string id;
    int64_t time_ms = 0;  // since 1970, when it ended
    std::string reason;
    std::string end_class;
    std::string by;
    std::string phase;
    std::string because;
    std::string first_id;  // of the record that has the cause
    double age_ms = 0;
    uint64_t in_bytes = 0;  // from the peer; of exchanges, from the client
    uint64_t out_bytes = 0;

    std::string side;  // connections
    std::string peer;
    std::string exchange_id;  // the exchange it ended in

    std::string method;  // exchanges
    std::string target;
    std::string client_id;
    std::string upstream_id;
    std::string request_id;
    std::string trace_id;
};

// Nothing when the line is no record of version 1.
std::optional<RecordView> read_record(std::string_view line);

// Milliseconds since 1970 of `2026-11-21T12:00:00.123Z`; without the Z it is local time, and the
// time of day may be left out.
std::optional<int64_t> read_time(std::string_view text);

}  // namespace becaused
