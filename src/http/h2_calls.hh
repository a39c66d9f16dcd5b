// What an HTTP/2 client calls, read off its side of a tunnel before it goes on: DATA and all else passes
// as it comes, uncopied; the fields that open a stream are handed out apart, once they are whole and
// their path is known, so that who asks may keep them back. Between steps it holds the beginning of
// a frame's header, or of one block of fields, and the table that they are compressed with.
//
// Stricter than HTTP/2 where two readers might differ, and bounded: where it says `broken` nobody here
// knows any more what passes. Gives no opinion of calls; one per tunnel, allocated only for those.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/h2_settings.hh"

struct nghttp2_hd_inflater;

namespace becaused {

class H2Calls {
  public:
    // Of one block of fields with its frames' headers, and of the table: what a peer could make us hold.
    static constexpr size_t block_limit_bytes = 64 * 1024;
    static constexpr uint32_t table_limit_bytes = 64 * 1024;
    // Longer paths are no method's: of them only so much is told.
    static constexpr size_t path_limit_bytes = 256;

    enum class Step : uint8_t {
        more,    // all bytes are taken; the next ones are needed
        pass,    // `piece` may go on
        call,    // a stream to path() is about to be opened; the next step lets its fields go on
        broken,  // flaw() says how; held() and the rest of the bytes have not gone on
    };

    H2Calls();
    H2Calls(const H2Calls&) = delete;
    H2Calls& operator=(const H2Calls&) = delete;
    ~H2Calls();

    // Bytes of the calling side: takes from the front of `rest`. `piece` is a part of them, or of what was
    // held, which is valid until the next step.
    Step next(std::string_view& rest, std::string_view& piece);
    // Bytes of the side that is called.
    void heard(std::string_view bytes) { settings_.passed(bytes); }

    // Of the last call.
    uint32_t stream() const { return last_stream_; }
    // As it came, cut at one byte over the limit.
    std::string_view path() const { return path_; }
    // Static; null while nothing is broken.
    const char* flaw() const { return flaw_; }
    std::string_view held() const { return held_gone_ ? std::string_view() : held_; }
    // Was the last piece a part of what was held?
    bool from_held() const { return held_gone_; }

  private:
    struct Inflater {
        void operator()(nghttp2_hd_inflater* inflater) const;
    };

    Step break_off(const char* flaw);
    size_t run(std::string_view bytes);
    bool plain(const H2Head& head);
    void acknowledge();
    Step held_on(std::string_view& rest, std::string_view& piece);
    size_t measure(std::string_view bytes);
    const char* out_of_order(const H2Head& head) const;
    Step read_block(std::string_view block);
    bool inflate(std::string_view fragment, bool last);
    void field(std::string_view name, std::string_view value);

    std::unique_ptr<nghttp2_hd_inflater, Inflater> inflater_;
    H2Settings settings_;
    const char* flaw_ = nullptr;
    std::string held_;
    std::string path_;
    size_t wanted_ = h2_head_bytes;  // held_ is looked at again once it has so many bytes
    size_t measured_ = 0;            // of a block: its frames up to here are whole and in order
    size_t block_ = 0;               // the length of the one that was handed out as a call
    uint32_t block_stream_ = 0;
    uint32_t last_stream_ = 0;  // the highest that was opened
    uint32_t left_ = 0;         // of a payload that passes
    uint8_t preface_ = 0;       // bytes of it that passed
    uint8_t paths_ = 0;         // that a block has
    bool begun_ = false;        // the first frame has come, and was SETTINGS
    bool held_gone_ = false;    // held_ was handed out
};

}  // namespace becaused
