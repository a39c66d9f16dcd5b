#include "ops/otlp.hh"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "ops/record_json.hh"
#include "ops/record_view.hh"

namespace becaused {

namespace {

using Json = nlohmann::ordered_json;
using Record = nlohmann::json;

// logs/v1 SeverityNumber.
struct Severity {
    int number;
    const char* text;
};
constexpr Severity mild{9, "INFO"};
constexpr Severity grave{13, "WARN"};
constexpr Severity worst{17, "ERROR"};

Severity severity_of(const Record& record) {
    const std::string event = text_of(record, "event");
    const std::string end_class = text_of(record, "class");
    if (event == "journal" || end_class == "fault") return worst;
    // What only followed its partner is told by the partner's record.
    if (event == "request_start" || end_class == "clean" || text_of(record, "reason") == "partner")
        return mild;
    return grave;
}

// An AnyValue (common/v1). 64-bit integers are strings in proto3's JSON.
Json any_value(const Record& value) {
    if (value.is_string()) return {{"stringValue", value.get<std::string>()}};
    if (value.is_boolean()) return {{"boolValue", value.get<bool>()}};
    if (value.is_number_unsigned()) return {{"intValue", std::to_string(value.get<uint64_t>())}};
    if (value.is_number_integer()) return {{"intValue", std::to_string(value.get<int64_t>())}};
    if (value.is_number()) return {{"doubleValue", value.get<double>()}};
    if (value.is_array()) {
        Json values = Json::array();
        for (const Record& each : value) values.push_back(any_value(each));
        return {{"arrayValue", {{"values", values}}}};
    }
    if (value.is_object()) {
        Json values = Json::array();
        for (const auto& [key, each] : value.items())
            values.push_back({{"key", key}, {"value", any_value(each)}});
        return {{"kvlistValue", {{"values", values}}}};
    }
    return Json::object();
}

class Attributes {
  public:
    void add(std::string_view key, const Record& value) {
        list_.push_back({{"key", std::string(key)}, {"value", any_value(value)}});
    }
    // "127.0.0.1:4242", "[::1]:4242", "unix:/run/docker.sock", "unix".
    void add_address(const std::string& side, const std::string& text) {
        constexpr std::string_view unix_scheme = "unix";
        if (text.empty()) return;
        if (text.starts_with(unix_scheme)) {
            if (text.size() > unix_scheme.size()) add(side + ".address", text.substr(5));
            return;
        }
        const size_t colon = text.rfind(':');
        std::string host = text.substr(0, colon);
        if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
        uint64_t port = 0;
        std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
        add(side + ".address", host);
        add(side + ".port", port);
    }
    // A record's own field; members of objects get names of their own.
    void add_own(const std::string& key, const Record& value) {
        if (!value.is_object()) return add("becaused." + key, value);
        for (const auto& [inner, each] : value.items()) {
            std::string name = key;
            name += '.';
            name += inner;
            add_own(name, each);
        }
    }
    Json list() { return std::move(list_); }

