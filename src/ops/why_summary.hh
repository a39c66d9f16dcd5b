// How often each reason ended a request or a connection, and how many bytes those had carried.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "ops/record_view.hh"

namespace becaused {

class WhySummary {
  public:
    // Connections and exchanges; other events do not count.
    void add(const RecordView& record);
    // "12 connections served, 34 requests".
    std::string totals() const;
    // The totals and one table each for requests, client connections and upstream connections.
    std::string text() const;

  private:
    struct Row {
        uint64_t count = 0;
        std::string by;
        std::string end_class;
        uint64_t in_bytes = 0;
        uint64_t out_bytes = 0;
    };
    using Table = std::map<std::string, Row>;  // by reason
    enum Kind : uint8_t { requests, clients, upstreams, operators };

    static uint64_t total(const Table& table);
    static std::string table_text(std::string_view title, const Table& table);

    std::array<Table, 4> tables_;
};

}  // namespace becaused
