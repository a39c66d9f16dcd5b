// The messages by which becaused tells a client why, written apart from src/; and what their tests do.
// Include before support/cmocka.hh.
#pragma once

#include "support/answers.hh"

namespace becaused::test {

#define VIA "Via: 1.1 becaused\r\n"
#define HAD " dockerd had the request: see what it did before you try again. "

inline std::string with_record(Stage& stage, std::string_view words) {
    return "becaused: " + std::string(words) + " (record " + field_of(stage.exchange(), "id") + ")";
}
// The message that ends a progress stream.
inline std::string error_message(Stage& stage, std::string_view words) {
    const std::string text = with_record(stage, words);
    return "{\"errorDetail\":{\"message\":\"" + text + "\"},\"error\":\"" + text + "\"}\r\n";
}
inline std::string error_frame(Stage& stage, std::string_view words) {
    const std::string text = with_record(stage, words);
    std::string frame("\3\0\0\0\0\0", 6);
    frame += static_cast<char>(text.size() / 256);
    frame += static_cast<char>(text.size() % 256);
    return frame + text;
}
inline std::string goaway(Stage& stage, std::string_view words) {
    const std::string text = with_record(stage, words);
    const size_t size = text.size() + 8;
    std::string frame(1, '\0');
    frame += static_cast<char>(size / 256);
    frame += static_cast<char>(size % 256);
    frame.append("\7\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\2", 14);
    return frame + text;
}

inline void begin(Stage& stage, std::string_view request, std::string_view answer) {
    stage.send(request);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(answer);
}
inline void reset_upstream(Stage& stage) {
    stage.upstream.reset();
    stage.rig().settle();
}
// The client's kernel has what was sent; a tick of the wheel looks.
inline void tick(Stage& stage) {
    stage.client.read();
    stage.rig().advance(2'100);  // the clock linger at the latest
    stage.rig().settle();
}
inline std::string told(Stage& stage) { return field_of(stage.exchange(), "told"); }

}  // namespace becaused::test
