#include "cli/base/failure.hpp"

#include <filesystem>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

bool as_json = false;

}  // namespace

void tell_failures_as_json(bool yes) {
    as_json = yes;
}

int fail(const std::string& why, int status, const std::vector<std::string>& errors) {
    constexpr std::size_t longest = 4000;
    if (as_json) {
        nlohmann::ordered_json out{
            {"ok", false}, {"status", status}, {"error", telemetry::printable(why, longest)}};
        if (!errors.empty()) {
            out["errors"] = errors;
        }
        std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
        return status;
    }
    for (const std::string& each : errors) {
        std::cerr << (each.starts_with("left out: ") ? "" : "error: ") << each << '\n';
    }
    std::cerr << "error: " << why << '\n';
    return status;
}

int run_told(const std::function<int()>& run) {
    try {
        return run();
    } catch (const std::filesystem::filesystem_error& why) {
        // Such as a relative path where the folder of the shell is gone.
        return fail(
            fmt::format("the path '{}' can't be found out: {}; say it whole, from a folder that is there.",
                        telemetry::printable(why.path1().string(), 1000), why.code().message()));
    }
}

}  // namespace corral::cli
