#include "ops/why_list.hh"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/text.hh"
#include "gate/path.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"
#include "ops/why_filter.hh"

namespace becaused {

namespace {

constexpr size_t gap = 2;
constexpr size_t widest_what = 48;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Columns of UTF-8 text: one per character. Good enough for paths and sentences.
size_t columns(std::string_view text) {
    return text.size() - static_cast<size_t>(std::ranges::count_if(text, continues));
}

std::string_view first_columns(std::string_view text, size_t count) {
    size_t end = 0;
    while (end < text.size() && (count > 0 || continues(text[end])))
        if (!continues(text[end++])) --count;
    return text.substr(0, end);
}

std::string_view colour_of(const RecordView& record) {
    if (record.end_class == "fault") return "\x1b[31m";
    if (record.end_class == "truncated") return "\x1b[33m";
    if (record.end_class == "refused") return "\x1b[35m";
    if (record.end_class == "clean") return "\x1b[32m";
    return "\x1b[31m";  // the journal lost lines
}

std::string what_of(const RecordView& record) {
    if (record.event == RecordView::Event::journal) return "journal";
    if (record.event == RecordView::Event::connection) return phrase(record.side, ' ', record.peer);
    if (record.method.empty() && record.target.empty()) return "(no request line)";
    return phrase(record.method, ' ', record.target);
}

// A request that has too much to show loses its query, then /vN.N, then its middle: the end of a path
// says what is done.
std::string shortened(std::string text, size_t width) {
    const size_t target = text.find(' ');  // before it, what is no method may hold anything
    if (columns(text) > width) text.resize(std::min(text.find('?', target), text.size()));
    if (const size_t path = text.find(" /v"); columns(text) > width && path != std::string::npos) {
        const std::string_view shorter = without_version(std::string_view(text).substr(path + 1));
        text = phrase(std::string_view(text).substr(0, path + 1), shorter);
    }
    if (columns(text) <= width || width < 12) return text;
    size_t tail = text.size() - width / 2;
    while (tail < text.size() && continues(text[tail])) ++tail;
    const size_t tail_columns = columns(std::string_view(text).substr(tail));
    return phrase(first_columns(text, width - tail_columns - 1), "…",
                  std::string_view(text).substr(tail));
}

// How many bytes a character has, here at the front, that a terminal might obey rather than show; 0: it shows
// it. C0, DEL, C1 (C2 80 to C2 9F in UTF-8), and what has no look of its own but turns the direction of the text
// around it, breaks the line or hides: U+061C, U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF.
size_t obeyed(std::string_view text) {
    const auto byte = [&](size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
    if (byte(0) == 0xC2) return byte(1) >= 0x80 && byte(1) < 0xA0 ? 2 : 0;
    if (text.starts_with("\xD8\x9C")) return 2;
    if (text.starts_with("\xEF\xBB\xBF")) return 3;
    const bool hides = (text.starts_with("\xE2\x80") && ((byte(2) >= 0x8B && byte(2) <= 0x8F) ||
                                                         (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||
                       (text.starts_with("\xE2\x81") && byte(2) >= 0xA0 && byte(2) <= 0xAF);
    return hides ? 3 : 0;
}

bool set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

}  // namespace

Screen screen_of_stdout() {
    Screen screen;
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const char* term = std::getenv("TERM");
    const bool dumb = term != nullptr && std::strcmp(term, "dumb") == 0;
    screen.colours = terminal && !set("NO_COLOR") && !dumb;
    winsize size{};
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) screen.width = size.ws_col;
    if (const char* width = std::getenv("COLUMNS"); width != nullptr) {
        Result<uint64_t> parsed = parse_count(width);
        if (parsed.ok() && parsed.value() > 0) screen.width = parsed.value();
    }
    return screen;
}

std::string harmless(std::string_view text) {
    std::string safe;
    safe.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const size_t bytes = obeyed(text.substr(i));
        safe += bytes > 0 ? '?' : text[i];
        i += std::max<size_t>(bytes, 1);
    }
    return safe;
}

std::string fitted(std::string_view text, size_t width, bool right) {
    std::string cell = harmless(text);
    const size_t used = columns(cell);
    if (used > width)
        return phrase(first_columns(cell, width > 0 ? width - 1 : 0), width > 0 ? "…" : "");
    cell.insert(right ? 0 : cell.size(), width - used, ' ');
    return cell;
}

std::string local_time(int64_t time_ms, bool utc, const char* format) {
    const auto second = static_cast<time_t>(time_ms / 1000);
    tm parts{};
    if (utc) gmtime_r(&second, &parts);
    else localtime_r(&second, &parts);
    char text[32];
    return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

std::string bytes_text(uint64_t bytes) {
    std::string text;
    append_size(text, bytes);
    return text;
}

WhyList::WhyList(const Screen& screen) : screen_(screen) { lay_out(); }

size_t WhyList::usual_width(Column column) {
    switch (column) {
        case Column::in:
        case Column::out:
        case Column::took: return 7;
        case Column::time:
        case Column::by: return 8;
        case Column::id:
        case Column::phase: return 13;
        case Column::what: return 22;
        case Column::reason: return 24;
        case Column::because: return 27;
    }
    return 0;
}

std::string_view WhyList::title(Column column) {
    switch (column) {
        case Column::time: return "TIME";
        case Column::id: return "ID";
        case Column::reason: return "REASON";
        case Column::by: return "BY";
        case Column::phase: return "PHASE";
        case Column::what: return "WHAT";
        case Column::in: return "IN";
        case Column::out: return "OUT";
        case Column::took: return "TOOK";
        case Column::because: return "BECAUSE";
    }
    return "";
}

std::string WhyList::text(Column column, const RecordView& record, const std::string& time) {
    const bool journal = record.event == RecordView::Event::journal;
    switch (column) {
        case Column::time: return time;
        case Column::id: return record.id;
        case Column::reason: return record.reason;
        case Column::by: return record.by;
        case Column::phase: return record.phase;
        case Column::what: return what_of(record);
        case Column::in: return journal ? "" : bytes_text(record.in_bytes);
        case Column::out: return journal ? "" : bytes_text(record.out_bytes);
        case Column::took: {
            std::string took;
            if (!journal) append_duration(took, static_cast<uint64_t>(record.age_ms));
            return took;
        }
        case Column::because: return record.because;
    }
    return "";
}

void WhyList::lay_out() {
    constexpr std::array display = {Column::time,  Column::id,     Column::reason, Column::by,
                                    Column::phase, Column::what,   Column::in,     Column::out,
                                    Column::took,  Column::because};
    constexpr std::array by_use = {Column::time,   Column::because, Column::what, Column::took,
                                   Column::reason, Column::out,     Column::in,   Column::id,
                                   Column::by,     Column::phase};
    constexpr size_t narrowest = 40;
    constexpr size_t whole_sentence = 60;
    // The last three say again what the others say: they come only where nothing has to be cut much.
    const size_t comfort = whole_sentence - usual_width(Column::because) + 18;
    const size_t room = screen_.width == 0 ? SIZE_MAX : std::max(screen_.width, narrowest);
    size_t used = 0;
    std::vector<Column> chosen;
    for (const Column column : by_use) {
        const bool extra = column == Column::id || column == Column::by || column == Column::phase;
        if (used + usual_width(column) + (extra ? comfort : 0) > room) break;
        chosen.push_back(column);
        used += usual_width(column) + gap;
    }
    // What is left goes to the sentence until most are whole, then to the request, then on.
    const size_t left = room - std::min(room, used - std::min(used, gap));
    const size_t sentence = usual_width(Column::because);
    const size_t beyond = left - std::min(left, whole_sentence - sentence);
    const size_t what_extra = std::min(beyond, widest_what - usual_width(Column::what));
    for (const Column column : display) {
        if (std::ranges::find(chosen, column) == chosen.end()) continue;
        size_t width = usual_width(column);
        if (column == Column::what) width += what_extra;
        if (column == Column::because) width = screen_.width == 0 ? 0 : width + left - what_extra;
        cells_.push_back({column, width});
    }
}

std::string WhyList::header() const {
    std::string line;
    for (const Cell& cell : cells_) {
        const bool right =
            cell.column == Column::in || cell.column == Column::out || cell.column == Column::took;
        if (!line.empty()) line.append(gap, ' ');
        line += cell.column == Column::because ? std::string(title(cell.column))
                                               : fitted(title(cell.column), cell.width, right);
    }
    return line + '\n';
}

std::string WhyList::line(const RecordView& record) {
    std::string out;
    if (!begun_) out += header();
    begun_ = true;
    const std::string date = local_time(record.time_ms, screen_.utc, "%Y-%m-%d");
    if (date != date_) out += phrase(date, '\n');
    date_ = date;
    const std::string time = local_time(record.time_ms, screen_.utc, "%H:%M:%S");
    bool first = true;
    for (const Cell& cell : cells_) {
        if (!first) out.append(gap, ' ');
        first = false;
        std::string value = text(cell.column, record, time);
        const bool last = cell.column == Column::because;
        const bool right =
            cell.column == Column::in || cell.column == Column::out || cell.column == Column::took;
        const bool cut = screen_.width > 0;
        // Without a limit nothing is cut; a long cell then pushes the rest of its line.
        if (cut && cell.column == Column::what) value = shortened(harmless(value), cell.width);
        const size_t wide = columns(value);
        if (cut || (!last && wide < cell.width))
            value = fitted(value, last ? std::min(cell.width, wide) : cell.width, right);
        else value = harmless(value);
        const bool coloured = screen_.colours && (last || cell.column == Column::reason);
        out += coloured ? phrase(colour_of(record), value, "\x1b[0m") : value;
    }
    return out + '\n';
}

}  // namespace becaused
