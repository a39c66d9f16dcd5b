// Where a request's body ends: Content-Length, Transfer-Encoding, Expect, Connection (HTTP.md, RFC 9112 §6).
#include "support/cases.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view malformed = "client_malformed";
constexpr std::string_view ambiguous = "client_ambiguous_framing";
constexpr std::string_view unsupported = "request_unsupported";
constexpr std::string_view both = "Content-Length beside Transfer-Encoding";
constexpr std::string_view no_number = "Content-Length is not a number of at most 63 bits";
constexpr std::string_view list = "Content-Length is a list";
constexpr std::string_view repeated = "Content-Length is repeated";
constexpr std::string_view other_coding = "a transfer coding other than chunked";
constexpr std::string_view not_chunked = "Transfer-Encoding is not exactly chunked";

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define LENGTH(value) HEAD "Content-Length: " value "\r\n\r\nabc"
#define CODING(value) HEAD "Transfer-Encoding: " value "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

constexpr Refused lengths[] = {
    {"a negative Content-Length is refused", LENGTH("-3"), 400, malformed, no_number},
    {"a Content-Length with a plus is refused", LENGTH("+3"), 400, malformed, no_number},
    {"a hexadecimal Content-Length is refused", LENGTH("0x3"), 400, malformed, no_number},
    {"a Content-Length of words is refused", LENGTH("three"), 400, malformed, no_number},
    {"a Content-Length with a point is refused", LENGTH("3.0"), 400, malformed, no_number},
    {"a Content-Length with an exponent is refused", LENGTH("3e0"), 400, malformed, no_number},
    {"a Content-Length with an underscore is refused", LENGTH("1_0"), 400, malformed, no_number},
    {"a Content-Length of two numbers is refused", LENGTH("3 3"), 400, malformed, no_number},
    {"a Content-Length with a unit is refused", LENGTH("3b"), 400, malformed, no_number},
    {"a Content-Length with a semicolon is refused", LENGTH("3;"), 400, malformed, no_number},
    {"a Content-Length in quotes is refused", LENGTH("\"3\""), 400, malformed, no_number},
    {"a Content-Length of other digits is refused", LENGTH("\xd9\xa3"), 400, malformed, no_number},
    {"an empty Content-Length is refused", LENGTH(""), 400, malformed, no_number},
    {"a Content-Length of 2^63 is refused", LENGTH("9223372036854775808"), 400, malformed,
     no_number},
    {"a Content-Length of 2^64 is refused", LENGTH("18446744073709551616"), 400, malformed,
     no_number},
    {"a Content-Length of 2^64 + 3 does not wrap to 3", LENGTH("18446744073709551619"), 400,
     malformed, no_number},
    {"a Content-Length of 2^32 + 2^64 does not wrap", LENGTH("18446744078004518912"), 400,
     malformed, no_number},
    {"a Content-Length of a hundred digits is refused",
     LENGTH("1111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "11111111111111111111"),
     400, malformed, no_number},
    {"a list of equal lengths is refused", LENGTH("3, 3"), 400, ambiguous, list},
    {"a list of different lengths is refused", LENGTH("3, 4"), 400, ambiguous, list},
    {"a length and a comma are refused", LENGTH("3,"), 400, ambiguous, list},
    {"a comma and a length are refused", LENGTH(",3"), 400, ambiguous, list},
    {"two equal lengths are refused", HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
     ambiguous, repeated},
    {"two different lengths are refused", HEAD "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
     400, ambiguous, repeated},
    {"two different lengths are refused the other way round",
     HEAD "Content-Length: 0\r\nX: y\r\ncontent-length: 3\r\n\r\nabc", 400, ambiguous, repeated},
    {"two lengths are refused in a GET",
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
     "Content-Length: 31\r\n\r\n",
     400, ambiguous, repeated},
};

constexpr Refused codings[] = {
    {"Content-Length before chunked is refused",
     HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ambiguous, both},
    {"Content-Length after chunked is refused",
     HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, ambiguous, both},
    {"Content-Length: 0 beside chunked is refused",
     HEAD "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ambiguous, both},
    {"Content-Length beside another coding is refused",
     HEAD "Content-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc", 501, unsupported,
     other_coding},
    {"Content-Length beside an empty Transfer-Encoding is refused",
     HEAD "Content-Length: 3\r\nTransfer-Encoding:\r\n\r\nabc", 400, ambiguous, not_chunked},
    {"gzip is refused with 501", CODING("gzip"), 501, unsupported, other_coding},
    {"deflate is refused with 501", CODING("deflate"), 501, unsupported, other_coding},
    {"identity is refused with 501", CODING("identity"), 501, unsupported, other_coding},
    {"gzip before chunked is refused with 501", CODING("gzip, chunked"), 501, unsupported,
     other_coding},
    {"gzip after chunked is refused with 501", CODING("chunked, gzip"), 501, unsupported,
     other_coding},
    {"chunked and identity are refused with 501", CODING("chunked, identity"), 501, unsupported,
     other_coding},
    {"an unknown coding is refused with 501", CODING("xchunked"), 501, unsupported, other_coding},
    {"chunked with an ending is refused with 501", CODING("chunkedfoo"), 501, unsupported,
     other_coding},
    {"chunked twice in a list is refused", CODING("chunked, chunked"), 400, ambiguous, not_chunked},
    {"chunked twice in two lines is refused",
     HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     ambiguous, "Transfer-Encoding is repeated"},
    {"identity in another line is refused",
     HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400,
     ambiguous, "Transfer-Encoding is repeated"},
    {"a comma before chunked is refused", CODING(",chunked"), 400, ambiguous, not_chunked},
    {"a comma after chunked is refused", CODING("chunked,"), 400, ambiguous, not_chunked},
    {"chunked with a parameter is refused", CODING("chunked;q=1"), 400, ambiguous, not_chunked},
    {"chunked in quotes is refused", CODING("\"chunked\""), 400, ambiguous, not_chunked},
    {"chunked in two words is refused", CODING("chun ked"), 400, ambiguous, not_chunked},
    {"an empty Transfer-Encoding is refused", CODING(""), 400, ambiguous, not_chunked},
    {"a vertical tab before chunked is refused", CODING("\vchunked"), 400, malformed,
     "a control byte"},
    {"a vertical tab after chunked is refused", CODING("chunked\v"), 400, malformed,
     "a control byte"},
    {"a non-breaking space before chunked is refused",
     CODING("\xc2\xa0"
            "chunked"),
     400, ambiguous, not_chunked},
    {"Transfer-Encoding in HTTP/1.0 is refused",
     "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ambiguous,
     "Transfer-Encoding in HTTP/1.0"},
    {"Transfer-Encoding in HTTP/1.0 with keep-alive is refused",
     "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     400, ambiguous, "Transfer-Encoding in HTTP/1.0"},
};

constexpr Refused wishes[] = {
    {"an expectation other than 100-continue gets 417", LENGTH("3\r\nExpect: 200-ok"), 417,
     unsupported, "an expectation other than 100-continue"},
    {"a list of expectations gets 417", LENGTH("3\r\nExpect: 100-continue, x"), 417, unsupported,
     "an expectation other than 100-continue"},
    {"an empty Expect gets 417", LENGTH("3\r\nExpect:"), 417, unsupported,
     "an expectation other than 100-continue"},
    {"a second, other expectation gets 417", LENGTH("3\r\nExpect: 100-continue\r\nExpect: y"), 417,
     unsupported, "an expectation other than 100-continue"},
    {"a Connection option that is no token is refused", HEAD "Connection: a b\r\n\r\n", 400,
     malformed, "a Connection option is not a token"},
    {"a Connection option in quotes is refused", HEAD "Connection: \"close\"\r\n\r\n", 400,
     malformed, "a Connection option is not a token"},
    {"an Upgrade that is no list of protocols is refused",
     HEAD "Connection: upgrade\r\nUpgrade: a b\r\n\r\n", 400, malformed,
     "Upgrade is not a list of protocols"},
    {"an empty Upgrade is refused", HEAD "Connection: upgrade\r\nUpgrade:\r\n\r\n", 400, malformed,
     "Upgrade is not a list of protocols"},
    {"two Upgrades are refused", HEAD "Connection: upgrade\r\nUpgrade: tcp\r\nUpgrade: h2c\r\n\r\n",
     400, malformed, "Upgrade is repeated"},
    {"a Max-Forwards that is no number is refused",
     "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", 400, malformed,
     "Max-Forwards is not a number"},
    {"a negative Max-Forwards is refused",
     "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: -1\r\n\r\n", 400, malformed,
     "Max-Forwards is not a number"},
    {"two Max-Forwards are refused",
     "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n", 400, malformed,
     "Max-Forwards is repeated"},
};

constexpr Forwarded bodies[] = {
    {"a body of its length passes", HEAD "Content-Length: 3\r\n\r\nabc",
     HEAD "Content-Length: 3\r\n{+}\r\nabc"},
    {"Content-Length: 0 passes as it came", HEAD "Content-Length: 0\r\n\r\n",
     HEAD "Content-Length: 0\r\n{+}\r\n"},
    {"Content-Length loses its leading zeros", HEAD "content-length:  0003\r\n\r\nabc",
     HEAD "content-length: 3\r\n{+}\r\nabc"},
    {"Content-Length with a space after it is the same length",
     HEAD "Content-Length: 3 \r\n\r\nabc", HEAD "Content-Length: 3\r\n{+}\r\nabc"},
    {"a body on GET passes", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc"},
    {"a body on DELETE passes", "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
     "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc"},
    {"a body that looks like a request is no request",
     HEAD "Content-Length: 38\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n",
     HEAD "Content-Length: 38\r\n{+}\r\nGET /evil HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n"},
    {"a body that looks like chunks is none", HEAD "Content-Length: 5\r\n\r\n0\r\n\r\n",
     HEAD "Content-Length: 5\r\n{+}\r\n0\r\n\r\n"},
    {"a body of NULs and line ends passes", HEAD "Content-Length: 6\r\n\r\n\0\r\n\n\r\0"sv,
     HEAD "Content-Length: 6\r\n{+}\r\n\0\r\n\n\r\0"sv},
    {"an empty line after a body is skipped", HEAD "Content-Length: 3\r\n\r\nabc\r\n",
     HEAD "Content-Length: 3\r\n{+}\r\nabc"},
    {"chunked passes as chunked", CODING("chunked"),
     HEAD "Transfer-Encoding: chunked\r\n{+}\r\n[abc]"},
    {"chunked has no case", CODING("CHUNKed"), HEAD "Transfer-Encoding: chunked\r\n{+}\r\n[abc]"},
    {"chunked with white space around it is chunked", CODING(" \tchunked \t"),
     HEAD "Transfer-Encoding: chunked\r\n{+}\r\n[abc]"},
    {"a chunked GET passes",
     "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n[abc]"},
    {"Connection does not take Content-Length away",
     HEAD "Connection: content-length\r\nContent-Length: 3\r\n\r\nabc",
     HEAD "Content-Length: 3\r\n{+}\r\nabc"},
    {"Connection does not take Transfer-Encoding away",
     HEAD
     "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
     HEAD "Transfer-Encoding: chunked\r\n{+}\r\n[abc]"},
    {"Connection does not take Host away", HEAD "Connection: host\r\n\r\n", HEAD "{+}\r\n"},
    {"Expect passes, with its spelling",
     HEAD "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc",
     HEAD "Expect: 100-Continue\r\nContent-Length: 3\r\n{+}\r\nabc"},
    {"Expect without a body passes", HEAD "expect: 100-continue\r\n\r\n",
     HEAD "expect: 100-continue\r\n{+}\r\n"},
    {"Max-Forwards means nothing in other methods", HEAD "Max-Forwards: x\r\n\r\n",
     HEAD "Max-Forwards: x\r\n{+}\r\n"},
};

// The largest length there is: its body streams, and its client may go away in the middle.
void a_length_of_2_to_the_63_minus_1_passes(Stage& stage) {
    stage.send(HEAD "Content-Length: 9223372036854775807\r\n\r\nabc");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      HEAD "Content-Length: 9223372036854775807\r\n{+}\r\nabc");
    stage.send("def");
    assert_text_equal(stage.upstream_got(), "def");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=request_body op=read status=499\n"
                      "client client_closed by=client phase=request_body op=read\n"
                      "upstream partner(client_closed) by=nobody phase=request_body op=none\n");
}

// Every byte there is, in a body of known length and in chunks.
void a_body_of_every_byte_passes(Stage& stage) {
    std::string body;
    for (int byte = 0; byte < 256; ++byte) body += static_cast<char>(byte);
    stage.send(HEAD "Content-Length: 256\r\n\r\n" + body);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), HEAD "Content-Length: 256\r\n{+}\r\n" + body);
    stage.answer(no_content);
    stage.send(HEAD "Transfer-Encoding: chunked\r\n\r\n" + chunked(body, 7));
    assert_text_equal(stage.upstream_got(),
                      HEAD "Transfer-Encoding: chunked\r\n{+}\r\n[" + body + "]");
}

// The head goes on at once: the upstream may have a word before the body comes.
void a_head_goes_on_before_its_body(Stage& stage) {
    stage.send(HEAD "Content-Length: 3\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), HEAD "Content-Length: 3\r\n{+}\r\n");
    stage.send("ab");
    assert_text_equal(stage.upstream_got(), "ab");
    stage.send("c");
    assert_text_equal(stage.upstream_got(), "c");
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.records(), complete_204);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(lengths, check_refused);
    cases.add(codings, check_refused);
    cases.add(wishes, check_refused);
    cases.add(bodies, check_forwarded);
    cases.add(SCENARIO(a_length_of_2_to_the_63_minus_1_passes));
    cases.add(SCENARIO(a_body_of_every_byte_passes));
    cases.add(SCENARIO(a_head_goes_on_before_its_body));
    return cases.run("request framing");
}
