// Turns among processes: one has it at a time, the kernel takes it back from whoever ends, and the next one
// hears whether that was within a line.
#include "ops/baton.hh"

#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.hh"

using namespace becaused;

namespace {

// A worker beside this process, made before any turn is taken; does one thing when it is told to, and ends.
class Other {
  public:
    template <typename Does>
    explicit Other(Does does) {
        assert_int_equal(::pipe(go_), 0);
        pid_ = ::fork();
        if (pid_ != 0) return;
        char word = 0;
        ::_exit(::read(go_[0], &word, 1) == 1 && does() ? 1 : 0);
    }
    Other(const Other&) = delete;
    Other& operator=(const Other&) = delete;
    // What it did was true.
    bool go() {
        assert_int_equal(::write(go_[1], "", 1), 1);
        int status = 0;
        assert_int_equal(::waitpid(pid_, &status, 0), pid_);
        for (const int end : go_) ::close(end);
        return WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }

  private:
    int go_[2] = {-1, -1};
    pid_t pid_ = -1;
};

void one_process_has_the_turn_until_it_passes_it_on(void**) {
    Baton baton;
    assert_true(baton.make(false).ok());
    Other first([&] { return baton.take(); });
    Other second([&] { return baton.take(); });
    assert_true(baton.take());
    assert_true(baton.take());  // it is ours still
    assert_false(first.go());
    baton.pass_on();
    assert_true(second.go());
    assert_true(baton.take());  // nobody passed it on, but its holder has ended
    assert_false(baton.torn());
    baton.pass_on();
}

void who_ends_within_a_line_is_told_of_once(void**) {
    Baton baton;
    assert_true(baton.make(false).ok());
    Other torn([&] {
        const bool taken = baton.take();
        baton.note(false);
        return taken;
    });
    assert_true(torn.go());
    assert_true(baton.take());
    assert_true(baton.torn());
    baton.note(false);
    assert_false(baton.torn());  // that line is our own
    assert_true(baton.take());
    assert_false(baton.torn());
    baton.note(true);
    baton.pass_on();
    assert_true(baton.take());
    assert_false(baton.torn());
    baton.pass_on();
}

void what_was_there_before_may_be_torn(void**) {
    Baton baton;
    assert_true(baton.make(true).ok());
    assert_true(baton.take());
    assert_true(baton.torn());
    baton.pass_on();
}

void rotating_is_a_turn_of_its_own(void**) {
    Baton baton;
    assert_true(baton.make(false).ok());
    Other rotates([&] { return baton.take_rotation(); });
    Other writes([&] { return baton.take(); });
    Other late([&] { return baton.take_rotation(); });
    assert_true(baton.take_rotation());
    assert_false(rotates.go());
    assert_true(writes.go());
    baton.pass_rotation();
    assert_true(late.go());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_process_has_the_turn_until_it_passes_it_on),
        cmocka_unit_test(who_ends_within_a_line_is_told_of_once),
        cmocka_unit_test(what_was_there_before_may_be_torn),
        cmocka_unit_test(rotating_is_a_turn_of_its_own),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
