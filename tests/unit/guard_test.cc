// The parts of the guard that other rooms and the trailers use: byte walks, names, authorities, splitting.
#include "http/guard.hh"

#include "http/octets.hh"
#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

bool is_control(int byte) { return (byte < 0x20 && byte != '\t') || byte == 0x7f; }

// Every byte at every place of a word, with tabs and bytes over 0x7f around it, which share the carry.
void the_next_control_byte_is_found_wherever_it_lies(void**) {
    for (const char around : {'a', '\t', ' ', '\x80', '\xff', '!'}) {
        for (int byte = 0; byte < 256; ++byte) {
            for (size_t at = 0; at < 20; ++at) {
                std::vector<char> bytes(20, around);
                bytes[at] = static_cast<char>(byte);
                const char* const end = bytes.data() + bytes.size();
                const char* const found = find_control(bytes.data(), end);
                assert_ptr_equal(found, is_control(byte) ? bytes.data() + at : end);
            }
        }
    }
}

void byte_classes_are_those_of_the_grammar(void**) {
    std::string sets[5];
    for (int byte = 0; byte < 256; ++byte) {
        const char as_char = static_cast<char>(byte);
        const bool alnum = byte < 0x80 && std::isalnum(byte) != 0;
        if (is(octet_token, as_char) && !alnum) sets[0] += as_char;
        if (is(octet_path, as_char) && !alnum) sets[1] += as_char;
        if (is(octet_visible, as_char) && !is(octet_query, as_char)) sets[2] += as_char;
        if (is(octet_host, as_char) && !alnum) sets[3] += as_char;
        if (is(octet_hex, as_char)) sets[4] += as_char;
        assert_int_equal(is(octet_digit, as_char), byte >= '0' && byte <= '9');
        assert_int_equal(is(octet_visible, as_char), byte > 0x20 && byte < 0x7f);
    }
    assert_text_equal(sets[0], "!#$%&'*+-.^_`|~");
    assert_text_equal(sets[1], "!$%&'()*+,-./:;=@_~");
    assert_text_equal(sets[2], "\"#<>");
    assert_text_equal(sets[3], "-._~");
    assert_text_equal(sets[4], "0123456789ABCDEFabcdef");
}

void numbers_are_digits_of_at_most_63_bits(void**) {
    constexpr Row rows[] = {
        {"zero", "0", "0"},
        {"leading zeros", "00000000000000000000000012", "12"},
        {"largest", "9223372036854775807", "9223372036854775807"},
        {"one more", "9223372036854775808", "no"},
        {"2^64", "18446744073709551616", "no"},
        {"2^64 + 1", "18446744073709551617", "no"},
        {"empty", "", "no"},
        {"sign", "+1", "no"},
        {"space", "1 ", "no"},
        {"hexadecimal", "a", "no"},
    };
    test_support::check_rows(rows, "", "", [](std::string_view digits) {
        uint64_t number = 0;
        return read_decimal(digits, number) ? std::to_string(number) : std::string("no");
    });
}

void lists_are_cut_at_commas(void**) {
    constexpr Row rows[] = {
        {"one", "a", "[a]"},
        {"white space", " \ta\t ,b ", "[a][b]"},
        {"empty", "", ""},
        {"empty elements", ",a,,b,", "[][a][][b]"},
        {"space inside", "a b,c", "[a b][c]"},
    };
    test_support::check_rows(rows, "", "", [](std::string_view list) {
        std::string text;
        while (!list.empty()) text.append("[").append(take_element(list)).append("]");
        return text;
    });
}

constexpr std::string_view known_names[] = {
    "connection",
    "content-length",
    "content-type",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "proxy-status",
    "server",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
};

void fields_are_known_in_any_case_and_only_whole(void**) {
    int expected = 1;  // the enum's order is that of the names
    for (const std::string_view name : known_names) {
        std::string upper;
        for (const char byte : name)
            upper += static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
        assert_int_equal(static_cast<int>(known_field(name)), expected);
        assert_int_equal(static_cast<int>(known_field(upper)), expected);
        for (size_t at = 0; at < name.size(); ++at) {
            std::string other(name);
            other[at] = '~';
            assert_int_equal(static_cast<int>(known_field(other)), 0);
            // 0x20 apart, as letters are.
            other[at] = static_cast<char>(name[at] ^ 0x20);
            const bool letter = name[at] >= 'a' && name[at] <= 'z';
            assert_int_equal(static_cast<int>(known_field(other)), letter ? expected : 0);
        }
        assert_int_equal(static_cast<int>(known_field(std::string(name) + "s")), 0);
        ++expected;
    }
    assert_int_equal(static_cast<int>(known_field("")), 0);
}

