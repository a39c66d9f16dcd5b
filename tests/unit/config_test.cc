// Settings from flags, environment and file: precedence, origins, and the whole line for each mistake.
#include "ops/config.hh"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "ops/docs.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

using Lines = std::vector<std::string>;

const Lines both = {"--listen", "tcp://127.0.0.1:2375", "--upstream", "unix:///d.sock"};

// A config file for one test, in a directory of its own, removed by the teardown.
struct Fixture {
    std::string directory;
    std::string file;
};
Fixture fixture;

int make_directory(void**) {
    char path[] = "/tmp/becaused-config-XXXXXX";
    if (mkdtemp(path) == nullptr) return -1;
    fixture.directory = path;
    fixture.file = fixture.directory + "/b.toml";
    return 0;
}

int remove_directory(void**) {
    std::remove(fixture.file.c_str());
    return std::remove(fixture.directory.c_str());
}

void write_file(std::string_view text) { std::ofstream(fixture.file) << text; }

Result<Config> load_file(std::string_view text, Lines flags = {}, const Lines& environment = {}) {
    write_file(text);
    flags.insert(flags.begin(), {"--config", fixture.file});
    return load_config(flags, environment);
}

// The line that says what is wrong, with the file's directory left out.
std::string complaint(const Result<Config>& config) {
    if (config.ok()) return "fine";
    std::string text = config.status().message();
    for (size_t at = 0; (at = text.find(fixture.directory + '/')) != std::string::npos;)
        text.erase(at, fixture.directory.size() + 1);
    return text;
}

Lines with(Lines lines, const Lines& more) {
    lines.insert(lines.end(), more.begin(), more.end());
    return lines;
}

std::string origin_of(Config& config, std::string_view key) {
    std::string text = origin_text(config.origin(*find_option(key)));
    if (text.starts_with(fixture.directory)) text.erase(0, fixture.directory.size() + 1);
    return text;
}

void flag_beats_environment_beats_file_beats_default(void**) {
    constexpr std::string_view file =
        "listen = \"tcp://127.0.0.1:1\"\n"
        "upstream = \"unix:///file.sock\"\n"
        "max_requests = 1\n"
        "backlog = 11\n"
        "pool_size = 21\n";
    const Lines environment = {"PATH=/bin", "BECAUSED_MAX_REQUESTS=2", "BECAUSED_BACKLOG=12"};
    Result<Config> config = load_file(file, {"--max-requests=3"}, environment);
    assert_text_equal(complaint(config), "fine");
    const Settings& settings = config.value().settings();
    assert_int_equal(settings.max_requests, 3);
    assert_int_equal(settings.backlog, 12);
    assert_int_equal(settings.pool_size, 21);
    assert_int_equal(settings.max_connections, Settings().max_connections);
    assert_text_equal(origin_of(config.value(), "max_requests"), "flag --max-requests");
    assert_text_equal(origin_of(config.value(), "backlog"), "environment BECAUSED_BACKLOG");
    assert_text_equal(origin_of(config.value(), "pool_size"), "b.toml:5");
    assert_text_equal(origin_of(config.value(), "max_connections"), "default");
    assert_text_equal(config.value().file(), fixture.file);
}

void a_list_replaces_the_weaker_sources_list(void**) {
    constexpr std::string_view file =
        "upstream = \"unix:///d.sock\"\n"
        "listen = [\n"
        "    \"tcp://127.0.0.1:1\",\n"
        "    \"tcp://127.0.0.1:2\",\n"
        "]\n";
    Result<Config> config = load_file(file);
    assert_text_equal(complaint(config), "fine");
    assert_int_equal(config.value().settings().listen.size(), 2);
    assert_text_equal(origin_of(config.value(), "listen"), "b.toml:3");

    const Lines environment = {"BECAUSED_LISTEN=tcp://127.0.0.1:3, tcp://[::1]:3,unix:///l.sock"};
    config = load_file(file, {}, environment);
    assert_text_equal(complaint(config), "fine");
    assert_int_equal(config.value().settings().listen.size(), 3);
    assert_text_equal(config.value().settings().listen[1].text, "tcp://[::1]:3");

    config = load_file(file, {"--listen=tcp://127.0.0.1:4"}, environment);
    assert_int_equal(config.value().settings().listen.size(), 1);
    assert_text_equal(config.value().settings().listen[0].text, "tcp://127.0.0.1:4");
}

