// The chunked coding: what decodes, what is refused, and that the cuts between reads make no difference.
#include "http/chunked.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

// How it ended, the data, the trailers, what was left over.
std::string decode(std::string_view bytes, size_t piece, Side from = Side::client) {
    using Step = ChunkedDecoder::Step;
    ChunkedDecoder decoder;
    decoder.start(from);
    std::string all;
    size_t at = 0;
    Step step = Step::need_more;
    while (at < bytes.size() && step == Step::need_more) {
        const std::string_view read = bytes.substr(at, piece);
        std::string_view rest = read;
        std::string_view data;
        while ((step = decoder.next(rest, data)) == Step::data) all += data;
        at += read.size() - rest.size();
    }
    if (step == Step::fault) return test_support::text_of(decoder.fault()) + " after '" + all + "'";
    std::string text = step == Step::complete ? "complete '" : "incomplete '";
    text += all + "'";
    if (!decoder.trailers().empty()) text.append(" trailers ").append(decoder.trailers());
    if (at < bytes.size()) text.append(" left ").append(bytes.substr(at));
    return text;
}

// The table's rows, cut in every way that matters: whole, byte by byte, and in pieces between.
void check(std::span<const Row> rows, Side from = Side::client) {
    for (const size_t piece : {size_t{1} << 20, size_t{1}, size_t{2}, size_t{3}, size_t{7}})
        test_support::check_rows(
            rows, "", "", [&](std::string_view bytes) { return decode(bytes, piece, from); });
}

void chunks_decode(void**) {
    constexpr Row rows[] = {
        {"empty body", "0\r\n\r\n", "complete ''"},
        {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "complete 'hello'"},
        {"two chunks", "3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n", "complete 'foobar'"},
        {"hexadecimal in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
         "complete '01234567890123456789a'"},
        {"data that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
         "complete '\r\n0\r\n\r\n'"},
        {"16 digits", "0000000000000003\r\nfoo\r\n0000000000000000\r\n\r\n", "complete 'foo'"},
        {"pipelined bytes are left", "0\r\n\r\nGET / HTTP/1.1\r\n",
         "complete '' left GET / HTTP/1.1\r\n"},
        {"nothing yet", "", "incomplete ''"},
        {"cut in the data", "5\r\nhel", "incomplete 'hel'"},
        {"cut after the data", "5\r\nhello", "incomplete 'hello'"},
        {"cut after a chunk", "5\r\nhello\r\n", "incomplete 'hello'"},
        {"cut before the last empty line", "0\r\n", "incomplete ''"},
        {"cut inside the last empty line", "0\r\n\r", "incomplete ''"},
        {"cut in a size", "5", "incomplete ''"},
    };
    check(rows);
}

void sizes_are_strict(void**) {
    constexpr Row rows[] = {
        {"17 digits", "00000000000000003\r\nfoo\r\n",
         "400 client_malformed @16 a chunk size has more than 16 digits after ''"},
        {"largest", "7fffffffffffffff\r\nx", "incomplete 'x'"},
        {"2^63", "8000000000000000\r\nx",
         "400 client_malformed @15 a chunk size does not fit 63 bits after ''"},
        {"2^64 - 1", "ffffffffffffffff\r\nx",
         "400 client_malformed @15 a chunk size does not fit 63 bits after ''"},
        {"no digits", "\r\n", "400 client_malformed @0 a chunk size is not hexadecimal after ''"},
        {"0x", "0x3\r\nfoo\r\n",
         "400 client_malformed @1 a chunk size is not hexadecimal after ''"},
        {"minus", "-3\r\n", "400 client_malformed @0 a chunk size is not hexadecimal after ''"},
        {"plus", "+3\r\n", "400 client_malformed @0 a chunk size is not hexadecimal after ''"},
        {"not a digit", "3g\r\n",
         "400 client_malformed @1 a chunk size is not hexadecimal after ''"},
        {"underscore", "1_0\r\n",
         "400 client_malformed @1 a chunk size is not hexadecimal after ''"},
        {"space first", " 3\r\n",
         "400 client_malformed @0 a chunk size is not hexadecimal after ''"},
        {"space after", "3 \r\nfoo\r\n",
         "400 client_malformed @2 white space after a chunk size after ''"},
        {"tab after", "3\t\r\nfoo\r\n",
         "400 client_malformed @2 white space after a chunk size after ''"},
        {"NUL", "3\0\r\nfoo"sv, "400 client_malformed @1 a chunk size is not hexadecimal after ''"},
        {"second size missing", "1\r\na\r\n\r\n",
         "400 client_malformed @6 a chunk size is not hexadecimal after 'a'"},
    };
    check(rows);
}

