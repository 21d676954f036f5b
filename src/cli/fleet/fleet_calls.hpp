#pragma once
// The boxes of a list, asked by the API of the box.

#include <map>
#include <string>
#include <vector>

#include "cli/base/remote_box.hpp"
#include "corral/boxes/boxes_file.hpp"

namespace corral::cli {

// "HOST:PORT"
[[nodiscard]] std::string place_of(const boxes::box_entry& box);

// "http://HOST:PORT"
[[nodiscard]] std::string url_of(const boxes::box_entry& box);

// Each with its key file and its authorities, in the order of `all`; why a box can't be asked in its place. Blocks on
// the disk and on names, 16 at a time. `limit` is for each answer; `announced`: as in tags_call.
[[nodiscard]] std::vector<core::result<found_box>> find_boxes(const std::vector<boxes::box_entry>& all,
                                                              bool announced, core::seconds limit);

// What each says to "status", in the order of `all`. Blocks; all are asked at the same time, 64 at most.
[[nodiscard]] std::vector<core::result<control::admin_json>> ask_boxes(
    const std::vector<core::result<found_box>>& all);

}  // namespace corral::cli
