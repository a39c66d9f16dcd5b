// Every case a test of its own, with a name that is a claim and a Stage of its own: rows of tables, and
// scenarios written out. What a row's checks are is written once per table. Include before
// support/cmocka.hh.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/stage.hh"
#include "support/cmocka.hh"

namespace becaused::test {

class Cases {
  public:
    // Rows have a `name`, and outlive this.
    template <typename Rows, typename Row>
    void add(const Rows& rows, void (*check)(Stage&, const Row&)) {
        for (const Row& row : rows)
            add(std::string(row.name), [&row, check](Stage& stage) { check(stage, row); });
    }
    void add(std::string name, std::function<void(Stage&)> check) {
        cases_.push_back({std::move(name), std::move(check), nullptr});
    }

    int run(const char* group) {
        std::vector<CMUnitTest> tests;
        std::set<std::string> names;
        for (Case& one : cases_) {
            if (!names.insert(one.name).second) {
                print_error("two cases are called \"%s\"\n", one.name.c_str());
                return 1;
            }
            tests.push_back({one.name.c_str(), run_case, set_up, tear_down, &one});
        }
        return _cmocka_run_group_tests(group, tests.data(), tests.size(), nullptr, nullptr);
    }

  private:
    struct Case {
        std::string name;
        std::function<void(Stage&)> check;
        std::unique_ptr<Stage> stage;
    };
    static int set_up(void** state) {
        Case& one = *static_cast<Case*>(*state);
        one.stage = std::make_unique<Stage>();
        return 0;
    }
    static void run_case(void** state) {
        Case& one = *static_cast<Case*>(*state);
        one.check(*one.stage);
    }
    // Also after a failed assertion: sockets and loop go here, and the rig checks that nothing is left.
    static int tear_down(void** state) {
        static_cast<Case*>(*state)->stage.reset();
        return 0;
    }

    std::vector<Case> cases_;
};

// A scenario under its function's name.
#define SCENARIO(function) #function, function

// What a row of a table is checked for, shared by several files.

// Refused by the head alone: nothing reached the upstream, and nothing behind it was read as a request.
struct Refused {
    std::string_view name;
    std::string_view sent;
    int status;
    std::string_view reason;
    std::string_view detail;
};
inline constexpr std::string_view smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

// What the upstream's socket was given decides what the client is told about trying again, unless the
// test says it itself.
inline void assert_own_answer(Stage& stage, OwnAnswer answer) {
    const std::string record = field_of(stage.exchange(), "id");
    answer.record = record;
    const std::string bytes = stage.client_bytes();
    if (stage.upstream.open()) stage.upstream.read();
    const std::string& request = stage.upstream.received;
    const bool reads = request.starts_with("GET ") || request.starts_with("HEAD ") ||
                       request.starts_with("OPTIONS ");
    if (answer.reached.empty() && !request.empty()) answer.reached = reads ? "reads" : "acts";
    const std::string expected = own_answer(answer);
    if (bytes != expected)
        print_error("got %s\ndue %s\n", test_support::visible(bytes).c_str(),
                    test_support::visible(expected).c_str());
    assert_text_equal(bytes, expected);
}

inline void check_refused(Stage& stage, const Refused& row) {
    stage.send(row.sent);
    stage.send(smuggled);
    assert_false(stage.accept());
    assert_own_answer(stage, {row.status, row.reason, row.detail});
    assert_text_equal(stage.client_state(), "fin");
    const std::string reason(row.reason);
    assert_text_equal(stage.leave(), "exchange " + reason +
                                         " by=client phase=request_head op=parse status=" +
                                         std::to_string(row.status) + "\nclient " + reason +
                                         " by=client phase=request_head op=parse\n");
}

// Goes on to the upstream as `got`, and what follows is the next request.
struct Forwarded {
    std::string_view name;
    std::string_view sent;
    std::string_view got;  // readable
};
inline constexpr std::string_view next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view next_got = "GET /next HTTP/1.1\r\nHost: a\r\n{+}\r\n";
inline constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";
inline constexpr std::string_view no_content_got =
    "HTTP/1.1 204 No Content\r\nVia: 1.1 becaused\r\n\r\n";
inline constexpr std::string_view complete_204 =
    "exchange complete by=nobody phase=done op=none status=204\n";

inline void check_forwarded(Stage& stage, const Forwarded& row) {
    stage.send(std::string(row.sent) + std::string(next));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), row.got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_false(stage.rig().accept().open());
    assert_text_equal(stage.leave(),
                      std::string(complete_204) + std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

}  // namespace becaused::test
