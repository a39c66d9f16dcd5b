// Records as OpenTelemetry logs: an ExportLogsServiceRequest in the JSON encoding of OTLP 1.x (opentelemetry-
// proto, collector/logs/v1 and logs/v1; JSON as the OTLP specification has it: names in lowerCamelCase,
// 64-bit integers as strings, enums as numbers, ids in hex). Attributes have the names of the semantic
// conventions where there is one, else the record's own behind "becaused.". Pure; needs no loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace becaused {

struct OtlpBatch {
    std::string body;         // the request's; empty: nothing is to be sent
    uint64_t records = 0;     // in it
    uint64_t unreadable = 0;  // lines that are no records
};

// `lines`: records, each with its newline. Those of upstream connections to `own_peers` are left out: they
// are the export's own, and would call for another one without end.
OtlpBatch otlp_batch(std::string_view lines, const std::vector<std::string>& own_peers);

// What a collector says of a batch that it took: an ExportLogsServiceResponse, which may be empty.
struct OtlpAnswer {
    uint64_t rejected = 0;  // partialSuccess.rejectedLogRecords
    std::string message;    // partialSuccess.errorMessage, or of a refusal (google.rpc.Status)
};
OtlpAnswer read_otlp_answer(std::string_view body);

// Milliseconds from `now_s` of a Retry-After: seconds or a date (RFC 9110 §10.2.3); 0: it says nothing.
uint64_t retry_after_ms(std::string_view text, int64_t now_s);

}  // namespace becaused
