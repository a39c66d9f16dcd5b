#include "ops/why_story.hh"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hh"
#include "ledger/advice.hh"
#include "ops/phrase.hh"
#include "ops/record_json.hh"

namespace becaused {

namespace {

using Json = nlohmann::json;

constexpr size_t label_width = 16;
constexpr size_t number_width = 8;

std::string duration(double ms) {
    if (ms > 0 && ms < 1) return "<1 ms";
    std::string text;
    append_duration(text, static_cast<uint64_t>(std::llround(ms)));
    return text;
}

std::string labelled(std::string_view label, std::string_view text) {
    return phrase("  ", fitted(label, label_width), harmless(text), '\n');
}

std::string bytes_both(const Json& bytes, const char* in, const char* out) {
    return phrase(bytes_text(count_of(bytes, in)), " in, ", bytes_text(count_of(bytes, out)),
                  " out");
}

// "5f3a09c1-3  POST /images/app/push".
std::string title(const Json& record) {
    return harmless(phrase(text_of(record, "id"), "  ", text_of(record, "method"), ' ',
                           text_of(record, "target")));
}

// "upstream_reset, by upstream, while the answer was on its way".
std::string verdict(const Json& record) {
    const std::string by = text_of(record, "by");
    std::string text = text_of(record, "reason");
    if (!by.empty() && by != "nobody") text += phrase(", by ", by);
    if (const std::string phase = text_of(record, "phase"); phase != "done" && !phase.empty())
        text += phrase(", in ", phase);
    return text;
}

std::string told_text(const Json& record) {
    const uint64_t status = count_of(record, "status");
    std::string text = status == 0 ? std::string("no status") : phrase("status ", status);
    if (const uint64_t upstream = count_of(record, "upstream_status");
        upstream != 0 && upstream != status)
        text += phrase(" (the upstream said ", upstream, ')');
    if (const auto telling = find_telling(text_of(record, "told")))
        text += phrase(", and why: ", words(*telling));
    return text;
}

std::string attempt_text(const Json& attempt) {
    std::string text = text_of(attempt, "upstream_id");
    if (text.empty()) text = "no connection";
    const auto reused = attempt.find("reused");
    if (reused != attempt.end() && reused->is_boolean() && reused->get<bool>()) text += ", reused";
    const std::string op = text_of(attempt, "op");
    const std::string error = text_of(attempt, "errno");
    if (op.empty()) text += ": worked";
    else text += phrase(": ", op, error.empty() ? " failed" : " ", error);
    return phrase(text, " after ", duration(number_of(attempt, "ms")));
}

std::string trail_text(const Json& item) {
    const std::string error = text_of(item, "errno");
    return phrase(text_of(item, "side"), ' ', text_of(item, "op"), error.empty() ? "" : " ", error,
                  " after ", duration(number_of(item, "after_ms")));
}

// What was called in a tunnel; empty where nothing was looked for.
std::string calls_text(const Json& grpc) {
    if (grpc.empty()) return {};
    const uint64_t streams = count_of(grpc, "streams");
    std::string out = labelled("grpc", phrase(streams, streams == 1 ? " call" : " calls",
                                              " by the ", text_of(grpc, "caller")));
    for (const Json& call : part_of(grpc, "calls", true))
        if (call.is_object())
            out += labelled("", phrase(count_of(call, "count"), " x ", text_of(call, "path")));
    if (const uint64_t more = count_of(grpc, "more"); more > 0)
        out += labelled("", phrase(more, " of other methods"));
    return out;
}

// Whether to try again, and what to look at, as the client was told. Of a record that does not say how much was
// sent, nobody may be told that nothing was.
std::string advice_text(const Json& record) {
    const auto reason = find_reason(text_of(record, "reason"));
    if (!reason || row(*reason).end_class == EndClass::clean) return {};
    const std::string method = text_of(record, "method");
    const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
    const Json& bytes = part_of(record, "bytes", false);
    const auto upstream = bytes.find("upstream_out");
    const bool sent = upstream == bytes.end() || !upstream->is_number() || *upstream != 0;
    std::string advice;
    append_advice(advice, *reason,
                  !sent   ? Reached::nothing
                  : reads ? Reached::read_only
                          : Reached::upstream);
    return advice.substr(1);
}

std::vector<PhaseTime> phases_of(const Json& record) {
    const Json& times = part_of(record, "ms", false);
    std::vector<PhaseTime> phases;
    for (size_t i = 0; i < phase_count; ++i) {
        const std::string phase(name(static_cast<Phase>(i)));
        if (const double ms = number_of(times, phase.c_str()); ms > 0)
            phases.push_back({phase, ms});
    }
    return phases;
}

}  // namespace

bool is_record_id(std::string_view text) {
    if (text.size() < 10 || text[8] != '-') return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto hex = [&](char c) { return digit(c) || (c >= 'a' && c <= 'f'); };
    return std::ranges::all_of(text.substr(0, 8), hex) &&
           std::ranges::all_of(text.substr(9), digit);
}

std::string time_line(const std::vector<PhaseTime>& phases, double silent_from_ms, size_t width) {
    double whole_ms = 0;
    for (const PhaseTime& phase : phases) whole_ms += phase.ms;
    std::string text;
    double begin_ms = 0;
    for (const PhaseTime& phase : phases) {
        const double end_ms = begin_ms + phase.ms;
        const auto column = [&](double ms) {
            return static_cast<size_t>(std::llround(ms / whole_ms * static_cast<double>(width)));
        };
        // A phase that took time at all is seen.
        const size_t first = std::min(column(begin_ms), width - 1);
        const size_t last = std::min(std::max(column(end_ms), first + 1), width);
        text += phrase("  ", fitted(phase.name, label_width),
                       fitted(duration(phase.ms), number_width), ' ', std::string(first, ' '));
        for (size_t i = first; i < last; ++i)
            text += whole_ms * (static_cast<double>(i) + 0.5) / static_cast<double>(width) >
                            silent_from_ms
                        ? "░"
                        : "█";
        text += '\n';
        begin_ms = end_ms;
    }
    return text;
}

WhyStory::WhyStory(std::string id, const Screen& screen) : id_(std::move(id)), screen_(screen) {}
WhyStory::~WhyStory() = default;

bool WhyStory::belongs(const RecordView& record) const {
    const std::array<const std::string*, 6> ids = {&record.id,          &record.first_id,
                                                   &record.exchange_id, &record.client_id,
                                                   &record.upstream_id, &record.request_id};
    return wanted_.contains(record.id) ||
           std::ranges::any_of(ids, [&](const std::string* id) { return *id == id_; });
}

void WhyStory::line(std::string_view raw, const RecordView& record) {
    if (!belongs(record)) return;
    if (record.event == RecordView::Event::request_start) {
        if (started_.size() < most_records) started_.insert(record.id);
        return;
    }
    const bool exchange = record.event == RecordView::Event::exchange;
    if (exchange) started_.erase(record.id);
    std::vector<Json>& list = exchange ? exchanges_ : connections_;
    if (list.size() == most_records) {
        ++left_out_;
        return;
    }
    list.push_back(Json::parse(raw, nullptr, false));
    if (!exchange) return;
    // Of a connection's requests, the other connections are no part of its story.
    if (record.id != id_ && record.request_id != id_) return;
    wanted_.insert(record.client_id);
    wanted_.insert(record.upstream_id);
    for (const Json& attempt : part_of(list.back(), "attempts", true))
        if (attempt.is_object()) wanted_.insert(text_of(attempt, "upstream_id"));
    wanted_.erase("");
}

void WhyStory::tell_exchange(std::string& out, const Json& record) const {
    out += title(record) + '\n';
    out += labelled("ended", verdict(record));
    out += labelled("because", text_of(record, "because"));
    if (const std::string advice = advice_text(record); !advice.empty())
        out += labelled("now", advice);
    out += labelled("client was told", told_text(record));
    const std::string route = text_of(record, "route");
    const std::string ended = text_of(record, "time");
    const auto time_ms = read_time(ended);
    out += labelled("took",
                    phrase(duration(number_of(record, "age_ms")), " until ",
                           time_ms ? local_time(*time_ms, screen_.utc, "%Y-%m-%d %H:%M:%S") : ended,
                           route.empty() ? "" : ", patience of class ", route));
    const Json& bytes = part_of(record, "bytes", false);
    out += labelled("client", phrase(text_of(record, "client"), " (", text_of(record, "client_id"),
                                     "): ", bytes_both(bytes, "client_in", "client_out")));
    if (const std::string upstream = text_of(record, "upstream_id"); !upstream.empty())
        out +=
            labelled("upstream", phrase(text_of(record, "upstream"), " (", upstream,
                                        "): ", bytes_both(bytes, "upstream_in", "upstream_out")));
    out += calls_text(part_of(record, "grpc", false));
    const Json& unsent = part_of(record, "unsent", false);
    if (const uint64_t lost = count_of(unsent, "client"); lost > 0)
        out += labelled("", phrase(bytes_text(lost), " of the answer never reached the client"));
    if (const uint64_t lost = count_of(unsent, "upstream"); lost > 0)
        out += labelled("", phrase(bytes_text(lost), " of the request never reached the upstream"));
    size_t number = 0;
    for (const Json& attempt : part_of(record, "attempts", true))
        if (attempt.is_object())
            out += labelled(++number == 1 ? "tries" : "", attempt_text(attempt));
    number = 0;
    for (const Json& item : part_of(record, "trail", true))
        if (item.is_object()) out += labelled(++number == 1 ? "after that" : "", trail_text(item));

    const std::vector<PhaseTime> phases = phases_of(record);
    if (phases.empty()) return;
    double whole_ms = 0;
    for (const PhaseTime& phase : phases) whole_ms += phase.ms;
    const Json& silence = part_of(record, "silence_ms", false);
    const double silent_ms =
        std::min({number_of(silence, "up"), number_of(silence, "down"), whole_ms});
    const size_t used = 2 + label_width + number_width + 1;
    const size_t room =
        screen_.width == 0 ? 60 : std::clamp<size_t>(screen_.width, used + 20, 120) - used;
    out += phrase('\n', time_line(phases, whole_ms - silent_ms, room));
    if (silent_ms >= whole_ms / static_cast<double>(2 * room) && silent_ms >= 1)
        out += labelled("", phrase("░ silent on both ways for the last ", duration(silent_ms)));
}

std::string WhyStory::connection_line(const Json& record) const {
    const Json& bytes = part_of(record, "bytes", false);
    const uint64_t requests = count_of(record, "exchanges");
    const std::string text =
        phrase(text_of(record, "id"), "  ", text_of(record, "side"), ' ', text_of(record, "peer"),
               ": ", verdict(record), "; ", bytes_both(bytes, "in", "out"), ", ", requests,
               requests == 1 ? " request, " : " requests, ", duration(number_of(record, "age_ms")));
    return phrase("  ", harmless(text), '\n');
}

void WhyStory::tell_connection(std::string& out, const Json& record) const {
    out += phrase(harmless(phrase(text_of(record, "id"), "  ", text_of(record, "side"),
                                  " connection ", text_of(record, "peer"))),
                  '\n');
    out += labelled("ended", verdict(record));
    out += labelled("because", text_of(record, "because"));
    out += labelled("took", duration(number_of(record, "age_ms")));
    out += labelled("bytes", bytes_both(part_of(record, "bytes", false), "in", "out"));
    if (const Json& tls = part_of(record, "tls", false); !tls.empty())
        out += labelled("tls", phrase(text_of(tls, "version"), ' ', text_of(tls, "cipher")));
}

std::string WhyStory::text() const {
    std::string out;
    const Json* own = nullptr;
    for (const Json& record : connections_)
        if (text_of(record, "id") == id_) own = &record;
    if (own != nullptr) {
        tell_connection(out, *own);
        if (!exchanges_.empty()) out += "\n  its requests\n";
        for (const Json& record : exchanges_)
            out += phrase("  ", title(record), ": ", harmless(verdict(record)), '\n');
    } else {
        for (const Json& record : exchanges_) {
            if (!out.empty()) out += '\n';
            tell_exchange(out, record);
        }
        if (!connections_.empty() && !out.empty()) out += "\n  connections\n";
        for (const Json& record : connections_) out += connection_line(record);
    }
    for (const std::string& id : started_)
        out += phrase(harmless(id), " has started, and had not ended where the records end.\n");
    if (left_out_ > 0) out += phrase("  and ", left_out_, " more\n");
    return out;
}

}  // namespace becaused
