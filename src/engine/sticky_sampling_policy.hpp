#pragma once
// What is sent to a runtime whose sampling settings stay from call to call
// (docs/facts/vendor_ax.md#sampling): a complete set that undoes whatever an earlier request left.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::engine {

// Exactly one of top_k and top_p is set.
struct wire_sampling {
    double temperature = 1.0;
    double repetition_penalty = 1.0002;
    std::optional<std::int64_t> top_k;
    std::optional<double> top_p;
};

// Fills what `asked` lacks from `defaults`, then: temperature <= 0 is greedy (temperature 1, top-k 1); a
// penalty of 1 or less becomes 1.0002, the least that takes effect. The runtime obeys only one of top-k and
// top-p. The one that the client gave counts; when it gave both or neither, top-k, because that is the one
// the runtime would take of two; but top-k <= 0 (Ollama: "off") leaves the choice to top-p, and a top-p
// outside (0,1) to the vocabulary. `vocabulary` 0: unknown, top-k is then at most 1000, below any real
// vocabulary.
[[nodiscard]] wire_sampling complete_sampling(const chat::sampling& asked,
                                              const catalog::sampling_defaults& defaults,
                                              std::uint32_t vocabulary);

// The members by which both builds of Axera's server name them.
void write_sampling(nlohmann::json& body, const wire_sampling& sampling);

// The members of chat::sampling that complete_sampling() heeds.
[[nodiscard]] std::span<const std::string_view> honoured_sampling() noexcept;

}  // namespace corral::engine
