#include "ops/relay.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hh"
#include "http/chunked.hh"
#include "http/parser.hh"
#include "ops/admin_ask.hh"
#include "ops/admin_visit.hh"
#include "ops/announce.hh"
#include "ops/noted.hh"
#include "ops/orders.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr size_t request_limit_bytes = 16 * 1024;
// Less than an operator waits for us.
constexpr uint32_t worker_patience_ms = 1'500;

// Up to the head's end, or as much as came. A head that is not whole is the worker's to complain about.
std::string read_request(int conn) {
    std::string bytes;
    char piece[4096];
    while (!find_head_end(bytes, 0) && bytes.size() < request_limit_bytes) {
        const ssize_t count = ::recv(conn, piece, sizeof piece, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        bytes.append(piece, static_cast<size_t>(count));
    }
    return bytes;
}

// The same without taking any of it, so that a worker can read it all. Waits in poll(2), which counts bytes:
// a recv(2) that peeks does not notice what was joined to the segment it has seen. TCP only: unix sockets
// know no low water.
std::string peek_request(int conn) {
    std::string bytes;
    std::string peeked(request_limit_bytes, '\0');
    for (;;) {
        pollfd ready{conn, POLLIN, 0};
        const int waited = ::poll(&ready, 1, admin_patience_ms);
        if (waited < 0 && errno == EINTR) continue;
        const ssize_t count = ::recv(conn, peeked.data(), peeked.size(), MSG_PEEK | MSG_DONTWAIT);
        if (count <= static_cast<ssize_t>(bytes.size())) return bytes;  // no more comes
        bytes = peeked.substr(0, static_cast<size_t>(count));
        if (find_head_end(bytes, 0) || bytes.size() == request_limit_bytes) return bytes;
        const int more = static_cast<int>(bytes.size()) + 1;
        if (::setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof more) != 0) return bytes;
    }
}

bool send_all(int conn, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(conn, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

// One worker's answer, as it came.
Result<std::string> ask_worker(int channel, std::string_view request) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return Status::failed(phrase("no socket: ", std::strerror(errno)));
    // Only the worker's end: this one waits.
    const bool sent = ::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 &&
                      wait_at_most(ends[0], worker_patience_ms) &&
                      send_order(channel, Order::ask, ends[1]);
    ignored(::close(ends[1]), "the worker has its own");
    // With its end, so that half a question is known for one.
    const bool asked = sent && send_all(ends[0], request) && ::shutdown(ends[0], SHUT_WR) == 0;
    Result<std::string> answer =
        asked ? hear_admin(ends[0], "a worker") : Status::failed("a worker takes no question");
    ignored(::close(ends[0]), "all was read");
    return answer;
}

bool send_chunk(int conn, std::string_view data) {
    if (data.empty()) return true;
    char size[24];
    return send_all(conn, chunk_line(data.size(), size)) && send_all(conn, data) &&
           send_all(conn, chunk_end);
}

// Of one that does not answer: what it noted of itself.
Result<std::string> lines_of(const Colleague& worker, std::string_view request) {
    Result<std::string> bytes = ask_worker(worker.channel, request);
    Result<AdminAnswer> answer =
        bytes.ok() ? read_admin_answer(bytes.value(), "a worker") : bytes.status();
    if (answer.ok() && answer.value().status == 200) return std::move(answer.value().body);
    Status status = answer.ok() ? Status::failed(admin_message(answer.value())) : answer.status();
    if (worker.box.empty()) return status;
    Result<NotedLines> noted = noted_lines(worker.box);
    if (!noted.ok())
        return Status::failed(phrase(status.message(), "; ", noted.status().message()));
    if (noted.value().damaged > 0)
        say(phrase("admin: ", worker.box, " stands for a worker that does not answer",
                   unread_slots(noted.value().damaged)));
    return std::move(noted.value().lines);
}

// It begins before anybody is asked, and goes on at least as often as an operator looks. Without its last
// chunk it does not look whole.
bool send_list(int conn, std::string_view request, const std::vector<Colleague>& workers) {
    if (!send_all(conn,
                  "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
                  "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"))
        return false;
    for (const Colleague& worker : workers) {
        Result<std::string> lines = lines_of(worker, request);
        if (!lines.ok()) say(phrase("admin: ", lines.status().message()));
        if (!lines.ok() || !send_chunk(conn, lines.value())) return false;
    }
    return send_all(conn, last_chunk);
}

// The first worker that has anything else to say than that it does not know.
bool send_answer(int conn, std::string_view request, const std::vector<Colleague>& workers) {
    std::string last;
    for (const Colleague& worker : workers) {
        Result<std::string> bytes = ask_worker(worker.channel, request);
        if (!bytes.ok()) {
            say(phrase("admin: ", bytes.status().message()));
            continue;
        }
        last = std::move(bytes.value());
        Result<AdminAnswer> answer = read_admin_answer(last, "a worker");
        if (answer.ok() && answer.value().status != 404) break;
    }
    return send_all(conn, last);
}

// It is one worker's to complain of, and to have on record.
void pass_half(int conn, std::string_view request, const std::vector<Colleague>& workers) {
    for (const Colleague& worker : workers) {
        Result<std::string> bytes = ask_worker(worker.channel, request);
        if (!bytes.ok()) continue;
        ignored(send_all(conn, bytes.value()), "the operator is gone");
        return;
    }
}

// A Host that is none of ours: whoever asked so is on a worker's record with its own connection, on which
// that one answers it. False: none can now.
bool hand_over(int conn, const std::vector<Colleague>& workers) {
    const int any = 1;
    if (::setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any) != 0 ||
        ::fcntl(conn, F_SETFL, O_NONBLOCK) != 0)
        return false;
    return std::ranges::any_of(workers, [conn](const Colleague& worker) {
        return worker.serves && send_order(worker.channel, Order::ask, conn);
    });
}

