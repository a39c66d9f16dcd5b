// Random happenings on a real proxy under a clock that the test moves, compared after each with what a
// small model says that they leave on record. A play that differs is made as short as it can be, and
// printed with its seed:
//
//     BECAUSED_SEED=N BECAUSED_STEPS=N build/test/tests/model/random_test
#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "matrix/reach.hh"
#include "model/blame.hh"
#include "support/scene.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

using Play = std::vector<Happening>;

struct Setting {
    unsigned wiring = 0;  // 1: the client's side is a unix socket; 2: the upstream's is
    bool ages = false;
    bool unix_client() const { return (wiring & 1U) != 0; }
    bool unix_upstream() const { return (wiring & 2U) != 0; }
};

BlameClocks limits_of(const Setting& setting) {
    BlameClocks limits;
    if (setting.ages) limits.max_age = 16'200;
    return limits;
}

RigOptions options_of(const Setting& setting) {
    RigOptions options;
    options.unix_client = setting.unix_client();
    options.unix_upstream = setting.unix_upstream();
    const BlameClocks limits = limits_of(setting);
    ClockTable& clocks = options.settings.clocks;
    clocks.set_all(ClockName::keepalive, limits.keepalive);
    clocks.set_all(ClockName::upstream_idle, limits.upstream_idle);
    clocks.set_all(ClockName::request_head, limits.request_head);
    clocks.set_all(ClockName::request_head_total, limits.request_head_total);
    clocks.set_all(ClockName::request_body, limits.request_body);
    clocks.set_all(ClockName::first_byte, limits.first_byte);
    clocks.set_all(ClockName::response_body, limits.response_body);
    clocks.set_all(ClockName::tunnel, limits.tunnel);
    clocks.set_all(ClockName::half_open, limits.half_open);
    clocks.set_all(ClockName::linger, limits.linger);
    clocks.set_all(ClockName::drain, limits.drain);
    clocks.set_all(ClockName::max_age, limits.max_age);
    return options;
}

// The peers' hands: what happens is done to real sockets.
class Hands {
  public:
    explicit Hands(const Setting& setting) : scene_(options_of(setting)) {}

    void make(const Happening& happening, const Blame& before) {
        switch (happening.what) {
            case What::connect: client_connects(scene_); break;
            case What::head_begins:
                head_ = head_of(happening.request);
                up_left_ = happening.request == Request::upload_length ? 10 : 0;
                say(scene_.client, head_.substr(0, 8));
                head_.erase(0, 8);
                break;
            case What::head_goes_on:
                say(scene_.client, head_.substr(0, 1));
                head_.erase(0, 1);
                break;
            case What::head_ends: say(scene_.client, head_); break;
            case What::body_goes_on: go_on(scene_.client, up_left_, chunked_up(before)); break;
            case What::body_ends: end(scene_.client, up_left_, chunked_up(before)); break;
            case What::client_nonsense: say(scene_.client, "zz\r\n"); break;
            case What::client_fin: scene_.client.finish(); break;
            case What::client_rst: scene_.client.reset(); break;
            case What::hints: say(scene_.upstream, early_hints); break;
            case What::switches: say(scene_.upstream, switching); break;
            case What::answer_begins:
                down_left_ = happening.answer == AnswerKind::length ? 10 : 0;
                say(scene_.upstream, happening.answer == AnswerKind::length    ? ok_ten
                                     : happening.answer == AnswerKind::chunked ? ok_chunked
                                                                               : too_large);
                break;
            case What::answer_goes_on:
                go_on(scene_.upstream, down_left_, before.answer() == AnswerKind::chunked);
                break;
            case What::answer_ends:
                end(scene_.upstream, down_left_, before.answer() == AnswerKind::chunked);
                break;
            case What::upstream_nonsense:
                say(scene_.upstream, before.answering() ? "zz\r\n" : bad_answer);
                break;
            case What::upstream_fin: scene_.upstream.finish(); break;
            case What::upstream_rst: scene_.upstream.reset(); break;
            case What::client_in_tunnel: say(scene_.client, "in"); break;
            case What::upstream_in_tunnel: say(scene_.upstream, "out"); break;
            case What::second_passes: scene_.rig.advance(1'000); break;
            case What::stop: scene_.rig.house().stop(); break;
        }
        look();
    }

    // Both read what there is; who is gone, in the model's eyes, closes its end.
    void follow(const Blame& after) {
        if (!after.client_there()) scene_.client.close();
        look();
        if (!after.upstream_there()) scene_.upstream.close();
        for (Peer& earlier : scene_.upstreams) earlier.close();
        look();
    }

    std::vector<std::string> records() {
        const std::vector<std::string> lines = scene_.rig.take_records();
        std::vector<std::string> words;
        for (const std::string& line : lines) {
            std::string text = summary_of({line});
            if (!text.empty() && text.back() == '\n') text.pop_back();
            words.push_back(std::move(text));
        }
        return words;
    }

  private:
    static std::string head_of(Request request) {
        switch (request) {
            case Request::get: return get_version;
            case Request::upload_length: return post_ten;
            case Request::upload_chunked: return post_chunked;
            case Request::tunnel: return attach;
        }
        return {};
    }
    static bool chunked_up(const Blame& model) {
        return model.request() == Request::upload_chunked;
    }
    static void say(Peer& peer, const std::string& bytes) { peer.send(bytes); }
    // A chunk of five, or one byte of a known length, but never the last.
    static void go_on(Peer& peer, int& left, bool chunked) {
        if (chunked) return say(peer, "5\r\nhello\r\n");
        if (left > 1) say(peer, std::string(1, 'x'));
        if (left > 1) --left;
    }
    static void end(Peer& peer, int& left, bool chunked) {
        say(peer, chunked ? "0\r\n\r\n" : std::string(static_cast<size_t>(left), 'x'));
    }
    void look() {
        scene_.settle();
        if (scene_.client.open()) scene_.client.read();
        if (scene_.upstream.open()) scene_.upstream.read();
        scene_.settle();
    }

    Scene scene_;
    std::string head_;
    int up_left_ = 0, down_left_ = 0;
};

std::string lines_of(std::vector<std::string> lines) {
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += "    " + line + "\n";
    return text;
}

// What differed, and after how many happenings; empty: nothing.
struct Outcome {
    std::string difference;
    size_t steps = 0;
};

Outcome act(const Setting& setting, const Play& play) {
    Outcome outcome;
    Blame model(limits_of(setting));
    Hands hands(setting);
    for (const Happening& happening : play) {
        if (!model.possible(happening)) continue;
        if (happening.what == What::client_rst && setting.unix_client()) continue;
        if (happening.what == What::upstream_rst && setting.unix_upstream()) continue;
        ++outcome.steps;
        const Blame before = model;
        model.happen(happening);
        hands.make(happening, before);
        hands.follow(model);
        const std::string expected = lines_of(model.take_records());
        const std::string actual = lines_of(hands.records());
        if (actual == expected) continue;
        outcome.difference = "after " + std::string(name_of(happening.what)) +
                             " (before: " + before.state() + ")\n  on record:\n" + actual +
                             "  the model:\n" + expected;
        return outcome;
    }
    return outcome;
}

// What a play needs not in order to differ is left out.
Play shortened(const Setting& setting, Play play) {
    for (size_t piece = play.size() / 2; piece > 0; piece /= 2)
        for (size_t at = 0; at < play.size();) {
            Play without = play;
            const auto from = without.begin() + static_cast<std::ptrdiff_t>(at);
            const auto to =
                without.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, without.size()));
            without.erase(from, to);
            if (act(setting, without).difference.empty()) at += piece;
            else play = std::move(without);
        }
    return play;
}

