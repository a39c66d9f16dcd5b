// The text of records: one JSON object a line, version 1, described by record.schema.json.
// Pure: facts in, text out. Also the because-sentence, which answers to clients share.
#pragma once

#include <string>
#include <string_view>

#include "ledger/entry.hh"

namespace becaused {

inline constexpr unsigned record_version = 1;

// The sentence for people of an end, e.g. "The client reset its connection while the answer was on its
// way (ECONNRESET)."
void append_because(std::string& out, const Ending& ending);

// "ECONNRESET" for -ECONNRESET; libuv's own codes by their libuv names.
std::string_view error_name(int error);

// Everything between the line's common head and its trail.
class JsonLine;
void put_id(JsonLine& line, const Ledger& ledger, EntryId id);
void put_endpoint(JsonLine& line, const Endpoint& endpoint);
void write_connection(JsonLine& line, const Ledger& ledger, const Clock& clock, const Entry& entry,
                      const ConnectionFacts& facts, uint64_t now_ns);
void write_exchange(JsonLine& line, const Ledger& ledger, const Clock& clock, const Entry& entry,
                    const ExchangeFacts& facts, uint64_t now_ns);
void write_ending(JsonLine& line, const Ledger& ledger, const Ending& ending);

}  // namespace becaused
