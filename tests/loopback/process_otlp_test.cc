// Records on their way to an OpenTelemetry collector: the program, and a collector in the test's hands that
// takes, refuses, postpones, dies or hangs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <set>

#include "support/otlp_schema.hh"
#include "support/program.hh"
#include "support/tls_peer.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

using Json = nlohmann::json;

// One gzip member and nothing behind it (RFC 1952).
std::string unpacked(const std::string& packed) {
    z_stream stream{};
    assert_int_equal(::inflateInit2(&stream, 15 + 16), Z_OK);
    std::string out(size_t{16} << 20U, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    assert_int_equal(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    out.resize(stream.total_out);
    assert_int_equal(::inflateEnd(&stream), Z_OK);
    return out;
}

// Where records are sent to. Owned by the test's fixture.
class Collector {
  public:
    Collector() { listen(0); }
    // From here on it speaks TLS, shows this certificate, and takes gzip only.
    void secure(const Pem& certificate) { certificate_ = &certificate; }
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector() { shut(); }

    std::string url() const {
        return (certificate_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
               std::to_string(port_) + "/v1/logs";
    }
    void shut() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void open_again() { listen(port_); }
    // The body of the next request, on `peer`, or on a new connection where it is closed. What the
    // protocol does not allow fails the test.
    std::string request() {
        if (!peer.open() && !tls_) accept();
        while (received().find("\r\n\r\n") == std::string::npos) read_more();
        const size_t head = received().find("\r\n\r\n") + 4;
        const std::string text = received().substr(0, head);
        assert_true(text.starts_with("POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:"));
        assert_text_contains(text, "\r\nContent-Type: application/json\r\n");
        const std::string_view length = "\r\nContent-Length: ";
        const size_t at = text.find(length);
        assert_true(at != std::string::npos);
        const size_t size = std::stoul(text.substr(at + length.size()));
        while (received().size() < head + size) read_more();
        std::string body = received().substr(head, size);
        received().erase(0, head + size);
        const bool packed = text.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos;
        assert_int_equal(packed, takes_gzip);
        if (packed) {
            packed_bytes += body.size();
            body = unpacked(body);
            plain_bytes += body.size();
        }
        const std::vector<std::string> problems = OtlpSchema::problems(body);
        for (const std::string& problem : problems) print_error("%s\n", problem.c_str());
        assert_int_equal(problems.size(), 0);
        return body;
    }
    // The alert by which the next handshake is given up.
    std::string refused() {
        shakes_in_vain_ = true;
        accept();
        return tls_->alert;
    }
    void answer(std::string_view status, std::string_view body = "{}",
                std::string_view fields = "") {
        const std::string text = "HTTP/1.1 " + std::string(status) +
                                 "\r\nContent-Type: application/json\r\n" + std::string(fields) +
                                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                 std::string(body);
        if (tls_) tls_->send(text);
        else peer.send(text);
    }
    // Takes all that comes until the program has ended; the ids of the records.
    void take(const std::string& body) {
        for (const Json& log : logs(body))
            for (const Json& each : log["attributes"])
                if (each["key"] == "becaused.id")
                    ids.insert(each["value"]["stringValue"].get<std::string>());
    }
    void take_all(Program& program) {
        while (!program.ended()) {
            Peer& socket = tls_ ? tls_->socket : peer;
            pollfd look[2] = {{fd_, POLLIN, 0}, {socket.open() ? socket.fd() : -1, POLLIN, 0}};
            if (::poll(look, 2, 50) <= 0) continue;
            if (tls_) {
                tls_->read();
                const bool asks = !tls_->received.empty();
                if (!asks && (socket.eof || socket.error != 0)) tls_.reset();
                if (!asks) continue;
            }
            if (peer.open() && look[1].revents != 0) {
                peer.read();
                if (peer.eof || peer.error != 0) peer.close();
                if (!peer.open() || peer.received.empty()) continue;
            }
            take(request());
            answer("200 OK");
        }
    }
    static std::vector<Json> logs(const std::string& body) {
        const Json request = Json::parse(body);
        std::vector<Json> all;
        for (const Json& log : request["resourceLogs"][0]["scopeLogs"][0]["logRecords"])
            all.push_back(log);
        return all;
    }

    Peer peer;
    std::multiset<std::string> ids;
    bool takes_gzip = false;
    size_t packed_bytes = 0;
    size_t plain_bytes = 0;

  private:
    std::string& received() { return tls_ ? tls_->received : peer.received; }
    void read_more() {
        const Peer& socket = tls_ ? tls_->socket : peer;
        pollfd look{socket.fd(), POLLIN, 0};
        assert_int_equal(::poll(&look, 1, patience_ms), 1);
        if (tls_) tls_->read();
        else peer.read();
        if (socket.eof || socket.error != 0) fail_test("it left before its request was whole");
    }
    void listen(uint16_t port) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        assert_int_equal(::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
        socklen_t length = sizeof at;
        assert_int_equal(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length), 0);
        port_ = ntohs(at.sin_port);
        assert_int_equal(::listen(fd_, 8), 0);
    }
    void accept() {
        pollfd look{fd_, POLLIN, 0};
        assert_int_equal(::poll(&look, 1, patience_ms), 1);
        peer = Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        assert_true(peer.open());
        if (certificate_ == nullptr) return;
        TlsWays ways;
        ways.server = true;
        ways.certificate = certificate_;
        tls_ = std::make_unique<TlsPeer>(std::move(peer), ways);
        for (bool done = false; !done; tls_->flush()) {
            pollfd more{tls_->socket.fd(), POLLIN, 0};
            assert_int_equal(::poll(&more, 1, patience_ms), 1);
            done = tls_->step();
            if (shakes_in_vain_) tls_->read();
            done = shakes_in_vain_ ? !tls_->alert.empty() : done;
            assert_true(shakes_in_vain_ || !tls_->failed);
        }
        // In TLS 1.3 the request may have come with the client's last message.
        if (!shakes_in_vain_) tls_->read();
    }

    int fd_ = -1;
    uint16_t port_ = 0;
    const Pem* certificate_ = nullptr;
    bool shakes_in_vain_ = false;
    std::unique_ptr<TlsPeer> tls_;
};

struct Post {
    Site site;
    Collector collector;
    Program& serve(std::vector<std::string> more = {}) {
        more.insert(more.end(), {"--records-otlp", collector.url()});
        return site.serve(std::move(more));
    }
    // A request, so that there is a record.
    void exchange(Program& program) {
        Peer client = Site::connect(program);
        Peer upstream;
        site.exchange(client, upstream);
    }
};

int open_post(void** state) {
    *state = new Post;
    return 0;
}
int close_post(void** state) {
    delete static_cast<Post*>(*state);
    return 0;
}
Post& post_of(void** state) { return *static_cast<Post*>(*state); }

// But those of the connections to the collector: each once.
void every_record_reaches_the_collector_once(void** state) {
    Post& post = post_of(state);
    Program& program = post.serve();
    for (int i = 0; i < 3; ++i) post.exchange(program);
    post.collector.take(post.collector.request());
    post.collector.answer("200 OK");
    post.exchange(program);
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    std::multiset<std::string> written;
    size_t own = 0;
    for (const std::string& line : post.site.records(0)) {
        const std::string peer = field_of(line, "peer");
        const bool ours = field_of(line, "side") == "upstream" && peer.starts_with("127.0.0.1:");
        if (ours) ++own;
        else written.insert(field_of(line, "id"));
    }
    assert_true(own > 0);
    assert_true(written.size() >= 8);
    assert_true(written == post.collector.ids);
    assert_text_contains(program.err(), "becaused: " + std::to_string(written.size()) +
                                            " records exported, 0 not\n");
}

void a_collector_is_enough_without_a_file(void** state) {
    Post& post = post_of(state);
    Program& program = post.site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                        "unix://" + post.site.path("upstream"), "--profile", "any",
                                        "--records-otlp", post.collector.url()});
    program.await_err("ready on ");
    post.exchange(program);
    assert_true(Collector::logs(post.collector.request()).size() >= 1);
    post.collector.answer("200 OK");
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
}

