#include "support/ends_table.hh"

#include <fstream>
#include <stdexcept>

namespace becaused::test {

namespace {

std::string trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

std::vector<std::string> columns_of(const std::string& line) {
    std::vector<std::string> columns;
    for (size_t from = 0; from <= line.size();) {
        const size_t bar = std::min(line.find('|', from), line.size());
        columns.push_back(trimmed(std::string_view(line).substr(from, bar - from)));
        from = bar + 1;
    }
    return columns;
}

End end_of(const std::string& text, const std::string& phase) {
    if (text == "-") return {};
    const size_t slash = text.find('/');
    if (slash == std::string::npos) return {text, phase};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

// "clock=x/1000 detail=the rest of it, blanks and all"
std::map<std::string, std::string> facts_of(const std::string& text) {
    std::map<std::string, std::string> facts;
    for (size_t from = 0; from < text.size();) {
        const size_t equals = text.find('=', from);
        if (equals == std::string::npos) throw std::runtime_error("a fact has no value");
        const std::string name = text.substr(from, equals - from);
        const size_t end = name == "detail" ? text.size() : text.find(' ', equals);
        facts[name] = text.substr(equals + 1, end == std::string::npos ? end : end - equals - 1);
        from = end == std::string::npos ? text.size() : end + 1;
    }
    return facts;
}

EndsRow row_of(const std::vector<std::string>& columns, const std::string& state,
               const std::string& phase) {
    EndsRow row;
    row.state = state;
    row.signal = columns.at(0);
    for (const std::string_view never : {"impossible: ", "elsewhere: "}) {
        if (!columns.at(1).starts_with(never)) continue;
        row.impossible = columns.at(1).substr(never.size());
        if (columns.size() > 2) throw std::runtime_error("what is impossible has no records");
        return row;
    }
    row.exchange = end_of(columns.at(1), phase);
    row.client = end_of(columns.at(2), phase);
    row.upstream = end_of(columns.at(3), phase);
    if (columns.size() > 4) row.facts = facts_of(columns.at(4));
    if (columns.size() > 5) row.judged = columns.at(5);
    return row;
}

}  // namespace

EndsTable read_ends(const std::string& path, const std::map<std::string, std::string>& phase_of) {
    EndsTable table;
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + " cannot be read");
    std::string section;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        try {
            if (line.empty() || line[0] == '#') continue;
            if (line[0] == '[') {
                section = line.substr(1, line.find(']') - 1);
                continue;
            }
            const std::vector<std::string> columns = columns_of(line);
            if (section == "words") {
                table.words[columns.at(0)] = {columns.at(1), columns.at(2),
                                              std::stoi(columns.at(3)), columns.at(4)};
            } else if (section == "phases") {
                table.phases[columns.at(0)] = columns.at(1);
            } else {
                table.rows.push_back(row_of(columns, section, phase_of.at(section)));
                table.rows.back().line = number;
            }
        } catch (const std::exception& error) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    return table;
}

}  // namespace becaused::test
