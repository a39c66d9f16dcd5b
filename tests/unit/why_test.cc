// `becaused why`: which lines it tells about, how they look on screens of several widths, its summary,
// its flags, and files that grow, shrink and are replaced.
#include "ops/why_report.hh"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "ops/lines.hh"
#include "ops/phrase.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

// 2026-11-22T12:00:00Z
constexpr int64_t noon_ms = 1'795'348'800'000;

constexpr std::string_view push_reset =
    R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z",)"
    R"("reason":"upstream_reset","class":"truncated","by":"upstream","phase":"response_body",)"
    R"("op":"read","errno":"ECONNRESET","method":"POST",)"
    R"("target":"/v1.43/images/registry.example.com/team/product/push?tag=latest",)"
    R"("client_id":"5f3a09c1-1","upstream_id":"5f3a09c1-2","request_id":"abc",)"
    R"("age_ms":120123.456,"bytes":{"client_in":412,"client_out":34567},)"
    R"("because":"The upstream reset its connection while the answer was on its way (ECONNRESET)."})";
constexpr std::string_view upstream_of_push =
    R"({"v":1,"event":"connection","id":"5f3a09c1-2","time":"2026-11-21T23:59:59.124Z",)"
    R"("reason":"upstream_reset","class":"truncated","by":"upstream","phase":"response_body",)"
    R"("side":"upstream","peer":"unix:/run/docker.sock","age_ms":120000,"exchange":"5f3a09c1-3",)"
    R"("bytes":{"in":34500,"out":430},"because":"The upstream reset its connection."})";
constexpr std::string_view client_of_push =
    R"({"v":1,"event":"connection","id":"5f3a09c1-1","time":"2026-11-21T23:59:59.125Z",)"
    R"("reason":"partner","class":"truncated","by":"nobody","phase":"response_body",)"
    R"("first":{"id":"5f3a09c1-3","reason":"upstream_reset"},"side":"client",)"
    R"("peer":"127.0.0.1:4242","age_ms":120125,"exchange":"5f3a09c1-3",)"
    R"("bytes":{"in":412,"out":34567},"because":"Its partner ended first: upstream_reset."})";
// A try that another one followed.
constexpr std::string_view refused_dial =
    R"({"v":1,"event":"connection","id":"5f3a09c1-6","time":"2026-11-21T23:59:59.200Z",)"
    R"("reason":"upstream_refused","class":"fault","by":"upstream","phase":"connect",)"
    R"("side":"upstream","peer":"unix:/run/docker.sock","age_ms":0.1,"bytes":{"in":0,"out":0},)"
    R"("because":"The upstream refused the connection (ECONNREFUSED): is dockerd running?"})";
constexpr std::string_view slow_head =
    R"({"v":1,"event":"connection","id":"5f3a09c1-7","time":"2026-11-22T12:00:00.000Z",)"
    R"("reason":"client_head_timeout","class":"fault","by":"client","phase":"request_head",)"
    R"("side":"client","peer":"127.0.0.1:4243","age_ms":2001.5,"bytes":{"in":12,"out":0},)"
    R"("because":"The client did not finish its request head: clock request_head allows 2 s."})";
constexpr std::string_view good =
    R"({"v":1,"event":"exchange","id":"5f3a09c1-9","time":"2026-11-22T12:00:01.000Z",)"
    R"("reason":"complete","class":"clean","by":"nobody","phase":"done","method":"GET",)"
    R"("target":"/_ping","age_ms":1.5,"bytes":{"client_in":80,"client_out":200},)"
    R"("because":"Finished."})";
constexpr std::string_view dropped =
    R"({"v":1,"event":"journal","time":"2026-11-22T12:00:02.000Z","dropped":12,)"
    R"("because":"12 records were dropped."})";
constexpr std::string_view started =
    R"({"v":1,"event":"request_start","id":"5f3a09c1-3","time":"2026-11-21T23:57:59.000Z",)"
    R"("method":"POST","target":"/x","client":"127.0.0.1:4242","client_id":"5f3a09c1-1"})";