void line_ends_are_crlf(void**) {
    constexpr Row rows[] = {
        {"LF after the size", "3\nfoo\r\n",
         "400 client_malformed @1 a chunk size line ends in a bare LF after ''"},
        {"CR without LF", "3\rfoo\r\n",
         "400 client_malformed @2 a bare CR after a chunk size after ''"},
        {"LF after an extension", "3;a\nfoo\r\n",
         "400 client_malformed @3 a chunk size line ends in a bare LF after ''"},
        {"LF after the data", "3\r\nfoo\n0\r\n\r\n",
         "400 client_malformed @6 a chunk does not end in CRLF after its data after 'foo'"},
        {"CR only after the data", "3\r\nfoo\r0\r\n\r\n",
         "400 client_malformed @7 a chunk does not end in CRLF after its data after 'foo'"},
        {"more data than said", "3\r\nfooX\r\n",
         "400 client_malformed @6 a chunk does not end in CRLF after its data after 'foo'"},
        {"less data than said", "4\r\nfoo\r\n0\r\n\r\n",
         "400 client_malformed @7 a chunk does not end in CRLF after its data after 'foo\r'"},
        {"LF as the last line", "0\r\n\n",
         "400 client_malformed @3 a trailer line ends in a bare LF after ''"},
        {"LF after the last size", "0\n\r\n",
         "400 client_malformed @1 a chunk size line ends in a bare LF after ''"},
        {"LF after a trailer", "0\r\nA: b\n\r\n",
         "400 client_malformed @7 a trailer line ends in a bare LF after ''"},
        {"LF as the line after trailers", "0\r\nA: b\r\n\n",
         "400 client_malformed @9 a trailer line ends in a bare LF after ''"},
    };
    check(rows);
}

void extensions_are_dropped(void**) {
    constexpr Row rows[] = {
        {"name", "3;a\r\nfoo\r\n0;b\r\n\r\n", "complete 'foo'"},
        {"value", "3;a=b\r\nfoo\r\n0\r\n\r\n", "complete 'foo'"},
        {"quoted", "3;a=\"b;c\\\"\xff\"\r\nfoo\r\n0\r\n\r\n", "complete 'foo'"},
        {"white space around", "3 \t; a\t=\tb\r\nfoo\r\n0\r\n\r\n", "complete 'foo'"},
        {"empty", "3;\r\nfoo\r\n0\r\n\r\n", "complete 'foo'"},
        {"no semicolon", "3 a\r\n",
         "400 client_malformed @2 white space after a chunk size after ''"},
        {"DEL", "3;a=\"\177\"\r\n",
         "400 client_malformed @5 a control byte in a chunk extension after ''"},
        {"NUL", "3;\0\r\n"sv,
         "400 client_malformed @2 a control byte in a chunk extension after ''"},
        {"CR inside", "3;a\rb\r\n",
         "400 client_malformed @4 a bare CR after a chunk size after ''"},
    };
    check(rows);
}

