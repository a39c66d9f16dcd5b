// HTTP/2's frames as their followers see them: the header of nine bytes (RFC 9113 §4.1), the types and
// flags that matter to them, and what a client's side begins with. Values only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace becaused {

// RFC 9113 §3.4. As a frame it would be five megabytes long.
inline constexpr std::string_view h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr size_t h2_head_bytes = 9;

// RFC 9113 §6; of other numbers nothing is known, and nothing needs to be.
namespace h2 {
inline constexpr uint8_t headers = 1, settings = 4, push_promise = 5, goaway = 7, continuation = 9;
inline constexpr uint8_t flag_ack = 1, flag_end_stream = 1, flag_end_headers = 4, flag_padded = 8,
                         flag_priority = 32;
inline constexpr uint16_t header_table_size = 1;  // a setting
}  // namespace h2

struct H2Head {
    uint32_t length = 0;  // of the payload
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t stream = 0;

    bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

// `bytes`: h2_head_bytes of them at least.
inline H2Head read_h2_head(std::string_view bytes) {
    const auto octet = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i]));
    };
    H2Head head;
    head.length = octet(0) << 16U | octet(1) << 8U | octet(2);
    head.type = static_cast<uint8_t>(octet(3));
    head.flags = static_cast<uint8_t>(octet(4));
    head.stream = (octet(5) & 0x7fU) << 24U | octet(6) << 16U | octet(7) << 8U | octet(8);
    return head;
}

}  // namespace becaused
