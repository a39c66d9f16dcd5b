// libFuzzer over the PROXY header, which comes before anything else is known of a client: it is decided
// the same way whatever pieces it comes in, and always within its limit.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ledger/entry.hh"
#include "net/proxy_header.hh"

namespace {

using namespace becaused;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

std::string text_of(const ProxyHeader& header) {
    std::string text = std::to_string(header.size);
    if (!header.named) return text;
    append_endpoint(text += ' ', header.client);
    append_endpoint(text += ' ', header.local);
    return text;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using What = ProxyHeader::What;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const ProxyHeader whole = parse_proxy_header(bytes);
    demand(size < ProxyHeader::limit_bytes || whole.what != What::incomplete,
           "decided within its limit");
    demand((whole.what == What::malformed) == (*whole.detail != '\0'), "a fault has its words");
    if (whole.what == What::complete) {
        demand(whole.size > 0 && whole.size <= size && whole.size <= ProxyHeader::limit_bytes,
               "a header is of what came");
        demand(!whole.named || whole.client.kind == Endpoint::Kind::ip4 ||
                   whole.client.kind == Endpoint::Kind::ip6,
               "whoever is named has an address");
    }
    for (size_t part = 0; part < size; ++part) {
        const ProxyHeader early = parse_proxy_header(bytes.substr(0, part));
        if (early.what == What::incomplete) {
            demand(whole.what != What::complete || part < whole.size, "complete when it is whole");
        } else if (early.what == What::malformed) {
            demand(whole.what == What::malformed, "what is malformed stays so");
        } else {
            demand(whole.what == What::complete && text_of(early) == text_of(whole),
                   "what follows a header changes nothing of it");
        }
    }
    return 0;
}
