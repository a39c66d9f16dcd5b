#include "ledger/record.hh"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/json_line.hh"

namespace becaused {

namespace {

template <JsonName field>
void id_field(JsonLine& line, const Ledger& ledger, EntryId id) {
    if (id == 0) return;
    line.key<field>();
    put_id(line, ledger, id);
}

template <JsonName field>
void endpoint_field(JsonLine& line, const Endpoint& endpoint) {
    if (endpoint.kind == Endpoint::Kind::none) return;
    line.key<field>();
    put_endpoint(line, endpoint);
}

void age(JsonLine& line, const Clock& clock, const Entry& entry, uint64_t now_ns) {
    line.time<"opened">(clock.wall_ns(entry.opened_ns()));
    line.ms<"age_ms">(now_ns - entry.opened_ns());
}

// How long a direction has been silent at its end; since the entry was opened where it never spoke.
uint64_t silence_ns(uint64_t last_ns, const Entry& entry, uint64_t now_ns) {
    return now_ns - (last_ns == 0 ? entry.opened_ns() : last_ns);
}

char* write_ip4(char* to, const std::array<uint8_t, 16>& address) {
    for (size_t i = 0; i < 4; ++i) {
        if (i > 0) *to++ = '.';
        to = write_number(to, address[i]);
    }
    return to;
}

char* write_ip6(char* to, const std::array<uint8_t, 16>& address) {
    // RFC 5952: the longest run of two or more zero groups becomes "::".
    uint16_t groups[8];
    for (size_t i = 0; i < 8; ++i)
        groups[i] = static_cast<uint16_t>(address[2 * i] << 8U | address[2 * i + 1]);
    size_t best = 8, best_length = 1;
    for (size_t i = 0; i < 8; ++i) {
        size_t length = 0;
        while (i + length < 8 && groups[i + length] == 0) ++length;
        if (length > best_length) best = i, best_length = length;
    }
    bool colon = true;  // one is there, or none is due
    for (size_t i = 0; i < 8; ++i) {
        if (i == best) {
            *to++ = ':';
            *to++ = ':';
            i += best_length - 1;
            colon = true;
            continue;
        }
        if (!colon) *to++ = ':';
        to = std::to_chars(to, to + 4, groups[i], 16).ptr;
        colon = false;
    }
    return to;
}

// All but a socket's path.
char* write_endpoint(char* to, const Endpoint& endpoint) {
    const bool ip6 = endpoint.kind == Endpoint::Kind::ip6;
    if (ip6) *to++ = '[';
    to = write_address(to, endpoint);
    if (ip6) *to++ = ']';
    if (!ip6 && endpoint.kind != Endpoint::Kind::ip4) return to;
    *to++ = ':';
    return write_number(to, endpoint.port);
}

void write_phases(JsonLine& line, const ExchangeFacts& facts) {
    line.open<"ms">('{');
    for (size_t i = 0; i < phase_count; ++i)
        if (facts.phase_ns[i] > 0) line.ms(name(static_cast<Phase>(i)), facts.phase_ns[i]);
    line.close('}');
}

void write_attempts(JsonLine& line, const Ledger& ledger, const ExchangeFacts& facts) {
    const bool dull =
        facts.attempt_count == 0 || (facts.attempt_count == 1 && facts.attempts[0].op == Op::none);
    if (dull) return;
    line.open<"attempts">('[');
    for (size_t i = 0; i < facts.attempt_count && i < ExchangeFacts::attempt_limit; ++i) {
        const Attempt& attempt = facts.attempts[i];
        line.open_element();
        id_field<"upstream_id">(line, ledger, attempt.upstream_id);
        line.ms<"ms">(attempt.took_ns);
        line.flag<"reused">(attempt.reused);
        if (attempt.op != Op::none) line.word<"op">(name(attempt.op));
        if (attempt.error != 0) line.word<"errno">(error_name(attempt.error));
        line.close('}');
    }
    line.close(']');
    if (facts.attempt_count > ExchangeFacts::attempt_limit)
        line.number<"attempts_total">(facts.attempt_count);
}

void write_calls(JsonLine& line, const CallFacts& calls) {
    line.open<"grpc">('{');
    line.word<"caller">(name(calls.caller));
    line.number<"streams">(calls.streams);
    line.open<"calls">('[');
    for (const CallFacts::Path& path : calls.paths) {
        line.open_element();
        line.text<"path">(path.text);
        line.number<"count">(path.count);
        line.close('}');
    }
    line.close(']');
    if (calls.more > 0) line.number<"more">(calls.more);
    line.close('}');
}

}  // namespace

void put_endpoint(JsonLine& line, const Endpoint& endpoint) {
    line.put("\"");
    line.wrote(write_endpoint(line.need(endpoint_limit), endpoint));
    if (endpoint.kind == Endpoint::Kind::unix && endpoint.path != nullptr) {
        line.put(":");
        line.put_inside(*endpoint.path);
    }
    line.put("\"");
}

void put_id(JsonLine& line, const Ledger& ledger, EntryId id) {
    line.put("\"");
    line.wrote(ledger.write_id(line.need(Ledger::id_limit), id));
    line.put("\"");
}

std::string_view error_name(int error) {
    switch (error) {
        // libuv's codes outside errno; the numbers are part of its ABI (uv/errno.h).
        case -4095: return "EOF";
        case -3001: return "EAI_AGAIN";
        case -3003: return "EAI_CANCELED";
        case -3004: return "EAI_FAIL";
        case -3006: return "EAI_MEMORY";
        case -3007: return "EAI_NODATA";
        case -3008: return "EAI_NONAME";
        default: break;
    }
    const char* symbol = ::strerrorname_np(-error);
    return symbol == nullptr ? "UNKNOWN" : symbol;
}

char* write_address(char* to, const Endpoint& endpoint) {
    switch (endpoint.kind) {
        case Endpoint::Kind::none: return to;
        case Endpoint::Kind::unix: return std::copy_n("unix", 4, to);
        case Endpoint::Kind::ip4: return write_ip4(to, endpoint.address);
        case Endpoint::Kind::ip6: break;
    }
    return write_ip6(to, endpoint.address);
}

void append_address(std::string& out, const Endpoint& endpoint) {
    char text[endpoint_limit];
    out.append(text, write_address(text, endpoint));
}

void append_endpoint(std::string& out, const Endpoint& endpoint) {
    char text[endpoint_limit];
    out.append(text, write_endpoint(text, endpoint));
    if (endpoint.kind != Endpoint::Kind::unix || endpoint.path == nullptr) return;
    out += ':';
    append_json_text(out, *endpoint.path);
}

void append_because(std::string& out, const Ending& ending) {
    std::string_view rest = row(ending.reason()).sentence;
    while (!rest.empty()) {
        const size_t open = rest.find('{');
        out += rest.substr(0, open);
        if (open == std::string_view::npos) return;
        const size_t end = rest.find('}', open);
        const std::string_view key = rest.substr(open + 1, end - open - 1);
        rest.remove_prefix(end + 1);
        if (key == "phase") out += words(ending.phase());
        else if (key == "clock") out += name(ending.clock());
        else if (key == "setting") append_duration(out, ending.setting_ms());
        else if (key == "silence") append_duration(out, ending.silence_ms());
        else if (key == "errno")
            out += ending.error() == 0 ? "no errno" : error_name(ending.error());
        else if (key == "detail") out += ending.detail();
        else if (key == "first") out += name(ending.first_reason());
        else if (key == "limit") append_number(out, ending.limit());
        else CHECK(false && "a sentence has a placeholder that nobody fills");
    }
}

void write_ending(JsonLine& line, const Ledger& ledger, const Ending& ending) {
    line.word<"reason">(name(ending.reason()));
    line.word<"class">(name(ending.end_class()));
    line.word<"by">(name(ending.by()));
    line.word<"phase">(name(ending.phase()));
    line.word<"op">(name(ending.op()));
    if (ending.error() != 0) line.word<"errno">(error_name(ending.error()));
    if (*ending.detail() != '\0') line.text<"detail">(ending.detail());
    if (*ending.parser_error() != '\0') {
        line.text<"parser_error">(ending.parser_error());
        line.number<"offset">(ending.offset());
    }
    if (ending.has_clock()) {
        line.open<"clock">('{');
        line.text<"name">(name(ending.clock()));
        line.number<"setting_ms">(ending.setting_ms());
        line.close('}');
    }
    if (ending.first_id() != 0) {
        line.open<"first">('{');
        id_field<"id">(line, ledger, ending.first_id());
        line.word<"reason">(name(ending.first_reason()));
        line.close('}');
    }
}

void write_connection(JsonLine& line, const Ledger& ledger, const Clock& clock, const Entry& entry,
                      const ConnectionFacts& facts, uint64_t now_ns) {
    line.word<"side">(name(facts.side));
    line.word<"transport">(facts.peer.kind == Endpoint::Kind::unix ? "unix" : "tcp");
    endpoint_field<"peer">(line, facts.peer);
    if (facts.entrance != nullptr) {
        endpoint_field<"local">(line, facts.entrance->local);
        endpoint_field<"via">(line, facts.entrance->via);
    }
    age(line, clock, entry, now_ns);
    line.number<"exchanges">(facts.exchanges);
    line.open<"bytes">('{');
    line.number<"in">(facts.in_bytes);
    line.number<"out">(facts.out_bytes);
    line.close('}');
    if (facts.unsent_bytes > 0) line.number<"unsent">(facts.unsent_bytes);
    line.open<"silence_ms">('{');
    line.ms<"in">(silence_ns(facts.last_in_ns, entry, now_ns));
    line.ms<"out">(silence_ns(facts.last_out_ns, entry, now_ns));
    line.close('}');
    if (const TlsFacts* tls = facts.tls;
        tls != nullptr && (tls->version != nullptr || !tls->server_name.empty())) {
        line.open<"tls">('{');
        if (tls->version != nullptr) {
            line.word<"version">(tls->version);
            line.word<"cipher">(tls->cipher);
        }
        if (!tls->server_name.empty()) line.text<"server_name">(tls->server_name);
        line.close('}');
    }
    if (facts.side == Side::upstream) {
        line.open<"ms">('{');
        line.ms<"connect">(facts.connect_ns);
        line.close('}');
    }
    id_field<"exchange">(line, ledger, facts.exchange_id);
}

void write_exchange(JsonLine& line, const Ledger& ledger, const Clock& clock, const Entry& entry,
                    const ExchangeFacts& facts, uint64_t now_ns) {
    line.text<"method">(facts.method_text());
    line.text<"target">(facts.target_text());
    if (facts.target_cut) line.flag<"target_cut">(true);
    if (facts.method_length > 0) line.word<"version">(facts.minor_version == 0 ? "1.0" : "1.1");
    if (facts.routed) line.word<"route">(name(facts.route));
    line.number<"status">(facts.status);
    if (facts.upstream_status > 0) line.number<"upstream_status">(facts.upstream_status);
    if (facts.told != Telling::nothing) line.word<"told">(name(facts.told));
    endpoint_field<"client">(line, facts.client);
    id_field<"client_id">(line, ledger, facts.client_id);
    if (!facts.identity.empty()) {
        line.text<"identity">(facts.identity);
        if (!facts.proof.empty()) line.text<"proof">(facts.proof);
        if (!facts.token_id.empty()) line.text<"token_id">(facts.token_id);
    }
    if (facts.would_refuse != nullptr) line.text<"would_refuse">(facts.would_refuse);
    if (facts.calls != nullptr) write_calls(line, *facts.calls);
    endpoint_field<"upstream">(line, facts.upstream);
    id_field<"upstream_id">(line, ledger, facts.upstream_id);
    if (facts.request_id_length > 0)
        line.text<"request_id">({facts.request_id.data(), facts.request_id_length});
    else id_field<"request_id">(line, ledger, entry.id());
    if (facts.has_trace_id) line.text<"trace_id">({facts.trace_id.data(), facts.trace_id.size()});
    age(line, clock, entry, now_ns);
    line.open<"bytes">('{');
    line.number<"client_in">(facts.client_in_bytes);
    line.number<"client_out">(facts.client_out_bytes);
    line.number<"upstream_in">(facts.upstream_in_bytes);
    line.number<"upstream_out">(facts.upstream_out_bytes);
    line.close('}');
    line.open<"silence_ms">('{');
    line.ms<"up">(silence_ns(facts.last_up_ns, entry, now_ns));
    line.ms<"down">(silence_ns(facts.last_down_ns, entry, now_ns));
    line.close('}');
    if (facts.unsent_client_bytes + facts.unsent_upstream_bytes > 0) {
        line.open<"unsent">('{');
        line.number<"client">(facts.unsent_client_bytes);
        line.number<"upstream">(facts.unsent_upstream_bytes);
        line.close('}');
    }
    write_phases(line, facts);
    write_attempts(line, ledger, facts);
}

}  // namespace becaused
