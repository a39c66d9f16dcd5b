#include "ops/chain.hh"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "ops/lines.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"

namespace becaused {

namespace {

constexpr std::string_view prev_mark = ",\"prev\":\"";
constexpr std::string_view chain_mark = "\",\"chain\":\"";
constexpr std::string_view end_mark = "\"}";

// The line's own last brace moves to its new end.
static_assert(prev_mark.size() + chain_mark.size() + end_mark.size() - 1 + 2 * Chain::hex_digits ==
              Chain::tail_bytes);

Chain::Link link_of(std::string_view text) {
    Chain::Link link;
    std::copy_n(text.begin(), link.size(), link.begin());
    return link;
}

std::string_view text_of(const Chain::Link& link) { return {link.data(), link.size()}; }

// A line's parts; `said` is empty where it is not chained.
struct Parts {
    std::string_view text;  // all that the sum is of
    std::string_view prev;
    std::string_view said;
};

Parts parts_of(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    constexpr size_t said_bytes = chain_mark.size() - 1 + Chain::hex_digits + end_mark.size();
    constexpr size_t prev_bytes = prev_mark.size() + Chain::hex_digits + 1;
    if (line.size() < said_bytes + prev_bytes || !line.ends_with(end_mark)) return {};
    const std::string_view text = line.substr(0, line.size() - said_bytes);
    const std::string_view end = line.substr(text.size() - 1);  // from prev's closing quote on
    const std::string_view prev = text.substr(text.size() - prev_bytes);
    if (!end.starts_with(chain_mark) || !prev.starts_with(prev_mark)) return {};
    return {text, prev.substr(prev_mark.size(), Chain::hex_digits),
            end.substr(chain_mark.size(), Chain::hex_digits)};
}

}  // namespace

Result<Chain> Chain::from_file(const std::string& path) {
    Result<Secret> secret = read_secret(path);
    if (!secret.ok())
        return Status::failed(phrase("records_key_file: ", secret.status().message()));
    if (secret.value().size() < least_secret_bytes)
        return Status::failed(phrase("records_key_file: ", path, ": is shorter than ",
                                     least_secret_bytes,
                                     " bytes (openssl rand -hex 32 makes one)"));
    return Chain(secret.value().view());
}

Chain::Chain(std::string_view secret) : key_(Secret::of_size(crypto_generichash_KEYBYTES)) {
    ready_crypto();
    last_.fill('0');
    first_.fill('0');
    CHECK(crypto_generichash(bytes_of(key_.data()), key_.size(), bytes_of(secret), secret.size(),
                             nullptr, 0) == 0);
}

Chain::Link Chain::mac_of(std::string_view text) const {
    std::array<unsigned char, hex_digits / 2> sum{};
    CHECK(crypto_generichash(sum.data(), sum.size(), bytes_of(text), text.size(),
                             bytes_of(key_.view()), key_.size()) == 0);
    Link link;
    for (size_t i = 0; i < sum.size(); ++i) {
        link[2 * i] = "0123456789abcdef"[sum[i] >> 4U];
        link[2 * i + 1] = "0123456789abcdef"[sum[i] & 15U];
    }
    return link;
}

void Chain::resume(std::string_view line) {
    const Parts parts = parts_of(line);
    if (!parts.said.empty()) last_ = link_of(parts.said);
}

void Chain::extend(std::string& line) {
    CHECK(line.ends_with("}\n"));
    line.resize(line.size() - 2);
    line += prev_mark;
    line += text_of(last_);
    line += '"';
    last_ = mac_of(line);
    line += chain_mark.substr(1);
    line += text_of(last_);
    line += end_mark;
    line += '\n';
}

Chain::Verdict Chain::check(std::string_view line) {
    const Parts parts = parts_of(line);
    if (parts.said.empty()) return Verdict::unchained;
    const Link right = mac_of(parts.text);
    if (!same_bytes(text_of(right), parts.said)) return Verdict::changed;
    if (!begun_) first_ = link_of(parts.prev);
    else if (parts.prev != text_of(last_)) return Verdict::moved;
    begun_ = true;
    last_ = right;
    return Verdict::good;
}

std::string last_record(const std::string& path) {
    if (path.empty() || path == "-") return {};
    for (const std::string& name : {path, path + ".1"}) {
        struct stat there {};
        if (::stat(name.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) continue;
        const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) continue;
        // Two of the longest: what is torn at the end, and the one before it.
        std::string text(static_cast<size_t>(std::min<off_t>(
                             there.st_size, static_cast<off_t>(2 * Lines::longest))),
                         '\0');
        const ssize_t count =
            ::pread(fd, text.data(), text.size(), there.st_size - static_cast<off_t>(text.size()));
        ignored(::close(fd), "only read from");
        text.resize(count > 0 ? static_cast<size_t>(count) : 0);
        const size_t end = text.rfind('\n');
        if (end == std::string::npos) continue;
        const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
        const size_t begin = before == std::string::npos ? 0 : before + 1;
        return text.substr(begin, end - begin);
    }
    return {};
}

}  // namespace becaused
