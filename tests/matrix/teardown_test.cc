// The teardown matrix: every phase by every way it can end. Each cell is one such end; what must be on
// record and what the peers must see was written down from the tables in src/ledger and the RFCs.
#include "matrix/before_any_byte.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

static void before_any_byte_nothing_is_lost(void**) { check_cells(before_any_byte()); }

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(before_any_byte_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
