// How bytes are cut on their way makes no difference: a request or an answer that comes byte by byte, or in
// two pieces cut anywhere, gives what it gives in one piece: to the upstream, to the client, on record.
#include "support/cases.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ATTACH \
    "POST /containers/c/attach HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCH "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

struct Talk {
    std::string_view name;
    std::string_view request;
    std::string_view answer;
    bool ends = false;    // the upstream's FIN follows
    bool tunnel = false;  // both FINs follow
};

constexpr Talk requests[] = {
    {"a plain request", "GET /a?b HTTP/1.1\r\nHost: a\r\nX: \ty z \r\nE:\r\n\r\n", OK},
    {"a request after an empty line", "\r\n" GET, OK},
    {"two requests with an empty line between",
     "GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", OK},
    {"a body of known length",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n\r\nGET / \r\n\r\n", OK},
    {"a chunked body with extensions and trailers",
     "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;x=\"y\"\r\nabc\r\n0B ;z\r\n0\r\n\r\ndefghi\r\n000\r\nX-T: 1\r\nCookie: 2\r\nX-U:\r\n\r\n",
     OK},
    {"pipelined requests with bodies",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
     "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n0\r\n\r\n",
     OK},
    {"a request that closes",
     "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
     OK},
    {"an HTTP/1.0 request",
     "GET http://a/b HTTP/1.0\r\nX-Request-Id: i\r\ntraceparent: "
     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
     OK},
    {"an upgrade with input behind it", ATTACH "\r\n\r\ninput\0\n"sv, SWITCH, false, true},
    {"an upgrade with a body and input behind it",
     "POST /exec/e/start HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
     "Content-Length: 2\r\n\r\n{}input",
     SWITCH, false, true},
    {"a hijack without upgrade",
     "POST /exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
     "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nout", false, true},
};

constexpr Talk answers[] = {
    {"an answer of known length", GET,
     "HTTP/1.1 200 \r\nX:  y\r\nContent-Length: 6\r\n\r\n\r\n\r\nok"},
    {"a chunked answer with extensions and trailers",
     "GET /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;x=\"y\"\r\nabc\r\n0B ;z\r\n0\r\n\r\ndefghi\r\n000\r\nX-T: 1\r\nSet-Cookie: "
     "2\r\nX-U:\r\n\r\n"},
    {"a chunked answer for HTTP/1.0",
     "GET /a HTTP/1.0\r\nHost: a\r\nX-Request-Id: i\r\ntraceparent: "
     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"},
    {"an answer that ends with its connection", GET, "HTTP/1.0 200 OK\r\nX: y\r\n\r\nok\r\n\r\n",
     true},
    {"an answer to HEAD", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"},
    {"an empty answer", GET, "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
    {"interim answers before the final one", GET,
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: </a>\r\n\r\n" OK},
    {"a switch with output behind it", ATTACH, SWITCH "\r\n\r\noutput\0\n"sv, false, true},
    {"a raw stream with output behind it", "POST /containers/c/attach HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n\r\n\r\nout", false,
     true},
    {"a cut answer of known length", GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", true},
    {"a cut chunked answer", GET,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", true},
    {"an answer with a malformed chunk", GET,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\n0\r\n\r\n"},
    {"an answer with a malformed trailer", GET,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nHost: a\r\n\r\n"},
};

// Refused however they come, with the same status and reason; the words may say what showed first.
constexpr Talk refusals[] = {
    {"a bare LF", "GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: w\r\n\r\n", ""},
    {"a bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", ""},
    {"a bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n", ""},
    {"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", ""},
    {"a control byte", "GET / HTTP/1.1\r\nHost: a\r\nX: y\x01\r\n\r\n", ""},
    {"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ""},
    {"a bad target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", ""},
    {"another method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"two framings",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     ""},
};
constexpr Talk bad_answers[] = {
    {"a bad status", GET, "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"},
    {"a bad version", GET, "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"no HTTP at all", GET, "<html>\r\n\r\n"},
    {"a bare LF in an answer", GET, "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"},
    {"a folded line in an answer", GET, "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"},
    {"two lengths in an answer", GET,
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
    {"a switch that nobody asked for", GET, SWITCH},
};

enum class Show : uint8_t { everything, verdict };

// Lets them talk, in these pieces, and writes down what came of it. Asserts nothing: a failed assertion
// would leave the sockets of this stage behind.
std::string transcript(const Talk& talk, const std::vector<std::string_view>& request,
                       const std::vector<std::string_view>& answer, Show show) {
    Stage stage;
    for (const std::string_view piece : request) stage.send(piece);
    stage.accept();
    std::string up;
    if (stage.upstream.open()) {
        up = stage.upstream_bytes();
        for (const std::string_view piece : answer)
            if (stage.upstream_state() == "open") stage.answer(piece);
        const std::string second = stage.upstream_bytes();  // the next of a pipeline
        up += second;
        if (!second.empty() && !talk.tunnel) stage.answer(talk.answer);
        if (talk.ends) stage.upstream_fin();
        if (talk.tunnel) {
            stage.client_fin();
            stage.upstream_fin();
        }
    }
    const std::string down = stage.client_bytes();
    const std::string status = field_of(stage.exchange(), "status");
    const std::string ends =
        stage.client_state() + " " + (stage.upstream.open() ? stage.upstream_state() : "none");
    const std::string records = stage.leave();
    if (show == Show::verdict) return status + "\n" + ends + "\n" + records;
    return "up: " + readable(up) + "\ndown: " + readable(down) + "\n" + ends + "\n" + records;
}

std::vector<std::string_view> bytes_of(std::string_view text) {
    std::vector<std::string_view> pieces;
    for (size_t i = 0; i < text.size(); ++i) pieces.push_back(text.substr(i, 1));
    return pieces;
}

void check_pieces(const Talk& talk, Show show, bool of_request, bool in_two) {
    const std::vector<std::string_view> request{talk.request};
    const std::vector<std::string_view> answer{talk.answer};
    const std::string whole = transcript(talk, request, answer, show);
    assert_text_contains(whole, "exchange ");
    const std::string_view text = of_request ? talk.request : talk.answer;
    if (!in_two) {
        const auto bytes = bytes_of(text);
        assert_text_equal(of_request ? transcript(talk, bytes, answer, show)
                                     : transcript(talk, request, bytes, show),
                          whole);
        return;
    }
    for (size_t cut = 1; cut < text.size(); ++cut) {
        const std::vector<std::string_view> two{text.substr(0, cut), text.substr(cut)};
        const std::string parts =
            of_request ? transcript(talk, two, answer, show) : transcript(talk, request, two, show);
        if (parts != whole) print_error("cut at %zu of %zu\n", cut, text.size());
        assert_text_equal(parts, whole);
    }
}

void add(Cases& cases, std::span<const Talk> talks, Show show, bool of_request) {
    for (const Talk& talk : talks) {
        const std::string name(talk.name);
        cases.add(name + " may come byte by byte", [&talk, show, of_request](Stage&) {
            check_pieces(talk, show, of_request, false);
        });
        cases.add(name + " may be cut in two anywhere", [&talk, show, of_request](Stage&) {
            check_pieces(talk, show, of_request, true);
        });
    }
}

// The largest head there may be, byte by byte: still linear, still whole.
void a_head_of_64_kib_may_come_byte_by_byte(Stage& stage) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string head = start + times(65'536 - start.size() - 4, "x") + "\r\n\r\n";
    stage.client = stage.rig().connect();
    for (size_t i = 0; i < head.size(); ++i) {
        assert_int_equal(stage.client.send(std::string_view(head).substr(i, 1)), 1);
        stage.rig().loop().turn();
    }
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), head.substr(0, head.size() - 2) + "{+}\r\n");
}

void an_answers_head_of_64_kib_may_come_byte_by_byte(Stage& stage) {
    const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    const std::string head = start + times(65'536 - start.size() - 4, "x") + "\r\n\r\n";
    stage.send(GET);
    assert_true(stage.accept());
    for (size_t i = 0; i < head.size(); ++i) {
        assert_int_equal(stage.upstream.send(std::string_view(head).substr(i, 1)), 1);
        stage.rig().loop().turn();
    }
    assert_text_equal(stage.client_bytes(),
                      head.substr(0, head.size() - 2) + "Via: 1.1 becaused\r\n\r\n");
}

}  // namespace

int main() {
    Cases cases;
    add(cases, requests, Show::everything, true);
    add(cases, answers, Show::everything, false);
    add(cases, refusals, Show::verdict, true);
    add(cases, bad_answers, Show::verdict, false);
    cases.add(SCENARIO(a_head_of_64_kib_may_come_byte_by_byte));
    cases.add(SCENARIO(an_answers_head_of_64_kib_may_come_byte_by_byte));
    return cases.run("pieces");
}
