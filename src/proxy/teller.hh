// Follows an answer that is on its way, so that its client can be told in the answer's own format why it
// was cut: which format, and whether a message of ours may stand where the bytes have come to. Writes
// the message; sends nothing, and knows no connection. Lives in its exchange.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "http/h2_boundary.hh"
#include "http/json_boundary.hh"
#include "http/stdcopy.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

struct ResponseHead;
enum class Answer : uint8_t;

// The setting `tell`: which ways may be used. `text`: their names with commas between, or `off`.
class Tellings {
  public:
    explicit Tellings(std::string_view text);
    bool has(Telling telling) const { return chosen_[static_cast<size_t>(telling)]; }

  private:
    std::array<bool, telling_count> chosen_{};
};

class Teller {
  public:
    // Nothing is followed.
    void clear() { how_ = Telling::nothing; }
    // An answer begins. `answer`: what its route's answers consist of; `tunnel`: what follows is one, to
    // `protocol` (empty: hijacked without an upgrade); `no_terminal`: the request said so, and what
    // follows is multiplexed.
    void start(const Tellings& allowed, const ResponseHead& head, Answer answer, bool tunnel,
               std::string_view protocol, bool no_terminal);

    // Is anything heard of what goes to the client; and to the upstream?
    bool follows_down() const { return how_ != Telling::nothing; }
    bool follows_up() const { return how_ == Telling::goaway; }

    // Bytes of the body, or of the tunnel, that were handed to the client's connection; and to the
    // upstream's.
    void passed_down(std::string_view bytes) {
        if (how_ != Telling::nothing) follow_down(bytes);
    }
    void passed_up(std::string_view bytes) {
        if (how_ == Telling::goaway) h2_up_.passed(bytes);
    }

    // How the client, or the upstream, can be told now; `nothing` where it cannot.
    Telling towards_client() const;
    Telling towards_upstream() const;
    // Appends the message that tells.
    static void write(Telling how, std::string_view message, std::string& out);

  private:
    void follow_down(std::string_view bytes);

    Telling how_ = Telling::nothing;
    JsonBoundary json_;
    StdcopyBoundary frames_;
    H2Boundary h2_down_;
    H2Boundary h2_up_;
};

}  // namespace becaused
