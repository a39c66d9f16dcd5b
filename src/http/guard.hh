// What llhttp lets through and we refuse: a strict reader of our own that cuts a head into lines and
// fields. http/parser.cc has llhttp read the same bytes and compares: a head passes only if both
// readers accept it and see the same fields. One pass, no allocation but the field list's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/head.hh"
#include "http/parser.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

// What is wrong with a message; who sent it decides the rest.
enum class Flaw : uint8_t {
    malformed,         // 400
    ambiguous,         // 400: two ways to read where the body ends
    unsupported,       // 501
    version,           // 505
    expectation,       // 417
    target_too_large,  // 414
    head_too_large,    // 431
};
// From the upstream all are 502. `detail` is static; `offset` counts from the head's first byte.
ParseFault make_fault(Side from, Flaw flaw, const char* detail, size_t offset);

// Cuts a whole head: its first line (without CRLF), then its fields (`fields` is emptied first).
std::optional<ParseFault> split_head(Side from, std::string_view bytes,
                                     std::string_view& first_line, std::vector<Field>& fields);
// The field lines of a head or a trailer section, from `at` to the empty line that must end `bytes`.
std::optional<ParseFault> split_fields(Side from, std::string_view bytes, size_t at,
                                       std::vector<Field>& fields);

// Judges the last bytes of a head that is still arriving: a control byte that no later byte can mend.
std::optional<ParseFault> refuse_tail(Side from, std::string_view bytes);

// Method, target and version of a request line; fills the head's method, target, path_and_query, path,
// query, minor_version, and authority for an absolute-form target.
std::optional<ParseFault> judge_request_line(std::string_view line, RequestHead& head);
// Version, status and reason phrase.
std::optional<ParseFault> judge_status_line(std::string_view line, ResponseHead& head);
// host [ ":" port ] with a name, an IPv4 or a bracketed IPv6 address (RFC 3986 §3.2, tightened: no
// userinfo, no sub-delimiters).
bool valid_authority(std::string_view authority);

// What the fields mean, each alone: Connection, framing, Host, Expect, TE, Upgrade, Max-Forwards.
// `bytes`: the head, for offsets. The first line was judged before.
std::optional<ParseFault> judge_request_fields(std::string_view bytes, RequestHead& head);
std::optional<ParseFault> judge_response_fields(std::string_view bytes, ResponseHead& head);

// Fields for the message's final recipient (RFC 9110 §7.6.1): naming one in Connection does not make
// it go away, or an attacker could strip what others rely on.
bool end_to_end(std::string_view name);

}  // namespace becaused