constexpr std::string_view all_lines[] = {
    push_reset, upstream_of_push, client_of_push, refused_dial, slow_head, good, dropped};

WhyRequest request_of(std::string_view flags) {
    std::vector<std::string> arguments;
    for (size_t at = 0; at < flags.size();) {
        const size_t end = std::min(flags.find(' ', at), flags.size());
        arguments.emplace_back(flags.substr(at, end - at));
        at = end + 1;
    }
    return parse_why(arguments, noon_ms).value();
}

std::string report_of(const WhyRequest& request, std::span<const std::string_view> lines,
                      size_t width = 80) {
    WhyReport report(request, Screen{width, false, true});
    std::string text;
    for (const std::string_view line : lines) text += report.line(line);
    return text + report.end() + report.remark();
}

// The ids of the records that are told about, in order.
std::string told_ids(std::string_view flags) {
    WhyReport report(request_of(phrase("--json ", flags)), Screen{});
    std::string ids;
    for (const std::string_view line : all_lines) {
        const std::string out = report.line(line);
        if (out.empty()) continue;
        assert_text_equal(out, phrase(line, '\n'));
        const size_t id = out.find("5f3a09c1-");
        ids += phrase(ids.empty() ? "" : " ",
                      id == std::string::npos ? "journal" : out.substr(id + 9, 1));
    }
    return ids;
}

constexpr Row filter_rows[] = {
    {"what ended abnormally, once", "", "3 7 journal"},
    {"everything", "--all", "3 2 1 6 7 9 journal"},
    {"a reason", "--reason upstream_reset", "3"},
    {"a clean reason", "--reason complete", "9"},
    {"several reasons", "--reason=complete,client_head_timeout", "7 9"},
    {"a reason, everything", "--reason upstream_reset --all", "3 2"},
    {"a side", "--by client", "7"},
    {"nobody", "--by nobody", "9"},
    {"part of a path", "--path product/push", "3"},
    {"a path's pattern", "--path /images/**/push", "3"},
    {"a pattern with the version", "--path /v1.*/images/**", "3"},
    {"a pattern within a segment", "--path /images/*/push", ""},
    {"the query is no path", "--path tag=latest", ""},
    {"a clean path, everything", "--path /_ping --all", "9"},
    {"everything upstream", "--by upstream --all", "3 2 6"},
    {"an id, with all that belongs to it", "--id 5f3a09c1-3", "3 2 1"},
    {"a connection's id", "--id 5f3a09c1-2", "3 2"},
    {"a request id", "--id abc", "3"},
    {"since some time ago", "--since 1h", "7 journal"},
    {"since a time", "--since 2026-11-22T12:00:00.001Z", "journal"},
    {"since a far time", "--since 2020-01-01", "3 7 journal"},
    {"together", "--by upstream --since 1h", ""},
};

void filters_choose_records(void**) { check_rows(filter_rows, "", "", told_ids); }

void a_narrow_screen_shows_request_duration_and_sentence(void**) {
    assert_text_equal(report_of(request_of(""), all_lines),
                      "TIME      WHAT                       TOOK  BECAUSE\n"
                      "2026-11-21\n"
                      "23:59:59  POST /imag…roduct/push    2 min  The upstream reset its connection"
                      " wh…\n"
                      "2026-11-22\n"
                      "12:00:00  client 127.0.0.1:4243       2 s  The client did not finish its"
                      " reques…\n"
                      "12:00:02  journal                          12 records were dropped.\n");
}

void a_wide_screen_shows_more_columns(void**) {
    const std::string_view one[] = {push_reset};
    assert_text_equal(
        report_of(request_of(""), one, 130),
        "TIME      REASON                    WHAT                         IN      OUT     TOOK"
        "  BECAUSE\n"
        "2026-11-21\n"
        "23:59:59  upstream_reset            POST /imag…roduct/push    412 B    34 kB    2 min"
        "  The upstream reset its connection while th…\n");
}