std::string clocks_of(Config& config, const std::vector<ClockName>& clocks) {
    std::string text;
    for (const ClockName clock : clocks) {
        text += phrase(text.empty() ? "" : "; ", name(clock));
        for (size_t i = 0; i < route_class_count; ++i)
            text += phrase(
                ' ', duration_text(config.settings().clocks.ms(static_cast<RouteClass>(i), clock)));
    }
    return text;
}

void a_class_s_clock_beats_the_general_one_in_any_order(void**) {
    Result<Config> config =
        load_config(with(both, {"--clock", "build.first_byte=7s", "--clock", "first_byte=9s"}), {});
    assert_text_equal(complaint(config), "fine");
    assert_text_equal(clocks_of(config.value(), {ClockName::first_byte}),
                      "first_byte 9s 9s 7s 9s 9s 9s");
}

void connect_counts_for_unix_sockets_unless_that_is_set(void**) {
    const std::vector<ClockName> clocks = {ClockName::connect, ClockName::connect_unix};
    Result<Config> config = load_config(with(both, {"--clock=connect=3s"}), {});
    assert_text_equal(clocks_of(config.value(), clocks),
                      "connect 3s 3s 3s 3s 3s 3s; connect_unix 3s 3s 3s 3s 3s 3s");
    config = load_config(with(both, {"--clock=connect_unix=1s", "--clock=connect=3s"}), {});
    assert_text_equal(clocks_of(config.value(), clocks),
                      "connect 3s 3s 3s 3s 3s 3s; connect_unix 1s 1s 1s 1s 1s 1s");
    config = load_config(with(both, {"--clock=build.connect=9s", "--clock=connect=3s"}), {});
    assert_text_equal(clocks_of(config.value(), clocks),
                      "connect 3s 3s 9s 3s 3s 3s; connect_unix 3s 3s 9s 3s 3s 3s");
}

void clocks_of_several_sources_add_up(void**) {
    constexpr std::string_view file =
        "[clock]\n"
        "request_head = \"2s\"\n"
        "first_byte = \"4s\"\n"
        "[clock.transfer]\n"
        "response_body = \"20m\"\n"
        "first_byte = \"5s\"\n";
    const Lines environment = {"BECAUSED_CLOCK=first_byte=6s,follow.response_body=1h"};
    Result<Config> config =
        load_file(file, with(both, {"--clock=quick.first_byte=off"}), environment);
    assert_text_equal(complaint(config), "fine");
    assert_text_equal(clocks_of(config.value(), {ClockName::request_head, ClockName::first_byte,
                                                 ClockName::response_body}),
                      "request_head 2s 2s 2s 2s 2s 2s; first_byte off 6s 6s 6s 6s 6s; "
                      "response_body 1m 20m 30m 1h off off");
    Config& loaded = config.value();
    assert_text_equal(origin_text(loaded.origin(RouteClass::quick, ClockName::first_byte)),
                      "flag --clock");
    assert_text_equal(origin_text(loaded.origin(RouteClass::transfer, ClockName::first_byte)),
                      "environment BECAUSED_CLOCK");
    assert_text_equal(origin_text(loaded.origin(RouteClass::transfer, ClockName::response_body)),
                      phrase(fixture.file, ":5"));
    assert_text_equal(origin_text(loaded.origin(RouteClass::build, ClockName::response_body)),
                      "default");
}