// RFC 9110 §10.2.3, and "OTLP/HTTP Throttling" of the specification.
void what_cannot_be_taken_now_comes_again_when_it_may(void** state) {
    for (const std::string_view status : {"503 Service Unavailable", "429 Too Many Requests"}) {
        Post& post = post_of(state);
        Program& program = post.serve();
        post.exchange(program);
        const std::string first = post.collector.request();
        const auto begun = std::chrono::steady_clock::now();
        post.collector.answer(status, R"({"code":14,"message":"busy"})", "Retry-After: 2\r\n");
        const std::string second = post.collector.request();
        const auto waited = std::chrono::steady_clock::now() - begun;
        assert_true(waited >= std::chrono::milliseconds(1'900));
        assert_text_equal(second, first);
        post.collector.answer("200 OK");
        program.await_err(": HTTP " + std::string(status.substr(0, 3)) + ": busy; ");
        program.signal(SIGTERM);
        post.collector.take_all(program);
        assert_int_equal(program.wait(), 0);
        assert_text_contains(program.err(), " records exported, 0 not\n");
        post.collector.peer.close();
    }
}

void a_collector_that_is_not_there_yet_is_waited_for(void** state) {
    Post& post = post_of(state);
    post.collector.shut();
    Program& program = post.serve();
    post.exchange(program);
    program.await_err("it cannot be reached (ECONNREFUSED); ");
    post.collector.open_again();
    post.collector.take(post.collector.request());
    post.collector.answer("200 OK");
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), " records exported, 0 not\n");
}

