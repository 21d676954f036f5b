#include "chat/personalities.hpp"

#include <array>

namespace corral::sim {
namespace {

constexpr auto personality_list = std::to_array<chat_personality>({
    {"llama-server", "", "-m FILE [--host H] [--port P] [-c N] [-np N] ...", run_llama_server},
    {"rkllm-flask", "", "--rkllm_model_path FILE --target_platform P", run_rkllm_flask},
    {"rkllm-gradio", "", "--rkllm_model_path FILE --target_platform P", run_rkllm_gradio},
    {"rkllm-openai", "", "--rkllm_model_path FILE --target_platform P", run_rkllm_openai},
    {"axllm", "", "serve DIR [--port P] [--server_timeout_ms N]", run_axllm},
    {"vllm", "", "serve MODEL [--host H] [--port P] ...", run_vllm},
    {"mindie", "mindieservice_daemon", "[--config-file FILE]", run_mindie},
    {"fastllm", "ftllm", "server MODEL [--host H] [--port P] ...", run_fastllm},
    {"hailo-ollama", "", "(without flags; XDG_CONFIG_HOME and XDG_DATA_HOME)", run_hailo_ollama},
    {"rkllama", "rkllama_server", "--processor P --models DIR [--port P]", run_rkllama},
    {"axera-sse", "", "[--build 355e18a|0aafb9c] <vendor flags>", run_axera_sse},
    {"VLLM::EngineCore", "", "", run_vllm_engine_core},
});

}  // namespace

const chat_personality* find_personality(const std::string& name) {
    for (const auto& one : personality_list)
        if (name == one.name || (*one.alias != '\0' && name == one.alias)) return &one;
    return nullptr;
}

std::string personalities_usage() {
    std::string out;
    for (const auto& one : personality_list)
        if (*one.usage != '\0') out += std::string("       corral-sim ") + one.name + " " + one.usage + "\n";
    return out;
}

}  // namespace corral::sim
