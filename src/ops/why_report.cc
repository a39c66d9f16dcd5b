#include "ops/why_report.hh"

#include <algorithm>
#include <array>

#include "ledger/vocabulary.hh"
#include "ops/command_flags.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

using Event = RecordView::Event;

bool* switch_of(WhyRequest& request, std::string_view flag) {
    if (flag == "-f" || flag == "--follow") return &request.follow;
    if (flag == "--summary") return &request.summary;
    if (flag == "--all") return &request.filter.all;
    if (flag == "--json") return &request.json;
    if (flag == "--utc") return &request.utc;
    if (flag == "--wide") return &request.wide;
    if (flag == "--verify") return &request.verify;
    if (flag == "--live") return &request.live;
    return nullptr;
}

template <typename Enum, size_t count>
std::array<std::string_view, count> names_of() {
    std::array<std::string_view, count> names;
    for (size_t i = 0; i < count; ++i) names[i] = name(static_cast<Enum>(i));
    return names;
}

// Appends the parts of `text`, each of which must be one of `known`.
Status choose(std::vector<std::string>& chosen, std::string_view flag, std::string_view text,
              std::span<const std::string_view> known) {
    for (const std::string_view word : split(text, ',')) {
        if (std::find(known.begin(), known.end(), word) == known.end())
            return Status::failed(
                phrase("why: ", flag, ": no such word: ", word, suggestion(word, known)));
        chosen.emplace_back(word);
    }
    return Status::fine();
}

Status set_since(WhyFilter& filter, std::string_view text, int64_t now_ms) {
    filter.since_ms = read_time(text);
    if (filter.since_ms) return Status::fine();
    Result<uint64_t> ago = parse_duration(text);
    constexpr uint64_t longest_ms = uint64_t{1} << 50;
    if (!ago.ok() || ago.value() == 0 || ago.value() > longest_ms)
        return Status::failed(phrase("why: --since: \"", text,
                                     "\" is no time: write it like 10m, 2026-11-21 or"
                                     " 2026-11-21T12:00:00Z"));
    filter.since_ms = now_ms - static_cast<int64_t>(ago.value());
    return Status::fine();
}

Status set_value(WhyRequest& request, std::string_view flag, std::string_view text,
                 int64_t now_ms) {
    WhyFilter& filter = request.filter;
    if (take_place(flag, text, request.place)) return Status::fine();
    if (flag == "--records-key-file") {
        request.key_file = text;
        return Status::fine();
    }
    if (flag == "--reason")
        return choose(filter.reasons, flag, text, names_of<Reason, reason_count>());
    if (flag == "--by") return choose(filter.sides, flag, text, names_of<Side, side_count>());
    if (flag == "--since") return set_since(filter, text, now_ms);
    (flag == "--path" ? filter.path : filter.id) = text;
    return Status::fine();
}

std::vector<std::string_view> flag_names() {
    std::vector<std::string_view> names = {"--help"};
    for (const Flag& flag : flags_of("why")) names.push_back(flag.name);
    return names;
}

bool takes_value(std::string_view flag) {
    const std::span<const Flag> known = flags_of("why");
    const auto found = std::ranges::find(known, flag, &Flag::name);
    return found != known.end() && !found->argument.empty();
}

}  // namespace

Result<WhyRequest> parse_why(std::span<const std::string> arguments, int64_t now_ms) {
    WhyRequest request;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "-" || !argument.starts_with('-')) {
            if (is_record_id(argument) && request.filter.id.empty()) {
                request.filter.id = argument;
                request.story = true;
                continue;
            }
            if (!request.file.empty())
                return Status::failed(phrase("why: one file only, not also ", argument));
            request.file = argument;
            continue;
        }
        if (bool* on = switch_of(request, argument)) {
            *on = true;
            continue;
        }
        const size_t equals = argument.find('=');
        const std::string_view flag = argument.substr(0, equals);
        if (!takes_value(flag))
            return Status::failed(
                phrase("why: no such flag: ", flag, suggestion(flag, flag_names())));
        if (equals == std::string_view::npos && i + 1 == arguments.size())
            return Status::failed(phrase("why: ", flag, ": needs a value"));
        const std::string_view text = equals == std::string_view::npos
                                          ? std::string_view(arguments[++i])
                                          : argument.substr(equals + 1);
        const Status status = set_value(request, flag, text, now_ms);
        if (!status.ok()) return status;
    }
    if (request.summary && (request.json || request.follow))
        return Status::failed(
            phrase("why: --summary does not go with ", request.json ? "--json" : "--follow"));
    if (request.story && (request.summary || request.follow))
        return Status::failed(phrase("why: the story of one record does not go with ",
                                     request.summary ? "--summary" : "--follow"));
    request.story = request.story && !request.json;
    if (request.verify && (request.follow || request.summary || request.json))
        return Status::failed("why: --verify goes with nothing but --records-key-file");
    if (request.live && (request.follow || request.summary || request.verify ||
                         request.filter.narrow() || !request.file.empty()))
        return Status::failed("why: --live goes with --all, --json, --admin and --state only");
    if (!request.live && !(request.place.admin + request.place.state).empty())
        return Status::failed("why: --admin and --state belong to --live");
    return request;
}

std::string WhyReport::line(std::string_view raw) {
    const std::optional<RecordView> record = read_record(raw);
    if (!record) {
        if (stripped(raw).empty()) ++lines_;
        else unreadable_line();
        return {};
    }
    ++lines_;
    if (request_.story) {
        story_.line(raw, *record);
        return {};
    }
    const WhyFilter& filter = request_.filter;
    if (record->event == Event::request_start) {
        if (started_.size() < most_started) started_.insert(record->id);
        return {};
    }
    if (record->event == Event::exchange) started_.erase(record->id);
    if (filter.selects(*record)) summary_.add(*record);
    // That lines were lost concerns everyone who did not ask for something narrower.
    const bool tell = record->event == Event::journal ? !filter.narrow() && filter.selects(*record)
                                                      : filter.tells(*record);
    if (!tell || request_.summary) return {};
    ++told_;
    return request_.json ? phrase(raw, '\n') : list_.line(*record);
}

void WhyReport::unreadable_line() {
    ++lines_;
    if (++foreign_ == 1) first_foreign_ = lines_;
}

std::string WhyReport::end() const {
    if (request_.story) {
        const std::string story = story_.text();
        return story.empty() ? phrase("No record is called ", request_.filter.id, ".\n") : story;
    }
    if (request_.summary) return summary_.text();
    if (told_ > 0 || request_.json) return {};
    if (request_.filter.narrow()) return "No record matches.\n";
    return phrase("Nothing ended abnormally: ", summary_.totals(), ".\n");
}

std::string WhyReport::remark() const {
    std::string text;
    if (foreign_ > 0)
        text += phrase("becaused: why: ", foreign_, foreign_ == 1 ? " line is" : " lines are",
                       " no record", foreign_ == 1 ? " (line " : "s (the first is line ",
                       first_foreign_, ")\n");
    if (!started_.empty() && !request_.filter.narrow())
        text += phrase("becaused: why: ", started_.size(),
                       started_.size() == 1 ? " request has" : " requests have",
                       " started and not ended, ", harmless(*started_.begin()),
                       started_.size() == 1 ? "" : " among them", '\n');
    return text;
}

}  // namespace becaused
