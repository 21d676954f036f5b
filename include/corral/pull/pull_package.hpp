#pragma once
// A package from its source to its folder: whole and with the right checksums, or not at all. What came of one that was cut
// off is used the next time.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/config/configuration_pull.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/pull/package_source.hpp"

namespace corral::pull {

struct pull_plan {
    std::filesystem::path folder;      // where it will lie
    std::string commit;                // of a hub
    std::uint64_t total = 0;           // bytes
    std::uint64_t missing = 0;         // of them still to come
    std::vector<expected_file> files;  // with their sizes, where known
    std::string room_problem;          // why it has no room; empty: it has
    // Path and text of scripts whose name says that they are its tokenizer: what they import the box must have. Four at
    // most, 256 KiB each; none where nothing is missing.
    std::vector<std::pair<std::string, std::string>> scripts;
};

struct pull_request {
    package_source source;
    config::pull_settings settings;
    std::string name;          // as it was asked for
    std::string token;         // of the hub; empty: none
    std::string certificates;  // file; empty: the system's
    core::seconds patience{60};
    bool with_marker = true;  // else with a list SHA256SUMS, for another machine's import
    // Called once with what is to be fetched, before the first byte of it; may be empty.
    std::function<void(const pull_plan&)> planned;
};

struct pull_progress {
    // checking: as long as all that was looked at is there already.
    enum class phase { listing, waiting, checking, fetching, verifying, placing };
    phase at = phase::listing;
    std::string digest;  // of the whole list, 64 hex digits
    std::uint64_t total = 0;
    std::uint64_t completed = 0;
    std::string other;  // while another one fetches the same: what that one says of itself
};

struct pulled {
    std::filesystem::path folder;
    bool was_there = false;      // all of it, before
    std::filesystem::path kept;  // what else lay in its folder is here now; empty: nothing did
    std::uint64_t bytes = 0;
    // While it lives no other process pulls or removes the package: until its model has a manifest it looks unused. The
    // revision that was there before stays as long.
    std::shared_ptr<const void> held;
    // That one takes the place of this one again; empty: there was none, or files of others were in it.
    std::function<core::result<void>()> go_back;
};

// What would be fetched; changes nothing.
[[nodiscard]] core::result<pull_plan> plan_pull(const pull_request& request, const std::atomic<bool>& stop);

// Blocks until the package lies in its folder. `tell` is called from this thread, about five times a second. Fails with
// `cancelled` once `stop` is true.
[[nodiscard]] core::result<pulled> pull_package(const pull_request& request,
                                                const std::function<void(const pull_progress&)>& tell,
                                                const std::atomic<bool>& stop);

}  // namespace corral::pull