void extensions_are_bounded(void**) {
    const std::string most(chunk_extension_limit_bytes, 'x');
    assert_text_equal(decode("1;" + most + "\r\na\r\n0\r\n\r\n", 4096), "complete 'a'");
    assert_text_equal(decode("1;" + most + "x\r\na\r\n", 4096),
                      "400 client_malformed @1026 a chunk extension is over 1 KiB after ''");
    std::string body;
    for (int i = 0; i < 16; ++i) body += "1;" + most + "\r\na\r\n";
    assert_text_equal(decode(body + "0\r\n\r\n", 4096), "complete 'aaaaaaaaaaaaaaaa'");
    assert_text_equal(decode(body + "1;x\r\n", 4096),
                      "400 client_malformed @16498 the chunk extensions are over 16 KiB after "
                      "'aaaaaaaaaaaaaaaa'");
}

// What one body used up is the next one's again.
void each_body_has_its_own_bounds(void**) {
    using Step = ChunkedDecoder::Step;
    const std::string most(chunk_extension_limit_bytes, 'x');
    ChunkedDecoder decoder;
    for (int i = 0; i < 20; ++i) {
        decoder.start(Side::client);
        const std::string body = "0;" + most + "\r\n\r\n";
        std::string_view bytes = body, data;
        assert_int_equal(decoder.next(bytes, data), Step::complete);
    }
}

void trailers_pass_if_they_are_harmless(void**) {
    constexpr Row rows[] = {
        {"one", "0\r\nX-Sum: a\r\n\r\n", "complete '' trailers X-Sum: a\r\n"},
        {"order and spelling", "0\r\nx-b:1\r\nX-A: \t2\r\nX-B: 3\r\n\r\n",
         "complete '' trailers x-b:1\r\nX-A: \t2\r\nX-B: 3\r\n"},
        {"pipelined bytes are left", "0\r\nA: b\r\n\r\nGET",
         "complete '' trailers A: b\r\n left GET"},
        {"digests", "0\r\nContent-Digest: a\r\nRepr-Digest: b\r\nETag: c\r\n\r\n",
         "complete '' trailers Content-Digest: a\r\nRepr-Digest: b\r\nETag: c\r\n"},
        {"left out: credentials, controls, what heads say",
         "0\r\nAuthorization: a\r\nB: c\r\nCookie: d\r\nX-Registry-Auth: e\r\nContent-Type: f\r\n"
         "X-Forwarded-For: g\r\nVia: h\r\nIf-Match: i\r\nX-Request-Id: j\r\nK: l\r\nExpect: "
         "m\r\n\r\n",
         "complete '' trailers B: c\r\nK: l\r\n"},
        {"left out: the last", "0\r\nA: b\r\nSet-Cookie: c\r\n\r\n",
         "complete '' trailers A: b\r\n"},
        {"Content-Length", "0\r\nA: b\r\nContent-Length: 3\r\n\r\n",
         "400 client_malformed @9 a trailer that frames, routes or belongs to the hop after ''"},
        {"Transfer-Encoding", "0\r\ntransfer-encoding: chunked\r\n\r\n",
         "400 client_malformed @3 a trailer that frames, routes or belongs to the hop after ''"},
        {"Host", "0\r\nHost: a\r\n\r\n",
         "400 client_malformed @3 a trailer that frames, routes or belongs to the hop after ''"},
        {"Connection", "0\r\nConnection: close\r\n\r\n",
         "400 client_malformed @3 a trailer that frames, routes or belongs to the hop after ''"},
        {"Upgrade", "1\r\na\r\n0\r\nUpgrade: a\r\n\r\n",
         "400 client_malformed @9 a trailer that frames, routes or belongs to the hop after 'a'"},
        {"fold", "0\r\nA: b\r\n c\r\n\r\n", "400 client_malformed @9 a folded line after ''"},
        {"fold first", "0\r\n A: b\r\n\r\n", "400 client_malformed @3 a folded line after ''"},
        {"no name", "0\r\n: b\r\n\r\n", "400 client_malformed @3 a field has no name after ''"},
        {"no colon", "0\r\nA\r\n\r\n",
         "400 client_malformed @4 a field line has no colon after ''"},
        {"space before the colon", "0\r\nA : b\r\n\r\n",
         "400 client_malformed @4 white space in or after a field name after ''"},
        {"bare CR", "0\r\nA: b\rC: d\r\n\r\n", "400 client_malformed @7 a bare CR after ''"},
        {"NUL", "0\r\nA: \0\r\n\r\n"sv, "400 client_malformed @6 a NUL byte after ''"},
        {"incomplete", "0\r\nA: b\r\n", "incomplete ''"},
    };
    check(rows);
}

