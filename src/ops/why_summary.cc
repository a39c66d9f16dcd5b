#include "ops/why_summary.hh"

#include <algorithm>
#include <vector>

#include "ops/phrase.hh"
#include "ops/why_list.hh"

namespace becaused {

void WhySummary::add(const RecordView& record) {
    const bool connection = record.event == RecordView::Event::connection;
    if (!connection && record.event != RecordView::Event::exchange) return;
    const Kind kind = !connection                 ? requests
                      : record.side == "upstream" ? upstreams
                      : record.side == "operator" ? operators
                                                  : clients;
    Row& row = tables_[kind][record.reason];
    ++row.count;
    row.by = record.by;
    row.end_class = record.end_class;
    row.in_bytes += record.in_bytes;
    row.out_bytes += record.out_bytes;
}

uint64_t WhySummary::total(const Table& table) {
    uint64_t count = 0;
    for (const auto& [reason, row] : table) count += row.count;
    return count;
}

std::string WhySummary::totals() const {
    const uint64_t connections = total(tables_[clients]);
    const uint64_t exchanges = total(tables_[requests]);
    return phrase(connections, connections == 1 ? " connection" : " connections", " served, ",
                  exchanges, exchanges == 1 ? " request" : " requests");
}

std::string WhySummary::table_text(std::string_view title, const Table& table) {
    if (table.empty()) return {};
    constexpr size_t reason_width = 28;
    constexpr size_t number_width = 8;
    std::vector<std::pair<std::string, Row>> rows(table.begin(), table.end());
    std::ranges::stable_sort(rows, [](const auto& left, const auto& right) {
        return left.second.count > right.second.count;
    });
    const auto line = [&](std::string_view reason, std::string_view count, std::string_view by,
                          std::string_view end_class, std::string_view in, std::string_view out) {
        return phrase(fitted(reason, reason_width), fitted(count, number_width, true), "  ",
                      fitted(by, 8), "  ", fitted(end_class, 9), fitted(in, number_width, true),
                      "  ", fitted(out, number_width, true), '\n');
    };
    std::string text = phrase('\n', line(title, "COUNT", "BY", "CLASS", "IN", "OUT"));
    for (const auto& [reason, row] : rows)
        text += line(phrase("  ", reason), std::to_string(row.count), row.by, row.end_class,
                     bytes_text(row.in_bytes), bytes_text(row.out_bytes));
    return text;
}

std::string WhySummary::text() const {
    return phrase(totals(), '\n', table_text("REQUESTS", tables_[requests]),
                  table_text("CLIENT CONNECTIONS", tables_[clients]),
                  table_text("UPSTREAM CONNECTIONS", tables_[upstreams]),
                  table_text("OPERATORS' CONNECTIONS", tables_[operators]));
}

}  // namespace becaused
