// Records as OpenTelemetry logs: the names of the semantic conventions, the types of the protocol's JSON,
// what a collector answers.
#include "ops/otlp.hh"

#include "support/otlp_schema.hh"
#include "support/cmocka.hh"

using namespace becaused;
using becaused::test::OtlpSchema;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view push =
    R"({"v":1,"event":"exchange","id":"5f3a09c1-3","time":"2026-11-21T23:59:59.123Z","reason":)"
    R"("upstream_reset","class":"truncated","by":"upstream","phase":"response_body","op":"read",)"
    R"("errno":"ECONNRESET","method":"POST","target":"/v1.43/images/app/push?tag=1","version":"1.1",)"
    R"("route":"transfer","status":200,"client":"192.0.2.7:4242","client_id":"5f3a09c1-1",)"
    R"("identity":"alice","proof":"token","upstream":"unix:/run/docker.sock","upstream_id":)"
    R"("5f3a09c1-2","request_id":"5f3a09c1-3","trace_id":"0af7651916cd43dd8448eb211c80319c",)"
    R"("age_ms":120123.456,"bytes":{"client_in":412,"client_out":34567},"attempts":[{"ms":0.5,)"
    R"("reused":false,"op":"connect"}],"because":"The upstream reset its connection."})";

std::string attribute(const Json& log, std::string_view key) {
    for (const Json& each : log["attributes"])
        if (each["key"] == key) return each["value"].dump();
    return "";
}

// The one log record of a batch of this line, which the protocol must allow.
Json log_of(std::string_view line) {
    const OtlpBatch batch = otlp_batch(std::string(line) + "\n", {});
    for (const std::string& problem : OtlpSchema::problems(batch.body))
        print_error("%s\n", problem.c_str());
    assert_int_equal(OtlpSchema::problems(batch.body).size(), 0);
    assert_int_equal(batch.records, 1);
    return Json::parse(batch.body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
}

void a_record_has_the_names_of_the_conventions(void**) {
    const Json log = log_of(push);
    assert_text_equal(
        log.dump(),
        R"({"timeUnixNano":"1795305599123000000","observedTimeUnixNano":"1795305599123000000",)"
        R"("severityNumber":13,"severityText":"WARN","body":{"stringValue":"The upstream reset its )"
        R"(connection."},"attributes":[)"
        R"({"key":"http.request.method","value":{"stringValue":"POST"}},)"
        R"({"key":"url.path","value":{"stringValue":"/v1.43/images/app/push"}},)"
        R"({"key":"url.query","value":{"stringValue":"tag=1"}},)"
        R"({"key":"http.response.status_code","value":{"intValue":"200"}},)"
        R"({"key":"network.protocol.name","value":{"stringValue":"http"}},)"
        R"({"key":"network.protocol.version","value":{"stringValue":"1.1"}},)"
        R"({"key":"client.address","value":{"stringValue":"192.0.2.7"}},)"
        R"({"key":"client.port","value":{"intValue":"4242"}},)"
        R"({"key":"server.address","value":{"stringValue":"/run/docker.sock"}},)"
        R"({"key":"enduser.id","value":{"stringValue":"alice"}},)"
        R"({"key":"error.type","value":{"stringValue":"upstream_reset"}},)"
        R"({"key":"becaused.age_ms","value":{"doubleValue":120123.456}},)"
        R"({"key":"becaused.attempts","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[)"
        R"({"key":"ms","value":{"doubleValue":0.5}},)"
        R"({"key":"op","value":{"stringValue":"connect"}},)"
        R"({"key":"reused","value":{"boolValue":false}}]}}]}}},)"
        R"({"key":"becaused.by","value":{"stringValue":"upstream"}},)"
        R"({"key":"becaused.bytes.client_in","value":{"intValue":"412"}},)"
        R"({"key":"becaused.bytes.client_out","value":{"intValue":"34567"}},)"
        R"({"key":"becaused.class","value":{"stringValue":"truncated"}},)"
        R"({"key":"becaused.client_id","value":{"stringValue":"5f3a09c1-1"}},)"
        R"({"key":"becaused.errno","value":{"stringValue":"ECONNRESET"}},)"
        R"({"key":"becaused.id","value":{"stringValue":"5f3a09c1-3"}},)"
        R"({"key":"becaused.op","value":{"stringValue":"read"}},)"
        R"({"key":"becaused.phase","value":{"stringValue":"response_body"}},)"
        R"({"key":"becaused.proof","value":{"stringValue":"token"}},)"
        R"({"key":"becaused.reason","value":{"stringValue":"upstream_reset"}},)"
        R"({"key":"becaused.request_id","value":{"stringValue":"5f3a09c1-3"}},)"
        R"({"key":"becaused.route","value":{"stringValue":"transfer"}},)"
        R"({"key":"becaused.upstream_id","value":{"stringValue":"5f3a09c1-2"}}],)"
        R"("traceId":"0af7651916cd43dd8448eb211c80319c","eventName":"becaused.exchange"})");
}

