// A hundred thousand damaged messages: whatever is accepted is strictly valid, and means the same to the
// next reader after we wrote it anew.
#include "support/http_invariants.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view requests[] = {
    "GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: docker\r\nUser-Agent: "
    "Docker-Client/28\r\n\r\n",
    "POST /build HTTP/1.1\r\nHost: a:2375\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
    "Connection: TE, X-Mine\r\nX-Mine: a\r\nExpect: 100-continue\r\n\r\n",
    "POST /session HTTP/1.1\r\nHost: [::1]:80\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    "Content-Length: 29\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
    "OPTIONS http://b:81/a HTTP/1.0\r\nMax-Forwards: 3\r\nConnection: close\r\nContent-Length: "
    "3\r\n\r\n",
};
constexpr std::string_view answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\nDate: a\r\n\r\n",
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nConnection: "
    "close\r\n\r\n",
    "HTTP/1.0 304 Not Modified\r\nContent-Length: 7\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
};
constexpr std::string_view bodies[] = {
    "5\r\nhello\r\n3;a=\"b\"\r\nfoo\r\n0\r\n\r\n",
    "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: a\r\nY:b\r\n\r\n",
    "0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
};
// Pieces that attacks are made of.
constexpr std::string_view pieces[] = {
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\r\r\n",
    "\n\n",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "\0"sv,
    "\x0b",
    "\x7f",
    "\xff",
    "#",
    "\"",
    "%",
    "/",
    "?",
    "@",
    "*",
    "0",
    "chunked",
    "Host: b\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\tchunked \r\n",
    "Connection: close\r\n",
    "Connection: Host, Content-Length\r\n",
    "Upgrade: tcp\r\n",
    "X:\r\n y\r\n",
    "TE: trailers\r\n",
    "HTTP/1.1",
    "HTTP/1.0",
    "http://c",
    "GET",
    "18446744073709551617",
    "00000000000000000",
};

struct Random {
    uint64_t state;
    // SplitMix64, so that every run and every library gives the same mutants.
    uint64_t next() {
        uint64_t mixed = (state += 0x9e3779b97f4a7c15);
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    size_t below(size_t limit) { return static_cast<size_t>(next() % limit); }
};

void mutate(std::string& bytes, Random& random) {
    const size_t at = random.below(bytes.size() + 1);
    const size_t count = std::min(random.below(12) + 1, bytes.size() - at);
    switch (random.below(6)) {
        case 0: bytes.insert(at, pieces[random.below(std::size(pieces))]); break;
        case 1: bytes.replace(at, count, pieces[random.below(std::size(pieces))]); break;
        case 2: bytes.erase(at, count); break;
        case 3: bytes.insert(random.below(bytes.size() + 1), bytes.substr(at, count * 3)); break;
        case 4:
            if (at < bytes.size()) bytes[at] = static_cast<char>(random.below(256));
            break;
        default:
            if (at < bytes.size())
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
}

// `flaw(bytes, accepted)` for `count` mutants; both fates must be common, or the test tests nothing.
template <size_t n, typename Flaw>
void check_mutants(const std::string_view (&seeds)[n], int count, Flaw flaw) {
    Random random{20240229};
    int accepted_count = 0;
    for (int i = 0; i < count; ++i) {
        std::string bytes(seeds[random.below(n)]);
        for (size_t steps = random.below(3) + 1; steps > 0; --steps) mutate(bytes, random);
        bool accepted = false;
        const char* const wrong = flaw(bytes, accepted);
        if (wrong != nullptr) {
            print_error("mutant %d: %s\n", i, test_support::visible(bytes).c_str());
            fail_test(wrong);
        }
        accepted_count += accepted;
    }
    assert_in_range(accepted_count, count / 20, count * 3 / 4);
}

void accepted_requests_stay_what_they_are(void**) {
    HeadParser parser;
    check_mutants(requests, 50'000, [&](std::string_view bytes, bool& accepted) {
        return test_support::request_flaw(parser, bytes, accepted);
    });
}

void accepted_answers_stay_what_they_are(void**) {
    HeadParser parser;
    check_mutants(answers, 30'000, [&](std::string_view bytes, bool& accepted) {
        return test_support::response_flaw(parser, bytes, accepted);
    });
}

void chunked_bodies_decode_alike_however_they_are_cut(void**) {
    check_mutants(bodies, 20'000, test_support::chunked_flaw);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(accepted_requests_stay_what_they_are),
        cmocka_unit_test(accepted_answers_stay_what_they_are),
        cmocka_unit_test(chunked_bodies_decode_alike_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
