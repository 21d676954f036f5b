#pragma once
// Ollama's API of a server that runs here (docs/facts/other_runtimes.md#hailo-ollama): its answers read as those of a
// remote one, and only what the traits name is sent, for such servers refuse a value of another type than theirs.

#include <memory>
#include <string_view>
#include <utility>

#include "corral/catalog/profile.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"

namespace corral::engine::ollama_remote {

class served_protocol final : public remote_protocol {
public:
    // `traits`: placeholders in model_name are expanded already. One of these servers tells its times in a wrong unit.
    explicit served_protocol(catalog::runtime_traits traits)
        : remote_protocol(traits.model_name, 0, false), traits_(std::move(traits)) {}

    // errc::refused for a verbatim prompt or an image.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;

private:
    catalog::runtime_traits traits_;
};

// Of a model whose profile names this dialect. Fails with a sentence that names the model.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::ollama_remote
