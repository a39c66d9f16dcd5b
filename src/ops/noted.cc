#include "ops/noted.hh"

#include <unistd.h>

#include "base/clock.hh"
#include "ledger/past_lines.hh"
#include "ops/demise.hh"
#include "ops/phrase.hh"
#include "ops/share.hh"
#include "ops/state.hh"
#include "ops/state_file.hh"

namespace becaused {

Result<NotedLines> noted_lines(const std::string& box_path) {
    Result<std::string> image = read_state_file(box_path);
    if (!image.ok()) return image.status();
    Result<LastLife> read = read_black_box(image.value());
    if (!read.ok()) return Status::failed(phrase(box_path, ": ", read.status().message()));
    const LastLife& last = read.value();
    const std::string boot_id = look_around().boot_id;
    if (!last.boot_id.empty() && !boot_id.empty() && last.boot_id != boot_id)
        return Status::failed(box_path + ": is from before the machine booted");
    NotedLines noted;
    Clock clock;
    const uint64_t now_ns = clock.now_ns();
    if (last.ended) return noted;
    append_past_lines(noted.lines, last, now_ns, clock.wall_ns(now_ns));
    noted.damaged = last.damaged_slots;
    return noted;
}

std::string unread_slots(size_t damaged) {
    if (damaged == 0) return {};
    return phrase("; ", damaged, damaged == 1 ? " slot of it" : " slots of it", " cannot be read");
}

std::vector<std::string> boxes_of(const AdminPlace& place, const Address& address) {
    std::string stem;
    if (!place.state.empty() && place.state != "auto" && place.state != "off")
        stem = place.state + "/becaused";
    else if (address.kind == Address::Kind::unix && address.path.ends_with(admin_suffix))
        stem = address.path.substr(0, address.path.size() - admin_suffix.size());
    std::vector<std::string> found;
    if (stem.empty()) return found;
    const auto look = [&](std::string path) {
        if (::access(path.c_str(), F_OK) == 0) found.push_back(std::move(path));
    };
    look(phrase(stem, box_suffix));
    for (uint32_t number = 1; number <= most_workers; ++number) look(worker_box(stem, number));
    return found;
}

}  // namespace becaused
