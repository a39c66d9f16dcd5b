#include "support/kept_records.hh"

#include <cstdio>
#include <cstdlib>

#include "base/check.hh"

namespace becaused::test {

void keep_records(std::string_view lines) {
    // Open until the program ends; each run begins its file anew.
    static std::FILE* const file = [] {
        const char* path = std::getenv("BECAUSED_KEEP_RECORDS");
        if (path == nullptr || *path == '\0') return static_cast<std::FILE*>(nullptr);
        std::FILE* opened = std::fopen(path, "we");
        CHECK(opened != nullptr);
        return opened;
    }();
    if (file == nullptr || lines.empty()) return;
    CHECK(std::fwrite(lines.data(), 1, lines.size(), file) == lines.size());
}

}  // namespace becaused::test