void routes_come_from_tables_flags_and_environment(void**) {
    constexpr std::string_view file =
        "[[route]]\n"
        "class = \"build\"\n"
        "method = \"POST\"\n"
        "path = \"/plugins/**\"\n"
        "[[route]]\n"
        "path = \"/x\"\n"
        "class = \"follow\"\n";
    Result<Config> config = load_file(file, both);
    assert_text_equal(complaint(config), "fine");
    const std::vector<RoutePattern>& routes = config.value().settings().routes;
    assert_int_equal(routes.size(), 2);
    assert_text_equal(routes[0].method, "POST");
    assert_text_equal(routes[0].pattern, "/plugins/**");
    assert_true(routes[0].route_class == RouteClass::build);
    assert_text_equal(routes[1].method, "");
    assert_true(routes[1].route_class == RouteClass::follow);

    config = load_config(with(both, {"--route", "quick GET /y"}), Lines{"BECAUSED_ROUTE=build /z"});
    assert_text_equal(complaint(config), "fine");
    assert_int_equal(config.value().settings().routes.size(), 1);
    assert_text_equal(config.value().settings().routes[0].pattern, "/y");
}

void booleans_are_flags_without_a_value(void**) {
    Result<Config> config = load_config(with(both, {"--trust-forwarded"}), {});
    assert_true(config.value().settings().trust_forwarded);
    config = load_config(with(both, {"--trust-forwarded=false"}),
                         Lines{"BECAUSED_TRUST_FORWARDED=true"});
    assert_false(config.value().settings().trust_forwarded);
}

void empty_variables_and_those_of_others_are_no_settings(void**) {
    Result<Config> config = load_config(
        both, Lines{"BECAUSED_RECORDS=", "BECAUSED_PORT=tcp://10.0.0.1:80",
                    "BECAUSED_SERVICE_HOST=10.0.0.1", "BECAUSED_SECRET_HASH_KEY=hashkey.x",
                    "BECAUSED_PORT_2375_TCP=tcp://10.0.0.1:2375"});
    assert_text_equal(complaint(config), "fine");
    assert_text_equal(config.value().settings().records, "");
}

void the_environment_can_name_the_file(void**) {
    write_file("listen = \"tcp://127.0.0.1:1\"\nupstream = \"tcp://b:1\"\n");
    Result<Config> config = load_config({}, Lines{"BECAUSED_CONFIG=" + fixture.file});
    assert_text_equal(complaint(config), "fine");
    assert_text_equal(config.value().settings().upstream.host, "b");
}

// Flags are separated by blanks.
constexpr Row flag_rows[] = {
    {"unknown", "--max-conections 5",
     "--max-conections: no such flag; did you mean --max-connections?"},
    {"a clock", "--first-byte=5s",
     "--first-byte: no such flag; it is a clock: --clock first_byte=DURATION"},
    {"nothing like it", "--frobnicate", "--frobnicate: no such flag"},
    {"underscore", "--max_requests 5",
     "--max_requests: no such flag; did you mean --max-requests?"},
    {"no flag", "listen", "\"listen\": no such argument: settings are flags"},
    {"double dash", "--", "\"--\": no such argument: settings are flags"},
    {"value missing", "--records", "--records: needs a value: --records FILE|-"},
    {"given twice", "--records a --records b", "--records: given twice"},
    {"no unit", "--memory 5", "--memory: \"5\" has no unit: write 5B, 5KiB or 5MiB"},
    {"out of range", "--max-connections=0",
     "--max-connections: \"0\" is out of range: 1 to 1000000"},
    {"clock without a duration", "--clock connect",
     "--clock: \"connect\" has no duration: write NAME=DURATION, like connect=2s"},
    {"clock without a unit", "--clock connect=2",
     "--clock connect: \"2\" has no unit: write 2ms, 2s, 2m or 2h"},
    {"clock twice", "--clock connect=2s --clock connect=3s", "--clock connect: given twice"},
    {"mistyped clock", "--clock conect=2s",
     "--clock conect: \"conect\" is no clock; did you mean connect?"},
    {"bad route", "--route x",
     "--route: \"x\" is no route: write CLASS [METHOD] PATTERN, like build"
     " POST /plugins/**"},
    {"bad address", "--listen 2375",
     "--listen: \"2375\" is no address: write it like"
     " tcp://127.0.0.1:2375 or unix:///run/docker.sock"},
    {"address twice", "--listen tcp://127.0.0.1:2375",
     "listen: tcp://127.0.0.1:2375 is given twice"},
    {"socket twice", "--listen unix:///l?mode=600 --listen unix:///l",
     "listen: unix:///l is given twice"},
    {"any port twice", "--listen tcp://127.0.0.1:0 --listen tcp://127.0.0.1:0", "fine"},
    {"a circle", "--listen unix:///d.sock",
     "upstream: unix:///d.sock is becaused's own listen"
     " address: requests would go round in a circle"},
    {"file missing", "--config /nowhere/b.toml",
     "/nowhere/b.toml: cannot be read: No such file or directory"},
};

