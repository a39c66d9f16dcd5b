#include "ops/announce.hh"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "net/address.hh"
#include "ops/notify.hh"
#include "ops/phrase.hh"

namespace becaused {

void say(std::string_view text) {
    ignored(std::fputs(phrase("becaused: ", text, '\n').c_str(), stderr),
            "nobody is left to hear it");
}

void say_ready(const std::vector<Endpoint>& ports, const Settings& settings) {
    std::string where;
    for (const Endpoint& port : ports) {
        if (!where.empty()) where += ", ";
        if (port.kind == Endpoint::Kind::unix) {
            where += "unix://" + *port.path;
        } else {
            where += "tcp://";
            append_endpoint(where, port);
        }
    }
    say(phrase("ready on ", where, " in front of ", settings.upstream.text));
    ignored(notify("READY=1") ? 0 : 1, "it is no service");
}

void warn_of_open_ports(const std::vector<Endpoint>& ports, const Settings& settings) {
    if (!settings.access.empty() || !settings.auth_service.text.empty()) return;
    for (size_t i = 0; i < ports.size(); ++i) {
        const bool verified = settings.tlsverify && !settings.listen[i].plain;
        if (ports[i].kind == Endpoint::Kind::unix || is_loopback(ports[i]) || verified) continue;
        say(phrase("warning: whoever reaches ", settings.listen[i].text, " may do what profile ",
                   settings.profile, " allows: give --access or --tlsverify"));
    }
}

void say_admin(const Endpoint& port) {
    std::string where;
    append_endpoint(where, port);
    say(phrase("operators ask at tcp://", where));
}

void say_left(const std::string& path, int error) {
    say(phrase("listen: unix://", path, ": the socket stays there: ", std::strerror(-error),
               "; the next start replaces it"));
}

void say_stopping(int signal, bool again) {
    ignored(notify("STOPPING=1") ? 0 : 1, "it is no service");
    say(phrase(signal == SIGINT ? "SIGINT" : "SIGTERM", ": ",
               again ? "ending what is left at once"
                     : "accepting no more; finishing what runs (again: at once)"));
}

void say_bye(const Totals& totals, bool why) {
    std::string text =
        phrase("stopped; ", totals.requests(), " requests, ", totals.connections(),
               " connections, ", totals.lost(), " lost, ", totals.dropped, " records dropped");
    struct Count {
        Reason reason;
        uint64_t count;
    };
    std::vector<Count> counts;
    const auto& filed = totals.filed[static_cast<size_t>(Entry::Kind::exchange)];
    for (size_t i = 0; i < reason_count && why; ++i)
        if (filed[i] > 0) counts.push_back({static_cast<Reason>(i), filed[i]});
    std::ranges::stable_sort(
        counts, [](const Count& left, const Count& right) { return left.count > right.count; });
    for (const Count& each : counts)
        text += phrase(&each == &counts.front() ? "; requests ended: " : ", ", each.count, ' ',
                       name(each.reason));
    say(text);
    if (totals.left > 0)
        say(phrase(totals.left, " records could not be written; the next start will"));
}

void say_exported(const Totals& totals) {
    say(phrase(totals.exported, " records exported, ", totals.not_exported, " not"));
}

}  // namespace becaused
