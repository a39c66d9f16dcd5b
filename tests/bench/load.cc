// bench_load: drives one address with groups of connections and prints what came of it as JSON.
//
//   bench_load --target ADDRESS --group KIND:CONNECTIONS[:BYTES]... [--seconds S] [--requests N]
//              [--field-file FILE] [--tls yes] [--rate R] [--hold yes]
//
//   get            GET /small, 100 bytes, keep-alive
//   version        GET /v1.43/version, 100 bytes, keep-alive: a request that profiles know
//   post           POST with 1 KiB (or BYTES), keep-alive
//   connect        GET /small on a connection of its own, closed by the other side
//   down           GET of 64 MiB (or BYTES) with Content-Length      down-chunked: in chunks
//   up             PUT of 64 MiB (or BYTES) with Content-Length      up-chunked: in chunks
//   tunnel         get, inside a tunnel (Upgrade)                    tunnel-down, tunnel-up: alike
//
// Each request has the header field that is in FILE, a line. The run ends when each group has made N
// requests or S seconds (5) are over; what has begun is finished, within 10 seconds more. --tls yes:
// every connection is TLS 1.2. --rate R: R requests of the first group start each second, on connections that
// are there, however long the answers take. --hold yes: prints "open" when all connections are, each after one
// exchange that is not counted, and begins the run when a line comes on standard input (not for
// connect). Exit code 1 when anything was wrong with any answer.

#include <sys/resource.h>

#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "client.hh"
#include "group.hh"
#include "wire.hh"

namespace bench {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t patience_ns = 10 * second_ns;

struct Options {
    Target target;
    std::vector<Group> groups;
    double seconds = 5;
    std::uint64_t rate = 0;  // 0: as quick as the answers come
    std::uint64_t requests = UINT64_MAX;
    std::string field;
    bool hold = false;
};

std::string line_of(const char* path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) die(std::string(path) + " has no line to read");
    return line + "\r\n";
}

// Judges what belongs together, and gives each group its share.
void finish(Options& options) {
    if (options.target.address.length == 0 || options.groups.empty())
        die("--target and --group are needed");
    if (options.target.kind != Channel::Kind::tls && !options.target.address.is_tcp())
        options.target.kind = Channel::Kind::unix;
    if (!(options.seconds > 0 && options.seconds <= 600))
        die("--seconds: more than 0, at most 600");
    if (options.rate > 100'000) die("--rate: at most 100000");
    for (Group& group : options.groups) {
        group.head.insert(group.head.size() - 2, options.field);
        group.opening.insert(group.opening.size() - 2, options.field);
        group.opens_first = options.hold || options.rate > 0 || group.tunnel;
        if (group.opens_first && group.kind == Kind::connect)
            die("--rate and --hold are for connections that are kept");
    }
    if (options.rate > 0) options.groups.front().pace = std::make_unique<Pace>(options.rate);
}

Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (i + 1 == argc) die("no value after " + std::string(name));
        const char* value = argv[i + 1];
        if (name == "--target") {
            options.target.address = parse_address(value);
        } else if (name == "--group") {
            options.groups.push_back(Group::parse(value));
        } else if (name == "--seconds") {
            options.seconds = std::strtod(value, nullptr);
        } else if (name == "--requests") {
            options.requests = parse_number(value, "--requests");
        } else if (name == "--field-file") {
            options.field = line_of(value);
        } else if (name == "--rate") {
            options.rate = parse_number(value, "--rate");
        } else if (name == "--hold" && std::string_view(value) == "yes") {
            options.hold = true;
        } else if (name == "--tls" && std::string_view(value) == "yes") {
            options.target.kind = Channel::Kind::tls;
        } else {
            die("unknown option " + std::string(name));
        }
    }
    finish(options);
    return options;
}

using Clients = std::vector<std::unique_ptr<Client>>;

bool all_idle(const Clients& clients) {
    for (const auto& client : clients) {
        if (!client->idle()) return false;
    }
    return true;
}

