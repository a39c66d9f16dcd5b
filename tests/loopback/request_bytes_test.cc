// The bytes of a request's head: line ends, control bytes, names, folds (HTTP.md, RFC 9112 §2.2, §5).
#include "support/cases.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view malformed = "client_malformed";
constexpr std::string_view bare_lf = "a line ends in a bare LF";
constexpr std::string_view bare_cr = "a bare CR";
constexpr std::string_view control = "a control byte";
constexpr std::string_view folded = "a folded line";
constexpr std::string_view spaced_name = "white space in or after a field name";
constexpr std::string_view no_token = "a field name is not a token";

constexpr Refused line_ends[] = {
    {"a bare LF after the request line is refused", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400,
     malformed, bare_lf},
    {"a bare LF after a field is refused", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400,
     malformed, bare_lf},
    {"a bare LF after the last field is refused", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400, malformed,
     bare_lf},
    {"a bare LF as the empty line is refused", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, malformed,
     bare_lf},
    {"a head of bare LFs alone is refused", "GET / HTTP/1.1\nHost: a\n\n", 400, malformed, bare_lf},
    {"a bare LF before Transfer-Encoding hides nothing",
     "POST / HTTP/1.1\r\nHost: a\r\nX: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     malformed, bare_lf},
    {"a bare CR after the request line is refused", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400,
     malformed, bare_cr},
    {"a bare CR in a value is refused", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400,
     malformed, bare_cr},
    {"a bare CR before a value is refused", "GET / HTTP/1.1\r\nHost: a\r\nX:\rb\r\n\r\n", 400,
     malformed, bare_cr},
    {"a bare CR in a name is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: b\r\n\r\n", 400,
     malformed, bare_cr},
    {"a bare CR in the target is refused", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed,
     bare_cr},
    {"two CRs before the LF of the request line are refused", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
     400, malformed, bare_cr},
    {"two CRs before the LF of a field are refused", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400,
     malformed, bare_cr},
    {"two CRs before the LF of the empty line are refused",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", 400, malformed, bare_cr},
    {"a CR does not hide a field in another's value (CVE-2023-30589)",
     "POST / HTTP/1.1\r\nHost: a\r\nX:\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     malformed, bare_cr},
    {"an empty line without its LF does not end a head (CVE-2025-23167)",
     "POST / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", 400, malformed, bare_cr},
    {"a CR and an LF the wrong way round are refused", "GET / HTTP/1.1\n\rHost: a\n\r\n\r", 400,
     malformed, bare_lf},
};

constexpr Refused empty_lines[] = {
    {"two empty lines before a request are refused", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     400, malformed, "an empty line instead of a head"},
    {"an empty line of a bare LF before a request is refused",
     "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed, bare_lf},
    {"a bare CR before a request is refused", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed,
     bare_cr},
    {"a space before a request is refused", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed,
     "the method is not a token"},
    {"a tab before a request is refused", "\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed,
     "the method is not a token"},
    {"a line of white space is no empty line", " \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
     malformed, spaced_name},
    {"a byte order mark before a request is refused",
     "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, malformed, "the method is not a token"},
    {"a TLS client hello is refused", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"sv, 400,
     malformed, control},
};

constexpr Refused names[] = {
    {"an empty field name is refused", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, malformed,
     "a field has no name"},
    {"an empty first field name is refused", "GET / HTTP/1.1\r\n: b\r\nHost: a\r\n\r\n", 400,
     malformed, "a field has no name"},
    {"a colon alone is no field", "GET / HTTP/1.1\r\nHost: a\r\n:\r\n\r\n", 400, malformed,
     "a field has no name"},
    {"a field without a colon is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, malformed,
     "a field line has no colon"},
    {"a space before the colon is refused", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400,
     malformed, spaced_name},
    {"a tab before the colon is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400,
     malformed, spaced_name},
    {"a space before the colon of Host is refused", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400,
     malformed, spaced_name},
    {"a space before the colon of Content-Length is refused",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400, malformed, spaced_name},
    {"a space before the colon of Transfer-Encoding is refused",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, malformed,
     spaced_name},
    {"a space inside a name is refused", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400,
     malformed, spaced_name},
    {"a NUL in a name is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n"sv, 400, malformed,
     "a NUL byte"},
    {"a control byte in a name is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\x01Y: b\r\n\r\n", 400,
     malformed, control},
    {"a non-ASCII byte in a name is refused", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: b\r\n\r\n",
     400, malformed, no_token},
};

constexpr Refused folds[] = {
    {"a folded line is refused", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, malformed,
     folded},
    {"a line folded with a tab is refused", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400,
     malformed, folded},
    {"a folded empty line is refused", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400, malformed,
     folded},
    {"a folded Host is refused", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400, malformed, folded},
    {"a folded Transfer-Encoding is refused",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400,
     malformed, folded},
    {"a folded Content-Length is refused (CVE-2024-27982)",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc", 400, malformed, folded},
    {"a fold does not hide Content-Length in another's value",
     "POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n Content-Length: 3\r\n\r\nabc", 400, malformed, folded},
    {"white space before the first field is refused", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400,
     malformed, "white space before the first field"},
    {"a tab before the first field is refused", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400,
     malformed, "white space before the first field"},
};

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
constexpr Forwarded passing[] = {
    {"the smallest request passes", HEAD "\r\n", HEAD "{+}\r\n"},
    {"one empty line before a request is skipped", "\r\n" HEAD "\r\n", HEAD "{+}\r\n"},
    {"order and spelling of fields stay", HEAD "x-B: 1\r\nX-a: 2\r\nACCEPT: 3\r\n\r\n",
     HEAD "x-B: 1\r\nX-a: 2\r\nACCEPT: 3\r\n{+}\r\n"},
    {"Host goes first and keeps its value's spelling",
     "GET / HTTP/1.1\r\nX: 1\r\nhOST: a\r\nY: 2\r\n\r\n", HEAD "X: 1\r\nY: 2\r\n{+}\r\n"},
    {"repeated fields stay apart and in order", HEAD "X: 1\r\nY: 2\r\nX: 1\r\nx: 3\r\n\r\n",
     HEAD "X: 1\r\nY: 2\r\nX: 1\r\nx: 3\r\n{+}\r\n"},
    {"an empty value passes", HEAD "X:\r\nY: b\r\n\r\n", HEAD "X:\r\nY: b\r\n{+}\r\n"},
    {"a value right after the colon passes", HEAD "X:b\r\n\r\n", HEAD "X:b\r\n{+}\r\n"},
    {"white space before a value passes as it came", HEAD "X: \t  b\r\n\r\n",
     HEAD "X: \t  b\r\n{+}\r\n"},
    {"white space after a value is no part of it", HEAD "X: b \t \r\nY: c\r\n\r\n",
     HEAD "X: b\r\nY: c\r\n{+}\r\n"},
    {"white space inside a value passes", HEAD "X: a  b\tc\r\n\r\n", HEAD "X: a  b\tc\r\n{+}\r\n"},
    {"bytes beyond ASCII in a value pass", HEAD "X: \x80\xc3\xa9\xff\r\n\r\n",
     HEAD "X: \x80\xc3\xa9\xff\r\n{+}\r\n"},
    {"all visible ASCII in a value passes",
     HEAD "X: !\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~\r\n\r\n",
     HEAD "X: !\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~\r\n{+}\r\n"},
    {"every token byte in a name passes", HEAD "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n",
     HEAD "!#$%&'*+-.^_`|~09azAZ: b\r\n{+}\r\n"},
    {"a name of one byte passes", HEAD "_: b\r\n\r\n", HEAD "_: b\r\n{+}\r\n"},
    {"a name that only looks like Content-Length passes",
     HEAD "Content_Length: 3\r\nContentLength: 4\r\n\r\n",
     HEAD "Content_Length: 3\r\nContentLength: 4\r\n{+}\r\n"},
    {"a value that looks like a head passes", HEAD "X: GET / HTTP/1.1\r\n\r\n",
     HEAD "X: GET / HTTP/1.1\r\n{+}\r\n"},
    {"docker's own fields pass",
     HEAD "User-Agent: Docker-Client/28.2.2 (linux)\r\nX-Registry-Auth: e30=\r\n"
          "X-Registry-Config: e30=\r\nX-Meta-Build: \"q\"\r\nAuthorization: Bearer t\r\n\r\n",
     HEAD "User-Agent: Docker-Client/28.2.2 (linux)\r\nX-Registry-Auth: e30=\r\n"
          "X-Registry-Config: e30=\r\nX-Meta-Build: \"q\"\r\nAuthorization: Bearer t\r\n{+}\r\n"},
};

// Every byte that may not stand in a value, one after another.
void add_control_bytes(Cases& cases) {
    for (int byte = 0; byte < 0x80; ++byte) {
        if ((byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\r' || byte == '\n') continue;
        char name[64];
        std::snprintf(name, sizeof name, "control byte 0x%02x in a value is refused", byte);
        cases.add(name, [byte](Stage& stage) {
            const std::string sent =
                std::string(HEAD "X: b") + static_cast<char>(byte) + "c\r\n\r\n";
            check_refused(stage, {"", sent, 400, malformed, byte == 0 ? "a NUL byte"sv : control});
        });
    }
}

// Every visible byte that no name may hold (RFC 9110 §5.6.2).
void add_separators(Cases& cases) {
    for (const char byte : "\"(),/;<=>?@[\\]{}"sv) {
        cases.add(std::string("a name with ") + byte + " in it is refused", [byte](Stage& stage) {
            const std::string sent = std::string(HEAD "X") + byte + "Y: b\r\n\r\n";
            check_refused(stage, {"", sent, 400, malformed, no_token});
        });
    }
}

// What no later byte can mend is refused at once, not when the head is whole.
void a_bare_cr_is_refused_before_the_head_is_whole(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc");
    assert_own_answer(stage, {400, malformed, bare_cr});
    assert_false(stage.accept());
    assert_text_equal(stage.client_state(), "fin");
}

void a_refused_head_request_gets_no_body(Stage& stage) {
    stage.send("HEAD / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n");
    OwnAnswer answer{400, malformed, "a field has no name"};
    answer.head = true;
    assert_own_answer(stage, answer);
    assert_text_equal(stage.client_state(), "fin");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(line_ends, check_refused);
    cases.add(empty_lines, check_refused);
    cases.add(names, check_refused);
    cases.add(folds, check_refused);
    cases.add(passing, check_forwarded);
    add_control_bytes(cases);
    add_separators(cases);
    cases.add(SCENARIO(a_bare_cr_is_refused_before_the_head_is_whole));
    cases.add(SCENARIO(a_refused_head_request_gets_no_body));
    return cases.run("request bytes");
}
