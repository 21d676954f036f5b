#pragma once
// backend_handover: its common part, and the words of its state, which one image writes, another reads, and neither
// trusts.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/text.hpp"
#include "corral/engine/handover.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

using handover_words = std::map<std::string, std::string>;

// Empty, false and 0 for what is not there or makes no sense.
[[nodiscard]] inline std::string word_of(const handover_words& in, const char* name) {
    const auto found = in.find(name);
    return found == in.end() ? std::string() : found->second;
}
[[nodiscard]] inline bool flag_of(const handover_words& in, const char* name) {
    return word_of(in, name) == "1";
}
[[nodiscard]] inline std::uint32_t number_of(const handover_words& in, const char* name) {
    return core::whole_number<std::uint32_t>(word_of(in, name)).value_or(0);
}
// What flag_of() reads.
[[nodiscard]] inline const char* flag_text(bool value) {
    return value ? "1" : "0";
}

// The part that is the same for all dialects; nothing unless the services are ready and at rest.
[[nodiscard]] inline std::optional<backend_handover> handover_of(
    supervisor::group& group, std::string model, std::string fingerprint,
    const std::map<std::string, std::uint16_t>& ports) {
    auto services = group.hand_over();
    if (!services) {
        return std::nullopt;
    }
    backend_handover out;
    out.model = std::move(model);
    out.fingerprint = std::move(fingerprint);
    out.services = std::move(*services);
    out.ports = ports;
    return out;
}

}  // namespace corral::engine
