// What H2Calls reads off the calling side of a tunnel: every call with its path, at the place before its
// frame, in whatever pieces the bytes come; and what it does not take for HTTP/2.
#include "support/h2_text.hh"
#include "support/rows.hh"
#include "support/wire_text.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_literals;

namespace {

const std::string opening = std::string(preface) + settings();
constexpr size_t opening_bytes = 24 + 9;

// The walk of `bytes` after the opening, which must be the same in all pieces. Nothing may get lost.
Walk follow(const std::string& bytes, std::string_view heard = "") {
    const std::string all = opening + bytes;
    assert_text_equal(cut_flaw(all, heard), "");
    const Walk seen = walk(all, heard);
    assert_text_equal(test_support::visible(seen.passed + seen.kept), test_support::visible(all));
    return seen;
}
// Where in the bytes after the opening.
std::string at(std::string_view path, size_t offset) {
    return std::string(path) + " at " + std::to_string(opening_bytes + offset) + '\n';
}

std::string hex(std::string_view digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    return bytes;
}

void a_call_is_announced_before_its_frame_and_all_bytes_pass(void**) {
    const std::string ping = frame(6, 0, 0, "12345678");
    const std::string one = call(1, "/a.B/C");
    const Walk seen = follow(ping + one + data(1, "body") + call(3, "/d.E/F") + ping);
    assert_text_equal(seen.calls,
                      at("/a.B/C", ping.size()) + at("/d.E/F", ping.size() + one.size() + 9 + 4));
    assert_text_equal(seen.end, "");
    assert_text_equal(seen.kept, "");
}

// RFC 7541 Appendix C.3: three requests on one connection, without Huffman's code; C.4: with it.
void the_requests_of_rfc_7541_are_read(void**) {
    const std::string_view plain[] = {"828684410f7777772e6578616d706c652e636f6d",
                                      "828684be58086e6f2d6361636865",
                                      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"};
    const std::string_view coded[] = {"828684418cf1e3c2e5f23a6ba0ab90f4ff",
                                      "828684be5886a8eb10649cbf",
                                      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"};
    for (const auto& requests : {plain, coded}) {
        std::string bytes;
        std::string calls;
        for (uint32_t i = 0; i < 3; ++i) {
            calls += at(i < 2 ? "/" : "/index.html", bytes.size());
            bytes += frame(1, 5, 2 * i + 1, hex(requests[i]));
        }
        assert_text_equal(follow(bytes).calls, calls);
    }
    // C.2.2
    const std::string literal_path = frame(1, 5, 1, hex("040c2f73616d706c652f70617468"));
    assert_text_equal(follow(literal_path).calls, at("/sample/path", 0));
}

// The table is one for all blocks of a side: what one stream's trailers put in, another's call uses.
void the_table_is_followed_through_blocks_that_are_no_calls(void**) {
    const std::string first = frame(1, 4, 1, kept_call_fields("/a.B/C"));
    const std::string trailers = frame(1, 5, 1, "\x40" + literal("x") + literal("y"));
    // 62 is the newest entry (x: y), 63 the one before.
    const std::string second = frame(1, 4, 3, "\x83\x86\xbf");
    const Walk seen = follow(first + trailers + second);
    assert_text_equal(seen.calls, at("/a.B/C", 0) + at("/a.B/C", first.size() + trailers.size()));
    assert_text_equal(seen.end, "");
}

void padding_and_priority_are_no_fields(void**) {
    const std::string fields = call_fields("/a.B/C");
    const std::string priority("\0\0\0\0\x10", 5);
    for (const std::string& one : {frame(1, 4 + 8, 1, "\3"s + fields + "\x82\x82\x82"),
                                   frame(1, 4 + 32, 1, priority + fields),
                                   frame(1, 4 + 8 + 32, 1, "\2"s + priority + fields + "\0\0"s),
                                   frame(1, 4 + 8, 1, "\0"s + fields)}) {
        const Walk seen = follow(one);
        assert_text_equal(seen.calls, at("/a.B/C", 0));
        assert_text_equal(seen.end, "");
    }
}

void fields_in_several_frames_are_one_block(void**) {
    const std::string fields = call_fields("/a.B/C");
    const std::string block = frame(1, 1, 1, fields.substr(0, 4)) + frame(9, 0, 1) +
                              frame(9, 0, 1, fields.substr(4, 3)) +
                              frame(9, 4, 1, fields.substr(7));
    const Walk seen = follow(block + data(1, "x"));
    assert_text_equal(seen.calls, at("/a.B/C", 0));
    assert_text_equal(seen.end, "");
}

void half_a_block_stays_held(void**) {
    const std::string half = frame(1, 0, 1, call_fields("/a.B/C"));
    const Walk seen = follow(half + frame(9, 4, 1, "\x82").substr(0, 5));
    assert_text_equal(seen.calls, "");
    assert_int_equal(seen.passed.size(), opening_bytes);
}

// ---- the table's size -----------------------------------------------------------------------------

// RFC 7541 §4.2: smaller from the acknowledgement on, and the first block must say so.
void a_smaller_table_holds_from_its_acknowledgement_on(void**) {
    const std::string heard = settings(table_size(0));
    const std::string before = frame(1, 4, 1, kept_call_fields("/a.B/C"));
    const std::string still = frame(1, 4, 3, "\x83\x86\xbe");
    const std::string after = frame(1, 4, 5, "\x20" + call_fields("/d.E/F"));
    const Walk seen = follow(before + still + ack + after, heard);
    assert_text_equal(seen.end, "");
    assert_text_equal(seen.calls, at("/a.B/C", 0) + at("/a.B/C", before.size()) +
                                      at("/d.E/F", before.size() + still.size() + ack.size()));
    assert_text_equal(follow(before + ack + still, heard).end,
                      "broken: fields that cannot be decoded (HPACK)");
}

void a_larger_table_may_be_used_once_it_was_offered(void**) {
    // A dynamic table size update to 8192 (RFC 7541 §6.3): 31 + 8161.
    const std::string update = hex("3fe13f");
    const std::string one = frame(1, 4, 1, update + call_fields("/a.B/C"));
    assert_text_equal(follow(ack + one, settings(table_size(8192))).end, "");
    assert_text_equal(follow(ack + one, settings() + settings(table_size(8192))).end,
                      "broken: fields that cannot be decoded (HPACK)");
    assert_text_equal(follow(ack + ack + one, settings() + settings(table_size(8192))).end, "");
    assert_text_equal(follow(one).end, "broken: fields that cannot be decoded (HPACK)");
}

void other_settings_and_frames_of_the_called_side_mean_nothing(void**) {
    const std::string heard = data(1, settings(table_size(0))) + frame(4, 1, 0) +
                              settings("\0\3\0\0\0\x64"s + table_size(8192)) + data(1, "x");
    const std::string one = frame(1, 4, 1, hex("3fe13f") + call_fields("/a.B/C"));
    assert_text_equal(follow(ack + one, heard).end, "");
}

void settings_that_nobody_acknowledges_are_bounded(void**) {
    std::string heard;
    for (int i = 0; i < 8; ++i) heard += settings();
    assert_text_equal(follow(call(1, "/a.B/C"), heard).end, "");
    assert_text_equal(walk(opening, heard + settings()).end,
                      "broken: more SETTINGS than anybody acknowledges");
}

// ---- what is broken -------------------------------------------------------------------------------

struct Broken {
    std::string name;
    std::string bytes;  // after the opening
    size_t passed;      // of them
    std::string flaw;
};

void what_could_be_read_in_two_ways_is_broken_before_it_passes(void**) {
    const std::string fields = call_fields("/a.B/C");
    const std::string one = call(1, "/a.B/C");
    const std::string undecodable = "fields that cannot be decoded (HPACK)";
    const std::string pathless = "a call without a path, or with two";
    const std::string inside = "a frame in the midst of another one's fields";
    const Broken rows[] = {
        {"an index that no table has", frame(1, 4, 1, "\xff\xff\xff\xff\x7f"), 0, undecodable},
        {"index 0 (RFC 7541 §6.1)", frame(1, 4, 1, "\x80"), 0, undecodable},
        {"a literal that is cut", frame(1, 4, 1, "\x04\x7f/"), 0, undecodable},
        {"a table larger than was offered", frame(1, 4, 1, "\x3f\xff\xff\x03" + fields), 0,
         undecodable},
        {"no path", frame(1, 4, 1, "\x83\x86"), 0, pathless},
        {"no fields", frame(1, 4, 1), 0, pathless},
        {"two paths", frame(1, 4, 1, fields + "\x04" + literal("/d.E/F")), 0, pathless},
        {"a second call in a stream", one + frame(1, 4, 1, fields), one.size(),
         "a second call in a stream that was opened before"},
        {"a call in a lower stream", call(3, "/a.B/C") + one, one.size(),
         "a second call in a stream that was opened before"},
        {"a stream of the other side's", call(2, "/a.B/C"), 0, "a stream that no caller can open"},
        {"the connection's own stream", call(0, "/a.B/C"), 0, "a stream that no caller can open"},
        {"a push", frame(5, 4, 1, "\0\0\0\2"s + fields), 0, "a push by the side that calls"},
        {"a continuation of nothing", one + frame(9, 4, 1, fields), one.size(),
         "a CONTINUATION of nothing"},
        {"DATA between fields", frame(1, 0, 1, fields) + data(1, "x"), 0, inside},
        {"a continuation of another stream", frame(1, 0, 1, fields) + frame(9, 4, 3), 0, inside},
        {"HEADERS between fields", frame(1, 0, 1, fields) + one, 0, inside},
        {"padding as long as the frame", frame(1, 4 + 8, 1, "\5abcd"), 0,
         "a frame's padding is longer than the frame"},
        {"padding without its length", frame(1, 4 + 8, 1), 0,
         "a frame's padding is longer than the frame"},
        {"priority that is cut", frame(1, 4 + 32, 1, "\0\0\0\0"s), 0,
         "a frame's padding is longer than the frame"},
    };
    for (const Broken& row : rows) {
        const Walk seen = follow(row.bytes);
        if (seen.end != "broken: " + row.flaw) print_error("row: %s\n", row.name.c_str());
        assert_text_equal(seen.end, "broken: " + row.flaw);
        if (seen.passed.size() != opening_bytes + row.passed)
            print_error("row: %s\n", row.name.c_str());
        assert_int_equal(seen.passed.size(), opening_bytes + row.passed);
    }
}

void a_caller_begins_with_the_preface_and_settings(void**) {
    assert_text_equal(walk(settings()).end,
                      "broken: the caller does not begin as an HTTP/2 client does");
    assert_text_equal(walk("PRI * HTTP/2.1\r\n").passed, "PRI * HTTP/2.");
    assert_text_equal(walk(std::string(preface) + frame(6, 0, 0, "12345678")).end,
                      "broken: the caller's first frame is not SETTINGS");
    const Walk seen = walk(std::string(preface) + call(1, "/a.B/C"));
    assert_text_equal(seen.end, "broken: the caller's first frame is not SETTINGS");
    assert_text_equal(seen.passed, preface);
    assert_text_equal(cut_flaw(std::string(preface) + call(1, "/a.B/C"), ""), "");
    assert_text_equal(cut_flaw("PRI * HTTP/2.1", ""), "");
}

// What is held stays under 64 KiB: a frame that is announced as longer is not waited for.
void blocks_are_bounded(void**) {
    const std::string fields = call_fields("/a.B/C");
    const auto block = [&](size_t size) {
        std::string text = fields;
        while (text.size() < size) text += "\0"s + literal("x") + literal(std::string(100, 'y'));
        return text;
    };
    const std::string most = frame(1, 4, 1, block(64'000));
    assert_true(most.size() <= H2Calls::block_limit_bytes);
    assert_text_equal(walk(opening + most, "", 1000).calls, at("/a.B/C", 0));
    const Walk head = walk(opening + frame(1, 4, 1, block(66'000)).substr(0, 9));
    assert_text_equal(head.end, "broken: fields of over 64 KiB in the tunnel");
    std::string many = frame(1, 0, 1, fields);
    while (many.size() < H2Calls::block_limit_bytes) many += frame(9, 0, 1);
    const Walk empty = walk(opening + many, "", 7);
    assert_text_equal(empty.end, "broken: fields of over 64 KiB in the tunnel");
    assert_int_equal(empty.passed.size(), opening_bytes);
}

void a_long_path_is_cut(void**) {
    const std::string path = '/' + std::string(1000, 'p');
    // 1001 in seven bits of prefix (RFC 7541 §5.1): 127 + 874.
    const std::string one = frame(1, 4, 1, "\x83\x86\x04\x7f\xea\x06" + path);
    assert_text_equal(follow(one).calls, at(path.substr(0, H2Calls::path_limit_bytes + 1), 0));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_announced_before_its_frame_and_all_bytes_pass),
        cmocka_unit_test(the_requests_of_rfc_7541_are_read),
        cmocka_unit_test(the_table_is_followed_through_blocks_that_are_no_calls),
        cmocka_unit_test(padding_and_priority_are_no_fields),
        cmocka_unit_test(fields_in_several_frames_are_one_block),
        cmocka_unit_test(half_a_block_stays_held),
        cmocka_unit_test(a_smaller_table_holds_from_its_acknowledgement_on),
        cmocka_unit_test(a_larger_table_may_be_used_once_it_was_offered),
        cmocka_unit_test(other_settings_and_frames_of_the_called_side_mean_nothing),
        cmocka_unit_test(settings_that_nobody_acknowledges_are_bounded),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_broken_before_it_passes),
        cmocka_unit_test(a_caller_begins_with_the_preface_and_settings),
        cmocka_unit_test(blocks_are_bounded),
        cmocka_unit_test(a_long_path_is_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
