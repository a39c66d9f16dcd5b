// Slabs, slices and their queue: neighbours join, few bytes that wait are copied, and everything comes home.
#include "base/bytes.hh"

#include <cstring>
#include <string>

#include "support/cmocka.hh"

using namespace becaused;

namespace {

// As a read does it.
Slice read(SlabPool& pool, std::string_view bytes) {
    const std::span<char> room = pool.room();
    std::memcpy(room.data(), bytes.data(), bytes.size());
    return pool.claim(bytes.size());
}

std::string text_of(SliceQueue& queue) {
    std::string text;
    for (size_t i = 0; i < queue.count(); ++i) {
        if (i > 0) text += '|';
        text += queue.at(i).view();
    }
    return text;
}

void neighbours_join(void**) {
    SlabPool pool(4);
    {
        SliceQueue queue;
        queue.push(read(pool, "ab"));
        queue.push(read(pool, "cd"));
        assert_text_equal(text_of(queue), "abcd");
        const Slice other = read(pool, "--");
        queue.push(read(pool, "ef"));
        assert_text_equal(text_of(queue), "abcd|ef");
        assert_int_equal(queue.bytes(), 6);
        queue.drop_front(3);
        assert_text_equal(text_of(queue), "d|ef");
        queue.push(pool.copy("gh"));
        queue.push(pool.copy("ij"));
        assert_text_equal(text_of(queue), "d|ef|ghij");
        queue.drop_front(7);
        assert_true(queue.empty());
        assert_int_equal(queue.bytes(), 0);
    }
    assert_int_equal(pool.held(), 0);
}

void what_joined_a_slice_that_shrank_is_whole(void**) {
    SlabPool pool(4);
    {
        SliceQueue queue;
        queue.push(read(pool, "abc"));
        queue.drop_front(2);
        queue.push(read(pool, "def"));
        assert_text_equal(text_of(queue), "cdef");
        assert_int_equal(queue.count(), 1);
    }
    assert_int_equal(pool.held(), 0);
}

void few_bytes_are_kept_as_a_copy(void**) {
    SlabPool pool(4);
    {
        Slice kept;
        {
            const Slice slice = read(pool, "line");
            kept = pool.keep(slice, slice.view());
            assert_text_equal(kept.view(), "line");
            assert_true(kept.view().data() != slice.view().data());
        }
        // What was read into is free again; the copy keeps another slab.
        const std::span<char> room = pool.room();
        assert_int_equal(room.size(), Slab::size);
        assert_int_equal(pool.held(), 1);
    }
    assert_int_equal(pool.held(), 0);
}

void many_bytes_are_kept_as_they_are(void**) {
    SlabPool pool(4);
    {
        const std::string bytes(4096, 'x');
        const Slice slice = read(pool, bytes);
        const Slice kept = pool.keep(slice, slice.view());
        assert_true(kept.view().data() == slice.view().data());
    }
    assert_int_equal(pool.held(), 0);
}

void a_copy_goes_beyond_the_limit_by_one_slab(void**) {
    SlabPool pool(2);
    {
        Slab* const first = pool.take();
        Slab* const second = pool.take();
        assert_true(pool.take() == nullptr);
        assert_true(pool.room().empty());
        const Slice slice = pool.copy("must not be lost");
        assert_text_equal(slice.view(), "must not be lost");
        assert_int_equal(pool.alive(), 3);
        for (Slab* slab : {first, second})
            if (--slab->references == 0) pool.give_back(slab);
    }
    assert_int_equal(pool.held(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_join),
        cmocka_unit_test(what_joined_a_slice_that_shrank_is_whole),
        cmocka_unit_test(few_bytes_are_kept_as_a_copy),
        cmocka_unit_test(many_bytes_are_kept_as_they_are),
        cmocka_unit_test(a_copy_goes_beyond_the_limit_by_one_slab),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
