// What an ExportLogsServiceRequest may be in OTLP's JSON encoding, written apart from src/: the messages of
// opentelemetry-proto 1.7 (collector/logs/v1/logs_service.proto, logs/v1/logs.proto, common/v1/common.proto,
// resource/v1/resource.proto) and the rules of proto3's JSON mapping (protobuf.dev/programming-guides/json)
// as the OTLP specification narrows them (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"):
// names in lowerCamelCase only, 64-bit integers as decimal strings, enums as numbers only, traceId and spanId
// in hex, no field that the message lacks, one member of a oneof. Include before support/cmocka.hh.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace becaused::test {

class OtlpSchema {
  public:
    // What is wrong with it, one line each; empty: nothing.
    static std::vector<std::string> problems(std::string_view text) {
        OtlpSchema schema;
        const auto request = nlohmann::json::parse(text, nullptr, false);
        if (request.is_discarded()) return {"it is no JSON"};
        schema.message("ExportLogsServiceRequest", request, "");
        return schema.problems_;
    }

  private:
    using Json = nlohmann::json;
    enum class Type : uint8_t {
        text,
        fixed64,
        int64,
        uint32,
        fixed32,
        number,
        boolean,
        severity,
        hex16,
        hex8,
        base64,
        message
    };
    struct Field {
        Type type;
        std::string of = {};  // messages
        bool repeated = false;
        bool oneof = false;
    };
    using Fields = std::map<std::string, Field>;

    static const std::map<std::string, Fields>& messages() {
        static const std::map<std::string, Fields> all = {
            {"ExportLogsServiceRequest", {{"resourceLogs", {Type::message, "ResourceLogs", true}}}},
            {"ResourceLogs",
             {{"resource", {Type::message, "Resource"}},
              {"scopeLogs", {Type::message, "ScopeLogs", true}},
              {"schemaUrl", {Type::text}}}},
            {"Resource",
             {{"attributes", {Type::message, "KeyValue", true}},
              {"droppedAttributesCount", {Type::uint32}}}},
            {"ScopeLogs",
             {{"scope", {Type::message, "InstrumentationScope"}},
              {"logRecords", {Type::message, "LogRecord", true}},
              {"schemaUrl", {Type::text}}}},
            {"InstrumentationScope",
             {{"name", {Type::text}},
              {"version", {Type::text}},
              {"attributes", {Type::message, "KeyValue", true}},
              {"droppedAttributesCount", {Type::uint32}}}},
            {"LogRecord",
             {{"timeUnixNano", {Type::fixed64}},
              {"observedTimeUnixNano", {Type::fixed64}},
              {"severityNumber", {Type::severity}},
              {"severityText", {Type::text}},
              {"body", {Type::message, "AnyValue"}},
              {"attributes", {Type::message, "KeyValue", true}},
              {"droppedAttributesCount", {Type::uint32}},
              {"flags", {Type::fixed32}},
              {"traceId", {Type::hex16}},
              {"spanId", {Type::hex8}},
              {"eventName", {Type::text}}}},
            {"KeyValue", {{"key", {Type::text}}, {"value", {Type::message, "AnyValue"}}}},
            {"ArrayValue", {{"values", {Type::message, "AnyValue", true}}}},
            {"KeyValueList", {{"values", {Type::message, "KeyValue", true}}}},
            {"AnyValue",
             {{"stringValue", {Type::text, "", false, true}},
              {"boolValue", {Type::boolean, "", false, true}},
              {"intValue", {Type::int64, "", false, true}},
              {"doubleValue", {Type::number, "", false, true}},
              {"arrayValue", {Type::message, "ArrayValue", false, true}},
              {"kvlistValue", {Type::message, "KeyValueList", false, true}},
              {"bytesValue", {Type::base64, "", false, true}}}},
        };
        return all;
    }

    void complain(const std::string& where, const std::string& what) {
        problems_.push_back((where.empty() ? "the request" : where) + ": " + what);
    }

    void message(const std::string& name, const Json& value, const std::string& where) {
        if (!value.is_object()) return complain(where, "is no " + name);
        const Fields& fields = messages().at(name);
        size_t chosen = 0;
        for (const auto& [key, inner] : value.items()) {
            const std::string place = where.empty() ? key : where + '.' + key;
            const auto found = fields.find(key);
            if (found == fields.end()) {
                complain(place, "a " + name + " has no such field");
                continue;
            }
            if (found->second.oneof) ++chosen;
            field(found->second, inner, place);
        }
        if (chosen > 1) complain(where, "has more than one value");
    }

    void field(const Field& field, const Json& value, const std::string& where) {
        if (!field.repeated) return one(field, value, where);
        if (!value.is_array()) return complain(where, "is no list");
        std::set<std::string> keys;
        for (size_t i = 0; i < value.size(); ++i) {
            one(field, value[i], where + '[' + std::to_string(i) + ']');
            // "Attribute keys MUST be unique" (common/v1/common.proto).
            const bool attribute = field.of == "KeyValue" && value[i].is_object();
            if (attribute && !keys.insert(value[i].value("key", "")).second)
                complain(where, "has twice " + value[i].value("key", ""));
        }
    }

    void one(const Field& field, const Json& value, const std::string& where) {
        const auto text = value.is_string() ? value.get<std::string>() : std::string();
        const auto only = [&](std::string_view allowed) {
            return value.is_string() && !text.empty() &&
                   text.find_first_not_of(allowed) == std::string::npos;
        };
        constexpr std::string_view digits = "0123456789";
        constexpr std::string_view hex = "0123456789abcdefABCDEF";
        bool good = false;
        switch (field.type) {
            case Type::message: return message(field.of, value, where);
            case Type::text: good = value.is_string(); break;
            case Type::fixed64: good = only(digits) && text.size() <= 20; break;
            case Type::int64:
                good = only("-0123456789") && text.find('-', 1) == std::string::npos;
                break;
            case Type::uint32:
            case Type::fixed32:
                good = value.is_number_unsigned() && value.get<uint64_t>() <= UINT32_MAX;
                break;
            case Type::number: good = value.is_number(); break;
            case Type::boolean: good = value.is_boolean(); break;
            case Type::severity:
                good = value.is_number_unsigned() && value.get<uint64_t>() <= 24;
                break;
            case Type::hex16: good = only(hex) && text.size() == 32; break;
            case Type::hex8: good = only(hex) && text.size() == 16; break;
            case Type::base64: good = value.is_string(); break;
        }
        if (!good) complain(where, "has a value of another kind: " + value.dump());
    }

    std::vector<std::string> problems_;
};

}  // namespace becaused::test
