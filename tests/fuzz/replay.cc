// Gives a fuzzer's seeds to it once, one test per seed, in builds without libFuzzer: what once broke
// something, kept as a seed, is tried by every `make test`. Its argument is the seeds' directory.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/cmocka.hh"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// A broken invariant aborts; a sanitizer sees a read beyond the seed's end.
void replay(void** state) {
    std::ifstream file(*static_cast<const std::string*>(*state), std::ios::binary);
    assert_true(file.is_open());
    const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    assert_false(text.empty());
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    assert_int_equal(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()), 0);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> seeds;
    std::error_code error;
    if (argc == 2)
        for (const auto& entry : std::filesystem::directory_iterator(argv[1], error))
            seeds.push_back(entry.path().string());
    if (seeds.empty()) {
        std::fprintf(stderr, "replay: no seeds in %s\n", argc == 2 ? argv[1] : "no directory");
        return 1;
    }
    std::sort(seeds.begin(), seeds.end());
    std::vector<CMUnitTest> tests;
    for (std::string& seed : seeds) {
        const char* name = seed.c_str() + seed.rfind('/') + 1;
        tests.push_back({name, replay, nullptr, nullptr, &seed});
    }
    return _cmocka_run_group_tests("seeds", tests.data(), tests.size(), nullptr, nullptr);
}