void trailers_are_bounded(void**) {
    const std::string start = "0\r\n";
    const std::string line = "X: " + std::string(trailer_limit_bytes - 5, 'x') + "\r\n";
    assert_text_equal(decode(start + line + "\r\n", 4096), "complete '' trailers " + line);
    for (const size_t piece : {size_t{1}, size_t{4096}, size_t{1} << 20}) {
        assert_text_contains(decode(start + "X" + line + "\r\n", piece, Side::client),
                             "431 client_head_too_large");
        assert_text_contains(decode(start + std::string(9000, 'x'), piece, Side::upstream),
                             "502 upstream_head_too_large");
    }
}

void faults_of_an_answer_are_502(void**) {
    constexpr Row rows[] = {
        {"size", "x", "502 upstream_malformed @0 a chunk size is not hexadecimal after ''"},
        {"trailer", "0\r\nHost: a\r\n\r\n",
         "502 upstream_malformed @3 a trailer that frames, routes or belongs to the hop after ''"},
    };
    check(rows, Side::upstream);
}

// The body's bytes may go by outside of the decoder, and a decoder serves one body after the other.
void bytes_may_be_skipped(void**) {
    using Step = ChunkedDecoder::Step;
    ChunkedDecoder decoder;
    std::string_view data;
    for (int body = 0; body < 2; ++body) {
        decoder.start(Side::upstream);
        assert_int_equal(decoder.chunk_left(), 0);
        std::string_view bytes = "10\r\nabc";
        assert_int_equal(decoder.next(bytes, data), Step::data);
        assert_text_equal(data, "abc");
        assert_int_equal(decoder.chunk_left(), 13);
        decoder.skip(13);
        bytes = "\r\n0\r\nA: b\r\n\r\nrest";
        assert_int_equal(decoder.next(bytes, data), Step::complete);
        assert_text_equal(bytes, "rest");
        assert_text_equal(decoder.trailers(), "A: b\r\n");
        assert_int_equal(decoder.next(bytes, data), Step::complete);
    }
    decoder.start(Side::upstream);
    std::string_view bytes = "10\r\n";
    assert_int_equal(decoder.next(bytes, data), Step::need_more);
    decoder.skip(16);
    bytes = "X";
    assert_int_equal(decoder.next(bytes, data), Step::fault);
    assert_int_equal(decoder.next(bytes, data), Step::fault);
    assert_int_equal(decoder.fault().offset, 20);
}

void our_own_chunk_lines_decode(void**) {
    char line[20];
    assert_text_equal(chunk_line(1, line), "1\r\n");
    assert_text_equal(chunk_line(0x1000, line), "1000\r\n");
    assert_text_equal(chunk_line(0xabcdef, line), "abcdef\r\n");
    assert_text_equal(chunk_line(INT64_MAX, line), "7fffffffffffffff\r\n");
    std::string body(chunk_line(3, line));
    body.append("foo").append(chunk_end).append(last_chunk);
    assert_text_equal(decode(body, 4096), "complete 'foo'");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(chunks_decode),
        cmocka_unit_test(sizes_are_strict),
        cmocka_unit_test(line_ends_are_crlf),
        cmocka_unit_test(extensions_are_dropped),
        cmocka_unit_test(extensions_are_bounded),
        cmocka_unit_test(each_body_has_its_own_bounds),
        cmocka_unit_test(trailers_pass_if_they_are_harmless),
        cmocka_unit_test(trailers_are_bounded),
        cmocka_unit_test(faults_of_an_answer_are_502),
        cmocka_unit_test(bytes_may_be_skipped),
        cmocka_unit_test(our_own_chunk_lines_decode),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
