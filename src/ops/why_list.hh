// Records as lines for people: a table whose columns fit the screen. What is narrowest of use goes
// first when there is no room; the sentence gets what is left.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/record_view.hh"

namespace becaused {

struct Screen {
    size_t width = 0;  // columns; 0: no limit
    bool colours = false;
    bool utc = false;
};

// The screen that standard output is.
Screen screen_of_stdout();

class WhyList {
  public:
    explicit WhyList(const Screen& screen);

    // The record's line with its newline; the first one follows the header, and one of another day
    // than that before follows the date.
    std::string line(const RecordView& record);

  private:
    enum class Column : uint8_t { time, id, reason, by, phase, what, in, out, took, because };
    struct Cell {
        Column column;
        size_t width;  // 0: to the end of the line
    };

    static size_t usual_width(Column column);
    static std::string_view title(Column column);
    static std::string text(Column column, const RecordView& record, const std::string& time);
    void lay_out();
    std::string header() const;

    Screen screen_;
    std::vector<Cell> cells_;
    std::string date_;
    bool begun_ = false;
};

// `text` with `width` columns: cut with an ellipsis or padded; control bytes made harmless.
std::string fitted(std::string_view text, size_t width, bool right = false);
// The same without a width.
std::string harmless(std::string_view text);
std::string bytes_text(uint64_t bytes);
// As strftime(3) writes it.
std::string local_time(int64_t time_ms, bool utc, const char* format);

}  // namespace becaused
