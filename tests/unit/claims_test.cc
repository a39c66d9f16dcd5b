// Claims and times: what is read, what is kept, and every way in which a payload is not as it should be.
#include "gate/claims.hh"

#include "gate/datetime.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

std::string time_or_dash(const std::optional<int64_t>& ms) {
    return ms ? std::to_string(*ms) : "-";
}

std::string words(std::string_view json) {
    Claims claims;
    if (const char* fault = read_claims(json, claims)) return fault;
    std::string text = claims.issuer + '|' + claims.subject + '|' + claims.audience + '|' +
                       claims.token_id + '|' + time_or_dash(claims.expires_ms) + '|' +
                       time_or_dash(claims.not_before_ms) + '|' + time_or_dash(claims.issued_ms) +
                       '|' + claims.profile + '|' + claims.rate + '|';
    for (const std::string& host : claims.hosts) text += host + ' ';
    for (const OtherClaim& other : claims.others) text += '|' + other.name + '=' + other.json;
    return text;
}

constexpr Row good_rows[] = {
    {"nothing", "{}", "||||-|-|-|||"},
    {"all of them",
     R"({"iss":"cp","sub":"ci","aud":"b7","jti":"1","exp":"2022-01-01T00:00:00+00:00",)"
     R"("nbf":"1970-01-01T00:00:01Z","iat":"1970-01-01T01:00:00+01:00","profile":"build",)"
     R"("rate":"slow","hosts":["a.example","*.b.example:2376"]})",
     "cp|ci|b7|1|1640995200000|1000|0|build|slow|a.example *.b.example:2376 "},
    {"others are kept, in order of their names",
     R"({"z":[1,{"a":null}],"sub":"x","data":"\u00e4"})",
     "|x|||-|-|-||||data=\"\xc3\xa4\"|z=[1,{\"a\":null}]"},
    {"names have upper and lower case", R"({"SUB":"x"})", "||||-|-|-||||SUB=\"x\""},
    {"white space between", "{ \"sub\" :\n\"x\" }\n", "|x|||-|-|-|||"},
};

constexpr std::string_view no_object = "the token's payload is no JSON object as it should be";

constexpr Row bad_rows[] = {
    {"empty", "", no_object},
    {"a list", "[]", no_object},
    {"a text", "\"sub\"", no_object},
    {"null", "null", no_object},
    {"cut off", "{\"sub\":\"x\"", no_object},
    {"something behind it", "{} {}", no_object},
    {"a comma too many", "{\"sub\":\"x\",}", no_object},
    {"single quotes", "{'sub':'x'}", no_object},
    {"a comment", "{/**/}", no_object},
    {"a byte order mark", "\xEF\xBB\xBF{}", no_object},
    {"a zero byte and more", std::string_view("{}\0{", 4), no_object},
    {"a zero byte inside", std::string_view("{\"a\":\"\0\"}", 9), no_object},
    {"not UTF-8", "{\"a\":\"\xff\"}", no_object},
    {"half a surrogate", R"({"a":"\ud800"})", no_object},
    {"a number beyond all", R"({"a":1e999})", no_object},
    {"NaN", R"({"a":NaN})", no_object},
    {"a name twice", R"({"sub":"x","sub":"y"})", no_object},
    {"a name twice, spelled apart", R"({"sub":"x","\u0073ub":"y"})", no_object},
    {"a name twice, deeper", R"({"o":{"a":1,"a":1}})", no_object},
    {"too deep", R"({"a":[[[[[[[[1]]]]]]]]})", no_object},
    {"sub is a number", R"({"sub":1})", "the token's claim sub is no name"},
    {"sub is null", R"({"sub":null})", "the token's claim sub is no name"},
    {"sub is empty", R"({"sub":""})", "the token's claim sub is no name"},
    {"sub has a line end", R"({"sub":"a\nb"})", "the token's claim sub is no name"},
    {"sub has a zero", R"({"sub":"a\u0000b"})", "the token's claim sub is no name"},
    {"aud is a list", R"({"aud":["a"]})", "the token's claim aud is no name"},
    {"iss is an object", R"({"iss":{}})", "the token's claim iss is no name"},
    {"jti is a truth", R"({"jti":true})", "the token's claim jti is no name"},
    {"exp is a number, as in JWT", R"({"exp":1640995200})",
     "the token's claim exp is no RFC 3339 time"},
    {"exp is empty", R"({"exp":""})", "the token's claim exp is no RFC 3339 time"},
    {"exp is a date", R"({"exp":"2022-01-01"})", "the token's claim exp is no RFC 3339 time"},
    {"nbf is a word", R"({"nbf":"now"})", "the token's claim nbf is no RFC 3339 time"},
    {"iat is null", R"({"iat":null})", "the token's claim iat is no RFC 3339 time"},
    {"profile has a blank", R"({"profile":"a b"})", "the token's claim profile is no name"},
    {"rate is a number", R"({"rate":1})", "the token's claim rate is no name"},
    {"hosts is a text", R"({"hosts":"a"})", "the token's claim hosts is no list of host patterns"},
    {"hosts is empty", R"({"hosts":[]})", "the token's claim hosts is no list of host patterns"},
    {"a host is a number", R"({"hosts":[1]})",
     "the token's claim hosts is no list of host patterns"},
    {"a host is no pattern", R"({"hosts":["a*.example"]})",
     "the token's claim hosts is no list of host patterns"},
    {"17 hosts",
     R"({"hosts":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"]})",
     "the token's claim hosts is no list of host patterns"},
    {"the first fault is told", R"({"sub":1,"exp":1})", "the token's claim sub is no name"},
};

