#include "http/stdcopy.hh"

#include <algorithm>

namespace becaused {

namespace {

constexpr uint8_t header_size = 8;
constexpr uint8_t error_stream = 3;  // stdin 0, stdout 1, stderr 2

}  // namespace

void StdcopyBoundary::passed(std::string_view bytes) {
    while (!bytes.empty() && !lost_) {
        if (header_bytes_ == header_size) {
            const size_t data = std::min<size_t>(left_, bytes.size());
            left_ -= static_cast<uint32_t>(data);
            bytes.remove_prefix(data);
        } else {
            lost_ = !take_header_byte(static_cast<uint8_t>(bytes.front()));
            bytes.remove_prefix(1);
        }
        if (header_bytes_ == header_size && left_ == 0) {
            header_bytes_ = 0;
            proven_ = true;
        }
    }
}

bool StdcopyBoundary::take_header_byte(uint8_t byte) {
    const uint8_t at = header_bytes_++;
    if (at == 0) return byte <= error_stream;
    if (at < 4) return byte == 0;
    left_ = left_ << 8U | byte;
    return true;
}

void append_error_frame(std::string& out, std::string_view text) {
    const auto size = static_cast<uint32_t>(text.size());
    const char header[header_size] = {error_stream,
                                      0,
                                      0,
                                      0,
                                      static_cast<char>(size >> 24U),
                                      static_cast<char>(size >> 16U & 255U),
                                      static_cast<char>(size >> 8U & 255U),
                                      static_cast<char>(size & 255U)};
    out.append(header, header_size);
    out += text;
}

}  // namespace becaused
