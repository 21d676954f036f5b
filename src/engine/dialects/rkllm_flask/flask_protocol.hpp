#pragma once
// How Rockchip's flask_server.py up to 1.2.3 is asked (docs/facts/other_runtimes.md#rkllm-flask): everything
// as one user message at index 0, because it reads no other. No I/O.

#include <memory>
#include <string_view>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::rkllm_flask {

class flask_protocol final : public streaming::stream_protocol {
public:
    explicit flask_protocol(catalog::runtime_traits traits) : traits_(std::move(traits)) {}
    // Sampling and limits are not sent: the server has its own, compiled in. errc::refused for a verbatim
    // prompt, because the server always puts the model's template around the message.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;

private:
    catalog::runtime_traits traits_;
};

// Of a model whose profile names this dialect. Fails with a sentence that names the model.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::rkllm_flask
