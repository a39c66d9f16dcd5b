// What a policy would have to allow: requests are shown to it, and for each profile in force it keeps the
// smallest one that would have let them pass. It starts with `ping` and all rules, judges every request
// by what it has learnt so far, and adds the route or lifts the rule that stands in the way, until nothing
// does; so what it writes down lets the same requests pass. One per process, with `mode = learn`; pure.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gate/gate.hh"

namespace becaused {

class Learner {
  public:
    // `profile`: the name of the one in force for whoever asks. A verdict that asks for the body wants it
    // to be shown too.
    Verdict see(const RequestHead& head, const Asked& asked, std::string_view profile);
    // `payload`: one that is judged; `body`: whole, without its chunk framing.
    void see_body(Payload payload, std::string_view body, std::string_view profile);
    // A body that was too long to be shown.
    void miss_body(const Refusal& refusal, std::string_view profile);

    // As the access file has it (gate/TOKENS.md): one [[profile]] for each, named learnt_PROFILE.
    std::string text() const;

  private:
    struct Lesson {
        ProfileSettings settings;
        std::unique_ptr<const Gate> gate;
        const Profile* profile = nullptr;  // the gate's
        uint64_t requests = 0;
        size_t patterns = 0;                      // of paths that the table does not name
        std::map<std::string, uint64_t> unnamed;  // refusals that no route or rule is behind
    };
    Lesson& lesson_of(std::string_view profile);
    static void renew(Lesson& lesson);
    static bool allow(Lesson& lesson, const RequestHead& head, const Asked& asked);
    static bool lift(Lesson& lesson, const Refusal& refusal);
    static void append(std::string& out, std::string_view profile, const Lesson& lesson);

    std::map<std::string, Lesson, std::less<>> lessons_;  // by the profile in force
};

}  // namespace becaused
