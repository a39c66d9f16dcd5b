#include "ops/why.hh"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "ops/chain.hh"
#include "ops/command.hh"
#include "ops/lines.hh"
#include "ops/noted.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"
#include "ops/why_live.hh"
#include "ops/why_report.hh"

namespace becaused {

namespace {

// Standard output in large pieces; remembers that its reader went away.
class Output {
  public:
    void add(std::string_view text) {
        pending_ += text;
        constexpr size_t piece = 32 * 1024;
        if (pending_.size() >= piece) flush();
    }
    void flush() {
        std::string_view rest = pending_;
        while (!rest.empty() && error_ == 0) {
            const ssize_t count = write(STDOUT_FILENO, rest.data(), rest.size());
            if (count > 0) rest.remove_prefix(static_cast<size_t>(count));
            else if (errno != EINTR) error_ = errno;
        }
        pending_.clear();
    }
    // Waits for `ms`, or for the reader to go away.
    void wait(int ms) {
        pollfd reader{STDOUT_FILENO, 0, 0};
        if (poll(&reader, 1, ms) > 0 && (reader.revents & POLLERR) != 0) error_ = EPIPE;
    }
    int error() const { return error_; }

  private:
    std::string pending_;
    int error_ = 0;
};

// Reads to the end; false when reading failed.
bool read_all(Lines& lines, WhyReport& report, Output& output) {
    std::string_view line;
    while (output.error() == 0) {
        switch (lines.next(line)) {
            case Lines::Got::line: output.add(report.line(line)); break;
            case Lines::Got::too_long: report.unreadable_line(); break;
            case Lines::Got::end: return true;
            case Lines::Got::failed: return false;
        }
    }
    return true;
}

bool follow(Lines& lines, WhyReport& report, Output& output) {
    constexpr int pause_ms = 200;
    while (output.error() == 0) {
        output.flush();
        if (!lines.turn_over()) output.wait(pause_ms);
        if (!read_all(lines, report, output)) return false;
    }
    return true;
}

// A live pipe is told about as it speaks, not when it ends.
bool read_pipe(Lines& lines, WhyReport& report, Output& output) {
    std::string_view line;
    while (output.error() == 0) {
        const Lines::Got got = lines.next(line);
        if (got == Lines::Got::end) return true;
        if (got == Lines::Got::failed) return false;
        if (got == Lines::Got::line) output.add(report.line(line));
        else report.unreadable_line();
        output.flush();
    }
    return true;
}

int tell(const WhyRequest& request, Lines& lines) {
    Screen screen = screen_of_stdout();
    screen.utc = request.utc;
    if (request.wide) screen.width = 0;
    WhyReport report(request, screen);
    Output output;
    const bool growing = request.follow && lines.can_grow();
    bool read = request.follow && !growing ? read_pipe(lines, report, output)
                                           : read_all(lines, report, output);
    if (read && growing) read = follow(lines, report, output);
    if (!read) return complain("why: " + request.file + ": reading failed", exit_failed);
    if (output.error() == EPIPE) return exit_fine;
    if (const std::string_view rest = lines.rest(); !rest.empty()) output.add(report.line(rest));
    output.add(report.end());
    output.flush();
    const std::string remark = report.remark();
    ignored(write(STDERR_FILENO, remark.data(), remark.size()), "stderr is gone");
    if (output.error() != 0 && output.error() != EPIPE)
        return complain("why: standard output cannot be written", exit_failed);
    return report.found() ? exit_fine : exit_failed;
}

int show_open(const WhyRequest& request, const std::string& lines) {
    Output output;
    if (request.json) {
        output.add(lines);
    } else {
        WhyLive open(request.filter.all);
        for (const std::string_view line : split(lines, '\n')) open.line(line);
        output.add(open.text());
    }
    output.flush();
    if (output.error() != 0 && output.error() != EPIPE)
        return complain("why: standard output cannot be written", exit_failed);
    return exit_fine;
}

// It does not answer: what it noted of itself. The exit code says that it is not the process's own word.
int show_noted(const WhyRequest& request, const Address& address, const Status& silence) {
    std::string lines;
    std::string trouble;
    size_t read = 0;
    size_t damaged = 0;
    for (const std::string& box : boxes_of(request.place, address)) {
        Result<NotedLines> noted = noted_lines(box);
        if (noted.ok()) lines += noted.value().lines;
        if (noted.ok()) damaged += noted.value().damaged;
        else trouble += "; " + noted.status().message();
        read += noted.ok() ? 1 : 0;
    }
    const bool none = read == 0 && trouble.empty();
    const int code =
        complain(phrase("why: ", silence.message(), trouble,
                        none       ? "; its black box is not known: give its --state DIR"
                        : read > 0 ? "; this is from its black box, as it last noted it"
                                   : "",
                        unread_slots(damaged)),
                 exit_failed);
    if (read > 0) ignored(show_open(request, lines), "it failed already");
    return code;
}

// What is open now, from the process itself.
int live(WhyRequest& request) {
    constexpr uint32_t patience_ms = 2'000;
    complete_place(request.place);
    Result<Address> address = find_admin(request.place);
    if (!address.ok()) return complain("why: " + address.status().message(), exit_failed);
    bool silent = false;
    Result<AdminAnswer> answer = ask_admin(address.value(), "GET", "/live", patience_ms, &silent);
    if (silent) return show_noted(request, address.value(), answer.status());
    if (!answer.ok()) return complain("why: " + answer.status().message(), exit_failed);
    if (answer.value().status != 200)
        return complain("why: " + admin_message(answer.value()), exit_failed);
    return show_open(request, answer.value().body);
}

std::string_view words(Chain::Verdict verdict) {
    switch (verdict) {
        case Chain::Verdict::good: break;
        case Chain::Verdict::unchained: return "it is not chained";
        case Chain::Verdict::changed: return "it was changed, or is of another key";
        case Chain::Verdict::moved:
            return "it does not follow the line before it: lines are missing, added or moved";
    }
    return "";
}

// Exit code 0: every line is as it was written.
int verify(const WhyRequest& request, Lines& lines) {
    if (request.key_file.empty())
        return complain("why: --verify needs --records-key-file FILE", exit_usage);
    Result<Chain> chain = Chain::from_file(request.key_file);
    if (!chain.ok()) return complain("why: " + chain.status().message(), exit_failed);
    uint64_t count = 0;
    const auto bad = [&](std::string_view why) {
        return complain(phrase(request.file, ": line ", count + 1, ": ", why), exit_failed);
    };
    std::string_view line;
    for (Lines::Got got = lines.next(line); got != Lines::Got::end; got = lines.next(line)) {
        if (got == Lines::Got::failed)
            return complain("why: " + request.file + ": reading failed", exit_failed);
        if (got == Lines::Got::too_long) return bad("it is too long to be ours");
        const Chain::Verdict verdict = chain.value().check(line);
        if (verdict != Chain::Verdict::good) return bad(words(verdict));
        ++count;
    }
    if (!lines.rest().empty()) return bad("it has no end");
    const auto text = [](const Chain::Link& link) {
        return std::string_view(link.data(), link.size());
    };
    Output output;
    const std::string_view before = text(chain.value().first());
    const bool begins = before.find_first_not_of('0') == std::string_view::npos;
    if (count == 0) output.add(request.file + ": has no line to check\n");
    else
        output.add(
            phrase(request.file, ": ", count, count == 1 ? " line is" : " lines are",
                   " as written; before them: ", begins ? "none, the chain begins here" : before,
                   ", the last: ", text(chain.value().last()), '\n'));
    output.flush();
    return exit_fine;
}

}  // namespace

int why(std::span<const std::string> arguments) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    Result<WhyRequest> request = parse_why(arguments, now_ms);
    if (!request.ok()) return complain(request.status().message(), exit_usage);
    // A reader that has seen enough (head, less) is not an error.
    std::signal(SIGPIPE, SIG_IGN);
    if (request.value().live) return live(request.value());
    std::string& file = request.value().file;
    if (const char* records = std::getenv("BECAUSED_RECORDS"); file.empty() && records != nullptr)
        file = records;
    if (const char* key = std::getenv("BECAUSED_RECORDS_KEY_FILE");
        request.value().key_file.empty() && key != nullptr)
        request.value().key_file = key;
    if (file.empty() && isatty(STDIN_FILENO) == 1)
        return complain("why: which file? give its name, or - for standard input", exit_usage);
    if (file.empty()) file = "-";
    Lines lines;
    const Status opened = lines.open(file);
    if (!opened.ok()) return complain("why: " + opened.message(), exit_failed);
    if (lines.compressed()) {
        const bool piped = file == "-";
        return complain(
            phrase("why: ", piped ? "standard input" : file, " is compressed: try zcat ",
                   piped ? "FILE" : file, " | becaused why -"),
            exit_failed);
    }
    return request.value().verify ? verify(request.value(), lines) : tell(request.value(), lines);
}

}  // namespace becaused
