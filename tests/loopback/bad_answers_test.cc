// Answers that must not be believed: 502 and a broken upstream connection, while the client has heard
// nothing (HTTP.md).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view no_status = "the status is not three digits";
constexpr std::string_view out_of_range = "the status is not in 100 to 599";
constexpr std::string_view no_start = "the status line does not begin with HTTP/1.0 or HTTP/1.1";
constexpr std::string_view bare_lf = "a line ends in a bare LF";
constexpr std::string_view bare_cr = "a bare CR";
constexpr std::string_view control = "a control byte";
constexpr std::string_view no_number = "Content-Length is not a number of at most 63 bits";
constexpr std::string_view not_chunked = "Transfer-Encoding is not exactly chunked";
constexpr std::string_view other_coding = "a transfer coding other than chunked";

#define OK "HTTP/1.1 200 OK\r\n"
#define STATUS(text) "HTTP/1.1 " text "\r\nContent-Length: 0\r\n\r\n"

constexpr BadAnswer status_lines[] = {
    {"a status of two digits is refused", STATUS("20 OK"), no_status},
    {"the status 11 is refused", STATUS("11 X"), no_status},
    {"a status of four digits is refused", STATUS("2000 OK"), no_status},
    {"the status 000 is refused", STATUS("000 X"), out_of_range},
    {"the status 099 is refused", STATUS("099 X"), out_of_range},
    {"the status 600 is refused", STATUS("600 X"), out_of_range},
    {"the status 999 is refused", STATUS("999 X"), out_of_range},
    {"a status with a letter is refused", STATUS("2x0 OK"), no_status},
    {"a negative status is refused", STATUS("-20 OK"), no_status},
    {"a status with a plus is refused", STATUS("+20 OK"), no_status},
    {"a status with a point is refused", STATUS("200.1 OK"), no_status},
    {"an empty status is refused", STATUS(" OK"), no_status},
    {"two spaces before the status are refused", STATUS(" 200 OK"), no_status},
    {"a tab before the status is refused", "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n",
     no_status},
    {"a tab after the status is refused", STATUS("200\tOK"), no_status},
    {"a reason without a space is refused", STATUS("200OK"), no_status},
    {"a version alone is refused", "HTTP/1.1\r\nContent-Length: 0\r\n\r\n", no_status},
    {"HTTP/2.0 in an answer is refused", "HTTP/2.0 200 OK\r\n\r\n", no_start},
    {"HTTP/1.2 in an answer is refused", "HTTP/1.2 200 OK\r\n\r\n", no_start},
    {"HTTP/0.9 in an answer is refused", "HTTP/0.9 200 OK\r\n\r\n", no_start},
    {"HTTP/1.10 in an answer is refused", "HTTP/1.10 200 OK\r\n\r\n", no_status},
    {"http/1.1 in small letters in an answer is refused", "http/1.1 200 OK\r\n\r\n", no_start},
    {"ICY in an answer is refused", "ICY 200 OK\r\n\r\n", no_start},
    {"RTSP in an answer is refused", "RTSP/1.0 200 OK\r\n\r\n", no_start},
    {"an HTTP/0.9 answer is refused", "<html>hello</html>\r\n\r\n", no_start},
    {"a request as an answer is refused", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", no_start},
    {"an empty line before an answer is refused", "\r\n" STATUS("200 OK"),
     "an empty line instead of a head"},
    {"a space before an answer is refused", " " STATUS("200 OK"), no_start},
    {"a control byte in the reason is refused", STATUS("200 O\x01K"), control},
    {"an escape sequence in the reason is refused", STATUS("200 \x1b[2J"), control},
    {"DEL in the reason is refused", STATUS("200 \x7f"), control},
    {"a NUL in the reason is refused", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"sv,
     "a NUL byte"},
    {"a bare CR in the reason is refused", STATUS("200 O\rK"), bare_cr},
    {"a bare LF in the reason is refused", STATUS("200 O\nX: K"), bare_lf},
};

constexpr BadAnswer fields[] = {
    {"a status line that ends in a bare LF is refused",
     "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", bare_lf},
    {"an answer's field that ends in a bare LF is refused", OK "Content-Length: 0\nX: y\r\n\r\n",
     bare_lf},
    {"an answer's head that ends in a bare LF is refused", OK "Content-Length: 0\r\n\n", bare_lf},
    {"an answer's head of bare LFs is refused", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", bare_lf},
    {"a bare CR in an answer's value is refused", OK "X: y\rz\r\nContent-Length: 0\r\n\r\n",
     bare_cr},
    {"a bare CR before an answer's empty line is refused", OK "Content-Length: 0\r\n\r\r\n\r\n",
     bare_cr},
    {"a NUL in an answer's value is refused", OK "X: y\0z\r\nContent-Length: 0\r\n\r\n"sv,
     "a NUL byte"},
    {"a control byte in an answer's value is refused", OK "X: y\x02z\r\nContent-Length: 0\r\n\r\n",
     control},
    {"DEL in an answer's value is refused", OK "X: \x7f\r\nContent-Length: 0\r\n\r\n", control},
    {"a folded line in an answer is refused", OK "X: y\r\n z\r\nContent-Length: 0\r\n\r\n",
     "a folded line"},
    {"a folded Transfer-Encoding in an answer is refused",
     OK "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "a folded line"},
    {"white space before an answer's first field is refused", OK " X: y\r\n\r\n",
     "white space before the first field"},
    {"a space before a colon in an answer is refused", OK "Content-Length : 0\r\n\r\n",
     "white space in or after a field name"},
    {"an empty name in an answer is refused", OK ": x\r\nContent-Length: 0\r\n\r\n",
     "a field has no name"},
    {"a line without a colon in an answer is refused", OK "X\r\nContent-Length: 0\r\n\r\n",
     "a field line has no colon"},
    {"a name that is no token in an answer is refused", OK "X@Y: z\r\nContent-Length: 0\r\n\r\n",
     "a field name is not a token"},
    {"a non-ASCII name in an answer is refused", OK "\xc3\xa9: z\r\nContent-Length: 0\r\n\r\n",
     "a field name is not a token"},
    {"a Connection option that is no token in an answer is refused",
     OK "Connection: a b\r\nContent-Length: 0\r\n\r\n", "a Connection option is not a token"},
};

constexpr BadAnswer framings[] = {
    {"differing lengths in an answer are refused",
     OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length is repeated"},
    {"equal lengths in an answer are refused",
     OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", "Content-Length is repeated"},
    {"a list of lengths in an answer is refused", OK "Content-Length: 2, 2\r\n\r\nok",
     "Content-Length is a list"},
    {"an empty length in an answer is refused", OK "Content-Length:\r\n\r\nok", no_number},
    {"a negative length in an answer is refused", OK "Content-Length: -1\r\n\r\n", no_number},
    {"a length with a plus in an answer is refused", OK "Content-Length: +2\r\n\r\nok", no_number},
    {"a hexadecimal length in an answer is refused", OK "Content-Length: 0x2\r\n\r\nok", no_number},
    {"a length of 2^63 in an answer is refused", OK "Content-Length: 9223372036854775808\r\n\r\n",
     no_number},
    {"a length of 2^64 in an answer is refused", OK "Content-Length: 18446744073709551616\r\n\r\n",
     no_number},
    {"a length beside chunked in an answer is refused",
     OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     "Content-Length beside Transfer-Encoding"},
    {"a length after chunked in an answer is refused",
     OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     "Content-Length beside Transfer-Encoding"},
    {"gzip as an answer's coding is refused", OK "Transfer-Encoding: gzip\r\n\r\nok", other_coding},
    {"identity as an answer's coding is refused", OK "Transfer-Encoding: identity\r\n\r\nok",
     other_coding},
    {"gzip and chunked as an answer's codings are refused",
     OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", other_coding},
    {"chunked and gzip as an answer's codings are refused",
     OK "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", other_coding},
    {"chunked twice in an answer is refused",
     OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", not_chunked},
    {"chunked in two lines of an answer is refused",
     OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding is repeated"},
    {"a comma before chunked in an answer is refused",
     OK "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", not_chunked},
    {"an empty coding in an answer is refused", OK "Transfer-Encoding:\r\n\r\nok", not_chunked},
    {"chunked in an HTTP/1.0 answer is refused",
     "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding in HTTP/1.0"},
    {"a bad length is refused in answer to HEAD", OK "Content-Length: x\r\n\r\n", no_number,
     "upstream_malformed", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"differing lengths are refused in 304",
     "HTTP/1.1 304 X\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
     "Content-Length is repeated"},
};

#define UPGRADING "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n"
#define MISMATCH "upgrade_mismatch"
constexpr BadAnswer switches[] = {
    {"101 that nobody asked for is refused",
     "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
     "101 without a request to upgrade", MISMATCH},
    {"101 without any field that nobody asked for is refused", "HTTP/1.1 101 X\r\n\r\n",
     "101 without a request to upgrade", MISMATCH},
    {"101 is refused where Connection did not name Upgrade",
     "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
     "101 without a request to upgrade", MISMATCH,
     "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\n\r\n"},
};

void check_refused_switch(Stage& stage, std::string_view answer, std::string_view detail) {
    stage.send(UPGRADING);
    assert_true(stage.accept());
    stage.answer(answer);
    OwnAnswer due{502, MISMATCH, detail};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.client_state(), "fin");
}
void a_switch_to_another_protocol_is_refused(Stage& stage) {
    check_refused_switch(stage, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
                         "101 to a protocol that was not offered");
}
void a_switch_to_one_protocol_more_is_refused(Stage& stage) {
    check_refused_switch(stage,
                         "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp, h2c\r\n\r\n",
                         "101 to a protocol that was not offered");
}
void a_switch_without_upgrade_is_refused(Stage& stage) {
    check_refused_switch(stage, "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n",
                         "101 without an Upgrade field named by Connection");
}
void a_switch_that_connection_does_not_name_is_refused(Stage& stage) {
    check_refused_switch(stage, "HTTP/1.1 101 X\r\nUpgrade: tcp\r\n\r\n",
                         "101 without an Upgrade field named by Connection");
}
void a_switch_in_http_1_0_is_refused(Stage& stage) {
    check_refused_switch(stage, "HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
                         "101 in HTTP/1.0");
}

// No head, or half of one: how the upstream left is the reason.
struct NoHead {
    std::string_view name;
    std::string_view answer;
    bool reset;
};
constexpr NoHead no_heads[] = {
    {"an upstream that closes without a word gives 502", "", false},
    {"an upstream that closes in the version gives 502", "HTTP/", false},
    {"an upstream that closes in the status line gives 502", "HTTP/1.1 200 O", false},
    {"an upstream that closes in a field gives 502", OK "Content-Le", false},
    {"an upstream that closes before the empty line gives 502", OK "Content-Length: 0\r\n", false},
    {"an upstream that closes inside the empty line gives 502", OK "Content-Length: 0\r\n\r",
     false},
    {"an upstream that closes after an interim answer gives 502", "HTTP/1.1 102 Processing\r\n\r\n",
     false},
    {"an upstream that resets without a word gives 502", "", true},
    {"an upstream that resets in its head gives 502", OK "Content-Le", true},
};

void check_no_head(Stage& stage, const NoHead& row) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.answer);
    if (row.answer.find(" 102 ") != std::string_view::npos)
        assert_text_equal(stage.client_bytes(),
                          "HTTP/1.1 102 Processing\r\nVia: 1.1 becaused\r\n\r\n");
    if (row.reset) stage.upstream.reset();
    else stage.upstream_fin();
    stage.rig().settle();
    const std::string reason = row.reset ? "upstream_reset" : "upstream_closed";
    OwnAnswer due{502, reason,
                  row.reset ? "The upstream reset its connection before the answer began "
                              "(ECONNRESET): dockerd died, or was stopped."
                            : "The upstream closed its connection before the answer began: dockerd "
                              "or the request's handler died, or was stopped."};
    due.close = false;
    assert_own_answer(stage, due);
    const std::string error = row.reset ? " errno=ECONNRESET" : "";
    assert_text_equal(stage.records(), "exchange " + reason +
                                           " by=upstream phase=first_byte op=read" + error +
                                           " status=502\nupstream " + reason +
                                           " by=upstream phase=first_byte op=read" + error + "\n");
}

// A request of the quick class gets its 504 after 30 s of silence, on the dot.
void silence_gives_504(Stage& stage) {
    stage.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    stage.rig().advance(29'000);
    assert_text_equal(stage.client_bytes(), "");
    stage.rig().advance(2'000);
    OwnAnswer due{504, "upstream_silent",
                  "The upstream sent no answer for 30 s (clock first_byte, 30 s)."};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(
        stage.leave(),
        "exchange upstream_silent by=upstream phase=first_byte op=clock "
        "clock=first_byte/30000 status=504\n"
        "client client_closed_idle by=nobody phase=keepalive op=none\n"
        "upstream upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000\n");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(status_lines, check_bad_answer);
    cases.add(fields, check_bad_answer);
    cases.add(framings, check_bad_answer);
    cases.add(switches, check_bad_answer);
    cases.add(no_heads, check_no_head);
    cases.add(SCENARIO(a_switch_to_another_protocol_is_refused));
    cases.add(SCENARIO(a_switch_to_one_protocol_more_is_refused));
    cases.add(SCENARIO(a_switch_without_upgrade_is_refused));
    cases.add(SCENARIO(a_switch_that_connection_does_not_name_is_refused));
    cases.add(SCENARIO(a_switch_in_http_1_0_is_refused));
    cases.add(SCENARIO(silence_gives_504));
    return cases.run("bad answers");
}
