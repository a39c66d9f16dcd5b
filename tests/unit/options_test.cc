// Values, addresses, clocks and routes as people write them: what each text means, or the whole line
// that says what is wrong with it. Also the table itself.
#include "ops/options.hh"

#include <set>
#include <vector>

#include "ops/address.hh"
#include "ops/nearest.hh"
#include "ops/patience.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

template <typename T, typename TextOf>
std::string result_text(Result<T> result, TextOf text_of) {
    return result.ok() ? text_of(result.value()) : result.status().message();
}

constexpr Row duration_rows[] = {
    {"milliseconds", "500ms", "500"},
    {"seconds", "2s", "2000"},
    {"minutes", "5m", "300000"},
    {"hours", "1h", "3600000"},
    {"days", "2d", "172800000"},
    {"several units", "1h30m", "5400000"},
    {"all units", "1d1h1m1s1ms", "90061001"},
    {"off", "off", "0"},
    {"no unit", "30", "\"30\" has no unit: write 30ms, 30s, 30m or 30h"},
    {"zero", "0s", "\"0s\" would mean off: write off"},
    {"zero without unit", "0", "\"0\" has no unit: write 0ms, 0s, 0m or 0h"},
    {"empty", "", "\"\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"unit only", "s", "\"s\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"unknown unit", "2x", "\"2x\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"upper case", "2S", "\"2S\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"blank", "2 s", "\"2 s\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"fraction", "1.5s", "\"1.5s\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"negative", "-2s", "\"-2s\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"number at the end", "2s3",
     "\"2s3\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"more than 64 bits", "99999999999999999999s",
     "\"99999999999999999999s\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"product over 64 bits", "18446744073709551615d",
     "\"18446744073709551615d\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
    {"sum over 64 bits", "18446744073709551615ms1ms",
     "\"18446744073709551615ms1ms\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"},
};

void durations_need_a_unit(void**) {
    check_rows(duration_rows, "", "", [](std::string_view text) {
        return result_text(parse_duration(text), [](uint64_t ms) { return std::to_string(ms); });
    });
}

constexpr Row size_rows[] = {
    {"bytes", "512B", "512"},
    {"KiB", "64KiB", "65536"},
    {"MiB", "8MiB", "8388608"},
    {"GiB", "2GiB", "2147483648"},
    {"no unit", "64", "\"64\" has no unit: write 64B, 64KiB or 64MiB"},
    {"decimal unit", "64KB", "\"64KB\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
    {"short unit", "64k", "\"64k\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
    {"two of them", "1MiB1KiB", "\"1MiB1KiB\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
    {"empty", "", "\"\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
    {"over 64 bits", "99999999999GiB",
     "\"99999999999GiB\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
};

void sizes_need_a_binary_unit(void**) {
    check_rows(size_rows, "", "", [](std::string_view text) {
        return result_text(parse_size(text), [](uint64_t bytes) { return std::to_string(bytes); });
    });
}

void texts_of_values_parse_to_the_same_values(void**) {
    for (const uint64_t ms : {0U, 1U, 999U, 1000U, 1500U, 90'000U, 3'600'000U, 86'400'000U})
        assert_true(parse_duration(duration_text(ms)).value() == ms);
    for (const uint64_t bytes : {0U, 1U, 1023U, 1024U, 1536U, 1U << 20U, 1U << 30U})
        assert_true(parse_size(size_text(bytes)).value() == bytes);
    assert_text_equal(duration_text(90'000), "90s");
    assert_text_equal(duration_text(900'000), "15m");
    assert_text_equal(size_text(1536), "1536B");
    assert_text_equal(size_text(256U << 20U), "256MiB");
}

constexpr Row listen_rows[] = {
    {"IPv4", "tcp://127.0.0.1:2375", "tcp 127.0.0.1 2375 660 "},
    {"any port", "tcp://127.0.0.1:0", "tcp 127.0.0.1 0 660 "},
    {"IPv6", "tcp://[::1]:2375", "tcp ::1 2375 660 "},
    {"IPv6 with scope", "tcp://[fe80::1%eth0]:2375", "tcp fe80::1%eth0 2375 660 "},
    {"socket", "unix:///run/b.sock", "unix /run/b.sock 660 "},
    {"socket with mode", "unix:///run/b.sock?mode=0600", "unix /run/b.sock 600 "},
    {"socket with both", "unix:///b?mode=666&group=docker", "unix /b 666 docker"},
    {"name", "tcp://localhost:2375",
     "\"tcp://localhost:2375\" is a name: listen on an address, like tcp://127.0.0.1:2375"},
    {"nothing but a port", "tcp://:2375",
     "\"tcp://:2375\" names no address: write tcp://0.0.0.0:PORT or tcp://[::]:PORT for all"},
    {"no port", "tcp://127.0.0.1",
     "\"tcp://127.0.0.1\" has no port: write it like tcp://127.0.0.1:2375"},
    {"no brackets", "tcp://::1:2375",
     "\"tcp://::1:2375\" needs brackets round its IPv6 address, like tcp://[::1]:2375"},
    {"open bracket", "tcp://[::1:2375", "\"tcp://[::1:2375\" has no closing bracket"},
    {"IPv6, no port", "tcp://[::1]",
     "\"tcp://[::1]\" has no port: write it like tcp://127.0.0.1:2375"},
    {"IPv4 in brackets", "tcp://[127.0.0.1]:1",
     "\"tcp://[127.0.0.1]:1\" has no valid host: \"127.0.0.1\""},
    {"bad IPv4", "tcp://127.0.0.256:1",
     "\"tcp://127.0.0.256:1\" has no valid host: \"127.0.0.256\""},
    {"port too high", "tcp://127.0.0.1:65536",
     "\"tcp://127.0.0.1:65536\" has no valid port after the colon: \"65536\""},
    {"path after the port", "tcp://127.0.0.1:1/x",
     "\"tcp://127.0.0.1:1/x\" has no valid port after the colon: \"1/x\""},
    {"relative path", "unix://run/b.sock",
     "\"unix://run/b.sock\" needs an absolute path, like unix:///run/docker.sock"},
    {"directory", "unix:///run/", "\"unix:///run/\" names a directory, not a socket"},
    {"mode not octal", "unix:///b?mode=0680",
     "\"unix:///b?mode=0680\" has a mode that is not octal 0 to 0777: \"0680\""},
    {"mode with setuid", "unix:///b?mode=4755",
     "\"unix:///b?mode=4755\" has a mode that is not octal 0 to 0777: \"4755\""},
    {"unknown part", "unix:///b?owner=root",
     "\"unix:///b?owner=root\" has an unknown part: \"owner=root\"; a socket may have"
     " ?mode=0660&group=docker"},
    {"other scheme", "http://127.0.0.1:80",
     "\"http://127.0.0.1:80\" is no address: write it like tcp://127.0.0.1:2375 or"
     " unix:///run/docker.sock"},
};

constexpr Row admin_rows[] = {
    {"socket", "unix:///run/b.sock", "/run/b.sock 600"},
    {"socket with mode", "unix:///run/b.sock?mode=0660", "/run/b.sock 660"},
    {"IPv4", "tcp://127.0.0.1:1", "127.0.0.1:1"},
    {"another of this machine's", "tcp://127.9.8.7:1", "127.9.8.7:1"},
    {"IPv6", "tcp://[::1]:1", "::1:1"},
    {"all addresses", "tcp://0.0.0.0:1",
     "\"tcp://0.0.0.0:1\" is no loopback address: whoever reaches it may end what they like"},
    {"all IPv6 addresses", "tcp://[::]:1",
     "\"tcp://[::]:1\" is no loopback address: whoever reaches it may end what they like"},
    {"an IPv4 address in IPv6", "tcp://[::ffff:127.0.0.1]:1",
     "\"tcp://[::ffff:127.0.0.1]:1\" is no loopback address: whoever reaches it may end what they "
     "like"},
    {"behind a load balancer", "tcp://127.0.0.1:1?proxy=on",
     "\"tcp://127.0.0.1:1?proxy=on\" is plain HTTP: neither tls nor proxy can be said of it"},
    {"no address", "on",
     "\"on\" is no address: write it like tcp://127.0.0.1:2375 or unix:///run/docker.sock"},
};

void operators_are_heard_on_this_machine_only(void**) {
    check_rows(admin_rows, "", "", [](std::string_view text) {
        return result_text(parse_admin(text), [](const ListenAddress& address) {
            char mode[8];
            std::snprintf(mode, sizeof mode, "%o", address.mode);
            return address.kind == Address::Kind::unix
                       ? phrase(address.path, ' ', std::string_view(mode))
                       : phrase(address.host, ':', address.port);
        });
    });
    Settings settings;
    const Option& option = *find_option("admin");
    assert_text_equal(value_text(settings, option), "auto");
    for (const std::string_view text : {"off", "auto", "unix:///run/b.sock"}) {
        assert_true(assign(settings, option, text).ok());
        assert_text_equal(value_text(settings, option), text);
    }
    assert_false(assign(settings, option, "tcp://0.0.0.0:1").ok());
    assert_text_equal(value_text(settings, option), "unix:///run/b.sock");
}

void listen_addresses_are_literal(void**) {
    check_rows(listen_rows, "", "", [](std::string_view text) {
        return result_text(parse_listen(text), [](const ListenAddress& address) {
            char mode[8];
            std::snprintf(mode, sizeof mode, "%o", address.mode);
            return phrase(identity(address), ' ', std::string_view(mode), ' ', address.group);
        });
    });
}

constexpr Row upstream_rows[] = {
    {"IPv4", "tcp://10.0.0.1:2375", "tcp 10.0.0.1 2375"},
    {"name", "tcp://docker_host.example:2375", "tcp docker_host.example 2375"},
    {"socket", "unix:///var/run/docker.sock", "unix /var/run/docker.sock"},
    {"port 0", "tcp://10.0.0.1:0", "\"tcp://10.0.0.1:0\" has no port that can be connected to"},
    {"no host", "tcp://:2375", "\"tcp://:2375\" has no valid host: \"\""},
    {"bad name", "tcp://a b:2375", "\"tcp://a b:2375\" has no valid host: \"a b\""},
    {"user", "tcp://me@host:2375", "\"tcp://me@host:2375\" has no valid host: \"me@host\""},
};

void upstream_addresses_may_be_names(void**) {
    check_rows(upstream_rows, "", "", [](std::string_view text) {
        return result_text(parse_upstream(text),
                           [](const Address& address) { return identity(address); });
    });
}

void a_socket_path_has_room_in_sockaddr_un(void**) {
    const std::string fits = "unix:///" + std::string(106, 'a');
    const std::string too_long = fits + 'a';
    assert_true(parse_upstream(fits).ok());
    assert_text_equal(
        parse_upstream(too_long).status().message(),
        phrase('"', too_long, "\" is too long: a socket's path has at most 107 bytes"));
}

std::string clock_words(std::string_view text) {
    const size_t equals = text.find('=');
    return result_text(parse_clock(text.substr(0, equals), text.substr(equals + 1)),
                       [](const ClockSetting& setting) {
                           return phrase(setting.route_class ? name(*setting.route_class) : "all",
                                         ' ', name(setting.clock), ' ', setting.ms);
                       });
}

constexpr Row clock_rows[] = {
    {"for all", "request_head=2s", "all request_head 2000"},
    {"for one class", "transfer.response_body=20m", "transfer response_body 1200000"},
    {"off", "follow.first_byte=off", "follow first_byte 0"},
    {"class and clock of one name", "tunnel.tunnel=1h", "tunnel tunnel 3600000"},
    {"mistyped clock", "request_hed=2s", "\"request_hed\" is no clock; did you mean request_head?"},
    {"nothing like it", "x=2s", "\"x\" is no clock"},
    {"mistyped class", "transfr.first_byte=2s",
     "\"transfr\" is no route class; did you mean transfer?"
     " (quick, transfer, build, follow, tunnel, session)"},
    {"class before a route is known", "quick.keepalive=2s",
     "keepalive runs where no route is known yet: set it without \"quick.\""},
    {"no unit", "connect=2", "\"2\" has no unit: write 2ms, 2s, 2m or 2h"},
    {"too long", "connect=31d", "\"31d\" is out of range: at most 30d, or off"},
};

void clocks_are_set_for_all_or_for_one_class(void**) {
    check_rows(clock_rows, "", "", clock_words);
}

constexpr Row route_rows[] = {
    {"any method", "build /plugins/**", "build /plugins/**"},
    {"with method", "transfer  POST\t/x/*/y", "transfer POST /x/*/y"},
    {"unknown class", "slow /x",
     "\"slow\" is no route class (quick, transfer, build, follow, tunnel, session)"},
    {"no pattern", "build",
     "\"build\" is no route: write CLASS [METHOD] PATTERN, like build POST /plugins/**"},
    {"four words", "build POST /x /y",
     "\"build POST /x /y\" is no route: write CLASS [METHOD] PATTERN, like build POST /plugins/**"},
    {"small method", "build post /x", "\"post\" is no method: write it like POST"},
    {"relative", "build POST x", "\"x\" is no path pattern: it begins with /"},
};

void routes_are_a_class_a_method_and_a_pattern(void**) {
    check_rows(route_rows, "", "",
               [](std::string_view text) { return result_text(parse_route(text), route_text); });
}

void suggestions_need_resemblance(void**) {
    constexpr std::string_view names[] = {"listen", "upstream", "records"};
    assert_text_equal(nearest("lisen", names), "listen");
    assert_text_equal(nearest("record", names), "records");
    assert_text_equal(nearest("zzz", names), "");
    assert_text_equal(nearest("", names), "");
    assert_text_equal(nearest(std::string(1000, 'l'), names), "");
}

void every_option_has_a_unique_key_and_a_default_in_its_range(void**) {
    std::set<std::string> keys;
    for (const Option& option : options()) {
        assert_true(keys.insert(std::string(option.key)).second);
        assert_true(find_option(option.key) == &option);
        assert_false(option.help.empty());
        assert_true(option.argument.empty() == (option.kind == Kind::boolean));
        if (std::holds_alternative<std::monostate>(option.field)) continue;
        if (std::holds_alternative<std::vector<std::string> Settings::*>(option.field))
            continue;  // a list has no one value to assign
        Settings settings;
        const Status status = assign(settings, option, value_text(Settings(), option));
        if (!status.ok()) fail_test(phrase(option.key, ": ", status.message()));
        assert_text_equal(value_text(settings, option), value_text(Settings(), option));
    }
}

void names_of_an_option_come_from_its_key(void**) {
    const Option& option = *find_option("max_connections");
    assert_text_equal(flag_name(option), "--max-connections");
    assert_text_equal(environment_name(option), "BECAUSED_MAX_CONNECTIONS");
    assert_text_equal(range_text(option), "1 to 1000000");
    assert_text_equal(default_text(option), "4096");
}

constexpr Row assign_rows[] = {
    {"least", "max_connections 1", "1"},
    {"most", "max_connections 1000000", "1000000"},
    {"below", "max_connections 0", "\"0\" is out of range: 1 to 1000000"},
    {"above", "max_connections 1000001", "\"1000001\" is out of range: 1 to 1000000"},
    {"no number", "max_connections many", "\"many\" is no whole number"},
    {"signed", "max_connections -1", "\"-1\" is no whole number"},
    {"over 64 bits", "max_connections 99999999999999999999",
     "\"99999999999999999999\" is no whole number"},
    {"workers", "workers 64", "64"},
    {"as many as cores", "workers auto", "auto"},
    {"no worker", "workers 0", "\"0\" is out of range: 1 to 64, or auto"},
    {"too many workers", "workers 65", "\"65\" is out of range: 1 to 64, or auto"},
    {"size", "memory 1GiB", "1GiB"},
    {"size below", "memory 1KiB", "\"1KiB\" is out of range: 1MiB to 1024GiB"},
    {"seconds", "tcp_keepalive 2m", "2m"},
    {"seconds off", "tcp_keepalive off", "off"},
    {"parts of seconds", "tcp_keepalive 1500ms", "\"1500ms\" is not a number of whole seconds"},
    {"never off", "retry_backoff off", "\"off\" is out of range: 1ms to 1m"},
    {"true", "trust_forwarded true", "true"},
    {"one", "trust_forwarded 1", "true"},
    {"false", "trust_forwarded false", "false"},
    {"neither", "trust_forwarded yes", "\"yes\" is neither true nor false"},
    {"profile", "profile any", "any"},
    {"a profile of the access file, perhaps", "profile ci-7", "ci-7"},
    {"no profile's name", "profile a,b", "\"a,b\" is no profile's name"},
    {"rate", "address_rate 600/m burst 50", "600/60s burst 50"},
    {"no rate", "address_rate off", "off"},
    {"rate without a time", "total_rate 100",
     "\"100\" is no rate: write it like 100/s, 600/m, 10/30s, 100/s burst 500, or off"},
    {"ways to tell", "tell goaway, progress", "progress,goaway"},
    {"all ways to tell", "tell progress,frames,goaway,refusals", "progress,frames,goaway,refusals"},
    {"no way to tell", "tell off", "off"},
    {"nothing said of telling", "tell ,", "off"},
    {"off beside another", "tell frames,off", "\"frames,off\": off stands alone"},
    {"mistyped way", "tell frame",
     "\"frame\" is no way to tell; did you mean frames?"
     " (progress, frames, goaway, refusals, or off alone)"},
    {"the word for none", "tell nothing",
     "\"nothing\" is no way to tell (progress, frames, goaway, refusals, or off alone)"},
    {"token", "via_name build-7", "build-7"},
    {"no token", "via_name a,b",
     "\"a,b\" is no name: 1 to 64 letters, digits or -._~ without blanks"},
};

void values_are_checked_against_their_kind_and_range(void**) {
    check_rows(assign_rows, "", "", [](std::string_view row) {
        const size_t blank = row.find(' ');
        const Option& option = *find_option(row.substr(0, blank));
        Settings settings;
        const Status status = assign(settings, option, row.substr(blank + 1));
        return status.ok() ? value_text(settings, option) : status.message();
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(sizes_need_a_binary_unit),
        cmocka_unit_test(texts_of_values_parse_to_the_same_values),
        cmocka_unit_test(operators_are_heard_on_this_machine_only),
        cmocka_unit_test(listen_addresses_are_literal),
        cmocka_unit_test(upstream_addresses_may_be_names),
        cmocka_unit_test(a_socket_path_has_room_in_sockaddr_un),
        cmocka_unit_test(clocks_are_set_for_all_or_for_one_class),
        cmocka_unit_test(routes_are_a_class_a_method_and_a_pattern),
        cmocka_unit_test(suggestions_need_resemblance),
        cmocka_unit_test(every_option_has_a_unique_key_and_a_default_in_its_range),
        cmocka_unit_test(names_of_an_option_come_from_its_key),
        cmocka_unit_test(values_are_checked_against_their_kind_and_range),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
