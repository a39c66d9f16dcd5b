// Chained records: whoever changes, removes, adds or moves a line without the key is found, at that line.
#include <cstdlib>
#include <vector>

#include "base/text.hh"
#include "ops/chain.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

constexpr std::string_view key = "0123456789abcdef0123456789abcdef";
constexpr std::string_view zeros = "00000000000000000000000000000000";

std::string text_of(const Chain::Link& link) { return {link.data(), link.size()}; }

std::vector<std::string> chained(int count) {
    Chain chain(key);
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) {
        lines.push_back("{\"v\":1,\"event\":\"exchange\",\"id\":\"0a0b0c0d-" + std::to_string(i) +
                        "\"}\n");
        chain.extend(lines.back());
    }
    return lines;
}

std::string_view bare(const std::string& line) {
    return std::string_view(line).substr(0, line.size() - 1);
}

// The number of the first bad line, from 1; 0: all are good.
size_t first_bad(const std::vector<std::string>& lines, Chain::Verdict& verdict,
                 std::string_view with = key) {
    Chain chain(with);
    for (size_t i = 0; i < lines.size(); ++i) {
        verdict = chain.check(bare(lines[i]));
        if (verdict != Chain::Verdict::good) return i + 1;
    }
    return 0;
}

void what_nobody_touched_is_good(void**) {
    Chain::Verdict verdict{};
    assert_int_equal(first_bad(chained(20), verdict), 0);
    const std::vector<std::string> lines = chained(2);
    assert_text_contains(lines[0], ",\"prev\":\"" + std::string(zeros) + "\",\"chain\":\"");
    assert_int_equal(
        lines[0].size(),
        std::string_view("{\"v\":1,\"event\":\"exchange\",\"id\":\"0a0b0c0d-0\"}\n").size() +
            Chain::tail_bytes);
    assert_true(lines[0].ends_with("\"}\n"));
    // The first one's last word is the second one's prev.
    const std::string said = lines[0].substr(lines[0].size() - 35, 32);
    assert_text_contains(lines[1], ",\"prev\":\"" + said + "\",\"chain\":\"");
}

// BLAKE2b as RFC 7693 says, made with Python's hashlib: key = blake2b(key text, 32 bytes), then
// blake2b(line up to the chain, key, 16 bytes).
void the_sum_is_blake2b_with_the_files_text_as_key(void**) {
    Chain chain(key);
    std::string line = "{\"v\":1}\n";
    chain.extend(line);
    assert_text_equal(line,
                      "{\"v\":1,\"prev\":\"00000000000000000000000000000000\",\"chain\":\""
                      "9aecc5a1f370e1fbb214096e1cfe00aa\"}\n");
}

void every_changed_byte_is_found_in_its_line(void**) {
    const std::vector<std::string> good = chained(3);
    for (size_t at = 0; at + 1 < good[1].size(); ++at) {
        std::vector<std::string> lines = good;
        lines[1][at] = static_cast<char>(lines[1][at] ^ 1);
        Chain::Verdict verdict{};
        assert_int_equal(first_bad(lines, verdict), 2);
        assert_true(verdict == Chain::Verdict::changed || verdict == Chain::Verdict::unchained);
    }
}

void lines_taken_out_put_in_or_moved_are_found(void**) {
    Chain::Verdict verdict{};
    const std::vector<std::string> good = chained(5);
    std::vector<std::string> lines = good;
    lines.erase(lines.begin() + 2);
    assert_int_equal(first_bad(lines, verdict), 3);
    assert_true(verdict == Chain::Verdict::moved);
    lines = good;
    lines.insert(lines.begin() + 3, good[1]);
    assert_int_equal(first_bad(lines, verdict), 4);
    assert_true(verdict == Chain::Verdict::moved);
    lines = good;
    std::swap(lines[1], lines[2]);
    assert_int_equal(first_bad(lines, verdict), 2);
    assert_true(verdict == Chain::Verdict::moved);
    lines = good;
    lines.insert(lines.begin() + 4, "{\"v\":1,\"event\":\"exchange\"}\n");
    assert_int_equal(first_bad(lines, verdict), 5);
    assert_true(verdict == Chain::Verdict::unchained);
}

void another_key_changes_every_line(void**) {
    Chain::Verdict verdict{};
    assert_int_equal(first_bad(chained(1), verdict, "another key, as long as it must be"), 1);
    assert_true(verdict == Chain::Verdict::changed);
}

// A rotated file is good by itself, and says what it follows.
void a_part_of_a_chain_is_good_and_names_what_is_before(void**) {
    const std::vector<std::string> all = chained(6);
    Chain early(key);
    for (size_t i = 0; i < 3; ++i) assert_true(early.check(bare(all[i])) == Chain::Verdict::good);
    Chain late(key);
    for (size_t i = 3; i < 6; ++i) assert_true(late.check(bare(all[i])) == Chain::Verdict::good);
    assert_text_equal(text_of(early.first()), zeros);
    assert_text_equal(text_of(late.first()), text_of(early.last()));
}

void another_life_goes_on_behind_the_last_line(void**) {
    std::vector<std::string> lines = chained(3);
    Chain next(key);
    next.resume(lines.back());
    next.resume("{\"a line\":\"without a chain\"}\n");
    std::string line = "{\"v\":1}\n";
    next.extend(line);
    lines.push_back(line);
    Chain::Verdict verdict{};
    assert_int_equal(first_bad(lines, verdict), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_touched_is_good),
        cmocka_unit_test(the_sum_is_blake2b_with_the_files_text_as_key),
        cmocka_unit_test(every_changed_byte_is_found_in_its_line),
        cmocka_unit_test(lines_taken_out_put_in_or_moved_are_found),
        cmocka_unit_test(another_key_changes_every_line),
        cmocka_unit_test(a_part_of_a_chain_is_good_and_names_what_is_before),
        cmocka_unit_test(another_life_goes_on_behind_the_last_line),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
