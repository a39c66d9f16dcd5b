// ends.txt as values: what a person says that each state, struck by each signal, must leave on record.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace becaused::test {

// What a reason says, whoever ends by it.
struct Word {
    std::string end_class;
    std::string by;
    int status = 0;        // while no answer had begun
    std::string sentence;  // with {phase}, {clock}, {setting}, {detail}, {first}
};

// The end of one record; without a reason there is none.
struct End {
    std::string reason;
    std::string phase;
};

struct EndsRow {
    int line = 0;
    std::string state;
    std::string signal;
    std::string impossible;  // why; the rest is empty then
    End exchange;
    End client;
    End upstream;
    std::map<std::string, std::string> facts;  // clock, parser, op, errno, detail
    std::string judged;  // the exchange is refused for what befell a question: its own detail
};

struct EndsTable {
    std::map<std::string, Word> words;
    std::map<std::string, std::string> phases;
    std::vector<EndsRow> rows;
};

// Throws std::runtime_error with the line that is wrong. `phase_of` is each state's own phase.
EndsTable read_ends(const std::string& path, const std::map<std::string, std::string>& phase_of);

}  // namespace becaused::test