void a_connections_addresses_are_the_networks(void**) {
    const Json log = log_of(
        R"({"v":1,"event":"connection","id":"5f3a09c1-2","time":"2026-11-21T23:59:59.124Z","reason":)"
        R"("client_closed_idle","class":"clean","by":"nobody","phase":"keepalive","op":"none","side":)"
        R"("client","transport":"tcp","peer":"[2001:db8::1]:9","local":"127.0.0.1:2375","because":"x"})");
    assert_text_equal(attribute(log, "network.transport"), R"({"stringValue":"tcp"})");
    assert_text_equal(attribute(log, "network.peer.address"), R"({"stringValue":"2001:db8::1"})");
    assert_text_equal(attribute(log, "network.peer.port"), R"({"intValue":"9"})");
    assert_text_equal(attribute(log, "network.local.port"), R"({"intValue":"2375"})");
    assert_text_equal(attribute(log, "error.type"), "");  // nothing was wrong
    assert_text_equal(log["eventName"].get<std::string>(), "becaused.connection");
}

struct Weight {
    std::string_view fields;
    int number;
};
constexpr Weight weights[] = {
    {R"("event":"exchange","class":"clean","reason":"complete")", 9},
    {R"("event":"exchange","class":"refused","reason":"policy_denied")", 13},
    {R"("event":"exchange","class":"truncated","reason":"client_reset")", 13},
    {R"("event":"exchange","class":"fault","reason":"upstream_silent")", 17},
    {R"("event":"connection","class":"truncated","reason":"partner")", 9},
    {R"("event":"request_start")", 9},
    {R"("event":"journal","dropped":7)", 17},
};

void severity_is_that_of_the_end(void**) {
    for (const Weight& row : weights)
        assert_int_equal(log_of("{" + std::string(row.fields) + "}")["severityNumber"].get<int>(),
                         row.number);
}

void a_method_that_no_registry_knows_is_said_to_be_another(void**) {
    const Json log = log_of(R"({"event":"exchange","method":"BREW","target":"/pot"})");
    assert_text_equal(attribute(log, "http.request.method"), R"({"stringValue":"_OTHER"})");
    assert_text_equal(attribute(log, "http.request.method_original"), R"({"stringValue":"BREW"})");
    assert_text_equal(attribute(log, "url.query"), "");
}

void the_resource_names_the_service_and_the_scope(void**) {
    const OtlpBatch batch = otlp_batch(std::string(push) + "\n", {});
    const Json logs = Json::parse(batch.body)["resourceLogs"][0];
    assert_text_equal(attribute(logs["resource"], "service.name"), R"({"stringValue":"becaused"})");
    assert_true(attribute(logs["resource"], "service.version").size() > 20);
    assert_true(attribute(logs["resource"], "process.pid").size() > 14);
    assert_text_equal(logs["scopeLogs"][0]["scope"]["name"].get<std::string>(), "becaused");
}