void without_a_width_nothing_is_cut(void**) {
    const std::string_view one[] = {push_reset};
    const std::string text = report_of(request_of(""), one, 0);
    assert_text_contains(text,
                         "  5f3a09c1-3     upstream_reset            upstream  response_body"
                         "  POST /v1.43/images/registry.example.com/team/product/push?tag=latest"
                         "    412 B    34 kB    2 min  The upstream reset its connection while"
                         " the answer was on its way (ECONNRESET).\n");
}

// Columns that the text takes, a line at a time.
size_t widest_line(std::string_view text) {
    size_t widest = 0;
    size_t width = 0;
    for (const char c : text) {
        if (c == '\n') width = 0;
        else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++width;
        widest = std::max(widest, width);
    }
    return widest;
}

void lines_fit_every_screen(void**) {
    for (size_t width = 1; width < 300; ++width) {
        const size_t widest = widest_line(report_of(request_of("--all"), all_lines, width));
        if (widest > std::max<size_t>(width, 40))
            fail_test(phrase("width ", width, ": a line has ", widest));
    }
}

void terminals_get_colours_and_no_commands(void**) {
    WhyReport report(WhyRequest(), Screen{0, true, true});
    const std::string text = report.line(
        R"({"v":1,"event":"exchange","id":"5f3a09c1-4","time":"2026-11-21T12:00:00.000Z",)"
        R"("reason":"client_malformed","class":"refused","by":"client","phase":"request_head",)"
        R"("method":"GET","target":"/\u001b[2J\u009b\u007f\u00e9","because":"No."})");
    assert_text_contains(text, "GET /?[2J??\xc3\xa9");
    assert_text_contains(text, "\x1b[35mclient_malformed        \x1b[0m");
    assert_text_contains(text, "\x1b[35mNo.\x1b[0m");
}

// What turns the direction of text (U+202E, U+2066), breaks its line (U+2028) or hides (U+200B, U+FEFF) would let a
// request that was refused rewrite the line that tells of it.
void characters_that_act_on_others_are_not_shown(void**) {
    for (const char* acting :
         {"\xd8\x9c", "\xe2\x80\x8b", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xae",
          "\xe2\x81\xa0", "\xe2\x81\xaf", "\xef\xbb\xbf", "\xc2\x80", "\xc2\x9f", "\x01", "\x7f"})
        assert_text_equal(harmless(phrase("a", acting, "b", acting)), "a?b?");
    for (const char* shown :
         {"\xd8\x9b", "\xd8\x9d", "\xe2\x80\x8a", "\xe2\x80\x90", "\xe2\x80\xa7", "\xe2\x80\xaf",
          "\xe2\x81\x9f", "\xe2\x81\xb0", "\xef\xbb\xbe", "\xc2\xa0", "\xe2\x80\xa6",
          "\xe2\x96\x91", "\xf0\x9f\x98\x80", "\xc2", "\xe2\x80", "\xef\xbb"})
        assert_text_equal(harmless(shown), shown);
}

// Control bytes are shown as ?, which is where a query begins; in what is no method it begins none.
void a_method_of_control_bytes_keeps_its_request(void**) {
    constexpr std::string_view refused[] = {
        R"({"v":1,"event":"exchange","id":"5f3a09c1-4","time":"2026-11-21T12:00:00.000Z",)"
        R"("reason":"client_malformed","class":"refused","by":"client","phase":"request_head",)"
        R"("method":"\u001b[2J\u001b[2J\u001b[2J\u001b[2J","target":"/hang?a=...","because":"No."})"};
    const std::string text = report_of(WhyRequest(), refused);
    assert_text_contains(text, "?[2J?[2J?[2J?[2J /hang");
    assert_true(text.find("a=...") == std::string::npos);
}

void the_summary_counts_both_kinds_by_reason(void**) {
    assert_text_equal(
        report_of(request_of("--summary"), all_lines),
        "2 connections served, 2 requests\n"
        "\n"
        "REQUESTS                       COUNT  BY        CLASS          IN       OUT\n"
        "  complete                         1  nobody    clean        80 B     200 B\n"
        "  upstream_reset                   1  upstream  truncated   412 B     34 kB\n"
        "\n"
        "CLIENT CONNECTIONS             COUNT  BY        CLASS          IN       OUT\n"
        "  client_head_timeout              1  client    fault        12 B       0 B\n"
        "  partner                          1  nobody    truncated   412 B     34 kB\n"
        "\n"
        "UPSTREAM CONNECTIONS           COUNT  BY        CLASS          IN       OUT\n"
        "  upstream_refused                 1  upstream  fault         0 B       0 B\n"
        "  upstream_reset                   1  upstream  truncated   34 kB     430 B\n");
}

void the_most_frequent_reason_comes_first(void**) {
    const std::string_view lines[] = {good, push_reset, push_reset};
    const std::string text = report_of(request_of("--summary"), lines);
    assert_true(text.find("upstream_reset") < text.find("complete"));
    assert_text_contains(text,
                         "upstream_reset                   2  upstream  truncated   824 B"
                         "     69 kB\n");
    assert_text_equal(report_of(request_of("--summary"), {}), "0 connections served, 0 requests\n");
}

void nothing_to_tell_is_said(void**) {
    const std::string_view lines[] = {good, client_of_push};
    assert_text_equal(report_of(request_of(""), lines),
                      "Nothing ended abnormally: 1 connection served, 1 request.\n");
    assert_text_equal(report_of(request_of("--path /build"), lines), "No record matches.\n");
    assert_text_equal(report_of(request_of("--json"), lines), "");
}

void foreign_lines_are_counted_and_the_first_is_named(void**) {
    constexpr std::string_view foreign[] = {
        "garbage",
        "{\"v\":1,\"event\":\"exchange\",\"id\":\"5f3a09c1-3\"",           // cut off
        "{\"v\":2,\"event\":\"exchange\",\"id\":\"a\",\"reason\":\"x\"}",  // of the future
        "[1]",
        "null",
        "{\"level\":\"info\",\"time\":\"2026-11-21T12:00:00.000Z\"}",
        "{\"v\":1,\"event\":\"exchange\",\"time\":\"yesterday\",\"id\":\"a\",\"reason\":\"x\"}",
        "{\"v\":1,\"event\":\"exchange\",\"time\":\"2026-11-21T12:00:00.000Z\"}",
        "\"\xff\xfe\"",
    };
    const std::string_view one[] = {good, "", foreign[0]};
    assert_text_equal(report_of(request_of("--json"), one),
                      "becaused: why: 1 line is no record (line 3)\n");
    for (const std::string_view line : foreign) {
        const std::string_view lines[] = {line};
        assert_text_equal(report_of(request_of("--json --all"), lines),
                          "becaused: why: 1 line is no record (line 1)\n");
    }
    assert_text_equal(report_of(request_of("--json"), foreign),
                      "becaused: why: 9 lines are no records (the first is line 1)\n");
}

void a_deeply_nested_line_is_only_foreign(void**) {
    const std::string deep(Lines::longest, '[');
    const std::string_view lines[] = {deep};
    assert_text_equal(report_of(request_of("--json"), lines),
                      "becaused: why: 1 line is no record (line 1)\n");
}

void odd_values_are_read_as_missing(void**) {
    const std::optional<RecordView> record = read_record(
        R"({"v":1,"event":"exchange","id":"a-1","time":"2026-11-21T12:00:00.000Z","reason":"new_one",)"
        R"("class":7,"age_ms":-5,"bytes":[1],"first":"x","method":null})");
    assert_true(record.has_value());
    assert_text_equal(record->reason, "new_one");
    assert_text_equal(record->end_class, "");
    assert_true(record->age_ms == 0 && record->in_bytes == 0);
    const std::optional<RecordView> huge = read_record(
        R"({"v":1,"event":"exchange","id":"a-1","time":"2026-11-21T12:00:00.000Z","reason":"x",)"
        R"("bytes":{"client_in":1e300,"client_out":-1}})");
    assert_true(huge->in_bytes == 0 && huge->out_bytes == 0);
}

void requests_without_an_end_are_told(void**) {
    const std::string_view ended[] = {started, push_reset};
    assert_text_equal(report_of(request_of("--json --reason complete"), ended), "");
    const std::string_view open[] = {started, good};
    assert_text_equal(report_of(request_of("--json"), open),
                      "becaused: why: 1 request has started and not ended, 5f3a09c1-3\n");
}

constexpr Row time_rows[] = {
    {"UTC", "2026-11-22T12:00:00Z", "1795348800000"},
    {"milliseconds", "2026-11-22T12:00:00.123Z", "1795348800123"},
    {"more digits", "2026-11-22T12:00:00.123456Z", "1795348800123"},
    {"without seconds", "2026-11-22T12:00Z", "1795348800000"},
    {"blank for the T", "2026-11-22 12:00:00Z", "1795348800000"},
    {"month 13", "2026-13-01T12:00:00Z", "none"},
    {"hour 24", "2026-11-22T24:00:00Z", "none"},
    {"offset", "2026-11-22T12:00:00+01:00", "none"},
    {"letters", "2026-11-xx", "none"},
    {"cut", "2026-11", "none"},
    {"empty", "", "none"},
};

void times_are_read(void**) {
    check_rows(time_rows, "", "", [](std::string_view text) {
        const std::optional<int64_t> ms = read_time(text);
        return ms ? std::to_string(*ms) : std::string("none");
    });
}

constexpr Row usage_rows[] = {
    {"unknown flag", "--folow", "why: no such flag: --folow; did you mean --follow?"},
    {"value missing", "--reason", "why: --reason: needs a value"},
    {"unknown reason", "--reason probee",
     "why: --reason: no such word: probee; did you mean probe?"},
    {"unknown side", "--by upstrem", "why: --by: no such word: upstrem; did you mean upstream?"},
    {"no time", "--since yesterday",
     "why: --since: \"yesterday\" is no time: write it like 10m,"
     " 2026-11-21 or 2026-11-21T12:00:00Z"},
    {"off is no time", "--since off",
     "why: --since: \"off\" is no time: write it like 10m,"
     " 2026-11-21 or 2026-11-21T12:00:00Z"},
    {"two files", "a b", "why: one file only, not also b"},
    {"summary of lines", "--summary --json", "why: --summary does not go with --json"},
    {"endless summary", "--summary -f", "why: --summary does not go with --follow"},
    {"fine", "-f --utc --wide -", "fine"},
};

void wrong_usage_is_named(void**) {
    check_rows(usage_rows, "", "", [](std::string_view flags) {
        std::vector<std::string> arguments;
        for (size_t at = 0; at < flags.size();) {
            const size_t end = std::min(flags.find(' ', at), flags.size());
            arguments.emplace_back(flags.substr(at, end - at));
            at = end + 1;
        }
        const Result<WhyRequest> request = parse_why(arguments, noon_ms);
        return request.ok() ? std::string("fine") : request.status().message();
    });
}

// A directory of one test.
struct Fixture {
    std::string directory;
    std::string file;
    std::string rotated;
};
Fixture fixture;

int make_directory(void**) {
    char path[] = "/tmp/becaused-why-XXXXXX";
    if (mkdtemp(path) == nullptr) return -1;
    fixture = {path, phrase(path, "/records"), phrase(path, "/records.1")};
    return 0;
}

int remove_directory(void**) {
    std::remove(fixture.file.c_str());
    std::remove(fixture.rotated.c_str());
    return std::remove(fixture.directory.c_str());
}

void append(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::app) << text;
}

// What can be read now, whole lines in brackets.
std::string read_now(Lines& lines) {
    std::string text;
    std::string_view line;
    while (true) {
        switch (lines.next(line)) {
            case Lines::Got::line: text += phrase('[', line, ']'); break;
            case Lines::Got::too_long: text += "[too long]"; break;
            case Lines::Got::end: return text;
            case Lines::Got::failed: return text + "failed";
        }
    }
}

void half_a_line_waits_for_its_end(void**) {
    append(fixture.file, "one\ntw");
    Lines lines;
    assert_true(lines.open(fixture.file).ok());
    assert_text_equal(read_now(lines), "[one]");
    append(fixture.file, "o\n\nthree");
    assert_text_equal(read_now(lines), "[two][]");
    assert_text_equal(std::string(lines.rest()), "three");
    assert_text_equal(std::string(lines.rest()), "");
}

void a_line_beyond_the_limit_is_passed_over(void**) {
    const std::string largest(Lines::longest, 'a');
    append(fixture.file,
           phrase(largest, '\n', largest, "b\n", std::string(1'000'000, 'c'), "\nend\n"));
    Lines lines;
    assert_true(lines.open(fixture.file).ok());
    assert_text_equal(read_now(lines), phrase('[', largest, "][too long][too long][end]"));
}

void a_replaced_file_is_read_to_its_end_first(void**) {
    append(fixture.file, "one\n");
    Lines lines;
    assert_true(lines.open(fixture.file).ok());
    assert_true(lines.can_grow());
    assert_text_equal(read_now(lines), "[one]");
    assert_false(lines.turn_over());
    assert_int_equal(std::rename(fixture.file.c_str(), fixture.rotated.c_str()), 0);
    assert_false(lines.turn_over());  // nothing has its path yet
    append(fixture.rotated, "late\n");
    append(fixture.file, "new\n");
    assert_true(lines.turn_over());
    assert_text_equal(read_now(lines), "[late]");
    assert_true(lines.turn_over());
    assert_text_equal(read_now(lines), "[new]");
    assert_false(lines.turn_over());
}

void a_truncated_file_is_read_from_its_start(void**) {
    append(fixture.file, "one\ntwo\nthr");
    Lines lines;
    assert_true(lines.open(fixture.file).ok());
    assert_text_equal(read_now(lines), "[one][two]");
    assert_int_equal(truncate(fixture.file.c_str(), 0), 0);
    append(fixture.file, "new\n");
    assert_true(lines.turn_over());
    assert_text_equal(read_now(lines), "[new]");
}

void what_cannot_be_read_is_named(void**) {
    Lines lines;
    assert_text_equal(lines.open("/nowhere/records").message(),
                      "/nowhere/records: cannot be read: No such file or directory");
    assert_text_equal(lines.open(fixture.directory).message(),
                      phrase(fixture.directory, ": cannot be read: Is a directory"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(filters_choose_records),
        cmocka_unit_test(a_narrow_screen_shows_request_duration_and_sentence),
        cmocka_unit_test(a_wide_screen_shows_more_columns),
        cmocka_unit_test(without_a_width_nothing_is_cut),
        cmocka_unit_test(lines_fit_every_screen),
        cmocka_unit_test(terminals_get_colours_and_no_commands),
        cmocka_unit_test(characters_that_act_on_others_are_not_shown),
        cmocka_unit_test(a_method_of_control_bytes_keeps_its_request),
        cmocka_unit_test(the_summary_counts_both_kinds_by_reason),
        cmocka_unit_test(the_most_frequent_reason_comes_first),
        cmocka_unit_test(nothing_to_tell_is_said),
        cmocka_unit_test(foreign_lines_are_counted_and_the_first_is_named),
        cmocka_unit_test(a_deeply_nested_line_is_only_foreign),
        cmocka_unit_test(odd_values_are_read_as_missing),
        cmocka_unit_test(requests_without_an_end_are_told),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(wrong_usage_is_named),
        cmocka_unit_test_setup_teardown(half_a_line_waits_for_its_end, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_line_beyond_the_limit_is_passed_over, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_replaced_file_is_read_to_its_end_first, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_truncated_file_is_read_from_its_start, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, make_directory,
                                        remove_directory),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
