// `becaused why ID`: the whole story of one record.
#include "ops/why_story.hh"

#include "ops/phrase.hh"
#include "ops/why_report.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

constexpr std::string_view push =
    R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z","reaso)"
    R"(n":"upstream_reset","class":"truncated","by":"upstream","phase":"response_body","op")"
    R"(:"read","errno":"ECONNRESET","method":"POST","target":"/v1.43/images/registry.exampl)"
    R"(e.com/team/product/push?tag=latest","route":"transfer","status":200,"upstream_status)"
    R"(":200,"told":"progress","client":"127.0.0.1:4242","client_id":"5f3a09c1-1","upstream)"
    R"(":"unix:/run/docker.sock","upstream_id":"5f3a09c1-2","request_id":"5f3a09c1-3","age_)"
    R"(ms":120123.456,"bytes":{"client_in":412,"client_out":34567,"upstream_in":34123,"upst)"
    R"(ream_out":512},"silence_ms":{"up":120000,"down":63000},"ms":{"request_head":0.3,"con)"
    R"(nect":412,"first_byte":8100,"response_body":111611},"attempts":[{"upstream_id":"5f3a)"
    R"(09c1-6","ms":0.1,"reused":false,"op":"connect","errno":"ECONNREFUSED"},{"upstream_id)"
    R"(":"5f3a09c1-2","ms":0.2,"reused":false}],"trail":[{"side":"upstream","op":"write","e)"
    R"(rrno":"EPIPE","after_ms":120123}],"because":"The upstream reset its connection while)"
    R"( the answer was on its way (ECONNRESET): dockerd died, or was stopped."})";
constexpr std::string_view upstream =
    R"({"v":1,"event":"connection","id":"5f3a09c1-2","time":"2026-11-21T23:59:59.124Z","rea)"
    R"(son":"upstream_reset","class":"truncated","by":"upstream","phase":"response_body","s)"
    R"(ide":"upstream","peer":"unix:/run/docker.sock","age_ms":120000,"exchange":"5f3a09c1-)"
    R"(3","exchanges":1,"bytes":{"in":34500,"out":430},"because":"The upstream reset its co)"
    R"(nnection."})";
constexpr std::string_view client =
    R"({"v":1,"event":"connection","id":"5f3a09c1-1","time":"2026-11-21T23:59:59.125Z","rea)"
    R"(son":"partner","class":"truncated","by":"nobody","phase":"response_body","first":{"i)"
    R"(d":"5f3a09c1-3","reason":"upstream_reset"},"side":"client","peer":"127.0.0.1:4242",")"
    R"(age_ms":120125,"exchange":"5f3a09c1-3","exchanges":4,"bytes":{"in":412,"out":34567},)"
    R"("because":"Its partner ended first: upstream_reset."})";

std::string story(std::string_view id, const std::vector<std::string_view>& lines,
                  size_t width = 80) {
    WhyRequest request;
    request.filter.id = id;
    request.story = true;
    Screen screen;
    screen.width = width;
    screen.utc = true;
    WhyReport report(request, screen);
    for (const std::string_view line : lines) assert_text_equal(report.line(line), "");
    return report.end();
}

void a_tunnels_story_names_what_was_called(void**) {
    const std::string_view session =
        R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z","r)"
        R"(eason":"tunnel_complete","class":"clean","by":"nobody","phase":"done","op":"none",)"
        R"("method":"POST","target":"/session","status":101,"client":"unix","client_id":"5f3a)"
        R"(09c1-1","grpc":{"caller":"upstream","streams":12,"calls":[{"path":"/moby.filesync.)"
        R"(v1.FileSync/DiffCopy","count":2},{"path":"/\u001b[2J","count":1}],"more":9},"age_)"
        R"(ms":12,"bytes":{"client_in":412,"client_out":345,"upstream_in":1,"upstream_out":5})"
        R"(,"because":"The tunnel was ended by both sides after their last bytes."})";
    const std::string told = story("5f3a09c1-3", {session}, 70);
    assert_text_contains(told,
                         "\n  grpc            12 calls by the upstream\n"
                         "                  2 x /moby.filesync.v1.FileSync/DiffCopy\n"
                         "                  1 x /?[2J\n"
                         "                  9 of other methods\n");
}