using Dice = std::mt19937_64;

size_t roll(Dice& dice, size_t sides) { return static_cast<size_t>(dice() % sides); }

// Every happening has its weight: time passes often, and a stop ends the play.
Play invent(Dice& dice) {
    static const std::vector<What> bag = [] {
        std::vector<What> all;
        const auto add = [&all](What what, int weight) {
            all.insert(all.end(), static_cast<size_t>(weight), what);
        };
        for (size_t i = 0; i < what_count; ++i) add(static_cast<What>(i), 4);
        for (const What often : {What::connect, What::head_begins, What::head_ends, What::switches,
                                 What::answer_begins, What::answer_ends, What::body_ends})
            add(often, 8);
        add(What::second_passes, 40);
        for (const What rare : {What::client_fin, What::client_rst, What::upstream_fin,
                                What::upstream_rst, What::client_nonsense, What::upstream_nonsense})
            all.erase(std::find(all.begin(), all.end(), rare));
        for (int i = 0; i < 3; ++i) all.erase(std::find(all.begin(), all.end(), What::stop));
        return all;
    }();
    Play play;
    while (play.size() < 400) {
        Happening happening;
        happening.what = bag[roll(dice, bag.size())];
        happening.request = static_cast<Request>(roll(dice, 4));
        happening.answer = static_cast<AnswerKind>(roll(dice, 3));
        // Silence comes in stretches, or few clocks would ever ring.
        const size_t times =
            happening.what == What::second_passes && roll(dice, 8) == 0 ? 1 + roll(dice, 24) : 1;
        play.insert(play.end(), times, happening);
    }
    return play;
}

uint64_t number_from(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void who_is_blamed_is_who_the_model_blames(void**) {
    { const Rig first; }  // libuv opens descriptors of its own once per process
    const uint64_t seed = number_from("BECAUSED_SEED", std::random_device{}());
    const uint64_t wanted = number_from("BECAUSED_STEPS", 100'000);
    print_message("BECAUSED_SEED=%llu\n", static_cast<unsigned long long>(seed));
    Dice dice(seed);
    uint64_t steps = 0, plays = 0;
    for (; steps < wanted; ++plays) {
        const Setting setting{static_cast<unsigned>(roll(dice, 4)), roll(dice, 4) == 0};
        Play play = invent(dice);
        const Outcome outcome = act(setting, play);
        steps += outcome.steps;
        if (outcome.difference.empty()) continue;
        play = shortened(setting, play);
        const Outcome shortest = act(setting, play);
        std::string told;
        for (const Happening& happening : play) {
            told += " " + std::string(name_of(happening.what));
            if (happening.what == What::head_begins)
                told += std::to_string(static_cast<int>(happening.request));
            if (happening.what == What::answer_begins)
                told += std::to_string(static_cast<int>(happening.answer));
        }
        print_error("%s to %s%s:%s\n%s", setting.unix_client() ? "unix" : "tcp",
                    setting.unix_upstream() ? "unix" : "tcp", setting.ages ? ", max_age" : "",
                    told.c_str(), shortest.difference.c_str());
        fail_test("the records and the model differ");
    }
    print_message("%llu steps in %llu plays\n", static_cast<unsigned long long>(steps),
                  static_cast<unsigned long long>(plays));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(who_is_blamed_is_who_the_model_blames),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
