// The JSON Schema of record lines. Words come from the ledger's tables, so that a record with a
// word that the tables lack is not valid, and neither is one with a field that nobody described.
#include <nlohmann/json.hpp>

#include "ledger/vocabulary.hh"
#include "ops/docs.hh"

namespace becaused {

namespace {

using Json = nlohmann::ordered_json;

template <typename Enum, size_t count>
Json words_of() {
    Json names = Json::array();
    for (size_t i = 0; i < count; ++i) names.push_back(std::string(name(static_cast<Enum>(i))));
    return {{"enum", names}};
}

// One of the words in the schema's own `$defs`.
Json word(std::string_view kind, std::string_view about) {
    return {{"description", std::string(about)}, {"$ref", "#/$defs/" + std::string(kind)}};
}

Json text(std::string_view about) {
    return {{"description", std::string(about)}, {"type", "string"}};
}

Json pattern(std::string_view about, std::string_view expression) {
    Json schema = text(about);
    schema["pattern"] = std::string(expression);
    return schema;
}

Json number(std::string_view about, std::string_view type = "integer") {
    return {{"description", std::string(about)}, {"type", std::string(type)}, {"minimum", 0}};
}

Json ms(std::string_view about) { return number(about, "number"); }

Json always_true(std::string_view about) {
    return {{"description", std::string(about)}, {"const", true}};
}

Json id(std::string_view about) { return pattern(about, "^[0-9a-f]{8}-[0-9]+$"); }

Json moment(std::string_view about) {
    return pattern(about, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$");
}

// An object with these fields and no others, all of them required unless named in `optional`.
Json object(std::string_view about, const Json& fields,
            const std::vector<std::string>& optional = {}) {
    Json required = Json::array();
    for (const auto& field : fields.items())
        if (std::ranges::find(optional, field.key()) == optional.end())
            required.push_back(field.key());
    return {{"description", std::string(about)},
            {"type", "object"},
            {"properties", fields},
            {"required", required},
            {"additionalProperties", false}};
}

Json list(std::string_view about, const Json& item) {
    return {{"description", std::string(about)}, {"type", "array"}, {"items", item}};
}

Json head(std::string_view event) {
    return {{"v", {{"description", "The version of this format."}, {"const", 1}}},
            {"event", {{"const", std::string(event)}}}};
}

Json error_name() { return pattern("The error's name, like ECONNRESET.", "^[A-Z][A-Z0-9_]*$"); }

Json calls() {
    const Json call = object("Calls of one method.", {{"path", text("As the caller wrote it.")},
                                                      {"count", number("How many.")}});
    return object("What was called in a tunnel of BuildKit's.",
                  {{"caller", word("side", "Whose side calls.")},
                   {"streams", number("Calls that passed.")},
                   {"calls", list("The first 16 methods, in the order of their first call.", call)},
                   {"more", number("Calls of other methods than those.")}},
                  {"more"});
}

Json ending() {
    Json fields;
    fields["id"] = id("The life of the proxy and a number in it; unique over restarts.");
    fields["time"] = moment("When it ended (RFC 3339, UTC).");
    fields["reason"] = word("reason", "Why it ended; see REASONS.md.");
    fields["class"] = {{"description", "What kind of end that is."},
                       {"enum", {"clean", "refused", "truncated", "fault"}}};
    fields["by"] = word("side", "Who caused it or owed the next byte.");
    fields["phase"] = word("phase", "What it was doing.");
    fields["op"] = word("op", "The operation that showed the end.");
    fields["errno"] = error_name();
    fields["detail"] = text("What exactly was wrong, in words.");
    fields["parser_error"] = text("The HTTP parser's name for it.");
    fields["offset"] = number("The byte at which the parser stopped.");
    fields["clock"] = object("The clock that rang.", {{"name", word("clock", "See CLOCKS.md.")},
                                                      {"setting_ms", number("Its setting.")}});
    fields["first"] = object("The record of the first cause, where this only followed it.",
                             {{"id", id("Its id.")}, {"reason", word("reason", "Its reason.")}});
    return fields;
}

const std::vector<std::string> ending_optional = {
    "errno", "detail", "parser_error", "offset", "clock", "first", "trail", "prev", "chain"};

Json trail() {
    return list("What showed after the first cause.",
                object("",
                       {{"side", word("side", "Where.")},
                        {"op", word("op", "The operation.")},
                        {"errno", error_name()},
                        {"after_ms", ms("Since it was opened.")}},
                       {"errno"}));
}

Json because() { return text("The end in one sentence for people."); }

// At every line's end where records are chained.
void add_chain(Json& fields) {
    fields["prev"] =
        pattern("The chain of the line before; zeros: this is the first.", "^[0-9a-f]{32}$");
    fields["chain"] = pattern("Keyed BLAKE2b of the line before this field (records_key_file).",
                              "^[0-9a-f]{32}$");
}

std::vector<std::string> with(std::vector<std::string> names,
                              std::initializer_list<const char*> more) {
    names.insert(names.end(), more.begin(), more.end());
    return names;
}

void add_socket(Json& fields) {
    fields["side"] = {{"description", "Whose connection it was."},
                      {"enum", {"client", "upstream", "operator"}}};
    fields["transport"] = {{"enum", {"tcp", "unix"}}};
    fields["peer"] = text("Its address: 127.0.0.1:4242, [::1]:4242, unix:/run/docker.sock, unix.");
    fields["local"] = text("Our address.");
    fields["via"] = text("The load balancer whose PROXY header named the peer.");
    fields["opened"] = moment("When it was accepted, or its connect began.");
    fields["age_ms"] = ms("From then to its end.");
    fields["exchanges"] = number("Requests it carried.");
    fields["bytes"] = object("Bytes each way; with TLS: of what was inside.",
                             {{"in", number("From the peer.")}, {"out", number("To the peer.")}});
    fields["unsent"] = number("Of the bytes to the peer: never acknowledged by its kernel.");
    fields["silence_ms"] = object("Since the last byte of each way, or since it was opened.",
                                  {{"in", ms("From the peer.")}, {"out", ms("To the peer.")}});
    fields["tls"] = object("Its TLS.",
                           {{"version", text("TLSv1.2, TLSv1.3; once the handshake was done.")},
                            {"cipher", text("The cipher suite's name.")},
                            {"server_name", text("The name that the client asked for (SNI).")}},
                           {"version", "cipher", "server_name"});
    fields["ms"] =
        object("Upstream connections only.", {{"connect", ms("What the connect took.")}});
    fields["exchange"] = id("The exchange that it ended in, or serves while it is open.");
}

const std::initializer_list<const char*> socket_optional = {"peer", "local", "via",     "unsent",
                                                            "tls",  "ms",    "exchange"};

Json connection() {
    Json fields = head("connection");
    fields.update(ending());
    add_socket(fields);
    fields["trail"] = trail();
    fields["because"] = because();
    add_chain(fields);
    return object("A connection has ended.", fields, with(ending_optional, socket_optional));
}

Json phase_times() {
    Json fields;
    std::vector<std::string> optional;
    for (size_t i = 0; i < phase_count; ++i) {
        optional.emplace_back(name(static_cast<Phase>(i)));
        fields[optional.back()] = ms("");
    }
    return object("Time in each phase that took any.", fields, optional);
}

Json attempts() {
    return list(
        "The tries to get an upstream connection or to use one, where the first one was not"
        " enough. At most eight.",
        object("",
               {{"upstream_id", id("The connection's id.")},
                {"ms", ms("What the try took.")},
                {"reused", {{"description", "It was a kept-alive one."}, {"type", "boolean"}}},
                {"op", word("op", "What failed; absent: it worked.")},
                {"errno", error_name()}},
               {"upstream_id", "op", "errno"}));
}

void add_request(Json& fields) {
    fields["method"] = text("Empty when no request line was understood.");
    fields["target"] = text("Values in the query that may be secret are replaced by three dots.");
    fields["target_cut"] = always_true("The target was longer than is kept.");
    fields["version"] = {{"description", "The request's HTTP version."}, {"enum", {"1.0", "1.1"}}};
    fields["route"] = word("route", "Its class of patience.");
    fields["status"] = number("What the client was told; 499: it had gone before; 0: nothing.");
    fields["upstream_status"] = number("What the upstream answered.");
    fields["told"] = word("telling", "How the client was told why, after its answer had begun.");
    fields["client"] = text("The client's address.");
    fields["client_id"] = id("Its connection.");
    fields["identity"] = text("Who asked, once that was proven.");
    fields["proof"] = text("How: token, static_token, password, certificate, service.");
    fields["token_id"] = text("The token's own id (jti).");
    fields["would_refuse"] = text("What the policy, which only reports, would have refused.");
    fields["grpc"] = calls();
    fields["upstream"] = text("The upstream's address.");
    fields["upstream_id"] = id("The connection to it.");
    fields["request_id"] = text("X-Request-Id, as passed on.");
    fields["trace_id"] = pattern("From traceparent.", "^[0-9a-f]{32}$");
}

void add_traffic(Json& fields) {
    fields["opened"] = moment("When its first byte came.");
    fields["age_ms"] = ms("From then to its end.");
    fields["bytes"] = object("Bytes on the wire, heads included.",
                             {{"client_in", number("From the client.")},
                              {"client_out", number("To the client.")},
                              {"upstream_in", number("From the upstream.")},
                              {"upstream_out", number("To the upstream.")}});
    fields["silence_ms"] = object("Since the last progress of each half, or since it was opened.",
                                  {{"up", ms("The request.")}, {"down", ms("The answer.")}});
    fields["unsent"] =
        object("Given to a connection and never acknowledged by its peer's kernel.",
               {{"client", number("Of the answer.")}, {"upstream", number("Of the request.")}});
    fields["ms"] = phase_times();
    fields["attempts"] = attempts();
    fields["attempts_total"] = number("Where there were more than are listed.");
}

const std::initializer_list<const char*> request_optional = {
    "target_cut", "version",  "route",        "status",    "upstream_status",
    "told",       "client",   "grpc",         "client_id", "identity",
    "proof",      "token_id", "would_refuse", "upstream",  "upstream_id",
    "request_id", "trace_id", "unsent",       "attempts",  "attempts_total"};

Json exchange() {
    Json fields = head("exchange");
    fields.update(ending());
    add_request(fields);
    add_traffic(fields);
    fields["trail"] = trail();
    fields["because"] = because();
    add_chain(fields);
    return object("A request has ended.", fields, with(ending_optional, request_optional));
}

// A line of the admin address: an entry while it is open. Never in the records.
Json open_line(std::string_view kind) {
    Json fields = head("open");
    fields["kind"] = {{"const", std::string(kind)}};
    fields["id"] = id("The id that its record will have.");
    fields["time"] = moment("When it was looked at.");
    fields["phase"] = word("phase", "What it is doing.");
    fields["owes"] =
        object("Who owes the next byte; absent: nobody.",
               {{"by", word("side", "Who.")},
                {"reason", word("reason", "What it ends as if that byte does not come.")},
                {"silence_ms", ms("Since anything moved.")},
                {"clock", object("The clock that runs; absent: it is off.",
                                 {{"name", word("clock", "See CLOCKS.md.")},
                                  {"setting_ms", number("Its setting.")}})}},
               {"clock"});
    fields["noted"] =
        object("Only where the process does not answer, and its black box was read.",
               {{"pid", number("The process.")}, {"age_ms", ms("Since it noted this.")}});
    if (kind == "connection") {
        add_socket(fields);
    } else {
        add_request(fields);
        add_traffic(fields);
    }
    fields["now"] = text("How it stands, in one sentence for people.");
    return object(
        "What is open now (becaused why --live --json).", fields,
        with({"owes", "noted"}, kind == "connection" ? socket_optional : request_optional));
}

Json request_start() {
    Json fields = head("request_start");
    fields["id"] = id("The id that the exchange's record will have.");
    fields["time"] = moment("When its first byte came.");
    fields["method"] = text("");
    fields["target"] = text("");
    fields["client"] = text("The client's address.");
    fields["client_id"] = id("Its connection.");
    add_chain(fields);
    return object("A request has begun (setting record_request_start).", fields, {"prev", "chain"});
}

Json journal() {
    Json fields = head("journal");
    fields["time"] = moment("When it was noticed.");
    fields["dropped"] = number("Records that could not be written.");
    fields["because"] = because();
    add_chain(fields);
    return object("Records are missing here.", fields, {"prev", "chain"});
}

Json words_by_kind() {
    return {{"reason", words_of<Reason, reason_count>()},
            {"side", words_of<Side, side_count>()},
            {"phase", words_of<Phase, phase_count>()},
            {"op", words_of<Op, op_count>()},
            {"clock", words_of<ClockName, clock_count>()},
            {"route", words_of<RouteClass, route_class_count>()},
            {"telling", words_of<Telling, telling_count>()}};
}

// Descriptions that say nothing are left out.
void drop_empty_descriptions(Json& schema) {
    if (schema.is_object() && schema.value("description", "?").empty()) schema.erase("description");
    if (schema.is_structured())
        for (Json& part : schema) drop_empty_descriptions(part);
}

}  // namespace

std::string record_schema() {
    Json schema = {
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"$comment", "Made by `becaused docs schema`: change that and run scripts/docs."},
        {"title", "A record of becaused, version 1: one line of its journal"},
        {"oneOf",
         {connection(), exchange(), request_start(), journal(), open_line("connection"),
          open_line("exchange")}},
        {"$defs", words_by_kind()}};
    drop_empty_descriptions(schema);
    return schema.dump(2) + '\n';
}

}  // namespace becaused
