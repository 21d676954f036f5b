#pragma once
// Options that have no effect are named in the log once, so that they are not believed to work
// (docs/facts/ollama_wire.md#options).

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

// Names of what the client asked for that a runtime with that `honoured` sampling and that `context` (tokens;
// 0: unknown) does not do. REQUIRES: `request` was not completed from defaults.
[[nodiscard]] std::vector<std::string> ignored_by(const chat::generation_request& request,
                                                  std::span<const std::string_view> honoured,
                                                  std::uint32_t context);

class ignored_options {
public:
    // One line for each that is new for this model; bounded, since the names come from clients.
    void report(const std::string& model, const std::vector<std::string>& options);
    // Keywords of a format's schema that are not checked, likewise.
    void report_unchecked(const std::string& model, const std::set<std::string>& keywords);
    // Lines so far.
    [[nodiscard]] std::size_t reported() const noexcept { return known_.size(); }

private:
    std::set<std::pair<std::string, std::string>> known_;
};

}  // namespace corral::generation