void mistakes_in_flags_name_the_flag(void**) {
    check_rows(flag_rows, "", "", [](std::string_view flags) {
        Lines all = both;
        for (const std::string_view flag : split(flags, ' ')) all.emplace_back(flag);
        return complaint(load_config(all, {}));
    });
}

void what_is_required_is_named(void**) {
    assert_text_equal(complaint(load_config({}, {})),
                      "listen: not set: give --listen ADDR, BECAUSED_LISTEN or listen in a config"
                      " file");
    assert_text_equal(complaint(load_config(Lines{"--listen=tcp://127.0.0.1:1"}, {})),
                      "upstream: not set: give --upstream ADDR, BECAUSED_UPSTREAM or upstream in a"
                      " config file (dockerd is at unix:///var/run/docker.sock by default)");
}

constexpr Row environment_rows[] = {
    {"unknown", "BECAUSED_MEMRY=1MiB",
     "BECAUSED_MEMRY: no such setting; did you mean BECAUSED_MEMORY?"},
    {"a clock", "BECAUSED_FIRST_BYTE=5s",
     "BECAUSED_FIRST_BYTE: no such setting; it is a clock: BECAUSED_CLOCK=first_byte=DURATION"},
    {"nothing like it", "BECAUSED_XYZZY=1", "BECAUSED_XYZZY: no such setting"},
    {"bad value", "BECAUSED_MEMORY=1MB",
     "BECAUSED_MEMORY: \"1MB\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"},
    {"bad clock", "BECAUSED_CLOCK=connect=2s,keepalive=1",
     "BECAUSED_CLOCK keepalive: \"1\" has no unit: write 1ms, 1s, 1m or 1h"},
    {"bad address", "BECAUSED_LISTEN=tcp://127.0.0.1:1,x",
     "BECAUSED_LISTEN: \"x\" is no address: write it like tcp://127.0.0.1:2375 or"
     " unix:///run/docker.sock"},
};

void mistakes_in_the_environment_name_the_variable(void**) {
    check_rows(environment_rows, "", "", [](std::string_view line) {
        const Lines flags = {"--upstream=unix:///d.sock"};
        return complaint(load_config(flags, Lines{std::string(line)}));
    });
}

