#pragma once
// Ollama's API from the client's side (docs/facts/ollama_wire.md#generate, #chat): what is sent, and how the
// NDJSON answer reads.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::ollama_remote {

class remote_protocol : public streaming::stream_protocol {
public:
    // `model`: its name there. `context`: tokens, 0 to leave it to the server.
    // `tells_times`: durations of its last line are to be believed.
    remote_protocol(std::string model, std::uint32_t context, bool tells_times = true)
        : model_(std::move(model)), context_(context), tells_times_(tells_times) {}

    // /api/chat with messages; a verbatim prompt goes to /api/generate as it is.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;

private:
    std::string model_;
    std::uint32_t context_;
    bool tells_times_;
};

// Names of the sampling options that are sent, as chat::sampling has them.
[[nodiscard]] std::span<const std::string_view> remote_sampling() noexcept;

// What /api/tags says of `model`, nothing where it is not listed; errc::protocol: that is no such list.
[[nodiscard]] core::result<std::optional<stated_model>> model_listed(std::string_view tags,
                                                                     std::string_view model);
[[nodiscard]] std::string show_question(std::string_view model);
struct shown_answer {
    std::string system;                        // empty: it has none, or none of sensible length
    std::shared_ptr<const model_facts> facts;  // what it says of the model besides; never null
};
// What an answer of /api/show says.
[[nodiscard]] shown_answer read_shown(std::string_view shown);
// What /api/ps says the loaded `model` holds of the accelerator, in bytes.
[[nodiscard]] std::optional<std::uint64_t> accelerator_share(std::string_view loaded, std::string_view model);

}  // namespace corral::engine::ollama_remote
