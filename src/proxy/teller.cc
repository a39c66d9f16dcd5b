#include "proxy/teller.hh"

#include "base/check.hh"
#include "gate/route_table.hh"
#include "http/head.hh"

namespace becaused {

namespace {

// The media type without its parameters; empty where there is none.
std::string_view type_of(const ResponseHead& head) {
    const Field* field = head.find(FieldName::content_type);
    if (field == nullptr) return {};
    std::string_view type = field->value.substr(0, field->value.find(';'));
    while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
    return type;
}

bool coded(const ResponseHead& head) {
    for (const Field& field : head.fields)
        if (same_name(field.name, "Content-Encoding")) return true;
    return false;
}

}  // namespace

Tellings::Tellings(std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find(','), text.size());
        if (const auto telling = find_telling(text.substr(0, end)))
            chosen_[static_cast<size_t>(*telling)] = true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void Teller::start(const Tellings& allowed, const ResponseHead& head, Answer answer, bool tunnel,
                   std::string_view protocol, bool no_terminal) {
    how_ = Telling::nothing;
    if (tunnel && same_name(protocol, "h2c")) {
        h2_down_.start();
        h2_up_.start();
        if (allowed.has(Telling::goaway)) how_ = Telling::goaway;
        return;
    }
    if (answer == Answer::plain || (head.status != 200 && !tunnel) || coded(head)) return;
    const std::string_view type = type_of(head);
    if (answer == Answer::progress) {
        if (tunnel || !same_name(type, "application/json")) return;
        json_.start();
        if (allowed.has(Telling::progress)) how_ = Telling::progress;
        return;
    }
    // Up to API 1.41 raw-stream, or nothing, stands for both kinds.
    const bool sure = same_name(type, "application/vnd.docker.multiplexed-stream");
    if (!sure && !type.empty() && !same_name(type, "application/vnd.docker.raw-stream")) return;
    frames_.start(sure || no_terminal);
    if (allowed.has(Telling::frames)) how_ = Telling::frames;
}

void Teller::follow_down(std::string_view bytes) {
    switch (how_) {
        case Telling::progress: json_.passed(bytes); return;
        case Telling::frames:
            frames_.passed(bytes);
            if (frames_.lost()) clear();  // a terminal's output, which may go uncopied
            return;
        case Telling::goaway: h2_down_.passed(bytes); return;
        case Telling::nothing:
        case Telling::refusals: return;
    }
}

Telling Teller::towards_client() const {
    const bool can = (how_ == Telling::progress && json_.at_boundary()) ||
                     (how_ == Telling::frames && frames_.at_boundary()) ||
                     (how_ == Telling::goaway && h2_down_.at_boundary());
    return can ? how_ : Telling::nothing;
}

Telling Teller::towards_upstream() const {
    return how_ == Telling::goaway && h2_up_.at_boundary() ? how_ : Telling::nothing;
}

void Teller::write(Telling how, std::string_view message, std::string& out) {
    switch (how) {
        case Telling::progress: append_error_message(out, message); return;
        case Telling::frames:
        case Telling::refusals: append_error_frame(out, message); return;
        case Telling::goaway: append_goaway(out, message); return;
        case Telling::nothing: break;
    }
    CHECK(false && "there is nothing to write");
}

}  // namespace becaused
