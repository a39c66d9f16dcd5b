#include "support/told.hh"

#include <algorithm>
#include <cstdlib>

namespace becaused::test {

namespace {

struct Head {
    std::string_view first_line;
    std::string_view fields;
};

// The value of the first such field; empty when there is none.
std::string_view value(std::string_view fields, std::string_view name) {
    const std::string wanted = "\r\n" + std::string(name) + ": ";
    const size_t at = fields.find(wanted);
    if (at == std::string_view::npos) return {};
    const size_t begin = at + wanted.size();
    return fields.substr(begin, fields.find("\r\n", begin) - begin);
}

// Takes one head off the front; false when it is not whole.
bool take_head(std::string_view& bytes, Head& head) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    head.first_line = bytes.substr(0, bytes.find("\r\n"));
    head.fields = bytes.substr(head.first_line.size(), end + 2 - head.first_line.size());
    bytes.remove_prefix(end + 4);
    return true;
}

// Takes a chunked body off the front, up to its last chunk; false when that did not come.
bool take_chunks(std::string_view& bytes) {
    for (;;) {
        const size_t line = bytes.find("\r\n");
        if (line == std::string_view::npos) break;
        const size_t size = std::strtoul(std::string(bytes.substr(0, line)).c_str(), nullptr, 16);
        const bool last = size == 0;
        const size_t all = last ? bytes.find("\r\n\r\n") : line + 2 + size;
        if (all == std::string_view::npos) break;
        const size_t after = last ? all + 4 : all + 2;
        if (after > bytes.size()) break;
        bytes.remove_prefix(after);
        if (last) return true;
    }
    bytes = {};
    return false;
}

bool take_length(std::string_view& bytes, std::string_view length) {
    const size_t size = std::strtoul(std::string(length).c_str(), nullptr, 10);
    const bool whole = bytes.size() >= size;
    bytes.remove_prefix(std::min(size, bytes.size()));
    return whole;
}

std::string in_quotes(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > 40) return " ...";
    return " '" + std::string(bytes) + "'";
}

void add(std::string& text, std::string_view message) {
    if (!text.empty()) text += ", ";
    text += message;
}

// "Proxy-Status: becaused; error=...; details="REASON RECORD""
std::string own_reason(std::string_view fields) {
    const std::string_view status = value(fields, "Proxy-Status");
    const size_t at = status.find("details=\"");
    if (!status.starts_with("becaused") || at == std::string_view::npos) return {};
    const std::string_view details = status.substr(at + 9);
    return " " + std::string(details.substr(0, details.find_first_of(" \"")));
}

std::string answer(const Head& head, std::string_view& bytes) {
    std::string text(head.first_line.substr(9, 3));
    if (text == "101") {
        text += in_quotes(bytes);
        bytes = {};
        return text;
    }
    if (text[0] == '1') return text;
    const std::string_view length = value(head.fields, "Content-Length");
    const std::string own = own_reason(head.fields);
    if (!value(head.fields, "Transfer-Encoding").empty()) {
        text += take_chunks(bytes) ? " whole" : " cut";
    } else if (!length.empty()) {
        const bool whole = take_length(bytes, length);
        text += !whole ? " cut" : own.empty() ? " whole" : own;
    } else if (text == "204" || text == "304") {
        text += " whole";
    } else {
        text += " unframed" + in_quotes(bytes);
        bytes = {};
    }
    if (value(head.fields, "Connection") == "close") text += " close";
    return text;
}

std::string request(const Head& head, std::string_view& bytes) {
    std::string text(head.first_line.substr(0, head.first_line.find(' ')));
    const std::string_view length = value(head.fields, "Content-Length");
    bool whole = true;
    if (!value(head.fields, "Transfer-Encoding").empty()) whole = take_chunks(bytes);
    else if (!length.empty()) whole = take_length(bytes, length);
    text += whole ? " whole" : " cut";
    if (!value(head.fields, "Upgrade").empty()) {
        text += in_quotes(bytes);
        bytes = {};
    }
    return text;
}

template <typename Message>
std::string told(std::string_view bytes, Message message) {
    std::string text;
    while (!bytes.empty()) {
        Head head;
        if (!take_head(bytes, head)) {
            add(text, "part of a head");
            break;
        }
        add(text, message(head, bytes));
    }
    return text;
}

}  // namespace

std::string told_by_answers(std::string_view bytes) { return told(bytes, answer); }

std::string told_by_requests(std::string_view bytes) { return told(bytes, request); }

}  // namespace becaused::test