void a_connection_that_died_between_batches_is_replaced(void** state) {
    Post& post = post_of(state);
    Program& program = post.serve();
    post.exchange(program);
    post.collector.take(post.collector.request());
    post.collector.answer("200 OK");
    post.collector.peer.close();
    post.exchange(program);
    post.collector.take(post.collector.request());
    // And one that dies with a batch in it: that comes again.
    post.collector.peer.close();
    post.collector.request();
    post.collector.answer("200 OK");
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), " records exported, 0 not\n");
}

// What would be refused again is not sent again; how many it were is said there too.
void what_is_refused_is_dropped_counted_and_said(void** state) {
    Post& post = post_of(state);
    Program& program = post.serve();
    post.exchange(program);
    const size_t count = Collector::logs(post.collector.request()).size();
    post.collector.answer("400 Bad Request", R"({"code":3,"message":"no\u001b such"})");
    program.await_err(": HTTP 400: no? such: dropping (" + std::to_string(count) + " so far)\n");
    post.exchange(program);
    const std::vector<Json> logs = Collector::logs(post.collector.request());
    assert_text_equal(logs.back()["eventName"].get<std::string>(), "becaused.journal");
    const std::string dropped = logs.back()["attributes"].dump();
    assert_text_contains(dropped, R"({"key":"becaused.dropped","value":{"intValue":")" +
                                      std::to_string(count) + "\"}}");
    post.collector.answer("200 OK");
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), " records exported, " + std::to_string(count) + " not\n");
}

void what_was_taken_in_part_is_counted_so(void** state) {
    Post& post = post_of(state);
    Program& program = post.serve();
    post.exchange(program);
    post.collector.request();
    const std::string said =
        R"({"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}})";
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", said.size());
    post.collector.peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             std::string(size) + said + "\r\n0\r\n\r\n");
    program.await_err(": rejected: too old: dropping (1 so far)\n");
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), " records exported, 1 not\n");
}

// A collector that hangs holds nobody up: not the clients, not memory, and the end for some seconds only.
void a_collector_that_hangs_costs_records_and_nothing_else(void** state) {
    Post& post = post_of(state);
    Program& program = post.serve({"--journal-queue", "64KiB"});
    post.exchange(program);
    post.collector.request();  // and no answer
    Peer client = Site::connect(program);
    Peer upstream;
    // The file's memory is as small: a machine that is busy elsewhere gets the time to write.
    for (size_t i = 1; i <= 200; ++i) {
        post.site.exchange(client, upstream);
        if (i % 50 == 0) post.site.records(i);
    }
    program.await_err("and the memory for them is full: dropping (1 so far)\n");
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), "becaused: 0 records exported, ");
    assert_true(post.site.records(0).size() > 200);  // the file has them all
}

// What a kill left open is told to the collector too.
void the_last_lifes_records_reach_it_too(void** state) {
    Post& post = post_of(state);
    const std::vector<std::string> flags = {"run",
                                            "--listen",
                                            "tcp://127.0.0.1:0",
                                            "--upstream",
                                            "unix://" + post.site.path("upstream"),
                                            "--profile",
                                            "any",
                                            "--records-otlp",
                                            post.collector.url(),
                                            "--state",
                                            post.site.path("state")};
    Program& first = post.site.start(flags);
    first.await_err("ready on ");
    Peer client = Site::connect(first);
    client.send("GET /v1.41/info HTTP/1.1\r\nHost: a\r\n\r\n");
    Peer upstream = post.site.accept();
    await(upstream, "\r\n\r\n");
    first.signal(SIGKILL);
    first.wait();
    Program& second = post.site.start(flags);
    const std::vector<Json> logs = Collector::logs(post.collector.request());
    assert_int_equal(logs.size(), 3);
    for (const Json& log : logs)
        assert_text_contains(log["attributes"].dump(), "\"previous_life\"");
    post.collector.answer("200 OK");
    second.signal(SIGTERM);
    post.collector.take_all(second);
    assert_int_equal(second.wait(), 0);
}

