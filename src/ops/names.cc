#include "ops/names.hh"

#include <nss.h>
#include <sys/auxv.h>

#include "base/check.hh"

namespace becaused {

void settle_names() {
    // Where the kernel has loaded the dynamic linker: nowhere, for a static binary.
    if (::getauxval(AT_BASE) != 0) return;
    CHECK(::__nss_configure_lookup("hosts", "files dns") == 0);
    CHECK(::__nss_configure_lookup("passwd", "files") == 0);
    CHECK(::__nss_configure_lookup("group", "files") == 0);
}

}  // namespace becaused
