#include "ops/record_view.hh"

#include <ctime>

#include "ops/record_json.hh"

namespace becaused {

namespace {

using Json = nlohmann::json;

std::optional<RecordView::Event> event_of(const Json& object) {
    const std::string event = text_of(object, "event");
    if (event == "connection") return RecordView::Event::connection;
    if (event == "exchange") return RecordView::Event::exchange;
    if (event == "request_start") return RecordView::Event::request_start;
    if (event == "journal") return RecordView::Event::journal;
    return std::nullopt;
}

// Takes digits and the separator after them from the front.
bool take(std::string_view& text, size_t digits, std::string_view separators, int& number) {
    if (text.size() < digits) return false;
    number = 0;
    for (const char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(digits);
    if (separators.empty()) return true;
    if (text.empty() || separators.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

int64_t take_fraction_ms(std::string_view& text) {
    if (text.empty() || text.front() != '.') return 0;
    text.remove_prefix(1);
    int64_t ms = 0;
    for (int64_t worth = 100; !text.empty() && text.front() >= '0' && text.front() <= '9';
         worth /= 10) {
        ms += worth * (text.front() - '0');
        text.remove_prefix(1);
    }
    return ms;
}

}  // namespace

std::optional<int64_t> read_time(std::string_view text) {
    tm parts{};
    if (!take(text, 4, "-", parts.tm_year) || !take(text, 2, "-", parts.tm_mon) ||
        !take(text, 2, "", parts.tm_mday))
        return std::nullopt;
    if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31)
        return std::nullopt;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    parts.tm_isdst = -1;
    int64_t ms = 0;
    bool utc = false;
    if (!text.empty()) {
        if (text.front() != 'T' && text.front() != ' ') return std::nullopt;
        text.remove_prefix(1);
        if (!take(text, 2, ":", parts.tm_hour) || !take(text, 2, "", parts.tm_min))
            return std::nullopt;
        if (!text.empty() && text.front() == ':') {
            text.remove_prefix(1);
            if (!take(text, 2, "", parts.tm_sec)) return std::nullopt;
            ms = take_fraction_ms(text);
        }
        utc = text == "Z";
        if (!utc && !text.empty()) return std::nullopt;
        if (parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60) return std::nullopt;
    }
    const time_t second = utc ? timegm(&parts) : mktime(&parts);
    return static_cast<int64_t>(second) * 1000 + ms;
}

std::optional<RecordView> read_record(std::string_view line) {
    const Json object = Json::parse(line, nullptr, false);
    if (!object.is_object() || number_of(object, "v") != 1) return std::nullopt;
    const std::optional<RecordView::Event> event = event_of(object);
    const std::optional<int64_t> time = read_time(text_of(object, "time"));
    if (!event || !time) return std::nullopt;
    RecordView record;
    record.event = *event;
    record.time_ms = *time;
    record.id = text_of(object, "id");
    record.reason = text_of(object, "reason");
    record.because = text_of(object, "because");
    if (*event == RecordView::Event::journal) return record;
    const bool ended = *event != RecordView::Event::request_start;
    if (record.id.empty() || (ended && record.reason.empty())) return std::nullopt;
    record.end_class = text_of(object, "class");
    record.by = text_of(object, "by");
    record.phase = text_of(object, "phase");
    record.age_ms = number_of(object, "age_ms");
    record.side = text_of(object, "side");
    record.peer = text_of(object, "peer");
    record.exchange_id = text_of(object, "exchange");
    record.method = text_of(object, "method");
    record.target = text_of(object, "target");
    record.client_id = text_of(object, "client_id");
    record.upstream_id = text_of(object, "upstream_id");
    record.request_id = text_of(object, "request_id");
    record.trace_id = text_of(object, "trace_id");
    if (const auto first = object.find("first"); first != object.end() && first->is_object())
        record.first_id = text_of(*first, "id");
    if (const auto bytes = object.find("bytes"); bytes != object.end() && bytes->is_object()) {
        const bool connection = *event == RecordView::Event::connection;
        record.in_bytes = count_of(*bytes, connection ? "in" : "client_in");
        record.out_bytes = count_of(*bytes, connection ? "out" : "client_out");
    }
    return record;
}

}  // namespace becaused