// The same records, in one piece of gzip each time, which is what it is for.
void records_go_compressed_where_that_is_asked_for(void** state) {
    Post& post = post_of(state);
    post.collector.takes_gzip = true;
    Program& program = post.serve({"--records-otlp-gzip"});
    for (int i = 0; i < 20; ++i) post.exchange(program);
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_true(post.collector.ids.size() >= 60);
    assert_true(post.collector.packed_bytes * 4 < post.collector.plain_bytes);
    assert_text_contains(program.err(),
                         std::to_string(post.collector.ids.size()) + " records exported, 0 not\n");
}

// Over TLS whose other end is OpenSSL.
void a_collector_is_asked_by_https(void** state) {
    Post& post = post_of(state);
    Certificates made;
    const Pem authority = made.authority("authority");
    const Pem server = made.server("server", authority);
    post.collector.secure(server);
    post.collector.takes_gzip = true;
    Program& program =
        post.serve({"--records-otlp-gzip", "--records-otlp-tlscacert", authority.certificate});
    for (int i = 0; i < 2; ++i) {
        post.exchange(program);
        post.collector.take(post.collector.request());
        post.collector.answer("200 OK");
    }
    assert_true(post.collector.ids.size() >= 2);
    program.signal(SIGTERM);
    post.collector.take_all(program);
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(),
                         std::to_string(post.collector.ids.size()) + " records exported, 0 not\n");
}

// Somebody else who stands where the collector stood is told nothing.
void a_collector_that_nobody_vouches_for_gets_nothing(void** state) {
    Post& post = post_of(state);
    Certificates made;
    const Pem stranger = made.authority("stranger");
    const Pem server = made.server("server", stranger);
    const Pem authority = made.authority("authority");
    post.collector.secure(server);
    Program& program = post.serve({"--records-otlp-tlscacert", authority.certificate});
    post.exchange(program);
    assert_text_equal(post.collector.refused(), "fatal unknown CA");
    program.await_err("becaused: records_otlp: " + post.collector.url() + ": TLS with it failed (");
    program.signal(SIGTERM);
    post.collector.shut();
    assert_int_equal(program.wait(), 0);
    assert_text_contains(program.err(), "becaused: 0 records exported, ");
}

void addresses_that_are_none_are_refused(void** state) {
    const std::pair<std::string, std::string> rows[] = {
        {"ftp://127.0.0.1:4318/v1/logs", "is no URL: write it like http://HOST:PORT/PATH"},
        {"127.0.0.1:4318", "is no URL: write it like http://HOST:PORT/PATH"},
    };
    for (const auto& [url, said] : rows) {
        Program& program =
            post_of(state).site.start({"check", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                       "unix:///x", "--records-otlp", url});
        assert_int_equal(program.wait(), 2);
        assert_text_contains(program.err(), "becaused: --records-otlp: \"" + url + "\"");
        assert_text_contains(program.err(), said);
    }
    Program& program =
        post_of(state).site.start({"check", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                   "unix:///x", "--records-otlp", "https://127.0.0.1:4318/"});
    assert_int_equal(program.wait(), 2);
    assert_text_equal(program.err(),
                      "becaused: records_otlp_tlscacert: not set: who signs the collector's "
                      "certificate?\n");
}

}  // namespace

int main() {
#define AT_POST(test) cmocka_unit_test_setup_teardown(test, open_post, close_post)
    const CMUnitTest tests[] = {
        AT_POST(every_record_reaches_the_collector_once),
        AT_POST(a_collector_is_enough_without_a_file),
        AT_POST(what_cannot_be_taken_now_comes_again_when_it_may),
        AT_POST(a_collector_that_is_not_there_yet_is_waited_for),
        AT_POST(a_connection_that_died_between_batches_is_replaced),
        AT_POST(what_is_refused_is_dropped_counted_and_said),
        AT_POST(what_was_taken_in_part_is_counted_so),
        AT_POST(a_collector_that_hangs_costs_records_and_nothing_else),
        AT_POST(the_last_lifes_records_reach_it_too),
        AT_POST(records_go_compressed_where_that_is_asked_for),
        AT_POST(a_collector_is_asked_by_https),
        AT_POST(a_collector_that_nobody_vouches_for_gets_nothing),
        AT_POST(addresses_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
