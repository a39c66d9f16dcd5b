// Bytes per second of an identity: what comes too fast waits in the sender's kernel, nothing is lost, and
// nobody is blamed for the waiting.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

constexpr size_t kib = 1024;

// Four of them go at once after a rest: a quarter of a second.
void limit_upload(Stage& stage) { stage.options.settings.identity_upload = 1024 * kib; }

// What came since the last call, without a head.
size_t body_bytes(Peer& peer) {
    peer.read();
    const size_t head = peer.received.find("\r\n\r\n");
    const size_t size =
        head == std::string::npos ? peer.received.size() : peer.received.size() - head - 4;
    peer.received.clear();
    return size;
}

void an_upload_goes_on_at_its_rate_and_arrives_whole(Stage& stage) {
    limit_upload(stage);
    constexpr size_t total = 2048 * kib;
    stage.send("POST /build HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(total) +
               "\r\n\r\n");
    assert_true(stage.accept());
    const std::string body = pattern(total);
    size_t sent = 0, got = 0, at_once = 0;
    // 2 MiB at 1 MiB/s: a quarter of a second's worth and some reads at once, the rest in about 1.75 s.
    for (int tick = 0; tick < 40 && got < total; ++tick) {
        sent += stage.client.send(std::string_view(body).substr(sent));
        stage.rig().settle();
        got += body_bytes(stage.upstream);
        if (tick == 0) at_once = got;
        if (tick == 10) assert_in_range(got, 1024 * kib, 1792 * kib);
        stage.rig().advance(100);
        got += body_bytes(stage.upstream);
    }
    assert_in_range(at_once, 256 * kib, 640 * kib);
    assert_int_equal(sent, total);
    assert_int_equal(got, total);
    assert_answered(stage);
}

void a_download_goes_on_at_its_rate(Stage& stage) {
    stage.options.settings.identity_download = 1024 * kib;
    stage.send("GET /images/a/get HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    constexpr size_t total = 1536 * kib;
    const std::string body = pattern(total);
    size_t sent = 0, got = 0;
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    for (int tick = 0; tick < 40 && got < total; ++tick) {
        sent += stage.upstream.send(std::string_view(body).substr(sent));
        stage.rig().settle();
        got += body_bytes(stage.client);
        if (tick == 2) assert_in_range(got, 256 * kib, 1024 * kib);
        stage.rig().advance(100);
        got += body_bytes(stage.client);
    }
    assert_int_equal(got, total);
    assert_text_equal(exchange_summary(stage),
                      "exchange complete by=nobody phase=done op=none status=200\n");
    // The upstream connection carries the next request at once.
    stage.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_text_equal(stage.upstream_got(), version_got);
}

void no_clock_runs_while_we_are_the_ones_who_wait(Stage& stage) {
    stage.options.settings.identity_upload = kib;
    stage.send("POST /build HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" +
               std::string(200'000, 'x'));
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.rig().advance(150'000);  // request_body allows 120 s of silence
    assert_text_equal(stage.client_state(), "open");
    assert_text_equal(stage.records(), "");
    stage.client.close();
    stage.rig().advance(100'000);
    assert_text_contains(stage.records(), "exchange client_");
}

void two_clients_of_one_identity_share(Stage& stage) {
    limit_upload(stage);
    constexpr std::string_view head =
        "POST /build HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
    stage.send(head);
    assert_true(stage.accept());
    stage.second = stage.rig().connect();
    stage.second.send(head);
    stage.rig().settle();
    Peer other = stage.rig().accept();
    assert_true(other.open());
    stage.upstream_bytes();
    other.read();
    other.received.clear();
    const std::string body(3000 * kib, 'x');
    size_t first = 0, second = 0, first_sent = 0, second_sent = 0;
    for (int tick = 0; tick < 20; ++tick) {  // 2 s
        first_sent += stage.client.send(std::string_view(body).substr(first_sent));
        second_sent += stage.second.send(std::string_view(body).substr(second_sent));
        stage.rig().advance(100);
        first += body_bytes(stage.upstream);
        second += body_bytes(other);
    }
    assert_in_range(first + second, 1792 * kib, 2816 * kib);
    assert_in_range(first, (first + second) / 4, (first + second) / 4 * 3);
    stage.more.push_back(std::move(other));
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(an_upload_goes_on_at_its_rate_and_arrives_whole));
    cases.add(SCENARIO(a_download_goes_on_at_its_rate));
    cases.add(SCENARIO(no_clock_runs_while_we_are_the_ones_who_wait));
    cases.add(SCENARIO(two_clients_of_one_identity_share));
    return cases.run("gate_shape");
}
