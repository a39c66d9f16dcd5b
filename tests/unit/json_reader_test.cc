// JSON as the gate will have it: what Go and another reader could take differently is refused, the rest is
// told in order.
#include "gate/json_reader.hh"

#include <string>

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

// Writes down what it is told; stops at the key "stop".
class Notes final : public JsonSink {
  public:
    std::string text;

    bool on_key(std::string_view key) override {
        text.append(key).append(":");
        return key != "stop";
    }
    bool on_scalar(const JsonScalar& scalar) override {
        switch (scalar.kind) {
            case JsonScalar::Kind::null: text += "null "; break;
            case JsonScalar::Kind::boolean: text += scalar.truth ? "true " : "false "; break;
            case JsonScalar::Kind::integer: text += std::to_string(scalar.integer) + ' '; break;
            case JsonScalar::Kind::real: text += "real "; break;
            case JsonScalar::Kind::text: text.append("'").append(scalar.text).append("' "); break;
        }
        return true;
    }
    bool on_open(bool list) override {
        text += list ? '[' : '{';
        closers_ += list ? ']' : '}';
        return true;
    }
    bool on_close() override {
        text += closers_.back();
        closers_.pop_back();
        return true;
    }

  private:
    std::string closers_;
};

std::string read(std::string_view text) {
    Notes notes;
    const char* flaw = read_json(text, notes);
    return flaw == nullptr ? notes.text : std::string("! ") + flaw;
}

#define NOT_JSON "! JSON that is not valid"
#define NOT_ASCII "! a key in the JSON that is not ASCII"
#define TWICE "! a key twice in one object of the JSON"

constexpr Row rows[] = {
    {"all kinds", R"({"a":[null,true,false,-1,1.5,"x"],"b":{}} )",
     "{a:[null true false -1 real 'x' ]b:{}}"},
    {"white space", " \t\r\n{ \"a\" : 1 } \n", "{a:1 }"},
    {"an escaped key is decoded", R"({"Pr\u0069vileged":true})", "{Privileged:true }"},
    {"a surrogate pair in a text", R"(["\ud83d\ude00"])", "['\xf0\x9f\x98\x80' ]"},
    {"63 bits", "[9223372036854775807,-9223372036854775808]",
     "[9223372036854775807 -9223372036854775808 ]"},
    {"64 bits are no amount", "[9223372036854775808]", "[real ]"},
    {"65 bits", "[18446744073709551616]", "[real ]"},
    {"a whole number with an exponent", "[1e3]", "[real ]"},
    {"the same key in two objects", R"([{"a":1},{"a":2}])", "[{a:1 }{a:2 }]"},
    {"the same key further in", R"({"a":{"a":1}})", "{a:{a:1 }}"},
    {"keys in two cases are two keys here", R"({"a":1,"A":2})", "{a:1 A:2 }"},
    {"an empty key", R"({"":1})", "{:1 }"},
    {"a sink that has enough", R"({"stop":1,)", "{stop:"},

    {"nothing", "", NOT_JSON},
    {"white space only", "  ", NOT_JSON},
    {"a cut object", R"({"a":1)", NOT_JSON},
    {"a second value: Go reads the first only", R"({"a":1}{"b":2})", NOT_JSON},
    {"a comma at the end", R"({"a":1,})", NOT_JSON},
    {"a comment", R"({"a":1/**/})", NOT_JSON},
    {"single quotes", "{'a':1}", NOT_JSON},
    {"NaN", "[NaN]", NOT_JSON},
    {"a leading zero", "[01]", NOT_JSON},
    {"a leading plus", "[+1]", NOT_JSON},
    {"a number too large for a double", "[1e999]", NOT_JSON},
    {"a lone surrogate, which Go replaces", R"(["\ud800"])", NOT_JSON},
    {"a lone surrogate in a key", R"({"\ud800":1})", NOT_JSON},
    {"bytes that are not UTF-8, which Go replaces", "[\"\xff\"]", NOT_JSON},
    {"an overlong encoding", "[\"\xc0\xaf\"]", NOT_JSON},
    {"a control byte in a text", "[\"\x01\"]", NOT_JSON},
    {"a form feed between", "\f[1]", NOT_JSON},
    {"a blank that is not ASCII", "\xc2\xa0[1]", NOT_JSON},
    {"NUL at the end, which would end the parser's reading", "{\"a\":1}\0{\"b\":2}"sv,
     "! a NUL byte in the JSON"},
    {"NUL inside", "{\"a\":\0}"sv, "! a NUL byte in the JSON"},
    {"an escaped NUL is a text like others", R"(["\u0000"])", "['\0' ]"sv},
    {"a byte order mark, which the parser would skip", "\xef\xbb\xbf{}",
     "! a byte order mark before the JSON"},
    {"a key twice", R"({"a":1,"b":2,"a":3})", TWICE},
    {"a key twice, once escaped", R"({"a":1,"\u0061":3})", TWICE},
    {"a key twice, in a list", R"([{"a":1,"a":1}])", TWICE},
    {"the long s, which Go folds to s", "{\"Ho\xc5\xbftConfig\":1}", NOT_ASCII},
    {"the long s, escaped", R"({"Ho\u017ftConfig":1})", NOT_ASCII},
    {"the Kelvin sign, which Go folds to k", R"({"Networ\u212aMode":"host"})", NOT_ASCII},
    {"any other key that is not ASCII", R"({"\u00e9":1})", NOT_ASCII},
};

void json_is_read_as_the_table_says(void**) { test_support::check_rows(rows, "", "", read); }

void levels_are_counted_to_32(void**) {
    const auto nested = [](size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    assert_text_equal(read(nested(32)), nested(32));
    assert_text_equal(read(nested(33)), "! more than 32 levels in the JSON");
    // However deep: no stack is used up before it is refused.
    assert_text_equal(read(std::string(1024 * 1024, '[')), "! more than 32 levels in the JSON");
    std::string objects;
    for (size_t i = 0; i < 33; ++i) objects += "{\"a\":";
    assert_text_equal(read(objects), "! more than 32 levels in the JSON");
}

void keys_are_counted_to_16384(void**) {
    const auto keys = [](size_t count) {
        std::string text = "{";
        for (size_t i = 0; i < count; ++i)
            text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
        return text + '}';
    };
    assert_true(read(keys(16'384))[0] == '{');
    assert_text_equal(read(keys(16'385)), "! more than 16384 keys in the JSON");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(json_is_read_as_the_table_says),
        cmocka_unit_test(levels_are_counted_to_32),
        cmocka_unit_test(keys_are_counted_to_16384),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
