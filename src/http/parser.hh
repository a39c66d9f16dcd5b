// One complete head into facts, by two readers: a strict guard of our own (http/guard.hh), because llhttp
// lets published attacks through (tests/unit/parser_test.cc lists them), and llhttp in strict mode. A
// head passes if both accept it and see the same fields.
// Owns one llhttp parser per direction; keeps no bytes. Bodies and trailers: http/chunked.hh.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

// Why a head was refused. All texts are static.
struct ParseFault {
    Reason reason = Reason::client_malformed;
    uint16_t status = 400;    // the answer due: 400, 414, 417, 431, 501, 505; 502 for upstreams
    const char* detail = "";  // for people: "bare LF in the head"
    const char* parser_error = "";  // llhttp's name ("HPE_INVALID_METHOD") or "guard"
    uint32_t offset = 0;            // bytes from the head's first byte
};

// Where the head ends: the offset just after its empty line (CRLF CRLF, or LF LF and other bare-LF
// forms, which parse_* then refuses), or nullopt when more bytes are needed. `from`: how many bytes
// were looked at before (0 at first), so that a head that comes byte by byte costs linear time.
std::optional<size_t> find_head_end(std::string_view bytes, size_t from);

// How many bytes of a single leading CRLF to skip before a request (RFC 9112 §2.2): 0 or 2.
size_t leading_empty_line(std::string_view bytes);

// A head that is still incomplete but can be refused already: request line over the target limit (414),
// over head_limit_bytes (431 / upstream_head_too_large). Cheap: called per read.
std::optional<ParseFault> refuse_incomplete_request(std::string_view bytes);
std::optional<ParseFault> refuse_incomplete_response(std::string_view bytes);

// What the exchange knows that decides how an answer is read.
class HeadParser {
  public:
    HeadParser();
    HeadParser(const HeadParser&) = delete;
    HeadParser& operator=(const HeadParser&) = delete;
    ~HeadParser();

    // `bytes`: exactly one head, its final empty line included. On success fills `head` (views into
    // `bytes`) and returns nullopt. Allocates only while `head.fields` grows for the first time.
    std::optional<ParseFault> parse_request(std::string_view bytes, RequestHead& head);
    std::optional<ParseFault> parse_response(std::string_view bytes, ResponseHead& head);

  private:
    struct State;
    State* state_;
};

}  // namespace becaused
