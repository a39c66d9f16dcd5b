// What is read from the credentials' field line, and what is not.
#include "gate/credentials.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

std::string words(std::string_view value, std::string_view field) {
    Credentials credentials;
    if (const char* fault = read_credentials(value, field, credentials)) return fault;
    return (credentials.basic ? "basic [" + std::string(credentials.user) + "] [" : "bearer [") +
           std::string(credentials.secret) + ']';
}

constexpr std::string_view odd_bearer = "the bearer token has bytes that no token has";
constexpr std::string_view no_base64 = "what follows Basic is no base64";

constexpr Row authorization_rows[] = {
    {"bearer", "Bearer v4.public.a-_b", "bearer [v4.public.a-_b]"},
    {"of any case", "bEARER abc", "bearer [abc]"},
    {"several blanks", "Bearer   abc", "bearer [abc]"},
    {"padding", "Bearer YWJj==", "bearer [YWJj==]"},
    {"all of token68", "Bearer aZ09-._~+/", "bearer [aZ09-._~+/]"},
    {"nothing", "Bearer ", odd_bearer},
    {"padding alone", "Bearer ==", odd_bearer},
    {"padding inside", "Bearer a=b", odd_bearer},
    {"a blank inside", "Bearer a b", odd_bearer},
    {"a comma", "Bearer a,b", odd_bearer},
    {"a tab for a blank", "Bearer\tabc", "their scheme is neither Bearer nor Basic"},
    {"no blank", "Bearerabc", "their scheme is neither Bearer nor Basic"},
    {"the scheme alone", "Bearer", "their scheme is neither Bearer nor Basic"},
    {"another scheme", "Digest username=a", "their scheme is neither Bearer nor Basic"},
    {"a bare token", "v4.public.abc", "their scheme is neither Bearer nor Basic"},
    {"basic", "Basic YWxpY2U6c2VjcmV0", "basic [alice] [secret]"},
    {"a colon in the password", "Basic YTpiOmM=", "basic [a] [b:c]"},
    {"no user", "Basic OnRva2Vu", "basic [] [token]"},
    {"UTF-8", "basic w6Q6w7Y=", "basic [\xc3\xa4] [\xc3\xb6]"},
    {"no password", "Basic YTo=", "Basic has no password"},
    {"no colon", "Basic YWJj", "Basic has no colon between user and password"},
    {"nothing in it", "Basic ", "Basic has no colon between user and password"},
    {"no padding", "Basic YTpiOmM", no_base64},
    {"the other alphabet", "Basic YTr_-g==", no_base64},
    {"two of them", "Basic YTpi YTpi", no_base64},
    {"a line end", "Basic YTpiCg==", "Basic has control bytes in it"},
    {"a zero", "Basic YQA6Yg==", "Basic has control bytes in it"},
};

void authorization_is_bearer_or_basic(void**) {
    check_rows(authorization_rows, "", "",
               [](std::string_view value) { return words(value, "authorization"); });
}

constexpr Row own_field_rows[] = {
    {"a bare token", "v4.public.abc", "bearer [v4.public.abc]"},
    {"bearer", "Bearer abc", "bearer [abc]"},
    {"basic", "Basic YTpi", "basic [a] [b]"},
    {"another scheme", "Digest username=a", odd_bearer},
};

void a_field_of_our_own_may_hold_the_token_alone(void**) {
    check_rows(own_field_rows, "", "",
               [](std::string_view value) { return words(value, "x-build-token"); });
    assert_text_equal(words("abc", "proxy-authorization"),
                      "their scheme is neither Bearer nor Basic");
}

void long_credentials_are_not_read(void**) {
    const std::string token(8192, 'a');
    assert_text_equal(words("Bearer " + token, "authorization"), "bearer [" + token + ']');
    assert_text_equal(words("Bearer " + std::string(9000, 'a'), "authorization"),
                      "they are too long");
}

RequestHead head_with(std::initializer_list<Field> fields) {
    RequestHead head;
    head.fields = fields;
    return head;
}

void the_named_field_is_found_in_any_case_and_only_once(void**) {
    const RequestHead head = head_with({{"Host", "a"},
                                        {"AUTHORIZATION", "Bearer a"},
                                        {"X-Build-Token", "b"},
                                        {"x-twice", "1"},
                                        {"X-Twice", ""}});
    assert_text_equal(find_credentials(head, "authorization").value, "Bearer a");
    assert_text_equal(find_credentials(head, "x-build-token").value, "b");
    assert_text_equal(find_credentials(head, "proxy-authorization").value, "");
    assert_false(find_credentials(head, "authorization").several);
    assert_true(find_credentials(head, "x-twice").several);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(authorization_is_bearer_or_basic),
        cmocka_unit_test(a_field_of_our_own_may_hold_the_token_alone),
        cmocka_unit_test(long_credentials_are_not_read),
        cmocka_unit_test(the_named_field_is_found_in_any_case_and_only_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