void claims_are_read_and_unknown_ones_kept(void**) { check_rows(good_rows, "", "", words); }

void payloads_that_are_not_as_they_should_be_are_refused(void**) {
    check_rows(bad_rows, "", "", words);
}

void depth_and_number_of_names_are_bounded(void**) {
    assert_text_equal(words(R"({"a":[[[[[[[1]]]]]]]})"), "||||-|-|-||||a=[[[[[[[1]]]]]]]");
    std::string many = "{";
    for (size_t i = 0; i < claims_limit; ++i)
        many += (i == 0 ? "\"n" : ",\"n") + std::to_string(i) + "\":0";
    assert_true(words(many + '}').starts_with("||||-|-|-|||"));
    assert_text_equal(words(many + ",\"more\":0}"), no_object);
    assert_text_equal(words(std::string(4000, '[')), no_object);
    const std::string longest(256, 'n');
    assert_text_equal(words("{\"sub\":\"" + longest + "\"}"), '|' + longest + "|||-|-|-|||");
    assert_text_equal(words("{\"sub\":\"" + longest + "n\"}"), "the token's claim sub is no name");
}

void claims_are_written_as_they_are_read(void**) {
    const std::string_view text =
        R"({"iss":"c\"p","sub":"ci","aud":"b7","exp":"2022-01-01T00:00:00Z",)"
        R"("nbf":"1970-01-01T00:00:01Z","iat":"1970-01-01T00:00:00Z","jti":"1","profile":"build",)"
        R"("rate":"slow","hosts":["a.example","[::1]:1"],"team":{"id":7},"x\"y":[]})";
    Claims claims;
    assert_null(read_claims(text, claims));
    assert_text_equal(claims_text(claims), text);
    assert_text_equal(claims_text(Claims{}), "{}");
}

std::string key_id(std::string_view footer) {
    std::string kid = "old";
    if (const char* fault = read_key_id(footer, kid)) return fault;
    return "kid=" + kid;
}

constexpr std::string_view bad_footer = "the token's footer is no JSON object as it should be";

constexpr Row footer_rows[] = {
    {"a key", R"({"kid":"k4.pid.x"})", "kid=k4.pid.x"},
    {"and more", R"({"kid":"a","wpk":"b"})", "kid=a"},
    {"none", "", "kid="},
    {"free text", "arbitrary-string-that-isn't-json", "kid="},
    {"an object without", R"({"k":"a"})", "kid="},
    {"a list", R"(["kid"])", "kid="},
    {"a number", R"({"kid":1})", bad_footer},
    {"empty", R"({"kid":""})", bad_footer},
    {"twice", R"({"kid":"a","kid":"b"})", bad_footer},
    {"nested", R"({"kid":"a","x":{}})", bad_footer},
    {"cut off", R"({"kid":"a")", bad_footer},
};

void a_footer_names_a_key_or_nothing(void**) {
    check_rows(footer_rows, "", "", key_id);
    assert_text_equal(key_id("{\"kid\":\"" + std::string(600, 'a') + "\"}"), bad_footer);
}

std::string time_text(std::string_view text) {
    const std::optional<int64_t> ms = parse_datetime(text);
    return ms ? std::to_string(*ms) : "no";
}

