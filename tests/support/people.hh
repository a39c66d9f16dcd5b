// Whoever the tests' access files know, and how they prove it: entries of such a file, and the field lines
// that go with them. Hashes are of the cheapest kind, keys are the published ones.
#pragma once

#include <string>
#include <string_view>

namespace becaused::test {

// BECAUSED_SECRET_HASH_KEY: of the [[token]] entries.
inline constexpr const char* hash_key_text = "hashkey.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
inline constexpr std::string_view runner_token = "bst_runner-0123456789-0123456789-0123456789";
inline constexpr std::string_view other_token = "bst_other--0123456789-0123456789-0123456789";

// Entries; `more`: further lines of the table ("profile = \"build\"\n").
std::string token_entry(std::string_view name, std::string_view token, std::string_view more = "");
std::string password_entry(std::string_view name, std::string_view password,
                           std::string_view more = "");
std::string key_entry(std::string_view more = "");  // of the key that signs below

// A PASETO of the claims in braces. It names its key.
std::string signed_token(std::string_view claims);
// The same by a key that nobody knows; by nobody, under the known key's name.
std::string strangers_token(std::string_view claims);
std::string forged_token(std::string_view claims);

// The value of the field, and the whole field line with its end.
std::string basic(std::string_view user, std::string_view password);
std::string bearer_line(std::string_view token);
std::string basic_line(std::string_view user, std::string_view password);

}  // namespace becaused::test
