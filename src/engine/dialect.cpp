#include "corral/engine/dialect.hpp"

#include <algorithm>

#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"
#include "engine/dialects/ax_sse/ax_sse_protocol.hpp"
#include "engine/dialects/ollama_remote/remote_backend.hpp"
#include "engine/dialects/ollama_remote/served_protocol.hpp"
#include "engine/dialects/openai_sse/openai_protocol.hpp"
#include "engine/dialects/rkllm_flask/flask_protocol.hpp"
#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine {

bool stated_model::names_thinking(const nlohmann::json& value) const {
    if (facts == nullptr || !facts->thinking.is_object()) {
        return false;
    }
    const nlohmann::json& values = facts->thinking["values"];
    return std::find(values.begin(), values.end(), value) != values.end();
}

namespace {

using protocol_maker =
    core::result<std::unique_ptr<streaming::stream_protocol>> (*)(const catalog::model_entry&);

template <protocol_maker protocol_for>
core::result<std::unique_ptr<backend>> make_streaming(const supervisor::supervisor_context& context,
                                                      const catalog::model_entry& model) {
    return streaming::stream_backend::make(context, model, protocol_for(model));
}

template <protocol_maker protocol_for>
core::result<std::unique_ptr<backend>> adopt_streaming(const supervisor::supervisor_context& context,
                                                       const catalog::model_entry& model,
                                                       const backend_handover& handover) {
    return streaming::stream_backend::make(context, model, protocol_for(model), &handover);
}

template <protocol_maker protocol_for>
constexpr dialect_descriptor streaming_dialect(std::string_view name) {
    return {.name = name,
            .make = &make_streaming<protocol_for>,
            .adopt = &adopt_streaming<protocol_for>,
            .fingerprint = &streaming::stream_backend::fingerprint_of};
}

// Axera main_api_*: reset, generate, poll, with a tokenizer service.
constexpr dialect_descriptor ax_poll_descriptor{
    .name = "ax-poll",
    .make = &ax_poll::make_ax_poll,
    .adopt = &ax_poll::adopt_ax_poll,
    .fingerprint = &ax_poll::fingerprint_of,
};

// Rockchip flask_server.py up to 1.2.3: one message, documents that repeat themselves.
constexpr dialect_descriptor rkllm_flask_descriptor =
    streaming_dialect<&rkllm_flask::protocol_for>("rkllm-flask");

// Rockchip gradio_server.py: a history in Gradio's queue, and events that repeat it.
constexpr dialect_descriptor rkllm_gradio_descriptor =
    streaming_dialect<&rkllm_gradio::protocol_for>("rkllm-gradio");

// Axera's transitional server of late 2025: chat completions with settings that stay.
constexpr dialect_descriptor ax_sse_descriptor = streaming_dialect<&ax_sse::protocol_for>("ax-sse");

// A server elsewhere that speaks Ollama's API; nothing is started here.
constexpr dialect_descriptor ollama_remote_descriptor{
    .name = "ollama-remote",
    .make = &ollama_remote::make_ollama_remote,
};

// Servers that are started here and speak Ollama's chat: hailo-ollama, rkllama.
constexpr dialect_descriptor ollama_descriptor = streaming_dialect<&ollama_remote::protocol_for>("ollama");

// Chat servers that speak OpenAI's chat completions: llama-server, vLLM, axllm and others.
constexpr dialect_descriptor openai_sse_descriptor =
    streaming_dialect<&openai_sse::protocol_for>("openai-sse");

}  // namespace

const std::vector<const dialect_descriptor*>& dialects() {
    static const std::vector<const dialect_descriptor*> all{
        &ax_poll_descriptor,      &ax_sse_descriptor,        &openai_sse_descriptor, &rkllm_flask_descriptor,
        &rkllm_gradio_descriptor, &ollama_remote_descriptor, &ollama_descriptor,
    };
    return all;
}

const dialect_descriptor* find_dialect(std::string_view name) {
    const auto& all = dialects();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [name](const dialect_descriptor* one) { return one->name == name; });
    return found == all.end() ? nullptr : *found;
}

core::result<const dialect_descriptor*> dialect_of(const catalog::model_entry& model) {
    const dialect_descriptor* const found = find_dialect(model.runtime.dialect);
    if (found == nullptr) {
        return core::make_failure(core::errc::invalid, core::say("runtime.profile/profile-names", model.name,
                                                                 model.runtime.name, model.runtime.dialect));
    }
    return found;
}

core::result<std::unique_ptr<backend>> make_backend(const supervisor::supervisor_context& supervision,
                                                    const catalog::model_entry& model) {
    const auto dialect = dialect_of(model);
    if (!dialect) {
        return dialect.error();
    }
    return (*dialect)->make(supervision, model);
}

}  // namespace corral::engine