constexpr Row file_rows[] = {
    {"not TOML", "\nlisten = = 3",
     "b.toml:2: Error while parsing value: could not determine value type"},
    {"unknown key", "memory = \"1MiB\"\nmax_conections = 5",
     "b.toml:2: max_conections: no such key; did you mean max_connections?"},
    {"a clock", "\ndrain = \"5s\"",
     "b.toml:2: drain: no such key; it is a clock: write it below [clock]"},
    {"unknown table", "[clocks]\nconnect = \"2s\"",
     "b.toml:1: clocks: no such key; did you mean clock?"},
    {"key given twice", "backlog = 1\nbacklog = 2",
     "b.toml:2: Error while parsing key-value pair: cannot redefine existing integer 'backlog'"},
    {"no config in config", "config = \"x\"", "b.toml:1: config: no such key"},
    {"number in quotes", "backlog = \"5\"",
     "b.toml:1: backlog: must be a whole number, without quotes"},
    {"fraction", "backlog = 5.5", "b.toml:1: backlog: must be a whole number, without quotes"},
    {"negative", "backlog = -5", "b.toml:1: backlog: \"-5\" is no whole number"},
    {"boolean in quotes", "trust_forwarded = \"true\"",
     "b.toml:1: trust_forwarded: must be true or false, without quotes"},
    {"duration without a unit", "retry_backoff = 5",
     "b.toml:1: retry_backoff: 5 has no unit: write \"5s\" or \"5ms\""},
    {"size without a unit", "memory = 5",
     "b.toml:1: memory: 5 has no unit: write \"5KiB\" or \"5MiB\""},
    {"text without quotes", "records = true", "b.toml:1: records: must be a text in quotes"},
    {"addresses", "listen = 5", "b.toml:1: listen: must be an address, or a list of them"},
    {"one of the addresses", "listen = [\n\"tcp://127.0.0.1:1\",\n5]",
     "b.toml:3: listen: must be addresses in quotes"},
    {"a wrong address", "listen = [\n\"tcp://127.0.0.1:1\",\n\"x\"]",
     "b.toml:3: listen: \"x\" is no address: write it like tcp://127.0.0.1:2375 or"
     " unix:///run/docker.sock"},
    {"clock without a unit", "[clock]\nconnect = 2",
     "b.toml:2: clock.connect: 2 has no unit: write \"2s\" or \"2ms\""},
    {"mistyped clock", "[clock]\nconect = \"2s\"",
     "b.toml:2: clock.conect: \"conect\" is no clock; did you mean connect?"},
    {"mistyped class", "[clock.tranfer]\nconnect = \"2s\"",
     "b.toml:2: clock.tranfer.connect: \"tranfer\" is no route class; did you mean transfer?"
     " (quick, transfer, build, follow, tunnel, session)"},
    {"a clock's bad unit", "[clock.transfer]\nconnect = \"2x\"",
     "b.toml:2: clock.transfer.connect: \"2x\" is no duration: write it like 500ms, 2s, 5m, 1h30m,"
     " or off"},
    {"clock is no table", "clock = \"connect=2s\"",
     "b.toml:1: clock: must be a table: [clock], then NAME = \"DURATION\""},
    {"route is no table", "route = \"build /x\"",
     "b.toml:1: route: must be tables: [[route]], then class, method and path"},
    {"route without a class", "\n[[route]]\npath = \"/x\"", "b.toml:2: route: has no class"},
    {"route without a path", "[[route]]\nclass = \"build\"", "b.toml:1: route: has no path"},
    {"route with an unknown key", "[[route]]\nclass = \"build\"\npth = \"/x\"",
     "b.toml:3: route.pth: no such key; did you mean path?"},
    {"route with a blank", "[[route]]\nclass = \"build\"\npath = \"/x y\"",
     "b.toml:1: route.path: \"/x y\" has a blank in it"},
    {"the first of two mistakes", "zzz = 1\naaa = 1", "b.toml:1: zzz: no such key"},
};

void mistakes_in_the_file_name_file_line_and_key(void**) {
    check_rows(file_rows, "", "\n", [](std::string_view text) {
        return complaint(load_file(text, {"--upstream=unix:///d.sock"}));
    });
}

void a_weaker_source_is_checked_too(void**) {
    assert_text_equal(complaint(load_file("backlog = 0\n", with(both, {"--backlog=5"}))),
                      "b.toml:1: backlog: \"0\" is out of range: 1 to 65535");
}