  private:
    Json list_ = Json::array();
};

// The registry's http.request.method: methods that it does not know are "_OTHER".
void add_method(Attributes& attributes, const std::string& method) {
    static constexpr std::string_view known[] = {"CONNECT", "DELETE", "GET", "HEAD",  "OPTIONS",
                                                 "PATCH",   "POST",   "PUT", "QUERY", "TRACE"};
    if (method.empty()) return;
    const bool standard = std::ranges::find(known, method) != std::end(known);
    attributes.add("http.request.method", standard ? method : "_OTHER");
    if (!standard) attributes.add("http.request.method_original", method);
}

void add_target(Attributes& attributes, const std::string& target) {
    if (target.empty()) return;
    const size_t question = target.find('?');
    attributes.add("url.path", target.substr(0, question));
    if (question != std::string::npos) attributes.add("url.query", target.substr(question + 1));
}

// What has a name of its own among the conventions (or in a LogRecord), and is not said twice.
bool named_elsewhere(const std::string& key) {
    static constexpr std::string_view keys[] = {
        "v",      "event",    "time",     "method",   "target",  "version", "status",
        "client", "identity", "upstream", "trace_id", "because", "prev",    "chain"};
    return std::ranges::find(keys, key) != std::end(keys);
}

Json attributes_of(const Record& record) {
    Attributes attributes;
    const std::string end_class = text_of(record, "class");
    add_method(attributes, text_of(record, "method"));
    add_target(attributes, text_of(record, "target"));
    if (const uint64_t status = count_of(record, "status"); status > 0)
        attributes.add("http.response.status_code", status);
    if (const std::string version = text_of(record, "version"); !version.empty()) {
        attributes.add("network.protocol.name", "http");
        attributes.add("network.protocol.version", version);
    }
    attributes.add_address("client", text_of(record, "client"));
    attributes.add_address("server", text_of(record, "upstream"));
    if (text_of(record, "event") == "connection") {
        attributes.add("network.transport", text_of(record, "transport"));
        attributes.add_address("network.peer", text_of(record, "peer"));
        attributes.add_address("network.local", text_of(record, "local"));
    }
    if (const std::string identity = text_of(record, "identity"); !identity.empty())
        attributes.add("enduser.id", identity);
    if (!end_class.empty() && end_class != "clean")
        attributes.add("error.type", text_of(record, "reason"));
    for (const auto& [key, value] : record.items()) {
        const bool socket = key == "transport" || key == "peer" || key == "local";
        if (!named_elsewhere(key) && !socket) attributes.add_own(key, value);
    }
    return attributes.list();
}

Json log_record(const Record& record) {
    const int64_t time_ms = read_time(text_of(record, "time")).value_or(0);
    // fixed64: a string of digits.
    const std::string time_ns = std::to_string(std::max<int64_t>(time_ms, 0)) + "000000";
    const Severity severity = severity_of(record);
    Json log = {{"timeUnixNano", time_ns},
                {"observedTimeUnixNano", time_ns},
                {"severityNumber", severity.number},
                {"severityText", severity.text}};
    std::string body = text_of(record, "because");
    if (body.empty()) body = "A request has begun.";
    log["body"] = {{"stringValue", body}};
    log["attributes"] = attributes_of(record);
    if (const std::string trace = text_of(record, "trace_id"); trace.size() == 32)
        log["traceId"] = trace;
    log["eventName"] = "becaused." + text_of(record, "event");
    return log;
}

Json resource() {
    Attributes attributes;
    attributes.add("service.name", "becaused");
    attributes.add("service.version", BECAUSED_VERSION);
    char host[256] = "";
    if (::gethostname(host, sizeof host - 1) == 0) attributes.add("host.name", host);
    attributes.add("process.pid", static_cast<uint64_t>(::getpid()));
    return {{"attributes", attributes.list()}};
}

bool own(const Record& record, const std::vector<std::string>& peers) {
    return text_of(record, "event") == "connection" && text_of(record, "side") == "upstream" &&
           std::ranges::find(peers, text_of(record, "peer")) != peers.end();
}

}  // namespace

OtlpBatch otlp_batch(std::string_view lines, const std::vector<std::string>& own_peers) {
    OtlpBatch batch;
    Json logs = Json::array();
    while (!lines.empty()) {
        const size_t end = std::min(lines.find('\n'), lines.size());
        const Record record = Record::parse(lines.substr(0, end), nullptr, false);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (!record.is_object()) ++batch.unreadable;
        else if (!own(record, own_peers)) logs.push_back(log_record(record));
    }
    batch.records = logs.size();
    if (logs.empty()) return batch;
    const Json scope = {{"name", "becaused"}, {"version", BECAUSED_VERSION}};
    const Json request = {
        {"resourceLogs",
         Json::array({{{"resource", resource()},
                       {"scopeLogs", Json::array({{{"scope", scope}, {"logRecords", logs}}})}}})}};
    batch.body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    return batch;
}

OtlpAnswer read_otlp_answer(std::string_view body) {
    OtlpAnswer answer;
    const Record said = Record::parse(body, nullptr, false);
    if (!said.is_object()) return answer;
    const Record& partial = part_of(said, "partialSuccess", false);
    answer.message =
        text_of(partial.empty() ? said : partial, partial.empty() ? "message" : "errorMessage");
    // An int64: a string, or a number from those who are less strict.
    const std::string digits = text_of(partial, "rejectedLogRecords");
    std::from_chars(digits.data(), digits.data() + digits.size(), answer.rejected);
    if (digits.empty()) answer.rejected = count_of(partial, "rejectedLogRecords");
    return answer;
}

uint64_t retry_after_ms(std::string_view text, int64_t now_s) {
    constexpr int64_t longest_s = 3600;  // nobody is waited for longer, whatever they say
    int64_t seconds = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || stop != text.data() + text.size()) {
        tm parts{};
        const std::string date(text);
        const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        if (end == nullptr || *end != '\0') return 0;
        seconds = ::timegm(&parts) - now_s;
    }
    return static_cast<uint64_t>(std::clamp<int64_t>(seconds, 0, longest_s)) * 1000;
}

}  // namespace becaused