constexpr Row time_rows[] = {
    {"the beginning", "1970-01-01T00:00:00Z", "0"},
    {"a day", "2022-01-01T00:00:00Z", "1640995200000"},
    {"offset", "2022-01-01T00:00:00+00:00", "1640995200000"},
    {"east", "2022-01-01T05:30:00+05:30", "1640995200000"},
    {"west, the day before", "2021-12-31T16:00:00-08:00", "1640995200000"},
    {"the unknown offset", "2022-01-01T00:00:00-00:00", "1640995200000"},
    {"milliseconds", "1970-01-01T00:00:00.123Z", "123"},
    {"a tenth", "1970-01-01T00:00:00.5Z", "500"},
    {"nanoseconds are cut", "1970-01-01T00:00:00.123999999Z", "123"},
    {"leap day", "2024-02-29T00:00:00Z", "1709164800000"},
    {"century's leap day", "2000-02-29T00:00:00Z", "951782400000"},
    {"before 1970", "1969-12-31T23:59:59Z", "-1000"},
    {"the first", "0000-01-01T00:00:00Z", "-62167219200000"},
    {"the last", "9999-12-31T23:59:59Z", "253402300799000"},
    {"no leap day", "2023-02-29T00:00:00Z", "no"},
    {"no leap day in 1900", "1900-02-29T00:00:00Z", "no"},
    {"leap second", "2016-12-31T23:59:60Z", "no"},
    {"24 o'clock", "2022-01-01T24:00:00Z", "no"},
    {"minute 60", "2022-01-01T00:60:00Z", "no"},
    {"month 13", "2022-13-01T00:00:00Z", "no"},
    {"month 0", "2022-00-01T00:00:00Z", "no"},
    {"day 0", "2022-01-00T00:00:00Z", "no"},
    {"April 31", "2022-04-31T00:00:00Z", "no"},
    {"small t", "2022-01-01t00:00:00Z", "no"},
    {"small z", "2022-01-01T00:00:00z", "no"},
    {"blank for T", "2022-01-01 00:00:00Z", "no"},
    {"no offset", "2022-01-01T00:00:00", "no"},
    {"no seconds", "2022-01-01T00:00Z", "no"},
    {"offset without colon", "2022-01-01T00:00:00+0000", "no"},
    {"offset of hours", "2022-01-01T00:00:00+00", "no"},
    {"offset of 24 hours", "2022-01-01T00:00:00+24:00", "no"},
    {"a dot without digits", "2022-01-01T00:00:00.Z", "no"},
    {"a comma", "2022-01-01T00:00:00,5Z", "no"},
    {"short year", "22-01-01T00:00:00Z", "no"},
    {"long year", "12022-01-01T00:00:00Z", "no"},
    {"a sign", "+2022-01-01T00:00:00Z", "no"},
    {"blank before", " 2022-01-01T00:00:00Z", "no"},
    {"line end after", "2022-01-01T00:00:00Z\n", "no"},
    {"one digit", "2022-1-1T0:0:0Z", "no"},
    {"empty", "", "no"},
};

void times_are_rfc_3339_and_nothing_else(void**) { check_rows(time_rows, "", "", time_text); }

void times_are_written_as_they_are_read(void**) {
    for (const std::string_view text : {"1970-01-01T00:00:00Z", "2026-11-21T12:34:56Z",
                                        "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"})
        assert_text_equal(datetime_text(*parse_datetime(text)), text);
    assert_text_equal(datetime_text(1999), "1970-01-01T00:00:01Z");
}

void json_for_people_is_on_several_lines(void**) {
    assert_text_equal(*json_for_people(R"({"b":1,"a":["x"]})"),
                      "{\n  \"a\": [\n    \"x\"\n  ],\n  \"b\": 1\n}");
    // Nothing that a terminal obeys: ESC, and U+009B, which some take for the same.
    assert_text_equal(*json_for_people("{\"a\":\"\\u001b[2J\xc2\x9b\x7f\"}"),
                      "{\n  \"a\": \"\\u001b[2J\\u009b\\u007f\"\n}");
    assert_false(json_for_people("x").has_value());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_read_and_unknown_ones_kept),
        cmocka_unit_test(payloads_that_are_not_as_they_should_be_are_refused),
        cmocka_unit_test(depth_and_number_of_names_are_bounded),
        cmocka_unit_test(claims_are_written_as_they_are_read),
        cmocka_unit_test(a_footer_names_a_key_or_nothing),
        cmocka_unit_test(times_are_rfc_3339_and_nothing_else),
        cmocka_unit_test(times_are_written_as_they_are_read),
        cmocka_unit_test(json_for_people_is_on_several_lines),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
