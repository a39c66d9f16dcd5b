// Which records a file of records holds already, as far as the box of the last life cannot know: it may
// have died between a write and the note that it was done.
#pragma once

#include <string>
#include <vector>

#include "ledger/last_life.hh"

namespace becaused {

// Looks at the end of the file, as far back as lines of `lines` can reach, and beyond its start at FILE.1,
// where a rotation has put what came before. A last line that is half of one of them is cut off: the whole
// one follows. Pipes and standard output cannot be looked at.
// `others`: other processes write there meanwhile: a longer end is looked at, and nothing is cut off.
KnownRecords written_records(const std::string& path, const std::vector<std::string>& lines,
                             bool others = false);

}  // namespace becaused
