// A body that comes while its request still waits for a connection is its request's on record, though nobody
// has taken it.
#include <nlohmann/json.hpp>

#include "support/rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using Json = nlohmann::json;

namespace {

constexpr uint64_t connect_ms = 5'000;
constexpr std::string_view next_request = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";

RigOptions nobody_accepts() {
    RigOptions options;
    options.upstream_backlog = 0;
    options.settings.connect_tries = 1;
    options.settings.clocks.set_all(ClockName::connect, connect_ms);
    return options;
}

Json exchange_of(Rig& rig) {
    for (const std::string& line : rig.records()) {
        Json record = Json::parse(line);
        if (record["event"] == "exchange") return record;
    }
    fail_test("no exchange is on record");
    return {};
}

// What is on record of a request whose body comes a second after its head, and behind it `behind`.
Json record_of(const std::string& head, const std::string& body, std::string_view behind = {}) {
    Rig rig(nobody_accepts());
    const Peer other = rig.connect_past_the_proxy();
    Peer client = rig.connect();
    client.send(head);
    rig.settle();
    rig.advance(1'000);
    client.send(body + std::string(behind));
    rig.settle();
    rig.advance(connect_ms);
    const Json record = exchange_of(rig);
    assert_text_equal(record["reason"].get<std::string>(), "upstream_connect_timeout");
    client.close();
    rig.settle();
    return record;
}

const std::string chunked =
    "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string sized =
    "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 5\r\n\r\n";

}  // namespace

static void chunks_that_wait_are_the_requests(void**) {
    const Json record = record_of(chunked, "3\r\nabc\r\n");
    assert_int_equal(record["bytes"]["client_in"].get<size_t>(), chunked.size() + 8);
}

static void silence_begins_with_the_last_byte_that_waits(void**) {
    const Json record = record_of(chunked, "3\r\nabc\r\n");
    const double silence = record["silence_ms"]["up"].get<double>();
    assert_true(silence >= connect_ms - 1'000 - 300 && silence <= connect_ms - 1'000 + 300);
}

static void what_stands_behind_a_chunked_body_is_not(void**) {
    const std::string body = "3\r\nabc\r\n0\r\n\r\n";
    const Json record = record_of(chunked, body, next_request);
    assert_int_equal(record["bytes"]["client_in"].get<size_t>(), chunked.size() + body.size());
}

static void what_stands_behind_a_content_length_is_not(void**) {
    const Json record = record_of(sized, "hello", next_request);
    assert_int_equal(record["bytes"]["client_in"].get<size_t>(), sized.size() + 5);
}

static void a_part_of_a_content_length_is_the_requests(void**) {
    const Json record = record_of(sized, "hel");
    assert_int_equal(record["bytes"]["client_in"].get<size_t>(), sized.size() + 3);
}

// Who leaves meanwhile: what it had sent stays on record.
static void a_client_that_resets_has_sent_what_it_had_sent(void**) {
    Rig rig(nobody_accepts());
    const Peer other = rig.connect_past_the_proxy();
    Peer client = rig.connect();
    client.send(chunked + "3\r\nabc\r\n");
    rig.settle();
    client.reset();
    rig.settle();
    const Json record = exchange_of(rig);
    assert_text_equal(record["reason"].get<std::string>(), "client_reset");
    assert_int_equal(record["bytes"]["client_in"].get<size_t>(), chunked.size() + 8);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(chunks_that_wait_are_the_requests),
        cmocka_unit_test(silence_begins_with_the_last_byte_that_waits),
        cmocka_unit_test(what_stands_behind_a_chunked_body_is_not),
        cmocka_unit_test(what_stands_behind_a_content_length_is_not),
        cmocka_unit_test(a_part_of_a_content_length_is_the_requests),
        cmocka_unit_test(a_client_that_resets_has_sent_what_it_had_sent),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
