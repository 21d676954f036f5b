#include "generation/ignored_options.hpp"

#include <algorithm>

#include "corral/telemetry/log.hpp"

namespace corral::generation {

namespace {

constexpr std::size_t most_known = 1'000;
constexpr std::size_t longest_name = 64;

}  // namespace

std::vector<std::string> ignored_by(const chat::generation_request& request,
                                    std::span<const std::string_view> honoured, std::uint32_t context) {
    std::vector<std::string> out;
    for (const auto& [name, value, other_name] : chat::sampling_options) {
        const bool given =
            std::visit([&request](auto member) { return (request.sampling.*member).has_value(); }, value);
        if (given && std::find(honoured.begin(), honoured.end(), name) == honoured.end()) {
            out.emplace_back(name);
        }
    }
    if (context > 0 && request.limits.num_ctx.value_or(0) > static_cast<std::int64_t>(context)) {
        out.emplace_back("num_ctx");
    }
    for (const std::string& name : request.unused_options) {
        if (std::find(out.begin(), out.end(), name) == out.end()) {
            out.push_back(name);
        }
    }
    return out;
}

void ignored_options::report_unchecked(const std::string& model, const std::set<std::string>& keywords) {
    for (const std::string& keyword : keywords) {
        if (known_.size() < most_known && known_.emplace(model, "schema: " + keyword).second) {
            telemetry::warn(core::say("run.ignored/unchecked", model, keyword));
        }
    }
}

void ignored_options::report(const std::string& model, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
        const std::string name = telemetry::printable(option, longest_name);
        if (known_.size() >= most_known || !known_.emplace(model, name).second) {
            continue;
        }
        if (name == "num_ctx") {
            telemetry::warn(core::say("run.ignored/context", model));
        } else {
            telemetry::warn(core::say("run.ignored/option", model, name));
        }
    }
}

}  // namespace corral::generation
