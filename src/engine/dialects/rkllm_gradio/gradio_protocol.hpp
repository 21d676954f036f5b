#pragma once
// How Rockchip's gradio_server.py is asked (docs/facts/other_runtimes.md#rkllm-gradio): the queue of Gradio takes a history
// of one message, and names an event at which its answer can be read. No I/O.

#include <memory>
#include <string_view>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::rkllm_gradio {

class gradio_protocol final : public streaming::stream_protocol {
public:
    explicit gradio_protocol(catalog::runtime_traits traits) : traits_(std::move(traits)) {}
    // errc::refused for a verbatim prompt: the script puts a template of its own around the message.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    // To the event, or to where Gradio 4 has its queue.
    [[nodiscard]] streaming::next_call next() const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;

private:
    catalog::runtime_traits traits_;
};

// Of a model whose profile names this dialect.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::rkllm_gradio
