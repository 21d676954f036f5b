#pragma once
// How Rockchip's gradio_server.py is asked (docs/facts/other_runtimes.md#rkllm-gradio): the queue of Gradio takes a history
// of one message, and names an event at which its answer can be read. No I/O.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/event_lines.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::rkllm_gradio {

// The answer of Rockchip's gradio_server.py (docs/facts/other_runtimes.md#rkllm-gradio): events with the whole history so
// far, of which the last pair is this answer. No I/O.
class gradio_reader final : public streaming::answer_reader {
public:
    [[nodiscard]] core::result<void> feed(std::string_view bytes,
                                          std::vector<streaming::answer_part>& out) override;
    // What is no whole event by now is none: `complete` is the only end.
    [[nodiscard]] core::result<void> finish(std::vector<streaming::answer_part>& out) override;

private:
    [[nodiscard]] core::result<void> take(std::string_view event, std::vector<streaming::answer_part>& out);
    // What `all` says beyond what was said; nothing: it says something else. White space within is not compared, for
    // Gradio 4 takes away the indentation that all lines behind the first share, until one has less.
    [[nodiscard]] std::optional<std::string_view> beyond(std::string_view all) const;

    static constexpr std::size_t most = 192UL * 1024;  // bytes of one event
    streaming::event_lines lines_{most, true};
    std::vector<std::string> events_;
    std::string said_;
    bool ended_ = false;
};

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
