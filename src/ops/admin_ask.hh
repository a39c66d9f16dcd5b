// The operator's side of the admin address: finds the process and puts one question to it. Blocking, with
// patience of some seconds; for commands only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hh"
#include "proxy/settings.hh"

namespace becaused {

// Where to ask, as flags or the environment say it; empty: not said.
struct AdminPlace {
    std::string admin;  // an address
    std::string state;  // the state directory of the process
};

// Takes --admin or --state with its value; false: it is another flag.
bool take_place(std::string_view flag, std::string_view value, AdminPlace& place);
// What flags left open, by BECAUSED_ADMIN and BECAUSED_STATE.
void complete_place(AdminPlace& place);

// Failed: none runs there, or several do and one must be named.
Result<Address> find_admin(const AdminPlace& place);

struct AdminAnswer {
    uint16_t status = 0;
    std::string body;  // whole
};
inline constexpr uint32_t admin_patience_ms = 10'000;
// "GET", "/live". Failed: nobody answers, or not in whole. `patience_ms`: for each of its pieces; `silent`:
// null, or whether somebody is there and does not answer.
Result<AdminAnswer> ask_admin(const Address& address, std::string_view method,
                              std::string_view target, uint32_t patience_ms = admin_patience_ms,
                              bool* silent = nullptr);
// The same in two steps, over a connected socket that waits for so long by itself (SO_RCVTIMEO); `text`:
// its name. The answer's bytes up to the end.
Result<std::string> talk_to_admin(int fd, std::string_view request, const std::string& text,
                                  bool* silent = nullptr);
// The answer alone, where the question was put otherwise.
Result<std::string> hear_admin(int fd, const std::string& text, bool* silent = nullptr);
Result<AdminAnswer> read_admin_answer(std::string_view bytes, const std::string& text);
// Reads and writes of this socket give up after so long (EAGAIN).
bool wait_at_most(int fd, uint32_t patience_ms);
// Of an answer that is a refusal.
std::string admin_message(const AdminAnswer& answer);

}  // namespace becaused
