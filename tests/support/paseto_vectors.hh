// The published test vectors that concern v4.public and its keys, as data.
// Sources: github.com/paseto-standard/test-vectors, v4.json at d26d2dd8d45d316a581032205cd131ab5c326aa9
// (4-S-1 to 4-S-3, 4-F-1 to 4-F-4), PASERK/k4.pid.json at ec2298cf7f4779577eaf8cb4b89d60e0cc12bf9c,
// github.com/paseto-standard/paserk, types/secret.md at 2f184df2f3f18ea6ba6675da9bb8c9e021069559.
#pragma once

#include <string_view>

namespace test_support {

inline constexpr std::string_view vector_public_key =
    "1eb9dbbbbc047c03fd70604e0071f0987e16b28b757225c11f00415d0e20b1a2";
inline constexpr std::string_view vector_secret_key =
    "b4cbfb43df4ce210727d953e4a713307fa19bb7d9f85041438d9e11b942a3774"
    "1eb9dbbbbc047c03fd70604e0071f0987e16b28b757225c11f00415d0e20b1a2";

struct PasetoVector {
    std::string_view name;
    std::string_view token;
    std::string_view payload;  // empty: must fail
    std::string_view footer;
    std::string_view implicit;
};

inline constexpr PasetoVector paseto_vectors[] = {
    {"4-S-1",
     "v4.public."
     "eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCsw"
     "MDowMCJ9bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-"
     "P0V54zemZDcAxFaSeef1QlXEFtkqxT1ciiQEDA",
     R"({"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"})", "", ""},
    {"4-S-2",
     "v4.public."
     "eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCsw"
     "MDowMCJ9v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-"
     "SPo8FPp214HDw"
     ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9",
     R"({"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"})",
     R"({"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"})", ""},
    {"4-S-3",
     "v4.public."
     "eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCsw"
     "MDowMCJ9NPWciuD3d0o5eXJXG5pJy-DiVEoyPYWs1YSTwWHNJq6DZD3je5gf-"
     "0M4JR9ipdUSJbIovzmBECeaWmaqcaP0DQ"
     ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9",
     R"({"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"})",
     R"({"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"})", R"({"test-vector":"4-S-3"})"},
    // A local token where a public one is expected.
    {"4-F-1",
     "v4.local.vngXfCISbnKgiP6VWGuOSlYrFYU300fy9ijW33rznDYgxHNPwWluAY2Bgb0z54CUs6aYYkIJ-bOOOmJHPuX_"
     "34A"
     "gt_IPlNdGDpRdGNnBz2MpWJvB3cttheEc1uyCEYltj7wBQQYX."
     "YXJiaXRyYXJ5LXN0cmluZy10aGF0LWlzbid0LWpzb24",
     "", "arbitrary-string-that-isn't-json", R"({"test-vector":"4-F-1"})"},
    // Published as a public token where a local one is expected; the key has not signed it.
    {"4-F-2",
     "v4.public.eyJpbnZhbGlkIjoidGhpcyBzaG91bGQgbmV2ZXIgZGVjb2RlIn22Sp4gjCaUw0c7EH84ZSm_jN_"
     "Qr41MrgLNu"
     "5LIBCzUr1pn3Z-Wukg9h3ceplWigpoHaTLcwxj0NsI1vjTh67YB."
     "eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9"
     "lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9",
     "", R"({"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"})", R"({"test-vector":"4-F-2"})"},
    {"4-F-3",
     "v3.local.23e_2PiqpQBPvRFKzB0zHhjmxK3sKo2grFZRRLM-"
     "U7L0a8uHxuF9RlVz3Ic6WmdUUWTxCaYycwWV1yM8gKbZB2J"
     "hygDMKvHQ7eBf8GtF0r3K0Q_gF1PXOxcOgztak1eD1dPe9rLVMSgR0nHJXeIGYVuVrVoLWQ."
     "YXJiaXRyYXJ5LXN0cmluZy10"
     "aGF0LWlzbid0LWpzb24",
     "", "arbitrary-string-that-isn't-json", R"({"test-vector":"4-F-3"})"},
    {"4-F-4",
     "v4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAr68PS4AXe7If_"
     "ZgesdkUMvSwscFlAl1pk5HC0e8kApe"
     "aqMfGo_7OpBnwJOAbY9V7WU6abu74MmcUE8YWAiaArVI8XJ5hOb_4v9RmDkneN0S92dx0OW4pgy7omxgf3S8c3LlQh",
     "", "", ""},
};

struct KeyVector {
    std::string_view name;
    std::string_view key;     // hex; of k4.secret: the seed, then the public key
    std::string_view paserk;  // empty: must fail
};

inline constexpr KeyVector key_id_vectors[] = {
    {"k4.pid-1", "0000000000000000000000000000000000000000000000000000000000000000",
     "k4.pid.S_XQmeEwHbbvRmiyfXfHYpLGjXGzjTRSDoT1YtTakWFE"},
    {"k4.pid-2", "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f",
     "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs"},
    {"k4.pid-3", "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e90",
     "k4.pid.-nyvbaTz8U6TQz7OZWW-iB3va31iAxIpUgzUcVQVmW9A"},
    {"k4.pid-fail-1", "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e", ""},
    {"k4.pid-fail-2",
     "02707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9"
     "d9e9f",
     ""},
};

inline constexpr KeyVector secret_key_vectors[] = {
    {"k4.secret-2",
     "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f"
     "1ce56a48c82ff99162a14bc544612674e5d61fb9317e65d4055780fdbcb4dc35",
     "k4.secret."
     "cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8c5WpIyC_5kWKhS8VEYSZ05dYfuTF-ZdQFV4D9vLTcNQ"},
};

}  // namespace test_support
