// JsonLine and what stands inside its texts: each byte escaped as RFC 8259 demands, wherever it stands.
#include "base/json_line.hh"

#include <cstdio>
#include <string>

#include "base/text_cursor.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

std::string json_text(std::string_view text) {
    std::string out = "before ";
    append_json_text(out, text);
    return out.substr(7);
}

// RFC 8259 §7, and U+FFFD for what is no UTF-8.
std::string expected(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"') return "\\\"";
    if (c == '\\') return "\\\\";
    if (c == '\n') return "\\n";
    if (c == '\r') return "\\r";
    if (c == '\t') return "\\t";
    if (byte >= 0x80) return "\xEF\xBF\xBD";
    if (byte >= 0x20 && byte != 0x7F) return std::string(1, c);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(byte));
    return escaped;
}

void each_byte_is_escaped_wherever_it_stands(void**) {
    for (int value = 0; value < 256; ++value) {
        for (size_t before = 0; before < 18; ++before) {
            for (const size_t after : {0U, 1U, 7U, 8U, 9U}) {
                const char byte = static_cast<char>(value);
                const std::string text = std::string(before, 'a') + byte + std::string(after, 'z');
                const std::string whole =
                    std::string(before, 'a') + expected(byte) + std::string(after, 'z');
                assert_text_equal(json_text(text), whole);
            }
        }
    }
}

void text_in_utf_8_stays_and_what_is_cut_is_replaced(void**) {
    assert_text_equal(json_text("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\xB3."),
                      "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\xB3.");
    assert_text_equal(json_text("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_text_equal(json_text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

void a_line_has_its_fields_in_order_and_nested(void**) {
    JsonLine line;
    for (int again = 0; again < 2; ++again) {  // what was there before is forgotten
        line.begin();
        line.number<"v">(1);
        line.word<"event">("open");
        line.text<"target">("/a\"b");
        line.open<"bytes">('{');
        line.number<"in">(UINT64_MAX);
        line.number<"out">(10);
        line.close('}');
        line.open<"list">('[');
        line.element("x");
        line.open_element();
        line.flag<"reused">(true);
        line.close('}');
        line.open_element();
        line.ms<"ms">(12'345'678);
        line.close('}');
        line.close(']');
        line.ms("named", 2'000'000);
        line.time<"time">(1'700'000'000'123'000'000);
        assert_text_equal(std::string(line.end()),
                          R"({"v":1,"event":"open","target":"/a\"b",)"
                          R"("bytes":{"in":18446744073709551615,"out":10},)"
                          R"("list":["x",{"reused":true},{"ms":12.345}],"named":2,)"
                          R"("time":"2023-11-14T22:13:20.123Z"})"
                          "\n");
    }
}

void a_line_grows_as_far_as_it_must(void**) {
    JsonLine line;
    line.begin();
    std::string whole = "{";
    for (size_t size = 0; size < 400; ++size) {
        const std::string text(size, '"');
        line.text<"text">(text);
        whole += size == 0 ? "\"text\":\"" : ",\"text\":\"";
        for (size_t i = 0; i < size; ++i) whole += "\\\"";
        whole += '"';
    }
    assert_text_equal(std::string(line.end()), whole + "}\n");
}

void a_cursor_appends_pieces_of_every_size(void**) {
    std::string out = "there: ";
    std::string whole = out;
    {
        TextCursor cursor(out, 3);
        for (size_t size = 0; size < 40; ++size) {
            std::string piece;
            for (size_t i = 0; i < size; ++i) piece += static_cast<char>('a' + i % 26);
            cursor.put(piece);
            cursor.put(", ");
            cursor.put('#');
            cursor.number(size * size);
            whole += piece + ", #" + std::to_string(size * size);
        }
    }
    assert_text_equal(out, whole);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_escaped_wherever_it_stands),
        cmocka_unit_test(text_in_utf_8_stays_and_what_is_cut_is_replaced),
        cmocka_unit_test(a_line_has_its_fields_in_order_and_nested),
        cmocka_unit_test(a_line_grows_as_far_as_it_must),
        cmocka_unit_test(a_cursor_appends_pieces_of_every_size),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
