#pragma once
// How servers that speak OpenAI's chat completions are asked, and what their refusals say. What differs
// between them is in the traits. Sources: docs/facts/other_runtimes.md#rkllm-openai, #ascend, #llama-server,
// #axllm-serve. No I/O.

#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include "corral/catalog/profile.hpp"
#include "corral/core/json.hpp"
#include "engine/streaming/request_fields.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::openai_sse {

class openai_protocol final : public streaming::stream_protocol {
public:
    // `traits`: placeholders in model_name are expanded already.
    explicit openai_protocol(catalog::runtime_traits traits) : traits_(std::move(traits)) {}
    // errc::refused for a verbatim prompt where the server has no completion_target. Keys without a value are
    // left out, for some servers take a null for a broken request.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;
    [[nodiscard]] std::optional<streaming::stream_request> size_question(
        const chat::rendered_prompt& prompt, const std::optional<std::string>& text) const override;
    [[nodiscard]] core::result<streaming::size_answer> size_in(std::string_view body) const override;
    [[nodiscard]] std::string model_question() const override;
    [[nodiscard]] stated_model model_in(std::string_view body) const override;
    [[nodiscard]] streaming::stated_sizes sizes_in(std::string_view body) const override;
    void note_system_at_question(bool so) override { system_at_question_ = so; }
    [[nodiscard]] bool has_system_at_question() const override { return system_at_question_; }
    [[nodiscard]] bool limit_must_fit() const override {
        return traits_.counts == catalog::count_source::vllm;
    }

private:
    // `body`: an object with members.
    [[nodiscard]] std::string with_format(std::string body, const run_spec& spec) const;
    // As the server takes them; without `splices` their texts alone.
    [[nodiscard]] nlohmann::json messages_of(const chat::rendered_prompt& prompt,
                                             streaming::spliced_body* splices) const;

    catalog::runtime_traits traits_;
    std::atomic<bool> system_at_question_ = false;  // size_question() may be on a thread
};

// Of a model whose profile names this dialect. Fails with a sentence that names the model.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::openai_sse
