// Every record that a test program sees goes, as it was written, into the file that BECAUSED_KEEP_RECORDS
// names, for tests/schema to judge once the program has ended. Does nothing where that is not set.
#pragma once

#include <string_view>

namespace becaused::test {

// Whole lines, with their newlines.
void keep_records(std::string_view lines);

}  // namespace becaused::test
