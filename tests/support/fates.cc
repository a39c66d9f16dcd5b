#include "support/fates.hh"

#include <algorithm>

#include "base/check.hh"

namespace becaused::test {

namespace {

using enum Reason;

// Mostly small, now and then large.
uint64_t draw_size(Random& random) {
    switch (random.below(20)) {
        case 0: return random.between(100'000, 600'000);
        case 1:
        case 2: return random.between(10'000, 100'000);
        default: return random.between(1, 3000);
    }
}

uint64_t draw_chunk(Random& random) {
    return random.chance(30) ? random.between(1, 40) : random.between(100, 70'000);
}

Framing length_or_chunked(Random& random) {
    return random.chance(50) ? Framing::length : Framing::chunked;
}

Act close_or_reset(Random& random) { return random.chance(50) ? Act::close : Act::reset; }

std::string word(const Plan& plan) { return "fate-" + std::to_string(plan.number); }

void ask(Plan& plan, Random& random) {
    static constexpr const char* before[] = {"/v1.41/containers/", "/containers/", "/v1.41/images/",
                                             "/v1.41/events?until=", "/version?name="};
    const size_t which = random.below(std::size(before));
    plan.method = "GET";
    plan.target = before[which] + word(plan) + (which < 3 ? "/json" : "");
}

void load(Plan& plan, Random& random, uint64_t size) {
    static constexpr const char* before[] = {"/v1.41/images/", "/v1.41/containers/"};
    const size_t which = random.below(std::size(before));
    plan.method = which == 0 ? "POST" : "PUT";
    plan.target = before[which] + word(plan) + (which == 0 ? "/push" : "/archive");
    plan.up = length_or_chunked(random);
    plan.up_size = size;
    plan.up_chunk = size > 20'000 ? random.between(5000, 70'000) : draw_chunk(random);
}

void answer_long(Plan& plan, Random& random, uint64_t size) {
    plan.down = length_or_chunked(random);
    plan.down_size = size;
    plan.down_chunk = size > 20'000 ? random.between(5000, 70'000) : draw_chunk(random);
}

void upgrade(Plan& plan, Random& random, bool session) {
    plan.method = "POST";
    plan.target = session ? "/session?name=" + word(plan) : "/v1.41/exec/" + word(plan) + "/start";
    plan.more_fields = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    plan.last = true;
    plan.tunnel = true;
    plan.status = 101;
    plan.answer_fields = plan.more_fields;
    plan.down = Framing::none;
    plan.up_size = random.between(1, 5000);
    plan.down_size = random.between(1, 5000);
}

// ---- the shapes of fates ------------------------------------------------------------------------

void shape_plain(Plan&, Random&) {}

void shape_long_answer(Plan& plan, Random& random) { answer_long(plan, random, draw_size(random)); }

void shape_upload(Plan& plan, Random& random) { load(plan, random, draw_size(random)); }

void shape_head_request(Plan& plan, Random&) { plan.method = "HEAD"; }

void shape_bodyless(Plan& plan, Random& random) {
    plan.status = random.chance(50) ? 204 : 304;
    plan.down = Framing::none;
    plan.down_size = 0;
}

void shape_until_close(Plan& plan, Random& random) {
    plan.down = Framing::until_close;
    plan.down_size = draw_size(random);
}

void shape_old_client(Plan& plan, Random& random) {
    answer_long(plan, random, draw_size(random));
    plan.old_version = plan.last = true;
}

void shape_interim(Plan& plan, Random& random) {
    load(plan, random, random.between(1, 3000));
    plan.more_fields = "Expect: 100-continue\r\n";
    plan.interims = static_cast<unsigned>(random.between(1, 3));
}

void shape_polite_close(Plan& plan, Random&) {
    plan.more_fields = "Connection: close\r\n";
    plan.last = true;
}

// Not by a reset, which would take the answer's last bytes along.
void shape_upstream_leaves(Plan& plan, Random&) { plan.upstream = {at_the_end, never, Act::close}; }

void shape_client_leaves(Plan& plan, Random& random) {
    plan.client = {never, at_the_end, close_or_reset(random)};
    plan.last = true;
}

void shape_upgrade_refused(Plan& plan, Random& random) {
    upgrade(plan, random, false);
    plan.tunnel = false;
    plan.status = 404;
    plan.answer_fields.clear();
    plan.up_size = 0;
    answer_long(plan, random, random.between(1, 300));
}

void shape_early_answer(Plan& plan, Random& random) {
    load(plan, random, random.between(2000, 300'000));
    plan.early = plan.last = true;
    plan.status = 413;
    plan.answer_fields = "Connection: close\r\n";
    plan.upstream = {at_the_end, random.below(plan.up_size), Act::half_close};
    if (random.chance(50)) return;
    // The client stops by itself; then the upstream must answer to what there is.
    const std::string request = request_of(plan);
    plan.client = {random.between(head_size(request), request.size() - 1), never, Act::mute};
    plan.upstream.hears = 0;
}

void shape_tunnel(Plan& plan, Random& random) {
    upgrade(plan, random, false);
    plan.client = plan.upstream = {at_the_end, never, Act::half_close};
}

void shape_tunnel_client_dies(Plan& plan, Random& random) {
    upgrade(plan, random, false);
    plan.client = {never, random.below(plan.down_size), Act::reset};
    plan.upstream = {at_the_end, never, Act::mute};
}

void shape_tunnel_upstream_dies(Plan& plan, Random& random) {
    upgrade(plan, random, false);
    plan.upstream = {never, random.below(plan.up_size), Act::reset};
}

void shape_tunnel_silent(Plan& plan, Random& random) {
    upgrade(plan, random, true);
    plan.client = plan.upstream = {at_the_end, never, Act::mute};
}

// Stops in the midst of its head, or of its body, and then acts.
void stop_in_head(Plan& plan, Random& random, Act act) {
    plan.last = true;
    plan.client = {random.between(1, head_size(request_of(plan)) - 1), never, act};
}
void stop_in_body(Plan& plan, Random& random, Act act) {
    load(plan, random, draw_size(random));
    plan.last = true;
    const std::string request = request_of(plan);
    plan.client = {random.between(head_size(request), request.size() - 1), never, act};
}

void shape_client_cut_head(Plan& plan, Random& random) {
    stop_in_head(plan, random, close_or_reset(random));
}
void shape_client_mute_head(Plan& plan, Random& random) { stop_in_head(plan, random, Act::mute); }
void shape_client_cut_body(Plan& plan, Random& random) {
    stop_in_body(plan, random, close_or_reset(random));
}
void shape_client_mute_body(Plan& plan, Random& random) { stop_in_body(plan, random, Act::mute); }

void shape_client_cut_waiting(Plan& plan, Random& random) {
    if (random.chance(50)) load(plan, random, draw_size(random));
    plan.last = true;
    plan.client = {at_the_end, never, close_or_reset(random)};
    plan.upstream = {0, never, Act::mute};
}

void shape_client_cut_answer(Plan& plan, Random& random) {
    plan.last = true;
    plan.down_size = random.between(2, 100'000);
    plan.client = {never, random.below(plan.down_size / 2), close_or_reset(random)};
    plan.upstream = {head_size(answer_of(plan)) + plan.down_size / 2, never, Act::mute};
}

constexpr uint64_t more_than_kernels_hold = 8U << 20;

void shape_client_deaf(Plan& plan, Random& random) {
    plan.last = true;
    plan.down_size = more_than_kernels_hold;
    plan.client = {never, random.below(1000), Act::deaf};
}

void shape_upstream_deaf(Plan& plan, Random& random) {
    load(plan, random, more_than_kernels_hold);
    plan.last = true;
    plan.upstream = {never, random.below(1000), Act::deaf};
}

void shape_client_bad_chunk(Plan& plan, Random& random) {
    load(plan, random, random.between(10, 30'000));
    plan.last = true;
    plan.up = Framing::chunked;
    plan.bad_chunk = random.below(plan.up_size);
}

void shape_client_malformed(Plan& plan, Random& random) {
    plan.last = true;
    const std::string line = plan.target + " HTTP/1.1\r\n";
    const std::string host = "Host: docker\r\n";
    const std::string requests[] = {
        "GET " + line + "\r\n",
        "GET " + line + "Host: a\r\nHost: b\r\n\r\n",
        "GET " + plan.target + " HTTP/1.1\nHost: docker\n\n",
        "GET " + line + host + "X: a\x01z\r\n\r\n",
        "GET " + line + host + "Two Words: a\r\n\r\n",
        "POST " + line + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST " + line + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST " + line + host + "Transfer-Encoding: gzip\r\n\r\n",
        "GET " + plan.target + " HTTP/3.7\r\n" + host + "\r\n",
        "CONNECT docker:80 HTTP/1.1\r\nHost: docker:80\r\n\r\n",
        "GET " + line + host + "Long: " + std::string(70'000, 'x') + "\r\n\r\n",
        "GET /" + word(plan) + "/" + std::string(9'000, 'y') + " HTTP/1.1\r\n" + host + "\r\n",
    };
    plan.raw_request = requests[random.below(std::size(requests))];
}

// Stops somewhere in its answer's head, half of the time before its first byte.
void stop_before_answer(Plan& plan, Random& random, Act act) {
    if (random.chance(30)) load(plan, random, random.between(1, 3000));
    plan.upstream.sends = random.chance(50) ? 0 : random.below(head_size(answer_of(plan)));
    plan.upstream.act = act;
}
void stop_in_answer(Plan& plan, Random& random, Act act) {
    if (random.chance(30)) load(plan, random, random.between(1, 3000));
    answer_long(plan, random, random.between(2, 100'000));
    const std::string answer = answer_of(plan);
    plan.upstream = {random.between(head_size(answer), answer.size() - 1), never, act};
}

void shape_upstream_cut_silent(Plan& plan, Random& random) {
    stop_before_answer(plan, random, close_or_reset(random));
}
void shape_upstream_silent(Plan& plan, Random& random) {
    stop_before_answer(plan, random, Act::mute);
}
void shape_upstream_cut_answer(Plan& plan, Random& random) {
    stop_in_answer(plan, random, close_or_reset(random));
}
void shape_upstream_mute(Plan& plan, Random& random) { stop_in_answer(plan, random, Act::mute); }

void shape_both_cut(Plan& plan, Random& random) {
    stop_in_answer(plan, random, close_or_reset(random));
    plan.last = true;
    plan.client = {never, random.below(plan.down_size / 2), close_or_reset(random)};
}

void shape_upstream_cut_upload(Plan& plan, Random& random) {
    load(plan, random, random.between(2, 300'000));
    plan.upstream = {never, random.below(plan.up_size), close_or_reset(random)};
}

void shape_upstream_bad_chunk(Plan& plan, Random& random) {
    plan.upstream = {at_the_end, never, Act::mute};
    plan.down = Framing::chunked;
    plan.down_size = random.between(10, 30'000);
    plan.down_chunk = random.between(100, 5000);
    plan.bad_answer_chunk = random.below(plan.down_size);
}

void shape_refused(Plan& plan, Random& random) {
    if (random.chance(30)) load(plan, random, random.between(1, 3000));
}
void shape_restarted(Plan& plan, Random& random) { shape_refused(plan, random); }

void shape_upstream_malformed(Plan& plan, Random& random) {
    plan.upstream = {at_the_end, never, Act::mute};
    static const std::string answers[] = {
        "no HTTP at all\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x01z\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLong: " + std::string(70'000, 'x') + "\r\n\r\n",
    };
    plan.raw_answer = answers[random.below(std::size(answers))];
}

// ---- the table ----------------------------------------------------------------------------------

using enum Reason;
using Reasons = std::vector<Reason>;

// A connection that was used before may have been the one that died: the request is sent again, or
// the record says that it could not be.
const Reasons upstream_gone = {upstream_closed, upstream_reset, retry_exhausted, retry_impossible};
const Reasons client_gone = {client_closed, client_reset};
const Reasons both_gone = {client_closed,  client_reset,    upstream_closed,
                           upstream_reset, retry_exhausted, retry_impossible};
const Reasons bad_request = {client_malformed, client_ambiguous_framing, client_head_too_large,
                             request_unsupported};
const Reasons bad_answer = {upstream_malformed, upstream_head_too_large, upgrade_mismatch};
const Reasons good = {complete};

struct Row {
    Fate fate;
    const char* name;
    unsigned weight;  // of 1000; 0: only where asked for
    Reasons reasons;
    Reasons on_unix;  // these too, where a reset is a mere close
    void (*shape)(Plan&, Random&);
};

// clang-format off
#define FATE(fate, weight, reasons, ...) \
    {Fate::fate, #fate, weight, reasons, {__VA_ARGS__}, shape_##fate}
const Row rows[] = {
    FATE(plain,                313, good),
    FATE(long_answer,           90, good),
    FATE(upload,                90, good),
    FATE(head_request,          20, good),
    FATE(bodyless,              20, good),
    FATE(until_close,           20, good),
    FATE(old_client,            20, good),
    FATE(interim,               20, good),
    FATE(polite_close,          15, good),
    FATE(upstream_leaves,       30, good),
    FATE(client_leaves,         30, good),
    FATE(upgrade_refused,       10, good),
    FATE(early_answer,          20, good),
    FATE(tunnel,                25, Reasons{tunnel_complete}),
    FATE(tunnel_client_dies,    10, Reasons{client_reset}, client_closed, tunnel_complete),
    // It may die before it answered, and a connection that was used before is then to blame.
    FATE(tunnel_upstream_dies,  10, (Reasons{upstream_reset, retry_impossible}), upstream_closed, tunnel_complete),
    FATE(tunnel_silent,          9, (Reasons{client_stalled_sending, upstream_stalled_sending})),
    FATE(client_cut_head,       15, client_gone),
    FATE(client_cut_body,       20, client_gone),
    FATE(client_cut_waiting,    20, client_gone),
    FATE(client_cut_answer,     20, client_gone),
    FATE(client_mute_head,       7, Reasons{client_head_timeout}),
    FATE(client_mute_body,      10, Reasons{client_stalled_sending}),
    FATE(client_deaf,            2, Reasons{client_stalled_reading}),
    FATE(client_malformed,      20, bad_request),
    FATE(client_bad_chunk,      10, Reasons{Reason::client_malformed}),
    FATE(upstream_cut_silent,   25, upstream_gone),
    FATE(upstream_cut_upload,   20, upstream_gone),
    FATE(upstream_cut_answer,   25, upstream_gone),
    FATE(upstream_silent,       10, Reasons{Reason::upstream_silent}),
    FATE(upstream_mute,         10, Reasons{upstream_stalled_sending}),
    FATE(upstream_deaf,          1, Reasons{upstream_stalled_reading}),
    FATE(upstream_malformed,    13, bad_answer),
    FATE(upstream_bad_chunk,    10, Reasons{Reason::upstream_malformed}),
    FATE(refused,                0, Reasons{upstream_refused}),
    FATE(restarted,              0, good),
    FATE(both_cut,              10, both_gone),
};
#undef FATE
// clang-format on
static_assert(std::size(rows) == fate_count);

const Row& row(Fate fate) {
    const Row& found = rows[static_cast<size_t>(fate)];
    CHECK(found.fate == fate);
    return found;
}

std::string body_of(uint64_t seed, uint64_t size, Framing framing, uint64_t chunk,
                    uint64_t bad_at) {
    std::string body;
    const bool chunked = framing == Framing::chunked;
    body.reserve(size + (chunked ? (size / chunk + 2) * 12 : 0));
    for (uint64_t at = 0; at < size;) {
        if (at >= bad_at) return body + "zz\r\n";
        const uint64_t most = chunked ? std::min(chunk, bad_at - at) : 60'000;
        const uint64_t count = std::min({size - at, most, uint64_t{60'000}});
        if (chunked) {
            char line[24];
            std::snprintf(line, sizeof line, "%llx\r\n", static_cast<unsigned long long>(count));
            body += line;
        }
        body += body_text(seed, at, count);
        if (chunked) body += "\r\n";
        at += count;
    }
    if (chunked) body += "0\r\n\r\n";
    return body;
}

std::string framing_field(Framing framing, uint64_t size) {
    if (framing == Framing::length) return "Content-Length: " + std::to_string(size) + "\r\n";
    return framing == Framing::chunked ? "Transfer-Encoding: chunked\r\n" : "";
}

}  // namespace

uint64_t Random::next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
}

Plan draw_plan(uint32_t number, Random& random) {
    uint64_t lot = 0;
    for (const Row& each : rows) lot += each.weight;
    lot = random.below(lot);
    size_t at = 0;
    for (; lot >= rows[at].weight; ++at) lot -= rows[at].weight;
    return draw_plan(number, random, rows[at].fate);
}

Plan draw_plan(uint32_t number, Random& random, Fate fate) {
    Plan plan;
    plan.number = number;
    plan.fate = fate;
    ask(plan, random);
    row(fate).shape(plan, random);
    return plan;
}

std::string_view name(Fate fate) { return row(fate).name; }
std::span<const Reason> reasons_of(Fate fate) { return row(fate).reasons; }

bool allowed(const Plan& plan, Reason reason, bool unix_socket) {
    const Row& found = row(plan.fate);
    return std::ranges::count(found.reasons, reason) > 0 ||
           (unix_socket && std::ranges::count(found.on_unix, reason) > 0);
}

bool headless(Fate fate) { return fate == Fate::client_cut_head || fate == Fate::client_mute_head; }

bool may_be_unseen(const Plan& plan) {
    return plan.client.act == Act::reset &&
           (plan.fate == Fate::client_cut_head || plan.fate == Fate::client_cut_body ||
            plan.fate == Fate::client_cut_waiting);
}

bool must_be_whole(Fate fate) {
    return row(fate).reasons.size() == 1 && row(fate).reasons.front() == complete;
}

std::string request_of(const Plan& plan) {
    if (!plan.raw_request.empty()) return plan.raw_request;
    std::string text =
        plan.method + ' ' + plan.target + (plan.old_version ? " HTTP/1.0" : " HTTP/1.1");
    text += "\r\nHost: docker\r\nUser-Agent: fates\r\n" + plan.more_fields;
    text += framing_field(plan.up, plan.up_size) + "\r\n";
    if (plan.up == Framing::none) return text;
    return text + body_of(plan.number, plan.up_size, plan.up, plan.up_chunk, plan.bad_chunk);
}

std::string answer_of(const Plan& plan) {
    if (!plan.raw_answer.empty()) return plan.raw_answer;
    std::string text;
    for (unsigned i = 0; i < plan.interims; ++i)
        text += i == 0 ? "HTTP/1.1 100 Continue\r\n\r\n"
                       : "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    text += "HTTP/1.1 " + std::to_string(plan.status) + " Fine\r\n";
    text += "X-Fate: " + std::to_string(plan.number) + "\r\n" + plan.answer_fields;
    text += framing_field(plan.down, plan.down_size) + "\r\n";
    if (plan.method == "HEAD" || plan.down == Framing::none) return text;
    return text + body_of(plan.number + 1, plan.down_size, plan.down, plan.down_chunk,
                          plan.bad_answer_chunk);
}

size_t head_size(std::string_view request) {
    const size_t end = request.find("\r\n\r\n");
    return end == std::string_view::npos ? request.size() : end + 4;
}

std::string_view body_text(uint64_t seed, uint64_t at, uint64_t count) {
    static const std::string letters = [] {
        std::string text;
        for (size_t i = 0; i < (64U << 10) + 26; ++i) text += static_cast<char>('a' + i % 26);
        return text;
    }();
    CHECK(count <= (64U << 10));
    return std::string_view(letters).substr((seed + at) % 26, count);
}

uint32_t fate_number(std::string_view text) {
    constexpr std::string_view mark = "fate-";
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) return 0;
    uint32_t number = 0;
    for (const char c : text.substr(at + mark.size())) {
        if (c < '0' || c > '9') break;
        number = number * 10 + static_cast<uint32_t>(c - '0');
    }
    return number;
}

}  // namespace becaused::test
