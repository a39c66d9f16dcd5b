#include "ops/totals.hh"

#include <numeric>

namespace becaused {

namespace {

constexpr auto connection = static_cast<size_t>(Entry::Kind::connection);
constexpr auto exchange = static_cast<size_t>(Entry::Kind::exchange);

uint64_t sum(const std::array<uint64_t, reason_count>& counts) {
    return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

}  // namespace

uint64_t Totals::requests() const { return sum(filed[exchange]); }
uint64_t Totals::connections() const { return sum(filed[connection]); }

uint64_t Totals::lost() const {
    constexpr auto reason = static_cast<size_t>(Reason::lost);
    return filed[connection][reason] + filed[exchange][reason];
}

void Totals::add(const Totals& other) {
    for (size_t kind = 0; kind < filed.size(); ++kind)
        for (size_t reason = 0; reason < reason_count; ++reason)
            filed[kind][reason] += other.filed[kind][reason];
    dropped += other.dropped;
    left += other.left;
    exported += other.exported;
    not_exported += other.not_exported;
}

Totals count_totals(const Ledger& ledger, const Journal& journal, const Exporter* exporter) {
    Totals totals;
    for (const size_t kind : {connection, exchange})
        for (size_t reason = 0; reason < reason_count; ++reason)
            totals.filed[kind][reason] =
                ledger.filed(static_cast<Entry::Kind>(kind), static_cast<Reason>(reason));
    totals.dropped = journal.dropped();
    totals.left = journal.left();
    if (exporter != nullptr) {
        totals.exported = exporter->exported();
        totals.not_exported = exporter->dropped();
    }
    return totals;
}

}  // namespace becaused