// Its connections' records would call for the next batch, and that for the next, for ever.
void the_exports_own_connections_are_left_out(void**) {
    const std::string own =
        R"({"event":"connection","side":"upstream","peer":"127.0.0.1:4318","because":"x"})";
    const std::string other =
        R"({"event":"connection","side":"client","peer":"127.0.0.1:4318","because":"x"})";
    assert_int_equal(otlp_batch(own + "\n" + other + "\n", {"127.0.0.1:4318"}).records, 1);
    const OtlpBatch none = otlp_batch(own + "\n", {"[::1]:4318", "127.0.0.1:4318"});
    assert_int_equal(none.records, 0);
    assert_text_equal(none.body, "");
}

void what_is_no_record_is_counted_and_the_rest_goes(void**) {
    const OtlpBatch batch = otlp_batch("nonsense\n" + std::string(push) + "\n[]\n\n", {});
    assert_int_equal(batch.records, 1);
    assert_int_equal(batch.unreadable, 3);
}

void the_schema_that_judges_here_does_judge(void**) {
    const std::string good = otlp_batch(std::string(push) + "\n", {}).body;
    const std::pair<std::string, std::string> broken[] = {
        {"\"timeUnixNano\":\"1795305599123000000\"", "\"timeUnixNano\":1795305599123000000"},
        {"\"severityNumber\":13", "\"severityNumber\":\"WARN\""},
        {"\"severityNumber\"", "\"severity_number\""},
        {"\"intValue\":\"412\"", "\"intValue\":412"},
        {"0af7651916cd43dd8448eb211c80319c", "CvdlGRbNQ92ESOshHIAxnA=="},
        {"\"boolValue\":false", "\"boolValue\":\"false\""},
        {"{\"stringValue\":\"alice\"}", "{\"stringValue\":\"alice\",\"intValue\":\"1\"}"},
        {"\"enduser.id\"", "\"client.port\""},
        {"\"body\":{", "\"surprise\":1,\"body\":{"},
    };
    assert_int_equal(OtlpSchema::problems(good).size(), 0);
    for (const auto& [from, to] : broken) {
        std::string text = good;
        assert_true(text.find(from) != std::string::npos);
        text.replace(text.find(from), from.size(), to);
        assert_int_equal(OtlpSchema::problems(text).size(), 1);
    }
}

void answers_say_what_was_rejected_and_why(void**) {
    assert_int_equal(read_otlp_answer("{}").rejected, 0);
    assert_int_equal(read_otlp_answer("").rejected, 0);
    const OtlpAnswer partial = read_otlp_answer(
        R"({"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}})");
    assert_int_equal(partial.rejected, 3);
    assert_text_equal(partial.message, "too old");
    assert_int_equal(read_otlp_answer(R"({"partialSuccess":{"rejectedLogRecords":4}})").rejected,
                     4);
    assert_int_equal(read_otlp_answer(R"({"partialSuccess":{"rejectedLogRecords":"-1"}})").rejected,
                     0);
    assert_text_equal(read_otlp_answer(R"({"code":3,"message":"bad"})").message, "bad");
}

void retry_after_is_seconds_or_a_date(void**) {
    constexpr int64_t now_s = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 §5.6.7)
    assert_int_equal(retry_after_ms("120", now_s), 120'000);
    assert_int_equal(retry_after_ms("0", now_s), 0);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", now_s), 10'000);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now_s + 5), 0);
    assert_int_equal(retry_after_ms("86400", now_s), 3'600'000);
    assert_int_equal(retry_after_ms("soon", now_s), 0);
    assert_int_equal(retry_after_ms("", now_s), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_the_names_of_the_conventions),
        cmocka_unit_test(a_connections_addresses_are_the_networks),
        cmocka_unit_test(severity_is_that_of_the_end),
        cmocka_unit_test(a_method_that_no_registry_knows_is_said_to_be_another),
        cmocka_unit_test(the_resource_names_the_service_and_the_scope),
        cmocka_unit_test(the_exports_own_connections_are_left_out),
        cmocka_unit_test(what_is_no_record_is_counted_and_the_rest_goes),
        cmocka_unit_test(the_schema_that_judges_here_does_judge),
        cmocka_unit_test(answers_say_what_was_rejected_and_why),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
