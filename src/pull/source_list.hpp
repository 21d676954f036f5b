#pragma once
// What a source holds now: asked of a hub, of a web server's list SHA256SUMS, or of one on the disk.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/pull/package_source.hpp"
#include "pull/fetcher.hpp"
#include "pull/hub_tree.hpp"

namespace corral::pull {

struct source_listing {
    std::string commit;  // of a hub: all that is fetched is of it, whatever the branch becomes meanwhile
    std::vector<source_file> files;
};

// REQUIRES: `endpoint` has no final '/'; `by` for all but a local one.
[[nodiscard]] core::result<source_listing> list_source(const package_source& source,
                                                       const std::string& endpoint, fetcher* by,
                                                       const fetch_place& place);

// Where a file of it is fetched; of a local one its path.
[[nodiscard]] std::string file_address(const package_source& source, const std::string& endpoint,
                                       const std::string& commit, const std::string& path);

// A text of at most `most` bytes, with more attempts where they may help. `name` is for people.
[[nodiscard]] core::result<std::pair<std::string, fetch_answer>> fetch_text(fetcher& by,
                                                                            const fetch_place& place,
                                                                            const fetch_request& request,
                                                                            const std::string& name,
                                                                            std::size_t most);

// Sleeps in steps, with a call of `each` in all of them where there is one; false: a stop was requested.
[[nodiscard]] bool pause(core::milliseconds span, const std::atomic<bool>& stop,
                         const std::function<void()>& each = {});

[[nodiscard]] core::failure stopped_failure();
// Of a request that was given up. `keeps`: it was for a file, of which what came stays on the disk.
[[nodiscard]] core::failure given_up(const fetch_end& end, const std::string& what, bool had_token,
                                     bool keeps);

}  // namespace corral::pull
