#include "ledger/open_line.hh"

#include <span>

#include "base/json_line.hh"
#include "ledger/record.hh"

namespace becaused {

namespace {

struct Row {
    Reason debt;
    std::string_view before;
    std::string_view after;
};

// What each debt is before its clock makes an end of it. The time stands between the two.
constexpr Row rows[] = {
    {Reason::client_head_timeout, "Waits for the rest of the request's head, for ", "."},
    {Reason::client_proxy_timeout, "Waits for the load balancer's PROXY header, for ", "."},
    {Reason::client_tls_timeout, "Waits for the client's TLS handshake, for ", "."},
    {Reason::client_stalled_sending,
     "Waits for more of the request: the client has sent nothing for ", "."},
    {Reason::client_stalled_reading, "Bytes wait for the client, which has read nothing for ", "."},
    {Reason::upstream_connect_timeout, "Has been connecting to the upstream for ", "."},
    {Reason::upstream_silent,
     "Waits for the first byte of the answer: the upstream has been silent for ", "."},
    {Reason::upstream_stalled_sending,
     "Waits for more of the answer: the upstream has sent nothing for ", "."},
    {Reason::upstream_stalled_reading,
     "Bytes of the request wait for the upstream, which has read nothing for ", "."},
    {Reason::memory_shed, "Bytes may wait for memory of ours, which others have used up, for ",
     "."},
    {Reason::keepalive_idle, "Idle for ", " between requests."},
};

// A tunnel may be silent by design: nobody is said to be late.
constexpr Row tunnel_rows[] = {
    {Reason::client_stalled_sending, "The tunnel has been silent for ",
     "; the next byte would be the client's."},
    {Reason::upstream_stalled_sending, "The tunnel has been silent for ",
     "; the next byte would be the upstream's."},
};

const Row* find_row(std::span<const Row> table, Reason debt) {
    for (const Row& row : table)
        if (row.debt == debt) return &row;
    return nullptr;
}

void write_debt(JsonLine& line, const Standing& standing, uint64_t now_ns) {
    if (!standing.owed) return;
    line.open<"owes">('{');
    line.word<"by">(name(row(standing.debt).by));
    line.word<"reason">(name(standing.debt));
    line.ms<"silence_ms">(now_ns - standing.since_ns);
    if (standing.limit_ms > 0) {
        line.open<"clock">('{');
        line.word<"name">(name(standing.clock));
        line.number<"setting_ms">(standing.limit_ms);
        line.close('}');
    }
    line.close('}');
}

}  // namespace

void append_standing(std::string& out, Entry::Kind kind, const Standing& standing,
                     uint64_t now_ns) {
    if (kind == Entry::Kind::connection && standing.exchange_id != 0) {
        out += "Serves a request.";
        return;
    }
    const Row* found = nullptr;
    if (standing.owed && standing.phase == Phase::tunnel)
        found = find_row(tunnel_rows, standing.debt);
    if (standing.owed && found == nullptr) found = find_row(rows, standing.debt);
    if (found == nullptr) {
        out += "Open ";
        out += words(standing.phase);
        out += '.';
        return;
    }
    out += found->before;
    append_duration(out, (now_ns - standing.since_ns) / ns_per_ms);
    out += found->after;
}

namespace {

void write_noted(JsonLine& line, const Noted& noted, uint64_t now_ns) {
    line.open<"noted">('{');
    line.number<"pid">(noted.pid);
    line.ms<"age_ms">(now_ns - noted.at_ns);
    line.close('}');
}

void append_noted(std::string& out, const Noted& noted, Phase phase, uint64_t now_ns) {
    out += "Noted ";
    append_duration(out, (now_ns - noted.at_ns) / ns_per_ms);
    out += " ago, ";
    out += words(phase);
    out += "; its process (pid ";
    append_number(out, noted.pid);
    out += ") does not answer.";
}

}  // namespace

void append_open_line(std::string& out, Ledger& ledger, const Entry& entry, const Noted* noted) {
    Clock& clock = ledger.clock();
    const uint64_t now_ns = clock.now_ns();
    Standing standing;
    standing.since_ns = entry.opened_ns();
    if (entry.holder() != nullptr) entry.holder()->describe(standing);
    const bool connection = entry.kind() == Entry::Kind::connection;
    JsonLine line;
    line.begin();
    line.number<"v">(record_version);
    line.word<"event">("open");
    line.word<"kind">(connection ? "connection" : "exchange");
    line.key<"id">();
    put_id(line, ledger, entry.id());
    line.time<"time">(clock.wall_ns(now_ns));
    line.word<"phase">(name(standing.phase));
    write_debt(line, standing, now_ns);
    if (noted != nullptr) write_noted(line, *noted, now_ns);
    if (connection) {
        ConnectionFacts facts = static_cast<const ConnectionEntry&>(entry).facts;
        facts.exchange_id = standing.exchange_id;
        write_connection(line, ledger, clock, entry, facts, now_ns);
    } else {
        ExchangeFacts facts = static_cast<const ExchangeEntry&>(entry).facts;
        facts.client_out_bytes = standing.client_out_bytes;
        facts.upstream_out_bytes = standing.upstream_out_bytes;
        facts.unsent_client_bytes = standing.unsent_client_bytes;
        facts.unsent_upstream_bytes = standing.unsent_upstream_bytes;
        if (standing.phase_since_ns != 0)
            facts.phase_ns[static_cast<size_t>(standing.phase)] += now_ns - standing.phase_since_ns;
        write_exchange(line, ledger, clock, entry, facts, now_ns);
    }
    std::string now;
    if (noted != nullptr) append_noted(now, *noted, standing.phase, now_ns);
    else append_standing(now, entry.kind(), standing, now_ns);
    line.word<"now">(now);
    out += line.end();
}

}  // namespace becaused
