// The owner's label in the texts of a request: a body that creates a container, the filters of a list,
// and the name of a container in a query or a body. All else stays as it came. Pure.
#pragma once

#include <string>
#include <string_view>

namespace becaused {

struct Changed {
    std::string text;
    const char* flaw = nullptr;  // why it cannot be done, static; then there is no text
};

// `body`: a JSON object that was judged (gate/body.hh). The label goes to its Labels.
Changed with_owner(std::string_view body, std::string_view identity);

// `target`: path and query. The label goes to the query's `filters`, which are written anew.
Changed with_owner_filter(std::string_view target, std::string_view identity);

// The container that the query's key `container`, or the body's key `Container`, names.
Changed container_in_query(std::string_view query);
Changed container_in_body(std::string_view body);
// The same with `id` in its place. The texts are ones that the two above have read.
std::string with_container_in_query(std::string_view target, std::string_view id);
std::string with_container_in_body(std::string_view body, std::string_view id);

}  // namespace becaused
