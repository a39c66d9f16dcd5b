// Bounds: sizes of heads and targets, numbers of fields, time for a head, descriptors (HTTP.md).
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.hh"
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view too_large = "client_head_too_large";

std::string target_of(size_t size) { return "/" + times(size - 1, "t"); }
std::string get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
// A request head of exactly `size` bytes, its field of any length.
std::string head_of(size_t size) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return head + times(size - head.size() - 4, "x") + "\r\n\r\n";
}
std::string fields_of(size_t count) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + times(count - 1, "X:y\r\n") + "\r\n";
}
std::string answer_of(size_t size) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    return head + times(size - head.size() - 4, "x") + "\r\n\r\n";
}

// The request as the upstream gets it: {+} before the last empty line.
std::string forwarded(const std::string& head) {
    return head.substr(0, head.size() - 2) + "{+}\r\n";
}

struct Size {
    std::string_view name;
    std::string (*request)();
    int status = 204;  // 204: it passes
    std::string_view detail = {};
    std::string_view reason = too_large;
};
constexpr Size sizes[] = {
    {"a target of 8 KiB passes", [] { return get(target_of(8192)); }},
    {"a target over 8 KiB gets 414", [] { return get(target_of(8193)); }, 414,
     "the request target is over 8 KiB"},
    {"a target without end gets 414 before its line ends", [] { return "GET " + target_of(8200); },
     414, "the request target is over 8 KiB"},
    {"a query over 8 KiB gets 414", [] { return get("/?" + target_of(8191)); }, 414,
     "the request target is over 8 KiB"},
    {"an absolute target over 8 KiB gets 414", [] { return get("http://a" + target_of(8185)); },
     414, "the request target is over 8 KiB"},
    {"a head of 16.4 KB passes, as docker sends", [] { return head_of(16'400); }},
    {"a head of 64 KiB passes", [] { return head_of(65'536); }},
    {"a head over 64 KiB gets 431", [] { return head_of(65'537); }, 431, "the head is over 64 KiB"},
    {"a head far over 64 KiB gets 431", [] { return head_of(150'000); }, 431,
     "the head is over 64 KiB"},
    {"a head without end gets 431 at 64 KiB", [] { return head_of(65'540).substr(0, 65'536); }, 431,
     "the head is over 64 KiB"},
    {"1024 fields pass", [] { return fields_of(1024); }},
    {"1025 fields get 431", [] { return fields_of(1025); }, 431, "more than 1024 field lines"},
    {"64 Connection options pass",
     [] { return "GET / HTTP/1.1\r\nHost: a\r\nConnection: " + times(63, "x,") + "y\r\n\r\n"; }},
    {"65 Connection options are refused",
     [] { return "GET / HTTP/1.1\r\nHost: a\r\nConnection: " + times(64, "x,") + "y\r\n\r\n"; },
     400, "more than 64 Connection options", "client_malformed"},
    {"65 Connection options in many lines are refused",
     [] { return "GET / HTTP/1.1\r\nHost: a\r\n" + times(65, "Connection: x\r\n") + "\r\n"; }, 400,
     "more than 64 Connection options", "client_malformed"},
    {"a request line without a method gets 501 before its end", [] { return times(65, "G"); }, 501,
     "the method is not one that is known", "request_unsupported"},
};
void check_size(Stage& stage, const Size& row) {
    const std::string request = row.request();
    stage.send(request);
    if (row.status != 204) {
        assert_false(stage.accept());
        assert_own_answer(stage, {row.status, row.reason, row.detail});
        assert_text_equal(stage.client_state(), "fin");
        return;
    }
    assert_true(stage.accept());
    const std::string got = stage.upstream_got();
    if (request.find("Connection: ") == std::string::npos)
        assert_text_equal(got, forwarded(request));
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.records(), complete_204);
}

void an_answers_head_of_64_kib_passes(Stage& stage) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    const std::string answer = answer_of(65'536);
    stage.answer(answer);
    assert_text_equal(stage.client_bytes(),
                      answer.substr(0, answer.size() - 2) + "Via: 1.1 becaused\r\n\r\n");
}

void check_large_answer(Stage& stage, const std::string& answer, std::string_view detail) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.answer(answer);
    OwnAnswer due{502, "upstream_head_too_large", detail};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(
        stage.records(),
        "exchange upstream_head_too_large by=upstream phase=first_byte op=parse status=502\n"
        "upstream upstream_head_too_large by=upstream phase=first_byte op=parse\n");
}
void an_answers_head_over_64_kib_gets_502(Stage& stage) {
    check_large_answer(stage, answer_of(65'537), "the head is over 64 KiB");
}
void an_answers_head_without_end_gets_502(Stage& stage) {
    check_large_answer(stage, answer_of(65'540).substr(0, 65'536), "the head is over 64 KiB");
}
void an_answer_of_too_many_fields_gets_502(Stage& stage) {
    check_large_answer(stage, "HTTP/1.1 200 OK\r\n" + times(1025, "X:y\r\n") + "\r\n",
                       "more than 1024 field lines");
}

// ---- time ---------------------------------------------------------------------------------------

void a_silent_head_gets_408(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n");
    stage.rig().advance(14'000);
    assert_text_equal(stage.client_bytes(), "");
    stage.rig().advance(2'000);
    assert_own_answer(stage, {408, "client_head_timeout",
                              "The client did not finish its request head: clock request_head "
                              "allows 15 s."});
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.leave(),
                      "exchange client_head_timeout by=client phase=request_head op=clock "
                      "clock=request_head/15000 status=408\n"
                      "client client_head_timeout by=client phase=request_head op=clock "
                      "clock=request_head/15000\n");
}

// A byte every ten seconds keeps the idle clock quiet; the total one rings.
void a_dripped_head_gets_408(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    for (int i = 0; i < 5; ++i) {
        stage.rig().advance(10'000);
        stage.send("x");
        assert_text_equal(stage.client_bytes(), "");
    }
    stage.rig().advance(11'000);
    assert_own_answer(stage, {408, "client_head_timeout",
                              "The client did not finish its request head: clock "
                              "request_head_total allows 60 s."});
    assert_false(stage.accept());
}

void a_silent_body_gets_408(Stage& stage) {
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
    assert_true(stage.accept());
    stage.rig().advance(119'000);
    assert_text_equal(stage.client_bytes(), "");
    stage.rig().advance(2'000);
    assert_own_answer(stage, {408, "client_stalled_sending",
                              "The client owed bytes of the request and sent none for 2 min (clock "
                              "request_body, 2 min)."});
    assert_text_equal(stage.upstream_state(), "reset");
}

// A body that moves at all is no reason to end it: an hour of drips passes.
void a_slow_body_is_not_cut(Stage& stage) {
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    for (int i = 0; i < 60; ++i) {
        stage.rig().advance(60'000);
        stage.send("x");
        assert_text_equal(stage.upstream_bytes(), "x");
    }
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
}

// ---- descriptors --------------------------------------------------------------------------------

// Every descriptor is taken: whoever knocks hears of it at once by a reset, has a record, and within a
// second after there are some again the next one is served.
void a_lack_of_descriptors_is_told_and_heals(Stage& stage) {
    const becaused::Endpoint at = stage.rig().house().listening().front();
    sockaddr_storage address{};
    const socklen_t length = becaused::fill_sockaddr(at, address);
    const int knocks[] = {::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                          ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    rlimit before{};
    assert_int_equal(::getrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<int> taken{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const rlimit none{static_cast<rlim_t>(taken.front()) + 1, before.rlim_max};
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);

    for (const int fd : knocks) {
        assert_int_equal(::connect(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
        stage.more.emplace_back(fd);
    }
    stage.rig().settle();
    for (Peer& peer : stage.more) peer.read();

    for (const int fd : taken) ::close(fd);
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &before), 0);
    for (const Peer& peer : stage.more) assert_int_equal(peer.error, ECONNRESET);
    assert_text_equal(stage.records(),
                      "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n"
                      "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n");
    stage.send(next);
    stage.rig().advance(1'000);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(sizes, check_size);
    cases.add(SCENARIO(an_answers_head_of_64_kib_passes));
    cases.add(SCENARIO(an_answers_head_over_64_kib_gets_502));
    cases.add(SCENARIO(an_answers_head_without_end_gets_502));
    cases.add(SCENARIO(an_answer_of_too_many_fields_gets_502));
    cases.add(SCENARIO(a_silent_head_gets_408));
    cases.add(SCENARIO(a_dripped_head_gets_408));
    cases.add(SCENARIO(a_silent_body_gets_408));
    cases.add(SCENARIO(a_slow_body_is_not_cut));
    cases.add(SCENARIO(a_lack_of_descriptors_is_told_and_heals));
    return cases.run("limits");
}
