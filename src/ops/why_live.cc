#include "ops/why_live.hh"

#include <algorithm>

#include "base/text.hh"
#include "ops/phrase.hh"
#include "ops/record_json.hh"
#include "ops/why_list.hh"

namespace becaused {

namespace {

using Json = nlohmann::json;

std::string duration(double ms) {
    std::string text;
    append_duration(text, static_cast<uint64_t>(ms));
    return text;
}

std::string who(const Json& open) {
    const std::string identity = text_of(open, "identity");
    return phrase(text_of(open, "client"), identity.empty() ? "" : " (", identity,
                  identity.empty() ? "" : ")");
}

std::string title(const Json& open) {
    if (text_of(open, "kind") != "exchange")
        return phrase(text_of(open, "side"), " connection ", text_of(open, "peer"));
    const std::string method = text_of(open, "method");
    return phrase(method.empty() ? "(no request line yet)" : method, method.empty() ? "" : " ",
                  text_of(open, "target"), ", from ", who(open));
}

// "; clock first_byte ends it at 30 s", or that none will.
std::string patience(const Json& open) {
    const Json& owes = part_of(open, "owes", false);
    if (owes.empty()) return {};
    const Json& clock = part_of(owes, "clock", false);
    if (clock.empty()) return " No clock will end it.";
    return phrase(" Clock ", text_of(clock, "name"), ": ", duration(number_of(clock, "setting_ms")),
                  ".");
}

std::string traffic(const Json& open) {
    const bool exchange = text_of(open, "kind") == "exchange";
    const Json& bytes = part_of(open, "bytes", false);
    return phrase("open for ", duration(number_of(open, "age_ms")), ", ",
                  bytes_text(count_of(bytes, exchange ? "client_in" : "in")), " in, ",
                  bytes_text(count_of(bytes, exchange ? "client_out" : "out")), " out");
}

// Of the way that is silent: the debtor's, else the one that moved last.
double silence_of(const Json& open) {
    if (const Json& owes = part_of(open, "owes", false); !owes.empty())
        return number_of(owes, "silence_ms");
    const Json& silence = part_of(open, "silence_ms", false);
    const bool exchange = text_of(open, "kind") == "exchange";
    return std::min(number_of(silence, exchange ? "up" : "in"),
                    number_of(silence, exchange ? "down" : "out"));
}

std::string counted(size_t count, std::string_view what) {
    return phrase(count, ' ', what, count == 1 ? "" : "s");
}

}  // namespace

void WhyLive::line(std::string_view raw) {
    const Json open = Json::parse(raw, nullptr, false);
    if (!open.is_object() || text_of(open, "event") != "open") {
        ++unreadable_;
        return;
    }
    const bool exchange = text_of(open, "kind") == "exchange";
    ++(exchange ? requests_ : connections_);
    if (!part_of(open, "noted", false).empty()) ++noted_;
    if (!exchange && !all_ && !text_of(open, "exchange").empty()) return;
    const std::string head = phrase(text_of(open, "id"), "  ", title(open));
    const std::string state =
        phrase(text_of(open, "now"), patience(open), " (", traffic(open), ")");
    items_.push_back({silence_of(open), phrase(harmless(head), "\n    ", harmless(state), '\n')});
}

std::string WhyLive::text() const {
    std::vector<Item> sorted = items_;
    std::ranges::stable_sort(sorted, [](const Item& left, const Item& right) {
        return left.silent_ms > right.silent_ms;
    });
    std::string text;
    for (const Item& item : sorted) text += item.text;
    if (requests_ + connections_ == 0) text = "Nothing is open";
    else
        text += phrase("Open: ", counted(requests_, "request"), ", ",
                       counted(connections_, "connection"));
    if (noted_ > 0)
        text += phrase("; ", noted_,
                       " of these only from the black box of a process that does not answer");
    if (unreadable_ > 0) text += phrase("; ", counted(unreadable_, "line"), " cannot be read");
    return text + ".\n";
}

std::string what_was_open(std::string_view raw) {
    const Json open = Json::parse(raw, nullptr, false);
    if (!open.is_object()) return "something";
    return harmless(phrase(title(open), ", ", traffic(open)));
}

}  // namespace becaused