bool stops_early(const std::vector<Group>& groups) {
    for (const Group& group : groups) {
        if (group.errors > 0 || group.started >= group.request_limit) return true;
        if (group.pace != nullptr && group.pace->over()) return true;
    }
    return false;
}

// Null: the event is a client's.
Pace* pace_of(const std::vector<Group>& groups, const void* owner) {
    for (const Group& group : groups) {
        if (group.pace.get() == owner) return group.pace.get();
    }
    return nullptr;
}

void turn(Poller& poller, const std::vector<Group>& groups) {
    for (const epoll_event& event : poller.wait(100)) {
        if (Pace* pace = pace_of(groups, event.data.ptr)) {
            pace->tick();
        } else {
            static_cast<Client*>(event.data.ptr)->handle(event.events);
        }
    }
}

void open_first(Poller& poller, const std::vector<Group>& groups, const Clients& clients) {
    for (const auto& client : clients) {
        if (client->group().opens_first) client->open_first();
    }
    const std::int64_t deadline = now_ns() + patience_ns;
    while (!all_idle(clients) && now_ns() < deadline) turn(poller, groups);
    if (!all_idle(clients)) die("not all connections are open, long after the start");
}

void wait_for_word() {
    std::puts("open");
    std::fflush(stdout);
    if (std::getchar() == EOF) die("nobody said when to begin");
}

// Whether all are idle is asked only when some may be: with thousands of connections the question
// would cost more than the load.
void drive(Poller& poller, const std::vector<Group>& groups, const Clients& clients,
           std::int64_t deadline) {
    for (const auto& client : clients) client->start();
    while (true) {
        turn(poller, groups);
        const std::int64_t now = now_ns();
        if ((now >= deadline || stops_early(groups)) && all_idle(clients)) return;
        if (now >= deadline + patience_ns) break;
    }
    for (const auto& client : clients) {
        if (!client->idle()) client->give_up();
    }
}

double own_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The texts in it are ours and need no escapes, but for strerror's, which has none either.
void print_group(const Group& group, std::int64_t begun, const char* separator) {
    const std::int64_t took_ns = group.answered > 0 ? group.last_answer_ns - begun : 0;
    std::printf("{\"kind\": \"%s\", \"connections\": %" PRIu64 ", \"requests\": %" PRIu64
                ", \"body_bytes\": %" PRIu64 ", \"seconds\": %.6f, \"errors\": %" PRIu64
                ", \"first_error\": \"%s\", \"latency_us\": "
                "{\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}}%s",
                group.name.c_str(), group.connections, group.answered,
                group.answered * group.body_bytes, static_cast<double>(took_ns) / 1e9, group.errors,
                group.first_error.c_str(), group.latency.quantile_us(0.5),
                group.latency.quantile_us(0.99), group.latency.quantile_us(0.999),
                group.latency.max_us(), separator);
}

int run_load(int argc, char** argv) {
    Options options = parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    Poller poller;
    Clients clients;
    for (Group& group : options.groups) {
        group.request_limit = options.requests;
        for (std::uint64_t i = 0; i < group.connections; ++i) {
            clients.push_back(std::make_unique<Client>(group, options.target, poller));
        }
    }
    open_first(poller, options.groups, clients);
    if (options.hold) wait_for_word();
    const std::int64_t begun = now_ns();
    const std::int64_t deadline = begun + static_cast<std::int64_t>(options.seconds * second_ns);
    for (Group& group : options.groups) {
        group.deadline_ns = deadline;
        if (group.pace != nullptr) group.pace->begin(poller, begun, deadline);
    }
    drive(poller, options.groups, clients, deadline);

    std::uint64_t errors = 0;
    std::printf("{\"seconds\": %.6f, \"cpu_seconds\": %.6f, \"groups\": [",
                static_cast<double>(now_ns() - begun) / 1e9, own_cpu_seconds());
    for (const Group& group : options.groups) {
        errors += group.errors;
        print_group(group, begun, &group == &options.groups.back() ? "" : ", ");
    }
    std::puts("]}");
    return errors == 0 ? 0 : 1;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) { return bench::run_load(argc, argv); }
