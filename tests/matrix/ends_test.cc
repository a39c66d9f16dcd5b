// Every state by every signal on every pair of transports, and the whole records of it: what a person
// wrote in ends.txt, and beside that what the peers themselves counted and the rig's clock said.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "matrix/ends_states.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using Json = nlohmann::json;

namespace {

const EndsTable& table() {
    static const EndsTable read = [] {
        std::map<std::string, std::string> phases{{"words", ""}, {"phases", ""}};
        for (const State& state : all_states()) phases[state.name] = state.phase;
        return read_ends(BECAUSED_TREE "/tests/matrix/ends.txt", phases);
    }();
    return read;
}

std::string plain_duration(uint64_t ms) {
    return ms % 60'000 == 0 && ms >= 120'000 ? std::to_string(ms / 60'000) + " min"
                                             : std::to_string(ms / 1'000) + " s";
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

// One line of the table being played.
class Played {
  public:
    Played(const State& state, const Signal& signal, const EndsRow& row, const RigOptions& options)
        : state_(state), signal_(signal), row_(row), options_(options), watch_(options) {}

    // What differs from the table; empty: nothing.
    std::string play() {
        state_.reach(watch_);
        const uint64_t struck_ms = watch_.now_ms;
        signal_.strike(watch_, state_, row_);
        struck_end_ms_ = watch_.now_ms;
        watch_.everyone_leaves();
        for (const std::string& line : watch_.scene.rig.records()) sort_in(Json::parse(line));
        if (watch_.scene.rig.ledger().live() > 0) complain("records are still open");
        earliest_ms_ = struck_ms;
        compare("exchange", exchange_, row_.exchange, [this](Json& record) { fill(record); });
        compare("client", client_, row_.client, [this](Json& record) {
            fill(record, watch_.client, "client", options_.unix_client, row_.client);
        });
        compare("upstream", upstream_, row_.upstream, [this](Json& record) {
            fill(record, watch_.upstream, "upstream", options_.unix_upstream, row_.upstream);
        });
        return complaints_;
    }

  private:
    void complain(const std::string& text) { complaints_ += "    " + text + "\n"; }

    void sort_in(Json record) {
        Json& place = record["event"] == "exchange" ? exchange_
                      : record["side"] == "client"  ? client_
                                                    : upstream_;
        if (!place.is_null()) complain("a second record: " + record.dump());
        place = std::move(record);
    }

    template <typename Fill>
    void compare(const char* what, const Json& actual, const End& end, Fill fill_in) {
        if (actual.is_null() && end.reason.empty()) return;
        if (actual.is_null() || end.reason.empty()) {
            complain(std::string(what) + ": " +
                     (actual.is_null() ? "no record" : "unexpected: " + actual.dump()));
            return;
        }
        Json expected;
        actual_ = &actual;
        end_ms_ = ms_of(actual["time"]);
        if (end_ms_ < earliest_ms_ || end_ms_ > watch_.now_ms)
            complain(std::string(what) + ": time: " + actual["time"].dump());
        expected["v"] = 1;
        expected["time"] = actual["time"];
        expected["id"] = actual["id"];
        fill_end(expected, end);
        fill_in(expected);
        loosen(expected, actual);
        for (const auto& [key, value] : expected.items())
            if (!actual.contains(key) || actual[key] != value)
                complain(std::string(what) + ": " + key + ": " +
                         (actual.contains(key) ? actual[key].dump() : "absent") + ", expected " +
                         value.dump());
        for (const auto& [key, value] : actual.items())
            if (!expected.contains(key))
                complain(std::string(what) + ": " + key + ": " + value.dump() + ", unexpected");
    }

    // How much of what was sent was taken, and when, only the kernel knows where somebody does not read: it is
    // something, and no more than was sent.
    void loosen(Json& expected, const Json& actual) {
        if (watch_.client_reads && watch_.upstream_reads) return;
        const uint64_t sent =
            watch_.client_reads ? watch_.client.in.bytes : watch_.upstream.in.bytes;
        const std::string side = expected.value("side", "exchange");
        std::vector<std::string> loose;
        if (side == "exchange")
            loose = watch_.client_reads
                        ? std::vector<std::string>{"/bytes/client_in", "/bytes/upstream_out"}
                        : std::vector<std::string>{"/bytes/upstream_in", "/bytes/client_out"};
        else loose = {(side == "client") == watch_.client_reads ? "/bytes/in" : "/bytes/out"};
        for (const std::string& each : loose) {
            const Json::json_pointer at(each);
            const uint64_t bytes = actual.at(at).get<uint64_t>();
            // Heads, and the framing of chunks that is made anew.
            if (bytes < 64 * 1024 || bytes > sent + sent / 64 + 1'024)
                complain(side + ": " + each + ": " + std::to_string(bytes) + " of " +
                         std::to_string(sent));
            expected[at] = actual.at(at);
        }
        expected["silence_ms"] = actual["silence_ms"];
        if (actual.contains("unsent")) expected["unsent"] = actual["unsent"];
    }

    // Is this the end of whoever did it, or of the one that it happened to?
    bool is_cause(const End& end) const {
        const Word& word = table().words.at(end.reason);
        return word.by != "nobody" || end.reason == "keepalive_idle";
    }

    void fill_end(Json& record, const End& end) {
        const Word& word = table().words.at(end.reason);
        record["reason"] = end.reason;
        record["class"] = word.end_class;
        record["by"] = word.by;
        record["phase"] = end.phase;
        std::string because = word.sentence;
        replace_all(because, "{phase}", table().phases.at(end.phase));
        if (end.reason == "partner") {
            record["first"] = {{"id", exchange_["id"]}, {"reason", row_.exchange.reason}};
            replace_all(because, "{first}", row_.exchange.reason);
        }
        record["op"] = "none";
        if (&end == &row_.exchange && !row_.judged.empty()) {
            record["op"] = "judge";
            record["detail"] = row_.judged;
            replace_all(because, "{detail}", row_.judged);
        } else if (is_cause(end) && end.reason != "shutdown_idle") {
            fill_cause(record, because);
        }
        record["because"] = because;
    }

    std::string fact(const char* name, const char* otherwise) const {
        const auto found = row_.facts.find(name);
        return found == row_.facts.end() ? otherwise : found->second;
    }

    void fill_cause(Json& record, std::string& because) const {
        record["op"] = fact("op", signal_.op);
        if (const std::string name = fact("errno", signal_.errno_name); !name.empty())
            record["errno"] = name;
        if (const std::string parser = fact("parser", ""); !parser.empty()) {
            const size_t at = parser.find('@');
            record["parser_error"] = parser.substr(0, at);
            record["offset"] = std::stoi(parser.substr(at + 1));
        }
        std::string detail = fact("detail", "");
        // In the words of a library, which other versions say in others.
        if (detail == "*") detail = actual_->value("detail", "");
        if (!detail.empty()) {
            record["detail"] = detail;
            replace_all(because, "{detail}", detail);
        }
        if (const std::string clock = fact("clock", signal_.clock); !clock.empty()) {
            const size_t slash = clock.find('/');
            const auto ms = static_cast<uint64_t>(std::stoul(clock.substr(slash + 1)));
            record["clock"] = {{"name", clock.substr(0, slash)}, {"setting_ms", ms}};
            replace_all(because, "{clock}", clock.substr(0, slash));
            replace_all(because, "{setting}", plain_duration(ms));
        }
    }

    static std::string time_of(uint64_t ms) {
        const uint64_t s = 20 + ms / 1'000;
        char text[32];
        std::snprintf(text, sizeof text, "2023-11-14T22:%02u:%02u.%03uZ",
                      static_cast<unsigned>(13 + s / 60), static_cast<unsigned>(s % 60),
                      static_cast<unsigned>(ms % 1'000));
        return text;
    }

    // The exchange's own fields.
    void fill(Json& record) {
        const uint64_t opened = watch_.exchange_opened_ms;
        record["event"] = "exchange";
        record["opened"] = time_of(opened);
        record["age_ms"] = end_ms_ - opened;
        record["request_id"] = exchange_["id"];
        record["client_id"] = client_["id"];
        record["client"] = watch_.client.peer;
        // A head that is refused may still say what was asked for.
        const std::string refused = fact("request", "");
        const size_t slash = std::min(refused.find('/'), refused.size());
        record["method"] = state_.method + refused.substr(0, slash);
        record["target"] = state_.target + refused.substr(slash);
        if (*state_.method != '\0' || !refused.empty()) record["version"] = "1.1";
        if (*state_.method != '\0') {
            record["route"] = state_.route;
        }
        if (*state_.method != '\0' && row_.exchange.phase != "gate") {
            // Made by becaused for the upstream, and told to it.
            const std::string trace = exchange_.value("trace_id", "");
            if (trace.size() != 32 || (watch_.scene.accepted && watch_.scene.upstream.received.find(
                                                                    trace) == std::string::npos))
                complain("exchange: trace_id: " + trace);
            record["trace_id"] = trace;
        }
        if (const std::string side = fact("trail", ""); !side.empty()) {
            const uint64_t after_ms = exchange_["/trail/0/after_ms"_json_pointer].get<uint64_t>();
            if (opened + after_ms < earliest_ms_ || opened + after_ms > struck_end_ms_)
                complain("exchange: trail: not when it happened");
            Json item = {{"after_ms", after_ms}, {"op", fact("op", signal_.op)}, {"side", side}};
            if (const std::string name = fact("errno", signal_.errno_name); !name.empty())
                item["errno"] = name;
            record["trail"] = Json::array({item});
        }
        if (const std::string name = fact("attempt", ""); !name.empty())
            record["attempts"] = Json::array({Json{{"errno", name},
                                                   {"ms", end_ms_ - opened},
                                                   {"op", "connect"},
                                                   {"reused", false},
                                                   {"upstream_id", upstream_["id"]}}});
        const Word& word = table().words.at(row_.exchange.reason);
        if (*state_.identity != '\0') {
            record["identity"] = state_.identity;
            record["proof"] = "static_token";
        }
        const bool answered = state_.upstream_status == 101 || state_.upstream_status >= 200;
        record["status"] = answered ? state_.upstream_status : word.status;
        if (state_.upstream_status != 0) record["upstream_status"] = state_.upstream_status;
        // What the gate asks is none of the request's bytes.
        const Books asked = row_.exchange.phase == "gate" ? Books{} : watch_.upstream;
        if (asked.out.bytes > watch_.upstream_out_before) {
            record["upstream"] = watch_.upstream.peer;
            record["upstream_id"] = upstream_["id"];
        }
        record["bytes"] = {{"client_in", watch_.client.in.bytes - watch_.client_in_before},
                           {"client_out", watch_.client.out.bytes - watch_.client_out_before},
                           {"upstream_in", asked.in.bytes - watch_.upstream_in_before},
                           {"upstream_out", asked.out.bytes - watch_.upstream_out_before}};
        record["silence_ms"] = {{"up", silence(watch_.client.in, opened)},
                                {"down", silence(asked.in, opened)}};
        Json phases = Json::object();
        for (size_t i = 0; i < state_.spans.size(); ++i) {
            const uint64_t end =
                i + 1 < state_.spans.size() ? state_.spans[i + 1].begin_ms : end_ms_ - opened;
            const uint64_t ms = end - state_.spans[i].begin_ms;
            if (ms > 0) phases[state_.spans[i].phase] = ms;
        }
        record["ms"] = phases;
    }

    uint64_t silence(const Moved& moved, uint64_t opened) const {
        const uint64_t since = moved.any && moved.last_ms >= opened && moved.last_ms <= end_ms_
                                   ? moved.last_ms
                                   : opened;
        return end_ms_ - since;
    }

    void fill(Json& record, const Books& books, const char* side, bool unix_socket,
              const End& end) {
        record["event"] = "connection";
        record["side"] = side;
        record["transport"] = unix_socket ? "unix" : "tcp";
        record["peer"] = books.peer;
        if (!books.local.empty()) record["local"] = books.local;
        record["opened"] = time_of(books.opened_ms);
        record["age_ms"] = end_ms_ - books.opened_ms;
        record["exchanges"] = books.exchanges;
        // Of TLS what is inside counts: in a handshake nothing is. A PROXY header is the balancer's.
        const bool sealed =
            (end.phase == "tls_handshake" || end.phase == "accept") && &books == &watch_.client;
        record["bytes"] = {{"in", sealed ? 0 : books.in.bytes},
                           {"out", sealed ? 0 : books.out.bytes}};
        record["silence_ms"] = {{"in", silence(books.in, books.opened_ms)},
                                {"out", silence(books.out, books.opened_ms)}};
        if (books.local.empty()) record["ms"] = {{"connect", 0}};
        if (fact("leaves", "") == side)
            record["trail"] =
                Json::array({{{"after_ms", actual_->value("/trail/0/after_ms"_json_pointer, 0.0)},
                              {"errno", "ECONNRESET"},
                              {"op", "read"},
                              {"side", side}}});
        // One that never stood served nothing; the exchange's attempts name it.
        const bool clean = table().words.at(end.reason).end_class == "clean";
        if (!clean && end.phase != "keepalive" && books.exchanges > 0)
            record["exchange"] = exchange_["id"];
    }

    const State& state_;
    const Signal& signal_;
    const EndsRow& row_;
    RigOptions options_;
    Watch watch_;
    Json exchange_, client_, upstream_;
    uint64_t earliest_ms_ = 0;  // the signal's
    uint64_t struck_end_ms_ = 0;
    uint64_t end_ms_ = 0;
    const Json* actual_ = nullptr;
    std::string complaints_;
};

RigOptions options_for(const State& state, const Signal& signal, unsigned wiring) {
    RigOptions options;
    options.unix_client = (wiring & 1U) != 0;
    options.unix_upstream = (wiring & 2U) != 0;
    options.settings.clocks.set_all(ClockName::tunnel, 90'000);
    if (state.options != nullptr) state.options(options);
    // These two come after other clocks' time, or never where those are on.
    const bool by_age = std::string(signal.name) == "max_age";
    if (by_age) options.settings.clocks.set_all(ClockName::max_age, max_age_ms);
    if (by_age || std::string(signal.name) == "drain")
        for (const ClockName clock : {ClockName::request_head, ClockName::connect,
                                      ClockName::first_byte, ClockName::linger, ClockName::auth})
            options.settings.clocks.set_all(clock, 0);
    if (state.dials_tcp) {
        options.upstream_backlog = 0;
        options.settings.connect_tries = 1;
    }
    return options;
}

void every_end_has_the_records_that_the_table_says(void**) {
    { const Rig first; }  // libuv opens descriptors of its own once per process
    const char* const only = std::getenv("BECAUSED_ENDS");  // "state" or "state.signal"
    std::map<std::string, const EndsRow*> rows;
    for (const EndsRow& row : table().rows) {
        const std::string name = row.state + "." + row.signal;
        if (!rows.emplace(name, &row).second) fail_test(name + " is twice in ends.txt");
    }
    size_t played = 0, differ = 0, used = 0;
    for (const State& state : all_states()) {
        for (const Signal& signal : all_signals()) {
            const std::string name = std::string(state.name) + "." + signal.name;
            if (!rows.contains(name)) fail_test("ends.txt has no line for " + name);
            const EndsRow& row = *rows[name];
            ++used;
            if (!row.impossible.empty()) continue;
            if (only != nullptr && name.find(only) == std::string::npos) continue;
            for (unsigned wiring = 0; wiring < 4; ++wiring) {
                const RigOptions options = options_for(state, signal, wiring);
                const bool here = !(signal.needs_tcp_client && options.unix_client) &&
                                  !(signal.needs_tcp_upstream && options.unix_upstream) &&
                                  !(state.dials_tcp && options.unix_upstream) &&
                                  !(state.only_tcp && options.unix_client);
                if (!here) continue;
                ++played;
                const std::string complaints = Played(state, signal, row, options).play();
                if (complaints.empty()) continue;
                ++differ;
                print_error("ends.txt:%d: %s (%s to %s)\n%s", row.line, name.c_str(),
                            options.unix_client ? "unix" : "tcp",
                            options.unix_upstream ? "unix" : "tcp", complaints.c_str());
            }
        }
    }
    print_message("%zu ends played\n", played);
    assert_int_equal(used, rows.size());
    if (differ > 0) fail_test(std::to_string(differ) + " ends differ");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_the_records_that_the_table_says),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
