// What must not pass as a chunked body, whoever sends it (HTTP.md, RFC 9112 §7.1): the same table for
// requests and for answers.
#pragma once

#include <string_view>

namespace becaused::test {

struct ChunkFlaw {
    std::string_view name;
    std::string_view body;
    std::string_view good;    // the data before the fault
    std::string_view detail;  // of the record
};

#define BECAUSED_ONE "3\r\nabc\r\n"
inline constexpr std::string_view no_hex = "a chunk size is not hexadecimal";
inline constexpr std::string_view no_crlf_after_data =
    "a chunk does not end in CRLF after its data";
inline constexpr std::string_view size_bare_lf = "a chunk size line ends in a bare LF";
inline constexpr std::string_view size_too_large = "a chunk size does not fit 63 bits";
inline constexpr std::string_view of_the_hop =
    "a trailer that frames, routes or belongs to the hop";

inline constexpr ChunkFlaw chunk_flaws[] = {
    {"a chunk without a size", BECAUSED_ONE "\r\nabc\r\n", "abc", no_hex},
    {"a chunk size of another letter", BECAUSED_ONE "g\r\nabc\r\n", "abc", no_hex},
    {"a chunk size with 0x", BECAUSED_ONE "0x3\r\nabc\r\n", "abc", no_hex},
    {"a chunk size with a minus", BECAUSED_ONE "-3\r\nabc\r\n", "abc", no_hex},
    {"a chunk size with a plus", BECAUSED_ONE "+3\r\nabc\r\n", "abc", no_hex},
    {"a chunk size with an underscore", BECAUSED_ONE "0_3\r\nabc\r\n", "abc", no_hex},
    {"a chunk size with a point", BECAUSED_ONE "3.0\r\nabc\r\n", "abc", no_hex},
    {"a chunk size in quotes", BECAUSED_ONE "\"3\"\r\nabc\r\n", "abc", no_hex},
    {"a space before a chunk size", BECAUSED_ONE " 3\r\nabc\r\n", "abc", no_hex},
    {"a tab before a chunk size", BECAUSED_ONE "\t3\r\nabc\r\n", "abc", no_hex},
    {"an empty line before a chunk size", BECAUSED_ONE "\r\n3\r\nabc\r\n", "abc", no_hex},
    {"a chunk size of 17 digits", BECAUSED_ONE "00000000000000003\r\nabc\r\n", "abc",
     "a chunk size has more than 16 digits"},
    {"a chunk size of 2^63", BECAUSED_ONE "8000000000000000\r\nabc\r\n", "abc", size_too_large},
    {"a chunk size of 2^64 - 1", BECAUSED_ONE "ffffffffffffffff\r\nabc\r\n", "abc", size_too_large},
    {"a chunk size of 2^64 + 3", BECAUSED_ONE "10000000000000003\r\nabc\r\n", "abc",
     "a chunk size has more than 16 digits"},
    {"a space after a chunk size", BECAUSED_ONE "3 \r\nabc\r\n", "abc",
     "white space after a chunk size"},
    {"a tab after a chunk size", BECAUSED_ONE "3\t\r\nabc\r\n", "abc",
     "white space after a chunk size"},
    {"two numbers as a chunk size", BECAUSED_ONE "3 3\r\nabc\r\n", "abc",
     "white space after a chunk size"},
    {"a comma after a chunk size", BECAUSED_ONE "3,3\r\nabc\r\n", "abc", no_hex},
    {"a control byte after a chunk size", BECAUSED_ONE "3\v\r\nabc\r\n", "abc", no_hex},
    {"a bare LF after a chunk size", BECAUSED_ONE "3\nabc\r\n", "abc", size_bare_lf},
    {"a bare CR after a chunk size", BECAUSED_ONE "3\rabc\r\n", "abc",
     "a bare CR after a chunk size"},
    {"two CRs after a chunk size", BECAUSED_ONE "3\r\r\nabc\r\n", "abc",
     "a bare CR after a chunk size"},
    {"a bare LF after chunk data", BECAUSED_ONE "3\r\nabc\n0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"a bare CR after chunk data", BECAUSED_ONE "3\r\nabc\r0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"nothing after chunk data", BECAUSED_ONE "3\r\nabc0\r\n\r\n", "abcabc", no_crlf_after_data},
    {"more chunk data than its size", BECAUSED_ONE "3\r\nabcd\r\n0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"less chunk data than its size", BECAUSED_ONE "5\r\nabc\r\n0\r\n\r\n", "abcabc\r\n",
     no_crlf_after_data},
    {"a space after chunk data", BECAUSED_ONE "3\r\nabc \r\n0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"two CRs after chunk data", BECAUSED_ONE "3\r\nabc\r\r\n0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"two LFs after chunk data", BECAUSED_ONE "3\r\nabc\n\n0\r\n\r\n", "abcabc",
     no_crlf_after_data},
    {"a bare LF in a chunk extension", BECAUSED_ONE "3;a\nabc\r\n0\r\n\r\n", "abc", size_bare_lf},
    {"a bare LF in a quoted chunk extension", BECAUSED_ONE "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", "abc",
     size_bare_lf},
    {"a bare CR in a chunk extension", BECAUSED_ONE "3;a\rb\r\nabc\r\n0\r\n\r\n", "abc",
     "a bare CR after a chunk size"},
    {"a NUL in a chunk extension", std::string_view(BECAUSED_ONE "3;a\0\r\nabc\r\n", 17), "abc",
     "a control byte in a chunk extension"},
    {"a control byte in a chunk extension", BECAUSED_ONE "3;a=\x01\r\nabc\r\n", "abc",
     "a control byte in a chunk extension"},
    {"DEL in a quoted chunk extension", BECAUSED_ONE "3;a=\"\x7f\"\r\nabc\r\n", "abc",
     "a control byte in a chunk extension"},
    {"a bare LF after the last chunk's size", BECAUSED_ONE "0\n\r\n", "abc", size_bare_lf},
    {"a bare LF as the last line", BECAUSED_ONE "0\r\n\n", "abc",
     "a trailer line ends in a bare LF"},
    {"a bare CR before the last line", BECAUSED_ONE "0\r\n\rX\r\n\r\n", "abc", "a bare CR"},
    {"a trailer that ends in a bare LF", BECAUSED_ONE "0\r\nX: y\n\r\n", "abc",
     "a trailer line ends in a bare LF"},
    {"a bare CR in a trailer", BECAUSED_ONE "0\r\nX: y\rz\r\n\r\n", "abc", "a bare CR"},
    {"a NUL in a trailer", std::string_view(BECAUSED_ONE "0\r\nX: y\0z\r\n\r\n", 21), "abc",
     "a NUL byte"},
    {"a control byte in a trailer", BECAUSED_ONE "0\r\nX: \x1b[2J\r\n\r\n", "abc",
     "a control byte"},
    {"a folded trailer", BECAUSED_ONE "0\r\nX: y\r\n z\r\n\r\n", "abc", "a folded line"},
    {"white space before the first trailer", BECAUSED_ONE "0\r\n X: y\r\n\r\n", "abc",
     "a folded line"},
    {"a space before a trailer's colon", BECAUSED_ONE "0\r\nX : y\r\n\r\n", "abc",
     "white space in or after a field name"},
    {"a trailer without a name", BECAUSED_ONE "0\r\n: y\r\n\r\n", "abc", "a field has no name"},
    {"a trailer without a colon", BECAUSED_ONE "0\r\nX\r\n\r\n", "abc",
     "a field line has no colon"},
    {"a trailer whose name is no token", BECAUSED_ONE "0\r\nX(y): z\r\n\r\n", "abc",
     "a field name is not a token"},
    {"data after the last chunk", BECAUSED_ONE "0\r\nabc\r\n\r\n", "abc",
     "a field line has no colon"},
    {"Content-Length as a trailer", BECAUSED_ONE "0\r\nContent-Length: 3\r\n\r\n", "abc",
     of_the_hop},
    {"Transfer-Encoding as a trailer", BECAUSED_ONE "0\r\nTransfer-Encoding: chunked\r\n\r\n",
     "abc", of_the_hop},
    {"Transfer-Encoding among other trailers",
     BECAUSED_ONE "0\r\nX: y\r\ntRANSFER-eNCODING: gzip\r\nZ: z\r\n\r\n", "abc", of_the_hop},
    {"Host as a trailer", BECAUSED_ONE "0\r\nHost: evil\r\n\r\n", "abc", of_the_hop},
    {"Connection as a trailer", BECAUSED_ONE "0\r\nConnection: close\r\n\r\n", "abc", of_the_hop},
    {"Keep-Alive as a trailer", BECAUSED_ONE "0\r\nKeep-Alive: 5\r\n\r\n", "abc", of_the_hop},
    {"Proxy-Connection as a trailer", BECAUSED_ONE "0\r\nProxy-Connection: close\r\n\r\n", "abc",
     of_the_hop},
    {"Upgrade as a trailer", BECAUSED_ONE "0\r\nUpgrade: tcp\r\n\r\n", "abc", of_the_hop},
    {"TE as a trailer", BECAUSED_ONE "0\r\nTE: trailers\r\n\r\n", "abc", of_the_hop},
    {"Trailer as a trailer", BECAUSED_ONE "0\r\nTrailer: X\r\n\r\n", "abc", of_the_hop},
};
#undef BECAUSED_ONE

}  // namespace becaused::test