void a_requests_story_has_its_connections_its_tries_and_its_time(void**) {
    assert_text_equal(
        story("5f3a09c1-3", {push, upstream, client}, 70),
        "5f3a09c1-3  POST /v1.43/images/registry.example.com/team/product/push?tag=latest\n"
        "  ended           upstream_reset, by upstream, in response_body\n"
        "  because         The upstream reset its connection while the answer was on its way "
        "(ECONNRESET): dockerd died, or was stopped.\n"
        "  now             dockerd had the request: see what it did before you try again. Look at "
        "dockerd's log.\n"
        "  client was told status 200, and why: a last message in a progress stream (push, pull, "
        "build, load)\n"
        "  took            2 min until 2026-11-21 23:59:59, patience of class transfer\n"
        "  client          127.0.0.1:4242 (5f3a09c1-1): 412 B in, 34 kB out\n"
        "  upstream        unix:/run/docker.sock (5f3a09c1-2): 34 kB in, 512 B out\n"
        "  tries           5f3a09c1-6: connect ECONNREFUSED after <1 ms\n"
        "                  5f3a09c1-2: worked after <1 ms\n"
        "  after that      upstream write EPIPE after 2 min\n"
        "\n"
        "  request_head    <1 ms    █\n"
        "  connect         412 ms   █\n"
        "  first_byte      8.1 s    ███\n"
        "  response_body   111 s       █████████████████░░░░░░░░░░░░░░░░░░░░░░░\n"
        "                  ░ silent on both ways for the last 63 s\n"
        "\n"
        "  connections\n"
        "  5f3a09c1-2  upstream unix:/run/docker.sock: upstream_reset, by upstream, in "
        "response_body; 34 kB in, 430 B out, 1 request, 2 min\n"
        "  5f3a09c1-1  client 127.0.0.1:4242: partner, in response_body; 412 B in, 34 kB out, 4 "
        "requests, 2 min\n");
}

void a_connections_story_has_its_requests(void**) {
    assert_text_equal(
        story("5f3a09c1-1", {push, upstream, client}),
        "5f3a09c1-1  client connection 127.0.0.1:4242\n"
        "  ended           partner, in response_body\n"
        "  because         Its partner ended first: upstream_reset.\n"
        "  took            2 min\n"
        "  bytes           412 B in, 34 kB out\n"
        "\n"
        "  its requests\n"
        "  5f3a09c1-3  POST /v1.43/images/registry.example.com/team/product/push?tag=latest: "
        "upstream_reset, by upstream, in response_body\n");
}

void what_has_not_ended_is_said_to_run(void**) {
    constexpr std::string_view started =
        R"({"v":1,"event":"request_start","id":"5f3a09c1-3","time":"2026-11-21T23:57:59.000Z",)"
        R"("method":"POST","target":"/x","client":"unix","client_id":"5f3a09c1-1"})";
    assert_text_equal(story("5f3a09c1-3", {started}),
                      "5f3a09c1-3 has started, and had not ended where the records end.\n");
    // Nor, with its connection's id, once it has.
    for (const char* id : {"5f3a09c1-3", "5f3a09c1-1"})
        assert_true(story(id, {started, push, client}).find("has started") == std::string::npos);
    assert_text_equal(story("5f3a09c1-1", {started}),
                      "5f3a09c1-3 has started, and had not ended where the records end.\n");
}

void an_id_that_nothing_has_is_said_so(void**) {
    assert_text_equal(story("5f3a09c1-31", {push, upstream, client}),
                      "No record is called 5f3a09c1-31.\n");
}

