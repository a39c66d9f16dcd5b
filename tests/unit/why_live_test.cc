// What `becaused why --live` prints of the lines of what is open.
#include "ops/why_live.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

constexpr std::string_view push =
    R"({"v":1,"event":"open","kind":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z",)"
    R"("phase":"first_byte","owes":{"by":"upstream","reason":"upstream_silent","silence_ms":723000},)"
    R"("method":"POST","target":"/v1.43/images/app/push?tag=1","client":"192.0.2.7:4242",)"
    R"("client_id":"5f3a09c1-1","identity":"alice","upstream_id":"5f3a09c1-2","age_ms":7300000,)"
    R"("bytes":{"client_in":412,"client_out":0,"upstream_in":0,"upstream_out":512},)"
    R"("silence_ms":{"up":723000,"down":7300000},"now":"Waits for the first byte of the answer: )"
    R"(the upstream has been silent for 12 min."})";
constexpr std::string_view logs =
    R"({"v":1,"event":"open","kind":"exchange","id":"5f3a09c1-6","phase":"response_body","owes":)"
    R"({"by":"client","reason":"client_stalled_reading","silence_ms":240000,"clock":{"name":)"
    R"("response_body","setting_ms":900000}},"method":"GET","target":"/containers/x/logs",)"
    R"("client":"unix","age_ms":250000,"bytes":{"client_in":80,"client_out":300000,)"
    R"("upstream_in":1,"upstream_out":1},"now":"Bytes wait for the client, which has read nothing )"
    R"(for 4 min."})";
constexpr std::string_view serving =
    R"({"v":1,"event":"open","kind":"connection","id":"5f3a09c1-1","phase":"first_byte","side":)"
    R"("client","peer":"192.0.2.7:4242","age_ms":7300001,"bytes":{"in":412,"out":0},"silence_ms":)"
    R"({"in":1,"out":2},"exchange":"5f3a09c1-3","now":"Serves a request."})";
constexpr std::string_view idle =
    R"({"v":1,"event":"open","kind":"connection","id":"5f3a09c1-9","phase":"keepalive","owes":)"
    R"({"by":"nobody","reason":"keepalive_idle","silence_ms":500000,"clock":{"name":"keepalive",)"
    R"("setting_ms":600000}},"side":"client","peer":"[::1]:9","age_ms":500100,"bytes":{"in":40,)"
    R"("out":90},"now":"Idle for 8 min between requests."})";

std::string shown(const std::vector<std::string_view>& lines, bool all = false) {
    WhyLive live(all);
    for (const std::string_view line : lines) live.line(line);
    return live.text();
}

void the_longest_silence_comes_first_with_its_debtor_and_its_clock(void**) {
    assert_text_equal(
        shown({logs, serving, idle, push}),
        "5f3a09c1-3  POST /v1.43/images/app/push?tag=1, from 192.0.2.7:4242 (alice)\n"
        "    Waits for the first byte of the answer: the upstream has been silent for 12 min. No "
        "clock will end it. (open for 2 h, 412 B in, 0 B out)\n"
        "5f3a09c1-9  client connection [::1]:9\n"
        "    Idle for 8 min between requests. Clock keepalive: 10 min. (open for 8 min, 40 B in, "
        "90 B out)\n"
        "5f3a09c1-6  GET /containers/x/logs, from unix\n"
        "    Bytes wait for the client, which has read nothing for 4 min. Clock response_body: 15 "
        "min. (open for 4 min, 80 B in, 300 kB out)\n"
        "Open: 2 requests, 2 connections.\n");
}

void connections_that_serve_a_listed_request_come_with_all(void**) {
    assert_text_equal(shown({serving}), "Open: 0 requests, 1 connection.\n");
    assert_text_equal(shown({serving}, true),
                      "5f3a09c1-1  client connection 192.0.2.7:4242\n"
                      "    Serves a request. (open for 2 h, 412 B in, 0 B out)\n"
                      "Open: 0 requests, 1 connection.\n");
}

// What a client sent is data to a terminal, never orders.
void bytes_that_a_terminal_obeys_are_not_printed(void**) {
    const std::string text =
        shown({R"({"event":"open","kind":"exchange","id":"5f3a09c1-1","method":"GET","target":)"
               R"("/\u001b[2J\u0007","client":"unix","now":"x\ny"})"});
    assert_true(text.find('\x1b') == std::string::npos);
    assert_true(text.find('\x07') == std::string::npos);
    assert_text_contains(text, "GET /?[2J?, from unix\n    x?y");
}

void what_is_no_line_of_ours_is_counted(void**) {
    assert_text_equal(shown({"", "nonsense", "[1]", R"({"event":"exchange"})"}),
                      "Nothing is open; 4 lines cannot be read.\n");
    // Fields that are missing, or of another kind, are nothing.
    assert_text_equal(
        shown({R"({"event":"open","kind":"exchange","owes":[],"bytes":7,"age_ms":"x"})"}),
        "  (no request line yet), from \n     (open for 0 ms, 0 B in, 0 B out)\n"
        "Open: 1 request, 0 connections.\n");
}

void what_was_ended_is_told_in_a_line(void**) {
    assert_text_equal(what_was_open(push),
                      "POST /v1.43/images/app/push?tag=1, from 192.0.2.7:4242 (alice), open for 2 "
                      "h, 412 B in, 0 B out");
    assert_text_equal(what_was_open("?"), "something");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_silence_comes_first_with_its_debtor_and_its_clock),
        cmocka_unit_test(connections_that_serve_a_listed_request_come_with_all),
        cmocka_unit_test(bytes_that_a_terminal_obeys_are_not_printed),
        cmocka_unit_test(what_is_no_line_of_ours_is_counted),
        cmocka_unit_test(what_was_ended_is_told_in_a_line),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