void only_methods_that_may_be_repeated_are_idempotent(void**) {
    for (const std::string_view method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
        assert_true(idempotent(method));
    for (const std::string_view method : {"POST", "PATCH", "get", "GETX", "", "CONNECT"})
        assert_false(idempotent(method));
}

void end_to_end_fields_cannot_be_named_away(void**) {
    for (const std::string_view name :
         {"Host", "content-length", "Content-Type", "AUTHORIZATION", "Cookie", "X-Registry-Auth",
          "x-registry-config", "X-Forwarded-For", "X-Forwarded-Anything", "Forwarded", "Via",
          "Date", "Expect", "Set-Cookie", "If-Match", "Docker-Experimental", "Api-Version",
          "X-Request-Id"})
        assert_true(end_to_end(name));
    for (const std::string_view name : {"X-Mine", "Keep-Alive", "Proxy-Connection",
                                        "HTTP2-Settings", "Foo", "", "X-Forwarded", "If"})
        assert_false(end_to_end(name));
}

std::string section(std::string_view bytes) {
    std::vector<Field> fields;
    const auto fault = split_fields(Side::client, bytes, 0, fields);
    return fault ? test_support::text_of(*fault) : test_support::text_of(fields);
}

void field_lines_are_split(void**) {
    constexpr Row rows[] = {
        {"none", "\r\n", ""},
        {"two", "A: b\r\nc:d\r\n\r\n", "A: b; c: d"},
        {"hop-by-hop by name", "TE: a\r\nVia: b\r\nUpgrade: c\r\n\r\n",
         "(TE: a); Via: b; (Upgrade: c)"},
        {"nothing at all", "", "400 client_malformed @0 the head is cut short"},
        {"cut in a name", "A", "400 client_malformed @1 the head is cut short"},
        {"cut after the colon", "A:", "400 client_malformed @2 the head is cut short"},
        {"cut in a value", "A: b", "400 client_malformed @4 the head is cut short"},
        {"cut after CR", "A: b\r", "400 client_malformed @4 a bare CR"},
        {"cut after a line", "A: b\r\n", "400 client_malformed @6 the head is cut short"},
        {"cut inside the empty line", "A: b\r\n\r", "400 client_malformed @6 a bare CR"},
        {"more after the end", "\r\nA: b\r\n\r\n",
         "400 client_malformed @2 bytes after the empty line"},
        {"fold", "A: b\r\n c\r\n\r\n", "400 client_malformed @6 a folded line"},
        {"no colon", "A\r\n\r\n", "400 client_malformed @1 a field line has no colon"},
        {"bare LF", "A: b\n\r\n", "400 client_malformed @4 a line ends in a bare LF"},
        {"bare LF in a name", "A\nB: c\r\n\r\n",
         "400 client_malformed @1 a line ends in a bare LF"},
        {"NUL in a name", "A\0: c\r\n\r\n"sv, "400 client_malformed @1 a NUL byte"},
    };
    test_support::check_rows(rows, "", "", section);
}

void the_sender_decides_what_a_fault_is_called(void**) {
    constexpr Flaw flaws[] = {Flaw::malformed,     Flaw::ambiguous,   Flaw::unsupported,
                              Flaw::version,       Flaw::expectation, Flaw::target_too_large,
                              Flaw::head_too_large};
    std::string text;
    for (const Side from : {Side::client, Side::upstream})
        for (const Flaw flaw : flaws)
            text += test_support::text_of(make_fault(from, flaw, "x", 7)) + '\n';
    assert_text_equal(text,
                      "400 client_malformed @7 x\n"
                      "400 client_ambiguous_framing @7 x\n"
                      "501 request_unsupported @7 x\n"
                      "505 request_unsupported @7 x\n"
                      "417 request_unsupported @7 x\n"
                      "414 client_head_too_large @7 x\n"
                      "431 client_head_too_large @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_malformed @7 x\n"
                      "502 upstream_head_too_large @7 x\n");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_next_control_byte_is_found_wherever_it_lies),
        cmocka_unit_test(byte_classes_are_those_of_the_grammar),
        cmocka_unit_test(numbers_are_digits_of_at_most_63_bits),
        cmocka_unit_test(lists_are_cut_at_commas),
        cmocka_unit_test(fields_are_known_in_any_case_and_only_whole),
        cmocka_unit_test(only_methods_that_may_be_repeated_are_idempotent),
        cmocka_unit_test(end_to_end_fields_cannot_be_named_away),
        cmocka_unit_test(field_lines_are_split),
        cmocka_unit_test(the_sender_decides_what_a_fault_is_called),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
