#include "ledger/past_lines.hh"

#include <algorithm>

#include "ledger/open_line.hh"

namespace becaused {

namespace {

// In place of whoever held it there.
class PastHolder final : public Holder {
  public:
    explicit PastHolder(const Standing& standing) : standing_(standing) {}
    void describe(Standing& standing) const override { standing = standing_; }
    bool end_open(const Ending&) override { return false; }

  private:
    Standing standing_;
};

// An entry must be filed, or it is lost; nobody hears of this one.
void append_one(std::string& out, Ledger& ledger, Entry& entry, const Standing& standing,
                const Noted& noted) {
    PastHolder holder(standing);
    entry.held_by(&holder);
    append_open_line(out, ledger, entry, &noted);
    entry.held_by(nullptr);
    entry.file(Ending::previous_life(standing.phase, "it does not answer"));
}

}  // namespace

void append_past_lines(std::string& out, const LastLife& last, uint64_t now_ns, uint64_t wall_ns) {
    Clock clock;
    clock.freeze(std::max(now_ns, last.last_ns), wall_ns);
    Ledger ledger(clock);
    ledger.set_life(last.life);
    for (const PastExchange& past : last.exchanges) {
        ExchangeEntry entry(ledger, past.id, past.opened_ns);
        entry.facts = past.facts;
        entry.facts.identity = past.identity;
        if (entry.facts.upstream.kind == Endpoint::Kind::unix && !last.upstream_path.empty())
            entry.facts.upstream.path = &last.upstream_path;
        Standing standing;
        standing.phase = past.phase;
        standing.phase_since_ns = past.phase_since_ns;
        standing.client_out_bytes = past.facts.client_out_bytes;
        standing.upstream_out_bytes = past.facts.upstream_out_bytes;
        append_one(out, ledger, entry, standing,
                   {last.pid, std::max({past.opened_ns, past.phase_since_ns, past.facts.last_up_ns,
                                        past.facts.last_down_ns})});
    }
    for (const PastConnection& past : last.connections) {
        if (past.facts.side == Side::operator_) continue;
        ConnectionEntry entry(ledger, past.id, past.opened_ns);
        entry.facts = past.facts;
        if (past.facts.side == Side::upstream && !last.upstream_path.empty() &&
            entry.facts.peer.kind == Endpoint::Kind::unix)
            entry.facts.peer.path = &last.upstream_path;
        Standing standing;
        standing.phase = past.phase;
        standing.exchange_id = past.facts.exchange_id;
        append_one(
            out, ledger, entry, standing,
            {last.pid, std::max({past.opened_ns, past.facts.last_in_ns, past.facts.last_out_ns})});
    }
}

}  // namespace becaused