// What was peeked at only is still to be read, and would make a reset of our end.
void take_all(int conn, size_t bytes) {
    std::string rest(bytes, '\0');
    ignored(::recv(conn, rest.data(), rest.size(), MSG_DONTWAIT), "it was read before");
}

// By us, who keep no records.
void refuse_host(int conn, size_t bytes) {
    say("admin: a Host that is none of this machine's own names is refused, and on no record: "
        "no worker serves now");
    take_all(conn, bytes);
    constexpr std::string_view refusal =
        "{\"message\":\"the Host is none of this machine's own names\"}\n";
    ignored(send_all(conn, phrase("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
                                  "Connection: close\r\nContent-Length: ",
                                  refusal.size(), "\r\n\r\n", refusal)),
            "then it is gone");
}

}  // namespace

void relay_question(int conn, bool tcp, const std::vector<Colleague>& workers) {
    if (!wait_at_most(conn, admin_patience_ms)) return;
    const std::string request = tcp ? peek_request(conn) : read_request(conn);
    HeadParser parser;
    RequestHead head;
    const auto end = find_head_end(request, 0);
    const bool clear =
        end && !parser.parse_request(std::string_view(request).substr(0, *end), head);
    if (clear && tcp && !is_own_host(head.authority)) {
        if (!hand_over(conn, workers)) refuse_host(conn, request.size());
        return;
    }
    if (tcp) take_all(conn, request.size());
    if (!end) {
        pass_half(conn, request, workers);
    } else if (clear && head.method == "GET" && head.path == "/live" && head.minor_version == 1 &&
               !head.chunked && head.content_length == 0) {
        ignored(send_list(conn, request, workers), "it was said, or the operator is gone");
    } else {
        ignored(send_answer(conn, request, workers), "the operator is gone");
    }
    ignored(::shutdown(conn, SHUT_WR), "it is gone");
}

}  // namespace becaused
