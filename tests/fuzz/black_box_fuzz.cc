// libFuzzer over what the next life reads: any file whatever, or (first byte odd) a good black box of which
// some bytes were changed: each three bytes are a place and what is added there; (bit 1) with a head that is
// right all the same. What is believed makes whole records of valid JSON, no more than there are slots.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "support/boxes.hh"

namespace {

using namespace becaused;
using namespace becaused::test;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

std::string changed_box(std::string_view changes, bool right_head) {
    BoxInMemory memory;
    const OpenPush push(&memory.box());
    demand(memory.box().keep("{\"v\":1,\"event\":\"exchange\",\"id\":\"0a0b0c0d-7\"}\n"), "room");
    demand(memory.box().keep("{\"v\":1,\"event\":\"connection\",\"id\":\"0a0b0c0d-8\"}\n"), "room");
    std::string image = memory.image();
    for (; changes.size() >= 3; changes.remove_prefix(3)) {
        const size_t place =
            static_cast<unsigned char>(changes[0]) * 256U + static_cast<unsigned char>(changes[1]);
        image[place % image.size()] = static_cast<char>(image[place % image.size()] + changes[2]);
    }
    if (right_head) {
        auto* head = reinterpret_cast<box::Part<box::Life>*>(image.data());
        const box::Life life = head->content;
        head->write(box::magic, life);
    }
    return image;
}

// The same text twice, or something that is no JSON, would be noticed by whoever reads the records.
void check_record(const std::string& line) {
    demand(line.starts_with("{\"v\":1,\"event\":\"") && line.ends_with("}\n"), "a whole line");
    demand(line.find('\n') == line.size() - 1, "one line");
    demand(line.find("\"reason\":\"previous_life\"") != std::string::npos, "its reason");
    for (const char c : line)
        demand(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "no control bytes");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string image =
        (data[0] & 1U) != 0 ? changed_box(rest, (data[0] & 2U) != 0) : std::string(rest);
    Result<LastLife> read = read_black_box(image);
    if (!read.ok()) {
        demand(!read.status().message().empty(), "it says why");
        return 0;
    }
    const LastLife& last = read.value();
    demand(last.exchanges.size() * sizeof(box::ExchangeSlot) +
                   last.connections.size() * sizeof(box::ConnectionSlot) <=
               image.size(),
           "no more than there are slots");
    KnownRecords known;
    for (const std::string& line : last.lines) known.add(line);
    known.sort();
    Lines lines;
    const size_t filed = file_last_life(last, "it crashed: " + last.crash, known, lines).all();
    demand(filed == lines.lines.size(), "a line for each");
    for (const std::string& line : lines.lines) check_record(line);
    return 0;
}
