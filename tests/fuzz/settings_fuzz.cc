// libFuzzer over config files. What is accepted is printed by `becaused check` as a config file, and that
// is accepted and prints itself again.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ops/config.hh"

namespace {

using namespace becaused;

void demand(bool holds, const char* what, const std::string& text) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n%s\n", what, text.c_str());
    std::abort();
}

// A file that is only in memory, under one name for all runs.
class Text {
  public:
    Text() : fd_(::memfd_create("settings", MFD_CLOEXEC)) {
        demand(fd_ >= 0, "there is memory for a file", "");
    }
    Result<Config> load(std::string_view text) const {
        const auto size = static_cast<ssize_t>(text.size());
        demand(::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, text.data(), text.size(), 0) == size,
               "the file can be written", "");
        const std::vector<std::string> flags = {"--config", "/proc/self/fd/" + std::to_string(fd_)};
        return load_config(flags, {});
    }

  private:
    int fd_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Text file;
    Result<Config> config = file.load({reinterpret_cast<const char*>(data), size});
    if (!config.ok()) {
        demand(!config.status().message().empty(), "a mistake is said", "");
        return 0;
    }
    const std::string first = config_text(config.value());
    Result<Config> again = file.load(first);
    demand(again.ok(), "what is printed is accepted", first + again.status().message());
    const std::string second = config_text(again.value());
    Result<Config> third = file.load(second);
    demand(third.ok(), "what is printed is accepted", second + third.status().message());
    demand(config_text(third.value()) == second, "what is printed means the same", second);
    return 0;
}