// Records are files that anybody may have touched.
void fields_of_other_kinds_and_terminal_codes_do_no_harm(void**) {
    constexpr std::string_view odd =
        R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z",)"
        R"("reason":"no such","method":7,"target":"/\u001b[31m","ms":[1],"attempts":[3,{"ms":"x"}],)"
        R"("trail":{},"bytes":4,"silence_ms":null,"unsent":{"client":-3},"told":"loudly"})";
    assert_text_equal(story("5f3a09c1-3", {odd}),
                      "5f3a09c1-3   /?[31m\n"
                      "  ended           no such\n"
                      "  because         \n"
                      "  client was told no status\n"
                      "  took            0 ms until 2026-11-21 23:59:59\n"
                      "  client           (): 0 B in, 0 B out\n"
                      "  tries           no connection: worked after 0 ms\n");
}

// The id that was asked for may be another field's; what a record calls itself is as foreign as the rest.
void ids_sides_and_verdicts_reach_no_terminal_raw(void**) {
    constexpr std::string_view exchange =
        R"({"v":1,"event":"exchange","id":"\u001b[1m","time":"2026-11-21T23:59:59.123Z",)"
        R"("reason":"re\u001b[1m","by":"by\u001b[1m","phase":"ph\u001b[1m","method":"GET\u001b[1m",)"
        R"("target":"/\u202e","client_id":"5f3a09c1-1","request_id":"5f3a09c1-3"})";
    constexpr std::string_view connection =
        R"({"v":1,"event":"connection","id":"5f3a09c1-1","time":"2026-11-21T23:59:59.123Z",)"
        R"("reason":"re\u001b[1m","by":"by\u001b[1m","phase":"ph\n","side":"si\u001b[1m",)"
        R"("peer":"\u001b[1m","exchange":"5f3a09c1-3"})";
    for (const char* id : {"5f3a09c1-3", "5f3a09c1-1"}) {
        const std::string text = story(id, {exchange, connection});
        assert_true(text.find('\x1b') == std::string::npos);
        assert_true(text.find("\xe2\x80\xae") == std::string::npos);
        assert_text_contains(text, "?[1m  GET?[1m /?");
        assert_text_contains(text, "re?[1m, by by?[1m, in ph?");
        assert_text_contains(text, "5f3a09c1-1  si?[1m");
    }
}

// Only who knows that nothing was sent may say so: a record of another version, or one that was edited, does not.
void without_a_count_of_bytes_nobody_is_told_to_try_again(void**) {
    const auto told = [](const char* bytes) {
        const std::string record = phrase(
            R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z",)"
            R"("reason":"upstream_reset","method":"POST","target":"/x")",
            bytes, "}");
        return story("5f3a09c1-3", {record});
    };
    const char* unsure =
        "  now             dockerd had the request: see what it did before you try";
    for (const char* bytes : {"", R"(,"bytes":{})", R"(,"bytes":{"upstream_out":"0"})",
                              R"(,"bytes":{"upstream_out":1})", R"(,"bytes":[])"})
        assert_text_contains(told(bytes), unsure);
    assert_text_contains(told(R"(,"bytes":{"upstream_out":0})"),
                         "  now             Nothing reached dockerd: it is safe to try again.");
}

void bars_are_as_long_as_their_phases_and_silence_is_marked(void**) {
    const std::vector<PhaseTime> phases = {{"a", 50}, {"b", 0.1}, {"c", 50}};
    assert_text_equal(time_line(phases, 75, 8),
                      "  a               50 ms    ████\n"
                      "  b               <1 ms        █\n"
                      "  c               50 ms        ██░░\n");
    assert_text_equal(time_line(phases, 1000, 2),
                      "  a               50 ms    █\n"
                      "  b               <1 ms     █\n"
                      "  c               50 ms     █\n");
    assert_text_equal(time_line({{"a", 1}}, 0, 3), "  a               1 ms     ░░░\n");
    assert_text_equal(time_line({}, 0, 3), "");
}

void only_what_looks_like_a_record_is_one(void**) {
    for (const char* id : {"5f3a09c1-3", "00000000-18446744073709551615"})
        assert_true(is_record_id(id));
    for (const char* other : {"", "5f3a09c1", "5f3a09c1-", "5f3a09c-33", "5F3A09C1-3",
                              "5f3a09c1-3x", "records.jsonl", "./5f3a09c1-3", "5f3a09c1_3"})
        assert_false(is_record_id(other));
}

Result<WhyRequest> parsed(const std::vector<std::string>& arguments) {
    return parse_why(arguments, 0);
}

void an_id_may_stand_before_or_behind_the_file(void**) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"5f3a09c1-3", "f"}, {"f", "5f3a09c1-3"}}) {
        Result<WhyRequest> request = parsed(arguments);
        assert_true(request.ok());
        assert_true(request.value().story);
        assert_text_equal(request.value().filter.id, "5f3a09c1-3");
        assert_text_equal(request.value().file, "f");
    }
    // --id is a list's, and so is what --json asks for.
    assert_false(parsed({"--id", "5f3a09c1-3", "f"}).value().story);
    assert_false(parsed({"5f3a09c1-3", "--json"}).value().story);
    assert_text_equal(parsed({"5f3a09c1-3", "-f"}).status().message(),
                      "why: the story of one record does not go with --follow");
    assert_text_equal(parsed({"5f3a09c1-3", "--summary"}).status().message(),
                      "why: the story of one record does not go with --summary");
    assert_text_equal(parsed({"5f3a09c1-3", "5f3a09c1-4", "f"}).status().message(),
                      "why: one file only, not also f");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_tunnels_story_names_what_was_called),
        cmocka_unit_test(a_requests_story_has_its_connections_its_tries_and_its_time),
        cmocka_unit_test(a_connections_story_has_its_requests),
        cmocka_unit_test(what_has_not_ended_is_said_to_run),
        cmocka_unit_test(an_id_that_nothing_has_is_said_so),
        cmocka_unit_test(fields_of_other_kinds_and_terminal_codes_do_no_harm),
        cmocka_unit_test(ids_sides_and_verdicts_reach_no_terminal_raw),
        cmocka_unit_test(without_a_count_of_bytes_nobody_is_told_to_try_again),
        cmocka_unit_test(bars_are_as_long_as_their_phases_and_silence_is_marked),
        cmocka_unit_test(only_what_looks_like_a_record_is_one),
        cmocka_unit_test(an_id_may_stand_before_or_behind_the_file),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