void a_config_file_has_at_most_one_mebibyte(void**) {
    assert_text_equal(complaint(load_file(std::string((1 << 20) + 1, '#'))),
                      "b.toml: is larger than 1MiB");
}

std::string without_origins(const std::string& text) {
    std::string plain;
    for (const std::string_view line : split(text, '\n'))
        plain += phrase(stripped(line.substr(0, line.find(" #"))), '\n');
    return plain;
}

void what_check_prints_gives_the_same_settings_again(void**) {
    const Lines flags = {"--listen=tcp://[::1]:2375",
                         "--listen=unix:///l.sock?mode=0600&group=docker",
                         "--upstream=tcp://dockerd:2375",
                         "--records=/tmp/\"quoted\"\\.jsonl",
                         "--trust-forwarded",
                         "--memory=1GiB",
                         "--tcp-keepalive=off",
                         "--clock=connect=1h30m",
                         "--clock=build.connect_unix=1500ms",
                         "--clock=tunnel=2h",
                         "--clock=tunnel.half_open=off",
                         "--route=build POST /x/**",
                         "--route=follow /y"};
    Result<Config> config = load_config(flags, {});
    assert_text_equal(complaint(config), "fine");
    const std::string text = config_text(config.value());
    Result<Config> again = load_file(text);
    assert_text_equal(complaint(again), "fine");
    assert_text_equal(without_origins(config_text(again.value())), without_origins(text));
}

void check_prints_every_setting_with_its_origin(void**) {
    Result<Config> config = load_config(with(both, {"--clock=keepalive=3m"}), {});
    const std::string text = config_text(config.value());
    assert_text_contains(text,
                         "listen = \"tcp://127.0.0.1:2375\"                 # flag --listen\n");
    assert_text_contains(text, "max_requests = 0                                # default\n");
    assert_text_contains(text,
                         "keepalive = \"3m\"                                # flag --clock\n");
    for (const Option& option : options())
        if (option.kind != Kind::config && option.kind != Kind::route)
            assert_text_contains(
                text, option.kind == Kind::clock ? "[clock]\n" : phrase(option.key, " = "));
}

void the_example_of_the_reference_page_is_valid(void**) {
    const std::string page = *docs_page("options");
    const size_t begin = page.find("```toml\n") + 8;
    const std::string example = page.substr(begin, page.find("```", begin) - begin);
    assert_text_equal(complaint(load_file(example)), "fine");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(flag_beats_environment_beats_file_beats_default),
        cmocka_unit_test(a_list_replaces_the_weaker_sources_list),
        cmocka_unit_test(a_class_s_clock_beats_the_general_one_in_any_order),
        cmocka_unit_test(connect_counts_for_unix_sockets_unless_that_is_set),
        cmocka_unit_test(clocks_of_several_sources_add_up),
        cmocka_unit_test(routes_come_from_tables_flags_and_environment),
        cmocka_unit_test(booleans_are_flags_without_a_value),
        cmocka_unit_test(empty_variables_and_those_of_others_are_no_settings),
        cmocka_unit_test(the_environment_can_name_the_file),
        cmocka_unit_test(mistakes_in_flags_name_the_flag),
        cmocka_unit_test(what_is_required_is_named),
        cmocka_unit_test(mistakes_in_the_environment_name_the_variable),
        cmocka_unit_test(mistakes_in_the_file_name_file_line_and_key),
        cmocka_unit_test(a_weaker_source_is_checked_too),
        cmocka_unit_test(a_config_file_has_at_most_one_mebibyte),
        cmocka_unit_test(what_check_prints_gives_the_same_settings_again),
        cmocka_unit_test(check_prints_every_setting_with_its_origin),
        cmocka_unit_test(the_example_of_the_reference_page_is_valid),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
