// What people are told to do about an end.
#include "ledger/advice.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

std::string advice(Reason reason, Reached reached) {
    std::string out = "Why.";
    append_advice(out, reason, reached);
    return out;
}

void it_says_whether_trying_again_is_safe(void**) {
    assert_text_equal(
        advice(Reason::upstream_reset, Reached::nothing),
        "Why. Nothing reached dockerd: it is safe to try again. Look at dockerd's log.");
    assert_text_equal(advice(Reason::upstream_reset, Reached::read_only),
                      "Why. It only reads: it is safe to try again. Look at dockerd's log.");
    assert_text_equal(advice(Reason::upstream_reset, Reached::upstream),
                      "Why. dockerd had the request: see what it did before you try again. "
                      "Look at dockerd's log.");
}

void what_was_refused_is_not_called_worth_another_try(void**) {
    assert_text_equal(advice(Reason::policy_denied, Reached::nothing),
                      "Why. Nothing reached dockerd. Ask becaused's operator.");
}

// Every one of them a sentence; those that the client, and not dockerd, has to answer for do not send
// people to dockerd's log.
void every_reason_says_what_to_look_at(void**) {
    for (size_t i = 0; i < reason_count; ++i) {
        const auto reason = static_cast<Reason>(i);
        const std::string_view text = look_at(reason);
        if (text.size() < 10 || !text.ends_with('.'))
            print_error("%.*s\n", static_cast<int>(name(reason).size()), name(reason).data());
        assert_true(text.size() >= 10 && text.ends_with('.'));
        if (row(reason).by != Side::upstream)
            assert_true(text.find("dockerd's log") == std::string_view::npos);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(it_says_whether_trying_again_is_safe),
        cmocka_unit_test(what_was_refused_is_not_called_worth_another_try),
        cmocka_unit_test(every_reason_says_what_to_look_at),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
