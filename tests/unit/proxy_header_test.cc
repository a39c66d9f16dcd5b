// The PROXY protocol, versions 1 and 2: every header whole, in pieces, and broken.
#include "net/proxy_header.hh"

#include <string>
#include <vector>

#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_literals;

namespace {

std::string text_of(const ProxyHeader& header) {
    switch (header.what) {
        case ProxyHeader::What::incomplete: return "incomplete";
        case ProxyHeader::What::malformed: return header.detail;
        case ProxyHeader::What::complete: break;
    }
    std::string text = std::to_string(header.size);
    if (!header.named) return text + " unnamed";
    text += ' ';
    append_endpoint(text, header.client);
    text += " -> ";
    append_endpoint(text, header.local);
    return text;
}

// Version 2: signature, version and command, family, length, block.
std::string v2(char command, char family, const std::string& block) {
    std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
    header += command;
    header += family;
    header += static_cast<char>(block.size() >> 8U);
    header += static_cast<char>(block.size() & 255U);
    return header + block;
}

const std::string ip4_block = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x10\x92\x09\x48"s;
const std::string ip6_block = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                              "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x02" +
                              "\x10\x92\x09\x48"s;

void headers_name_the_client(void**) {
    struct Row {
        std::string bytes;
        std::string_view result;
    };
    const Row rows[] = {
        {"PROXY TCP4 10.0.0.1 10.0.0.2 4242 2376\r\nGET", "40 10.0.0.1:4242 -> 10.0.0.2:2376"},
        {"PROXY TCP6 2001:db8::1 ::1 4242 2376\r\n", "38 [2001:db8::1]:4242 -> [::1]:2376"},
        {"PROXY UNKNOWN\r\n", "15 unnamed"},
        {"PROXY UNKNOWN ffff::1 x y z\r\n", "29 unnamed"},
        {v2('\x21', '\x11', ip4_block) + "GET", "28 10.0.0.1:4242 -> 10.0.0.2:2376"},
        {v2('\x21', '\x21', ip6_block), "52 [2001:db8::1]:4242 -> [2001:db8::2]:2376"},
        {v2('\x21', '\x11', ip4_block + "\x04\x00\x01x"s), "32 10.0.0.1:4242 -> 10.0.0.2:2376"},
        {v2('\x20', '\x00', ""), "16 unnamed"},         // LOCAL: a health check
        {v2('\x20', '\x11', ip4_block), "28 unnamed"},  // LOCAL: its addresses are to be ignored
        {v2('\x21', '\x31', std::string(216, 'x')), "232 unnamed"},  // AF_UNIX
        {v2('\x21', '\x12', ip4_block), "28 unnamed"},               // UDP has no connections
    };
    for (const Row& row : rows)
        assert_text_equal(text_of(parse_proxy_header(row.bytes)), row.result);
}

void what_is_no_header_is_refused(void**) {
    struct Row {
        std::string bytes;
        std::string_view why;
    };
    const Row rows[] = {
        {"GET / HTTP/1.1\r\n", "no PROXY header, which this listener asks for"},
        {"\x16\x03\x01", "no PROXY header, which this listener asks for"},
        {"PROXX", "no PROXY header, which this listener asks for"},
        {"\r\n\r\n\r", "no PROXY header, which this listener asks for"},
        {"PROXY TCP4 10.0.0.1 10.0.0.2 4242 2376\n", "a PROXY line ends in a bare LF"},
        {"PROXY " + std::string(101, 'x'), "a PROXY line without an end"},
        {"PROXY TCP5 10.0.0.1 10.0.0.2 1 2\r\n", "a PROXY line of an unknown family"},
        {"PROXY TCP4 10.0.0.256 10.0.0.2 1 2\r\n", "a PROXY line with a bad address"},
        {"PROXY TCP4 ::1 ::1 1 2\r\n", "a PROXY line with a bad address"},
        {"PROXY TCP6 10.0.0.1 10.0.0.2 1 2\r\n", "a PROXY line with a bad address"},
        {"PROXY TCP4 10.0.0.1 10.0.0.2 65536 2\r\n", "a PROXY line with a bad port"},
        {"PROXY TCP4 10.0.0.1 10.0.0.2 01 2\r\n", "a PROXY line with a bad port"},
        {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2 \r\n", "a PROXY line with a bad port"},
        {"PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n", "a PROXY line with a bad port"},
        {v2('\x11', '\x11', ip4_block), "a PROXY header of an unknown version"},
        {v2('\x22', '\x11', ip4_block), "a PROXY header with an unknown command"},
        {v2('\x21', '\x11', ip4_block.substr(1)), "a PROXY header without its addresses"},
        {v2('\x21', '\x21', ip4_block), "a PROXY header without its addresses"},
        {v2('\x21', '\x11', std::string(1009, 'x')), "a PROXY header too long"},
    };
    for (const Row& row : rows) assert_text_equal(text_of(parse_proxy_header(row.bytes)), row.why);
}

void a_header_in_pieces_is_waited_for(void**) {
    const std::string headers[] = {
        "PROXY TCP4 10.0.0.1 10.0.0.2 4242 2376\r\n",
        v2('\x21', '\x21', ip6_block + std::string(64, 'x')),
    };
    for (const std::string& header : headers) {
        for (size_t size = 0; size < header.size(); ++size)
            assert_text_equal(text_of(parse_proxy_header(header.substr(0, size))), "incomplete");
        assert_true(parse_proxy_header(header).what == ProxyHeader::What::complete);
        assert_int_equal(parse_proxy_header(header + "GET / HTTP/1.1").size, header.size());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(headers_name_the_client),
        cmocka_unit_test(what_is_no_header_is_refused),
        cmocka_unit_test(a_header_in_pieces_is_waited_for),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
